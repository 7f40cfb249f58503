"""Which plots a summary gives, and what stands in each: `dots heat differences strengths circle`."""

import re
from collections.abc import Iterator

from agent.benchmark import plots
from agent.benchmark.circle import CircleTest
from agent.benchmark.compare import Comparison
from agent.benchmark.plots import Mark, Plot
from agent.benchmark.records import Interval
from agent.benchmark.summary import BenchmarkSummary, Table

SHARE = "yes among yes and no, %, with 95 % interval"
MEAN = "mean over the models"


def draw_plots(summary: BenchmarkSummary) -> list[Plot]:
    """All plots of a summary, in the order of the report; what it has no figures for is left out."""
    names = {value.id: value.name for value in summary.values}
    found: list[Plot] = []
    if summary.tables:
        main = summary.tables[0]
        found += _dots(main, names)
        found.append(_heat(main, names))
    found += _strengths(summary, names)
    found += _modality(summary, names)
    for kind, of, test in (
        ("circle", "this run", summary.circle),
        ("circle-published", "the published table", summary.published.circle if summary.published else None),
    ):
        if test is not None:
            found.append(_circle(kind, of, test))
    return found


def _dots(table: Table, names: dict[str, str]) -> Iterator[Plot]:
    means = {mean.value: 100 * mean.mean.estimate for mean in table.means}
    several = len(table.models) > 1
    for number, model in enumerate(table.models, start=1):
        of_model = {row.value: row for row in table.scores if row.condition.model == model}
        marks = [
            _mark(value, names, of_model[value].score, means.get(value) if several else None)
            for value in table.values
            if value in of_model
        ]
        yield plots.dots(
            "dots", f"dots-{number}-{_file_name(model)}", model, marks, axis=SHARE, beside=MEAN if several else None,
            alternative=f"Score of each value with its interval for {model}; the figures are in the table of scores.",
        )  # fmt: skip


def _mark(value: str, names: dict[str, str], score: Interval | None, beside: float | None = None) -> Mark:
    label = names.get(value, value)
    if score is None:
        return Mark(value=value, label=label, estimate=None, beside=beside)
    low, estimate, high = (100 * one for one in (score.low, score.estimate, score.high))
    return Mark(value=value, label=label, estimate=estimate, low=low, high=high, beside=beside)


def _heat(table: Table, names: dict[str, str]) -> Plot:
    scored = {
        (row.value, row.condition.model): 100 * row.score.estimate for row in table.scores if row.score is not None
    }
    cells = [[scored.get((value, model)) for model in table.models] for value in table.values]
    rows = [names.get(value, value) for value in table.values]
    return plots.heat(
        "heat", rows, table.models, cells, "Scores of all values and models as shades; the figures are in the table."
    )


def _strengths(summary: BenchmarkSummary, names: dict[str, str]) -> Iterator[Plot]:
    table = summary.tables[0] if summary.tables else None
    liked = {
        (row.condition.model, row.value): 100 * row.score.estimate
        for row in (table.scores if table else ())
        if row.score is not None
    }
    for number, one in enumerate(summary.preferences, start=1):
        marks = [_mark(at.value, names, at.win, liked.get((one.model, at.value))) for at in one.strengths]
        yield plots.dots(
            "strengths", f"strengths-{number}-{_file_name(one.model)}", one.model, marks,
            axis="chosen over a value of mean strength, %, with 95 % interval", beside="like score" if table else None,
            alternative=f"Forced-choice strengths beside like scores of {one.model}; the figures are in the table.",
        )  # fmt: skip


def _modality(summary: BenchmarkSummary, names: dict[str, str]) -> Iterator[Plot]:
    of_model: dict[str, list[Comparison]] = {}
    for one in summary.modality_by_value:
        of_model.setdefault(one.condition.model, []).append(one)
    for number, (model, found) in enumerate(of_model.items(), start=1):
        marks = [_mark(one.value or "", names, one.difference) for one in found]
        yield plots.differences(
            f"modality-{number}-{_file_name(model)}", model, marks, axis="picture less description, points",
            alternative=f"Picture less description by value for {model}; the figures are in the table.",
        )  # fmt: skip


def _circle(name: str, of: str, test: CircleTest) -> Plot:
    pairs = [(pair.steps, pair.correlation) for pair in test.pairs]
    means = [(one.steps, one.mean) for one in test.distances]
    words = f"Correlations between values in {of} against their distance on Schwartz's circle; means in the table."
    return plots.steps(name, pairs, means, words)


def _file_name(model: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "-", model.casefold()).strip("-.")[:60] or "model"
