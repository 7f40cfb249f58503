"""Intervals and extrapolation of the duplicate benchmark, each with its method."""

from collections.abc import Sequence
from math import exp, sqrt

Z = 1.96


def wilson(hits: int, of: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson's score interval)."""
    if not of:
        return 0.0, 1.0
    share, spread = hits / of, Z * Z / of
    centre = (share + spread / 2) / (1 + spread)
    half = Z * sqrt(share * (1 - share) / of + spread / (4 * of)) / (1 + spread)
    return max(0.0, centre - half), min(1.0, centre + half)


def upper_bound(events: int, of: float) -> float:
    """95 % upper bound of a rate: 3/n for no event (rule of three), else Poisson's by Wilson and Hilferty."""
    if events == 0:
        return 3.0 / of
    count = events + 1
    return count * (1 - 1 / (9 * count) + 1.645 / (3 * sqrt(count))) ** 3 / of


def tail(scores: Sequence[float], threshold: float, most: int = 200) -> tuple[float, float, float]:
    """How many of the pairs behind these scores are expected at or above a threshold.

    Peaks over a level with an exponential tail: the level is the `most`-th highest score (or the lowest there is), the
    scale the mean excess over it. Scores are bounded, so their true tail is lighter, and the figure too high rather
    than too low.

    Returns:
        Expected number, level, scale.
    """
    highest = sorted(scores, reverse=True)[: most + 1]
    if len(highest) < 10:
        return 0.0, 0.0, 0.0
    level = highest[-1]
    excess = [score - level for score in highest[:-1]]
    scale = max(1e-6, sum(excess) / len(excess))
    return len(excess) * exp(-(threshold - level) / scale), level, scale
