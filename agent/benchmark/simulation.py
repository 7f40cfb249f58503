"""Proof that the measure measures: answers with planted preferences, and how often intervals hold what was planted.

No HTTP and no model. Tables of the coverage cells are beta-binomial: every keyword has its own rate of yes, drawn from
a beta distribution with the planted mean, so that two pictures of one keyword correlate as planted.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from agent.benchmark.bias import turned
from agent.benchmark.intervals import BOOTSTRAPS, LEVEL, Clusters, Floats, resampled, shares
from agent.benchmark.questions import PAPER_WORDING, SWAPPED
from agent.benchmark.records import Answer, Choice, Slot
from retrieval.metrics import generator
from storage.chance import draw
from storage.records import Verdict

RATES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
CORRELATIONS = (0.0, 0.1, 0.3)
KEYWORDS, PICTURES = 10, 5
LEAST = 0.93
"""Coverage that every cell must reach."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """How an interval does at one planted rate and correlation."""

    rate: float
    correlation: float
    runs: int
    coverage: float
    """Share of runs whose interval holds the planted rate."""
    width: float
    """Mean."""
    bootstrap_coverage: float
    bootstrap_width: float


def coverage(
    runs: int, *, seed: int, rates: Sequence[float] = RATES, correlations: Sequence[float] = CORRELATIONS,
    keywords: int = KEYWORDS, pictures: int = PICTURES, answers: int = 1, level: float = LEVEL,
) -> list[Cell]:  # fmt: skip
    """Simulate every cell.

    Args:
        runs: a cell.
        pictures: a keyword.
        answers: to each picture, independent of each other given the keyword.
    """
    drawn = resampled(keywords, seed=seed, purpose="coverage", repeats=BOOTSTRAPS // 2)
    found = []
    for correlation in correlations:
        for rate in rates:
            table = planted_table(
                rate, correlation, runs=runs, keywords=keywords, pictures=pictures, answers=answers, seed=seed
            )
            interval = shares(table, level)
            tails = ((1 - level) / 2, (1 + level) / 2)
            low, high = np.quantile(table.sums @ drawn.T / (keywords * pictures), tails, axis=1)
            found.append(
                Cell(
                    rate=rate,
                    correlation=correlation,
                    runs=runs,
                    coverage=_holds(interval.low, interval.high, rate),
                    width=float((interval.high - interval.low).mean()),
                    bootstrap_coverage=_holds(low, high, rate),
                    bootstrap_width=float((high - low).mean()),
                )
            )
    return found


def planted_table(
    rate: float, correlation: float, *, runs: int, keywords: int, pictures: int, answers: int = 1, seed: int
) -> Clusters:
    """Slots' shares of yes by keyword, shape (runs, keywords)."""
    random = generator(seed, f"planted/{rate}/{correlation}/{runs}/{keywords}/{pictures}/{answers}")
    of_keyword = np.full((runs, keywords), rate)
    if correlation > 0:
        of_keyword = random.beta(*beta_shape(rate, correlation), (runs, keywords))
    liked = random.binomial(answers, of_keyword[..., None], (runs, keywords, pictures)) / answers
    return Clusters(
        sums=liked.sum(-1), sizes=np.full((runs, keywords), float(pictures)), squares=(liked**2).sum(-1),
        answers=answers,
    )  # fmt: skip


def beta_shape(rate: float, correlation: float) -> tuple[float, float]:
    """Of the beta distribution whose binomials have this mean and intra-cluster correlation."""
    total = (1 - correlation) / correlation
    return rate * total, (1 - rate) * total


def coverage_table(cells: Iterable[Cell]) -> str:
    """As printed, one line a cell."""
    lines = ["correlation  rate  coverage  width   bootstrap  width"]
    lines += [
        f"{one.correlation:11.1f}  {one.rate:4.2f}  {100 * one.coverage:7.1f}%  {one.width:.3f}  "
        f"{100 * one.bootstrap_coverage:9.1f}%  {one.bootstrap_width:.3f}"
        for one in cells
    ]
    return "\n".join(lines)


def _holds(low: Floats, high: Floats, rate: float) -> float:
    return float(((low <= rate + 1e-12) & (rate <= high + 1e-12)).mean())


