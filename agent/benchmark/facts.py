"""What was planned and done, in the words and figures that a report's method, limits and citation need."""

from collections.abc import Mapping
from dataclasses import dataclass

from agent.benchmark.plan import Pairs, Plan
from agent.benchmark.questions import BESIDE, CHOICE, LIKE_TEXT
from retrieval.vocabulary import Vocabulary

PairsDeclared = tuple[tuple[str, str], ...] | None
"""None: all."""


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """A model as it was asked."""

    name: str
    host: str
    scripted: bool = False


@dataclass(frozen=True, kw_only=True)
class QuestionFacts:
    """One question as it was put."""

    name: str
    text: str


@dataclass(frozen=True, kw_only=True)
class ValueName:
    """A value as people read it."""

    id: str
    name: str
    abbreviation: str
    group: str = ""
    """On Schwartz's circle."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Everything about a benchmark but its answers."""

    plan_hash: str
    value_set: str
    """Id of the manifest."""
    corpus: str
    """Id of the corpus."""
    sandbox: bool
    """Pictures are the sandbox's: figures test the pipeline."""
    models: tuple[ModelFacts, ...]
    questions: tuple[QuestionFacts, ...] = ()
    values: tuple[ValueName, ...] = ()
    """Names of the values; one without takes its id."""
    declared_values: PairsDeclared = None
    declared_models: PairsDeclared = None
    declared_modality: bool = True
    declared_control: bool = True
    unanswered: int = 0
    """Questions of the plan that have no answer yet."""
    limit: int | None = None
    """A try: only so many pictures were shown."""
    epochs: int = 1
    temperature: float | None = None
    seed: int = 1
    size: int | None = None
    """Longest side of a picture as sent, in pixels."""
    quality: int | None = None
    """JPEG quality as sent."""
    reused: int = 0
    """Answers taken from other runs."""
    cost: float | None = None
    """US dollars; None where unknown."""
    version: str = ""
    """Of this program."""
    date: str | None = None
    """Of the run, as text; given, never read from a clock."""


def facts_of(
    plan: Plan, vocabulary: Vocabulary, *, plan_hash: str, value_set: str, corpus: str, sandbox: bool,
    unanswered: int = 0, limit: int | None = None, reused: int = 0, cost: float | None = None, version: str = "",
    date: str | None = None,
) -> Facts:  # fmt: skip
    """The facts of a plan that was run.

    Args:
        vocabulary: for the values' names.
        value_set, corpus: their ids.
    """
    questions: Mapping[str, str] = {
        **{one.name: one.question.text for one in plan.asked_wordings},
        **({LIKE_TEXT.name: LIKE_TEXT.question.text} if plan.captioner else {}),
        **({CHOICE.id: CHOICE.text} if plan.pairs else {}),
        **{BESIDE[name].id: BESIDE[name].text for name in plan.beside},
    }
    return Facts(
        plan_hash=plan_hash,
        value_set=value_set,
        corpus=corpus,
        sandbox=sandbox,
        models=tuple(ModelFacts(name=one.name, host=one.host, scripted=one.scripted) for one in plan.model),
        questions=tuple(QuestionFacts(name=name, text=text) for name, text in questions.items()),
        values=tuple(
            ValueName(id=one.id, name=one.name, abbreviation=one.abbreviation) for one in vocabulary.values
        ),
        declared_values=_declared(plan.family.values),
        declared_models=_declared(plan.family.models),
        declared_modality=plan.family.modality,
        declared_control=plan.family.control,
        unanswered=unanswered,
        limit=limit,
        epochs=plan.epochs,
        temperature=plan.temperature,
        seed=plan.seed,
        size=plan.size,
        quality=plan.quality,
        reused=reused,
        cost=cost,
        version=version,
        date=date,
    )  # fmt: skip


def _declared(pairs: Pairs) -> PairsDeclared:
    return None if pairs == "all" else () if pairs == "none" else tuple(pairs)
