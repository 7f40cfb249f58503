"""How good a ranking is: recall@k, nDCG@k, average precision, and intervals by bootstrap. Pure functions of arrays.

A ranking is the relevance of what was returned, best first. What is relevant and was never returned (a picture that
cannot be read, a caption that is not there) still counts in `total`: it was missed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from storage.chance import draw

Floats = npt.NDArray[np.float64]
Relevance = npt.NDArray[np.bool_]

REPEATS = 2000
LEVEL = 0.95


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A mean with its percentile bootstrap interval. Bounds are None where fewer than two values were resampled."""

    mean: float
    low: float | None
    high: float | None
    n: int

    def rounded(self) -> dict[str, float | int | None]:
        """For JSON: four decimals."""
        low, high = (None if bound is None else round(bound, 4) for bound in (self.low, self.high))
        return {"mean": round(self.mean, 4), "low": low, "high": high, "n": self.n}

    def __str__(self) -> str:
        bounds = "" if self.low is None or self.high is None else f" [{self.low:.2f}, {self.high:.2f}]"
        return f"{self.mean:.2f}{bounds}"


def recall_at(ranked: Relevance, total: int, k: int) -> float:
    """Share of all relevant items that stand among the first k.

    Where more than k are relevant it cannot reach 1; `precision_at` says the same of the places instead.
    """
    return float(ranked[:k].sum()) / total


def precision_at(ranked: Relevance, k: int) -> float:
    """Share of the first k places that hold a relevant item; a place that stays empty holds none."""
    return float(ranked[:k].sum()) / k


def ndcg_at(ranked: Relevance, total: int, k: int) -> float:
    """Normalised discounted cumulative gain with gains 0 and 1 (Järvelin and Kekäläinen 2002, log2 discount)."""
    discounts = 1 / np.log2(np.arange(2, k + 2))
    top = ranked[:k]
    return float(top @ discounts[: len(top)] / discounts[: min(total, k)].sum())


def average_precision(ranked: Relevance, total: int) -> float:
    """Mean, over all relevant items, of the precision at the place of each; 0 for one that was not returned."""
    hits = np.flatnonzero(ranked)
    return float((np.arange(1, len(hits) + 1) / (hits + 1)).sum() / total)


def ranking(scores: npt.NDArray[np.floating], ids: Sequence[str], seed: int) -> npt.NDArray[np.intp]:
    """Places of the items, best first. Items without a score (NaN) are not returned.

    Equal scores stand in seeded order: a corpus is collected keyword by keyword, so that its own order would tell.
    """
    there = np.flatnonzero(~np.isnan(scores))
    ties = np.array([draw(seed, "tie", ids[place]) for place in there.tolist()])
    return np.asarray(there[np.lexsort((ties, -scores[there]))], np.intp)


def bootstrap(
    values: npt.ArrayLike, *, seed: int, purpose: str, repeats: int = REPEATS, level: float = LEVEL
) -> Interval:
    """The mean of values (one a query) and its percentile interval over queries drawn again with replacement.

    Args:
        purpose: names the draw, so that two figures are resampled alike only where they carry the same name.
    """
    found = np.asarray(values, np.float64)
    low = high = None
    if len(found) > 1:
        draws = generator(seed, purpose).integers(0, len(found), (repeats, len(found)))
        low, high = bounds(found[draws].mean(axis=1), level)
    return Interval(mean=float(found.mean()), low=low, high=high, n=len(found))


def generator(seed: int, purpose: str) -> np.random.Generator:
    """Numbers for one bootstrap: the same for the same seed and purpose, whatever was drawn before."""
    return np.random.default_rng(int(draw(seed, "bootstrap", purpose) * (1 << 53)))


def bounds(samples: Floats, level: float = LEVEL) -> tuple[float | None, float | None]:
    """Percentile bounds of a statistic's bootstrap samples; NaN is a sample for which it is not defined."""
    defined = samples[~np.isnan(samples)]
    if not len(defined):
        return None, None
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
