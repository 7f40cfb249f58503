"""The plots of an experiment, SVG and PNG, in the benchmark's style: told apart by place, shape or a word, never by
colour alone.

    bars         I_avg by strategy, model and feed, with intervals, the paper's bars below
    outcome      judged yes share in the own feed less the yoked feed, every persona's condition a small mark
    time         the agents' yes share, or the feed's persona-consistent share, window by window, every arm a thin line
    feeds        what feeds are made of, as stacked areas
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from agent.benchmark.circle import in_circle
from agent.benchmark.plots import BLUE, GREY, INK, PALE, STYLE, Plot, rendered, shortened
from agent.experiment.analysis import Analysis, Row
from agent.experiment.intervals import Estimate
from agent.experiment.outcomes import Condition
from agent.experiment.paper import published
from agent.experiment.records import Control, Phase
from agent.experiment.series import CONSISTENT, YES, Composition, Line, Window

KINDS = ("bars", "outcome", "time", "feeds")
WIDE = 7.0
"""Width of two columns, in inches."""
ROW = 0.19
"""Height that one bar takes, in inches."""
COLOURS = {
    "self-direction": "#08519c",
    "stimulation": "#4292c6",
    "hedonism": "#9ecae1",
    "achievement": "#a63603",
    "power": "#fd8d3c",
    "security": "#00441b",
    "conformity": "#41ab5d",
    "tradition": "#a1d99b",
    "benevolence": "#54278f",
    "universalism": "#9e9ac8",
}
"""One hue for each side of Schwartz's circle, from dark to light so that neighbours differ in grey, too."""
OTHERS = ("#525252", "#969696", "#cccccc")
LEAST_NAMED = 0.07
"""Share of the last window from which an area has its name beside it."""
_Line = tuple[str, bool]
"""A row of panels: a feed with its model, and whether it is that of yoked profiles."""
STRATEGIES = {"plain": "Plain", "simple": "Simple", "isq": "ISQ"}


def draw_plots(analysis: Analysis) -> list[Plot]:
    """All plots, in the order of the report; what there are no figures for is left out."""
    found = []
    rows = analysis.measure("i-avg").pooled or analysis.measure("i-avg").rows
    if rows:
        found.append(_bars(rows))
    outcome = analysis.measure("outcome")
    if outcome.pooled:
        found.append(_outcome(outcome.pooled, outcome.rows))
    for kind, source in ((YES, None), *((CONSISTENT, source) for source in analysis.sources)):
        lines = [
            line
            for line in analysis.lines
            if line.kind == kind and line.source == source and (line.condition.pooled or not line.condition.persona)
        ]
        if lines:
            found.append(_time(kind, source, lines, analysis.windows))
    for source in analysis.sources:
        compositions = [one for one in analysis.compositions if one.source == source]
        if compositions:
            found.append(_feeds(source, compositions, analysis.windows))
    return found


@mpl.rc_context(STYLE)
def _bars(rows: Sequence[Row]) -> Plot:
    """Like the paper's figure: a panel a strategy; our bars with intervals above, the published ones below."""
    strategies = [one for one in STRATEGIES if any(row.condition.strategy == one for row in rows)]
    own = list(dict.fromkeys(_label(row.condition) for row in sorted(rows, key=lambda row: _bare(row.condition))))
    bars = {
        (one.strategy, f"{one.model}, {platform}"): change
        for one in published().bars
        for platform, change in one.changes.items()
    }
    beside = list(dict.fromkeys(label for _, label in bars))
    places = [*range(len(own)), *(len(own) + 0.5 + place for place in range(len(beside)))]
    at = dict(zip([*own, *beside], places, strict=True))
    figure = Figure(figsize=(WIDE, 0.9 + ROW * (len(at) + 1)), layout="constrained")
    panels = np.atleast_1d(figure.subplots(1, len(strategies), sharex=True, sharey=True))
    for axes, strategy in zip(panels, strategies, strict=True):
        for row in rows:
            if row.condition.strategy == strategy:
                _bar(axes, at[_label(row.condition)], row.estimate)
        for (of, label), change in bars.items():
            if of == strategy:
                axes.barh(at[label], change, height=0.62, color="white", edgecolor=GREY, hatch="////", linewidth=0.6)
        _rows(axes, places, [*own, *beside], places[-1] + 0.7)
        axes.set_title(STRATEGIES[strategy], loc="left", fontweight="bold")
        if not any(of == strategy for of, _ in bars):
            axes.text(0, len(own) + 0.5, "  not in the paper", va="center", fontsize=6, color=GREY)
    figure.supxlabel("I_avg: yes share of the last shorts less that of the first, percentage points", fontsize=7.5)
    handles = [
        Patch(color=BLUE, label="this run, 95 % interval"),
        Patch(fc="white", ec=GREY, hatch="////", label="the paper, unit not said"),
    ]
    figure.legend(handles=handles, frameon=False, fontsize=6.5, loc="outside upper right", ncols=2)
    alternative = "I_avg by strategy, model and feed, beside the paper's bars; the figures are in the table."
    return rendered(figure, "bars", "bars", "", alternative)


