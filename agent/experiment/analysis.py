"""From an experiment to its figures: every measure by condition, over personas, and set against each other.

A row over personas is the mean of their conditions, each counting the same. Strategies, models and feeds are compared
over the personas that both sides have, within what they otherwise share, and Holm's correction (1979) is over all
comparisons of one kind in one measure. Nothing here draws by chance: equal experiments give equal figures.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from typing import Any

from agent.benchmark.compare import holm
from agent.benchmark.tally import Counts
from agent.experiment.controls import NoPersona, Repeats, Twins, no_persona, repeats, twins
from agent.experiment.intervals import LEAST_ARMS, Estimate, Unit, difference, mean, mean_of_conditions, relative_change
from agent.experiment.metrics import RELATIVE, Metric, metrics, sources
from agent.experiment.outcomes import (
    DONE,
    Case,
    Condition,
    cases,
    counts_by,
    decided,
    judged,
    over_personas,
    share,
)
from agent.experiment.paper import published
from agent.experiment.records import Arm, Control, Experiment, Phase
from agent.experiment.series import Composition, Line, Window, compositions, lines, windows

CONTROLS = (Control.NO_PERSONA, Control.TWIN, Control.YOKED)
Units = Mapping[Condition, Sequence[Unit]]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One condition's estimate, or that of several personas' conditions together."""

    condition: Condition
    estimate: Estimate
    conditions: int = 1


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """`one` less `other`, over the personas that both have."""

    factor: str
    """strategy, model or feed."""
    one: str
    other: str
    within: Condition
    """What they share otherwise; of `one`."""
    estimate: Estimate
    p_holm: float | None = None


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One metric's figures."""

    name: str
    title: str
    unit: str
    source: str | None
    rows: tuple[Row, ...]
    pooled: tuple[Row, ...]
    contrasts: tuple[Contrast, ...]


@dataclass(frozen=True, kw_only=True)
class Answers:
    """How a condition's questions were answered: four kinds, never mixed (D16)."""

    condition: Condition
    arms: int
    first: Counts
    last: Counts
    judged: Counts
    """Evaluation shorts of the own feeds, as the persona; out of role where there is none."""
    judged_yoked: Counts


@dataclass(frozen=True, kw_only=True)
class ArmFigures:
    """One arm's own numbers; none where it did not come to its end."""

    arm: Arm
    state: str
    cause: str | None
    shorts: int
    figures: Mapping[str, float]
    """By metric, with the label source after an `@` where it rests on one."""


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """Everything that a report shows."""

    experiment: Experiment
    seed: int
    measures: tuple[Measure, ...]
    answers: tuple[Answers, ...]
    arms: tuple[ArmFigures, ...]
    sources: tuple[str, ...]
    """Of labels; the first one speaks of most shorts."""
    twins: tuple[Twins, ...]
    no_persona: tuple[NoPersona, ...]
    repeats: tuple[Repeats, ...]
    windows: tuple[Window, ...]
    lines: tuple[Line, ...]
    compositions: tuple[Composition, ...]

    def measure(self, name: str, source: str | None = None) -> Measure:
        """The measure of this name (and label source)."""
        return next(one for one in self.measures if one.name == name and source in (None, one.source))

    def to_json(self) -> dict[str, Any]:
        """Everything but the showings, in JSON's own types."""
        experiment = self.experiment
        figures = {
            "name": experiment.name,
            "seed": experiment.seed,
            "training": experiment.training,
            "evaluation": experiment.evaluation,
            "judge": experiment.judge,
            "counted": self._counted(),
            "published": asdict(published()),
            "roles": {name: asdict(role) for name, role in experiment.roles.items()},
            "sources": list(self.sources),
            **{
                name: [asdict(one) for one in getattr(self, name)]
                for name in (
                    "measures", "answers", "arms", "twins", "no_persona", "repeats", "windows", "lines",
                    "compositions",
                )
            },
            "about": dict(experiment.about),
        }  # fmt: skip
        plain: dict[str, Any] = json.loads(json.dumps(figures))
        return plain

    def _counted(self) -> dict[str, int]:
        arms = self.arms
        design = [one.arm for one in arms if one.arm.control is Control.NONE]
        shown = [shown for record in self.experiment.arms for shown in record.showings]
        return {
            "arms": len(arms),
            "done": sum(one.state == DONE for one in arms),
            "design": len(design),
            "conditions": len({arm.condition for arm in design}),
            "replicates": max((arm.replicate for arm in design), default=0),
            "least_replicates": LEAST_ARMS,
            "personas": len({arm.persona for arm in design if arm.persona is not None}),
            "shorts": len(shown),
            "judged": sum(len(one.judged) for one in shown),
            **{control.value: sum(one.arm.control is control for one in arms) for control in CONTROLS},
        }


def analyse(experiment: Experiment, seed: int) -> Analysis:
    """Everything that is to be said of an experiment, also of one that is not finished.

    Args:
        seed: stored with the figures.
    """
    found, said, known = list(cases(experiment)), sources(experiment), metrics(experiment)
    return Analysis(
        experiment=experiment,
        seed=seed,
        measures=(*(_measure(metric, found) for metric in known), _relative(found)),
        answers=tuple(_answers(condition, group) for condition, group in _grouped(found).items()),
        arms=tuple(_arms(experiment, known, found)),
        sources=tuple(said),
        twins=tuple(twins(found)),
        no_persona=tuple(no_persona(found)),
        repeats=tuple(repeats(experiment)),
        windows=tuple(windows(experiment)),
        lines=tuple(lines(experiment, said)),
        compositions=tuple(compositions(experiment, said)),
    )


