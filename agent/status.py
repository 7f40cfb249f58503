"""`python -m agent.status`: the figures of a corpus, also while a crawl writes into it."""

import json
from typing import Annotated

import typer
from rich.console import Console

from agent.report import coverage_warnings, print_status
from agent.settings import load_settings
from storage import cli
from storage.database import open_database
from storage.summary import summarise

app = cli.app("Show what a corpus holds and how its runs stand.")


@app.command()
def status(
    corpus: Annotated[str | None, typer.Option(help="Path or sqlite:///PATH (default: data/corpus.sqlite).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> int:
    """Counts, runs, labels, costs and warnings of a corpus.

    Examples:

      python -m agent.status

      python -m agent.status --corpus data/corpus.sqlite --json
    """
    settings = load_settings(corpus=corpus)
    with open_database(settings.corpus, write=False) as database:
        summary = summarise(database)
    if as_json:
        print(json.dumps({**summary.to_json(), "warnings": coverage_warnings(summary.runs)}, indent=2))
    else:
        print_status(Console(), summary)
    return 0


if __name__ == "__main__":
    cli.run(app)
