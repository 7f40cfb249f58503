"""From the corpus to an `Experiment`: what every arm was shown, what it did, what is said of it."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from agent.experiment.arms import Design
from agent.experiment.judge import Judgements, in_phase
from agent.experiment.plan import SANDBOX
from agent.experiment.profiles import visitor
from agent.experiment.records import Arm, ArmRecord, Experiment, Phase, Role, Showing
from agent.experiment.run import Work, state_of
from agent.platforms.sandbox import state_file
from agent.sandbox.state import feed_states
from agent.sandbox.truth import truths
from retrieval.vocabulary import Vocabulary
from storage.corpus import Corpus
from storage.errors import NothingFound
from storage.measured import runs_of_plan
from storage.personas import Personas
from storage.records import Verdict
from storage.version import code_version
from storage.watched import PlanRun, Said, Watched, said_of, watched

TRUTH = "sandbox-truth"
"""Label source of what a sandbox short really shows: its value, and its keyword as the topic."""


def load(work: Work) -> Experiment:
    """The experiment as far as the corpus has it.

    Raises:
        NothingFound: not one short of it.
    """
    design, corpus, vocabulary = work.design, work.corpus, work.vocabulary
    plan, runs = design.plan, work.runs()
    shown = {name: watched(corpus.database, run.plan_run_id) for name, run in runs.items()}
    if not any(shown.values()):
        raise NothingFound(
            f"{corpus.database.path} holds no short of this experiment yet; run it without --report-only"
        )
    statements = _statements(design, corpus, vocabulary, shown)
    verdicts = _verdicts(design, corpus, shown)
    return Experiment(
        name=plan.name or "experiment",
        seed=plan.seed,
        training=plan.training,
        evaluation=plan.evaluation,
        judge=plan.judge.name if plan.judge else None,
        arms=tuple(
            _record(design, arm, runs.get(arm.name), shown.get(arm.name, []), statements, verdicts)
            for arm in design.arms
        ),
        roles=_roles(design, corpus),
        about=_about(design, corpus, vocabulary),
    )


def _record(
    design: Design,
    arm: Arm,
    run: PlanRun | None,
    shown: Sequence[Watched],
    statements: Mapping[int, Mapping[str, Said]],
    verdicts: Mapping[tuple[str, str, str | None], Verdict],
) -> ArmRecord:
    state, cause = state_of(run, design.plan.shorts)
    showings = []
    for place, (phase, short) in enumerate(in_phase(shown, design.plan.training)):
        said = statements.get(short.short_id, {})
        judged = {
            name: verdicts[arm.platform, short.platform_id, name]
            for name in (design.concerned(arm) if phase is Phase.EVALUATION else ())
            if (arm.platform, short.platform_id, name) in verdicts
        }
        showings.append(
            Showing(
                position=place,
                phase=phase,
                platform_id=short.platform_id,
                decision=short.verdict,
                planned_dwell=short.planned_dwell,
                values={source: one.values for source, one in said.items() if one.takes_stand},
                topics={source: one.topics for source, one in said.items()},
                judged=judged,
            )
        )
    return ArmRecord(arm=arm, showings=tuple(showings), state=state, cause=cause)


def _statements(
    design: Design, corpus: Corpus, vocabulary: Vocabulary, shown: Mapping[str, Sequence[Watched]]
) -> Mapping[int, Mapping[str, Said]]:
    """What each source says of the shorts. One that takes a stand on any of them is taken at its word on all."""
    shorts = {short.short_id: short for several in shown.values() for short in several}
    found = {short: dict(said) for short, said in said_of(corpus.database, list(shorts)).items()}
    standing = {source for said in found.values() for source, one in said.items() if one.takes_stand}
    for said in found.values():
        for source, one in said.items():
            said[source] = Said(values=one.values, topics=one.topics, takes_stand=source in standing)
    mine = {
        short.short_id: short.platform_id
        for arm in design.arms
        if arm.platform == SANDBOX
        for short in shown.get(arm.name, ())
    }
    for (short_id, _), truth in zip(mine.items(), truths(list(mine.values()), vocabulary), strict=True):
        if truth.value is not None and truth.keyword is not None:
            found.setdefault(short_id, {})[TRUTH] = Said(
                values=frozenset({truth.value}), topics=frozenset({truth.keyword}), takes_stand=True
            )
    return found


def _verdicts(
    design: Design, corpus: Corpus, shown: Mapping[str, Sequence[Watched]]
) -> dict[tuple[str, str, str | None], Verdict]:
    plan = design.plan
    own = runs_of_plan(corpus.database, design.hash, plan.seed)
    if plan.judge is None or not own:
        return {}
    asked = {
        (arm.platform, short.platform_id, name)
        for arm in design.arms
        for phase, short in in_phase(shown.get(arm.name, ()), plan.training)
        if phase is Phase.EVALUATION
        for name in design.concerned(arm)
    }
    return Judgements(design, corpus.answers, own[-1]).find(list(asked))


def _roles(design: Design, corpus: Corpus) -> dict[str, Role]:
    personas = Personas(corpus.database)
    roles = {}
    for name, persona in design.personas.items():
        kept = personas.profiles(name).values()
        centred = {
            model.name: one["centred"]
            for model in design.plan.model
            for one in kept
            if one["model"] == model.name and one["endpoint"] == model.host
        }
        roles[name] = Role(name=name, written=persona.values, centred=centred)
    return roles


def _about(design: Design, corpus: Corpus, vocabulary: Vocabulary) -> dict[str, Any]:
    return {
        "plan": design.analysis,
        "plan_hash": design.hash,
        "simulated": False,
        "code_version": code_version(),
        "corpus": corpus.database.path.name,
        "recommenders": _learned(design, corpus, vocabulary),
    }


def _learned(design: Design, corpus: Corpus, vocabulary: Vocabulary) -> dict[str, Any]:
    """By recommender, what it goes by and what it has learned of each arm; nothing where its memory is not at hand."""
    words = {value.id: [keyword.word for keyword in value.all_keywords] for value in vocabulary.values}
    found = {}
    for kind in design.recommenders if SANDBOX in design.plan.platforms else ():
        state = state_file(corpus.database.path, kind)
        names = {visitor(design, arm): arm.name for arm in design.arms if arm.recommender == kind}
        if state.exists():
            with suppress(NothingFound):
                told = feed_states(state, words)
                mine = {names[one]: state for one, state in told["visitors"].items() if one in names}
                found[kind] = {**told, "visitors": mine}
    return found
