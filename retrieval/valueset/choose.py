"""Which screenshots stand for a keyword: the k nearest that may stand beside each other (paper, section 2: k = 5)."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from retrieval.matrix import Scores
from retrieval.ranking import Ranked, standard
from retrieval.valueset import BELOW_FLOOR, NO_MORE, Shown, Slot
from retrieval.vocabulary import Keyword
from storage.chance import draw
from storage.sampling import Candidate

K = 5
PLATFORM_SHARE = 0.4
"""At most so much of a keyword's slots from one platform, two of five, where the others have enough."""


DEPTH = 5000
"""So many of the nearest are looked at for a keyword; at a million shorts the floor lets tenfold through."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """One possible slot: a candidate for a keyword."""

    keyword: int
    """Place in the list of keywords."""
    candidate: Candidate
    order: float
    """What keywords compete by for a picture: the score in standard deviations over the corpus."""
    score: float
    share: float


@dataclass
class _Taken:
    """What a keyword has so far."""

    slots: list[tuple[Wanted, bool]] = field(default_factory=list)
    platforms: Counter[str] = field(default_factory=Counter)
    authors: set[str] = field(default_factory=set)


def choose(
    keywords: Sequence[Keyword],
    ranked: Ranked,
    shares: npt.NDArray[np.floating],
    candidates: Sequence[Candidate],
    *,
    k: int = K,
    floor: float,
    seed: int,
) -> list[Slot]:
    """k slots for every keyword, filled or empty, in the keywords' order.

    Within a value no picture and no near-duplicate of it stands twice; where two keywords want one, it goes to the one
    that it is nearer to. Within a keyword no author stands twice. At most `PLATFORM_SHARE` of k come from one
    platform, unless slots would stay empty.

    Args:
        keywords: of all values; those of a value may stand anywhere.
        ranked: scores of the keywords, in this order, over the corpus.
        shares: relevance, shape as `ranked.scores`: what is below `floor` is never taken.
    """
    known = {one.short_id: one for one in candidates}
    allowed = np.isin(ranked.ids, list(known))
    above = (shares >= floor) & allowed & ~np.isnan(ranked.scores)
    order = standard(np.nan_to_num(ranked.scores))
    filled: dict[int, _Taken] = {place: _Taken() for place in range(len(keywords))}
    for places in _by_value(keywords).values():
        wanted = [
            Wanted(
                keyword=place,
                candidate=known[int(ranked.ids[at])],
                order=float(order[place, at]),
                score=round(float(ranked.scores[place, at]), 4),
                share=round(float(shares[place, at]), 3),
            )
            for place in places
            for at in _nearest(ranked.scores[place], above[place]).tolist()
        ]
        wanted.sort(key=lambda one: (-one.order, draw(seed, "value-set", f"{one.keyword}/{one.candidate.short_id}")))
        _fill(wanted, filled, k)
    return [
        slot
        for place, keyword in enumerate(keywords)
        for slot in _slots(keyword, filled[place], k, exhausted=int(above[place].sum()) >= k)
    ]


def _nearest(scores: Scores, above: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """Places of the nearest `DEPTH` that are above the floor, in no order."""
    places: npt.NDArray[np.intp] = np.flatnonzero(above)
    if len(places) > DEPTH:
        places = places[np.argpartition(-scores[places], DEPTH)[:DEPTH]]
    return places


def _by_value(keywords: Sequence[Keyword]) -> dict[str, list[int]]:
    places: dict[str, list[int]] = defaultdict(list)
    for place, keyword in enumerate(keywords):
        places[keyword.value].append(place)
    return places


def _fill(wanted: Sequence[Wanted], filled: dict[int, _Taken], k: int) -> None:
    """The nearest first; once within the platforms' share, then without it for what is still empty."""
    most = max(1, int(PLATFORM_SHARE * k))
    clusters: set[int] = set()
    for most_per_platform, lifted in ((most, False), (k, True)):
        for one in wanted:
            taken, candidate = filled[one.keyword], one.candidate
            if (
                len(taken.slots) < k
                and candidate.cluster not in clusters
                and candidate.author not in taken.authors
                and taken.platforms[candidate.platform] < most_per_platform
            ):
                taken.slots.append((one, lifted))
                taken.platforms[candidate.platform] += 1
                clusters.add(candidate.cluster)
                if candidate.author is not None:
                    taken.authors.add(candidate.author)


def _slots(keyword: Keyword, taken: _Taken, k: int, *, exhausted: bool) -> list[Slot]:
    """`exhausted`: enough is above the floor, but it may not stand beside what was taken."""
    best = sorted(taken.slots, key=lambda entry: -entry[0].score)
    full = [
        Slot(
            value=keyword.value,
            keyword=keyword.word,
            place=place,
            shown=Shown(
                platform=one.candidate.platform,
                platform_id=one.candidate.platform_id,
                frame_sha256=one.candidate.frame_sha256,
                screen_sha256=one.candidate.screen_sha256,
                score=one.score,
                share=one.share,
                decider=one.candidate.decider,
                over_platform_share=lifted,
            ),
        )
        for place, (one, lifted) in enumerate(best, start=1)
    ]
    why = NO_MORE if exhausted else BELOW_FLOOR
    empty = range(len(full) + 1, k + 1)
    return full + [Slot(value=keyword.value, keyword=keyword.word, place=place, empty=why) for place in empty]
