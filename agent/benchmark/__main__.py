"""`python -m agent.benchmark`: what does a vision-language model like?"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from agent import logs
from agent.benchmark.estimate import Estimate
from agent.benchmark.plan import SCRIPTED, Plan, make_plan, read_plan_file
from agent.benchmark.progress import Counts
from agent.benchmark.questions import PAPER_WORDING
from agent.benchmark.reporting import designs, print_designs, print_estimate, print_scores, report
from agent.benchmark.run import Benchmark, Ended, Limits
from agent.clock import SystemClock
from retrieval.asking import OPENAI_KEY, AskingSettings, asking_settings, keys_of
from retrieval.steps import span
from storage import cli
from storage.corpus import Corpus
from storage.database import corpus_path
from storage.errors import UsageError

MODEL_OPTIONS = ("base_url", "key", "at_once", "per_minute", "price")
PAPER = "paper"

app = cli.app("Measure what vision-language models like.")


@app.command()
def benchmark(
    plan: Annotated[
        Path | None, typer.Argument(help="Plan file (TOML); its fields are named as these options.")
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option(help="Model under test; may be given more than once. scripted:... needs no key.")
    ] = None,
    base_url: Annotated[str | None, typer.Option(help="Any OpenAI-compatible endpoint.")] = None,
    key: Annotated[str | None, typer.Option(help=f"Environment variable of the key [{OPENAI_KEY}].")] = None,
    manifest: Annotated[Path | None, typer.Option(help="Value set (data/value-set.json).")] = None,
    parallel: Annotated[Path | None, typer.Option(help="Value set of form B, for reliability.")] = None,
    corpus: Annotated[str, typer.Option(help="Path or sqlite:///PATH.")] = "data/corpus.sqlite",
    out: Annotated[Path, typer.Option(help="Folder for report, plots and tables.")] = Path("data/benchmark"),
    epochs: Annotated[int | None, typer.Option(help="Times that every question is put [1].")] = None,
    temperature: Annotated[float | None, typer.Option(help="Of the answers [0].")] = None,
    seed: Annotated[int | None, typer.Option(help="Of all draws, and of endpoints that take one [1].")] = None,
    wordings: Annotated[
        bool, typer.Option("--wordings", help="All wordings in both answer orders, not the paper's alone.")
    ] = False,
    modality: Annotated[list[str] | None, typer.Option(help="image, caption; may be given more than once.")] = None,
    captioner: Annotated[str | None, typer.Option(help="Model that describes the pictures for caption.")] = None,
    picture: Annotated[list[str] | None, typer.Option(help="screen, frame; may be given more than once.")] = None,
    size: Annotated[int | None, typer.Option(help="Longest side of a picture as sent, in pixels [768].")] = None,
    quality: Annotated[int | None, typer.Option(help="JPEG quality of a picture as sent [90].")] = None,
    control: Annotated[int | None, typer.Option(help="Pictures of the random control set [100].")] = None,
    pairs: Annotated[int | None, typer.Option(help="Forced choice: picture pairs for each two values [0].")] = None,
    at_once: Annotated[int | None, typer.Option(help="Calls under way together [8].")] = None,
    per_minute: Annotated[float | None, typer.Option(help="Calls a minute at most.")] = None,
    price: Annotated[str | None, typer.Option(help="IN:OUT, US dollars per million tokens.")] = None,
    max_cost: Annotated[float | None, typer.Option(help="Stop cleanly at this many US dollars.")] = None,
    retries: Annotated[int, typer.Option(help="Further tries of a call that was not answered.", min=0)] = 5,
    local_only: Annotated[bool | None, typer.Option("--local-only", help="Refuse endpoints off this machine.")] = None,
    limit: Annotated[int | None, typer.Option(help="Only so many pictures, and pairs, for a try.", min=1)] = None,
    reuse: Annotated[bool, typer.Option("--reuse", help="Take answers of other plans too, where they fit.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print calls, cost, time and the sample size.")] = False,
    half_width: Annotated[
        float, typer.Option(help="Percentage points that a score shall be sure within, for --dry-run.", min=0.1, max=50)
    ] = 10.0,
    no_calls: Annotated[
        bool, typer.Option("--no-calls", help="Ask nothing; report the answers that are there.")
    ] = False,
    compare: Annotated[str | None, typer.Option(help="paper: set the run beside the published tables.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> int:
    """Ask models whether they like the pictures of a frozen value set, and say what they prefer and how sure that is.

    The answers live in the corpus: interrupted, the same command goes on; a second run makes no call. Refused and
    unreadable answers are results. Exit codes: 0 done; 1 an endpoint gave no answer; 2 wrong usage: a manifest of
    another corpus, missing pictures, a wrong key, a model that takes no pictures; 4 --max-cost reached; 130
    interrupted. The answers so far are kept in every case.

    Examples:

      python -m agent.benchmark --model gpt-4o --dry-run

      python -m agent.benchmark --model gpt-4o --limit 20 --max-cost 1

      python -m agent.benchmark --model scripted:likes-hedonism --model scripted:yes-sayer --pairs 4 --wordings

      python -m agent.benchmark plan.toml --compare paper
    """
    if compare not in (None, PAPER):
        raise UsageError(f"--compare {compare} is unknown; choose {PAPER}")
    settings = asking_settings(base_url=base_url, max_cost=max_cost, seed=seed, local_only=local_only)
    given = {
        "manifest": manifest, "parallel": parallel, "epochs": epochs, "temperature": temperature, "seed": seed,
        "wordings": ("all",) if wordings else None, "modality": _split(modality), "captioner": captioner,
        "picture": _split(picture), "size": size, "quality": quality, "control": control, "pairs": pairs,
    }  # fmt: skip
    of_model = {"base_url": base_url, "key": key, "at_once": at_once, "per_minute": per_minute, "price": price}
    made = _plan(plan, model, given, of_model, settings)
    console, clock = Console(stderr=True), SystemClock()
    limits = Limits(limit=limit, max_cost=settings.max_cost, retries=retries, local_only=settings.local_only)
    with Corpus(corpus, collecting=False, reuse_answers=reuse) as opened:
        path = corpus_path(corpus)
        logs.configure(path.with_name(path.name + ".log.jsonl"))
        bench = Benchmark(made, opened, clock, limits)
        counts, expected = bench.survey()
        _say(console, expected, bench)
        if dry_run:
            return _dry_run(bench, expected, half_width / 100, as_json)
        ended: Ended | None = None
        if not no_calls and (expected.calls or bench.run_id is None):
            try:
                ended = asyncio.run(bench.ask(console, counts, keys_of(settings)))
            except KeyboardInterrupt:
                raise typer.Abort from None  # which is told in a sentence
        figures = _figures(bench, counts, ended)
        if ended is None or ended.problem is None:
            left = sum(one.left for one in counts)
            summary, files = report(bench, out, left, compare_paper=compare == PAPER)
            figures |= {"files": [str(path) for path in files], "reused": summary.facts.reused}
            figures["results"] = summary.to_json()
            if not as_json:
                print_scores(summary, files)
    if as_json:
        print(json.dumps(figures))
    if ended is not None and ended.problem is not None:
        raise ended.problem
    return 0


def _split(given: list[str] | None) -> tuple[str, ...] | None:
    """`--picture screen,frame` and `--picture screen --picture frame` are the same."""
    return None if given is None else tuple(part.strip() for text in given for part in text.split(",") if part.strip())


def _plan(
    file: Path | None,
    names: list[str] | None,
    given: Mapping[str, Any],
    of_model: Mapping[str, Any],
    settings: AskingSettings,
) -> Plan:
    """The plan of a file, or of the options; an option that was given goes before the file."""
    chosen = {name: value for name, value in given.items() if value is not None}
    if file is not None:
        if wrong := next((name for name in ("model", *MODEL_OPTIONS) if {**of_model, "model": names}[name]), None):
            raise UsageError(f"--{wrong.replace('_', '-')} stands in the plan file, with each model; leave it out")
        return make_plan({**read_plan_file(file), **chosen}, str(file))
    if not names:
        raise UsageError("no model is named; give --model, or a plan file")
    common = {name: value for name, value in of_model.items() if value is not None}
    if settings.base_url is not None:
        common["base_url"] = settings.base_url
    if "key" not in common and settings.base_url is not None and settings.api_key is not None:
        common["key"] = OPENAI_KEY
    scripted = {name: value for name, value in common.items() if name == "at_once"}
    models = [{"name": name, **(scripted if name.startswith(SCRIPTED) else common)} for name in names]
    base = {"manifest": "data/value-set.json", "seed": settings.seed, "wordings": (PAPER_WORDING,), "model": models}
    return make_plan({**base, **chosen}, "options")


def _say(console: Console, expected: Estimate, bench: Benchmark) -> None:
    """What will happen, and what the corpus could not give."""

    def line(text: str) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    cost = expected.at_most
    money = "cost unknown" if cost is None else f"at most ${cost:.2f}"
    line(f"{expected.calls} calls to make, {money}, about {span(expected.seconds)}")
    if bench.plan.epochs > 1 and not bench.plan.temperature:
        line("note: several epochs at temperature 0 ask the same again; give --temperature for answers that vary")
    if bench.control is not None and bench.control.short_by:
        missing = sum(bench.control.short_by.values())
        line(f"note: the control set lacks {missing} pictures: the corpus has no more of their platform and month")


def _dry_run(bench: Benchmark, expected: Estimate, half_width: float, as_json: bool) -> int:
    this, others = designs(bench, half_width)
    figures = {
        "plan_hash": bench.hash,
        "pictures": len(bench.targets.shots),
        "pairs": len(bench.targets.pairs),
        "calls": expected.calls,
        "cost_at_most": expected.at_most,
        "seconds": expected.seconds,
        "models": {
            one.model: {"calls": one.calls, "cost_at_most": one.at_most, "seconds": one.seconds}
            for one in expected.models
        },
        "sample_size": {"this": asdict(this), "alternatives": [asdict(one) for one in others]},
    }
    if as_json:
        print(json.dumps(figures))
    else:
        print_estimate(expected)
        print_designs(this, others, half_width)
    return 0


def _figures(bench: Benchmark, counts: list[Counts], ended: Ended | None) -> dict[str, Any]:
    problem = None if ended is None else ended.problem
    left = sum(one.left for one in counts)
    return {
        "plan_hash": bench.hash,
        "run_id": bench.run_id,
        "value_set": bench.value_set.id,
        "state": "stopped" if problem else "complete" if not left else "incomplete",
        "problem": None if problem is None else str(problem),
        "calls": ended.calls if ended else 0,
        "too_many_requests": ended.too_many if ended else 0,
        "seconds": round(ended.seconds, 3) if ended else 0.0,
        "cost": round(sum(one.cost for one in counts), 6),
        "models": {
            one.model: {
                "questions": one.total, "answered_before": one.already, "answered": one.answered,
                "refused": one.refused, "unreadable": one.unreadable, "left": one.left, "cost": round(one.cost, 6),
            }
            for one in counts
        },
    }  # fmt: skip


if __name__ == "__main__":
    cli.run(app)
