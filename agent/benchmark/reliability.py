"""Does the measure give the same answer twice? Parallel forms, epochs, and wordings.

parallel forms   scores of form A against form B, over values: two sets of keywords for the same values
retest           the same question about the same picture in another epoch
wordings         another wording or answer order about the same picture, in the same epoch
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from statistics import NormalDist

import numpy as np

from agent.benchmark.intervals import LEVEL, mean_interval, share
from agent.benchmark.records import Answer, Interval, Slot
from agent.benchmark.tally import Condition, Tally, by_value, clusters, condition, shares_of, tally
from retrieval.agreement import Agreement, agreement
from storage.records import Verdict


@dataclass(frozen=True, kw_only=True)
class ParallelForms:
    """How alike two keyword sets rank the values."""

    condition: Condition
    """Of form A."""
    values: int
    """That both forms have."""
    correlation: Interval | None
    """Of the values' scores, -1 to 1, with Fisher's interval; None with fewer than four values or a flat profile."""
    together: float | None
    """Reliability of both forms' mean (Spearman and Brown)."""
    difference: Interval
    """Mean score of form A less that of form B over these values; -1 to 1."""


@dataclass(frozen=True, kw_only=True)
class Repeats:
    """How often the answers about one slot are the same; refused and unreadable are answers, too."""

    condition: Condition
    compared: tuple[str, ...]
    """The epochs or wordings."""
    slots: int
    """Answered more than once."""
    same: Interval
    """Share of pairs of answers about one slot that are the same."""
    alpha: Agreement
    """Krippendorff's: the same beyond chance. None inside where all say the same of everything."""
    correlation: Interval | None
    """Of the values' scores, mean over pairs of epochs or wordings, -1 to 1; Fisher's interval of one pair."""


def parallel_forms(answers: Iterable[Answer], *, verified: bool = False, level: float = LEVEL) -> list[ParallelForms]:
    """Form A against form B for every condition that has both; values weigh the same."""
    asked = tally(answers, verified=verified)
    found = []
    for one, slots in asked.items():
        other = asked.get(replace(one, form="B"))
        if one.form != "A" or other is None:
            continue
        left, right = _profile(slots), _profile(other)
        both = [value for value in left if value in right]
        if not both:
            continue
        correlation = correlate([left[value] for value in both], [right[value] for value in both], level)
        found.append(
            ParallelForms(
                condition=one,
                values=len(both),
                correlation=correlation,
                together=None if correlation is None else _stepped_up(correlation.estimate),
                difference=mean_interval(
                    np.array([left[value] - right[value] for value in both]),
                    np.ones(len(both)),
                    limits=(-1.0, 1.0),
                    level=level,
                ),
            )
        )
    return found


def _stepped_up(correlation: float) -> float | None:
    return 2 * correlation / (1 + correlation) if correlation > -1 else None


def retest(answers: Iterable[Answer], *, seed: int, level: float = LEVEL) -> list[Repeats]:
    """Epoch against epoch, wording by wording; conditions with one epoch are left out."""
    return _repeats(answers, lambda one: str(one.epoch), lambda one: one.wording, "epochs", seed, level)


def between_wordings(answers: Iterable[Answer], *, seed: int, level: float = LEVEL) -> list[Repeats]:
    """Wording against wording (and order against order), epoch by epoch; conditions with one are left out.

    Verdicts say whether the content is liked, also of wordings that ask for dislike.
    """
    return _repeats(answers, lambda one: one.wording, lambda one: str(one.epoch), "wordings", seed, level)


def _repeats(
    answers: Iterable[Answer],
    compared: Callable[[Answer], str],
    held: Callable[[Answer], str],
    purpose: str,
    seed: int,
    level: float,
) -> list[Repeats]:
    units: dict[Condition, dict[Slot, dict[str, list[Verdict]]]] = defaultdict(lambda: defaultdict(dict))
    tallies: dict[Condition, dict[str, dict[Slot, Tally]]] = defaultdict(lambda: defaultdict(dict))
    for one in answers:
        key = condition(one)
        units[key][one.slot].setdefault(held(one), []).append(one.verdict)
        tallies[key][compared(one)].setdefault(one.slot, Tally()).add(one)
    found = []
    for key in sorted(units, key=lambda one: one.order):
        names = sorted(tallies[key])
        same = {slot: alike for slot, said in units[key].items() if (alike := _alike(said.values())) is not None}
        if len(names) < 2 or not same:
            continue
        profiles = [_profile(tallies[key][name]) for name in names]
        said = [unit for slot in units[key].values() for unit in slot.values()]
        found.append(
            Repeats(
                condition=key,
                compared=tuple(names),
                slots=len(same),
                same=share(clusters(same), level),
                alpha=agreement(said, seed=seed, purpose=f"{purpose}/{key}"),
                correlation=_mean_correlation(profiles, level),
            )
        )
    return found


def _alike(units: Iterable[Sequence[Verdict]]) -> float | None:
    """Share of pairs within these units that are the same; None where there is no pair."""
    pairs = [one is other for unit in units for one, other in combinations(unit, 2)]
    return sum(pairs) / len(pairs) if pairs else None


def _profile(slots: Mapping[Slot, Tally]) -> dict[str, float]:
    """Every value's score; the control set is no value."""
    liked = {value: shares_of(of_value) for value, of_value in by_value(slots).items() if value}
    return {value: sum(of_value.values()) / len(of_value) for value, of_value in liked.items() if of_value}


def correlate(one: Sequence[float], other: Sequence[float], level: float = LEVEL) -> Interval | None:
    """Pearson's correlation with Fisher's interval; None with fewer than four pairs or where one side is flat."""
    if len(one) < 4 or np.ptp(one) < 1e-12 or np.ptp(other) < 1e-12:
        return None
    return _fisher(float(np.corrcoef(one, other)[0, 1]), len(one), level)


def _fisher(correlation: float, number: int, level: float) -> Interval:
    inside = min(max(correlation, -1 + 1e-12), 1 - 1e-12)
    half = NormalDist().inv_cdf((1 + level) / 2) / math.sqrt(number - 3)
    low, high = math.tanh(math.atanh(inside) - half), math.tanh(math.atanh(inside) + half)
    return Interval(estimate=correlation, low=low, high=high, level=level)


def _mean_correlation(profiles: Sequence[dict[str, float]], level: float) -> Interval | None:
    shared = [value for value in profiles[0] if all(value in profile for profile in profiles)]
    rows = [[profile[value] for value in shared] for profile in profiles]
    found = [one for left, right in combinations(rows, 2) if (one := correlate(left, right, level)) is not None]
    return _fisher(float(np.mean([one.estimate for one in found])), len(shared), level) if found else None
