"""Intervals and extrapolation of the duplicate benchmark, each with its method."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, sqrt

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
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


@dataclass(frozen=True, kw_only=True)
class Tail:
    """How many of the pairs behind some scores are expected at or above a limit."""

    expected: float
    high: float
    """95 % upper bound (bootstrap over the peaks)."""
    exponential: float
    """The expected number if the tail had no end (shape 0): scores are bounded, so this is too high."""
    peaks: int
    level: float
    shape: float
    scale: float


def tail(scores: Sequence[float], limit: float, most: int = 200, resamples: int = 1000) -> Tail:
    """Peaks over a level: a generalised Pareto distribution of their excess, fitted by probability-weighted moments.

    The level is the `most`-th highest score, or, of fewer than twice as many, the median, so that it is the tail that
    is fitted. Source: Hosking and Wallis, Parameter and quantile estimation for the generalized Pareto distribution,
    1987.

    Raises:
        ValueError: fewer than 20 scores.
    """
    if len(scores) < 20:
        raise ValueError(f"a tail needs at least 20 scores, not {len(scores)}")
    highest = np.sort(np.asarray(scores, np.float64))[::-1][: min(most, len(scores) // 2) + 1]
    level, excess = float(highest[-1]), highest[:-1] - highest[-1]
    dice = np.random.default_rng(len(excess))
    drawn = excess[dice.integers(len(excess), size=(resamples, len(excess)))]
    (shape,), (scale,) = _pareto(excess[None])
    over = limit - level
    return Tail(
        expected=len(excess) * float(_beyond(over, shape, scale)),
        high=float(np.quantile(len(excess) * _beyond(over, *_pareto(drawn)), 0.95)),
        exponential=len(excess) * exp(-over / max(float(excess.mean()), 1e-9)),
        peaks=len(excess),
        level=level,
        shape=float(shape),
        scale=float(scale),
    )


def _pareto(excess: Values) -> tuple[Values, Values]:
    """Shape (above 0: heavier than exponential; below: it ends) and scale of each row."""
    excess = np.sort(excess, axis=1)
    of = excess.shape[1]
    mean = np.maximum(excess.mean(1), 1e-9)
    lesser = (excess * (1 - (np.arange(of) + 0.65) / of)).mean(1)
    apart = np.maximum(mean - 2 * lesser, 1e-9)
    return 2 - mean / apart, 2 * mean * lesser / apart


def _beyond(over: float, shape: Values, scale: Values) -> Values:
    """Probability of an excess of at least `over`."""
    shape = np.where(np.abs(shape) < 1e-6, 1e-6, shape)
    beyond: Values = np.maximum(0.0, 1 + shape * over / np.maximum(scale, 1e-9)) ** (-1 / shape)
    return np.where(1 + shape * over / np.maximum(scale, 1e-9) <= 0, 0.0, beyond)
