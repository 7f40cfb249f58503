"""What a model's answers owe to how it was asked: yes-bias and the order of the answers.

Both are paired slot by slot, so that the pictures cannot explain them.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from agent.benchmark.intervals import LEVEL, paired_interval, share
from agent.benchmark.questions import LIKE_TEXT, SWAPPED, WORDINGS
from agent.benchmark.records import Answer, Interval, Slot
from agent.benchmark.tally import Condition, clusters, shares_of, tally

Shown = Mapping[Slot, float]


@dataclass(frozen=True, kw_only=True)
class Bias:
    """One condition; the value set and the control set are two (`form`)."""

    condition: Condition
    liked: Interval
    """Share of yes over all slots, whatever they show: of the control set this is the model's level."""
    acquiescence: Interval | None
    """How much more the content is liked where liking was asked for than where disliking was, -1 to 1: 1 says yes to
    everything, -1 says no to everything, 0 answers what was asked. None without a wording turned round."""
    order: Interval | None
    """How much more often an answer is given where it is named first, -1 to 1: positive prefers the first option,
    negative the last. None without both orders."""
    wordings: tuple[tuple[str, Interval], ...]
    """Share of yes (liked) by wording."""


def biases(answers: Iterable[Answer], *, verified: bool = False, level: float = LEVEL) -> list[Bias]:
    """Yes-bias and order effect of every condition."""
    read = list(answers)
    by_wording: dict[Condition, dict[str, Shown]] = defaultdict(dict)
    put: dict[str, list[Answer]] = defaultdict(list)
    for one in read:
        put[one.wording].append(one)
    for wording in sorted(put):
        for key, slots in tally(put[wording], verified=verified).items():
            if liked := shares_of(slots):
                by_wording[key][wording] = liked
    asked = tally(read, verified=verified)
    return [
        Bias(
            condition=key,
            liked=share(clusters(shares_of(slots)), level),
            acquiescence=_acquiescence(by_wording[key], level),
            order=_order(by_wording[key], level),
            wordings=tuple((name, share(clusters(liked), level)) for name, liked in by_wording[key].items()),
        )
        for key, slots in asked.items()
        if by_wording[key]
    ]


def turned(wording: str) -> bool:
    """Whether a yes to this wording means that the content is not liked."""
    known = WORDINGS.get(wording)
    return known.turned if known is not None else LIKE_TEXT.turned


def _acquiescence(wordings: Mapping[str, Shown], level: float) -> Interval | None:
    straight = _mean([liked for name, liked in wordings.items() if not turned(name)])
    other = _mean([liked for name, liked in wordings.items() if turned(name)])
    return _difference(straight, other, level)


def _order(wordings: Mapping[str, Shown], level: float) -> Interval | None:
    """Yes stands first in the plain wording and last in the swapped one; a yes to a turned wording is a dislike."""
    first, last = [], []
    for name, liked in wordings.items():
        swapped = wordings.get(name + SWAPPED)
        if swapped is not None:
            said = [{slot: 1 - at for slot, at in one.items()} if turned(name) else one for one in (liked, swapped)]
            first.append(said[0])
            last.append(said[1])
    return _difference(_mean(first), _mean(last), level)


def _mean(parts: list[Shown]) -> dict[Slot, float]:
    """Slot by slot, of the slots that all parts have."""
    if not parts:
        return {}
    return {slot: float(np.mean([part[slot] for part in parts])) for slot in parts[0] if all(slot in p for p in parts)}


def _difference(one: Shown, other: Shown, level: float) -> Interval | None:
    differences = {slot: at - other[slot] for slot, at in one.items() if slot in other}
    if not differences:
        return None
    grouped = clusters(differences)
    return paired_interval(grouped.sums, grouped.sizes, level=level)
