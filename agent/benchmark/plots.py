"""The plots of the benchmark, as a paper prints them: SVG and PNG, readable in grey and for the colour-blind.

Every mark is told apart by its shape, its place or a word beside it, never by colour alone. One column of a journal is
3.4 inches wide and so are the plots of one model; text is 6.5 to 8 points at that size. The same figures give the same
bytes: no dates, no random names, letters as outlines.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from agent.benchmark.circle import group_of

COLUMN = 3.4
"""Width of one column, in inches."""
ROW = 0.25
"""Height that one value takes, in inches."""
DPI = 300
INK, GREY, PALE, BLUE = "#1a1a1a", "#6b6b6b", "#dddddd", "#0b5394"
KINDS = ("dots", "heat", "differences", "strengths", "circle")
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 7.5,
    "axes.labelsize": 7.5,
    "axes.titlesize": 8,
    "axes.edgecolor": GREY,
    "axes.linewidth": 0.6,
    "xtick.color": INK,
    "ytick.color": INK,
    "text.color": INK,
    "text.parse_math": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "value-spectrum",
}


@dataclass(frozen=True, kw_only=True)
class Plot:
    """One figure in both formats, with the words that stand for it where it cannot be seen."""

    name: str
    """Of its files, without ending."""
    kind: str
    """One of `KINDS`."""
    title: str
    alternative: str
    inches: float
    """Width."""
    svg: bytes
    png: bytes


@dataclass(frozen=True, kw_only=True)
class Mark:
    """An estimate of one value with its interval, in the unit of the axis; None where there is none."""

    value: str
    """Id of the value."""
    label: str
    estimate: float | None
    low: float | None = None
    high: float | None = None
    beside: float | None = None
    """What it is set beside: a small upright stroke."""


@mpl.rc_context(STYLE)
def dots(
    kind: str, name: str, title: str, marks: Sequence[Mark], *, axis: str, beside: str | None, alternative: str
) -> Plot:
    """One model: a dot with its interval for every value, in the order of the marks; shares in percent.

    Args:
        kind: `dots` or `strengths`.
        axis: what the horizontal axis means.
        beside: what the small strokes are; None where there are none.
    """
    places = _places([mark.value for mark in marks])
    figure = Figure(figsize=(COLUMN, 0.75 + ROW * (places[-1] + 1 if places else 1)), layout="constrained")
    axes = figure.add_subplot()
    _value_axis(axes, marks, places)
    for mark, place in zip(marks, places, strict=True):
        if mark.estimate is None:
            axes.text(50, place, "no answer that counts", ha="center", va="center", color=GREY, fontsize=6.5)
            continue
        _interval(axes, mark, place)
        axes.annotate(
            f"{mark.estimate:.0f}", (mark.estimate, place), (0, 3.2), textcoords="offset points", ha="center",
            va="bottom", fontsize=6.5,
        )  # fmt: skip
        if mark.beside is not None:
            axes.plot([mark.beside] * 2, [place - 0.28, place + 0.28], color=GREY, linewidth=1, zorder=2)
    axes.set_xlim(-3, 103)
    axes.set_xticks([0, 25, 50, 75, 100])
    axes.set_xlabel(axis + (f"\n| {beside}" if beside else ""))
    axes.set_title(shortened(title), loc="left", fontweight="bold")
    return rendered(figure, kind, name, title, alternative)


def _places(values: Sequence[str]) -> list[float]:
    """Rows from the top, with a gap wherever the circle's next group begins."""
    places: list[float] = []
    for number, value in enumerate(values):
        new_group = number > 0 and group_of(value) != group_of(values[number - 1])
        places.append(places[-1] + (1.35 if new_group else 1.0) if places else 0.0)
    return places


