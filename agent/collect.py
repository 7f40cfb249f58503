"""`python -m agent.collect`: browse a platform in a real browser, decide on every short, leave a corpus behind."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from agent import logs
from agent.clock import Stop, SystemClock
from agent.forecast import forecast
from agent.judges import Judges, decider_name, strategy_of
from agent.platforms import PLATFORMS
from agent.report import print_session
from agent.session import Session, SessionResult, shares
from agent.settings import CrawlSettings, load_settings
from agent.stopping import listen_to_signals
from retrieval.vocabulary import Vocabulary, load_vocabulary
from storage import cli
from storage.corpus import Corpus
from storage.database import corpus_path
from storage.errors import NothingFound
from storage.summary import summarise

app = cli.app("Collect labelled shorts.")

WITHOUT_KEY = (
    "No API key and no --base-url: `similarity` decides. It compares pictures and captions with the keyword in a "
    "small packaged model that knows about a thousand nouns; it sees no people, actions, moods or text in pictures."
)


@app.command()
def collect(
    platform: Annotated[
        list[str] | None, typer.Option(help=f"Where to browse; several may be given: {', '.join(PLATFORMS)}.")
    ] = None,
    mode: Annotated[str | None, typer.Option(help="search: result lists of keywords; feed: the vertical feed.")] = None,
    value: Annotated[list[str] | None, typer.Option(help="Only these values (id, name or abbreviation).")] = None,
    keyword: Annotated[list[str] | None, typer.Option(help="Only these keywords.")] = None,
    interest: Annotated[str | None, typer.Option(help="What `similarity` looks for, instead of the keyword.")] = None,
    published: Annotated[
        str | None, typer.Option(help="Search: only shorts of today, or of the last week, month or year.")
    ] = None,
    profile: Annotated[str | None, typer.Option(help="A login made with agent.login (default: anonymous).")] = None,
    limit: Annotated[int | None, typer.Option(help="New shorts whose picture is no duplicate (default: 100).")] = None,
    seed: Annotated[int | None, typer.Option(help="Of order, dwell and every other draw (default: 1).")] = None,
    corpus: Annotated[str | None, typer.Option(help="Path or sqlite:///PATH (default: data/corpus.sqlite).")] = None,
    vocabulary: Annotated[Path | None, typer.Option(help="Your own values and keywords (TOML).")] = None,
    decider: Annotated[
        str | None, typer.Option(help="vlm, similarity, or a control: always, never, random (default: auto).")
    ] = None,
    persona: Annotated[str | None, typer.Option(help="Who decides: NAME of agent.persona list, or FILE:NAME.")] = None,
    strategy: Annotated[
        str | None, typer.Option(help="How a model is asked: plain; as --persona: simple, isq (default: plain).")
    ] = None,
    isq_threshold: Annotated[
        float | None, typer.Option(help="Of isq: watch above this percentage (default: 60).")
    ] = None,
    labeller: Annotated[str | None, typer.Option(help="vlm, vlm:MODEL, similarity or none (default: auto).")] = None,
    model: Annotated[str | None, typer.Option(help="The model that decides (default: gpt-4o).")] = None,
    base_url: Annotated[str | None, typer.Option(help="Any OpenAI-compatible endpoint.")] = None,
    local_only: Annotated[bool | None, typer.Option("--local-only", help="Refuse endpoints off this machine.")] = None,
    max_cost: Annotated[float | None, typer.Option(help="Stop cleanly at this many US dollars.")] = None,
    price: Annotated[str | None, typer.Option(help="IN:OUT, US dollars per million tokens.")] = None,
    reuse: Annotated[bool | None, typer.Option("--reuse", help="Answers of other runs may be used again.")] = None,
    threshold: Annotated[float | None, typer.Option(help="Of `similarity`: watch at this score.")] = None,
    probability: Annotated[
        float | None, typer.Option(help="Of `random`: share that is watched (default: 0.5).")
    ] = None,
    at: Annotated[float | None, typer.Option(help="Media second of the picture (default: 1.0).")] = None,
    decide_window: Annotated[float | None, typer.Option(help="Seconds every short is held for (default: 6).")] = None,
    dwell: Annotated[
        str | None, typer.Option(help="uniform:LOW:HIGH or fixed:SECONDS (default: uniform:0:15).")
    ] = None,
    max_dwell: Annotated[float | None, typer.Option(help="No short is watched longer (default: 30).")] = None,
    engage: Annotated[bool | None, typer.Option("--engage", help="Like what is watched; needs your login.")] = None,
    headed: Annotated[bool, typer.Option("--headed", help="Show the browser.")] = False,
    retry_failed: Annotated[bool | None, typer.Option("--retry-failed", help="Try failed shorts again.")] = None,
    cause: Annotated[str | None, typer.Option(help="With --retry-failed: only those with this cause.")] = None,
    time_scale: Annotated[
        float | None, typer.Option(help="Sandbox: platform seconds per second (default: 20).")
    ] = None,
    media: Annotated[Path | None, typer.Option(help="Sandbox: serve the pictures of this folder.")] = None,
    fault: Annotated[list[str] | None, typer.Option(help="Sandbox: e.g. captcha@40, no_video%0.05.")] = None,
    sandbox_seed: Annotated[int | None, typer.Option(help="Sandbox: of its content (default: 1).")] = None,
    recommender: Annotated[
        str | None, typer.Option(help="Sandbox feed: chronological, popular or engagement (default: engagement).")
    ] = None,
    log_file: Annotated[Path | None, typer.Option(help="JSON lines (default: CORPUS.log.jsonl).")] = None,
    study: Annotated[
        Path | None, typer.Option(help="TOML file with a study block, which goes onto the dataset card.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and its cost in time and money.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> int:
    """Browse, decide on every short, and store screenshots with labels in one SQLite file.

    Stopped or killed at any moment, the same command goes on. Ctrl-C once finishes the short, twice stops at once.

    Exit codes: 0 done, 1 unexpected, 2 wrong usage, 3 blocked by the site, 4 budget spent, 5 nothing found,
    130 interrupted.

    Examples:

      python -m agent.collect --platform sandbox

      python -m agent.collect --platform sandbox --value hedonism --keyword vacation --limit 20

      python -m agent.collect --platform youtube --published week --value power

      python -m agent.collect --platform tiktok --mode feed --profile arm-1

      python -m agent.collect --mode feed --decider vlm --model gpt-4o --max-cost 2

      python -m agent.collect --mode feed --persona ridge-runner --strategy isq --model gpt-4o

      python -m agent.collect --dry-run --limit 1000
    """
    given = dict(locals())
    for name in ("headed", "dry_run", "as_json"):
        given.pop(name)
    settings = load_settings(**given, headless=False if headed else None)
    words = load_vocabulary(settings.vocabulary)
    shares(settings)
    strategy_of(settings)
    console = Console(stderr=True)
    if dry_run:
        plan = forecast(settings, words)
        print(json.dumps(plan.to_json(), indent=2)) if as_json else plan.print(Console())
        return 0
    return _collect(settings, words, console, as_json)


def _collect(settings: CrawlSettings, vocabulary: Vocabulary, console: Console, as_json: bool) -> int:
    path = corpus_path(settings.corpus)
    if settings.decider == "auto" and decider_name(settings) == "similarity":
        console.print(WITHOUT_KEY, style="yellow", highlight=False, soft_wrap=True)
    with Corpus(settings.corpus, collecting=True, reuse_answers=settings.reuse) as corpus:
        log_file = settings.log_file or path.with_name(path.name + ".log.jsonl")
        logs.configure(log_file)
        result = asyncio.run(_run(settings, vocabulary, corpus, console, log_file))
        summary = summarise(corpus.database, result.run_ids)
        if as_json:
            print(json.dumps(summary.to_json(), indent=2))
        else:
            print_session(Console(), summary, log_file)
    return _exit_code(result, sum(figures.seen for figures in summary.platforms), console)


async def _run(
    settings: CrawlSettings, vocabulary: Vocabulary, corpus: Corpus, console: Console, log_file: Path
) -> SessionResult:
    clock, stop = SystemClock(), Stop()
    listen_to_signals(stop, console)
    async with Judges(settings, vocabulary, answers=corpus.answers, clock=clock) as judges:
        session = Session(
            settings=settings,
            vocabulary=vocabulary,
            command=sys.argv[1:],
            corpus=corpus,
            judges=judges,
            clock=clock,
            stop=stop,
            console=console,
            log_file=log_file,
        )
        return await session.run()


def exit_code(result: SessionResult, console: Console) -> int:
    """Say what stopped a command, if anything did, and the code that it ends with."""
    problems = [share.problem for share in result.platforms if share.problem] + [result.label_problem]
    for problem in problems:
        if problem is not None:
            console.print(f"error: {problem}", style="red", markup=False, highlight=False, soft_wrap=True)
    worst = [problem.exit_code for problem in problems if problem is not None]
    if worst:
        return max(worst)
    if result.interrupted:
        return cli.INTERRUPTED
    return 0


def _exit_code(result: SessionResult, seen: int, console: Console) -> int:
    code = exit_code(result, console)
    if code == 0 and not seen:
        raise NothingFound("nothing was found: every result list was empty; try other keywords or another platform")
    return code


if __name__ == "__main__":
    cli.run(app)
