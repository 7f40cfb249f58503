"""How far sources of labels agree beyond chance: Krippendorff's alpha for nominal data.

alpha = 1 - observed / expected disagreement (Krippendorff 2011, *Computing Krippendorff's Alpha-Reliability*). It
takes any number of sources and gaps in what they said; 1 is agreement, 0 what chance gives, below 0 is contradiction.
Where everybody says the same of everything there is no variation to agree about, and alpha is not defined.
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retrieval.metrics import REPEATS, Floats, bounds, generator
from storage.records import LabelKind, Stance
from storage.sampling import Statement

Counts = npt.NDArray[np.float64]
"""Shape (kinds of unit, categories): how many sources put a unit into a category."""

UNSURE = Stance.UNSURE.value
NONE = Stance.NONE.value
CONCERNED = "concerned"
NEAR = "near"
"""What a similarity says: a score and no stance."""
ONE_AT_A_TIME = ("check:", "person")
"""Beginnings of the names of sources that were asked about one value of a short, as value sets are checked."""

ValueJudgements = dict[str, dict[int, dict[str, str]]]
"""Stances by value, short and source."""


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Alpha over the units that at least two sources judged, with its bootstrap interval over units."""

    alpha: float | None
    low: float | None
    high: float | None
    units: int
    judgements: int


def krippendorff_alpha(units: Sequence[Sequence[Hashable]]) -> float | None:
    """Nominal alpha.

    Args:
        units: for each unit what was said of it, once a source that said something; gaps are simply not there.

    Returns:
        None where fewer than two sources judged any unit, or where only one category occurs.
    """
    kinds, times = _kinds(units)
    (alpha,) = _alphas(kinds, times[None])
    return None if np.isnan(alpha) else float(alpha)


def agreement(units: Sequence[Sequence[Hashable]], *, seed: int, purpose: str, repeats: int = REPEATS) -> Agreement:
    """Nominal alpha with its interval; units are drawn again with replacement."""
    kinds, times = _kinds(units)
    number = int(times.sum())
    low = high = None
    if number > 1:
        drawn = generator(seed, purpose).multinomial(number, times / number, repeats)
        low, high = bounds(_alphas(kinds, drawn.astype(np.float64)))
    return Agreement(
        alpha=krippendorff_alpha(units), low=low, high=high, units=number, judgements=int(times @ kinds.sum(axis=1))
    )


def _kinds(units: Iterable[Sequence[Hashable]]) -> tuple[Counts, Floats]:
    """The units that can be paired (two judgements or more), those that were judged alike as one kind, and how many
    units are of each kind."""
    paired = [Counter(unit) for unit in units if len(unit) > 1]
    kinds = Counter(frozenset(unit.items()) for unit in paired)
    categories = {one: place for place, one in enumerate(dict.fromkeys(one for unit in paired for one in unit))}
    counts = np.zeros((len(kinds), len(categories)))
    for row, kind in zip(counts, kinds, strict=True):
        for one, times in kind:
            row[categories[one]] = times
    return counts, np.array(list(kinds.values()), np.float64)


def _alphas(kinds: Counts, times: Floats) -> Floats:
    """Alpha for each row of `times` (samples, kinds): how often each kind of unit occurs. NaN where not defined."""
    judged = kinds.sum(axis=1)
    # Ordered pairs of unlike judgements within a unit, each unit weighted by its judgements.
    unlike = (judged**2 - (kinds**2).sum(axis=1)) / np.maximum(judged - 1, 1)
    total = times @ judged
    by_category = times @ kinds
    expected = total**2 - (by_category**2).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(expected > 0, 1 - (times @ unlike) * (total - 1) / expected, np.nan), np.float64)


def value_judgements(
    statements: Iterable[Statement], values: Sequence[str], sources: Sequence[str] | None = None
) -> ValueJudgements:
    """What each source says of each short, by value and short: a stance.

    A source that labelled a short and did not name a value said `none` of it: the labelling questions ask for the
    values that a short has to do with. A source that judges one value at a time (`check:...`, `person...`) said nothing
    of the others.

    Args:
        sources: only these; by default all.
    """
    said: dict[tuple[int, str], dict[str, str]] = defaultdict(dict)
    for one in statements:
        if sources is None or one.source in sources:
            named = said[one.short_id, one.source]
            if one.kind == LabelKind.VALUE.value:
                named[one.name] = NEAR if one.stance == UNSURE and one.score is not None else one.stance or NEAR
    found: ValueJudgements = {value: defaultdict(dict) for value in values}
    for (short_id, source), named in said.items():
        one_at_a_time = source.startswith(ONE_AT_A_TIME)
        for value in values:
            if value in named or not one_at_a_time:
                found[value][short_id][source] = named.get(value, NONE)
    return found


def value_agreement(
    judgements: ValueJudgements, *, seed: int, repeats: int = REPEATS
) -> dict[str, Mapping[str, Agreement]]:
    """Alpha per value, twice: `concerned` (is the short about the value at all) and `stance` (how it stands to it).

    For `concerned` a judgement is one of two: none, or anything else. A similarity, which knows no stance, says that a
    short is near to the value's words; that counts there and is a gap in `stance`. `unsure` is a gap in both.
    """
    found: dict[str, Mapping[str, Agreement]] = {}
    for value, by_short in judgements.items():
        sure = [[one for one in by_source.values() if one != UNSURE] for by_source in by_short.values()]
        parts = {
            "concerned": [[NONE if one == NONE else CONCERNED for one in unit] for unit in sure],
            "stance": [[one for one in unit if one != NEAR] for unit in sure],
        }
        found[value] = {
            part: agreement(units, seed=seed, purpose=f"alpha/{part}/{value}", repeats=repeats)
            for part, units in parts.items()
        }
    return found
