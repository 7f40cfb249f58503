"""One arm's run: a feed watched as `agent.collect --mode feed` does it, with the arm's decider, profile and turn."""

import asyncio
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import structlog
from playwright.async_api import Error as BrowserError

from agent.browser import BrowserHost, Tab
from agent.clock import Stop
from agent.crawl import Crawl
from agent.evidence import Evidence
from agent.experiment.arms import Design
from agent.experiment.deciding import ArmPanel
from agent.experiment.lockstep import ArmPacer, Rounds
from agent.experiment.progress import BlockCounts
from agent.experiment.records import Arm
from agent.experiment.site import Site
from agent.labelling import Labelling
from agent.plan import TaskSpec
from agent.platforms.base import SiteFacts
from agent.profiles import Profile, beside
from agent.progress import Counts
from agent.questions import question_versions
from agent.session import conditions
from agent.viewing import Viewing
from retrieval.vocabulary import Vocabulary
from storage.corpus import Corpus
from storage.errors import Blocked, LayoutChanged, PageHung, SiteUnreachable, ValueSpectrumError
from storage.runs import RunItem, RunSpec

log = structlog.get_logger()

DRY = "dry"
UNREACHABLE, LAYOUT = "unreachable", "layout"
_STAND_STILL = "() => { for (const video of document.querySelectorAll('video')) video.pause(); }"


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What the arms of a command share."""

    design: Design
    corpus: Corpus
    vocabulary: Vocabulary
    host: BrowserHost
    stop: Stop
    opening: asyncio.Semaphore
    """Pages that are opened at the same moment."""
    command: list[str]
    log_file: Path | None


class ArmRun:
    """Runs one arm to its end, or to what stops it. What stops it is the arm's own affair; what would stop every arm
    (spent money, a silent endpoint, a full disk) is raised."""

    def __init__(
        self, bench: Bench, site: Site, arm: Arm, profile: Profile, panel: ArmPanel, counts: BlockCounts
    ) -> None:
        self._bench, self._site, self._arm = bench, site, arm
        self._profile, self._panel, self._counts = profile, panel, counts
        self._platform = site.feed(arm)
        self._settings = site.settings[arm.recommender]
        self._tab = Tab(bench.host, lambda: profile, self._platform.attach)

    async def run(self, rounds: Rounds) -> None:
        """Watch the arm's feed until it has decided on its number of shorts.

        Raises:
            ValueSpectrumError: what would stop the other arms, too.
        """
        corpus = self._bench.corpus
        run: RunItem | None = None
        state, cause = "stopped", "error"
        try:
            async with self._bench.opening:
                if self._bench.stop.requested:
                    return
                facts = await self._arrive()
            run = self._start(facts)
            structlog.contextvars.bind_contextvars(arm=self._arm.name, run=run.id)
            await self._crawl(run, rounds)
            (task,) = corpus.tasks.of_run(run.plan_run_id)
            self._counts.done += task.state == "done"
            state, cause = {"done": ("finished", ""), DRY: ("finished", DRY)}.get(
                task.state, ("stopped", "stop requested")
            )
        except (Blocked, LayoutChanged, SiteUnreachable) as problem:
            cause = getattr(problem, "wall", LAYOUT if isinstance(problem, LayoutChanged) else UNREACHABLE)
            state = "blocked"
            self._counts.say(f"{self._arm.name}: {problem}")
        except BrowserError as problem:
            cause = "browser"
            self._counts.say(f"{self._arm.name}: the browser failed ({str(problem).splitlines()[0]})")
        except ValueSpectrumError as problem:
            cause = type(problem).__name__
            self._bench.stop.request()
            raise
        finally:
            rounds.leave(self._arm.name)
            await self._tab.save_profile()
            await self._tab.close()
            if run is not None:
                corpus.runs.finish(run, state, cause or None)

    async def _arrive(self) -> SiteFacts:
        try:
            return await self._platform.site_facts(await self._tab.page())
        except (Blocked, PageHung, BrowserError):  # the crawl meets it again, and rests, opens a new page, or stops
            return SiteFacts()

    def _start(self, facts: SiteFacts) -> RunItem:
        bench, arm, design = self._bench, self._arm, self._bench.design
        questions = question_versions("vlm", "none", design.strategy_of(arm).questions)
        return bench.corpus.runs.start(
            RunSpec(
                platform=arm.platform,
                mode="feed",
                plan_hash=design.hash_of(arm),
                seed=design.plan.seed,
                plan=[TaskSpec(value=None, keyword=None, quota=design.plan.shorts)],
                command=bench.command,
                settings={**self._settings.recorded(), "experiment": design.hash, "arm": asdict(arm)},
                environment=conditions(
                    bench.host, self._platform, facts, bench.vocabulary, questions, self._profile,
                    headless=self._settings.headless,
                ),
                profile_id=self._profile.id,
            )
        )  # fmt: skip

    async def _crawl(self, run: RunItem, rounds: Rounds) -> None:
        corpus, site = self._bench.corpus, self._site
        (task,) = corpus.tasks.of_run(run.plan_run_id)
        labelling = Labelling(corpus, run.id)
        counts = Counts(platform=self._arm.name, limit=task.quota)
        self._counts.arms.append(counts)
        viewing = Viewing(
            corpus=corpus,
            run_id=run.id,
            platform=self._platform,
            clock=site.clock,
            judges=self._panel,
            labelling=labelling,
            settings=self._settings,
            vocabulary=self._bench.vocabulary,
            counts=counts,
            profile=lambda: self._profile.id,
            count_all=True,
        )
        pacer = ArmPacer(
            site.pacer,
            site.clock,
            self._bench.stop,
            rounds=rounds,
            arm=self._arm.name,
            taken=lambda: corpus.tasks.reload(task).taken,
            hold=self._stand_still,
        )
        crawl = Crawl(
            corpus=corpus,
            plan_run_id=run.plan_run_id,
            platform=self._platform,
            tab=self._tab,
            pacer=pacer,
            viewing=viewing,
            counts=counts,
            say=self._counts.say,
            evidence=Evidence(
                beside(corpus.database.path, ".evidence"), self._arm.platform, site.clock.clock, self._bench.log_file
            ),
        )
        await crawl.run()

    async def _stand_still(self) -> None:
        """Whoever waits for its turn does not watch."""
        page = self._tab.current
        if page is not None and not page.is_closed():
            with suppress(BrowserError):
                await page.evaluate(_STAND_STILL)
