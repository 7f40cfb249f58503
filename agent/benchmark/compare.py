"""Differences: between values, models, modalities, and against the control set.

    values     keywords are dealt anew among the two values; interval from both scores' intervals (Newcombe 1998)
    models     the same slots, paired; keywords are the clusters, and each keyword's difference may change its sign
    modality   picture against description, the same way
    control    log-odds against control pictures of the same platforms and months; t on keywords

p-values of permutations are exact up to the number drawn, `PERMUTATIONS`, and never zero. Holm's correction (1979) is
within a family: the declared comparisons of one kind, and within one condition where a kind has more. What was not
declared has no corrected p and is exploratory.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from itertools import combinations

import numpy as np

from agent.benchmark.circle import in_circle
from agent.benchmark.intervals import (
    LEVEL,
    Clusters,
    Floats,
    paired_interval,
    share,
    shares,
    t_quantile,
    two_sided,
)
from agent.benchmark.records import Answer, Interval, Modality, Slot
from agent.benchmark.tally import Condition, Tallies, Tally, by_value, cluster_of, clusters, counts_of, shares_of, tally
from retrieval.metrics import generator

PERMUTATIONS = 20_000
CONTROL = "control"
SMALL = 1e-12
Pairs = Iterable[tuple[str, str]] | None


class Kind(StrEnum):
    """What is compared."""

    VALUES = "values"
    MODELS = "models"
    MODALITY = "modality"
    CONTROL = "control"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One difference: `one` less `other`."""

    kind: Kind
    condition: Condition
    """Of `one`; for models and modality the other differs in just that."""
    one: str
    other: str
    """Two values, two models, two modalities, or a value and `control`."""
    value: str | None = None
    """Only slots of this value; None: of all values together (or the kind is about values)."""
    difference: Interval
    """Of shares, -1 to 1; of `control` in log-odds."""
    p: float
    """Two-sided, not corrected."""
    p_holm: float | None = None
    """Corrected within its family; None: not declared, exploratory."""
    slots: int
    """That the difference rests on; of pairs, slots that both answered."""
    matched: float | None = None
    """`control`: share of the value's slots whose platform and month the control set has."""


def compare_values(
    answers: Iterable[Answer], *, seed: int, pairs: Pairs = None, verified: bool = False, level: float = LEVEL,
    permutations: int = PERMUTATIONS,
) -> list[Comparison]:  # fmt: skip
    """Every two values of every condition.

    Args:
        seed: of the permutations.
        pairs: the declared ones; None declares all.
    """
    declared = None if pairs is None else {frozenset(pair) for pair in pairs}
    found = []
    for condition, slots in tally(answers, verified=verified).items():
        groups = {
            value: clusters(liked, counts_of(slots[slot] for slot in liked).opinions / len(liked))
            for value, liked in _liked(slots).items()
        }
        family = [
            Comparison(
                kind=Kind.VALUES, condition=condition, one=one, other=other,
                difference=newcombe(share(groups[one], level), share(groups[other], level)),
                p=keywords_permuted(groups[one], groups[other], seed=seed, permutations=permutations),
                slots=int(groups[one].sizes.sum() + groups[other].sizes.sum()),
            )
            for one, other in combinations(groups, 2)
        ]  # fmt: skip
        found += corrected(family, [declared is None or {row.one, row.other} in declared for row in family])
    return found


def compare_models(
    answers: Iterable[Answer], *, seed: int, pairs: Pairs = None, each_value: bool = False, verified: bool = False,
    level: float = LEVEL, permutations: int = PERMUTATIONS,
) -> list[Comparison]:  # fmt: skip
    """Every two models over the slots that both answered, the control set apart.

    Args:
        pairs: the declared ones; None declares all.
        each_value: value by value (one family) and not all values together.
    """
    asked = tally(answers, verified=verified)
    declared = None if pairs is None else {frozenset(pair) for pair in pairs}
    rooms: dict[Condition, list[Condition]] = defaultdict(list)
    for condition in asked:
        if condition.form != CONTROL:
            rooms[replace(condition, model="")].append(condition)
    found = []
    for conditions in rooms.values():
        family: list[Comparison] = []
        for one, other in combinations(conditions, 2):
            family += _paired(
                Kind.MODELS, asked, one, other, (one.model, other.model), each_value, seed, level, permutations
            )
        found += corrected(family, [declared is None or {row.one, row.other} in declared for row in family])
    return found


