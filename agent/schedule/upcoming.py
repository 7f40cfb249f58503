"""What a schedule has ahead, and where its history has gaps: for displays, which only read."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import merge
from itertools import islice
from typing import Any

from sqlalchemy.orm import Session

from agent.schedule.scheduler import NOT_RUNNING, STILL_RUNNING
from agent.schedule.timing import Timing
from storage.fires import MISSED, PARTIAL, PLANNED, RUNNING, Known, fires, known_jobs, last_fire_time, paused_jobs

UNRECORDED = "no row"
OVERDUE = timedelta(minutes=5)
"""A running schedule has written down every fire time after so long."""


@dataclass(frozen=True, kw_only=True)
class Gap:
    """A planned fire time at which nothing was done, or not all. `state` is missed, partial or `no row`."""

    job: str
    fire_time: datetime
    state: str
    cause: str | None

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"job": self.job, "fire_time": self.fire_time.isoformat(), "state": self.state, "cause": self.cause}


def next_fires(timings: Mapping[str, Timing], now: datetime, number: int) -> list[tuple[datetime, str]]:
    """The next fire times of all jobs, nominal, with their job."""

    def ahead(job: str, timing: Timing) -> Iterator[tuple[datetime, str]]:
        return ((time, job) for time in timing.between(now, datetime.max.replace(tzinfo=UTC)))

    return list(islice(merge(*(ahead(job, timing) for job, timing in timings.items())), number))


def known_timings(session: Session) -> dict[str, Timing]:
    """The jobs that a schedule last ran on this corpus."""
    return {job: Timing(**known.timing) for job, known in known_jobs(session).items()}


def gaps(session: Session, now: datetime, *, collecting: bool) -> list[Gap]:
    """Planned fire times without a crawl that reached its end, oldest first; also those that nobody was awake for.

    `collecting` says whether a process holds the corpus: a crawl that looks under way may be a dead one's.
    """
    found = [
        Gap(job=fire.job, fire_time=fire.fire_time, state=fire.state, cause=fire.cause)
        for fire in fires(session, states=(MISSED, PARTIAL))
        if not fire.requested
    ]
    at_work = {fire.job for fire in fires(session, states=(PLANNED, RUNNING))}
    for known in known_jobs(session).values():
        cause = STILL_RUNNING if collecting and known.job in at_work else NOT_RUNNING
        found += [
            Gap(job=known.job, fire_time=time, state=UNRECORDED, cause=cause)
            for time in _unrecorded(session, known, now - timedelta(seconds=Timing(**known.timing).jitter))
        ]
    return sorted(found, key=lambda gap: (gap.fire_time, gap.job))


def overdue(session: Session, now: datetime) -> str | None:
    """A sentence when a fire time was left without a row for longer than a running schedule would leave it."""
    at_work = {fire.job for fire in fires(session, states=(PLANNED, RUNNING))}
    for known in known_jobs(session).values():
        if known.job in at_work or known.job in paused_jobs(session):
            continue
        jitter = timedelta(seconds=Timing(**known.timing).jitter)
        if late := _unrecorded(session, known, now - jitter - OVERDUE):
            return f"{known.job} should have begun at {late[0].isoformat()} and nothing is written of it"
    return None


def _unrecorded(session: Session, known: Known, until: datetime) -> list[datetime]:
    last = last_fire_time(session, known.job)
    return [*Timing(**known.timing).between(max(known.since, last or known.since), until)]
