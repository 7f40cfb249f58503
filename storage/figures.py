"""The distribution figure: how many shorts per value and per topic, by platform, as the paper shows its dataset.

Matplotlib's figures are made directly, without pyplot: no global state, no display, and the same bytes each time.
"""

import io
from collections.abc import Mapping
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

Counts = Mapping[str, Mapping[str, int]]
"""Shorts by name, then by platform."""
COLOURS = ("#3b6fb6", "#e07b39", "#5b9a68", "#9a5b94", "#c2a83e", "#6b6b6b")
"""Told apart by people who see no red or green, too."""
WIDTH, ROW, DOTS = 11.0, 0.32, 150
_STYLE: Any = {"svg.hashsalt": "value-spectrum", "svg.fonttype": "none", "font.size": 9}


def overview(panels: Mapping[str, Counts]) -> dict[str, bytes]:
    """One panel per title, a bar per name, split by platform.

    Returns:
        The figure by file suffix: `png` and `svg`.
    """
    platforms = sorted({platform for counts in panels.values() for of in counts.values() for platform in of})
    rows = max((len(counts) for counts in panels.values()), default=1)
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(WIDTH, 1.4 + ROW * max(rows, 4)), layout="constrained")
        for place, (title, counts) in enumerate(panels.items(), start=1):
            _panel(figure.add_subplot(1, len(panels), place), title, counts, platforms)
        handles, names = figure.axes[0].get_legend_handles_labels()
        if len(platforms) > 1:
            figure.legend(handles, names, loc="outside lower center", ncols=len(platforms), frameon=False)
        png, svg = io.BytesIO(), io.BytesIO()
        FigureCanvasAgg(figure).print_figure(png, format="png", dpi=DOTS, metadata={"Software": None})
        FigureCanvasSVG(figure).print_figure(svg, format="svg", metadata={"Date": None})
    return {"png": png.getvalue(), "svg": svg.getvalue()}


def _panel(axes: Any, title: str, counts: Counts, platforms: list[str]) -> None:
    names = sorted(counts, key=lambda name: (sum(counts[name].values()), name))
    left = [0] * len(names)
    for place, platform in enumerate(platforms):
        widths = [counts[name].get(platform, 0) for name in names]
        axes.barh(names, widths, left=left, color=COLOURS[place % len(COLOURS)], label=platform, height=0.7)
        left = [start + width for start, width in zip(left, widths, strict=True)]
    for row, total in enumerate(left):
        axes.annotate(f" {total:,}", (total, row), va="center", fontsize=8, color="#333333")
    axes.set_title(title, loc="left", fontsize=10)
    axes.set_xlabel("shorts")
    axes.set_xlim(0, 1.12 * max(left, default=0) or 1)  # room for the totals
    axes.spines[["top", "right"]].set_visible(False)
