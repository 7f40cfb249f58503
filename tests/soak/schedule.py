"""A scheduled crawl every minute for 30 minutes, with one SIGTERM and one SIGKILL midway through a crawl: afterwards
every fire time has exactly one row, in the state that what happened at that time calls for."""

import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select

from storage.database import open_database
from storage.fires import DONE, LATE, MISSED, FireItem, fires
from storage.models import Exposure, Run
from tests.commands import leftovers, start, wait_until
from tests.storage_tools import rows

MINUTES = 30
LIMIT = 5
MINUTE = timedelta(minutes=1)
ON_TIME = 10.0
INTERRUPTIONS = (
    (8, signal.SIGTERM, 75),  # at which fire, how, and how many seconds until the next start
    (18, signal.SIGKILL, 150),
)
FILE = """
corpus = "corpus.sqlite"
grace = "10m"
[crawl]
time_scale = 50
dwell = "uniform:0:4"
decider = "random"
labeller = "none"
[[job]]
id = "minutely"
every = "1m"
start = {start}
end = {end}
platform = "sandbox"
limit = {limit}
"""


@dataclass(frozen=True, kw_only=True)
class Downtime:
    """Nothing ran between these moments; `fire` was under way at the first."""

    fire: datetime
    began: datetime
    ended: datetime


def main() -> bool:
    """Print the figures; True if every fire time has its one row and the right state."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        first = (datetime.now(UTC) + MINUTE).replace(second=0, microsecond=0)
        times = [first + place * MINUTE for place in range(MINUTES)]
        text = FILE.format(start=first.isoformat(), end=times[-1].isoformat(), limit=LIMIT)
        (home / "schedule.toml").write_text(text)
        process = start(home, "agent.schedule")
        downtimes = []
        for place, number, seconds in INTERRUPTIONS:
            downtimes.append(interrupt(home, process, times[place], number, seconds))
            process = start(home, "agent.schedule")
        said, _ = process.communicate(timeout=(MINUTES + 5) * 60)
        print(said[-600:])
        problems = [*wrong(home / "corpus.sqlite", times, downtimes), *left(home)]
        if process.returncode != 0:
            problems.append(f"exit code {process.returncode} after the last fire time")
    print("\n".join(problems))
    return not problems


def interrupt(
    home: Path, process: subprocess.Popen[str], fire: datetime, number: signal.Signals, seconds: int
) -> Downtime:
    """Stop or kill the schedule in the midst of this fire's crawl, and let some time pass."""
    time.sleep(max(0.0, (fire - datetime.now(UTC)).total_seconds()))
    query = (
        "SELECT count(*) FROM exposures JOIN runs ON runs.id = run_id JOIN fires ON fires.id = fire_id "
        f"WHERE fires.state = 'running' AND fire_time = '{fire:%Y-%m-%d %H:%M:%S}.000000'"
    )
    assert wait_until(lambda: rows(home / "corpus.sqlite", query)[0][0] >= 2, timeout=100), "its crawl did not begin"
    process.send_signal(number)
    said, _ = process.communicate(timeout=60)
    began = datetime.now(UTC)
    expected = 130 if number == signal.SIGTERM else -signal.SIGKILL
    assert process.returncode == expected, f"exit code {process.returncode}: {said[-1000:]}"
    state = rows(home / "corpus.sqlite", "SELECT state, cause FROM fires ORDER BY fire_time DESC LIMIT 1")[0]
    print(f"{number.name} at {began:%H:%M:%S}, exit {process.returncode}; its fire is {state}", flush=True)
    time.sleep(seconds)
    return Downtime(fire=fire, began=began, ended=datetime.now(UTC))


def wrong(corpus: Path, times: list[datetime], downtimes: list[Downtime]) -> list[str]:
    """What is not as it has to be, one sentence each; prints the figures."""
    with open_database(corpus, write=False) as database, database.read() as session:
        kept = fires(session)
        counted = session.execute(
            select(Run.fire_id, func.count())
            .join(Exposure, Exposure.run_id == Run.id)
            .where(Exposure.is_new)
            .group_by(Run.fire_id)
        )
        new = dict(counted.all())
    states = Counter(f"{fire.state}: {fire.cause}" if fire.cause else fire.state for fire in kept)
    print(f"{len(times)} fire times, {len(kept)} rows; " + "; ".join(f"{n} {s}" for s, n in states.most_common()))
    problems = []
    if [fire.fire_time for fire in kept] != times:
        problems.append("the rows are not the fire times, each once")
    for fire in kept:
        problems += _of_itself(fire, new.get(fire.id, 0))
    by_time = {fire.fire_time: fire for fire in kept}
    for down in downtimes:
        problems += _of_downtime(down, by_time)
    return problems


def _of_itself(fire: FireItem, new: int) -> Iterator[str]:
    at = f"{fire.fire_time:%H:%M} is {fire.state} ({fire.cause})"
    if fire.state == MISSED:
        if new or fire.started_at or not fire.cause:
            yield f"{at}, with {new} shorts, begun {fire.started_at}"
    elif fire.state in (DONE, LATE):
        assert fire.started_at is not None
        if new != LIMIT:
            yield f"{at}, with {new} of {LIMIT} shorts"
        seconds = (fire.started_at - fire.fire_time).total_seconds()
        if (seconds > ON_TIME) != (fire.state == LATE):
            yield f"{at}, and began {seconds:.1f} s after its time"
    else:
        yield at


def _of_downtime(down: Downtime, by_time: dict[datetime, FireItem]) -> Iterator[str]:
    interrupted = by_time[down.fire]
    if interrupted.state not in (DONE, LATE) or "went on" not in (interrupted.cause or ""):
        yield f"{down.fire:%H:%M} was under way and is {interrupted.state} ({interrupted.cause})"
    passed = [moment for moment in by_time if down.began <= moment < down.ended]
    for moment in passed:
        fire = by_time[moment]
        expected = LATE if moment == passed[-1] else MISSED
        if fire.state != expected and "still running" not in (fire.cause or ""):
            yield f"{moment:%H:%M} passed while nothing ran and is {fire.state} ({fire.cause}), not {expected}"


def left(home: Path) -> list[str]:
    """Processes that outlived the schedule."""
    wait_until(lambda: not leftovers(home))
    return [f"left over: {process}" for process in leftovers(home)]
