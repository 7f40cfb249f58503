"""An experiment's work: its arms block by block, then labels, questionnaires and the judge, on stored pictures.

    plan ──> arms in blocks ──> watched in lockstep ──> labels, questionnaires, judge ──> records

All of it is in the corpus: the same command goes on with arms that are unfinished and leaves alone those that ended,
however they did; of questions, only what is not answered yet is asked.
"""

import asyncio
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import structlog
from rich.console import Console

from agent.browser import BrowserHost
from agent.clock import Clock, Stop
from agent.deciders.base import Decider
from agent.experiment.afterwards import Afterwards
from agent.experiment.arm_run import DRY, ArmRun, Bench
from agent.experiment.arms import Block, Design
from agent.experiment.deciding import ArmPanel, KeyOf, Models, Told, model_decider
from agent.experiment.lockstep import Rounds
from agent.experiment.plan import SANDBOX
from agent.experiment.profiles import profile_of, refuse_known
from agent.experiment.progress import BlockCounts, Progress
from agent.experiment.records import Arm, Control
from agent.experiment.scripted import provider_of
from agent.experiment.site import Site
from agent.experiment.yoked import Step, Yoked
from agent.platforms.sandbox import state_file
from retrieval.pricing import Budget
from retrieval.vocabulary import Vocabulary
from storage.corpus import Corpus
from storage.errors import ValueSpectrumError
from storage.measured import has_event, runs_of_plan
from storage.personas import Personas
from storage.runs import RunItem, RunSpec
from storage.version import code_version
from storage.watched import PlanRun, plan_runs, watched

log = structlog.get_logger()

NAME = "experiment"
"""Platform, mode and profile of the run that questionnaires and judgements belong to: it opens no site."""
EXPERIMENT_PLAN = "experiment_plan"
"""The event that holds a plan and its hash, stored before the first short is shown."""
ENDED = ("finished", "blocked")
"""States of arms that are left as they are; the latter only without `--retry`."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How the command's work ended. `problem` is what ended it early; all that came is stored."""

    problem: ValueSpectrumError | None = None
    interrupted: bool = False