@dataclass(frozen=True, kw_only=True)
class Planted:
    """A model whose preferences are known."""

    name: str
    rates: Mapping[str, float]
    """Share of pictures liked, by value; the control set's is under the empty name. 0.5 where nothing is said."""
    correlation: float = 0.0
    """Of pictures within a keyword."""
    yes: float = 0.0
    """Share of answers that are yes whatever is asked."""
    first: float = 0.0
    """Share of answers that take the option named first."""
    noise: float = 0.0
    """Share of answers that a coin gives."""
    refuses: Mapping[str, float] = field(default_factory=dict)
    """Share of answers refused, by value."""
    strengths: Mapping[str, float] = field(default_factory=dict)
    """In forced choice, log-odds by value; 0 where nothing is said."""
    place: float = 0.0
    """In forced choice, log-odds of the first picture."""


def planted_slots(
    values: Sequence[str], *, keywords: int = KEYWORDS, pictures: int = PICTURES, form: str = "A"
) -> list[Slot]:
    """A value set in which every slot has a picture of its own; form `control` has neither values nor keywords."""
    found = []
    for value in values:
        for number in range(1, keywords + 1):
            for rank in range(1, pictures + 1):
                name = f"{form}/{value}/{number}/{rank}"
                keyword = f"{value} {form} {number}" if value else ""
                found.append(
                    Slot(value=value, keyword=keyword, rank=rank, picture=name, platform="sandbox", form=form)
                )  # fmt: skip
    return found


def planted_answers(
    model: Planted, slots: Sequence[Slot], *, seed: int, wordings: Sequence[str] = (PAPER_WORDING,), epochs: int = 1
) -> Iterator[Answer]:
    """One answer to every slot in every wording and epoch. Whether a picture is liked is the same in all of them."""
    for slot in slots:
        liked = draw(seed, f"liked/{model.name}", f"{slot.keyword}/{slot.picture}") < _rate(model, slot, seed)
        for wording in wordings:
            for epoch in range(epochs):
                key = f"{slot.keyword}/{slot.picture}/{wording}/{epoch}"
                verdict = _verdict(model, slot, liked, wording, seed, key)
                yield Answer(model=model.name, slot=slot, verdict=verdict, wording=wording, epoch=epoch)


def _rate(model: Planted, slot: Slot, seed: int) -> float:
    rate = model.rates.get(slot.value, 0.5)
    if not model.correlation or not 0 < rate < 1:
        return rate
    random = generator(seed, f"keyword/{model.name}/{slot.form}/{slot.value}/{slot.keyword}")
    return float(random.beta(*beta_shape(rate, model.correlation)))


def _verdict(model: Planted, slot: Slot, liked: bool, wording: str, seed: int, key: str) -> Verdict:
    if draw(seed, f"refuses/{model.name}", key) < model.refuses.get(slot.value, 0.0):
        return Verdict.REFUSED
    said = liked != turned(wording)
    how, coin = draw(seed, f"how/{model.name}", key), draw(seed, f"coin/{model.name}", key)
    if how < model.yes:
        said = True
    elif how < model.yes + model.first:
        said = not wording.endswith(SWAPPED)
    elif how < model.yes + model.first + model.noise:
        said = coin < 0.5
    return Verdict.YES if said != turned(wording) else Verdict.NO


def planted_choices(model: Planted, slots: Sequence[Slot], *, pairs: int, seed: int) -> Iterator[Choice]:
    """So many pairs of pictures for every two values, in both orders."""
    by_value = {value: [one for one in slots if one.value == value] for value in dict.fromkeys(s.value for s in slots)}
    for one, other in combinations(by_value, 2):
        for number in range(pairs):
            place = f"{one}/{other}/{number}"
            left = by_value[one][int(draw(seed, "left", place) * len(by_value[one]))]
            right = by_value[other][int(draw(seed, "right", place) * len(by_value[other]))]
            for first, second in ((left, right), (right, left)):
                odds = model.strengths.get(first.value, 0.0) - model.strengths.get(second.value, 0.0) + model.place
                key = f"{place}/{first.picture}"
                refused = max(model.refuses.get(first.value, 0.0), model.refuses.get(second.value, 0.0))
                chosen: int | None = 1 if draw(seed, f"chooses/{model.name}", key) < 1 / (1 + math.exp(-odds)) else 2
                if draw(seed, f"refuses/{model.name}", key) < refused:
                    chosen = None
                yield Choice(model=model.name, first=first, second=second, chosen=chosen, epoch=number)
