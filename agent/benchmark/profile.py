"""One model's scores set against Schwartz's circle: is what it likes one direction, as his theory says of people?

Opposite values conflict, so a profile should rise towards one side of the circle and fall on the other: a cosine of the
values' places. `circle.py` sets the correlations over many models against the same circle.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from agent.benchmark.circle import CIRCLE, PLACES
from agent.benchmark.compare import PERMUTATIONS
from agent.benchmark.intervals import LEVEL, Floats, ratio_error, root_interval
from agent.benchmark.records import Answer, Interval
from agent.benchmark.tally import Condition, by_value, clusters, shares_of, tally
from retrieval.metrics import generator


@dataclass(frozen=True, kw_only=True)
class CosineFit:
    """score = mean + amplitude * cos(place - peak), by least squares."""

    condition: Condition
    values: int
    amplitude: Interval
    """As a share. Chance makes it larger than the profile's own, for which the interval is."""
    peak: float
    """Where the profile is highest, in places on the circle from self-direction, 0 to 10."""
    towards: str
    """The value nearest to the peak."""
    fit: float
    """Share of the variance between values that the cosine explains (R squared)."""
    p: float
    """Of a fit as good or better, over placings of the values on the circle drawn by chance."""


def cosine_fits(
    answers: Iterable[Answer], *, seed: int, verified: bool = False, level: float = LEVEL,
    permutations: int = PERMUTATIONS,
) -> list[CosineFit]:  # fmt: skip
    """The fit of every condition with five values on the circle or more, whose scores are not all the same."""
    found = []
    for condition, slots in tally(answers, verified=verified).items():
        liked = {value: shares_of(of_value) for value, of_value in by_value(slots).items() if value in CIRCLE}
        grouped = {value: clusters(one) for value, one in liked.items() if one}
        means = np.array([one.sums.sum() / one.sizes.sum() for one in grouped.values()])
        if len(grouped) < 5 or np.ptp(means) < 1e-12:
            continue
        errors = [ratio_error(one.sums, one.sizes) if one.sums.size > 1 else 0.5 for one in grouped.values()]
        solve = np.linalg.pinv(_waves([PLACES[value] for value in grouped]))
        _, cosine, sine = (float(one) for one in solve @ means)
        slopes = 2 * (cosine * solve[1] + sine * solve[2])
        excess = solve[1:] ** 2 @ np.square(errors)
        error = float(np.sqrt((slopes**2 * np.square(errors)).sum() + 2 * (excess**2).sum()))
        freedom = sum(one.sums.size - 1 for one in grouped.values())
        peak = (math.atan2(sine, cosine) / math.tau * len(CIRCLE)) % len(CIRCLE)
        fit, chance = _fit(means, [PLACES[value] for value in grouped], seed, permutations)
        found.append(
            CosineFit(
                condition=condition,
                values=len(grouped),
                amplitude=root_interval(cosine**2 + sine**2, float(excess.sum()), error, freedom, level),
                peak=peak,
                towards=list(CIRCLE)[round(peak) % len(CIRCLE)],
                fit=fit,
                p=chance,
            )
        )
    return found


def _waves(places: Sequence[int]) -> Floats:
    """Columns: one, cosine and sine of the places."""
    angles = np.array(places) * (math.tau / len(CIRCLE))
    return np.column_stack([np.ones(len(places)), np.cos(angles), np.sin(angles)])


def _fit(means: Floats, places: Sequence[int], seed: int, permutations: int) -> tuple[float, float]:
    """R squared of the cosine, and its p over shuffled scores."""
    basis = np.linalg.qr(_waves(places)).Q
    random = generator(seed, "cosine")
    centred = means - means.mean()
    shuffled = random.permuted(np.tile(centred, (permutations, 1)), axis=1)
    total = float(centred @ centred)
    fit = float(((centred @ basis) ** 2).sum()) / total
    drawn = ((shuffled @ basis) ** 2).sum(axis=1) / total
    return fit, (1 + int((drawn >= fit - 1e-12).sum())) / (1 + permutations)