def compare_modalities(
    answers: Iterable[Answer], *, seed: int, declared: bool = True, each_value: bool = False, verified: bool = False,
    level: float = LEVEL, permutations: int = PERMUTATIONS,
) -> list[Comparison]:  # fmt: skip
    """Each model's answers to pictures less its answers to descriptions of the same pictures (paper, section 5)."""
    asked = tally(answers, verified=verified)
    family: list[Comparison] = []
    for other in asked:
        one = replace(other, modality=Modality.IMAGE, captioner=None)
        if other.modality is Modality.CAPTION and other.form != CONTROL and one in asked:
            names = one.modality.value, f"{other.modality.value} by {other.captioner}"
            family += _paired(Kind.MODALITY, asked, one, other, names, each_value, seed, level, permutations)
    return corrected(family, [declared] * len(family))


def compare_control(
    answers: Iterable[Answer], *, declared: bool = True, verified: bool = False, level: float = LEVEL
) -> list[Comparison]:
    """Each value less the control set in log-odds, control pictures weighed to the value's platforms and months.

    Where the control set has no picture of a platform and month it takes the platform's, and failing that all;
    `matched` says how often neither was needed.
    """
    asked = tally(answers, verified=verified)
    found = []
    for condition, slots in asked.items():
        control = shares_of(asked.get(replace(condition, form=CONTROL), {}))
        if condition.form == CONTROL or len(control) < 2:
            continue
        family = [
            _against_control(condition, value, liked, control, level)
            for value, liked in _liked(slots).items()
            if len({cluster_of(slot) for slot in liked}) > 1
        ]
        found += corrected(family, [declared] * len(family))
    return found


def corrected(family: Sequence[Comparison], declared: Sequence[bool]) -> list[Comparison]:
    """The comparisons with Holm's correction over those that were declared."""
    adjusted = iter(holm([row.p for row, known in zip(family, declared, strict=True) if known]))
    return [replace(row, p_holm=next(adjusted) if known else None) for row, known in zip(family, declared, strict=True)]


def holm(chances: Sequence[float]) -> list[float]:
    """Holm's corrected p-values, in the order given."""
    found, most = [0.0] * len(chances), 0.0
    for rank, place in enumerate(sorted(range(len(chances)), key=lambda one: chances[one])):
        most = max(most, min(chances[place] * (len(chances) - rank), 1.0))
        found[place] = most
    return found


def newcombe(one: Interval, other: Interval) -> Interval:
    """Difference of two independent shares from their own intervals (Newcombe 1998, method 10)."""
    estimate = one.estimate - other.estimate
    low = estimate - math.hypot(one.estimate - one.low, other.high - other.estimate)
    high = estimate + math.hypot(one.high - one.estimate, other.estimate - other.low)
    return Interval(estimate=estimate, low=max(low, -1.0), high=min(high, 1.0), level=one.level)


def keywords_permuted(one: Clusters, other: Clusters, *, seed: int, permutations: int = PERMUTATIONS) -> float:
    """Two-sided p of the difference of two means over slots, were keywords dealt to the two values by chance.

    The draw depends on the seed and the numbers of keywords alone.
    """
    sums, sizes = np.concatenate([one.sums, other.sums]), np.concatenate([one.sizes, other.sizes])
    number = len(one.sums)
    dealt = _dealt(seed, len(sums), number, permutations)
    left, left_sizes = dealt @ sums, dealt @ sizes
    drawn = np.abs(left / left_sizes - (sums.sum() - left) / (sizes.sum() - left_sizes))
    found = abs(float(one.sums.sum() / one.sizes.sum() - other.sums.sum() / other.sizes.sum()))
    return (1 + int((drawn >= found - SMALL).sum())) / (1 + permutations)


@lru_cache(maxsize=8)
def _dealt(seed: int, number: int, first: int, permutations: int) -> Floats:
    """Which of `number` keywords fall to the first value, shape (permutations, number)."""
    order = generator(seed, f"keywords/{number}").random((permutations, number)).argsort(axis=1)
    return np.asarray(order < first, np.float64)


