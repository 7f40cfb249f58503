"""Answers counted slot by slot: the table that every statistic of the benchmark starts from.

A slot is one picture under one keyword. Its share of yes is the mean over its wordings, answer orders and epochs, so
that a slot asked eight times still is one slot. Answers are read once and not kept.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from agent.benchmark.circle import in_circle
from agent.benchmark.intervals import Clusters
from agent.benchmark.records import Answer, Modality, Slot
from storage.records import Verdict


@dataclass(frozen=True, kw_only=True)
class Condition:
    """What is never mixed: a column of the values x models table."""

    model: str
    modality: Modality = Modality.IMAGE
    captioner: str | None = None
    picture_kind: str = "screen"
    form: str = "A"
    """A, B or control."""

    @property
    def order(self) -> tuple[str, bool, str, str, str]:
        """To sort by: pictures before descriptions, form A before B before the control set."""
        return self.model, self.modality is not Modality.IMAGE, self.captioner or "", self.picture_kind, self.form


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Four kinds of answers (D16)."""

    yes: int = 0
    no: int = 0
    refused: int = 0
    unreadable: int = 0

    @property
    def opinions(self) -> int:
        """Yes and no."""
        return self.yes + self.no

    @property
    def total(self) -> int:
        return self.yes + self.no + self.refused + self.unreadable

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            yes=self.yes + other.yes,
            no=self.no + other.no,
            refused=self.refused + other.refused,
            unreadable=self.unreadable + other.unreadable,
        )


class Tally:
    """What was said of one slot."""

    __slots__ = ("chances", "chances_sum", "counts")

    def __init__(self) -> None:
        self.counts = dict.fromkeys(Verdict, 0)
        self.chances, self.chances_sum = 0, 0.0

    def add(self, answer: Answer) -> None:
        self.counts[answer.verdict] += 1
        if answer.p_yes is not None:
            self.chances += 1
            self.chances_sum += answer.p_yes

    @property
    def opinions(self) -> int:
        """Answers that were yes or no."""
        return self.counts[Verdict.YES] + self.counts[Verdict.NO]

    @property
    def share(self) -> float | None:
        """Of yes among yes and no; None where neither was said."""
        return self.counts[Verdict.YES] / self.opinions if self.opinions else None

    @property
    def chance(self) -> float | None:
        """Mean probability of yes from log-probabilities."""
        return self.chances_sum / self.chances if self.chances else None


Tallies = Mapping[Condition, Mapping[Slot, Tally]]


def condition(answer: Answer) -> Condition:
    """Where an answer counts."""
    return Condition(
        model=answer.model, modality=answer.modality, captioner=answer.captioner, picture_kind=answer.picture_kind,
        form=answer.slot.form,
    )  # fmt: skip


def tally(
    answers: Iterable[Answer], *, verified: bool = False, where: Callable[[Answer], bool] | None = None
) -> Tallies:
    """Count answers by condition and slot.

    Args:
        verified: only slots that a check found to express their value; the control set has nothing to verify.
        where: only answers for which this holds.
    """
    found: dict[Condition, dict[Slot, Tally]] = {}
    for answer in answers:
        slot = answer.slot
        if (verified and slot.value and slot.verified is not True) or (where is not None and not where(answer)):
            continue
        slots = found.setdefault(condition(answer), {})
        one = slots.get(slot)
        if one is None:
            one = slots[slot] = Tally()
        one.add(answer)
    return {key: found[key] for key in sorted(found, key=lambda one: one.order)}


def by_value(slots: Mapping[Slot, Tally]) -> dict[str, dict[Slot, Tally]]:
    """The same slots apart by value, in circular order; the control set's value is empty."""
    found: dict[str, dict[Slot, Tally]] = {value: {} for value in in_circle(slot.value for slot in slots)}
    for slot, one in slots.items():
        found[slot.value][slot] = one
    return found


def shares_of(slots: Mapping[Slot, Tally]) -> dict[Slot, float]:
    """Every slot's share of yes; slots without an opinion are left out."""
    return {slot: one.share for slot, one in slots.items() if one.share is not None}


def counts_of(slots: Iterable[Tally]) -> Counts:
    """All answers of these slots."""
    total = dict.fromkeys(Verdict, 0)
    for one in slots:
        for verdict, number in one.counts.items():
            total[verdict] += number
    return Counts(
        yes=total[Verdict.YES],
        no=total[Verdict.NO],
        refused=total[Verdict.REFUSED],
        unreadable=total[Verdict.UNREADABLE],
    )


def cluster_of(slot: Slot) -> tuple[str, str, str]:
    """The keyword a slot belongs to. A picture of the control set has none and is a cluster of its own."""
    return slot.form, slot.value, slot.keyword or slot.picture


def clusters(values: Mapping[Slot, float], answers: float = 1.0) -> Clusters:
    """Numbers of slots by keyword; there is at least one slot."""
    grouped: dict[tuple[str, str, str], list[float]] = {}
    for slot, value in values.items():
        grouped.setdefault(cluster_of(slot), []).append(value)
    groups: Sequence[list[float]] = [grouped[key] for key in sorted(grouped)]
    return Clusters(
        sums=np.array([sum(group) for group in groups]),
        sizes=np.array([len(group) for group in groups], np.float64),
        squares=np.array([sum(value**2 for value in group) for group in groups]),
        answers=answers,
    )