def _bar(axes: Axes, place: float, estimate: Estimate) -> None:
    axes.barh(place, 100 * estimate.estimate, height=0.62, color=BLUE)
    if estimate.low is not None and estimate.high is not None:
        _whisker(axes, place, estimate)
    else:
        axes.annotate(
            "  no interval", (max(100 * estimate.estimate, 0.0), place), va="center", fontsize=5.5, color=GREY
        )


def _whisker(axes: Axes, place: float, estimate: Estimate) -> None:
    assert estimate.low is not None
    assert estimate.high is not None
    low, high = 100 * estimate.low, 100 * estimate.high
    axes.plot([low, high], [place, place], color=INK, linewidth=1, zorder=3, solid_capstyle="butt")
    for end in (low, high):
        axes.plot([end, end], [place - 0.16, place + 0.16], color=INK, linewidth=1, zorder=3)


def _rows(axes: Axes, places: Sequence[float], labels: Sequence[str], bottom: float) -> None:
    axes.set_yticks(places, [shortened(label, 50) for label in labels], fontsize=6.5)
    axes.set_ylim(bottom, -0.7)
    axes.axvline(0, color=INK, linewidth=0.8, zorder=1)
    axes.grid(axis="x", color=PALE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", length=2, width=0.6)
    axes.spines[["top", "right", "left"]].set_visible(False)


@mpl.rc_context(STYLE)
def _outcome(pooled: Sequence[Row], rows: Sequence[Row]) -> Plot:
    """One line a strategy, model and feed; a filled mark where the interval leaves nought out."""
    figure = Figure(figsize=(WIDE, 0.95 + 1.6 * ROW * len(pooled)), layout="constrained")
    axes = figure.add_subplot()
    for place, row in enumerate(pooled):
        of_personas = [
            100 * one.estimate.estimate
            for one in rows
            if replace(one.condition, persona=None, pooled=True) == row.condition
        ]
        axes.plot(of_personas, [place + 0.3] * len(of_personas), "|", color=GREY, markersize=5, markeredgewidth=0.8)
        if row.estimate.low is not None:
            _whisker(axes, place, row.estimate)
        face = BLUE if row.estimate.sure else "white"
        axes.plot([100 * row.estimate.estimate], [place], "o", mfc=face, mec=BLUE, markersize=4.5, zorder=4)
    labels = [f"{STRATEGIES.get(row.condition.strategy, '')}, {_label(row.condition)}" for row in pooled]
    _rows(axes, range(len(pooled)), labels, len(pooled) - 0.3)
    what = "judged yes share as the persona, own feed less yoked feed, percentage points ( | one persona )"
    figure.supxlabel(what, fontsize=7.5)
    alternative = "The outcome by strategy, model and feed, with intervals over arms; figures in the table."
    return rendered(figure, "outcome", "outcome", "", alternative)


@mpl.rc_context(STYLE)
def _time(kind: str, source: str | None, lines: Sequence[Line], windows: Sequence[Window]) -> Plot:
    """A panel a strategy and feed: every arm a thin line, their mean a thick one with its band."""
    feeds, columns = _grid(line.condition for line in lines)
    figure = Figure(figsize=(WIDE, 0.75 + 1.35 * len(feeds)), layout="constrained")
    panels = figure.subplots(len(feeds), len(columns), sharex=True, sharey=True, squeeze=False)
    at = [(window.first + window.last) / 2 + 1 for window in windows]
    for line in lines:
        axes = panels[feeds.index(_line_of(line.condition))][columns.index(_column(line.condition))]
        for arm in line.arms:
            axes.plot(at, [_percent(value) for value in arm], color=GREY, linewidth=0.4, alpha=0.3)
        middle = [_percent(point.estimate if point else None) for point in line.points]
        low = [_percent(point.low if point else None) for point in line.points]
        high = [_percent(point.high if point else None) for point in line.points]
        axes.fill_between(at, low, high, color=BLUE, alpha=0.2, linewidth=0)
        axes.plot(at, middle, "o-", color=BLUE, linewidth=1.4, markersize=2.5)
    _panels(panels, feeds, columns, windows)
    figure.supxlabel("shorts that the arm has seen; upright line: the evaluation begins", fontsize=7.5)
    what = "yes share, %" if kind == YES else "persona-consistent, %"
    figure.supylabel(what, fontsize=7.5)
    name = "yes-over-time" if kind == YES else f"consistent-over-time-{source}"
    title = "The agents' yes share" if kind == YES else f"Persona-consistent share of the feed, says {source}"
    return rendered(
        figure, "time", _file(name), title, f"{title} over time, by strategy and feed, with bands over arms."
    )


@mpl.rc_context(STYLE)
def _feeds(source: str, found: Sequence[Composition], windows: Sequence[Window]) -> Plot:
    """A panel a strategy and feed, yoked profiles beside: stacked shares of values, window by window."""
    feeds, columns = _grid(one.condition for one in found)
    values = in_circle(sorted({value for one in found for shares in one.shares for value in shares}))
    figure = Figure(figsize=(WIDE, 0.95 + 1.45 * len(feeds)), layout="constrained")
    panels = figure.subplots(len(feeds), len(columns), sharex=True, sharey=True, squeeze=False)
    edges = [windows[0].first, *(window.last + 1 for window in windows)]
    colours = {value: COLOURS.get(value, OTHERS[place % len(OTHERS)]) for place, value in enumerate(values)}
    for one in found:
        axes = panels[feeds.index(_line_of(one.condition))][columns.index(_column(one.condition))]
        bottom = np.zeros(len(edges))
        for value in values:
            shares = [100 * of.get(value, 0.0) for of in one.shares]
            top = bottom + np.array([*shares, shares[-1]])
            axes.fill_between(edges, bottom, top, step="post", color=colours[value], edgecolor="white", linewidth=0.3)
            if shares[-1] >= 100 * LEAST_NAMED:
                axes.annotate(
                    value[:3].upper(), (edges[-1], (bottom[-1] + top[-1]) / 2), (1.5, 0), textcoords="offset points",
                    va="center", fontsize=5, color=INK, annotation_clip=False,
                )  # fmt: skip
            bottom = top
    _panels(panels, feeds, columns, windows)
    for axes in panels.flat:
        axes.set_xlim(edges[0], edges[-1])
        axes.set_ylim(0, 100)
    figure.supxlabel("shorts that the arm has seen; upright line: the evaluation begins", fontsize=7.5)
    figure.supylabel("share of the feed, %", fontsize=7.5)
    handles = [Patch(color=colours[value], label=f"{value[:3].upper()} {value}") for value in values]
    figure.legend(handles=handles, frameon=False, fontsize=6, loc="outside upper center", ncols=5)
    title = f"What the feeds are made of, says {source}"
    return rendered(figure, "feeds", _file(f"feeds-{source}"), title, f"{title}: shares of values over time.")


def _panels(panels: Any, rows: Sequence[_Line], columns: Sequence[str], windows: Sequence[Window]) -> None:
    begins = next((window.first for window in windows if window.phase is Phase.EVALUATION), None)
    for row, (feed, yoked) in enumerate(rows):
        for column, name in enumerate(columns):
            axes = panels[row][column]
            if not axes.has_data():
                axes.set_axis_off()
                continue
            title = f"{name}{', yoked' if yoked else ''}\n{shortened(feed, 136 // len(columns))}"
            axes.set_title(title, loc="left", fontsize=6.5)
            if begins is not None:
                axes.axvline(begins, color=INK, linewidth=0.7, linestyle=(0, (3, 2)))
            axes.tick_params(length=2, width=0.6, labelsize=6)
            axes.spines[["top", "right"]].set_visible(False)


def _grid(conditions: Iterable[Condition]) -> tuple[list[_Line], list[str]]:
    """Rows and columns of panels: feeds with their models, yoked ones apart; strategies, and agents without persona."""
    found = list(conditions)
    order = [*STRATEGIES, ""]
    columns = sorted({(_bare(one), order.index(one.strategy), _column(one)) for one in found})
    feeds = list(dict.fromkeys(map(_feed, found)))
    rows = sorted({_line_of(one) for one in found}, key=lambda row: (feeds.index(row[0]), row[1]))
    return rows, list(dict.fromkeys(column for *_, column in columns))


def _bare(one: Condition) -> bool:
    return one.control is Control.NO_PERSONA


def _column(one: Condition) -> str:
    return "no persona" if _bare(one) else STRATEGIES.get(one.strategy, one.strategy)


def _line_of(one: Condition) -> _Line:
    return _feed(one), one.control is Control.YOKED


def _feed(one: Condition) -> str:
    return f"{one.model}, {one.feed}"


def _label(one: Condition) -> str:
    return f"{_feed(one)}{', no persona' if _bare(one) else ''}"


def _percent(value: float | None) -> float:
    return float("nan") if value is None else 100 * value


def _file(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in name)
