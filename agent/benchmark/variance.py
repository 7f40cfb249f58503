"""Where the answers' variance lies: between values, between keywords of a value, between pictures of a keyword.

The first table of a report: unless values hold a good part of it, scores of values are scores of keywords or pictures.
Components by analysis of variance of a nested, unbalanced design (Henderson 1953, method 1), unbiased and therefore
sometimes below zero; shown cut at zero. Intervals are a jackknife's: one keyword left out at a time, within its value,
so they are for the same values with other keywords.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agent.benchmark.intervals import LEVEL, Floats, t_quantile
from agent.benchmark.records import Answer, Interval, Slot
from agent.benchmark.tally import Condition, Tallies, Tally, by_value, clusters, condition, shares_of, tally
from storage.records import Verdict

VALUES, KEYWORDS, PICTURES, ANSWERS = "values", "keywords", "pictures", "answers"


@dataclass(frozen=True, kw_only=True)
class Component:
    """One source of variance."""

    source: str
    """`values`, `keywords` (within values), `pictures` (within keywords), `answers` (about one picture: wordings,
    orders, epochs). With one answer a picture there are no `answers`, and `pictures` holds their noise too."""
    variance: Interval
    """Of shares of yes; cut at zero."""
    part: Interval
    """Of the sum of all components, 0 to 1."""


@dataclass(frozen=True, kw_only=True)
class Components:
    """The variance of one condition's answers."""

    condition: Condition
    components: tuple[Component, ...]
    values: int
    keywords: int
    slots: int
    deviation: Interval
    """Standard deviation of the values' true scores, as shares: what is left of their spread without chance."""
    dependability: Interval
    """How much of the variance of the values' scores is the values' own, 0 to 1 (generalizability coefficient,
    Cronbach et al. 1972): what a parallel form is expected to correlate."""


@dataclass(frozen=True, kw_only=True)
class _Nested:
    """One row a keyword."""

    value: npt.NDArray[np.intp]
    sums: Floats
    sizes: Floats
    squares: Floats
    noise: Floats
    """Of the slots' means over their own answers: unbiased variances of the means, summed."""

    def without(self, row: int) -> "_Nested":
        return _Nested(
            value=np.delete(self.value, row), sums=np.delete(self.sums, row), sizes=np.delete(self.sizes, row),
            squares=np.delete(self.squares, row), noise=np.delete(self.noise, row),
        )  # fmt: skip


def variance_components(answers: Iterable[Answer], *, verified: bool = False, level: float = LEVEL) -> list[Components]:
    """The components of every condition with two values, each with two keywords, and a keyword with two pictures.

    Values with a single keyword are left out, and so is the control set, which is no value.
    """
    read = list(answers)
    asked = tally(read, verified=verified)
    noises = _noises(read, asked)
    found = []
    for key, slots in asked.items():
        nested, several = _nested(slots, noises[key])
        if len(set(nested.value.tolist())) > 1 and nested.sizes.max() > 1:
            found.append(_components(key, nested, several, level))
    return found


def _nested(slots: Mapping[Slot, Tally], noises: Mapping[Slot, float]) -> tuple[_Nested, float]:
    """The design, and how many answers there are behind one slot (harmonic mean)."""
    rows: list[tuple[int, Floats, Floats, Floats, Floats]] = []
    inverse: list[float] = []
    for place, (name, of_value) in enumerate(by_value(slots).items()):
        liked = shares_of(of_value)
        grouped = clusters(liked)
        if not name or grouped.sums.size < 2:
            continue
        noise = clusters({slot: noises[slot] for slot in liked})
        rows.append((place, grouped.sums, grouped.sizes, grouped.squares, noise.sums))
        inverse += [1 / of_value[slot].opinions for slot in liked]
    columns = [np.concatenate([row[part] for row in rows]) if rows else np.zeros(0) for part in range(1, 5)]
    value = np.concatenate([np.full(len(row[1]), row[0], np.intp) for row in rows] or [np.zeros(0, np.intp)])
    nested = _Nested(value=value, sums=columns[0], sizes=columns[1], squares=columns[2], noise=columns[3])
    return nested, 1 / float(np.mean(inverse)) if inverse else 1.0


