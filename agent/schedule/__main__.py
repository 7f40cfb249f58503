"""`python -m agent.schedule`: crawls at set times, from one file, in one process."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from agent import logs
from agent.clock import Stop, SystemClock
from agent.collect import WITHOUT_KEY
from agent.judges import decider_name
from agent.schedule.config import Job, Schedule, load_schedule
from agent.schedule.notify import Notifier
from agent.schedule.scheduler import Scheduler, local
from agent.schedule.upcoming import next_fires
from agent.schedule.watch import Watch
from agent.schedule.work import Crawler
from agent.stopping import listen_to_signals
from storage import cli
from storage.corpus import Corpus
from storage.database import corpus_path, open_database
from storage.errors import CorpusInUse, NothingFound, UsageError
from storage.fires import FireItem, Fires, fire_counts, fires, paused_jobs

DEFAULT = Path("schedule.toml")
ACCEPTED_WITHIN = 20.0
"""Seconds in which a running schedule takes up a request."""

Config = Annotated[Path | None, typer.Option("--config", help=f"The schedule (default: {DEFAULT}).")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON value on standard output.")]
JobId = Annotated[str, typer.Argument(metavar="JOB", help="A job's id.")]

app = cli.app("Crawls at set times.")


@app.callback(invoke_without_command=True)
def run(ctx: typer.Context, config: Config = None, as_json: AsJson = False) -> int:
    """Run the crawls of a schedule at their times, until stopped or until no time is ahead.

    Every planned time ends as one row of the corpus: done, late, partial or missed, with its cause. SIGTERM or Ctrl-C
    finishes the short; after the next start what was under way goes on under its own fire time.

    Exit codes: 0 no fire time is ahead any more, 1 unexpected or disk full, 2 wrong usage (a bad file, a corpus in
    use, every time in the past), 130 stopped. A crawl that is blocked or fails costs its fire, not the schedule.

    Examples:

      python -m agent.schedule --config schedule.toml

      python -m agent.schedule list

      python -m agent.schedule run-now tiktok-morning

      python -m agent.schedule pause tiktok-morning
    """
    ctx.obj = config
    if ctx.invoked_subcommand is not None:
        return 0
    schedule = load_schedule(config or DEFAULT)
    now = datetime.now(UTC)
    if not corpus_path(schedule.corpus).exists() and not any(job.timing.after(now) for job in schedule.jobs):
        raise UsageError(f"every fire time of {schedule.path} lies in the past; give its jobs a later `end`")
    console = _console(schedule.jobs)
    with Corpus(schedule.corpus, collecting=True) as corpus:
        stopped = asyncio.run(_run(schedule, corpus, console))
        with corpus.database.read() as session:
            counts = fire_counts(session)
    if as_json:
        print(json.dumps({"corpus": str(corpus.database.path), "stopped": stopped, "fires": counts}, indent=2))
    else:
        for job, states in counts.items():
            print(f"{job}: " + ", ".join(f"{number} {state}" for state, number in states.items()))
    return cli.INTERRUPTED if stopped else 0


async def _run(schedule: Schedule, corpus: Corpus, console: Console) -> bool:
    """True if it was stopped."""
    stop = Stop()
    listen_to_signals(stop, console)
    async with _scheduler(schedule, corpus, console, stop) as scheduler:
        return await scheduler.run()


@asynccontextmanager
async def _scheduler(schedule: Schedule, corpus: Corpus, console: Console, stop: Stop) -> AsyncIterator[Scheduler]:
    """A scheduler with everything around it; commands that notify somebody are waited for at the end."""
    clock = SystemClock()
    path = corpus.database.path
    log_file = path.with_name(path.name + ".log.jsonl")
    logs.configure(log_file)
    rows = Fires(corpus.database, clock.now)
    notifier = Notifier(schedule.notify, every=schedule.notify_every, fires=rows, clock=clock, corpus=str(path))
    try:
        yield Scheduler(
            schedule=schedule,
            fires=rows,
            clock=clock,
            stop=stop,
            crawl=Crawler(schedule=schedule, corpus=corpus, clock=clock, console=console, log_file=log_file),
            watch=Watch(database=corpus.database, notifier=notifier, clock=clock),
            say=lambda message: console.print(f"{clock.now():%H:%M:%S} {message}", markup=False),
        )
    finally:
        await notifier.close()


def _console(jobs: list[Job]) -> Console:
    """Lines on a terminal, too: two crawls side by side cannot share a live table."""
    console = Console(stderr=True, force_terminal=False, highlight=False, soft_wrap=True)
    if any(job.settings.decider == "auto" and decider_name(job.settings) == "similarity" for job in jobs):
        console.print(WITHOUT_KEY)
    return console


@app.command("run-now")
def run_now(ctx: typer.Context, job: JobId, config: Config = None, as_json: AsJson = False) -> int:
    """Run a job once, now: by the schedule that is running, else here, to its end.

    Examples:

      python -m agent.schedule run-now tiktok-morning
    """
    schedule = load_schedule(config or ctx.obj or DEFAULT)
    chosen = schedule.job(job)
    try:
        corpus = Corpus(schedule.corpus, collecting=True)
    except CorpusInUse:
        return _request(schedule, chosen, as_json)
    console = _console([chosen])
    with corpus:
        fire, code = asyncio.run(_run_one(schedule, corpus, console, chosen))
    _print_fire(fire, chosen, as_json)
    return code


async def _run_one(schedule: Schedule, corpus: Corpus, console: Console, job: Job) -> tuple[FireItem, int]:
    stop = Stop()
    listen_to_signals(stop, console)
    async with _scheduler(schedule, corpus, console, stop) as scheduler:
        return await scheduler.run_now(job)


def _request(schedule: Schedule, job: Job, as_json: bool) -> int:
    with open_database(schedule.corpus, write=True) as database:
        asked = Fires(database, lambda: datetime.now(UTC))
        since = datetime.now(UTC)
        asked.request(job.id)
        end = time.monotonic() + ACCEPTED_WITHIN
        while time.monotonic() < end:
            if (fire := asked.requested_since(job.id, since)) is not None:
                _print_fire(fire, job, as_json)
                return 0
            time.sleep(0.25)
    raise CorpusInUse(
        f"the process that holds {corpus_path(schedule.corpus)} did not take up the request: it is no schedule with a "
        f"job {job.id}; stop it and try again"
    )


def _print_fire(fire: FireItem, job: Job, as_json: bool) -> None:
    if as_json:
        print(json.dumps(_fire_json(fire)))
    else:
        print(
            f"{job.id}: fire of {local(fire.fire_time, job)} {fire.state}" + (f", {fire.cause}" if fire.cause else "")
        )


def _fire_json(fire: FireItem) -> dict[str, Any]:
    moments = {
        name: moment and moment.isoformat()
        for name, moment in (
            ("fire_time", fire.fire_time), ("started_at", fire.started_at), ("ended_at", fire.ended_at)
        )
    }  # fmt: skip
    return {"job": fire.job, "state": fire.state, "cause": fire.cause, "requested": fire.requested, **moments}


@app.command()
def pause(ctx: typer.Context, job: JobId, config: Config = None) -> int:
    """Let no fire of a job begin until `resume`; its times are kept as missed. A crawl under way goes on.

    Examples:

      python -m agent.schedule pause tiktok-morning
    """
    return _tell(ctx, job, config, pausing=True)


@app.command()
def resume(ctx: typer.Context, job: JobId, config: Config = None) -> int:
    """Take back `pause`: the job's next time runs again.

    Examples:

      python -m agent.schedule resume tiktok-morning
    """
    return _tell(ctx, job, config, pausing=False)


def _tell(ctx: typer.Context, job_id: str, config: Path | None, *, pausing: bool) -> int:
    schedule = load_schedule(config or ctx.obj or DEFAULT)
    job = schedule.job(job_id)
    with open_database(schedule.corpus, write=True) as database:
        told = Fires(database, lambda: datetime.now(UTC))
        told.pause(job.id) if pausing else told.resume(job.id)
    print(f"{job.id} is {'paused' if pausing else 'no longer paused'}")
    return 0


@app.command("list")
def list_jobs(ctx: typer.Context, config: Config = None, as_json: AsJson = False) -> int:
    """The jobs of a schedule: when they fire next, how they fared, which are paused.

    Examples:

      python -m agent.schedule list --config schedule.toml
    """
    schedule = load_schedule(config or ctx.obj or DEFAULT)
    now = datetime.now(UTC)
    rows = _described(schedule, now)
    if as_json:
        print(json.dumps(rows, indent=2))
        return 0
    table = Table(box=None, header_style="bold")
    for name in ("job", "platforms", "limit", "when", "next", "last", "fires"):
        table.add_column(name)
    for job, row in zip(schedule.jobs, rows, strict=True):
        ahead = job.timing.after(now)
        following = "paused" if row["paused"] else local(ahead, job) if ahead else "none ahead"
        last = f"{row['last']['state']} {row['last']['fire_time'][:16]}" if row["last"] else "-"
        counts = ", ".join(f"{number} {state}" for state, number in row["fires"].items()) or "-"
        table.add_row(
            job.id, ", ".join(job.platforms), str(job.settings.limit), str(job.timing), following, last, counts
        )
    Console().print(table)
    return 0


def _described(schedule: Schedule, now: datetime) -> list[dict[str, Any]]:
    paused: set[str] = set()
    counts: dict[str, dict[str, int]] = {}
    last: dict[str, FireItem] = {}
    if corpus_path(schedule.corpus).exists():
        with open_database(schedule.corpus, write=False) as database, database.read() as session:
            paused, counts = paused_jobs(session), fire_counts(session)
            last = {job.id: fire for job in schedule.jobs for fire in fires(session, job=job.id, most=1)}
    return [
        {
            "job": job.id,
            "when": str(job.timing),
            "platforms": job.platforms,
            "limit": job.settings.limit,
            "paused": job.id in paused,
            "next": (following := job.timing.after(now)) and following.isoformat(),
            "last": _fire_json(last[job.id]) if job.id in last else None,
            "fires": counts.get(job.id, {}),
        }
        for job in schedule.jobs
    ]


@app.command("next")
def show_next(
    ctx: typer.Context,
    config: Config = None,
    number: Annotated[int, typer.Option("-k", min=1, help="How many.")] = 10,
    as_json: AsJson = False,
) -> int:
    """The next fire times of all jobs, before jitter. Exit code 5 when none is ahead.

    Examples:

      python -m agent.schedule next -k 20
    """
    schedule = load_schedule(config or ctx.obj or DEFAULT)
    ahead = next_fires({job.id: job.timing for job in schedule.jobs}, datetime.now(UTC), number)
    if not ahead:
        raise NothingFound(f"{schedule.path} has no fire time ahead; give its jobs a later `end`")
    if as_json:
        print(json.dumps([{"fire_time": time.isoformat(), "job": job} for time, job in ahead], indent=2))
        return 0
    for fire_time, job in ahead:
        print(f"{local(fire_time, schedule.job(job))}  {job}")
    return 0


if __name__ == "__main__":
    cli.run(app)
