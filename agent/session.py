"""One command's work: all its platforms, in one process on one corpus (D2), from the plan to the last row."""

import asyncio
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import structlog
from rich.console import Console

from agent.browser import BrowserHost, Tab
from agent.clock import Clock, PlatformClock, Stop
from agent.crawl import Crawl
from agent.evidence import Evidence
from agent.judges import Judges
from agent.labelling import Labelling, label_stored
from agent.pace import HOUR, Pacer, slowed
from agent.plan import TaskSpec, plan_hash, plan_tasks
from agent.platforms import make_platform, platform_class
from agent.platforms.base import Platform, SiteFacts, Wall
from agent.profiles import ANONYMOUS, Profile, beside
from agent.progress import Counts, Progress
from agent.settings import CrawlSettings
from agent.viewing import Viewing
from retrieval.vocabulary import Vocabulary
from storage.corpus import Corpus
from storage.errors import Blocked, LayoutChanged, SiteUnreachable, UsageError, ValueSpectrumError
from storage.operations import last_wall, recent_views
from storage.personas import Personas
from storage.runs import RunItem, RunSpec
from storage.version import code_version

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Share:
    """One platform's part of a command: its tasks, the settings that they are worked off under, and whose they are."""

    settings: CrawlSettings
    tasks: Sequence[TaskSpec]
    identity: str
    """What makes another command the same plan (`agent.plan.plan_hash`)."""
    mode: str = "search"
    about: Mapping[str, Any] = field(default_factory=dict)
    """Stored with the run beside its settings."""

    @property
    def limit(self) -> int:
        return sum(task.quota for task in self.tasks)


@dataclass
class PlatformResult:
    """How one platform's share ended. `problem` is what stopped it, if anything did."""

    platform: str
    run: RunItem | None = None
    problem: ValueSpectrumError | None = None
    unfinished: bool = False
    """A stop was requested before the queue was empty."""


@dataclass
class SessionResult:
    """How the command ended, platform by platform."""

    platforms: list[PlatformResult] = field(default_factory=list)
    label_problem: ValueSpectrumError | None = None

    @property
    def run_ids(self) -> list[int]:
        return [result.run.id for result in self.platforms if result.run is not None]

    @property
    def interrupted(self) -> bool:
        return any(result.unfinished for result in self.platforms)


def shares(settings: CrawlSettings) -> dict[str, int]:
    """The limit dealt over the platforms, the first ones taking the remainder.

    Raises:
        UsageError: an unknown platform, or fewer shorts than platforms.
    """
    for name in settings.platform:
        platform_class(name)
    names = list(dict.fromkeys(settings.platform))
    if settings.limit < len(names):
        raise UsageError(f"--limit {settings.limit} leaves a platform without a short; give at least {len(names)}")
    share, rest = divmod(settings.limit, len(names))
    return {name: share + (place < rest) for place, name in enumerate(names)}


def conditions(
    host: BrowserHost,
    platform: Platform,
    facts: SiteFacts,
    vocabulary: Vocabulary,
    questions: list[str],
    profile: Profile,
    settings: CrawlSettings,
) -> dict[str, Any]:
    """Under which conditions a run stands (D5); a change in any makes a new run that continues the old one."""
    visitor = host.visitor
    return {
        "code_version": code_version(),
        "browser": host.found.path.name if host.found else None,
        "browser_version": host.version,
        "viewport": f"{visitor.width}x{visitor.height}",
        "locale": visitor.locale,
        "time_zone": visitor.time_zone,
        "headless": settings.headless,
        "time_scale": platform.time_scale,
        "keyword_file_sha256": vocabulary.sha256,
        "question_versions": questions,
        "profile": profile.name,
        "logged_in": facts.logged_in,
        "country": facts.country,
        "language": facts.language,
        "study": settings.study and asdict(settings.study),
    }


