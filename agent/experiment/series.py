"""How decisions and feeds go over time: means over arms in windows of shorts, with bands.

Each phase is cut into windows of equal length, none of which reaches over its end; a band is the interval of one window
over arms, and says nothing of two windows together.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from agent.experiment.intervals import Estimate, Unit, mean_of_conditions
from agent.experiment.metrics import composition, consistency
from agent.experiment.outcomes import DONE, Case, Condition, cases, condition, counted, over_personas, share
from agent.experiment.records import ArmRecord, Control, Experiment, Phase, Showing

LEAST_SHORTS, MOST_WINDOWS = 5, 5
"""Of a window, and in a phase."""
YES, CONSISTENT = "yes", "consistent"


@dataclass(frozen=True, kw_only=True)
class Window:
    """Some shorts in a row."""

    first: int
    last: int
    """Positions from 0, both included."""
    phase: Phase


@dataclass(frozen=True, kw_only=True)
class Line:
    """One condition over time."""

    kind: str
    """YES: the agents' own yes share; CONSISTENT: the share of shorts that express the persona's values."""
    condition: Condition
    source: str | None
    points: tuple[Estimate | None, ...]
    """One a window."""
    arms: tuple[tuple[float | None, ...], ...]
    """Every arm by itself, likewise."""


@dataclass(frozen=True, kw_only=True)
class Composition:
    """What a condition's feeds are made of over time."""

    condition: Condition
    source: str
    arms: int
    shares: tuple[dict[str, float], ...]
    """One a window: by value, its share; empty where nothing was said."""


def windows(experiment: Experiment) -> list[Window]:
    """All windows, in order."""
    found, start = [], 0
    for phase, length in ((Phase.TRAINING, experiment.training), (Phase.EVALUATION, experiment.evaluation)):
        number = max(1, min(MOST_WINDOWS, length // LEAST_SHORTS))
        ends = [start + round(length * part / number) for part in range(number + 1)]
        found += [Window(first=first, last=after - 1, phase=phase) for first, after in pairwise(ends)]
        start += length
    return found


def lines(experiment: Experiment, sources: Sequence[str]) -> list[Line]:
    """Every condition by itself, then over personas."""
    cut, found = windows(experiment), list(cases(experiment))
    groups: dict[Condition, dict[str | None, list[Case]]] = defaultdict(lambda: defaultdict(list))
    for case in found:
        groups[case.condition][case.arm.persona].append(case)
    for case in found:
        if case.arm.persona is not None:
            groups[over_personas(case.condition)][case.arm.persona].append(case)
    made = []
    for one, by_persona in groups.items():
        made.append(_line(YES, one, None, by_persona, cut, lambda _, shown: _yes(shown)))
        for source in sources:
            line = _line(CONSISTENT, one, source, by_persona, cut, _consistent(source))
            if any(point is not None for point in line.points):
                made.append(line)
    return made


def compositions(experiment: Experiment, sources: Sequence[str]) -> list[Composition]:
    """The feeds of every condition over personas, yoked ones and those without persona among them."""
    cut = windows(experiment)
    groups: dict[Condition, list[ArmRecord]] = defaultdict(list)
    for record in experiment.arms:
        if record.state == DONE and record.arm.control is not Control.TWIN:
            one = condition(record.arm)
            groups[over_personas(one) if one.persona is not None else one].append(record)
    return [
        Composition(
            condition=one,
            source=source,
            arms=len(records),
            shares=tuple(
                composition((shown for record in records for shown in _within(record, window)), source)
                for window in cut
            ),
        )
        for one, records in groups.items()
        for source in sources
    ]


def _line(
    kind: str, one: Condition, source: str | None, by_persona: dict[str | None, list[Case]], cut: Sequence[Window],
    read: Callable[[Case, Sequence[Showing]], Unit | None],
) -> Line:  # fmt: skip
    units = {
        persona: [[read(case, _within(case.record, window)) for window in cut] for case in group]
        for persona, group in by_persona.items()
    }
    points: list[Estimate | None] = []
    for place in range(len(cut)):
        parts = [[arm[place] for arm in arms if arm[place] is not None] for arms in units.values()]
        kept = [[unit for unit in part if unit is not None] for part in parts if part]
        points.append(mean_of_conditions(kept, tested=False, limits=(0.0, 1.0)) if kept else None)
    return Line(
        kind=kind, condition=one, source=source, points=tuple(points),
        arms=tuple(
            tuple(None if unit is None else unit.value for unit in arm) for arms in units.values() for arm in arms
        ),
    )  # fmt: skip


def _within(record: ArmRecord, window: Window) -> list[Showing]:
    return [shown for shown in record.showings if window.first <= shown.position <= window.last]


def _yes(shown: Iterable[Showing]) -> Unit | None:
    return share(counted(one.decision for one in shown))


def _consistent(source: str) -> Callable[[Case, Sequence[Showing]], Unit | None]:
    return lambda case, shown: consistency(shown, source, case.role.written if case.role else ())
