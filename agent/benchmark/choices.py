"""Forced choice: which of two pictures of two values. A model that says yes to everything gains nothing here.

Strengths follow Bradley and Terry (1952) with an effect of place (Davidson and Beaver 1977):

    log-odds that the first picture is chosen = strength of its value - strength of the other's + place

A refused or unreadable choice is counted and carries no strength. There are no ties; a pair whose two orders contradict
each other adds nothing to either value and is counted as undecided by order.

A ridge keeps a value that always wins finite: a normal prior of mean 0 and variance 1 / `RIDGE` (a standard deviation
of 3.2 logits) on every strength and on place. With the usual dozens of choices a value it moves strengths by about one
percent.

Intervals: two choices that share a keyword are not independent, and every choice has two keywords. So errors are
dyadic-cluster-robust (Fafchamps and Gubert 2007; Aronow, Samii and Assenova 2015) and never below those of the
observed information, with t on the value's keywords - 1.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agent.benchmark.circle import in_circle
from agent.benchmark.intervals import LEVEL, Clusters, Floats, share, t_quantile
from agent.benchmark.records import Choice, Interval, Slot
from agent.benchmark.tally import cluster_of

RIDGE = 0.1
STEPS = 100


@dataclass(frozen=True, kw_only=True)
class Strength:
    """How much one value is preferred over the others."""

    value: str
    strength: Interval
    """In log-odds; the mean of all values is 0."""
    win: Interval
    """The same as probability, 0 to 1, that its picture is chosen over one of a value of mean strength; 0.5 is no
    preference."""
    chosen: int
    """Choices won."""
    choices: int
    """Choices that it stood in and that fell on a picture."""


@dataclass(frozen=True, kw_only=True)
class Preference:
    """One model's forced choices."""

    model: str
    strengths: tuple[Strength, ...]
    """In circular order."""
    place: Interval
    """Log-odds of choosing the first picture among two of equal strength: positive prefers the first."""
    first: Interval
    """Share of choices that fell on the first picture; each pair that was put in both orders counts once."""
    choices: int
    """That fell on a picture."""
    refused: int
    """Refused or unreadable."""
    pairs: int
    """Answered in both orders, in one epoch."""
    undecided: int
    """Of these, chosen by place: the first, or the second, both times."""
    distinct: int
    """Values whose interval leaves 0 out."""


@dataclass(frozen=True, kw_only=True)
class _Design:
    """One row a choice."""

    values: Sequence[str]
    columns: Floats
    """+1 for the first picture's value, -1 for the second's, and a last column of ones for place."""
    outcome: Floats
    """1: the first was chosen."""
    keywords: npt.NDArray[np.intp]
    """Shape (choices, 2): the keywords of both pictures."""
    value_of: npt.NDArray[np.intp]
    """The value of each keyword."""


def preferences(choices: Iterable[Choice], *, level: float = LEVEL) -> list[Preference]:
    """Strengths of every model that chose at all; pairs of one value with itself are left out."""
    by_model: dict[str, list[Choice]] = defaultdict(list)
    for choice in choices:
        if choice.first.value != choice.second.value:
            by_model[choice.model].append(choice)
    found = []
    for model, put in sorted(by_model.items()):
        fell = [choice for choice in put if choice.chosen is not None]
        if fell:
            found.append(_preference(model, put, fell, level))
    return found


def _preference(model: str, put: Sequence[Choice], fell: Sequence[Choice], level: float) -> Preference:
    design = _design(fell)
    fitted, information = fit(design.columns, design.outcome)
    centred, errors = _centred(design, fitted, information)
    number = len(design.values)
    keywords = np.bincount(design.value_of, minlength=number)
    quantiles = [t_quantile((1 + level) / 2, int(one) - 1) for one in (*keywords, len(design.value_of))]
    intervals = [
        Interval(estimate=float(at), low=float(at - quantile * error), high=float(at + quantile * error), level=level)
        for at, error, quantile in zip(centred, errors, quantiles, strict=True)
    ]
    stood = Counter(value for one in fell for value in (one.first.value, one.second.value))
    won = Counter((one.first if one.chosen == 1 else one.second).value for one in fell)
    both = _both_orders(fell)
    return Preference(
        model=model,
        strengths=tuple(
            Strength(value=value, strength=at, win=_as_share(at), chosen=won[value], choices=stood[value])
            for value, at in zip(design.values, intervals, strict=False)
        ),
        place=intervals[number],
        first=_first(fell, level),
        choices=len(fell),
        refused=len(put) - len(fell),
        pairs=len(both),
        undecided=sum(one == other for one, other in both),
        distinct=sum(not at.low <= 0 <= at.high for at in intervals[:number]),
    )


