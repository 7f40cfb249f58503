"""The report of a benchmark: one HTML file that needs nothing else, its plots, and the same figures as CSV and JSON.

The page is made from the JSON that is written beside it, see `agent/pages.py`. Model answers, captions and keywords
are text and stay text: the template escapes everything, there is no script, and the page's own policy forbids any
script and any request. Pictures are made anew from their pixels, so that nothing else in their files comes along.
"""

import base64
import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from agent.benchmark.figures import draw_plots
from agent.benchmark.plots import KINDS, Plot
from agent.benchmark.summary import BenchmarkSummary
from agent.pages import page_environment, placed, write_files

Picture = Callable[[str], bytes | None]
"""The bytes of a picture by its SHA-256 in the corpus; None where it is no longer there."""
THUMBNAIL = (135, 240)
"""Width and height at most of an example picture, in pixels."""
QUALITY = 70
SCORE_COLUMNS = (
    "model", "modality", "captioner", "picture_kind", "form", "verified_only", "value", "score", "low", "high",
    "bootstrap_low", "bootstrap_high", "paper", "p_yes", "yes", "no", "refused", "unreadable", "slots", "keywords",
    "correlation", "design_effect", "effective",
)  # fmt: skip


def write_report(summary: BenchmarkSummary, folder: Path, picture: Picture) -> list[Path]:
    """Write `report.html`, `plots/*.svg`, `plots/*.png`, `scores.csv` and `summary.json`.

    Args:
        picture: where the example pictures come from; what it has not, or cannot be decoded, is said so.

    Raises:
        UsageError: the folder cannot be written.
    """
    tree = summary.to_json()
    plots = draw_plots(summary)
    files = {
        "report.html": report_page(tree, plots, picture).encode(),
        "summary.json": (json.dumps(tree, ensure_ascii=False, indent=1) + "\n").encode(),
        "scores.csv": _scores_table(tree).encode(),
    }
    for plot in plots:
        files |= {f"plots/{plot.name}.svg": plot.svg, f"plots/{plot.name}.png": plot.png}
    write_files(folder, files)
    return [folder / name for name in files]


def report_page(tree: dict[str, Any], plots: list[Plot], picture: Picture) -> str:
    """The page itself.

    Args:
        tree: what `BenchmarkSummary.to_json` gives.
    """
    environment = page_environment("agent.benchmark")
    environment.filters["thumbnail"] = lambda sha256: _thumbnail(picture(sha256))
    by_kind = {kind: [plot for plot in plots if plot.kind == kind] for kind in KINDS}
    names = {value["id"]: value["name"] for value in tree["values"]}
    return environment.get_template("report.html").render(placed(tree), plots=by_kind, names=names)


def _thumbnail(data: bytes | None) -> dict[str, str | None]:
    """A small JPEG as an address of its own, or why there is none."""
    if data is None:
        return {"address": None, "why": "picture is no longer in the corpus"}
    try:
        with Image.open(io.BytesIO(data)) as opened:
            small = opened.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return {"address": None, "why": "picture cannot be read"}
    small.thumbnail(THUMBNAIL, Image.Resampling.LANCZOS)
    out = io.BytesIO()
    small.save(out, "JPEG", quality=QUALITY)
    return {"address": "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode(), "why": None}


def _scores_table(tree: dict[str, Any]) -> str:
    """Every score of every condition, one a line; shares from 0 to 1, the paper's percentage from 0 to 100."""
    out = io.StringIO()
    writer = csv.DictWriter(out, SCORE_COLUMNS, lineterminator="\n")
    writer.writeheader()
    for table in tree["tables"]:
        for row in table["scores"]:
            score, bootstrap, p_yes = (row[name] or {} for name in ("score", "bootstrap", "p_yes"))
            flat = {**row, **row["condition"], **row["counts"], "verified_only": table["verified"]}
            flat |= {
                "score": score.get("estimate"), "low": score.get("low"), "high": score.get("high"),
                "bootstrap_low": bootstrap.get("low"), "bootstrap_high": bootstrap.get("high"),
                "p_yes": p_yes.get("estimate"),
            }  # fmt: skip
            writer.writerow({name: flat[name] for name in SCORE_COLUMNS})
    return out.getvalue()
