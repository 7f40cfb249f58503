"""The table at the end of a crawl and of `agent.status`: the same figures from the same rows."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from rich.console import Console
from rich.table import Table

from retrieval.steps import span
from storage.records import QUERY_SOURCE
from storage.summary import PlatformFigures, Summary

COVERAGE_FALL = 0.20
"""A field's share falling by more than this against the run before is a warning (the site has probably changed)."""

SHOWN_RUNS = 20


def print_session(console: Console, summary: Summary, log_file: Path | None = None) -> None:
    """What a command did, platform by platform, and what the corpus holds now."""
    _print_platforms(console, summary)
    _print_labels(console, summary)
    answers = summary.answers
    if answers["calls"]:
        cost = "unknown" if answers["cost"] is None else f"${answers['cost']:.4f}"
        console.print(
            f"model calls {answers['calls']}, tokens {answers['prompt_tokens']} + {answers['completion_tokens']}, "
            f"cost {cost}",
            highlight=False,
        )
    console.print(
        f"corpus {summary.corpus}: {summary.shorts} shorts, {summary.bytes / 2**20:.1f} MiB"
        + (f"; log {log_file}" if log_file else ""),
        highlight=False,
        soft_wrap=True,
    )


def _print_platforms(console: Console, summary: Summary) -> None:
    table = Table(box=None, header_style="bold")
    table.add_column("")
    for figures in summary.platforms:
        table.add_column(figures.platform, justify="right")
    for name, read in _ROWS.items():
        cells = [read(figures) for figures in summary.platforms]
        if any(cells):
            table.add_row(name, *(str(cell) for cell in cells))
    console.print(table)


_ROWS: dict[str, Callable[[PlatformFigures], int]] = {
    "seen": lambda f: f.seen,
    "new": lambda f: f.new,
    "duplicate": lambda f: f.duplicate,
    "  same short again": lambda f: f.duplicates_by.get("id", 0),
    "  equal bytes": lambda f: f.duplicates_by.get("bytes", 0),
    "  equal look": lambda f: f.duplicates_by.get("look", 0),
    "watched": lambda f: f.watched,
    "scrolled": lambda f: f.scrolled,
    "refused or unreadable": lambda f: f.decisions.get("refused", 0) + f.decisions.get("unreadable", 0),
    "decided late": lambda f: f.late,
    "skipped (ad, live, photo)": lambda f: sum(f.skipped.values()),
    "unavailable": lambda f: sum(f.unavailable.values()),
    "failed": lambda f: sum(f.failed.values()),
    "interrupted": lambda f: f.interrupted,
}


def _print_labels(console: Console, summary: Summary) -> None:
    for kind, by_source in (("value", summary.values), ("topic", summary.topics)):
        for source, counts in by_source.items():
            title = f"{kind}s, collected under" if source == QUERY_SOURCE else f"{kind}s, says {source}"
            text = ", ".join(f"{name} {count}" for name, count in counts.items())
            console.print(f"{title}: {text}", highlight=False, soft_wrap=True)


def print_status(console: Console, summary: Summary) -> None:
    """Everything `agent.status` shows a person."""
    print_session(console, summary)
    table = Table(box=None, header_style="bold")
    for name in ("run", "platform", "mode", "state", "cause", "taken", "planned", "began (UTC)", "took"):
        table.add_column(name, justify="right" if name in ("run", "taken", "planned") else "left")
    for run in summary.runs[-SHOWN_RUNS:]:
        took = span((run.ended_at - run.started_at).total_seconds()) if run.ended_at else "-"
        table.add_row(
            str(run.id),
            run.platform,
            run.mode,
            run.state,
            run.cause or "",
            str(run.achieved),
            str(run.planned),
            f"{run.started_at:%Y-%m-%d %H:%M}",
            took,
        )
    console.print(table)
    if (earlier := len(summary.runs) - SHOWN_RUNS) > 0:
        console.print(f"and {earlier} earlier runs (--json has them all)", style="dim", highlight=False)
    for figures in summary.platforms:
        _print_causes(console, figures)
    for warning in coverage_warnings(summary.runs):
        console.print(f"warning: {warning}", style="yellow", highlight=False, soft_wrap=True)


def _print_causes(console: Console, figures: PlatformFigures) -> None:
    for name in ("skipped", "unavailable", "failed"):
        if causes := getattr(figures, name):
            text = ", ".join(f"{cause} {count}" for cause, count in causes.items())
            console.print(f"{figures.platform}, {name}: {text}", highlight=False, soft_wrap=True)


class Covered(Protocol):
    """Something that filled fields on a platform: a run, or several together."""

    @property
    def platform(self) -> str: ...
    @property
    def field_coverage(self) -> dict[str, Any] | None: ...


def coverage_warnings(runs: Sequence[Covered]) -> list[str]:
    """Fields that a platform filled much less often in its newest run than in the one before."""
    found = []
    for platform in dict.fromkeys(run.platform for run in runs):
        covered = [run for run in runs if run.platform == platform and (run.field_coverage or {}).get("shorts")]
        if len(covered) < 2:
            continue
        before, now = (run.field_coverage or {} for run in covered[-2:])
        for name, share in before["fields"].items():
            fallen = share - now["fields"].get(name, 0.0)
            if fallen > COVERAGE_FALL:
                found.append(
                    f"{platform} fills {name} in {now['fields'].get(name, 0.0):.0%} of its shorts, {share:.0%} in the "
                    "run before: its pages may have changed"
                )
    return found
