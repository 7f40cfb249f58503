"""What the controls say: twins that differ by chance alone, agents without persona, decisions about the same short.

twins        an arm less its identical twin: 5 in 100 conditions should seem to differ, and the size of the
             differences is what chance does to everything else that is reported
no persona   the judged yes share, as a persona, of its own feeds less that of the feeds of agents without persona
repeats      how often one decider says the same of the same short, shown again to it or to another of its arms
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from statistics import fmean

from agent.experiment.intervals import Estimate, Unit, combined, jackknife, mean_of_conditions
from agent.experiment.outcomes import DONE, Case, Condition, change, condition, judged, less, over_personas, share
from agent.experiment.records import ArmRecord, Control, Experiment
from storage.records import Verdict

WHOLE = (-1.0, 1.0)
"""What a difference of shares can be."""


@dataclass(frozen=True, kw_only=True)
class Twins:
    """One condition's arms less their twins, or all conditions together (`condition` None)."""

    condition: Condition | None
    judged: Estimate | None
    """In the judged yes share as the persona; out of role where there is none."""
    change: Estimate | None
    """In I_avg."""
    noise: float | None
    """Root mean square of the differences in the judged share: what chance alone makes of one arm against another."""
    conditions: int = 1
    differ: int = 0
    """Of all together: conditions that seem to differ in the judged share."""


@dataclass(frozen=True, kw_only=True)
class NoPersona:
    """A condition's judged yes share less that of agents without persona on the same feed, judged as this persona."""

    condition: Condition
    estimate: Estimate
    without: float
    """The share without persona."""


@dataclass(frozen=True, kw_only=True)
class Repeats:
    """One decider's decisions about shorts that it met more than once."""

    condition: Condition
    """Of all feeds of a platform together: its recommender is None."""
    shorts: int
    pairs: int
    same: Estimate
    """Share of pairs that were decided alike."""
    by_chance: float
    """What it would be if every decision were drawn anew with the same share of yes."""


def twins(found: Sequence[Case]) -> list[Twins]:
    """By condition, and all conditions together last; empty without twins."""
    groups: dict[Condition, list[Case]] = defaultdict(list)
    for case in found:
        if case.twin is not None:
            groups[case.condition].append(case)
    rows, all_judged, all_changes = [], [], []
    for one, group in groups.items():
        looks, changes = _kept(map(_twin_judged, group)), _kept(map(_twin_change, group))
        rows.append(_twins(one, [looks] if looks else [], [changes] if changes else []))
        all_judged += [looks] if looks else []
        all_changes += [changes] if changes else []
    if not rows:
        return []
    differ = sum(row.judged is not None and row.judged.sure for row in rows)
    return [*rows, replace(_twins(None, all_judged, all_changes), conditions=len(rows), differ=differ)]


def no_persona(found: Sequence[Case]) -> list[NoPersona]:
    """Every persona's conditions, then all personas together."""
    bare: dict[Condition, list[Case]] = defaultdict(list)
    own: dict[Condition, list[Case]] = defaultdict(list)
    for case in found:
        if case.arm.control is Control.NO_PERSONA:
            bare[_feed(case.condition)].append(case)
        elif case.arm.persona is not None:
            own[case.condition].append(case)
    rows, together = [], defaultdict(list)
    for one, group in own.items():
        others = bare.get(_feed(one), [])
        mine = _kept(share(judged(case.record, one.persona)) for case in group)
        theirs = _kept(share(judged(case.record, one.persona)) for case in others)
        if mine and theirs:
            without = fmean(unit.value for unit in theirs)
            estimate = combined([(1.0, mine), (-1.0, theirs)], limits=WHOLE)
            rows.append(NoPersona(condition=one, estimate=estimate, without=without))
            together[over_personas(one)].append((one.persona, mine))
    for one, parts in together.items():
        # An agent without persona stands against every persona at once: its number is the mean over them.
        names = [persona for persona, _ in parts]
        known = _kept(_mean_unit(case, names) for case in bare[_feed(one)])
        if known:
            sides = [(1 / len(parts), mine) for _, mine in parts] + [(-1.0, known)]
            without = fmean(unit.value for unit in known)
            rows.append(NoPersona(condition=one, estimate=combined(sides, limits=WHOLE), without=without))
    return rows


def repeats(experiment: Experiment) -> list[Repeats]:
    """By decider: persona, strategy, model and platform. Yoked arms decide nothing."""
    groups: dict[Condition, list[ArmRecord]] = defaultdict(list)
    for record in experiment.arms:
        if record.state == DONE and record.arm.control is not Control.YOKED:
            groups[replace(condition(record.arm), recommender=None, control=Control.NONE)].append(record)
    found = []
    for one, records in groups.items():
        said = {record.arm.name: _said(record) for record in records}
        pairs = _pairs(said.values())
        if not pairs:
            continue
        verdicts = [verdict for pair in pairs for verdict in pair]
        yes = sum(verdict is Verdict.YES for verdict in verdicts) / len(verdicts)
        same = jackknife(said, _alike, (0.0, 1.0))
        assert same is not None
        shorts = Counter(short for decisions in said.values() for short, _ in decisions)
        met_again = sum(times > 1 for times in shorts.values())
        by_chance = yes**2 + (1 - yes) ** 2
        found.append(Repeats(condition=one, shorts=met_again, pairs=len(pairs), same=same, by_chance=by_chance))
    return found


def _twins(one: Condition | None, looks: list[list[Unit]], changes: list[list[Unit]]) -> Twins:
    values = [unit.value for part in looks for unit in part]
    return Twins(
        condition=one,
        judged=mean_of_conditions(looks, limits=WHOLE) if looks else None,
        change=mean_of_conditions(changes, limits=WHOLE) if changes else None,
        noise=math.sqrt(fmean(value**2 for value in values)) if values else None,
    )


def _twin_judged(case: Case) -> Unit | None:
    assert case.twin is not None
    persona = case.arm.persona
    return less(share(judged(case.record, persona)), share(judged(case.twin, persona)))


def _twin_change(case: Case) -> Unit | None:
    assert case.twin is not None
    return less(change(case), change(replace(case, record=case.twin)))


def _feed(one: Condition) -> Condition:
    """What an arm shares with those without persona."""
    return replace(one, persona=None, strategy="", control=Control.NONE, pooled=False)


def _mean_unit(case: Case, personas: Iterable[str | None]) -> Unit | None:
    units = _kept(share(judged(case.record, persona)) for persona in personas)
    return Unit(value=fmean(unit.value for unit in units)) if units else None


def _kept(units: Iterable[Unit | None]) -> list[Unit]:
    return [unit for unit in units if unit is not None]


def _said(record: ArmRecord) -> list[tuple[str, Verdict]]:
    """Opinions by short, in order."""
    opinions = (Verdict.YES, Verdict.NO)
    return [(shown.platform_id, shown.decision) for shown in record.showings if shown.decision in opinions]


def _pairs(said: Iterable[Sequence[tuple[str, Verdict]]]) -> list[tuple[Verdict, Verdict]]:
    by_short: Mapping[str, list[Verdict]] = defaultdict(list)
    for decisions in said:
        for short, verdict in decisions:
            by_short[short].append(verdict)
    return [pair for verdicts in by_short.values() for pair in combinations(verdicts, 2)]


def _alike(said: Iterable[Sequence[tuple[str, Verdict]]]) -> float | None:
    pairs = _pairs(said)
    return sum(one is other for one, other in pairs) / len(pairs) if pairs else None
