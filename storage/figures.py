"""The distribution figure: how many shorts per value and per topic, by platform, as the paper shows its dataset.

Matplotlib's figures are made directly, without pyplot: no global state, no display, and the same bytes each time.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

COLOURS = ("#3b6fb6", "#e07b39", "#5b9a68", "#9a5b94", "#c2a83e", "#6b6b6b")
"""Told apart by people who see no red or green, too."""
MARK = "#222222"
WIDTH, ROW, FRAME, DOTS = 11.0, 0.27, 1.1, 150
"""Inches of the whole, of a row, and of title, axis and legend; pixels an inch of the PNG."""
LEAST_ROWS = 4
_STYLE: Any = {"svg.hashsalt": "value-spectrum", "svg.fonttype": "none", "font.size": 9, "axes.edgecolor": "#999999"}


@dataclass(frozen=True, kw_only=True)
class Panel:
    """Bars of one kind of label."""

    title: str
    counts: Mapping[str, Mapping[str, int]]
    """Shorts by name, then by platform."""
    marks: Mapping[str, int] = field(default_factory=dict)
    """A second count by name, shown as a stroke across the bar."""


def overview(panels: Sequence[Panel], mark: str) -> dict[str, bytes]:
    """The panels side by side, a bar per name, split by platform; bars are equally thick in all of them.

    Args:
        mark: what the strokes are, for the legend.

    Returns:
        The figure by file suffix: `png` and `svg`.
    """
    platforms = sorted({platform for panel in panels for of in panel.counts.values() for platform in of})
    heights = [max(len({*panel.counts, *panel.marks}), LEAST_ROWS) for panel in panels]
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(WIDTH, FRAME + ROW * max(heights)), layout="constrained")
        grid = figure.add_gridspec(1, len(panels))
        legend: dict[str, Any] = {}
        for place, (panel, height) in enumerate(zip(panels, heights, strict=True)):
            rest = max(heights) - height  # what a shorter panel leaves free below
            column = grid[place].subgridspec(1 + bool(rest), 1, height_ratios=[height, rest] if rest else None)
            axes = figure.add_subplot(column[0])
            _draw(axes, panel, platforms, mark)
            legend |= dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
        if len(legend) > 1:
            figure.legend(legend.values(), legend.keys(), loc="outside lower center", ncols=len(legend), frameon=False)
        png, svg = io.BytesIO(), io.BytesIO()
        FigureCanvasAgg(figure).print_figure(png, format="png", dpi=DOTS, metadata={"Software": None})
        FigureCanvasSVG(figure).print_figure(svg, format="svg", metadata={"Date": None})
    return {"png": png.getvalue(), "svg": svg.getvalue()}


def _draw(axes: Any, panel: Panel, platforms: list[str], mark: str) -> None:
    total = {name: sum(panel.counts.get(name, {}).values()) for name in {*panel.counts, *panel.marks}}
    names = sorted(total, key=lambda name: (total[name], panel.marks.get(name, 0), name))
    rows = range(len(names))
    left = [0] * len(names)
    for place, platform in enumerate(platforms):
        widths = [panel.counts.get(name, {}).get(platform, 0) for name in names]
        axes.barh(rows, widths, left=left, color=COLOURS[place % len(COLOURS)], label=platform, height=0.72)
        left = [start + width for start, width in zip(left, widths, strict=True)]
    marked = [(panel.marks[name], row) for row, name in zip(rows, names, strict=True) if name in panel.marks]
    if marked:
        at, of = zip(*marked, strict=True)
        axes.scatter(at, of, marker="|", s=130, linewidths=2, color=MARK, label=mark, zorder=3)
    most = max([*left, *panel.marks.values()], default=0)
    for row, name in enumerate(names):
        # Behind the stroke where that is close, so that neither covers the other.
        near = 0 <= panel.marks.get(name, -most) - total[name] < 0.14 * most
        end = panel.marks[name] if near else total[name]
        axes.annotate(f"{total[name]:,}", (end, row), (5, 0), textcoords="offset points", va="center", fontsize=8)
    axes.set_yticks(rows, names)
    axes.set_ylim(-0.6, len(names) - 0.4)
    axes.set_xlim(0, 1.12 * most or 1)  # room for the totals
    axes.set_title(panel.title, loc="left", fontsize=10, fontweight="bold")
    axes.set_xlabel("shorts")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.grid(axis="x", color="#e5e5e5", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
