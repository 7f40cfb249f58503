"""Who decides for an arm: its model in its role, or the arm that it is yoked to. Labels are made afterwards (D15)."""

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from agent.benchmark.plan import ModelPlan
from agent.clock import Clock
from agent.deciders.base import Decider, Labeller, View
from agent.deciders.vlm import VlmDecider
from agent.experiment.plan import Plan
from agent.strategies.base import Strategy
from retrieval.endpoint import Endpoint, close_all
from retrieval.pricing import Budget, price_of
from storage.answer_record import AnswerStore
from storage.errors import NotSetUp
from storage.records import Decision

FREE = "0:0"
KeyOf = Callable[[str], str | None]
"""Gives the key in an environment variable."""
Told = Callable[[bytes, str], None]
"""Tells which short a picture is of, before a model is asked about it: for the scripted models alone
(`agent.experiment.scripted`), who know the sandbox's truth and see nothing."""


class Models:
    """The endpoints of an experiment: those that decide and the judge. One budget for all.

    Raises:
        NotSetUp: a key is not set.
        EndpointRefused: not on this machine, with `local_only`.
        UsageError: no address, no possible key, or a budget for a model whose price is not known.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        store: AnswerStore,
        budget: Budget,
        clock: Clock,
        local_only: bool,
        addresses: Mapping[str, str],
        key_of: KeyOf,
    ) -> None:
        """`addresses`: of scripted models, by name."""
        self.budget = budget
        self._endpoints = {
            model.name: Endpoint(
                addresses.get(model.name, model.base_url),
                _key(model, key_of),
                model.name,
                store=store,
                budget=budget,
                clock=clock,
                price=price_of(model.name, FREE if model.scripted else model.price),
                seed=plan.seed,
                max_concurrency=model.at_once,
                local_only=local_only,
                key_name=model.key_name or "the variable that key in the plan names",
            )
            for model in plan.asked
        }

    def __getitem__(self, name: str) -> Endpoint:
        return self._endpoints[name]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await close_all(self._endpoints.values())


class ArmPanel:
    """An arm's decider; nobody labels while it runs."""

    labeller: Labeller | None = None

    def __init__(self, decider: Decider, budget: Budget) -> None:
        self.decider = decider
        self._budget = budget

    @property
    def spent(self) -> float | None:
        """US dollars of the whole experiment so far."""
        return self._budget.spent


class Telling:
    """A decider whose model is told of which short each picture is."""

    def __init__(self, decider: Decider, told: Told) -> None:
        self.name = decider.name
        self._decider, self._told = decider, told

    async def decide(self, view: View) -> Decision:
        """As the decider does."""
        assert view.record.platform_id is not None, "a short without an id is never judged"
        self._told(view.screen.data, view.record.platform_id)
        return await self._decider.decide(view)


def model_decider(endpoint: Endpoint, strategy: Strategy, told: Told | None) -> Decider:
    """A model that decides by a strategy."""
    decider = VlmDecider(endpoint, strategy)
    return decider if told is None else Telling(decider, told)


def _key(model: ModelPlan, key_of: KeyOf) -> str | None:
    name = model.key_name
    key = key_of(name) if name else None
    if name and not key and model.key:
        raise NotSetUp(f"model {model.name} needs the key in {name}, which is not set; set it")
    return key