def _design(fell: Sequence[Choice]) -> _Design:
    values = in_circle(sorted({one.value for choice in fell for one in (choice.first, choice.second)}))
    place = {value: number for number, value in enumerate(values)}
    keys = sorted({cluster_of(one) for choice in fell for one in (choice.first, choice.second)})
    number_of = {key: number for number, key in enumerate(keys)}
    columns = np.zeros((len(fell), len(values) + 1))
    rows = np.arange(len(fell))
    columns[rows, [place[choice.first.value] for choice in fell]] = 1
    columns[rows, [place[choice.second.value] for choice in fell]] = -1
    columns[:, -1] = 1
    return _Design(
        values=values,
        columns=columns,
        outcome=np.array([float(choice.chosen == 1) for choice in fell]),
        keywords=np.array([[number_of[cluster_of(one)] for one in (c.first, c.second)] for c in fell], np.intp),
        value_of=np.array([place[value] for _, value, _ in keys], np.intp),
    )


def fit(columns: Floats, outcome: Floats, ridge: float = RIDGE) -> tuple[Floats, Floats]:
    """Logistic regression with a ridge on every column, by Newton's method with halved steps.

    Args:
        columns: shape (rows, columns).
        outcome: 0 or 1, by row.

    Returns:
        The coefficients, and the observed information with the ridge in it.
    """
    at = np.zeros(columns.shape[1])

    def loss(where: Floats) -> float:
        line = columns @ where
        return float(np.logaddexp(0, line).sum() - outcome @ line + ridge * (where @ where) / 2)

    information = np.eye(len(at))
    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(-(columns @ at)))
        information = (columns.T * (chance * (1 - chance))) @ columns + ridge * np.eye(len(at))
        step = np.linalg.solve(information, columns.T @ (outcome - chance) - ridge * at)
        length = 1.0
        while loss(at + length * step) > loss(at) + 1e-12 and length > 1e-6:
            length /= 2
        at = at + length * step
        if float(np.abs(length * step).max()) < 1e-10:
            break
    return at, information


def _centred(design: _Design, fitted: Floats, information: Floats) -> tuple[Floats, Floats]:
    """Strengths about their mean, then place; with standard errors."""
    size = len(fitted)
    centre = np.eye(size)
    centre[: size - 1, : size - 1] -= 1 / (size - 1)
    bread = np.linalg.inv(information)
    chance = 1 / (1 + np.exp(-(design.columns @ fitted)))
    moves = (design.columns * (design.outcome - chance)[:, None]) @ bread @ centre.T
    model = np.einsum("ij,jk,ik->i", centre, bread, centre)
    robust = dyadic_variance(moves, design.keywords)
    return centre @ fitted, np.sqrt(np.maximum(model, robust))


def dyadic_variance(moves: Floats, members: npt.NDArray[np.intp]) -> Floats:
    """Variance of a sum of `moves` over dyads when those that share a member depend on each other.

    Args:
        moves: what each row adds to each estimate, shape (rows, estimates).
        members: of each row, shape (rows, 2).

    Returns:
        By estimate, with the factor k / (k - 1) for k members; may be negative where members hardly matter.
    """
    number = int(members.max()) + 1
    by_member = np.zeros((number, moves.shape[1]))
    np.add.at(by_member, members[:, 0], moves)
    np.add.at(by_member, members[:, 1], moves)
    # Rows with the same two members were counted with both.
    dyads = np.sort(members, axis=1) @ np.array([number, 1])
    kinds, of = np.unique(dyads, return_inverse=True)
    by_dyad = np.zeros((len(kinds), moves.shape[1]))
    np.add.at(by_dyad, of, moves)
    return np.asarray(((by_member**2).sum(0) - (by_dyad**2).sum(0)) * number / max(number - 1, 1), np.float64)


def _as_share(at: Interval) -> Interval:
    estimate, low, high = (_logistic(one) for one in (at.estimate, at.low, at.high))
    return Interval(estimate=estimate, low=low, high=high, level=at.level)


def _logistic(at: float) -> float:
    return (1 + math.tanh(at / 2)) / 2


def _pair(one: Choice) -> tuple[frozenset[Slot], int]:
    return frozenset((one.first, one.second)), one.epoch


def _both_orders(fell: Sequence[Choice]) -> list[tuple[int | None, int | None]]:
    """The places chosen in both orders of each pair."""
    orders: dict[tuple[frozenset[Slot], int], dict[Slot, int | None]] = defaultdict(dict)
    for one in fell:
        orders[_pair(one)][one.first] = one.chosen
    return [(left, right) for left, right in (one.values() for one in orders.values() if len(one) == 2)]


def _first(fell: Sequence[Choice], level: float) -> Interval:
    """The pair is the unit: what its pictures are like falls out between the two orders."""
    pairs: dict[tuple[frozenset[Slot], int], list[bool]] = defaultdict(list)
    for one in fell:
        pairs[_pair(one)].append(one.chosen == 1)
    units = np.array([sum(said) / len(said) for said in pairs.values()])
    alone = np.ones(len(units))
    return share(Clusters(sums=units, sizes=alone, squares=units**2, answers=len(fell) / len(units)), level)