def _arms(experiment: Experiment, known: Sequence[Metric], found: Sequence[Case]) -> Iterable[ArmFigures]:
    """Controls among them: a yoked arm's own decisions are another's, its feed is its own."""
    of_design = {case.arm.name: case for case in found}
    for record in experiment.arms:
        role = experiment.roles.get(record.arm.persona) if record.arm.persona is not None else None
        case = of_design.get(record.arm.name, Case(record=record, role=role))
        units = {metric: metric.of(case) for metric in known} if record.state == DONE else {}
        yield ArmFigures(
            arm=record.arm, state=record.state, cause=record.cause, shorts=len(record.showings),
            figures={metric.key: unit.value for metric, unit in units.items() if unit is not None},
        )  # fmt: skip


def _grouped(found: Iterable[Case]) -> dict[Condition, list[Case]]:
    groups: dict[Condition, list[Case]] = defaultdict(list)
    for case in found:
        groups[case.condition].append(case)
    return dict(groups)


def _measure(metric: Metric, found: Sequence[Case]) -> Measure:
    units: dict[Condition, list[Unit]] = defaultdict(list)
    for case in found:
        unit = metric.of(case)
        if unit is not None:
            units[case.condition].append(unit)
    rows = [
        Row(condition=one, estimate=mean(of, tested=metric.tested, limits=metric.limits)) for one, of in units.items()
    ]
    return Measure(
        name=metric.name, title=metric.title, unit=metric.unit, source=metric.source, rows=tuple(rows),
        pooled=tuple(_pooled(metric, units)), contrasts=tuple(_contrasts(units)) if metric.compared else (),
    )  # fmt: skip


def _pooled(metric: Metric, units: Units) -> Iterable[Row]:
    groups: dict[Condition, list[Sequence[Unit]]] = defaultdict(list)
    for one, of in units.items():
        if one.persona is not None:
            groups[over_personas(one)].append(of)
    for one, parts in groups.items():
        estimate = mean_of_conditions(parts, tested=metric.tested, limits=metric.limits)
        yield Row(condition=one, estimate=estimate, conditions=len(parts))


_FACTORS: Mapping[str, tuple[Callable[[Condition], str], Callable[[Condition], Condition]]] = {
    "strategy": (lambda one: one.strategy, lambda one: replace(one, strategy="")),
    "model": (lambda one: one.model, lambda one: replace(one, model="")),
    "feed": (lambda one: one.feed, lambda one: replace(one, platform="", recommender=None)),
}
"""By factor: a condition's level of it, and what two conditions share that differ in it alone."""


def _contrasts(units: Units) -> Iterable[Contrast]:
    for factor, (level, without) in _FACTORS.items():
        sides: dict[Condition, dict[str, dict[str | None, Condition]]] = defaultdict(lambda: defaultdict(dict))
        for one in units:
            if one.control is Control.NONE:
                sides[over_personas(without(one))][level(one)][one.persona] = one
        family = []
        for levels in sides.values():
            for left, right in combinations(levels, 2):
                shared = [persona for persona in levels[left] if persona in levels[right]]
                if shared:
                    family.append(
                        Contrast(
                            factor=factor, one=left, other=right,
                            within=over_personas(levels[left][shared[0]]),
                            estimate=difference(
                                [units[levels[left][persona]] for persona in shared],
                                [units[levels[right][persona]] for persona in shared],
                            ),
                        )
                    )  # fmt: skip
        corrected = iter(holm([found.estimate.p for found in family if found.estimate.p is not None]))
        for found in family:
            yield replace(found, p_holm=None if found.estimate.p is None else next(corrected))


def _relative(found: Sequence[Case]) -> Measure:
    """I_avg relative to the first shorts' yes share; nobody knows which of the two the paper means."""
    pairs: dict[Condition, list[tuple[float, float]]] = defaultdict(list)
    for case in found:
        first, last = (share(decided(case.record, phase)) for phase in Phase)
        if first is not None and last is not None:
            pairs[case.condition].append((first.value, last.value))
    groups: dict[Condition, list[list[tuple[float, float]]]] = defaultdict(list)
    for one, of in pairs.items():
        if one.persona is not None:
            groups[over_personas(one)].append(of)
    rows = [(one, [of]) for one, of in pairs.items()]
    kept, pooled = (
        tuple(
            Row(condition=one, estimate=estimate, conditions=len(parts))
            for one, parts in several
            if (estimate := relative_change(parts)) is not None
        )
        for several in (rows, groups.items())
    )
    title = "I_avg relative to the first shorts' yes share"
    return Measure(
        name="i-avg-relative", title=title, unit=RELATIVE, source=None, rows=kept, pooled=pooled, contrasts=()
    )


def _answers(condition: Condition, group: Sequence[Case]) -> Answers:
    decisions, persona = counts_by(case.record for case in group), condition.persona
    return Answers(
        condition=condition,
        arms=len(group),
        first=decisions[Phase.TRAINING],
        last=decisions[Phase.EVALUATION],
        judged=sum((judged(case.record, persona) for case in group), Counts()),
        judged_yoked=sum((judged(case.yoked, persona) for case in group if case.yoked), Counts()),
    )
