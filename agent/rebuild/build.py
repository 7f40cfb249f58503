"""A plan, worked off over days and commands until its target is reached."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from agent.clock import Clock, Stop, SystemClock
from agent.judges import Judges
from agent.rebuild.estimate import TimeLeft, longest, time_left
from agent.rebuild.plan import Plan
from agent.rebuild.quota_report import standing_lines
from agent.session import Session, SessionResult, Share
from agent.settings import CrawlSettings
from agent.stopping import listen_to_signals
from retrieval.vocabulary import Vocabulary
from storage.corpus import Corpus
from storage.quotas import (
    REBUILD,
    Quotas,
    finds,
    pass_on,
    plan_runs,
    quotas,
    reopen_dry,
    sessions,
    task_counts,
)

STANDING_EVERY = 30.0
"""Seconds between two looks at how the plan stands."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How a plan stands now."""

    quotas: Quotas
    left: dict[str, TimeLeft | None]
    """By platform; None where it is not yet known."""

    @property
    def end(self) -> TimeLeft | None:
        return longest(self.left)


class Building:
    """One command's work on a plan.

    Args:
        command: as it was typed, stored with its runs.
        cross_balance: what a value or platform cannot bring is asked of others.
        given: settings of the command line, above the plan's.
    """

    def __init__(
        self,
        plan: Plan,
        corpus: Corpus,
        *,
        command: list[str],
        console: Console,
        cross_balance: bool,
        given: Mapping[str, Any],
        clock: Clock | None = None,
        log_file: Path | None = None,
    ) -> None:
        self.plan = plan
        self.corpus = corpus
        self.vocabulary: Vocabulary = plan.words()
        self.settings: CrawlSettings = plan.settings(**given)
        self._given = given
        self._command = command
        self._console = console
        self._cross_balance = cross_balance
        self._clock = clock or SystemClock()
        self._log_file = log_file
        self._shares: dict[str, Share] = {}
        self._looked = float("-inf")
        self._lines: list[str] = []

    async def run(self) -> SessionResult:
        """Work until the target is reached, nothing more is to be had, or something stops it.

        Raises:
            NotSetUp, EndpointRefused, UsageError: before anything is done.
        """
        stop = Stop()
        listen_to_signals(stop, self._console)
        result = SessionResult()
        async with Judges(self.settings, self.vocabulary, answers=self.corpus.answers, clock=self._clock) as judges:
            self._shares = self.plan.shares(self.vocabulary, judges.questions, **self._given)
            self._ask_dry_ones_again()
            while todo := self._todo():
                self.corpus.add_event(REBUILD, {"plan": self.hash})
                session = Session(
                    settings=self.settings,
                    vocabulary=self.vocabulary,
                    command=self._command,
                    corpus=self.corpus,
                    judges=judges,
                    clock=self._clock,
                    stop=stop,
                    console=self._console,
                    log_file=self._log_file,
                    shares=todo,
                    standing=self._standing_lines,
                )
                result = await session.run()
                stopped = result.label_problem or any(one.problem for one in result.platforms)
                if stopped or stop.requested or not self._balance():
                    break
        return result

    @property
    def hash(self) -> str:
        """The plan's, as its runs store it."""
        return str(self.plan.recorded()["hash"])

    def standing(self) -> Standing:
        """Quotas and time left."""
        with self.corpus.database.read() as session:
            runs = self._begun()
            found = quotas(task_counts(session, runs.values()))
            when = finds(session, runs.values())
            worked = sessions(session, self.hash, runs.values(), self._clock.now())
        left = {
            platform: time_left(
                when.get(platform, []),
                worked,
                found.platforms[platform].missing if platform in found.platforms else target,
            )
            for platform, target in self.plan.targets.items()
        }
        return Standing(quotas=found, left=left)

    def _begun(self) -> dict[str, int]:
        with self.corpus.database.read() as session:
            hashes = {name: share.identity for name, share in self._shares.items()}
            return plan_runs(session, hashes, self.plan.seed)

    def _todo(self) -> dict[str, Share]:
        """The platforms that have something left; one that is finished begins no new run."""
        begun = self._begun()
        return {
            name: share
            for name, share in self._shares.items()
            if name not in begun
            or self.corpus.tasks.next_task(begun[name]) is not None
            or self.corpus.runs.unfinished(name, share.identity, self.plan.seed) is not None
        }

    def _ask_dry_ones_again(self) -> None:
        with self.corpus.database.write() as session:
            again = reopen_dry(session, self._begun().values(), self._clock.now())
        if again:
            self._console.print(f"{again} keywords that were dry are asked once more", highlight=False)

    def _balance(self) -> bool:
        if not self._cross_balance:
            return False
        with self.corpus.database.write() as session:
            passed = pass_on(session, self._begun().values(), self._clock.now())
        if passed:
            self.corpus.add_event("balance", {"plan": self.hash, "shorts": passed})
            self._console.print(f"{passed} shorts are asked of other values and platforms", highlight=False)
        return passed > 0

    def _standing_lines(self) -> list[str]:
        if self._clock.steady() - self._looked >= STANDING_EVERY:
            self._looked = self._clock.steady()
            standing = self.standing()
            self._lines = standing_lines(self.plan.name, self.plan.target, standing.quotas, standing.end)
        return self._lines


def run_plan(building: Building) -> SessionResult:
    """`Building.run` from a command."""
    return asyncio.run(building.run())
