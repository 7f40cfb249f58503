"""The loop over fire times: what is due is written down, then run; every planned time ends as exactly one row.

APScheduler's triggers say when; the loop is ours. Its own scheduler takes the time from the machine and forgets a
fire time that it was not awake for, or that met a running job: here time is a parameter, and such a time is a row.
Jobs run side by side in one process and event loop, but for those of one platform, which wait for each other: two
crawls of one site would be twice as fast as is polite. A job never meets itself.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from agent.clock import Clock, Stop
from agent.schedule.config import Job, Schedule
from agent.schedule.timing import Timing, duration_text
from retrieval.pricing import Budget
from storage.cli import INTERRUPTED
from storage.errors import UsageError
from storage.fires import DONE, LATE, MISSED, PARTIAL, STOPPED, FireItem, Fires

POLL = 2.0
"""Seconds between two looks for pauses and requests."""
ON_TIME = timedelta(seconds=10)
"""A fire that begins so much after its time is not late yet."""
NOT_RUNNING = "the schedule was not running"
STILL_RUNNING = "its last crawl was still running"
ASLEEP = "the machine was asleep or too busy"
PAUSED = "paused"
REQUESTED = "run-now"


@dataclass
class Active:
    """A fire whose turn has come."""

    job: Job
    fire: FireItem
    stop: Stop
    budget: Budget | None = None
    """Of its model calls, once there is one."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How the crawl of a fire ended. `cause` is what kept it from its end; None where nothing did."""

    cause: str | None = None
    exit_code: int = 0


class Crawling(Protocol):
    """Runs the crawl of a fire to its end, or to the short at hand when its stop is requested."""

    def __call__(self, active: Active) -> Awaitable[Ended]: ...


class Watching(Protocol):
    """Who is told of trouble."""

    def look(self, active: list[Active]) -> None:
        """Called at every look; what is new is told."""

    def missed(self, job: Job, times: list[tuple[datetime, str]]) -> None:
        """Fire times at which nothing began, each with its cause."""


