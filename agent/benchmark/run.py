"""One benchmark on one corpus: check everything, say what it will take, ask, and hand over the answers.

    manifest, corpus ──> targets ──> plan's hash stored ──> asked ──> results

The answers live in the corpus. The same plan run again asks what is not answered yet; when nothing is left, it asks
nothing and only reads.
"""

import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from agent.benchmark.asking import Asking, Models
from agent.benchmark.control import Control, draw_control
from agent.benchmark.estimate import Estimate, survey
from agent.benchmark.pictures import Pictures
from agent.benchmark.plan import Plan, plan_hash
from agent.benchmark.progress import Counts, Progress
from agent.benchmark.scripted import ScriptedProvider, script, seen_pictures
from agent.benchmark.targets import Targets, targets
from agent.benchmark.work import Work
from agent.clock import Clock
from retrieval.pricing import Budget
from retrieval.valueset import ValueSet
from retrieval.valueset.build import ANY
from storage.corpus import Corpus
from storage.database import Database
from storage.errors import NothingFound, UsageError, ValueSpectrumError
from storage.measured import has_event, publication_months, runs_of_plan
from storage.runs import RunItem, RunSpec
from storage.sampling import candidates
from storage.version import code_version

NAME = "benchmark"
"""Platform, mode and profile of its runs: it opens no site."""
ANALYSIS_PLAN = "analysis_plan"
"""The event that holds a plan and its hash, stored before the plan's first call."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a command may choose without its plan becoming another one."""

    limit: int | None = None
    """Pictures, and pairs of them, for a try."""
    max_cost: float | None = None
    retries: int = 5
    local_only: bool = False


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How the asking ended."""

    counts: tuple[Counts, ...]
    calls: int
    too_many: int
    """429 answers."""
    seconds: float
    problem: ValueSpectrumError | None = None


class Benchmark:
    """A plan on a corpus, checked.

    Raises:
        UsageError: the manifest is not of this corpus, pictures are missing, a model checked the set, a scripted
            model or a value is unknown.
        NothingFound: the set shows nothing.
    """

    def __init__(self, plan: Plan, corpus: Corpus, clock: Clock, limits: Limits) -> None:
        self.plan, self.limits = plan, limits
        self._corpus, self._clock = corpus, clock
        self.value_set = self._load(plan)
        self.parallel = self._load_parallel(plan)
        plan.check_values(self.value_set.values)
        months = publication_months(corpus.database)
        self.control = self._control(months)
        whole = targets(plan, self.value_set, self.parallel, self.control, months)
        self.targets: Targets = whole.limited(limits.limit)
        self.complete_targets = whole
        self.scripts = {
            model.name: script(model.name, plan.seed, self.value_set.values) for model in plan.model if model.scripted
        }
        self.analysis = plan.analysis(self.value_set, self.parallel)
        self.hash = plan_hash(self.analysis)

    def _load(self, plan: Plan) -> ValueSet:
        value_set = ValueSet.load(plan.manifest)
        value_set.verify(self._corpus.database)
        value_set.refuse_measured(model.name for model in plan.model if not model.scripted)
        if not value_set.filled:
            raise NothingFound(f"{plan.manifest} shows no picture; make a set with a lower --floor, or collect more")
        return value_set

    def _load_parallel(self, plan: Plan) -> ValueSet | None:
        if plan.parallel is None:
            return None
        parallel = ValueSet.load(plan.parallel)
        parallel.verify(self._corpus.database)
        if parallel.vocabulary["keywords_sha256"] == self.value_set.vocabulary["keywords_sha256"]:
            raise UsageError(f"{plan.parallel} has the same keywords as {plan.manifest}; make one with --form B")
        return parallel

    def _control(self, months: Mapping[tuple[str, str], str | None]) -> Control | None:
        if not self.plan.control:
            return None
        sets = [one for one in (self.value_set, self.parallel) if one is not None]
        shown = [[(slot.shown.platform, slot.shown.platform_id) for slot in one.filled if slot.shown] for one in sets]
        mode = None if self.value_set.mode == ANY else self.value_set.mode
        found = candidates(self._corpus.database, mode)
        others = set(shown[1]) if len(shown) > 1 else set()
        left = [one for one in found if (one.platform, one.platform_id) not in others - set(shown[0])]
        return draw_control(self.plan.control, shown[0], left, months, self.plan.seed)

    @property
    def runs(self) -> list[int]:
        """Ids of the plan's runs in the corpus, oldest first."""
        return runs_of_plan(self.database, self.hash, self.plan.seed)

    @property
    def run_id(self) -> int | None:
        """The plan's newest run; None before the first."""
        return max(self.runs, default=None)

    @property
    def complete(self) -> bool:
        """All of the plan's pictures are shown, not a `--limit` of them."""
        return self.targets == self.complete_targets

    @property
    def database(self) -> Database:
        """Of the corpus."""
        return self._corpus.database

    @property
    def work(self) -> Work:
        """The plan's questions and what of them is answered."""
        return Work(self.plan, self.targets, self._corpus.answers, self.run_id)

    def survey(self) -> tuple[list[Counts], Estimate]:
        """What is answered, by model, and what the rest will take."""
        return survey(self.plan, self.work, self._corpus.database)

    async def ask(self, console: Console, counts: list[Counts], key_of: Callable[[str], str | None]) -> Ended:
        """Ask what is not answered yet. A problem that ends it early is in the result; no answer is lost.

        Args:
            counts: of `survey`; they go on counting.
            key_of: gives the key in an environment variable.

        Raises:
            NotSetUp, EndpointRefused, UsageError: before the first call.
        """
        plan, clock = self.plan, self._clock
        pictures = Pictures(self._corpus.database, size=plan.size, quality=plan.quality)
        budget = Budget(self.limits.max_cost)
        problem: ValueSpectrumError | None = None
        with ExitStack() as stack:
            addresses: dict[str, str] = {}
            if self.scripts:
                provider = ScriptedProvider(self.scripts, seen_pictures(self.targets), pictures.source)
                addresses = dict.fromkeys(self.scripts, stack.enter_context(provider))
            models = Models(
                plan, store=self._corpus.answers, budget=budget, clock=clock, retries=self.limits.retries,
                local_only=self.limits.local_only, addresses=addresses, key_of=key_of,
            )  # fmt: skip
            run = self._start()
            budget.spent = self._corpus.answers.spent(self._corpus.runs.chain(run.plan_run_id)) or 0.0
            for one in counts:
                one.priced = models[one.model].price is not None
            state, cause = "stopped", "interrupted"
            try:
                async with Progress(clock, console, counts, models.status) as progress:
                    await Asking(self.work, models, pictures, counts).run()
                state, cause = ("finished", "") if self.complete else ("stopped", "limit")
            except ValueSpectrumError as error:
                problem, cause = error, type(error).__name__
            finally:
                await models.close()
                self._corpus.runs.finish(run, state, cause or None)
        endpoints = [models[model.name] for model in plan.model]
        return Ended(
            counts=tuple(counts), calls=sum(one.asked for one in endpoints), too_many=models.too_many,
            seconds=progress.seconds, problem=problem,
        )  # fmt: skip

    def _start(self) -> RunItem:
        """The run that the answers belong to; the plan is stored with it before the first call."""
        environment: dict[str, Any] = {
            "code_version": code_version(),
            "question_versions": sorted(f"{name}:{mark[:12]}" for name, mark in self.analysis["questions"].items()),
        }
        run = self._corpus.runs.start(
            RunSpec(
                platform=NAME, mode=NAME, plan_hash=self.hash, seed=self.plan.seed, plan=[], command=sys.argv,
                settings={"plan": self.analysis, "limit": self.limits.limit}, environment=environment, profile_id=NAME,
            )
        )  # fmt: skip
        if not has_event(self._corpus.database, ANALYSIS_PLAN, "hash", self.hash):
            self._corpus.add_event(ANALYSIS_PLAN, {"hash": self.hash, "plan": self.analysis}, run_id=run.id)
        return run
