"""A schedule on a clock that the test moves, with crawls that only wait: where the crawl is not the point."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from agent.clock import Stop
from agent.schedule.config import Job, Schedule, load_schedule
from agent.schedule.scheduler import Active, Ended, Scheduler
from agent.schedule.timing import Timing
from storage.corpus import Corpus
from storage.fires import STOPPED, Fires, fires
from tests.clocks import HandClock


def write(home: Path, text: str) -> Path:
    """A schedule file whose corpus lies beside it."""
    path = home / "schedule.toml"
    path.write_text(f'corpus = "{home / "corpus.sqlite"}"\n{text}')
    return path


class Waiting:
    """Stands in for crawls: each lasts until the test ends it, or until it is stopped."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, datetime, int]] = []
        """Job, fire time and seed of every crawl, in the order in which they began."""
        self._open: dict[str, Stop] = {}
        self._ends: dict[str, Ended | Exception] = {}

    @property
    def running(self) -> list[str]:
        return sorted(self._open)

    async def __call__(self, active: Active) -> Ended:
        job = active.job
        self.begun.append((job.id, active.fire.fire_time, job.fired(active.fire.fire_time).seed))
        self._open[job.id] = ending = Stop()
        try:
            finished = await active.stop.unless_stopped(ending.wait)
            ended = self._ends[job.id] if finished else Ended(cause=STOPPED, exit_code=130)
            if isinstance(ended, Exception):
                raise ended
            return ended
        finally:
            del self._open[job.id]

    async def end(self, job: str, ended: Ended | Exception | None = None) -> None:
        """Let the job's crawl end, by default well, or raise."""
        self._ends[job] = ended or Ended()
        self._open[job].request()
        for _ in range(50):
            await asyncio.sleep(0)


class Told:
    """Stands in for the watch: keeps what was missed."""

    def __init__(self) -> None:
        self.missed_times: list[tuple[str, datetime, str]] = []

    def look(self, active: list[Active]) -> None:
        """Nothing to see."""

    def missed(self, job: Job, times: list[tuple[datetime, str]]) -> None:
        self.missed_times += [(job.id, time, cause) for time, cause in times]


class Running:
    """A schedule that runs in the test's loop."""

    def __init__(self, schedule: Schedule, corpus: Corpus, clock: HandClock) -> None:
        self.corpus = corpus
        self.clock = clock
        self.stop = Stop()
        self.crawls = Waiting()
        self.told = Told()
        self.rows = Fires(corpus.database, clock.now)
        self._scheduler = Scheduler(
            schedule=schedule,
            fires=self.rows,
            clock=clock,
            stop=self.stop,
            crawl=self.crawls,
            watch=self.told,
            say=lambda _: None,
        )
        self.task = asyncio.create_task(self._scheduler.run())

    def states(self, job: str | None = None) -> list[tuple[str, str, str | None]]:
        """Minute, state and cause of every row."""
        with self.corpus.database.read() as session:
            return [(f"{row.fire_time:%H:%M}", row.state, row.cause) for row in fires(session, job=job)]

    async def halt(self) -> bool:
        """Stop it as SIGTERM does."""
        self.stop.request()
        return await self.task

    async def kill(self) -> None:
        """End it and its crawls at once; rows stay as they are."""
        for task in (*self._scheduler._tasks.values(), self.task):
            task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


@asynccontextmanager
async def running(path: Path, clock: HandClock) -> AsyncIterator[Running]:
    """Start the schedule; it is killed at the end where it still runs."""
    schedule = load_schedule(path)
    with Corpus(schedule.corpus, collecting=True, now=clock.now) as corpus:
        one = Running(schedule, corpus, clock)
        await clock.move_to(clock.moment)
        try:
            yield one
        finally:
            await one.kill()


def timing(**fields: Any) -> Timing:
    """A timing, as a schedule file says it."""
    return Timing.model_validate(fields)
