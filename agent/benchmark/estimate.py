"""What a benchmark will take, before money is spent: calls, US dollars and time."""

from collections import defaultdict
from dataclasses import dataclass

from agent.benchmark.plan import Plan
from agent.benchmark.progress import Counts
from agent.benchmark.work import Stage, Work
from retrieval.pricing import price_of
from storage.database import Database
from storage.measured import mean_milliseconds

USUAL_MILLISECONDS = 2000.0
"""Of an answer, where a model has given none in this corpus."""
SCRIPTED_MILLISECONDS = 50.0
FREE = "0:0"


@dataclass(frozen=True, kw_only=True)
class ModelEstimate:
    """One model's share."""

    model: str
    calls: int
    at_most: float | None
    """US dollars, every answer as long as it may be; None where the price is not known."""
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """All models together."""

    models: tuple[ModelEstimate, ...]
    seconds: float
    """Models behind different endpoints are asked side by side."""

    @property
    def calls(self) -> int:
        return sum(one.calls for one in self.models)

    @property
    def at_most(self) -> float | None:
        """US dollars; None where a price is not known."""
        costs = [one.at_most for one in self.models if one.calls]
        return None if None in costs else sum(cost for cost in costs if cost is not None)


def survey(plan: Plan, work: Work, database: Database) -> tuple[list[Counts], Estimate]:
    """What is answered, by model, and what the rest will take; one pass over all questions.

    Text questions whose descriptions are still to come are counted as if all will come, and cost what the dearest
    question costs.
    """
    counts: list[Counts] = []
    found: list[ModelEstimate] = []
    per_lane: dict[tuple[str, str | None], float] = defaultdict(float)
    for model in plan.model:
        price = price_of(model.name, FREE if model.scripted else model.price)
        cost, calls, dearest = 0.0, 0, 0.0
        for stage in Stage:
            for ask in work.pending(model, stage):
                pictures = len([shot for shot in (ask.shot, ask.second) if shot]) if ask.question.shown else 0
                at_most = price.at_most(ask.question, picture=pictures) if price else 0.0
                cost, calls, dearest = cost + at_most, calls + 1, max(dearest, at_most)
        there = work.number(model, Stage.PICTURES) + sum(1 for _ in work.asks(model, Stage.TEXTS))
        one = Counts(model=model.name, total=sum(work.number(model, stage) for stage in Stage), already=there - calls)
        cost += (one.left - calls) * dearest
        usual = SCRIPTED_MILLISECONDS if model.scripted else USUAL_MILLISECONDS
        milliseconds = mean_milliseconds(database, model.name) or usual
        seconds = one.left * milliseconds / 1000 / model.at_once
        if model.per_minute:
            seconds = max(seconds, 60 * one.left / model.per_minute)
        per_lane[model.host, model.key_name] += seconds
        counts.append(one)
        known = cost if price else None
        found.append(ModelEstimate(model=model.name, calls=one.left, at_most=known, seconds=seconds))
    return counts, Estimate(models=tuple(found), seconds=max(per_lane.values()))
