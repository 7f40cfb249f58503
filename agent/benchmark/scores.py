"""Scores: how often a model likes the pictures of a value, and how sure that is (paper, section 3; D16).

    score   yes / (yes + no), slot by slot; refused and unreadable are counted beside it
    paper   the percentage of yes among all answers to the paper's question: whatever is no yes counts against

Both stand beside each other in every row. Conditions (model, picture or description, kind of picture, form) are never
mixed; all slots and verified slots are two tables.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from agent.benchmark.circle import in_circle
from agent.benchmark.intervals import (
    LEVEL,
    Floats,
    bootstrap_share,
    mean_interval,
    ratio_error,
    root_interval,
    share,
    shares,
    t_quantile,
    wilson,
)
from agent.benchmark.questions import LIKE_TEXT, PAPER_WORDING
from agent.benchmark.records import Answer, Interval, Slot
from agent.benchmark.tally import Condition, Counts, Tally, by_value, clusters, counts_of, shares_of, tally

PAPER_WORDINGS = frozenset({PAPER_WORDING, LIKE_TEXT.name})


@dataclass(frozen=True, kw_only=True)
class Score:
    """One cell of the values x models table."""

    condition: Condition
    value: str
    """Empty for the control set."""
    counts: Counts
    """Of answers, over all wordings, orders and epochs."""
    slots: int
    """With at least one yes or no: those that count."""
    keywords: int
    """That these slots stand under; of the control set, its pictures."""
    score: Interval | None
    """Share of yes; None where nobody said yes or no."""
    bootstrap: Interval | None
    """The same by drawing keywords again; None with fewer than two keywords."""
    paper: float | None
    """Percentage, 0 to 100, of yes among all answers to the paper's question; None where it was not put."""
    p_yes: Interval | None
    """Mean probability of yes from log-probabilities, where the endpoint gave any."""
    correlation: float | None
    """Of slots within a keyword, as the interval assumes it."""
    design_effect: float | None
    effective: float | None
    """Freely drawn answers that would tell as much."""


@dataclass(frozen=True, kw_only=True)
class ModelMean:
    """A value's mean over models, each weighing the same. The interval is for these models on other pictures."""

    condition: Condition
    """Without model: its `model` is empty."""
    value: str
    models: int
    mean: Interval
    paper: float | None
    """Mean of the paper's percentages; None where a model has none."""


@dataclass(frozen=True, kw_only=True)
class Spread:
    """How unlike a model's scores are over the values (paper: higher means stronger preferences)."""

    condition: Condition
    values: int
    deviation: Interval
    """Sample standard deviation (n - 1) of the scores, as shares. Chance makes it larger than the values' own
    deviation; the interval is for that one, so the estimate may stand at its upper end."""
    paper: float | None
    """The same of the paper's percentages, in points."""


def scores(answers: Iterable[Answer], *, seed: int, verified: bool = False, level: float = LEVEL) -> list[Score]:
    """The score of every condition and value, values in circular order.

    Args:
        answers: read once.
        seed: of the bootstrap.
        verified: only slots that a check found to express their value.
    """
    found: list[Score] = []
    for condition, slots, paper in _tallied(answers, verified):
        found += [
            _score(condition, value, of_value, paper.get(value, {}), seed, level) for value, of_value in slots.items()
        ]
    return found


ByValue = Mapping[str, Mapping[Slot, Tally]]


def _tallied(answers: Iterable[Answer], verified: bool) -> list[tuple[Condition, ByValue, ByValue]]:
    """By condition: all answers, and those to the paper's question."""
    read = list(answers)
    asked = tally(read, verified=verified)
    paper = tally(read, verified=verified, where=lambda answer: answer.wording in PAPER_WORDINGS)
    return [(condition, by_value(slots), by_value(paper.get(condition, {}))) for condition, slots in asked.items()]


def _percentage(slots: Mapping[Slot, Tally]) -> float | None:
    """Of yes among all answers."""
    said = counts_of(slots.values())
    return 100 * said.yes / said.total if said.total else None


