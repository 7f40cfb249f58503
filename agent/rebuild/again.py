"""A manifest's shorts collected again, and one's own rechecked: what is to be opened, and what came of it."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from agent.clock import Clock, Stop, SystemClock
from agent.forecast import seconds_an_item
from agent.judges import Judges
from agent.plan import TaskSpec
from agent.platforms import platform_class
from agent.rebuild.estimate import UNKNOWN, time_left
from agent.rebuild.revisit import MODE, RevisitSession
from agent.session import SessionResult, Share
from agent.settings import CrawlSettings, load_settings
from agent.stopping import listen_to_signals
from retrieval.vocabulary import load_vocabulary
from storage.corpus import Corpus
from storage.errors import UsageError
from storage.manifest import Published
from storage.quotas import plan_runs
from storage.revisits import Was

MANIFEST, RECHECK = "manifest", "recheck"
"""Keys of `runs.settings` that say what was opened again."""
STANDING_EVERY = 10.0
"""Seconds between two looks at how far it is."""


@dataclass(frozen=True, kw_only=True)
class Errand:
    """Lists of shorts that are to be opened, by platform."""

    kind: str
    """`manifest` or `recheck`."""
    shorts: Mapping[str, Sequence[Published]]
    keep: bool
    """Store what is found."""
    about: dict[str, Any] = field(default_factory=dict)
    """Stored with the runs."""

    def __len__(self) -> int:
        return sum(map(len, self.shorts.values()))


def errand_of(manifest: Sequence[Published], path: Path) -> Errand:
    """A manifest as an errand.

    Raises:
        UsageError: it names a platform that there is none of.
    """
    shorts: dict[str, list[Published]] = {}
    for one in manifest:
        shorts.setdefault(one.platform, []).append(one)
    for platform in shorts:
        try:
            platform_class(platform)
        except UsageError as error:
            raise UsageError(f"{path}: {str(error).removeprefix('--')}") from None
    return Errand(kind=MANIFEST, shorts=shorts, keep=True, about={"file": path.name, "shorts": len(manifest)})


def settings_of(platforms: tuple[str, ...], given: Mapping[str, Any]) -> CrawlSettings:
    """Nothing is decided and nothing watched: each short is opened, pictured and left, at the platform's pace."""
    return load_settings(
        **given, platform=platforms, decider="never", labeller="none", decide_window=0.0, dwell="fixed:0"
    )


def errand_seconds(errand: Errand, given: Mapping[str, Any]) -> float:
    """The least real seconds that it takes, the platforms side by side."""
    settings = settings_of(tuple(errand.shorts), given)
    return max((len(some) * seconds_an_item(settings, name) for name, some in errand.shorts.items()), default=0.0)


class Again:
    """One command's work on an errand; the same command goes on with it.

    Args:
        given: settings of the command line (the sandbox's, a profile).
    """

    def __init__(
        self,
        errand: Errand,
        corpus: Corpus,
        *,
        command: list[str],
        console: Console,
        given: Mapping[str, Any],
        log_file: Path | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.errand = errand
        self.corpus = corpus
        self._command = command
        self._console = console
        self._log_file = log_file
        self._clock = clock or SystemClock()
        self._vocabulary = load_vocabulary()
        self.settings = settings_of(tuple(errand.shorts), given)
        self._shares = {
            platform: Share(
                settings=(own := settings_of((platform,), given)),
                tasks=[TaskSpec(value=None, keyword=None, quota=len(shorts))],
                identity=self._identity(platform, own),
                mode=MODE,
                about={errand.kind: errand.about},
            )
            for platform, shorts in errand.shorts.items()
        }
        self._began: datetime = self._clock.now()
        self._looked = float("-inf")
        self._lines: list[str] = []

    def _identity(self, platform: str, settings: CrawlSettings) -> str:
        # A recheck that was cut short goes on with its own list, whatever has become due meanwhile.
        what = [one.platform_id for one in self.errand.shorts[platform]] if self.errand.keep else RECHECK
        said = {"errand": self.errand.kind, "platform": platform, "shorts": what, "profile": settings.profile}
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()

    async def run(self, *, retry_failed: bool = False) -> SessionResult:
        """Open what waits, until all of it is closed or something stops it."""
        stop = Stop()
        listen_to_signals(stop, self._console)
        if retry_failed:
            again = self.corpus.revisits.retry_failed(list(self.plan_runs().values()), self._clock.now())
            self._console.print(f"{again} that failed are opened again", highlight=False)
        todo = {name: share for name, share in self._shares.items() if self._has_work(name, share)}
        if not todo:
            return SessionResult()
        async with Judges(self.settings, self._vocabulary, answers=self.corpus.answers, clock=self._clock) as judges:
            session = RevisitSession(
                shorts=self.errand.shorts,
                keep=self.errand.keep,
                settings=self.settings,
                vocabulary=self._vocabulary,
                command=self._command,
                corpus=self.corpus,
                judges=judges,
                clock=self._clock,
                stop=stop,
                console=self._console,
                log_file=self._log_file,
                shares=todo,
                standing=self._standing,
            )
            return await session.run()

    def plan_runs(self) -> dict[str, int]:
        """The run that each platform's list belongs to, as far as it has begun."""
        with self.corpus.database.read() as session:
            hashes = {name: share.identity for name, share in self._shares.items()}
            return plan_runs(session, hashes, self.settings.seed)

    def _has_work(self, name: str, share: Share) -> bool:
        """A recheck is done again each time; a manifest is worked off once."""
        return (
            not self.errand.keep
            or name not in self.plan_runs()
            or self.corpus.runs.unfinished(name, share.identity, self.settings.seed) is not None
        )

    def _standing(self) -> list[str]:
        if self._clock.steady() - self._looked >= STANDING_EVERY:
            self._looked = self._clock.steady()
            runs = list(self.plan_runs().values())
            counts = self.corpus.revisits.counts(runs)
            closed = self.corpus.revisits.closed(runs, self._began)
            left = time_left(closed, [(self._began, self._clock.now())], counts["waiting"])
            said = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
            self._lines = [f"{self.errand.kind}: {said}; left: {UNKNOWN if left is None else left}"]
        return self._lines


def outcomes(table: Mapping[str, Counter[str]]) -> list[str]:
    """The outcomes that occur, in the order of `Was`, then what waits."""
    there = {outcome for counts in table.values() for outcome in counts}
    return [one for one in (*(was.value for was in Was), "waiting") if one in there]


def print_outcomes(console: Console, table: Mapping[str, Counter[str]]) -> None:
    """What came of it, by platform."""
    shown = Table(box=None, header_style="bold")
    shown.add_column("platform")
    columns = outcomes(table)
    for outcome in columns:
        shown.add_column(outcome.replace("_", " "), justify="right")
    for platform, counts in table.items():
        shown.add_row(platform, *(str(counts[outcome]) for outcome in columns))
    if len(table) > 1:
        total: Counter[str] = sum(table.values(), Counter())
        shown.add_row("all", *(str(total[outcome]) for outcome in columns))
    console.print(shown)