class Work:
    """One command's work on one experiment."""

    def __init__(
        self,
        design: Design,
        corpus: Corpus,
        vocabulary: Vocabulary,
        *,
        clock: Clock,
        stop: Stop,
        console: Console,
        key_of: KeyOf,
        max_cost: float | None = None,
        local_only: bool = False,
        headless: bool = True,
        retry: bool = False,
        log_file: Path | None = None,
    ) -> None:
        """
        Args:
            retry: go on with arms that a wall or a changed site stopped, too.
        """
        self.design, self.corpus, self.vocabulary = design, corpus, vocabulary
        self._clock, self._stop, self._console = clock, stop, console
        self._key_of, self._max_cost, self._local_only = key_of, max_cost, local_only
        self._headless, self._retry, self._log_file = headless, retry, log_file

    def runs(self) -> Mapping[str, PlanRun]:
        """The run of every arm that was begun, by the arm's name."""
        hashes = {self.design.hash_of(arm): arm.name for arm in self.design.arms}
        found = plan_runs(self.corpus.database, list(hashes), self.design.plan.seed)
        return {hashes[mark]: run for mark, run in found.items()}

    async def run(self) -> Ended:
        """Do what is left of it.

        Raises:
            NotSetUp, EndpointRefused, UsageError: before the first short.
        """
        plan = self.design.plan
        budget = Budget(self._max_cost)
        problem: ValueSpectrumError | None = None
        self._refuse_used()
        with ExitStack() as stack:
            provider = provider_of(self.design, self.vocabulary)
            addresses = {} if provider is None else dict.fromkeys(provider.models, stack.enter_context(provider))
            told = None if provider is None else provider.told
            async with Models(
                plan, store=self.corpus.answers, budget=budget, clock=self._clock, local_only=self._local_only,
                addresses=addresses, key_of=self._key_of,
            ) as models:  # fmt: skip
                run = self._start()
                budget.spent = self.corpus.answers.spent(self._run_ids(run)) or 0.0
                state, cause = "stopped", "interrupted"
                try:
                    await self._watch(models, told)
                    if not self._stop.requested:
                        afterwards = Afterwards(
                            self.design, self.corpus, self.vocabulary, models, run, self._clock, self._console, told
                        )
                        await afterwards.run(self.runs())
                        state, cause = "finished", ""
                except ValueSpectrumError as error:
                    problem, cause = error, type(error).__name__
                finally:
                    self.corpus.runs.finish(run, state, cause or None)
        return Ended(problem=problem, interrupted=self._stop.requested and problem is None)

    # Arms

    def _refuse_used(self) -> None:
        """Profiles that were used before, and personas that the corpus knows with other traits, end it at the start."""
        runs = self.runs()
        fresh = [arm for arm in self.design.arms if arm.name not in runs]
        for arm in fresh:
            if self.design.profile_name(arm) is not None:
                profile_of(self.design, arm, self.corpus.database, None)
        for kind in self.design.recommenders:
            mine = [arm for arm in fresh if arm.platform == SANDBOX and arm.recommender == kind]
            refuse_known(self.design, mine, state_file(self.corpus.database.path, kind))
        personas = Personas(self.corpus.database)
        for persona in self.design.personas.values():
            personas.keep(persona.name, persona.traits, source=persona.source, language=persona.language)

    async def _watch(self, models: Models, told: Told | None) -> None:
        """All platforms side by side, each block by block."""
        blocks = [block for platform in self.design.plan.platforms for block in self.design.blocks(platform)]
        if not any(self._pending(block) for block in blocks):
            return
        progress = Progress(clock=self._clock, console=self._console)
        async with BrowserHost(headless=self._headless) as host, progress:
            await host.browser()
            bench = Bench(
                design=self.design,
                corpus=self.corpus,
                vocabulary=self.vocabulary,
                host=host,
                stop=self._stop,
                opening=asyncio.Semaphore(self.design.plan.at_once),
                command=sys.argv[1:],
                log_file=self._log_file,
            )
            jobs = [
                asyncio.create_task(self._platform(platform, bench, models, told, progress))
                for platform in self.design.plan.platforms
            ]
            await _all(jobs)

    def _pending(self, block: Block) -> list[Arm]:
        """The block's arms that are still to run; a yoked one only once its arm has done its part."""
        runs = self.runs()
        return [arm for arm in block.arms if not self._over(runs.get(arm.name)) and self._can_begin(arm, runs)]

    def _over(self, run: PlanRun | None) -> bool:
        return run is not None and run.state in (ENDED[:1] if self._retry else ENDED)

    def _can_begin(self, arm: Arm, runs: Mapping[str, PlanRun]) -> bool:
        if arm.control is not Control.YOKED:
            return True
        source = runs.get(arm.of or "")
        return source is not None and source.task_state == "done"

    async def _platform(
        self, platform: str, bench: Bench, models: Models, told: Told | None, progress: Progress
    ) -> None:
        site = Site(
            platform,
            self.design,
            self.vocabulary,
            self.corpus.database.path,
            clock=self._clock,
            stop=self._stop,
            headless=self._headless,
        )
        async with site:
            for block in self.design.blocks(platform):
                if self._stop.requested:
                    return
                if pending := self._pending(block):
                    await self._block(block, pending, site, bench, models, told, progress)

    async def _block(
        self,
        block: Block,
        pending: list[Arm],
        site: Site,
        bench: Bench,
        models: Models,
        told: Told | None,
        progress: Progress,
    ) -> None:
        runs, plan = self.runs(), self.design.plan
        taken = {arm.name: runs[arm.name].taken if arm.name in runs else 0 for arm in pending}
        rounds = Rounds(taken, seed=plan.seed, at_once=plan.at_once)
        yoked = ", yoked arms" if block.arms[0].control is Control.YOKED else ""
        counts = BlockCounts(
            name=f"{block.platform}, replicate {block.replicate} of {plan.replicates}{yoked}",
            shorts=len(pending) * plan.shorts,
            already=sum(taken.values()),
            left=len(pending),
            say=progress.say,
            round=lambda: rounds.number,
        )
        progress.counts[:] = [one for one in progress.counts if not one.name.startswith(block.platform)] + [counts]
        jobs = []
        for arm in pending:
            profile = profile_of(self.design, arm, self.corpus.database, runs.get(arm.name))
            panel = ArmPanel(self._decider(arm, models, runs, told), models.budget)
            jobs.append(asyncio.create_task(ArmRun(bench, site, arm, profile, panel, counts).run(rounds)))
        await _all(jobs)
        log.info("block", name=counts.name, turns=len(rounds.admitted))

    def _decider(self, arm: Arm, models: Models, runs: Mapping[str, PlanRun], told: Told | None) -> Decider:
        if arm.control is not Control.YOKED:
            return model_decider(models[arm.model], self.design.strategy_of(arm), told)
        assert arm.of is not None, "a yoked arm belongs to one"
        steps = [
            Step(verdict=one.verdict, dwell=one.planned_dwell)
            for one in watched(self.corpus.database, runs[arm.of].plan_run_id)
        ]

        mark = self.design.hash_of(arm)

        def place() -> int:
            return plan_runs(self.corpus.database, [mark], self.design.plan.seed)[mark].taken

        return Yoked(arm.of, steps, place)

    # The experiment's own run

    def _start(self) -> RunItem:
        """The plan is stored with it before the first short is shown."""
        design = self.design
        run = self.corpus.runs.start(
            RunSpec(
                platform=NAME, mode=NAME, plan_hash=design.hash, seed=design.plan.seed, plan=[], command=sys.argv[1:],
                settings={"plan": design.analysis, "name": design.plan.name},
                environment={"code_version": code_version()}, profile_id=NAME,
            )
        )  # fmt: skip
        if not has_event(self.corpus.database, EXPERIMENT_PLAN, "hash", design.hash):
            detail = {"hash": design.hash, "name": design.plan.name, "plan": design.analysis}
            self.corpus.add_event(EXPERIMENT_PLAN, detail, run_id=run.id)
        return run

    def _run_ids(self, run: RunItem) -> list[int]:
        """Of the experiment and all its arms: what was paid for them counts towards --max-cost."""
        seed, database = self.design.plan.seed, self.corpus.database
        arms = [one for arm in self.design.arms for one in runs_of_plan(database, self.design.hash_of(arm), seed)]
        return [*runs_of_plan(database, self.design.hash, seed), run.id, *arms]


