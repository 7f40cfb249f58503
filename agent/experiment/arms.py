"""From a plan to its arms: every persona, strategy, model and feed, with the controls, in blocks that advance together.

A block is one replicate on one platform, all its recommenders together; its yoked arms make a second block, since they
repeat what the first one did.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

from agent.experiment.plan import ISQ, PLAIN, SANDBOX, Plan, digest
from agent.experiment.records import Arm, Control
from agent.personas.loading import find_persona
from agent.personas.persona import Persona
from agent.sandbox.recommenders import KINDS, Engagement
from agent.strategies.base import Strategy
from agent.strategies.isq import Isq
from agent.strategies.plain import Plain
from agent.strategies.simple import Simple
from retrieval.vocabulary import Vocabulary
from storage.errors import UsageError

NOBODY = "nobody"


@dataclass(frozen=True, kw_only=True)
class Block:
    """Arms of one platform that advance in lockstep."""

    platform: str
    replicate: int
    arms: tuple[Arm, ...]


class Design:
    """A plan whose personas and recommenders are known, with all its arms.

    Raises:
        UsageError: no such persona or recommender, two personas of one name, or too few profiles.
    """

    def __init__(self, plan: Plan, vocabulary: Vocabulary) -> None:
        self.plan = plan
        self.personas: Mapping[str, Persona] = _cast(plan.personas)
        """By name."""
        self.recommenders: tuple[str, ...] = plan.recommenders or (Engagement.kind,)
        if unknown := next((kind for kind in self.recommenders if kind not in KINDS), None):
            raise UsageError(f"recommenders: {unknown} is unknown; choose from {', '.join(KINDS)}")
        self.arms: tuple[Arm, ...] = tuple(self._arms())
        """In the plan's order, every twin and yoked one after its arm."""
        questions = {
            f"{arm.persona}/{arm.strategy}": [question.fingerprint for question in self.strategy_of(arm).questions]
            for arm in self.arms
        }
        self.analysis = {
            **plan.design(),
            "personas": {name: list(persona.traits) for name, persona in self.personas.items()},
            "recommenders": list(self.recommenders),
            "questions": questions,
            "vocabulary": vocabulary.sha256,
        }
        """What the hash is of."""
        self.hash = digest(self.analysis)
        for platform, names in plan.profiles.items():
            arms = [arm for arm in self.arms if arm.platform == platform]
            if len(set(names)) < len(arms):
                raise UsageError(
                    f"profiles: {platform} has {len(set(names))} and {len(arms)} arms need one each; make more with "
                    f"`python -m agent.login --platform {platform} --profile NAME`"
                )

    def hash_of(self, arm: Arm) -> str:
        """The plan hash of an arm's run."""
        return digest([self.hash, arm.name])

    def strategy_of(self, arm: Arm) -> Strategy:
        """How the arm's model is asked; of a yoked arm, how the one it belongs to was."""
        if arm.persona is None or arm.strategy == PLAIN:
            return Plain()
        persona = self.personas[arm.persona]
        return Isq(persona, self.plan.isq_threshold) if arm.strategy == ISQ else Simple(persona)

    def profile_name(self, arm: Arm) -> str | None:
        """The profile made by hand that the arm uses; None where it gets a fresh one of its own."""
        names = self.plan.profiles.get(arm.platform)
        if names is None:
            return None
        mine = [other.name for other in self.arms if other.platform == arm.platform]
        return list(dict.fromkeys(names))[mine.index(arm.name)]

    def blocks(self, platform: str) -> list[Block]:
        """The platform's blocks in the order in which they run."""
        found = []
        for replicate in range(1, self.plan.replicates + 1):
            arms = [arm for arm in self.arms if arm.platform == platform and arm.replicate == replicate]
            for yoked in (False, True):
                chosen = tuple(arm for arm in arms if (arm.control is Control.YOKED) == yoked)
                if chosen:
                    found.append(Block(platform=platform, replicate=replicate, arms=chosen))
        return found

    def concerned(self, arm: Arm) -> tuple[str | None, ...]:
        """In whose name the arm's evaluation shorts are judged: nobody's and its persona's; every persona's where it
        has none, so that a persona's feed can be set against that of an agent without persona."""
        return (None, *((arm.persona,) if arm.persona is not None else self.personas))

    def _arms(self) -> Iterator[Arm]:
        plan = self.plan
        for replicate, platform in product(range(1, plan.replicates + 1), plan.platforms):
            feeds = self.recommenders if platform == SANDBOX else (None,)
            for recommender, model in product(feeds, plan.model):
                yield from self._feed(replicate, platform, recommender, model.name)

    def _feed(self, replicate: int, platform: str, recommender: str | None, model: str) -> Iterator[Arm]:
        """The arms of one replicate, model and feed, with their controls."""
        controls = self.plan.controls
        cells = list(product(self.personas or (None,), self.plan.strategies))
        arms = [
            _arm(persona, strategy, model, platform, recommender, replicate, Control.NONE)
            for persona, strategy in cells
        ]
        if controls.no_persona != "none":
            yield _arm(None, PLAIN, model, platform, recommender, replicate, Control.NO_PERSONA)
        chosen = next((arm for arm in arms if arm.strategy != PLAIN), arms[0])
        for arm in arms:
            yield arm
            for control, share in ((Control.TWIN, controls.twin), (Control.YOKED, controls.yoked)):
                if share == "each" or (share == "one" and arm is chosen):
                    yield replace(arm, name=f"{arm.name}.{control}", control=control, of=arm.name)


def _arm(
    persona: str | None,
    strategy: str,
    model: str,
    platform: str,
    recommender: str | None,
    replicate: int,
    control: Control,
) -> Arm:
    feed = platform if recommender is None else f"{platform}-{recommender}"
    parts = [persona or NOBODY, strategy, model, feed, str(replicate)]
    if control is not Control.NONE:
        parts.append(control.value)
    return Arm(
        name=".".join(parts),
        persona=persona,
        strategy=strategy,
        model=model,
        platform=platform,
        recommender=recommender,
        replicate=replicate,
        control=control,
    )


def _cast(names: Sequence[str]) -> dict[str, Persona]:
    found: dict[str, Persona] = {}
    for name in names:
        persona = find_persona(name)
        if persona.name in found:
            raise UsageError(f"personas: two are called {persona.name}; rename one of them")
        found[persona.name] = persona
    return found