def _noises(answers: Iterable[Answer], asked: Tallies) -> dict[Condition, dict[Slot, float]]:
    """Unbiased variance of each slot's share of yes over its own answers; 0 where there is one answer.

    What a wording or order adds to every slot alike is no noise of a slot and is taken off first.
    """
    totals: dict[tuple[Condition, str], list[int]] = defaultdict(lambda: [0, 0])
    given: dict[tuple[Condition, Slot], list[tuple[str, int]]] = defaultdict(list)
    for answer in answers:
        key, yes = condition(answer), answer.verdict is Verdict.YES
        if (yes or answer.verdict is Verdict.NO) and answer.slot in asked.get(key, {}):
            total = totals[key, answer.wording]
            total[0], total[1] = total[0] + yes, total[1] + 1
            given[key, answer.slot].append((answer.wording, int(yes)))
    found: dict[Condition, dict[Slot, float]] = defaultdict(dict)
    for (key, slot), said in given.items():
        left = np.array([yes - totals[key, wording][0] / totals[key, wording][1] for wording, yes in said])
        found[key][slot] = float(left.var(ddof=1)) / len(left) if len(left) > 1 else 0.0
    return found


def _components(key: Condition, nested: _Nested, several: float, level: float) -> Components:
    whole = _statistics(nested, several)
    number = len(nested.sums)
    without = np.array([_statistics(nested.without(row), several) for row in range(number)])
    error = np.zeros(len(whole))
    for value in np.unique(nested.value):
        of_value = without[nested.value == value]
        error += (len(of_value) - 1) / len(of_value) * ((of_value - of_value.mean(axis=0)) ** 2).sum(axis=0)
    freedom = number - len(np.unique(nested.value))
    half = t_quantile((1 + level) / 2, freedom) * np.sqrt(error)

    def interval(place: int, most: float = np.inf) -> Interval:
        at = float(whole[place])
        return Interval(
            estimate=max(at, 0.0), low=max(at - float(half[place]), 0.0),
            high=min(max(at + float(half[place]), 0.0), most), level=level,
        )  # fmt: skip

    sources = [VALUES, KEYWORDS, PICTURES] + ([ANSWERS] if several > 1 else [])
    between = interval(0)
    return Components(
        condition=key,
        components=tuple(
            Component(source=source, variance=interval(place), part=interval(4 + place, 1.0))
            for place, source in enumerate(sources)
        ),
        values=len(np.unique(nested.value)),
        keywords=number,
        slots=int(nested.sizes.sum()),
        deviation=Interval(
            estimate=between.estimate**0.5,
            low=between.low**0.5,
            high=between.high**0.5,
            level=level,
        ),
        dependability=interval(8, 1.0),
    )


def _statistics(nested: _Nested, several: float) -> Floats:
    """Four components, their parts, and the dependability, for the jackknife in one row."""
    values, keywords, slots = nested_variances(nested.value, nested.sums, nested.sizes, nested.squares)
    noise = float(nested.noise.sum() / nested.sizes.sum())
    parts = np.array([values, keywords, slots - noise, noise * several])
    positive = np.maximum(parts, 0.0)
    of_value = np.unique(nested.value)
    each = np.array([nested.sizes[nested.value == value].sum() for value in of_value])
    # A value's score errs with its keywords and, within these, its slots.
    spread = np.array([(nested.sizes[nested.value == value] ** 2).sum() for value in of_value]) / each**2
    error = max(keywords, 0.0) * float(spread.mean()) + slots * float((1 / each).mean())
    true = max(values, 0.0)
    own = true / (true + error) if true + error > 0 else 0.0
    return np.concatenate([parts, positive / max(float(positive.sum()), 1e-300), [own]])


def nested_variances(
    value: npt.NDArray[np.intp], sums: Floats, sizes: Floats, squares: Floats
) -> tuple[float, float, float]:
    """Variances between groups, between clusters within groups, and within clusters; unbiased, so maybe negative.

    Args:
        value: the group of each cluster.
        sums, sizes, squares: of the units' values by cluster.
    """
    groups, of = np.unique(value, return_inverse=True)
    total, clusters_ = float(sizes.sum()), len(sums)
    group_sums, group_sizes = np.bincount(of, sums), np.bincount(of, sizes)
    by_group, by_cluster = float((group_sums**2 / group_sizes).sum()), float((sums**2 / sizes).sum())
    within = float(squares.sum() - by_cluster) / max(total - clusters_, 1.0)
    inner = float((np.bincount(of, sizes**2) / group_sizes).sum())
    between_clusters = 0.0
    if total > inner:
        between_clusters = (by_cluster - by_group - (clusters_ - len(groups)) * within) / (total - inner)
    explained = by_group - float(sums.sum()) ** 2 / total
    expected = (inner - float((sizes**2).sum()) / total) * between_clusters + (len(groups) - 1) * within
    return (explained - expected) / (total - float((group_sizes**2).sum()) / total), between_clusters, within
