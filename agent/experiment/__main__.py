"""`python -m agent.experiment`: can an agent hold a persona while it browses, and does the feed follow?"""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from agent import logs
from agent.clock import Stop, SystemClock
from agent.experiment.arms import Design
from agent.experiment.estimate import estimate
from agent.experiment.loading import load
from agent.experiment.plan import Plan, read_plan
from agent.experiment.report import write_report
from agent.experiment.run import Ended, Work, problems, state_of
from agent.stopping import listen_to_signals
from retrieval.asking import OPENAI_KEY, AskingSettings, asking_settings, keys_of
from retrieval.vocabulary import load_vocabulary
from storage import cli
from storage.corpus import Corpus
from storage.database import corpus_path
from storage.errors import NothingFound

BLOCKED, RAN_DRY = 3, 5
"""Exit codes of an experiment that is over, where an arm did not get its number of shorts."""

app = cli.app("Run an experiment: personas on feeds, with controls.")


@app.command()
def experiment(
    plan: Annotated[Path, typer.Argument(help="Plan file (TOML).")],
    corpus: Annotated[str, typer.Option(help="Path or sqlite:///PATH.")] = "data/corpus.sqlite",
    out: Annotated[Path, typer.Option(help="Folder for report, plots and tables.")] = Path("data/experiment"),
    base_url: Annotated[
        str | None, typer.Option(help="Any OpenAI-compatible endpoint, for models without one in the plan.")
    ] = None,
    max_cost: Annotated[float | None, typer.Option(help="Stop cleanly at this many US dollars.")] = None,
    price: Annotated[
        str | None, typer.Option(help="IN:OUT, US dollars per million tokens, for models without one in the plan.")
    ] = None,
    local_only: Annotated[bool | None, typer.Option("--local-only", help="Refuse endpoints off this machine.")] = None,
    vocabulary: Annotated[Path | None, typer.Option(help="Your own values and keywords (TOML).")] = None,
    time_scale: Annotated[float | None, typer.Option(help="Sandbox: platform seconds per second.")] = None,
    retry: Annotated[
        bool, typer.Option("--retry", help="Go on with arms that a wall or a changed site stopped, too.")
    ] = False,
    headed: Annotated[bool, typer.Option("--headed", help="Show the browser.")] = False,
    log_file: Annotated[Path | None, typer.Option(help="JSON lines (default: CORPUS.log.jsonl).")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print arms, exposures, model calls, cost and time.")
    ] = False,
    report_only: Annotated[
        bool, typer.Option("--report-only", "--no-calls", help="Show and ask nothing; report what is there.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> int:
    """Let personas watch feeds, in lockstep and with controls, judge what they were shown, and write a report.

    An arm is one agent with one fresh profile on one feed; it is the unit of every interval. Everything is in the
    corpus: stopped or killed at any moment, the same command goes on; when nothing is left, it only writes the report.
    Models named scripted:persona and scripted:judge need no key and know the sandbox alone.

    Exit codes: 0 done; 1 an endpoint gave no answer; 2 wrong usage: a wrong plan, a used profile, a judge that decides;
    3 an arm met a wall; 4 --max-cost reached; 5 an arm's feed ran dry, or nothing to report; 130 interrupted. Whatever
    happens to one arm, it is marked with its cause and the others go on.

    Examples:

      python -m agent.experiment agent/experiment/example.toml

      python -m agent.experiment plan.toml --dry-run

      python -m agent.experiment plan.toml --max-cost 20 --out results

      python -m agent.experiment plan.toml --report-only --json
    """
    settings = asking_settings(base_url=base_url, max_cost=max_cost, price=price, local_only=local_only)
    made = _with_defaults(read_plan(plan, time_scale=time_scale), settings)
    words = load_vocabulary(vocabulary)
    design = Design(made, words)
    console = Console(stderr=True)
    if dry_run:
        expected = estimate(design, words)
        print(json.dumps(expected.to_json())) if as_json else expected.print(Console(), design)
        return 0
    path = corpus_path(corpus)
    if report_only and not path.exists():
        raise NothingFound(f"there is no corpus {path} to report on; run the experiment without --report-only")
    with Corpus(corpus, collecting=not report_only) as opened:
        log_file = log_file or path.with_name(path.name + ".log.jsonl")
        logs.configure(log_file)
        stop = Stop()
        work = Work(
            design, opened, words, clock=SystemClock(), stop=stop, console=console, key_of=keys_of(settings),
            max_cost=settings.max_cost, local_only=settings.local_only, headless=not headed, retry=retry,
            log_file=log_file,
        )  # fmt: skip
        ended = None if report_only else asyncio.run(_run(work, stop, console))
        figures = _figures(work, ended, out)
        said = problems(design, work.runs())
    for name, what in said.items():
        console.print(f"{name} {what}", style="yellow", markup=False, highlight=False, soft_wrap=True)
    if as_json:
        print(json.dumps(figures))
    else:
        _print(figures)
    return _exit_code(ended, figures)


async def _run(work: Work, stop: Stop, console: Console) -> Ended:
    listen_to_signals(stop, console)
    return await work.run()


def _with_defaults(plan: Plan, settings: AskingSettings) -> Plan:
    """The plan with the command's address and price where a model has none of its own."""

    def filled(model: Any) -> Any:
        if model is None or model.scripted:
            return model
        given = {"base_url": model.base_url or settings.base_url, "price": model.price or settings.price}
        if model.key is None and model.base_url is None and settings.base_url is not None and settings.api_key:
            given["key"] = OPENAI_KEY
        return model.model_copy(update=given)

    return plan.model_copy(update={"model": tuple(map(filled, plan.model)), "judge": filled(plan.judge)})


def _figures(work: Work, ended: Ended | None, out: Path) -> dict[str, Any]:
    """What the command prints; writes the report where nothing ended it early."""
    design, runs = work.design, work.runs()
    states = Counter(state_of(runs.get(arm.name), design.plan.shorts)[0] for arm in design.arms)
    early = ended is not None and (ended.problem is not None or ended.interrupted)
    figures: dict[str, Any] = {
        "experiment": design.plan.name,
        "plan_hash": design.hash,
        "state": "stopped" if early else "complete" if states["done"] == len(design.arms) else "incomplete",
        "problem": None if ended is None or ended.problem is None else str(ended.problem),
        "arms": {"all": len(design.arms), **states},
        "exposures": sum(run.taken for run in runs.values()),
    }
    if not early:
        analysis, files = write_report(load(work), out)
        figures |= {"files": [str(file) for file in files], "results": analysis.to_json()}
    return figures


def _print(figures: Mapping[str, Any]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    arms = ", ".join(f"{number} {state}" for state, number in figures["arms"].items() if state != "all")
    console.print(f"{figures['experiment']}: {figures['arms']['all']} arms ({arms}), {figures['exposures']} exposures")
    for file in figures.get("files", ()):
        if file.endswith(".html"):
            console.print(f"report {file}", markup=False)


def _exit_code(ended: Ended | None, figures: Mapping[str, Any]) -> int:
    """Of the whole command; what ended it early is raised.

    Raises:
        ValueSpectrumError: what it met.
    """
    if ended is not None and ended.problem is not None:
        raise ended.problem
    if ended is not None and ended.interrupted:
        return cli.INTERRUPTED
    arms = figures["arms"]
    if ended is None or figures["state"] == "complete":
        return 0
    return BLOCKED if arms.get("blocked") else RAN_DRY if arms.get("dry") else 1


if __name__ == "__main__":
    cli.run(app)
