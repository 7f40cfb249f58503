"""Fires: every planned fire time of a schedule as exactly one row, and what is known of its jobs.

    planned ──> running ──> done       ran at its time, to its end
                       ├──> late       ran to its end, but began later than planned
                       └──> partial    began, and did not reach its end
                missed                 never began

What a schedule said, who paused it and what was asked for by hand are events (D5): the last one of its kind counts.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from storage.database import Database
from storage.models import Event, Exposure, Fire, Run
from storage.tasks import Now

PLANNED, RUNNING, DONE, LATE, PARTIAL, MISSED = "planned", "running", "done", "late", "partial", "missed"
STOPPED, KILLED = "stopped", "killed"
"""Causes of a fire that can go on."""
SCHEDULE, PAUSE, RESUME, RUN_NOW, NOTIFIED = "schedule", "pause", "resume", "run-now", "notified"
"""Kinds of events. `schedule`: detail is {job, timing, since}, timing None when the job is gone."""

OF_A_SCHEDULE = (SCHEDULE, PAUSE, RESUME, RUN_NOW, NOTIFIED)
"""What these say is of one machine's schedule: it does not go into another corpus."""


@dataclass(frozen=True, kw_only=True)
class FireItem:
    """A fire as it was when it was read."""

    id: int
    job: str
    fire_time: datetime
    requested: bool
    state: str
    cause: str | None
    started_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Known:
    """A job as a schedule last described it, and since when it has these times."""

    job: str
    timing: dict[str, Any]
    since: datetime


class Fires:
    """The fires of a corpus; for the process that holds its lock, but for `pause`, `resume` and `request`."""

    def __init__(self, database: Database, now: Now) -> None:
        self._database = database
        self._now = now

    def last(self, job: str) -> datetime | None:
        """The newest planned fire time of the job that has a row."""
        with self._database.read() as session:
            return last_fire_time(session, job)

    def read(self, fire: FireItem) -> FireItem:
        """The fire as it is now."""
        with self._database.read() as session:
            return _item(session.get_one(Fire, fire.id))

    def plan(self, job: str, fire_time: datetime, *, missed: Iterable[tuple[datetime, str]] = ()) -> FireItem:
        """Write the row of a fire that is to begin and, in the same transaction, of those before it that will not.

        `missed` are fire times with their cause.
        """
        with self._database.write() as session:
            _miss(session, job, missed)
            return _item(_added(session, job, fire_time, requested=False))

    def plan_requested(self, job: str, at: datetime) -> FireItem:
        """Write the row of a fire asked for by hand, at this moment or the first one after it that is free."""
        with self._database.write() as session:
            while session.scalar(select(Fire.id).where(Fire.job == job, Fire.fire_time == at)) is not None:
                at += timedelta(microseconds=1)
            return _item(_added(session, job, at, requested=True))

    def miss(self, job: str, missed: Iterable[tuple[datetime, str]]) -> None:
        """Write the rows of fire times, each with its cause, at which nothing began."""
        with self._database.write() as session:
            _miss(session, job, missed)

    def begin(self, fire: FireItem) -> FireItem:
        """Its work starts, or goes on: then it keeps the moment at which it first began."""
        with self._database.write() as session:
            row = session.get_one(Fire, fire.id)
            row.state, row.cause, row.ended_at = RUNNING, None, None
            row.started_at = row.started_at or self._now()
            return _item(row)

    def end(self, fire: FireItem, state: str, cause: str | None = None) -> FireItem:
        """Close it: done, late, partial or missed."""
        with self._database.write() as session:
            row = session.get_one(Fire, fire.id)
            row.state, row.cause, row.ended_at = state, cause, self._now()
            return _item(row)

    def release_dead(self) -> None:
        """Close what a killed process left open: begun, it is partial, else missed; it ended when last seen at work."""
        with self._database.write() as session:
            for row in session.scalars(select(Fire).where(Fire.state.in_((PLANNED, RUNNING)))):
                newest = session.scalar(
                    select(func.max(Exposure.shown_at)).join(Run, Run.id == Exposure.run_id).where(
                        Run.fire_id == row.id
                    )
                )  # fmt: skip
                row.ended_at = newest or row.started_at
                row.state, row.cause = PARTIAL if row.started_at else MISSED, KILLED

    def interrupted(self) -> list[FireItem]:
        """Fires that the end of their process kept from beginning or from ending, in the order of their times."""
        with self._database.read() as session:
            left = select(Fire).where(Fire.state.in_((PARTIAL, MISSED)), Fire.cause.in_((STOPPED, KILLED)))
            return [_item(row) for row in session.scalars(left.order_by(Fire.fire_time, Fire.id))]

    # Jobs

    def describe(self, job: str, timing: dict[str, Any] | None, since: datetime) -> None:
        """Keep what a schedule says of the job, and since when it fires at these times; None when it is gone."""
        self._tell(SCHEDULE, {"job": job, "timing": timing, "since": since.isoformat()})

    def pause(self, job: str) -> None:
        """No fire of the job begins until `resume`, in whatever process its schedule runs."""
        self._tell(PAUSE, {"job": job})

    def resume(self, job: str) -> None:
        """Take back `pause`."""
        self._tell(RESUME, {"job": job})

    def request(self, job: str) -> int:
        """Ask the running schedule to run the job now.

        Returns:
            The request's id; `accepted` tells whether it was heard.
        """
        return self._tell(RUN_NOW, {"job": job})

    def requests(self, after: int) -> list[tuple[int, str]]:
        """Ids and jobs of requests that came after this one (0: after none)."""
        with self._database.read() as session:
            asked = select(Event).where(Event.kind == RUN_NOW, Event.id > after).order_by(Event.id)
            return [(row.id, str(row.detail["job"])) for row in session.scalars(asked)]

    def newest_request(self) -> int:
        """Id of the newest request, 0 where there is none."""
        with self._database.read() as session:
            return session.scalar(select(func.max(Event.id)).where(Event.kind == RUN_NOW)) or 0

    def requested_since(self, job: str, since: datetime) -> FireItem | None:
        """The fire that a request since then brought, once the schedule has taken it up."""
        with self._database.read() as session:
            row = session.scalars(
                select(Fire).where(Fire.job == job, Fire.requested, Fire.fire_time >= since).order_by(Fire.id)
            ).first()
            return None if row is None else _item(row)

    def paused(self) -> set[str]:
        """Jobs that are paused now."""
        with self._database.read() as session:
            return paused_jobs(session)

    def known(self) -> dict[str, Known]:
        """Jobs as schedules last described them."""
        with self._database.read() as session:
            return known_jobs(session)

    def notified(self, kind: str) -> None:
        """Keep that somebody was told of this kind of thing now."""
        self._tell(NOTIFIED, {"kind": kind})

    def last_notified(self) -> dict[str, datetime]:
        """When somebody was last told, by kind."""
        with self._database.read() as session:
            rows = session.scalars(select(Event).where(Event.kind == NOTIFIED).order_by(Event.id))
            return {str(row.detail["kind"]): row.at for row in rows}

    def _tell(self, kind: str, detail: dict[str, Any]) -> int:
        with self._database.write() as session:
            row = Event(kind=kind, detail=detail, run_id=None, at=self._now())
            session.add(row)
            session.flush()
            return row.id