class Session:
    """Runs a crawl. Holds the corpus, the browser and the judges for all platforms.

    Args:
        shares: what each platform does; by default the limit of the settings, dealt evenly.
        standing: lines that say how a larger plan stands, shown beside each platform's counts.
    """

    def __init__(
        self,
        *,
        settings: CrawlSettings,
        vocabulary: Vocabulary,
        command: list[str],
        corpus: Corpus,
        judges: Judges,
        clock: Clock,
        stop: Stop,
        console: Console,
        log_file: Path | None = None,
        host: Callable[[], BrowserHost] | None = None,
        fire_id: int | None = None,
        shares: Mapping[str, Share] | None = None,
        standing: Callable[[], list[str]] | None = None,
    ) -> None:
        """`fire_id` is the row of the fire time of a schedule."""
        self.settings = settings
        self.vocabulary = vocabulary
        self.command = command
        self.corpus = corpus
        self.judges = judges
        self.clock = clock
        self.stop = stop
        self.console = console
        self.log_file = log_file
        self.fire_id = fire_id
        self._shares = shares
        self._standing = standing
        self._host = host or (lambda: BrowserHost(headless=settings.headless))

    async def run(self) -> SessionResult:
        """Crawl all platforms side by side; one that is blocked or fails leaves the others alone.

        Raises:
            NotSetUp: no browser, or one that does not start.
            UsageError: the corpus knows the persona's name with other traits.
        """
        result = SessionResult()
        if (persona := self.judges.persona) is not None:
            Personas(self.corpus.database).keep(
                persona.name, persona.traits, source=persona.source, language=persona.language
            )
        plan = self._shares or self._dealt()
        progress = Progress(clock=self.clock, console=self.console, standing=self._standing)
        async with self._host() as host, progress:
            await host.browser()
            jobs = []
            for name, share in plan.items():
                ended = PlatformResult(platform=name)
                result.platforms.append(ended)
                jobs.append(asyncio.create_task(self._platform(host, progress, ended, share)))
            try:
                await asyncio.gather(*jobs)
            finally:
                for job in jobs:
                    job.cancel()
                await asyncio.gather(*jobs, return_exceptions=True)
        result.label_problem = await self._complete_labels(result)
        return result

    async def _platform(self, host: BrowserHost, progress: Progress, result: PlatformResult, share: Share) -> None:
        settings, name = share.settings, result.platform
        counts = Counts(platform=name, limit=share.limit, forecast=self._standing is None)
        progress.counts.append(counts)
        platform = make_platform(name, settings, self.vocabulary, self.corpus.database.path)
        earlier = self.corpus.runs.unfinished(name, share.identity, settings.seed)
        profiles = self._profiles(
            name, settings, earlier.profile_id if earlier and share.mode == "feed" else str(uuid.uuid4())
        )
        first_profile = profiles()
        tab = Tab(host, profiles, platform.attach, recycle_after=settings.recycle_after)
        run: RunItem | None = None
        state, cause = "stopped", "error"
        await platform.start()
        labelling: Labelling | None = None
        try:
            facts = await self._arrive(platform, settings, tab)
            run = self._start_run(name, share, host, facts, platform, first_profile)
            result.run = run
            self.judges.budget.spent += self.corpus.answers.spent(self.corpus.runs.chain(run.plan_run_id)) or 0.0
            structlog.contextvars.bind_contextvars(platform=name, run=run.id)
            self._welcome(progress, run, counts, share)
            clock = PlatformClock(self.clock, platform.time_scale)
            labelling = Labelling(self.corpus, run.id)
            viewing = Viewing(
                corpus=self.corpus,
                run_id=run.id,
                platform=platform,
                clock=clock,
                judges=self.judges,
                labelling=labelling,
                settings=settings,
                vocabulary=self.vocabulary,
                counts=counts,
                profile=lambda: tab.profile.id,
            )
            pacer = Pacer(slowed(platform.pace, settings), clock, self.stop)
            self._remember(pacer, name, platform.time_scale)
            crawl = self._crawl(
                corpus=self.corpus,
                plan_run_id=run.plan_run_id,
                platform=platform,
                tab=tab,
                pacer=pacer,
                viewing=viewing,
                counts=counts,
                say=progress.say,
                oldest=settings.oldest(self.clock.now()),
                newest=settings.newest,
                evidence=Evidence(beside(self.corpus.database.path, ".evidence"), name, self.clock, self.log_file),
            )
            await crawl.run()
            result.unfinished = self.corpus.tasks.next_task(run.plan_run_id) is not None
            state, cause = ("stopped", "stop requested") if result.unfinished else ("finished", "")
        except (Blocked, LayoutChanged) as problem:
            result.problem = problem
            state, cause = "blocked", getattr(problem, "wall", "layout")
        except SiteUnreachable as problem:
            result.problem = problem
            state, cause = "blocked", "unreachable"
        except ValueSpectrumError as problem:
            result.problem = problem
            cause = type(problem).__name__
            self.stop.request()  # spent money, a silent endpoint, a full disk: the others would meet it too
        finally:
            if labelling is not None:
                await labelling.finish()
            await tab.save_profile()
            await tab.close()
            await platform.close()
            if run is not None:
                self.corpus.runs.finish(run, state, cause or None)

    def _remember(self, pacer: Pacer, name: str, scale: float) -> None:
        """What the corpus knows of this platform's last hour (in platform seconds)."""
        now = self.clock.now()
        with self.corpus.database.read() as session:
            views = recent_views(session, name, now - timedelta(seconds=HOUR / scale))
            wall = last_wall(session, name)

        def ago(moment: datetime) -> float:
            return (now - moment).total_seconds() * scale

        pacer.remember(map(ago, views), None if wall is None else (Wall(wall[0]), ago(wall[1])))

    def _dealt(self) -> dict[str, Share]:
        """The limit of the settings, dealt over their platforms.

        Raises:
            UsageError: see `agent.plan.plan_tasks`.
        """
        settings = self.settings
        return {
            name: Share(
                settings=settings,
                tasks=plan_tasks(settings, self.vocabulary, limit),
                identity=plan_hash(settings, self.vocabulary, name, self.judges.questions),
                mode=settings.mode,
            )
            for name, limit in shares(settings).items()
        }

    def _crawl(self, **parts: Any) -> Crawl:
        """The loop of one platform."""
        return Crawl(**parts)

    def _profiles(self, platform: str, settings: CrawlSettings, profile_id: str) -> Callable[[], Profile]:
        """The named profile; else a feed keeps its own, and a search is done by a fresh visitor per context.

        Raises:
            UsageError: there is no profile of this name.
        """
        if settings.profile != ANONYMOUS:
            named = Profile.named(platform, settings.profile)
            return lambda: named
        if settings.mode == "feed":
            own = Profile.beside(self.corpus.database.path, profile_id)
            return lambda: own
        ids = chain((profile_id, profile_id), iter(lambda: str(uuid.uuid4()), ""))  # the run's, then the first tab's
        return lambda: Profile(id=next(ids))

    async def _arrive(self, platform: Platform, settings: CrawlSettings, tab: Tab) -> SiteFacts:
        """What the site says of its visitor; nothing where a wall stands before it."""
        try:
            facts = await platform.site_facts(await tab.page())
        except Blocked:
            return SiteFacts()
        if settings.engage and platform.like_needs_login and not facts.logged_in:
            raise UsageError(
                f"--engage needs a profile that you logged in to {platform.name} by hand; leave --engage out, or log in"
            )
        return facts

    def _start_run(
        self,
        name: str,
        share: Share,
        host: BrowserHost,
        facts: SiteFacts,
        platform: Platform,
        profile: Profile,
    ) -> RunItem:
        environment = conditions(host, platform, facts, self.vocabulary, self.judges.questions, profile, share.settings)
        run = self.corpus.runs.start(
            RunSpec(
                platform=name,
                mode=share.mode,
                plan_hash=share.identity,
                seed=share.settings.seed,
                plan=share.tasks,
                command=self.command,
                settings={**share.settings.recorded(), **share.about},
                environment=environment,
                profile_id=profile.id,
                fire_id=self.fire_id,
            )
        )
        log.info("run", run=run.id, continued=run.continued, changed=run.changed, environment=environment)
        return run

    def _welcome(self, progress: Progress, run: RunItem, counts: Counts, share: Share) -> None:
        if share.settings.retry_failed:
            again = self.corpus.tasks.retry_failed(run.plan_run_id, share.settings.cause)
            progress.say(f"{counts.platform}: {again} failed shorts will be tried again")
        tasks = self.corpus.tasks.of_run(run.plan_run_id)
        counts.already = sum(task.taken for task in tasks)
        if run.continued:
            progress.say(
                f"{counts.platform}: going on with an unfinished run, {counts.already} of {share.limit} are there"
            )
        if run.changed:
            progress.say(f"{counts.platform}: a new run continues it, since these changed: {', '.join(run.changed)}")

    async def _complete_labels(self, result: SessionResult) -> ValueSpectrumError | None:
        """Labels that a kill or a silent endpoint left out; what cannot be had now can be had later."""
        labeller = self.judges.labeller
        if labeller is None or self.stop.requested:
            return None
        for share in result.platforms:
            if share.run is None:
                continue
            missing = self.corpus.labels.without(labeller.source, plan_run_id=share.run.plan_run_id)
            try:
                await label_stored(self.corpus, labeller, missing, run_id=share.run.id)
            except ValueSpectrumError as problem:
                return problem
        return None