def state_of(run: PlanRun | None, shorts: int) -> tuple[str, str | None]:
    """An arm's state as records have it, and its cause.

    Args:
        shorts: that the arm was to decide on.
    """
    if run is None:
        return "unfinished", None
    if run.task_state == "done":
        return "done", None
    if run.task_state == DRY:
        return DRY, f"its feed ended after {run.taken} of {shorts} shorts"
    if run.state == "blocked":
        return "blocked", f"stopped after {run.taken} of {shorts} shorts: {run.cause}"
    return "unfinished", run.cause


def problems(design: Design, runs: Mapping[str, PlanRun]) -> dict[str, str]:
    """What is to be said of the arms that will not get their number of shorts, by name."""
    found: dict[str, str] = {}
    for arm in design.arms:
        state, cause = state_of(runs.get(arm.name), design.plan.shorts)
        if state in (DRY, "blocked") and cause is not None:
            found[arm.name] = cause
        elif arm.of in found and arm.name not in runs and arm.control is Control.YOKED:
            found[arm.name] = f"was not begun, since {arm.of} did not get its number of shorts"
    return found


async def _all(jobs: list[asyncio.Task[None]]) -> None:
    """Wait for all of them, even where one meets what the others will meet; then raise what the first one met. What
    nobody foresaw ends all at once."""
    try:
        ended, pending = await asyncio.wait(jobs, return_when=asyncio.FIRST_EXCEPTION)
        while pending and all(isinstance(job.exception(), ValueSpectrumError | None) for job in ended):
            more, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_EXCEPTION)
            ended |= more
    finally:
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)
    for job in jobs:
        job.result()