def last_fire_time(session: Session, job: str) -> datetime | None:
    """The newest planned fire time of a job that has a row."""
    return session.scalar(select(func.max(Fire.fire_time)).where(Fire.job == job, ~Fire.requested))


def known_jobs(session: Session) -> dict[str, Known]:
    """Jobs as schedules last described them; those that are gone are not among them."""
    found: dict[str, Known] = {}
    for row in session.scalars(select(Event).where(Event.kind == SCHEDULE).order_by(Event.id)):
        job, timing = str(row.detail["job"]), row.detail["timing"]
        if timing is None:
            found.pop(job, None)
        else:
            found[job] = Known(job=job, timing=timing, since=datetime.fromisoformat(row.detail["since"]))
    return found


def paused_jobs(session: Session) -> set[str]:
    """Jobs whose last word is `pause`."""
    last = {
        str(row.detail["job"]): row.kind
        for row in session.scalars(select(Event).where(Event.kind.in_((PAUSE, RESUME))).order_by(Event.id))
    }
    return {job for job, kind in last.items() if kind == PAUSE}


def fires(session: Session, *, states: Sequence[str] = (), job: str | None = None, most: int = 0) -> list[FireItem]:
    """Fires in the order of their fire times; with `most` only the newest so many (0: all)."""
    asked = select(Fire).order_by(Fire.fire_time.desc(), Fire.id.desc())
    if states:
        asked = asked.where(Fire.state.in_(states))
    if job is not None:
        asked = asked.where(Fire.job == job)
    if most:
        asked = asked.limit(most)
    return [_item(row) for row in session.scalars(asked)][::-1]


def fire_counts(session: Session) -> dict[str, dict[str, int]]:
    """How many fires each job has in each state."""
    found: dict[str, dict[str, int]] = {}
    rows = session.execute(select(Fire.job, Fire.state, func.count()).group_by(Fire.job, Fire.state).order_by(Fire.job))
    for job, state, count in rows:
        found.setdefault(job, {})[state] = count
    return found


def _added(session: Session, job: str, fire_time: datetime, *, requested: bool) -> Fire:
    row = Fire(job=job, fire_time=fire_time, requested=requested, state=PLANNED, cause=None)
    row.started_at = row.ended_at = None
    session.add(row)
    session.flush()
    return row


def _miss(session: Session, job: str, missed: Iterable[tuple[datetime, str]]) -> None:
    rows = [
        {"job": job, "fire_time": time, "requested": False, "state": MISSED, "cause": cause} for time, cause in missed
    ]
    if rows:
        session.execute(insert(Fire), rows)


def _item(row: Fire) -> FireItem:
    return FireItem(**{name: getattr(row, name) for name in FireItem.__dataclass_fields__})
