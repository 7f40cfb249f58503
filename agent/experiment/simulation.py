"""Experiments in process, without browser, model or clock: scripted agents on the sandbox's own world and recommenders.

A scripted persona says yes to a short with a known probability that its value alone decides, and so does the judge. The
feed is the very code that the sandbox serves (`agent/sandbox/feed.py`), so that for one seed a browser shows the same
shorts. What is tested is whether the analysis finds effects that are known; it says nothing about any model or site.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product

from agent.experiment.records import Arm, ArmRecord, Control, Experiment, Phase, Role, Showing
from agent.sandbox.feed import Feed, WatchEvent, visitor_id
from agent.sandbox.recommenders import recommender
from agent.sandbox.world import World
from agent.settings import Dwell
from storage.chance import draw
from storage.records import Kind, Verdict

MODEL, JUDGE, SOURCE, PLATFORM = "scripted", "scripted-judge", "truth", "sandbox"
AT = 1.0
"""Seconds of a video that are played until its picture is taken."""
MAX_DWELL = 30.0
JUDGE_SEED = 1
"""The judge is one and the same in all experiments."""


@dataclass(frozen=True, kw_only=True)
class Scripted:
    """A persona whose taste is known."""

    name: str
    likes: tuple[str, ...]
    """Values it was written for."""
    yes: float = 0.8
    """Chance of a yes to a short of these values, and else."""
    otherwise: float = 0.2

    def rate(self, value: str) -> float:
        return self.yes if value in self.likes else self.otherwise


@dataclass(frozen=True, kw_only=True)
class Design:
    """What is simulated. Every persona meets every strategy and recommender."""

    personas: tuple[Scripted, ...]
    strategies: Mapping[str, float] = field(default_factory=lambda: {"simple": 1.0})
    """How strongly each holds the role: 1 decides as the persona, 0 says yes to `nobody` of all shorts alike."""
    nobody: float = 0.4
    """An agent's chance of a yes out of role."""
    recommenders: tuple[str, ...] = ("engagement",)
    replicates: int = 3
    training: int = 20
    evaluation: int = 20
    twins: bool = True
    yoked: bool = True
    no_persona: bool = True
    dwell: str = "uniform:0:15"
    unclear: float = 0.0
    """Chance that an answer is refused or unreadable, half each."""


def simulate(design: Design, world: World, seed: int) -> Experiment:
    """One experiment; every draw of it is a function of its seed."""
    personas = {one.name: one for one in design.personas}
    arms: dict[str, ArmRecord] = {}
    for arm in _arms(design):
        yoked_to = arms[arm.of] if arm.control is Control.YOKED and arm.of is not None else None
        arms[arm.name] = _run(arm, design, personas, world, seed, yoked_to)
    return Experiment(
        name="simulated",
        seed=seed,
        training=design.training,
        evaluation=design.evaluation,
        judge=JUDGE,
        arms=tuple(arms.values()),
        roles={one.name: _role(one, world) for one in design.personas},
        about={"simulated": True, "sandbox": True},
    )


def _arms(design: Design) -> Iterator[Arm]:
    for replicate, kind in product(range(1, design.replicates + 1), design.recommenders):
        if design.no_persona:
            yield _arm(None, "plain", kind, replicate, Control.NO_PERSONA)
        for persona, strategy in product(design.personas, design.strategies):
            arm = _arm(persona.name, strategy, kind, replicate, Control.NONE)
            yield arm
            for control, wanted in ((Control.TWIN, design.twins), (Control.YOKED, design.yoked)):
                if wanted:
                    yield replace(arm, name=f"{arm.name}.{control}", control=control, of=arm.name)


def _arm(persona: str | None, strategy: str, kind: str, replicate: int, control: Control) -> Arm:
    parts = [persona or "nobody", strategy, MODEL, f"{PLATFORM}-{kind}", str(replicate)]
    return Arm(
        name=".".join([*parts, control.value] if control is not Control.NONE else parts), persona=persona,
        strategy=strategy, model=MODEL, platform=PLATFORM, recommender=kind, replicate=replicate, control=control,
    )  # fmt: skip


def _run(
    arm: Arm, design: Design, personas: Mapping[str, Scripted], world: World, seed: int, yoked_to: ArmRecord | None
) -> ArmRecord:
    assert arm.recommender is not None
    visitor = visitor_id(seed, arm.name)
    feed = Feed(recommender(arm.recommender, world, visitor))
    dwell, total = Dwell(design.dwell), design.training + design.evaluation
    judges = tuple(personas.values()) if arm.persona is None else (personas[arm.persona],)
    showings: list[Showing] = []
    while len(showings) < total and (ahead := feed.ahead()):
        place, short_id = ahead[0]
        keyword, kind = world.about(short_id)
        if kind is not Kind.SHORT:
            feed.leave(_left(visitor, short_id, place, 0.0))
            continue
        number, value = len(showings), world.value_of[keyword]
        if yoked_to is not None:
            verdict, planned = yoked_to.showings[number].decision, yoked_to.showings[number].planned_dwell
        else:
            rate = _rate(arm, design, personas, value)
            verdict = _verdict(rate, design.unclear, seed, "decides", f"{arm.name}/{number}")
            planned = dwell.of(seed, f"{arm.name}/{short_id}", MAX_DWELL) if verdict is Verdict.YES else 0.0
        phase = Phase.TRAINING if number < design.training else Phase.EVALUATION
        judged = _judged(judges, design, value, short_id) if phase is Phase.EVALUATION else {}
        showings.append(
            Showing(
                position=number, phase=phase, platform_id=short_id, decision=verdict, planned_dwell=planned,
                values={SOURCE: frozenset((value,))}, topics={SOURCE: frozenset((keyword,))}, judged=judged,
            )
        )  # fmt: skip
        feed.leave(_left(visitor, short_id, place, AT + planned))
    state = "done" if len(showings) == total else "dry"
    return ArmRecord(arm=arm, showings=tuple(showings), state=state, cause=None if state == "done" else "feed ended")


def _left(visitor: str, short_id: str, place: int, seconds: float) -> WatchEvent:
    return WatchEvent(
        visitor=visitor, id=short_id, position=place, seconds=seconds, media_seconds=seconds, liked=False, at=""
    )


def _rate(arm: Arm, design: Design, personas: Mapping[str, Scripted], value: str) -> float:
    if arm.persona is None:
        return design.nobody
    hold = design.strategies[arm.strategy]
    return hold * personas[arm.persona].rate(value) + (1 - hold) * design.nobody


def _judged(personas: Sequence[Scripted], design: Design, value: str, short_id: str) -> Mapping[str | None, Verdict]:
    found: dict[str | None, Verdict] = {
        one.name: _verdict(one.rate(value), design.unclear, JUDGE_SEED, f"judges/{one.name}", short_id)
        for one in personas
    }
    found[None] = _verdict(design.nobody, design.unclear, JUDGE_SEED, "judges", short_id)
    return found


def _verdict(rate: float, unclear: float, seed: int, purpose: str, key: str) -> Verdict:
    chance = draw(seed, purpose, key)
    if chance < unclear:
        return Verdict.REFUSED if chance < unclear / 2 else Verdict.UNREADABLE
    return Verdict.YES if chance < unclear + rate * (1 - unclear) else Verdict.NO


def _role(persona: Scripted, world: World) -> Role:
    values = list(dict.fromkeys(world.value_of.values()))
    mean = sum(persona.rate(value) for value in values) / len(values)
    return Role(
        name=persona.name, written=persona.likes,
        centred={MODEL: {value: persona.rate(value) - mean for value in values}},
    )  # fmt: skip