def signs_changed(differences: Floats, *, seed: int, permutations: int = PERMUTATIONS) -> float:
    """Two-sided p of a sum of keywords' differences, had each the other sign by chance."""
    random = generator(seed, f"signs/{len(differences)}")
    signs = random.integers(0, 2, (permutations, len(differences))) * 2.0 - 1
    drawn = np.abs(signs @ differences)
    return (1 + int((drawn >= abs(float(differences.sum())) - SMALL).sum())) / (1 + permutations)


def _liked(slots: Mapping[Slot, Tally]) -> dict[str, dict[Slot, float]]:
    """Slots' shares of yes by value; values without an opinion, and the control set, are left out."""
    found = {value: shares_of(of_value) for value, of_value in by_value(slots).items() if value}
    return {value: liked for value, liked in found.items() if liked}


def _paired(
    kind: Kind, asked: Tallies, one: Condition, other: Condition, names: tuple[str, str], each_value: bool,
    seed: int, level: float, permutations: int,
) -> list[Comparison]:  # fmt: skip
    right = shares_of(asked[other])
    both = {slot: at - right[slot] for slot, at in shares_of(asked[one]).items() if slot in right}
    parts: dict[str | None, dict[Slot, float]] = {None: both}
    if each_value:
        parts = {
            value: {slot: at for slot, at in both.items() if slot.value == value}
            for value in in_circle(slot.value for slot in both)
        }
    found = []
    for value, differences in parts.items():
        if differences:
            grouped = clusters(differences)
            found.append(
                Comparison(
                    kind=kind, condition=one, one=names[0], other=names[1], value=value,
                    difference=paired_interval(grouped.sums, grouped.sizes, level=level),
                    p=signs_changed(grouped.sums, seed=seed, permutations=permutations), slots=len(differences),
                )
            )  # fmt: skip
    return found


def _against_control(
    condition: Condition, value: str, liked: Mapping[Slot, float], control: Mapping[Slot, float], level: float
) -> Comparison:
    weights, matched = control_weights(liked, list(control))
    at = np.array(list(control.values()))
    rate = float(weights @ at)
    own = shares(clusters(liked), level)
    keywords = len({cluster_of(slot) for slot in liked})
    left, left_variance = log_odds(float(own.estimate), float(own.effective))
    right, right_variance = log_odds(rate, 1 / float(weights @ weights))
    variance = left_variance + right_variance
    # Welch and Satterthwaite: the shorter side decides.
    freedom = variance**2 / (left_variance**2 / (keywords - 1) + right_variance**2 / (len(at) - 1))
    half = t_quantile((1 + level) / 2, freedom) * math.sqrt(variance)
    difference = left - right
    return Comparison(
        kind=Kind.CONTROL, condition=condition, one=value, other=CONTROL, slots=len(liked), matched=matched,
        difference=Interval(estimate=difference, low=difference - half, high=difference + half, level=level),
        p=two_sided(difference / math.sqrt(variance), freedom),
    )  # fmt: skip


def log_odds(share: float, number: float) -> tuple[float, float]:
    """Log-odds of a share of `number` answers and their variance, half an answer added to either side (Haldane 1956,
    Gart and Zweifel 1967), so that all and none stay finite."""
    yes, no = share * number + 0.5, (1 - share) * number + 0.5
    return math.log(yes / no), 1 / yes + 1 / no


def control_weights(slots: Iterable[Slot], control: Sequence[Slot]) -> tuple[Floats, float]:
    """Weights, summing to 1, under which control pictures have the slots' mix of platforms and months.

    Returns:
        The weights, and the share of slots whose platform and month the control set has.
    """
    by_both = Counter((one.platform, one.month) for one in control)
    by_platform = Counter(one.platform for one in control)
    wanted = Counter((one.platform, one.month) for one in slots)
    total = wanted.total()
    weights = np.zeros(len(control))
    for (platform, month), number in wanted.items():
        if by_both[platform, month]:
            alike = np.array([(one.platform, one.month) == (platform, month) for one in control])
        elif by_platform[platform]:
            alike = np.array([one.platform == platform for one in control])
        else:
            alike = np.ones(len(control), np.bool_)
        weights += number / total * alike / alike.sum()
    return weights, sum(number for stratum, number in wanted.items() if by_both[stratum]) / total
