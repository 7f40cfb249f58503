"""The report of an experiment: one self-contained HTML file, its plots, and its figures as CSV and JSON.

The page is made from the JSON that is written beside it, see `agent/pages.py`; names of personas, models and labels are
text and stay text, there is no script, and the page's own policy forbids any script and any request.
"""

import json
from pathlib import Path
from typing import Any

from agent.benchmark.plots import Plot
from agent.experiment.analysis import Analysis, analyse
from agent.experiment.plan import SANDBOX
from agent.experiment.plots import KINDS, STRATEGIES, draw_plots
from agent.experiment.records import Experiment
from agent.experiment.tables import tables
from agent.pages import page_environment, placed, write_files


def write_report(experiment: Experiment, folder: Path) -> tuple[Analysis, list[Path]]:
    """Write `report.html`, `plots/*.svg`, `plots/*.png`, `summary.json` and tables, also of an unfinished experiment.

    Returns:
        The figures, and the files written, the page first.

    Raises:
        UsageError: the folder cannot be written.
    """
    analysis = analyse(experiment, experiment.seed)
    tree, plots = analysis.to_json(), draw_plots(analysis)
    files = {
        "report.html": report_page(tree, plots).encode(),
        "summary.json": (json.dumps(tree, ensure_ascii=False, indent=1) + "\n").encode(),
        **{name: text.encode() for name, text in tables(analysis).items()},
    }
    for plot in plots:
        files |= {f"plots/{plot.name}.svg": plot.svg, f"plots/{plot.name}.png": plot.png}
    write_files(folder, files)
    return analysis, [folder / name for name in files]


def report_page(tree: dict[str, Any], plots: list[Plot]) -> str:
    """The page itself.

    Args:
        tree: what `Analysis.to_json` gives.
    """
    environment = page_environment("agent.experiment", "agent.benchmark")
    page = placed(tree)
    return environment.get_template("experiment.html").render(
        page,
        plots={kind: [plot for plot in plots if plot.kind == kind] for kind in KINDS},
        strategies=STRATEGIES,
        of={(one["name"], one["source"]): one for one in page["measures"]},
        sandbox=any(one["arm"]["platform"] == SANDBOX for one in tree["arms"]),
        left_out=[one for one in page["arms"] if one["state"] != "done"],
    )
