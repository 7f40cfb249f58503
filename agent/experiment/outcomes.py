"""What one arm says: its own decisions, and what the judge says of what its feed showed.

An arm that did not come to its end (dry, blocked, failed, unfinished) gives no number; it is listed with its cause.
Refused and unreadable are counted apart and are no part of a share (D16).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from agent.benchmark.tally import Counts
from agent.experiment.intervals import Unit
from agent.experiment.records import Arm, ArmRecord, Control, Experiment, Phase, Role, Showing
from storage.records import Verdict

DONE = "done"


@dataclass(frozen=True, kw_only=True)
class Condition:
    """What replicates of an arm have in common; for a row over personas the persona is None and `pooled` true."""

    persona: str | None
    strategy: str
    model: str
    platform: str
    recommender: str | None
    control: Control = Control.NONE
    pooled: bool = False

    @property
    def feed(self) -> str:
        """The platform, and its recommender where we know it."""
        return f"{self.platform} ({self.recommender})" if self.recommender else self.platform


@dataclass(frozen=True, kw_only=True)
class Case:
    """An arm that came to its end, with the controls of its own that did."""

    record: ArmRecord
    role: Role | None
    yoked: ArmRecord | None = None
    twin: ArmRecord | None = None

    @property
    def arm(self) -> Arm:
        return self.record.arm

    @property
    def condition(self) -> Condition:
        return condition(self.arm)


def condition(arm: Arm) -> Condition:
    """The one that an arm is a replicate of."""
    return Condition(
        persona=arm.persona, strategy=arm.strategy, model=arm.model, platform=arm.platform,
        recommender=arm.recommender, control=arm.control,
    )  # fmt: skip


def over_personas(one: Condition) -> Condition:
    """The condition of all personas together."""
    return replace(one, persona=None, pooled=True)


def cases(experiment: Experiment) -> Iterator[Case]:
    """The arms of the design and those without persona, in the experiment's order."""
    controls: dict[tuple[str | None, Control], ArmRecord] = {
        (record.arm.of, record.arm.control): record for record in experiment.arms if record.state == DONE
    }
    for record in experiment.arms:
        arm = record.arm
        if record.state == DONE and arm.control in (Control.NONE, Control.NO_PERSONA):
            yield Case(
                record=record,
                role=experiment.roles.get(arm.persona) if arm.persona is not None else None,
                yoked=controls.get((arm.name, Control.YOKED)),
                twin=controls.get((arm.name, Control.TWIN)),
            )


def of_phase(record: ArmRecord, phase: Phase) -> list[Showing]:
    """What the arm's feed showed in one phase, in order."""
    return [showing for showing in record.showings if showing.phase is phase]


def counted(verdicts: Iterable[Verdict]) -> Counts:
    """Four kinds of answers."""
    found = Counter(verdicts)
    return Counts(
        yes=found[Verdict.YES], no=found[Verdict.NO], refused=found[Verdict.REFUSED],
        unreadable=found[Verdict.UNREADABLE],
    )  # fmt: skip


def decided(record: ArmRecord, phase: Phase) -> Counts:
    """The arm's own decisions in one phase."""
    return counted(showing.decision for showing in of_phase(record, phase))


def judged(record: ArmRecord, persona: str | None) -> Counts:
    """What the judge says, as this persona or out of role, of the evaluation shorts."""
    found = (showing.judged.get(persona) for showing in of_phase(record, Phase.EVALUATION))
    return counted(verdict for verdict in found if verdict is not None)


def share(counts: Counts) -> Unit | None:
    """Of yes among yes and no; None where neither was said."""
    return Unit(value=counts.yes / counts.opinions, step=1 / counts.opinions) if counts.opinions else None


def less(one: Unit | None, other: Unit | None) -> Unit | None:
    """The difference of two numbers; None where one of them is not there."""
    if one is None or other is None:
        return None
    return Unit(value=one.value - other.value, step=(one.step**2 + other.step**2) ** 0.5)


def feed_effect(case: Case, persona: str | None) -> Unit | None:
    """The outcome: the judged yes share in the own feed less that in the yoked one's."""
    if case.yoked is None:
        return None
    return less(share(judged(case.record, persona)), share(judged(case.yoked, persona)))


def change(case: Case) -> Unit | None:
    """The paper's I_avg in shares: the arm's own yes share in its last shorts less that in its first."""
    return less(share(decided(case.record, Phase.EVALUATION)), share(decided(case.record, Phase.TRAINING)))


def counts_by(records: Iterable[ArmRecord]) -> Mapping[Phase, Counts]:
    """The decisions of several arms by phase."""
    found = list(records)
    return {phase: sum((decided(one, phase) for one in found), Counts()) for phase in Phase}