def _score(
    condition: Condition, value: str, slots: Mapping[Slot, Tally], paper: Mapping[Slot, Tally], seed: int, level: float
) -> Score:
    counts, liked = counts_of(slots.values()), shares_of(slots)
    chances = {slot: one.chance for slot, one in slots.items() if one.chance is not None}
    grouped = clusters(liked, counts.opinions / len(liked)) if liked else None
    found = None if grouped is None else shares(grouped, level)
    purpose = f"score/{condition}/{value}"
    return Score(
        condition=condition,
        value=value,
        counts=counts,
        slots=len(liked),
        keywords=0 if grouped is None else grouped.sums.size,
        score=None if grouped is None else share(grouped, level),
        bootstrap=None if grouped is None else bootstrap_share(grouped, seed=seed, purpose=purpose, level=level),
        paper=_percentage(paper),
        p_yes=_mean(chances, level) if chances else None,
        correlation=None if found is None else float(found.correlation),
        design_effect=None if found is None else float(found.design_effect),
        effective=None if found is None else float(found.effective),
    )


def _mean(values: Mapping[Slot, float], level: float) -> Interval:
    grouped = clusters(values)
    return mean_interval(grouped.sums, grouped.sizes, limits=(0.0, 1.0), level=level)


def means_over_models(answers: Iterable[Answer], *, verified: bool = False, level: float = LEVEL) -> list[ModelMean]:
    """The mean over models of every value (paper: its average figure), in circular order.

    Models saw the same pictures, so their answers to one slot are averaged before keywords are compared; models are
    taken as they are, not as a sample of models.
    """
    shared: dict[Condition, list[tuple[ByValue, ByValue]]] = defaultdict(list)
    for condition, slots, paper in _tallied(answers, verified):
        shared[replace(condition, model="")].append((slots, paper))
    found = []
    for condition, models in shared.items():
        for value in in_circle(value for slots, _ in models for value in slots):
            tables = [
                (slots[value], paper.get(value, {})) for slots, paper in models if shares_of(slots.get(value, {}))
            ]
            if tables:
                found.append(_model_mean(condition, value, tables, level))
    return found


def _model_mean(
    condition: Condition, value: str, tables: Sequence[tuple[Mapping[Slot, Tally], Mapping[Slot, Tally]]], level: float
) -> ModelMean:
    by_model = [shares_of(slots) for slots, _ in tables]
    by_slot: dict[Slot, list[float]] = defaultdict(list)
    for liked in by_model:
        for slot, at in liked.items():
            by_slot[slot].append(at)
    opinions = sum(counts_of(slots.values()).opinions for slots, _ in tables)
    grouped = clusters({slot: sum(said) / len(said) for slot, said in by_slot.items()}, opinions / len(by_slot))
    mean = np.mean([sum(liked.values()) / len(liked) for liked in by_model])
    quantile = t_quantile((1 + level) / 2, grouped.sums.size - 1)
    low, high = wilson(np.asarray(mean), shares(grouped, level).effective, quantile)
    papers = [percent for _, paper in tables if (percent := _percentage(paper)) is not None]
    return ModelMean(
        condition=condition,
        value=value,
        models=len(tables),
        mean=Interval(estimate=float(mean), low=float(low), high=float(high), level=level),
        paper=float(np.mean(papers)) if len(papers) == len(tables) else None,
    )


def spreads(answers: Iterable[Answer], *, verified: bool = False, level: float = LEVEL) -> list[Spread]:
    """The standard deviation over values of every condition with two values or more; the control set is no value.

    Its interval takes the scores' own variance off the variance between them and carries their errors into the rest
    (delta method), with t on the keywords left after one mean for each value.
    """
    found = []
    for condition, slots, paper in _tallied(answers, verified):
        liked = [shares_of(of_value) for value, of_value in slots.items() if value]
        grouped = [clusters(of_value) for of_value in liked if of_value]
        if len(grouped) < 2:
            continue
        means = np.array([one.sums.sum() / one.sizes.sum() for one in grouped])
        errors = np.array([ratio_error(one.sums, one.sizes) if one.sums.size > 1 else 0.5 for one in grouped])
        freedom = sum(one.sums.size - 1 for one in grouped)
        papers = [percent for value, one in paper.items() if value and (percent := _percentage(one)) is not None]
        found.append(
            Spread(
                condition=condition,
                values=len(grouped),
                deviation=_deviation(means, errors, freedom, level),
                paper=float(np.std(papers, ddof=1)) if len(papers) > 1 else None,
            )
        )
    return found


def _deviation(means: Floats, errors: Floats, freedom: int, level: float) -> Interval:
    left = len(means) - 1
    slopes = 2 * (means - means.mean()) / left
    # The second term is what is left of the error where the scores are all alike and nothing has a slope.
    error = float(np.sqrt((slopes**2 * errors**2).sum() + 2 * (errors**4).sum() / left**2))
    return root_interval(float(np.var(means, ddof=1)), float((errors**2).mean()), error, freedom, level)
