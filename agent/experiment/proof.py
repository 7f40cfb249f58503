"""Do the analysis' intervals hold what is true? On simulated experiments, whose true effects many further arms tell.

Every experiment has two personas of unlike taste, each with a yoked profile and a twin, on a feed that learns and on
one that does not. An effect's true value is the mean over arms of seeds of their own, one pair an experiment; of the
feed that does not learn it is nought, since own and yoked profiles see the same there but for chance.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from statistics import fmean

from agent.experiment.analysis import analyse
from agent.experiment.intervals import Estimate
from agent.experiment.outcomes import Condition, cases, feed_effect
from agent.experiment.simulation import Design, Scripted, simulate
from agent.sandbox.recommenders import Chronological, Engagement
from agent.sandbox.world import World

PROOF = Design(
    personas=(
        Scripted(name="devoted", likes=("hedonism",), yes=0.9, otherwise=0.1),
        Scripted(name="lenient", likes=("power", "achievement"), yes=0.7, otherwise=0.3),
    ),
    recommenders=(Engagement.kind, Chronological.kind),
    no_persona=False,
)
LEAST, MOST = 0.92, 0.98
"""Coverage that every effect must have."""
LEAST_TWINS, MOST_TWINS = 0.03, 0.07
"""Share of twins that may seem to differ."""
APART = 1_000_000
"""Seeds of the arms that tell the truth begin here."""


@dataclass(kw_only=True)
class Effect:
    """One effect and how its intervals did."""

    name: str
    true: float
    covered: list[bool] = field(default_factory=list)
    sure: list[bool] = field(default_factory=list)
    """Intervals that leave nought out."""
    widths: list[float] = field(default_factory=list)
    estimates: list[float] = field(default_factory=list)

    def add(self, found: Estimate) -> None:
        assert found.low is not None
        assert found.high is not None
        self.covered.append(found.low <= self.true <= found.high)
        self.sure.append(found.sure)
        self.widths.append(found.high - found.low)
        self.estimates.append(found.estimate)

    @property
    def coverage(self) -> float:
        return fmean(self.covered)


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What many experiments came to."""

    effects: tuple[Effect, ...]
    """Of the outcome: by condition, over personas, and the feeds against each other."""
    null: Mapping[Condition, float]
    """What the feed that does not learn came to over all those arms, whose true effect is nought."""
    twins: float
    """Share of conditions whose twins seem to differ."""
    pairs: int
    """Conditions with twins, all experiments together."""


def prove(world: World, experiments: int, arms: int, *, design: Design = PROOF) -> Proof:
    """Simulate and count.

    Args:
        experiments: whose intervals are tried.
        arms: pairs of an own and a yoked feed, of each condition, that tell its true effect.
    """
    found = true_effects(world, arms, design)
    null = {one: effect for one, effect in found.items() if one.recommender == Chronological.kind}
    true = {**found, **dict.fromkeys(null, 0.0)}
    effects: dict[str, Effect] = {}
    differ: list[bool] = []

    def note(name: str, truth: float, estimate: Estimate) -> None:
        effects.setdefault(name, Effect(name=name, true=truth)).add(estimate)

    for seed in range(1, experiments + 1):
        analysis = analyse(simulate(design, world, seed), seed)
        outcome = analysis.measure("outcome")
        for row in (*outcome.rows, *outcome.pooled):
            note(_name(row.condition), _true(row.condition, true), row.estimate)
        for one in outcome.contrasts:
            left, right = (
                fmean(value for at, value in true.items() if at.feed == feed) for feed in (one.one, one.other)
            )
            note(f"{one.one} less {one.other}", left - right, one.estimate)
        differ += [
            one.judged.p < 0.05
            for one in analysis.twins
            if one.condition is not None and one.judged is not None and one.judged.p is not None
        ]
    return Proof(effects=tuple(effects.values()), null=null, twins=fmean(differ), pairs=len(differ))


def true_effects(world: World, arms: int, design: Design = PROOF) -> dict[Condition, float]:
    """By condition, the mean over so many arms of the own feed's judged yes share less the yoked feed's."""
    single = replace(design, replicates=1, twins=False)
    found: dict[Condition, list[float]] = defaultdict(list)
    for seed in range(APART, APART + arms):
        for case in cases(simulate(single, world, seed)):
            unit = feed_effect(case, case.arm.persona)
            if unit is not None:
                found[case.condition].append(unit.value)
    return {one: fmean(values) for one, values in found.items()}


def proof_table(proof: Proof) -> str:
    """As printed, one line an effect."""
    width = max(len(one.name) for one in proof.effects)
    lines = [f"{'effect':{width}}    true    mean  coverage  width  not nought"]
    lines += [
        f"{one.name:{width}}  {100 * one.true:+6.1f}  {100 * fmean(one.estimates):+6.1f}  {100 * one.coverage:7.1f}%"
        f"  {100 * fmean(one.widths):5.1f}  {100 * fmean(one.sure):9.1f}%"
        for one in proof.effects
    ]
    lines.append(f"twins that seem to differ: {100 * proof.twins:.1f} % of {proof.pairs}")
    return "\n".join(lines)


def _name(one: Condition) -> str:
    return f"{one.persona or 'both personas'}, {one.recommender}"


def _true(one: Condition, true: Mapping[Condition, float]) -> float:
    if not one.pooled:
        return true[one]
    return fmean(value for at, value in true.items() if at.recommender == one.recommender)
