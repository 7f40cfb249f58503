"""How far sources of labels agree about values: Krippendorff's alpha (`storage.reliability`) with its interval."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from retrieval.metrics import REPEATS, bounds, generator
from storage.records import ONE_AT_A_TIME, LabelKind, Stance
from storage.reliability import alpha_of, alphas, kinds_of_units
from storage.sampling import Statement

UNSURE = Stance.UNSURE.value
NONE = Stance.NONE.value
CONCERNED = "concerned"
NEAR = "near"
"""What a similarity says: a score and no stance."""

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


def agreement(units: Sequence[Sequence[Hashable]], *, seed: int, purpose: str, repeats: int = REPEATS) -> Agreement:
    """Nominal alpha with its interval; units are drawn again with replacement."""
    kinds, times = kinds_of_units(units)
    number = int(times.sum())
    low = high = None
    if number > 1:
        drawn = generator(seed, purpose).multinomial(number, times / number, repeats)
        low, high = bounds(alphas(kinds, drawn.astype(np.float64)))
    return Agreement(
        alpha=alpha_of(kinds, times), low=low, high=high, units=number, judgements=int(times @ kinds.sum(axis=1))
    )


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
