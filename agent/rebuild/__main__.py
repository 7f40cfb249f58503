"""`python -m agent.rebuild`: a whole dataset, to its target size."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from agent import logs
from agent.collect import exit_code
from agent.rebuild.build import Building, run_plan
from agent.rebuild.plan import Plan, read_plan, shipped
from agent.rebuild.quota_report import print_quotas, to_json
from storage import cli
from storage.corpus import Corpus
from storage.database import corpus_path
from storage.errors import NothingFound

app = cli.app("Build a whole dataset from a plan.")


@app.command()
def rebuild(
    source: Annotated[Path, typer.Argument(metavar="PLAN.toml", help="A plan.")],
    corpus: Annotated[str, typer.Option(help="Path or sqlite:///PATH.")] = "data/corpus.sqlite",
    cross_balance: Annotated[bool, typer.Option("--cross-balance", help="Rests may pass on.")] = False,
    time_scale: Annotated[float | None, typer.Option(help="Sandbox: platform seconds per second.")] = None,
    log_file: Annotated[Path | None, typer.Option(help="JSON lines (default: CORPUS.log.jsonl).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> int:
    """Build a dataset."""
    plan = read_plan(shipped().get(str(source), source))
    return _plan(plan, corpus, Console(stderr=True), cross_balance, {"time_scale": time_scale}, log_file, as_json)


def _plan(
    plan: Plan,
    location: str,
    console: Console,
    cross_balance: bool,
    given: dict[str, Any],
    log_file: Path | None,
    as_json: bool,
) -> int:
    path = corpus_path(location)
    with Corpus(location, collecting=True) as corpus:
        log_file = log_file or path.with_name(path.name + ".log.jsonl")
        logs.configure(log_file)
        building = Building(
            plan, corpus, command=sys.argv[1:], console=console, cross_balance=cross_balance, given=given,
            log_file=log_file,
        )  # fmt: skip
        result = run_plan(building)
        standing = building.standing()
    if as_json:
        print(json.dumps(to_json(standing.quotas, standing.left, standing.end), indent=2))
    else:
        print_quotas(Console(), standing.quotas, standing.left, standing.end)
    code = exit_code(result, console)
    if code == 0 and standing.quotas.total.missing:
        raise NothingFound(
            f"the sites had no more: {standing.quotas.total.missing} of {plan.target} are missing; run the same "
            "command later, or with --cross-balance"
        )
    return code


if __name__ == "__main__":
    cli.run(app)