class Scheduler:
    """Runs a schedule until it is told to stop, or has no fire time left.

    Args:
        stop: once requested, every crawl finishes its short; what it leaves goes on after the next start.
        crawl: does a fire's work.
        say: shows a sentence to whoever is looking.
    """

    def __init__(
        self,
        *,
        schedule: Schedule,
        fires: Fires,
        clock: Clock,
        stop: Stop,
        crawl: Crawling,
        watch: Watching,
        say: Callable[[str], None],
    ) -> None:
        self._jobs = {job.id: job for job in schedule.jobs}
        self._path = schedule.path
        self._fires = fires
        self._clock = clock
        self._stop = stop
        self._crawl = crawl
        self._watch = watch
        self._say = say
        self._began = clock.now()
        self._handled: dict[str, datetime] = {}
        """Of each job the moment up to which every fire time has its row."""
        self._interrupted: dict[str, list[FireItem]] = defaultdict(list)
        self._asked: dict[str, list[FireItem]] = defaultdict(list)
        self._idle_since: dict[str, datetime] = {}
        self._heard = 0
        self._active: list[Active] = []
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._sites: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def run(self) -> bool:
        """Work until the stop is requested or nothing is ahead; True if it was stopped.

        Raises:
            UsageError: nothing is ahead from the start.
            StorageFull: a row could not be written; what was under way is taken up by the next start.
        """
        self._take_up()
        async with self._passing_on_stop():
            try:
                self._look()
                if self._over():
                    raise UsageError(f"every fire time of {self._path} lies in the past; give its jobs a later `end`")
                while not self._over() and await self._stop.unless_stopped(self._until_something):
                    self._reap()
                    self._look()
                stopped = self._stop.requested
            finally:
                self._stop.request()
                await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        self._reap()
        for fire in (fire for asked in self._asked.values() for fire in asked):
            self._fires.end(fire, MISSED, STOPPED)
        return stopped

    async def run_now(self, job: Job) -> tuple[FireItem, int]:
        """Run one job once, as if asked for by hand, and nothing else; its fire as it ended, and its exit code."""
        self._fires.release_dead()
        fire = self._fires.plan_requested(job.id, self._clock.now())
        async with self._passing_on_stop():
            ended = await self._fire(job, fire)
        return self._fires.read(fire), ended.exit_code

    @asynccontextmanager
    async def _passing_on_stop(self) -> AsyncIterator[None]:
        """A stop of the schedule is one of every crawl; a crawl that stops by itself leaves the others alone."""

        async def pass_on() -> None:
            await self._stop.wait()
            for active in self._active:
                active.stop.request()

        passing = asyncio.create_task(pass_on())
        try:
            yield
        finally:
            passing.cancel()

    def _reap(self) -> None:
        for name, task in list(self._tasks.items()):
            if task.done():
                del self._tasks[name]
                self._idle_since[name] = self._clock.now()
                task.result()

    # What is due

    def _take_up(self) -> None:
        """Take up where the last process ended: what it left open, and what it was not there for."""
        now = self._clock.now()
        self._fires.release_dead()
        self._heard = self._fires.newest_request()
        known = self._fires.known()
        for old in known.values():
            timing = Timing(**old.timing)
            job = self._jobs.get(old.job)
            handled = max(old.since, self._fires.last(old.job) or old.since)
            if job is not None and job.timing.same_times(timing):
                self._handled[job.id] = handled
                if job.timing != timing:
                    self._fires.describe(job.id, job.timing.described(), old.since)
                continue
            self._fires.miss(old.job, [(time, NOT_RUNNING) for time in timing.between(handled, now)])
            if job is None:
                self._fires.describe(old.job, None, now)
        for job in self._jobs.values():
            if job.id not in self._handled:
                self._handled[job.id] = now
                self._fires.describe(job.id, job.timing.described(), now)
        for fire in self._fires.interrupted():
            job = self._jobs.get(fire.job)
            if job is None:
                continue
            last_sign = fire.ended_at if fire.started_at and fire.ended_at else self._begins(job, fire.fire_time)
            if now - last_sign <= timedelta(seconds=job.timing.grace):
                self._interrupted[job.id].append(fire)

    def _look(self) -> None:
        """Write down and begin what is due now."""
        now = self._clock.now()
        paused = self._fires.paused()
        for request, name in self._fires.requests(self._heard):
            self._heard = request
            if name in self._jobs:
                self._asked[name].append(self._fires.plan_requested(name, now))
        for job in self._jobs.values():
            if job.id in self._tasks:
                continue
            begin = self._asked.pop(job.id, [])
            if job.id in paused:
                self._miss(job, [(time, PAUSED) for time in self._due(job, now)])
            else:
                begin = self._interrupted_begun(job) + begin + self._newest(job, now)
            if begin:
                self._tasks[job.id] = asyncio.create_task(self._work(job, begin))
        self._watch.look(self._active)

    def _due(self, job: Job, now: datetime) -> list[datetime]:
        """Fire times without a row that are due, jitter included."""
        due = []
        for time in job.timing.between(self._handled[job.id], now):
            if self._begins(job, time) > now:
                break
            due.append(time)
        if due:
            self._handled[job.id] = due[-1]
        return due

    def _newest(self, job: Job, now: datetime) -> list[FireItem]:
        """The newest due fire if it is within the grace; older ones are missed."""
        times = self._due(job, now)
        waiting = [fire for fire in self._interrupted.pop(job.id, []) if fire.started_at is None]
        fresh = bool(times) and self._within_grace(job, times[-1], now)
        missed = [(time, self._why(job, time)) for time in (times[:-1] if fresh else times)]
        if not fresh:
            self._miss(job, missed)
            return waiting[-1:] if not times else []
        fire = self._fires.plan(job.id, times[-1], missed=missed)
        self._tell_missed(job, missed)
        return [fire]

    def _interrupted_begun(self, job: Job) -> list[FireItem]:
        return [fire for fire in self._interrupted[job.id] if fire.started_at is not None]

    def _begins(self, job: Job, fire_time: datetime) -> datetime:
        return job.timing.due(job.id, fire_time, job.settings.seed)

    def _within_grace(self, job: Job, fire_time: datetime, now: datetime) -> bool:
        return now - self._begins(job, fire_time) <= max(ON_TIME, timedelta(seconds=job.timing.grace))

    def _why(self, job: Job, fire_time: datetime) -> str:
        """Why nothing began at a fire time."""
        due = self._begins(job, fire_time)
        if due < self._began:
            return NOT_RUNNING
        return STILL_RUNNING if due < self._idle_since.get(job.id, self._began) else ASLEEP

    def _miss(self, job: Job, missed: list[tuple[datetime, str]]) -> None:
        if missed:
            self._fires.miss(job.id, missed)
            self._tell_missed(job, missed)

    def _tell_missed(self, job: Job, missed: list[tuple[datetime, str]]) -> None:
        if wrong := [(time, cause) for time, cause in missed if cause != PAUSED]:
            self._say(f"{job.id}: {len(wrong)} missed, {wrong[-1][1]}")
            self._watch.missed(job, wrong)

    def _over(self) -> bool:
        """True when nothing runs, waits or is ahead."""
        if self._tasks or any(self._interrupted.values()):
            return False
        return all(job.timing.after(self._handled[job.id]) is None for job in self._jobs.values())

    async def _until_something(self) -> None:
        """Wait until the next fire time, a crawl's end, or the next look for requests."""
        now = self._clock.now()
        ahead = [
            self._begins(job, time)
            for job in self._jobs.values()
            if job.id not in self._tasks and (time := job.timing.after(self._handled[job.id]))
        ]
        seconds = min([POLL, *((moment - now).total_seconds() for moment in ahead)])
        timer = asyncio.ensure_future(self._clock.sleep(max(0.0, seconds)))
        try:
            await asyncio.wait({timer, *self._tasks.values()}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()

    # What runs

    async def _work(self, job: Job, fires: list[FireItem]) -> None:
        """Run a job's fires one after another, once its sites are free."""
        taken = [platform for platform in job.platforms if self._sites[platform].locked()]
        waited = f"another job was on {', '.join(taken)}" if taken else ""
        async with AsyncExitStack() as stack:
            for platform in job.platforms:
                await stack.enter_async_context(self._sites[platform])
            for fire in fires:
                await self._fire(job, fire, waited)

    async def _fire(self, job: Job, fire: FireItem, waited: str = "") -> Ended:
        again = "" if fire.started_at is None else f"went on after it was {fire.cause}"
        why = "" if again or fire.requested else waited or self._why(job, fire.fire_time)
        if self._stop.requested:
            if not again:
                self._fires.end(fire, MISSED, STOPPED)
            return Ended(cause=STOPPED, exit_code=INTERRUPTED)
        if why and not self._within_grace(job, fire.fire_time, self._clock.now()):
            self._fires.end(fire, MISSED, f"{why} for longer than its grace")
            self._tell_missed(job, [(fire.fire_time, why)])
            return Ended(cause=why)
        fire = self._fires.begin(fire)
        self._say(f"{job.id}: fire of {local(fire.fire_time, job)} {'goes on' if again else 'begins'}")
        active = Active(job=job, fire=fire, stop=Stop())
        self._active.append(active)
        try:
            ended = await self._crawl(active)
            self._watch.look(self._active)
        finally:
            self._active.remove(active)
        state, cause = self._ending(job, fire, ended, why, again)
        self._fires.end(fire, state, cause)
        self._say(f"{job.id}: fire of {local(fire.fire_time, job)} {state}" + (f", {cause}" if cause else ""))
        return ended

    def _ending(self, job: Job, fire: FireItem, ended: Ended, why: str, again: str) -> tuple[str, str | None]:
        """State and cause of a fire whose crawl has ended."""
        if ended.cause is not None:
            return PARTIAL, ended.cause
        if fire.requested:
            return DONE, "; ".join(filter(None, [REQUESTED, again]))
        assert fire.started_at is not None
        late = fire.started_at - self._begins(job, fire.fire_time)
        if late <= ON_TIME:
            return DONE, again or None
        said = f"began {duration_text(late.total_seconds())} late" + (f": {why}" if why else "")
        return LATE, "; ".join(filter(None, [said, again]))


def local(moment: datetime, job: Job) -> str:
    """A moment on the clock of the job's time zone."""
    return f"{moment.astimezone(job.timing.zone):%Y-%m-%d %H:%M:%S %Z}"
