"""Everything a benchmark says, computed once: report, plots, CSV and `--json` show this and nothing else."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from agent.benchmark.bias import Bias
from agent.benchmark.choices import Preference
from agent.benchmark.circle import CircleTest
from agent.benchmark.compare import Comparison
from agent.benchmark.facts import Facts, ValueName
from agent.benchmark.paper import Beside
from agent.benchmark.planning import Design
from agent.benchmark.records import Interval, Modality, Slot
from agent.benchmark.reliability import ParallelForms, Repeats
from agent.benchmark.scores import ModelMean, Score, Spread
from agent.benchmark.tally import Counts
from agent.benchmark.variance import Components


@dataclass(frozen=True, kw_only=True)
class Remarks:
    """What a model said beside its yes or no; it scores nothing."""

    model: str
    picture: str
    """SHA-256 in the corpus, as in slots."""
    why: str | None = None
    description: str | None = None


@dataclass(frozen=True, kw_only=True)
class ExampleAnswer:
    """What one model said of one picture."""

    model: str
    counts: Counts
    why: str | None
    description: str | None


@dataclass(frozen=True, kw_only=True)
class Example:
    """One picture, chosen by chance and not for its answers."""

    slot: Slot
    answers: tuple[ExampleAnswer, ...]


@dataclass(frozen=True, kw_only=True)
class Table:
    """Values x models under one condition."""

    modality: Modality
    captioner: str | None
    picture_kind: str
    form: str
    verified: bool
    """Only slots that a check found to express their value."""
    models: tuple[str, ...]
    values: tuple[str, ...]
    """In circular order."""
    scores: tuple[Score, ...]
    means: tuple[ModelMean, ...]
    spreads: tuple[Spread, ...]


@dataclass(frozen=True, kw_only=True)
class Spoken:
    """A model's answers by kind, over everything in one table."""

    model: str
    counts: Counts
    total: int
    refused: float
    """Share of all answers."""
    unreadable: float


@dataclass(frozen=True, kw_only=True)
class Rank:
    """One value's place in a model's ranking."""

    value: str
    score: Interval
    place: int
    """1 is liked most."""
    best: int
    """1 plus the number of values that surely are liked more: Holm's p over all pairs of the model is below .05."""
    worst: int
    """The number of values less those that surely are liked less."""


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """A model's values, liked most first."""

    model: str
    ranks: tuple[Rank, ...]


@dataclass(frozen=True, kw_only=True)
class Counted:
    """How much there is of everything."""

    models: int
    values: int
    keywords: int
    slots: int
    pictures: int
    answers: int
    choices: int


@dataclass(frozen=True, kw_only=True)
class Published:
    """The run beside the paper's tables."""

    citation: str
    source: str
    unit: str
    notes: tuple[str, ...]
    beside: Beside
    circle: CircleTest | None
    """Of the published main table."""


@dataclass(frozen=True, kw_only=True)
class BenchmarkSummary:
    """All that is shown. Shares lie in [0, 1]; the paper's scores are percentages."""

    facts: Facts
    values: tuple[ValueName, ...]
    """In circular order."""
    models: tuple[str, ...]
    counted: Counted
    """Values, keywords, slots and pictures of the main table; all answers and choices."""
    variance: tuple[Components, ...]
    tables: tuple[Table, ...]
    """The first is the main one: pictures, form A, all slots."""
    spoken: tuple[Spoken, ...]
    """Of the main table."""
    rankings: tuple[Ranking, ...]
    between_values: tuple[Comparison, ...]
    between_models: tuple[Comparison, ...]
    """Over all values."""
    between_models_by_value: tuple[Comparison, ...]
    """Value by value: never declared."""
    against_control: tuple[Comparison, ...]
    modality: tuple[Comparison, ...]
    """Picture less description, over all values; answers to the paper's wording alone."""
    modality_by_value: tuple[Comparison, ...]
    """Never declared."""
    designs: tuple[Design, ...]
    """What a score within ten points would take, with the correlation found in this run."""
    biases: tuple[Bias, ...]
    parallel: tuple[ParallelForms, ...]
    retest: tuple[Repeats, ...]
    wordings: tuple[Repeats, ...]
    preferences: tuple[Preference, ...]
    """Forced choice, by model."""
    circle: CircleTest | None
    """None for too few models."""
    published: Published | None
    examples: tuple[Example, ...]

    def to_json(self) -> dict[str, Any]:
        """One JSON object: fields as they are named here, enumerations as their text, infinities as null."""
        found = _plain(self)
        assert isinstance(found, dict)
        return found


def _plain(one: Any) -> Any:
    if dataclasses.is_dataclass(one):
        return {field.name: _plain(getattr(one, field.name)) for field in dataclasses.fields(one)}
    if isinstance(one, Enum):
        return one.value
    if isinstance(one, Mapping):
        return {str(key): _plain(value) for key, value in one.items()}
    if isinstance(one, list | tuple):
        return [_plain(value) for value in one]
    if isinstance(one, float):
        return round(one, 6) if math.isfinite(one) else None
    return one
