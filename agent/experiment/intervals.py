"""Intervals whose units are arms: one number an arm, however many shorts it saw.

A feed is autocorrelated, so an arm of fifty shorts is one observation of what feeds do and not fifty. With three to six
replicates Student's t over arms covers, and a bootstrap does not (three values can be drawn again in ten ways only).
Conditions are averaged evenly, with a variance of their own each and Satterthwaite's degrees of freedom (1946):
intervals are for further replicates of the same conditions, not for other personas.

Shares of twenty shorts are coarse, and three arms with the same share have no variance at all. Each arm's number
therefore counts as rounded to its steps: a variance of step**2 / 12 is the least (Sheppard 1897).
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, variance
from typing import TypeVar

from agent.benchmark.intervals import LEVEL, t_quantile, two_sided

T = TypeVar("T")

LEAST_ARMS = 3
"""Replicates of a condition below which there is no interval."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A number with its interval; both bounds and `p` are None where a condition has fewer than `LEAST_ARMS` arms."""

    estimate: float
    low: float | None = None
    high: float | None = None
    p: float | None = None
    """Two-sided, against nought; None also where nought is no question."""
    arms: int
    """Units: arms, or pairs of arms."""
    level: float = LEVEL

    @property
    def sure(self) -> bool:
        """Whether there is an interval and it leaves nought out."""
        return self.low is not None and self.high is not None and not self.low <= 0 <= self.high


@dataclass(frozen=True, kw_only=True)
class Unit:
    """One arm's number, or one pair's."""

    value: float
    step: float = 0.0
    """How coarse it is: the least by which it could differ."""


def mean(units: Sequence[Unit], *, tested: bool = True, limits: tuple[float, float] | None = None) -> Estimate:
    """The mean of one condition's replicates; at least one.

    Args:
        tested: whether nought is a question.
        limits: the least and greatest that it can be.
    """
    return mean_of_conditions([units], tested=tested, limits=limits)


def mean_of_conditions(
    conditions: Sequence[Sequence[Unit]], *, tested: bool = True, limits: tuple[float, float] | None = None
) -> Estimate:
    """The mean over conditions of their means; at least one condition, and one unit in each."""
    return combined([(1 / len(conditions), units) for units in conditions], tested=tested, limits=limits)


def difference(one: Sequence[Sequence[Unit]], other: Sequence[Sequence[Unit]]) -> Estimate:
    """The mean over conditions of one side less that of the other, whose arms are others."""
    parts = [(1 / len(one), units) for units in one] + [(-1 / len(other), units) for units in other]
    return combined(parts)


def combined(
    parts: Sequence[tuple[float, Sequence[Unit]]], *, tested: bool = True, limits: tuple[float, float] | None = None
) -> Estimate:
    """A weighted sum of conditions' means, with Satterthwaite's degrees of freedom."""
    estimate = sum(weight * fmean(unit.value for unit in units) for weight, units in parts)
    arms = sum(len(units) for _, units in parts)
    if any(len(units) < LEAST_ARMS for _, units in parts):
        return Estimate(estimate=estimate, arms=arms)
    errors = [weight**2 * _variance(units) / len(units) for weight, units in parts]
    total = sum(errors)
    if not total:
        return Estimate(estimate=estimate, low=estimate, high=estimate, p=_certain(estimate, tested), arms=arms)
    freedom = total**2 / sum(error**2 / (len(units) - 1) for error, (_, units) in zip(errors, parts, strict=True))
    return _around(estimate, math.sqrt(total), freedom, arms, tested, limits)


def relative_change(conditions: Sequence[Sequence[tuple[float, float]]]) -> Estimate | None:
    """Mean of the second numbers over mean of the first, less 1; None where the first are nought throughout.

    Conditions count the same each. The interval is that of a linearised ratio (Cochran 1977, 6.2).

    Args:
        conditions: pairs of first and last, one an arm.
    """
    before, after = (fmean(fmean(arm[side] for arm in arms) for arms in conditions) for side in (0, 1))
    if not before:
        return None
    ratio = after / before
    found = mean_of_conditions(
        [[Unit(value=(last - ratio * first) / before) for first, last in arms] for arms in conditions]
    )
    if found.low is None or found.high is None:
        return Estimate(estimate=ratio - 1, arms=found.arms)
    low, high = max(ratio - 1 + found.low, -1.0), ratio - 1 + found.high
    return Estimate(estimate=ratio - 1, low=low, high=high, arms=found.arms)


def jackknife(
    arms: Mapping[str, T], statistic: Callable[[Iterable[T]], float | None], limits: tuple[float, float]
) -> Estimate | None:
    """A statistic of all arms together, with the interval of its pseudo-values (Tukey 1958); None where it has no
    value, and without an interval where it has none once one arm is left out."""
    whole, number = statistic(arms.values()), len(arms)
    if whole is None:
        return None
    without = [statistic(one for other, one in arms.items() if other != arm) for arm in arms]
    known = [one for one in without if one is not None]
    if number < LEAST_ARMS or len(known) < number:
        return Estimate(estimate=whole, arms=number)
    pseudo = [Unit(value=number * whole - (number - 1) * one) for one in known]
    return _around(whole, math.sqrt(_variance(pseudo) / number), number - 1, number, False, limits)


def _variance(units: Sequence[Unit]) -> float:
    """Of one unit."""
    return max(variance(unit.value for unit in units), fmean(unit.step**2 for unit in units) / 12)


def _certain(estimate: float, tested: bool) -> float | None:
    return (1.0 if estimate == 0 else 0.0) if tested else None


def _around(
    estimate: float, error: float, freedom: float, arms: int, tested: bool, limits: tuple[float, float] | None
) -> Estimate:
    half = t_quantile((1 + LEVEL) / 2, round(freedom, 3)) * error
    low, high = estimate - half, estimate + half
    if limits is not None:
        low, high = min(max(low, limits[0]), estimate), max(min(high, limits[1]), estimate)
    p = two_sided(estimate / error, freedom) if tested and error else _certain(estimate, tested)
    return Estimate(estimate=estimate, low=low, high=high, p=p, arms=arms)
