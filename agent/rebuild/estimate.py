"""When a plan will be done, as a range: from the rates that were measured, pauses and walls included.

The time in which commands worked on the plan is cut into ten blocks. What a block brought varies, by chance, walls
and rests; from that follows what so many further blocks will bring (a 90 % prediction interval with Student's t).
What nobody can measure beforehand is not in it: keywords that run dry, a site that changes, a night's pause.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from math import sqrt

from retrieval.steps import span

BLOCKS = 10
T_90 = 1.833
"""Student's t at 95 % for nine degrees of freedom."""
LEAST = 30
"""New shorts; fewer say nothing of a rate."""
UNKNOWN = "not yet known"


@dataclass(frozen=True, kw_only=True)
class TimeLeft:
    """Seconds of running that are left. `most` is None where the rates vary too much to say."""

    least: float
    most: float | None

    def __str__(self) -> str:
        return f"more than {span(self.least)}" if self.most is None else f"{span(self.least)} to {span(self.most)}"


DONE = TimeLeft(least=0.0, most=0.0)


def time_left(
    finds: Sequence[datetime], sessions: Sequence[tuple[datetime, datetime]], missing: int
) -> TimeLeft | None:
    """What one platform still needs.

    Args:
        finds: when its new shorts were shown, in order.
        sessions: when commands worked on the plan, in order (`storage.quotas.sessions`).
        missing: new shorts to go.

    Returns:
        None while there is too little to tell from.
    """
    if missing <= 0:
        return DONE
    counts = blocks(finds, sessions)
    total = sum((end - start).total_seconds() for start, end in sessions)
    if sum(counts) < LEAST or total <= 0:
        return None
    mean = sum(counts) / BLOCKS
    variance = max(mean, sum((count - mean) ** 2 for count in counts) / (BLOCKS - 1))  # never less than chance alone
    ahead = missing / mean
    spread = T_90 * sqrt(variance * (1 / BLOCKS + 1 / ahead))
    block = total / BLOCKS
    slowest = mean - spread
    return TimeLeft(least=missing / (mean + spread) * block, most=missing / slowest * block if slowest > 0 else None)


def blocks(finds: Sequence[datetime], sessions: Sequence[tuple[datetime, datetime]]) -> list[int]:
    """New shorts of each tenth of the time in which commands worked; what lies between two commands is left out."""
    lengths = [(end - start).total_seconds() for start, end in sessions]
    before = [0.0, *accumulate(lengths)]
    counts = [0] * BLOCKS
    starts = [start for start, _ in sessions]
    for at in finds:
        place = bisect_left(starts, at + timedelta(microseconds=1)) - 1
        if place < 0 or before[-1] <= 0:
            continue
        worked = before[place] + min(lengths[place], (at - starts[place]).total_seconds())
        counts[min(BLOCKS - 1, int(BLOCKS * worked / before[-1]))] += 1
    return counts


def longest(each: Mapping[str, TimeLeft | None]) -> TimeLeft | None:
    """What the whole plan needs: its platforms work side by side. None while it is not known of one of them."""
    known = [left for left in each.values() if left is not None]
    if len(known) < len(each) or not known:
        return None
    most = [left.most for left in known]
    return TimeLeft(
        least=max(left.least for left in known),
        most=None if None in most else max(one for one in most if one is not None),
    )
