"""Asking many models at once: every answer is in the corpus before the next question of its turn goes out.

A model whose endpoint refuses or is down stops alone; the others go on, and the first problem is raised at the end. A
spent budget stops all. Calls under way are waited for, since they cost money.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence

from agent.benchmark.pictures import Pictures
from agent.benchmark.plan import ModelPlan, Plan
from agent.benchmark.progress import Counts
from agent.benchmark.work import Ask, Stage, Work
from agent.clock import Clock
from retrieval.endpoint import Endpoint, close_all
from retrieval.lane import Lane
from retrieval.pricing import Budget, price_of
from storage.answer_record import AnswerStore
from storage.errors import BudgetSpent, NotSetUp, ValueSpectrumError

TIMEOUT = 120.0
"""Seconds for one whole answer; models that think need them."""
FREE = "0:0"


class Models:
    """The endpoints of a plan's models. Those behind the same address and key share a lane."""

    def __init__(
        self, plan: Plan, *, store: AnswerStore, budget: Budget, clock: Clock, retries: int, local_only: bool,
        addresses: Mapping[str, str], key_of: Callable[[str], str | None],
    ) -> None:  # fmt: skip
        """Check all settings; nothing is sent yet.

        Args:
            addresses: of scripted models, by name.
            key_of: gives the key in an environment variable.

        Raises:
            NotSetUp: a key is not set.
            EndpointRefused: not on this machine, with `local_only`.
            UsageError: no address, no possible key, or a budget for a model whose price is not known.
        """
        self.lanes: dict[tuple[str | None, str | None], Lane] = {}
        self._endpoints: dict[str, Endpoint] = {}
        for model in plan.model:
            name = model.key_name
            key = key_of(name) if name else None
            if name and not key and model.key:
                raise NotSetUp(f"model {model.name} needs the key in {name}, which is not set; set it")
            self._endpoints[model.name] = Endpoint(
                addresses.get(model.name, model.base_url), key, model.name, store=store, budget=budget, clock=clock,
                price=price_of(model.name, FREE if model.scripted else model.price), seed=plan.seed, timeout=TIMEOUT,
                max_retries=retries, local_only=local_only, lane=self._lane(plan, model, clock),
                key_name=name or "the variable that --key, or key in the plan, names",
            )  # fmt: skip

    def _lane(self, plan: Plan, model: ModelPlan, clock: Clock) -> Lane:
        at = model.name if model.scripted else model.base_url, model.key_name
        if at not in self.lanes:
            sharing = [one for one in plan.model if (one.base_url, one.key_name) == at] or [model]
            limits = [one.per_minute for one in sharing if one.per_minute is not None]
            self.lanes[at] = Lane(clock, max(one.at_once for one in sharing), min(limits) if limits else None)
        return self.lanes[at]

    def __getitem__(self, name: str) -> Endpoint:
        return self._endpoints[name]

    async def close(self) -> None:
        """Close all connections."""
        await close_all(self._endpoints.values())

    @property
    def too_many(self) -> int:
        """429 answers so far."""
        return sum(lane.too_many for lane in self.lanes.values())

    def status(self) -> str:
        """How many calls the endpoints are given at once now."""
        allowed = sum(int(lane.allowed) for lane in self.lanes.values())
        most = sum(lane.most for lane in self.lanes.values())
        return f"at most {allowed} of {most} calls at once" + (f", {self.too_many} times 429" if self.too_many else "")


class Asking:
    """Puts the pending questions of a plan."""

    def __init__(self, work: Work, models: Models, pictures: Pictures, counts: Sequence[Counts]) -> None:
        self._work, self._models, self._pictures = work, models, pictures
        self._counts = {one.model: one for one in counts}
        self._problems: dict[str, ValueSpectrumError] = {}

    async def run(self) -> None:
        """Ask until everything is answered.

        Raises:
            BudgetSpent, EndpointDown, EndpointRefused: what stopped a model; all answers that came are stored.
        """
        for stage in Stage:
            await asyncio.gather(*(self._model(model, stage) for model in self._work.plan.model))
        if self._problems:
            raise next((one for one in self._problems.values() if isinstance(one, BudgetSpent)), self._first)

    @property
    def _first(self) -> ValueSpectrumError:
        return next(iter(self._problems.values()))

    def _stopped(self, model: str) -> bool:
        return model in self._problems or any(isinstance(one, BudgetSpent) for one in self._problems.values())

    async def _model(self, model: ModelPlan, stage: Stage) -> None:
        pending = self._work.pending(model, stage)
        async with asyncio.TaskGroup() as group:
            for _ in range(model.at_once):
                group.create_task(self._worker(model.name, pending))

    async def _worker(self, model: str, pending: Iterator[Ask]) -> None:
        while not self._stopped(model):
            ask = next(pending, None)
            if ask is None:
                return
            try:
                await self._ask(ask)
            except ValueSpectrumError as error:
                self._problems.setdefault(model, error)
                self._counts[model].stopped = str(error)

    async def _ask(self, ask: Ask) -> None:
        shots = [shot for shot in (ask.shot, ask.second) if shot is not None] if ask.question.shown else []
        pictures: list[bytes | None] = [await self._pictures.sent(shot.sha256) for shot in shots]
        first, second = (*pictures, None, None)[:2]
        answer = await self._models[ask.model.name].ask(
            ask.question, picture=first, second=second, subject=ask.subject(self._work.run_id), epoch=ask.epoch
        )
        self._counts[ask.model.name].count(answer)
