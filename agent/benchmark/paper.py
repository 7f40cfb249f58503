"""The paper's published tables, and a run set beside them (`--compare paper`)."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from statistics import fmean, stdev

from retrieval.valueset import same_model

Scores = Mapping[str, float]
"""Percentages of yes by value id."""


@dataclass(frozen=True, kw_only=True)
class PublishedModel:
    """One row of the main table."""

    name: str
    scores: Scores
    std_printed: float
    """As its figure has it; the sample standard deviation of the row but for CogVLM2."""
    open: bool
    size: str | None = None


@dataclass(frozen=True, kw_only=True)
class PublishedModality:
    """One row of the modality table."""

    name: str
    modality: str
    """image or caption."""
    scores: Scores
    captioner: str | None = None


@dataclass(frozen=True, kw_only=True)
class Paper:
    """Everything published, with where it was read."""

    title: str
    citation: str
    source: str
    unit: str
    notes: tuple[str, ...]
    means_printed: Scores
    """Mean over models by value."""
    models: tuple[PublishedModel, ...]
    modality: tuple[PublishedModality, ...]


@cache
def paper() -> Paper:
    """The tables that are shipped in `paper.toml`."""
    read = tomllib.loads(files("agent.benchmark").joinpath("paper.toml").read_text(encoding="utf-8"))
    return Paper(
        **{
            **read,
            "notes": tuple(read["notes"]),
            "models": tuple(PublishedModel(**one) for one in read["models"]),
            "modality": tuple(PublishedModality(**one) for one in read["modality"]),
        }
    )


@dataclass(frozen=True, kw_only=True)
class ValueBeside:
    """One value in the run and in the paper, means over models in percent."""

    value: str
    run: float
    published: float


@dataclass(frozen=True, kw_only=True)
class ModelBeside:
    """A model that the paper measured too."""

    model: str
    published: str
    differences: Scores
    """Run minus paper in percentage points, by value."""
    std_run: float | None
    std_published: float


@dataclass(frozen=True, kw_only=True)
class Beside:
    """A run beside the paper."""

    values: tuple[ValueBeside, ...]
    """In the paper's order, best first."""
    rank_correlation: float | None
    """Spearman's, of the means over values; None for fewer than three values or no spread."""
    models: tuple[ModelBeside, ...]


def beside(scores: Mapping[str, Scores]) -> Beside:
    """Set a run beside the paper.

    Args:
        scores: percentages of yes by model and value; a value that a model has no score for is left out.
    """
    known = paper()
    by_value = {
        value: [of_model[value] for of_model in scores.values() if value in of_model] for value in known.means_printed
    }
    values = tuple(
        ValueBeside(value=value, run=fmean(found), published=known.means_printed[value])
        for value, found in sorted(by_value.items(), key=lambda entry: -known.means_printed[entry[0]])
        if found
    )
    models = tuple(
        _model(name, of_model, published)
        for name, of_model in scores.items()
        for published in known.models
        if same_model(_plain(name), _plain(published.name))
    )
    ranks = [_ranks([one.run for one in values]), _ranks([one.published for one in values])]
    return Beside(values=values, rank_correlation=_correlation(*ranks), models=models)


def _model(name: str, scores: Scores, published: PublishedModel) -> ModelBeside:
    both = [value for value in published.scores if value in scores]
    return ModelBeside(
        model=name,
        published=published.name,
        differences={value: scores[value] - published.scores[value] for value in both},
        std_run=stdev(scores.values()) if len(scores) > 1 else None,
        std_published=published.std_printed,
    )


def _plain(name: str) -> str:
    """`Claude 3.5 Sonnet` and `claude-3-5-sonnet` are the same."""
    return re.sub(r"[ ._]+", "-", name.casefold())


def _ranks(numbers: list[float]) -> list[float]:
    """Ranks from 1; equal numbers share their mean rank."""
    order = sorted(numbers)
    return [order.index(number) + (order.count(number) + 1) / 2 for number in numbers]


def _correlation(one: list[float], other: list[float]) -> float | None:
    if len(one) < 3 or len(set(one)) == 1 or len(set(other)) == 1:
        return None
    means = fmean(one), fmean(other)
    products = sum((a - means[0]) * (b - means[1]) for a, b in zip(one, other, strict=True))
    spread = sum((a - means[0]) ** 2 for a in one) * sum((b - means[1]) ** 2 for b in other)
    return float(products / spread**0.5)
