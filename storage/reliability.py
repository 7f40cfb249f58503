"""How far sources of labels agree beyond chance: Krippendorff's alpha for nominal data.

alpha = 1 - observed / expected disagreement (Krippendorff 2011, *Computing Krippendorff's Alpha-Reliability*). It
takes any number of sources and gaps in what they said; 1 is agreement, 0 what chance gives, below 0 is contradiction.
Where everybody says the same of everything there is no variation to agree about, and alpha is not defined.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]


def krippendorff_alpha(units: Sequence[Sequence[Hashable]]) -> float | None:
    """Nominal alpha.

    Args:
        units: for each unit what was said of it, once a source that said something; gaps are simply not there.

    Returns:
        None where fewer than two sources judged any unit, or where only one category occurs.
    """
    return alpha_of(*kinds_of_units(units))


def alpha_of(kinds: Numbers, times: Numbers) -> float | None:
    """Nominal alpha of units that are given by kind, as `kinds_of_units` returns them."""
    (alpha,) = alphas(kinds, times[None])
    return None if np.isnan(alpha) else float(alpha)


def kinds_of_units(units: Iterable[Sequence[Hashable]]) -> tuple[Numbers, Numbers]:
    """The units that can be paired (two judgements or more); those that were judged alike are one kind.

    Returns:
        Shape (kinds, categories): how many sources put a unit of this kind into a category; and how many units are of
        each kind.
    """
    paired = [Counter(unit) for unit in units if len(unit) > 1]
    kinds = Counter(frozenset(unit.items()) for unit in paired)
    categories = {one: place for place, one in enumerate(dict.fromkeys(one for unit in paired for one in unit))}
    counts = np.zeros((len(kinds), len(categories)))
    for row, kind in zip(counts, kinds, strict=True):
        for one, times in kind:
            row[categories[one]] = times
    return counts, np.array(list(kinds.values()), np.float64)


def alphas(kinds: Numbers, times: Numbers) -> Numbers:
    """Alpha for each row of `times` (samples, kinds): how often each kind of unit occurs. NaN where not defined."""
    judged = kinds.sum(axis=1)
    # Ordered pairs of unlike judgements within a unit, each unit weighted by its judgements.
    unlike = (judged**2 - (kinds**2).sum(axis=1)) / np.maximum(judged - 1, 1)
    total = times @ judged
    by_category = times @ kinds
    expected = total**2 - (by_category**2).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(expected > 0, 1 - (times @ unlike) * (total - 1) / expected, np.nan), np.float64)
