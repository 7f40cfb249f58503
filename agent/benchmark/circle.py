"""Schwartz's circle: in which order the ten values stand, so that neighbours agree and opposites conflict.

Source: Schwartz 1992 and 2012 ("An Overview of the Schwartz Theory of Basic Values"). Conformity and tradition share
one wedge there, conformity nearer to the centre; here they are neighbours. Hedonism belongs to two groups and is drawn
with the first. A vocabulary of other values has no circle: its values keep their own order.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from agent.benchmark.intervals import Floats
from retrieval.metrics import generator

LEAST_MODELS = 4
"""A correlation over fewer models is mostly noise."""
PERMUTATIONS = 2000
OPENNESS, ENHANCEMENT = "Openness to change", "Self-enhancement"
CONSERVATION, TRANSCENDENCE = "Conservation", "Self-transcendence"
CIRCLE = {
    "self-direction": OPENNESS,
    "stimulation": OPENNESS,
    "hedonism": OPENNESS,
    "achievement": ENHANCEMENT,
    "power": ENHANCEMENT,
    "security": CONSERVATION,
    "conformity": CONSERVATION,
    "tradition": CONSERVATION,
    "benevolence": TRANSCENDENCE,
    "universalism": TRANSCENDENCE,
}
"""Values in circular order with the group that each is drawn in."""
PLACES = {value: place for place, value in enumerate(CIRCLE)}


def in_circle(values: Iterable[str]) -> list[str]:
    """The values in circular order; what has no place on the circle follows in the order given."""
    given = list(dict.fromkeys(values))
    return sorted(given, key=lambda value: PLACES.get(value, len(PLACES)))


def group_of(value: str) -> str:
    """The group a value is drawn in; empty where it has none."""
    return CIRCLE.get(value, "")


@dataclass(frozen=True, kw_only=True)
class PairOfValues:
    """How two values go together over models."""

    one: str
    other: str
    steps: int
    """Places apart on the circle."""
    correlation: float


@dataclass(frozen=True, kw_only=True)
class AtDistance:
    """All pairs so many places apart."""

    steps: int
    pairs: int
    mean: float


@dataclass(frozen=True, kw_only=True)
class CircleTest:
    """Whether values that are neighbours on the circle are liked together."""

    models: int
    pairs: tuple[PairOfValues, ...]
    distances: tuple[AtDistance, ...]
    agreement: float
    """Spearman's correlation of the steps apart and the correlations: the circle says that it is negative."""
    p: float
    """Of an agreement as negative or more, over placings of the values on the circle drawn by chance."""


def against_circle(scores: Mapping[str, Mapping[str, float]], *, seed: int) -> CircleTest | None:
    """Set the correlations between values, over models, against their distances on the circle.

    Each model's mean is taken off first: a model that likes everything would make all values go together. That alone
    makes the correlations negative on average, the same at every distance.

    Args:
        scores: by model and value. Values that a model has no score for, or that all models score alike, are left out.

    Returns:
        None for fewer than `LEAST_MODELS` models or four values on the circle.
    """
    values = [value for value in CIRCLE if scores and all(value in one for one in scores.values())]
    if len(scores) < LEAST_MODELS or len(values) < 4:
        return None
    table = np.array([[one[value] for value in values] for one in scores.values()], np.float64)
    table -= table.mean(axis=1, keepdims=True)
    moving = table.std(axis=0) > 1e-9
    values, table = [value for value, kept in zip(values, moving, strict=True) if kept], table[:, moving]
    if len(values) < 4:
        return None
    correlations = np.atleast_2d(np.corrcoef(table.T))
    places = np.array([PLACES[value] for value in values])
    one, other = np.triu_indices(len(values), 1)
    found, steps = correlations[one, other], _steps(places, one, other)
    agreement = _spearman(steps, found)
    random = generator(seed, "circle")
    drawn = [_spearman(_steps(random.permutation(places), one, other), found) for _ in range(PERMUTATIONS)]
    return CircleTest(
        models=len(scores),
        pairs=tuple(
            PairOfValues(one=values[i], other=values[j], steps=int(apart), correlation=float(correlations[i, j]))
            for (i, j), apart in zip(combinations(range(len(values)), 2), steps, strict=True)
        ),
        distances=tuple(
            AtDistance(steps=int(apart), pairs=int((steps == apart).sum()), mean=float(found[steps == apart].mean()))
            for apart in np.unique(steps)
        ),
        agreement=agreement,
        p=(1 + sum(one <= agreement + 1e-12 for one in drawn)) / (1 + PERMUTATIONS),
    )


def _steps(places: np.ndarray, one: np.ndarray, other: np.ndarray) -> Floats:
    around = np.abs(places[one] - places[other])
    return np.asarray(np.minimum(around, len(PLACES) - around), np.float64)


def _spearman(one: Floats, other: Floats) -> float:
    return float(np.corrcoef(_ranks(one), _ranks(other))[0, 1])


def _ranks(numbers: Floats) -> Floats:
    """From 1; equal numbers share their mean rank."""
    _, place, count = np.unique(numbers, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    return np.asarray((last - (count - 1) / 2)[place], np.float64)
