"""`python -m agent.status`: the figures of a corpus, also while a crawl writes into it."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live

from agent.operators import line, print_gaps, read_gaps, shown, standing, unhealthy
from agent.report import coverage_warnings, print_status
from agent.schedule.config import load_schedule
from agent.schedule.timing import Timing
from agent.settings import load_settings
from retrieval.steps import LINE_EVERY
from storage import cli
from storage.database import Database, open_database
from storage.errors import UsageError
from storage.summary import summarise

REFRESH = 2.0
"""Seconds between two looks of `--watch` on a terminal."""

app = cli.app("Show what a corpus holds and how its runs stand.")


@app.command()
def status(
    corpus: Annotated[str | None, typer.Option(help="Path or sqlite:///PATH (default: data/corpus.sqlite).")] = None,
    config: Annotated[
        Path | None, typer.Option(help="A schedule: its corpus, and its next fire times. [what last ran there]")
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Keep looking: a screen on a terminal, elsewhere a line every ten seconds.")
    ] = False,
    gaps: Annotated[bool, typer.Option("--gaps", help="Planned fire times without a whole crawl, and why.")] = False,
    health: Annotated[
        bool,
        typer.Option("--health", help="One sentence; exit code 0 when somebody collects and no time was let pass."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> int:
    """Counts, runs, rates, walls by day, coverage, cost, queue, fires and warnings of a corpus. It only reads.

    Exit codes: 0 done (--health: healthy), 1 --health: nobody collects or a fire time was let pass, 2 no such corpus
    or schedule.

    Examples:

      python -m agent.status

      python -m agent.status --corpus data/corpus.sqlite --json

      python -m agent.status --watch --config schedule.toml

      python -m agent.status --gaps

      python -m agent.status --health
    """
    if watch and (as_json or gaps or health):
        raise UsageError("--watch shows a screen and no end; leave out --json, --gaps or --health")
    schedule = None if config is None else load_schedule(config)
    timings = None if schedule is None else {job.id: job.timing for job in schedule.jobs}
    location = corpus or (schedule.corpus if schedule else load_settings().corpus)
    console = Console()
    with open_database(location, write=False) as database:
        now = datetime.now(UTC)
        if health:
            with database.read() as session:
                problem = unhealthy(session, database, now)
            print(json.dumps({"healthy": problem is None, "problem": problem}) if as_json else problem or "healthy")
            return int(problem is not None)
        if watch:
            return _watch(database, console, timings)
        found = read_gaps(database, now) if gaps else None
        if as_json:
            summary = summarise(database)
            said = {
                **summary.to_json(),
                **standing(database, now, timings).to_json(),
                "warnings": coverage_warnings(summary.runs),
            }
            print(json.dumps(said | ({} if found is None else {"gaps": [gap.to_json() for gap in found]}), indent=2))
        elif found is not None:
            print_gaps(console, found)
        else:
            print_status(console, summarise(database))
            console.print(shown(standing(database, now, timings), with_runs=False))
    return 0


def _watch(database: Database, console: Console, timings: dict[str, Timing] | None) -> int:
    """Until Ctrl-C, which is its ordinary end."""
    try:
        if not console.is_terminal:
            while True:
                console.print(line(standing(database, datetime.now(UTC), timings)), soft_wrap=True, highlight=False)
                time.sleep(LINE_EVERY)
        with Live(console=console, screen=True, auto_refresh=False) as live:
            while True:
                live.update(shown(standing(database, datetime.now(UTC), timings)), refresh=True)
                time.sleep(REFRESH)
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    cli.run(app)
