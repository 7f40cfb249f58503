"""How sure a design will be, before money is spent: half widths of intervals from keywords and pictures.

The interval planned for is the one that is reported (`intervals.py`). The correlation within keywords is not known
before the first run; `PRIOR_CORRELATION` is a cautious guess, a first run tells its own (`Score.correlation`).
"""

import math
from dataclasses import dataclass

import numpy as np

from agent.benchmark.intervals import LEVEL, PRIOR_CORRELATION, t_quantile, wilson

MOST_KEYWORDS = 100_000
RATE = 0.5
"""Where intervals are widest."""


@dataclass(frozen=True, kw_only=True)
class Design:
    """What a value's keywords and pictures buy."""

    keywords: int
    """A value."""
    pictures: int
    """A keyword."""
    half_width: float
    """Expected, of a value's score; a share."""
    difference: float
    """Expected half width of a difference between two values."""
    design_effect: float

    @property
    def slots(self) -> int:
        """Pictures a value."""
        return self.keywords * self.pictures

    def __str__(self) -> str:
        return (
            f"{self.keywords} keywords x {self.pictures} pictures a value ({self.slots} slots): scores within "
            f"±{100 * self.half_width:.1f} points, differences between two values within ±{100 * self.difference:.1f}"
        )


def expected(
    keywords: int, pictures: float, *, rate: float = RATE, correlation: float = PRIOR_CORRELATION, level: float = LEVEL
) -> Design:
    """What a design is expected to give.

    Args:
        pictures: a keyword, on average.
        rate: share of yes that is planned for.
        correlation: of pictures within a keyword.
    """
    design_effect = max(1.0, 1 + correlation * (pictures - 1))
    effective = keywords * pictures / design_effect
    low, high = wilson(np.asarray(rate), np.asarray(effective), t_quantile((1 + level) / 2, keywords - 1))
    half = float(high - low) / 2
    return Design(
        keywords=keywords,
        pictures=round(pictures),
        half_width=half,
        difference=min(math.sqrt(2) * half, 1.0),
        design_effect=design_effect,
    )


def keywords_needed(
    half_width: float, pictures: int, *, rate: float = RATE, correlation: float = PRIOR_CORRELATION,
    level: float = LEVEL,
) -> Design:  # fmt: skip
    """The fewest keywords a value that are expected to give a half width, with so many pictures each.

    Raises:
        ValueError: no number of keywords up to 100,000 does; the half width is not above zero.
    """

    def enough(keywords: int) -> bool:
        return expected(keywords, pictures, rate=rate, correlation=correlation, level=level).half_width <= half_width

    if half_width <= 0 or not enough(MOST_KEYWORDS):
        raise ValueError(f"a half width of {half_width} needs more than {MOST_KEYWORDS} keywords; give a larger one")
    low, high = 0, 1
    while not enough(high):
        low, high = high, min(2 * high, MOST_KEYWORDS)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return expected(high, pictures, rate=rate, correlation=correlation, level=level)


def alternatives(
    half_width: float, pictures: tuple[int, ...] = (1, 2, 5, 10, 20), *, rate: float = RATE,
    correlation: float = PRIOR_CORRELATION, level: float = LEVEL,
) -> list[Design]:  # fmt: skip
    """Designs that are expected to give a half width, one for each number of pictures a keyword.

    More pictures a keyword soon buy little: their number times the correlation is what a keyword costs.

    Raises:
        ValueError: none does.
    """
    return [keywords_needed(half_width, one, rate=rate, correlation=correlation, level=level) for one in pictures]
