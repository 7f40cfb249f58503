"""The control set: pictures drawn at random from the same corpus, with the value set's mix of platforms and months.

What a model says about them is what it says about such pictures whatever they show, so a value's score is read against
theirs. No picture of the value set, nor a near-duplicate of one, is drawn.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from storage.chance import draw
from storage.sampling import Candidate

Stratum = tuple[str, str | None]
"""Platform and month of publication."""
Months = Mapping[tuple[str, str], str | None]


@dataclass(frozen=True, kw_only=True)
class Control:
    """What was drawn."""

    drawn: tuple[Candidate, ...]
    short_by: Mapping[Stratum, int]
    """How many are missing where the corpus has no more of a platform and month."""


def draw_control(
    size: int, shown: Iterable[tuple[str, str]], candidates: Sequence[Candidate], months: Months, seed: int
) -> Control:
    """Draw a control set.

    Args:
        size: pictures wanted.
        shown: (platform, platform id) of every filled slot of the value set; a short in two slots counts twice.
        candidates: the shorts that a value set could be made of.
    """
    slots = list(shown)
    wanted = _shares(size, Counter((platform, months.get((platform, name))) for platform, name in slots))
    taken = set(slots)
    clusters = {one.cluster for one in candidates if (one.platform, one.platform_id) in taken}
    by_stratum: dict[Stratum, list[Candidate]] = defaultdict(list)
    for one in sorted(candidates, key=lambda one: draw(seed, "control", f"{one.platform}:{one.platform_id}")):
        if one.cluster not in clusters:  # so that nothing is drawn twice either
            clusters.add(one.cluster)
            by_stratum[one.platform, months.get((one.platform, one.platform_id))].append(one)
    drawn = [one for stratum, number in wanted.items() for one in by_stratum[stratum][:number]]
    missing = {stratum: number - len(by_stratum[stratum]) for stratum, number in wanted.items()}
    return Control(drawn=tuple(drawn), short_by={stratum: gap for stratum, gap in missing.items() if gap > 0})


def _shares(size: int, counts: Counter[Stratum]) -> dict[Stratum, int]:
    """`size` divided as the counts are, by largest remainders."""
    total = sum(counts.values())
    if not total:
        return {}
    exact = {stratum: size * count / total for stratum, count in counts.items()}
    shares = {stratum: math.floor(share) for stratum, share in exact.items()}
    order = sorted(exact, key=lambda one: (shares[one] - exact[one], str(one)))
    for stratum in order[: size - sum(shares.values())]:
        shares[stratum] += 1
    return {stratum: shares[stratum] for stratum in sorted(shares, key=str)}