def _value_axis(axes: Axes, marks: Sequence[Mark], places: Sequence[float]) -> None:
    axes.set_yticks(places, [shortened(mark.label, 18) for mark in marks])
    axes.set_ylim((places[-1] if places else 0) + 0.7, -0.85)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", length=2, width=0.6)
    axes.grid(axis="x", color=PALE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    groups: dict[str, list[float]] = {}
    for mark, place in zip(marks, places, strict=True):
        if group := group_of(mark.value):
            groups.setdefault(group, []).append(place)
    for group, rows in groups.items():
        axes.text(
            1.02, (rows[0] + rows[-1]) / 2, group.replace(" ", "\n", 1).replace("-", "-\n", 1), fontsize=6.5,
            color=GREY, va="center", ha="left", transform=axes.get_yaxis_transform(),
        )  # fmt: skip


def _interval(axes: Axes, mark: Mark, place: float) -> None:
    if mark.estimate is None:
        return
    if mark.low is not None and mark.high is not None:
        axes.plot([mark.low, mark.high], [place, place], color=INK, linewidth=1.1, solid_capstyle="butt", zorder=3)
        for end in (mark.low, mark.high):
            axes.plot([end] * 2, [place - 0.13, place + 0.13], color=INK, linewidth=1.1, zorder=3)
    axes.plot([mark.estimate], [place], "o", color=BLUE, markersize=4, zorder=4)


@mpl.rc_context(STYLE)
def differences(name: str, title: str, marks: Sequence[Mark], *, axis: str, alternative: str) -> Plot:
    """Differences with their intervals about nought, in points; a filled dot where the interval leaves nought out."""
    places = _places([mark.value for mark in marks])
    figure = Figure(figsize=(COLUMN, 0.75 + ROW * (places[-1] + 1 if places else 1)), layout="constrained")
    axes = figure.add_subplot()
    _value_axis(axes, marks, places)
    axes.axvline(0, color=INK, linewidth=0.8, zorder=1)
    for mark, place in zip(marks, places, strict=True):
        _interval(axes, mark, place)
        if mark.estimate is not None and not (mark.low and mark.high and mark.low * mark.high > 0):
            axes.plot([mark.estimate], [place], "o", color="white", markersize=2.4, zorder=5)
    ends = [abs(end) for mark in marks for end in (mark.low, mark.high, mark.estimate) if end is not None]
    widest = max([1.0, *ends]) * 1.05
    axes.set_xlim(-widest, widest)
    axes.set_xlabel(axis)
    axes.set_title(shortened(title), loc="left", fontweight="bold")
    return rendered(figure, "differences", name, title, alternative)


@mpl.rc_context(STYLE)
def heat(
    name: str, rows: Sequence[str], columns: Sequence[str], cells: Sequence[Sequence[float | None]], alternative: str
) -> Plot:
    """Scores in percent as shades of one hue, the number printed in each cell; a hatched cell has no score."""
    figure = Figure(figsize=(max(COLUMN, 1.4 + 0.62 * len(columns)), 1.1 + ROW * len(rows)), layout="constrained")
    axes = figure.add_subplot()
    shades = mpl.colormaps["Blues"]
    for row, line in enumerate(cells):
        for column, score in enumerate(line):
            shade = "white" if score is None else shades(0.06 + 0.86 * score / 100)
            axes.add_patch(
                mpl.patches.Rectangle(
                    (column, row), 1, 1, facecolor=shade, edgecolor="white" if score is not None else GREY,
                    hatch=None if score is not None else "////", linewidth=0.8,
                )
            )  # fmt: skip
            if score is not None:
                ink = "white" if score > 75 else "black"
                axes.text(column + 0.5, row + 0.5, f"{score:.0f}", ha="center", va="center", color=ink)
    axes.set_xlim(0, max(len(columns), 1))
    axes.set_ylim(max(len(rows), 1), 0)
    axes.set_xticks([place + 0.5 for place in range(len(columns))], [shortened(text) for text in columns])
    axes.set_yticks([place + 0.5 for place in range(len(rows))], [shortened(row, 18) for row in rows])
    axes.tick_params(length=0, top=False, labeltop=True, bottom=False, labelbottom=False)
    for label in axes.get_xticklabels():
        label.set_rotation(30)
        label.set_horizontalalignment("left")
        label.set_rotation_mode("anchor")
    axes.spines[:].set_visible(False)
    return rendered(figure, "heat", name, "", alternative)


@mpl.rc_context(STYLE)
def steps(name: str, pairs: Sequence[tuple[int, float]], means: Sequence[tuple[int, float]], alternative: str) -> Plot:
    """Correlation of two values against how many steps apart they stand on the circle; the means joined by a line."""
    figure = Figure(figsize=(COLUMN, 2.5), layout="constrained")
    axes = figure.add_subplot()
    axes.axhline(0, color=GREY, linewidth=0.6)
    axes.plot(*zip(*pairs, strict=True), "o", mfc="none", mec=GREY, markersize=3.5, label="a pair of values")
    axes.plot(*zip(*means, strict=True), "D-", color=INK, markersize=4, linewidth=1, label="mean")
    axes.set_xticks(sorted({distance for distance, _ in means}))
    axes.set_ylim(-1.08, 1.08)
    axes.set_xlabel("places apart on the circle")
    axes.set_ylabel("correlation over models")
    axes.grid(color=PALE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(length=2, width=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=6.5, loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0)
    return rendered(figure, "circle", name, "", alternative)


def shortened(text: str, most: int = 34) -> str:
    """A text that may be too long for its place."""
    return text if len(text) <= most else text[: most - 1] + "…"


def rendered(figure: Figure, kind: str, name: str, title: str, alternative: str) -> Plot:
    """A figure in both formats."""
    svg, png = io.BytesIO(), io.BytesIO()
    figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None, "Title": alternative})
    figure.savefig(png, format="png", dpi=DPI, metadata={"Software": None})
    return Plot(
        name=name,
        kind=kind,
        title=title,
        alternative=alternative,
        inches=figure.get_figwidth(),
        svg=svg.getvalue(),
        png=png.getvalue(),
    )
