"""Figures for whoever keeps crawls running: rates, walls, what is blocked, the queue, costs by day. Only reads."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from storage.fires import PLANNED, RUNNING
from storage.models import Answer, Event, Exposure, Fire, Listing, Run, Task
from storage.records import Outcome
from storage.runs import UNFINISHED
from storage.tasks import OPEN_STATES

WALL = "wall"
HOUR = timedelta(hours=1)
_platform = Event.detail["platform"].as_string()
_wall = Event.detail["wall"].as_string()


@dataclass(frozen=True, kw_only=True)
class Rate:
    """How fast a platform brings shorts. `last_hour` counts showings, `new_last_hour` those that are new pictures."""

    platform: str
    last_hour: int
    new_last_hour: int
    last_shown: datetime | None


@dataclass(frozen=True, kw_only=True)
class Block:
    """A platform that has shown nothing since a wall or a changed layout stopped it."""

    platform: str
    since: datetime
    wall: str


def rates(session: Session, now: datetime) -> list[Rate]:
    """Shorts of the last hour, platform by platform."""
    recent = Exposure.shown_at > now - HOUR
    rows = session.execute(
        select(
            Run.platform,
            func.count().filter(recent),
            func.count().filter(recent, Exposure.is_new),
            func.max(Exposure.shown_at),
        )
        .join(Run, Run.id == Exposure.run_id)
        .where(Exposure.outcome == Outcome.DONE.value)
        .group_by(Run.platform)
        .order_by(Run.platform)
    )
    return [Rate(platform=name, last_hour=all_, new_last_hour=new, last_shown=last) for name, all_, new, last in rows]


def walls_by_day(session: Session, since: datetime) -> dict[str, dict[str, dict[str, int]]]:
    """How often each kind of wall came up: by day (UTC, newest first), then by platform."""
    day = func.strftime("%Y-%m-%d", Event.at)
    rows = session.execute(
        select(day, _platform, _wall, func.count())
        .where(Event.kind == WALL, Event.at >= since)
        .group_by(day, _platform, _wall)
        .order_by(day.desc(), _platform, _wall)
    )
    found: dict[str, dict[str, dict[str, int]]] = {}
    for on, platform, wall, count in rows:
        found.setdefault(on, {}).setdefault(platform, {})[wall] = count
    return found


def walls_after(session: Session, event_id: int) -> list[tuple[int, str, str]]:
    """Id, platform and kind of walls that came up after this event (0: all)."""
    rows = session.execute(
        select(Event.id, _platform, _wall).where(Event.kind == WALL, Event.id > event_id).order_by(Event.id)
    )
    return [(number, platform, wall) for number, platform, wall in rows]


def newest_wall(session: Session) -> int:
    """The newest wall's event id; 0 where there is none."""
    return session.scalar(select(func.max(Event.id)).where(Event.kind == WALL)) or 0


def recent_views(session: Session, platform: str, since: datetime) -> list[datetime]:
    """When the platform was last asked to show a short, later than this; what was only passed over is none."""
    shown = (
        select(Exposure.shown_at)
        .join(Run, Run.id == Exposure.run_id)
        .where(Run.platform == platform, Exposure.shown_at > since, Exposure.outcome != Outcome.SKIPPED.value)
    )
    return list(session.scalars(shown.order_by(Exposure.shown_at)))


def last_wall(session: Session, platform: str) -> tuple[str, datetime] | None:
    """Kind and moment of the newest wall since the platform last showed a short; None where it has shown one since."""
    walls = select(_wall, Event.at).where(*_walls_since(platform, _last_shown(session, platform)))
    found = session.execute(walls.order_by(Event.id.desc()).limit(1)).first()
    return None if found is None else (found[0], found[1])


def blocks(session: Session) -> list[Block]:
    """Platforms that are blocked now, and since when: the first wall or block after the last short that was shown."""
    found = []
    for platform in session.scalars(select(Run.platform).distinct().order_by(Run.platform)).all():
        shown = _last_shown(session, platform)
        walls = select(Event.at, _wall).where(*_walls_since(platform, shown)).order_by(Event.at).limit(1)
        runs = select(Run.ended_at, Run.cause).where(Run.platform == platform, Run.state == "blocked")
        if shown is not None:
            runs = runs.where(Run.ended_at > shown)
        ended = runs.order_by(Run.ended_at).limit(1)
        if signs := [(at, str(wall)) for query in (walls, ended) for at, wall in session.execute(query)]:
            since, wall = min(signs)
            found.append(Block(platform=platform, since=since, wall=wall))
    return found


def _last_shown(session: Session, platform: str) -> datetime | None:
    """When the platform's last whole showing ended."""
    return session.scalar(
        select(func.max(func.coalesce(Exposure.ended_at, Exposure.shown_at)))
        .join(Run, Run.id == Exposure.run_id)
        .where(Run.platform == platform, Exposure.outcome == Outcome.DONE.value)
    )


def _walls_since(platform: str, shown: datetime | None) -> list[ColumnElement[bool]]:
    where = [Event.kind == WALL, _platform == platform]
    return where if shown is None else [*where, Event.at > shown]


def queue(session: Session) -> list[dict[str, Any]]:
    """What is left to do in unfinished runs, platform by platform; what an ended fire left undone is no longer queued.

    Returns:
        platform, open tasks, shorts they still want, listed items that wait to be opened.
    """
    at_work = select(Fire.id).where(Fire.state.in_((PLANNED, RUNNING)))
    open_runs = select(Run.plan_run_id).where(
        Run.state.in_(UNFINISHED), Run.fire_id.is_(None) | Run.fire_id.in_(at_work)
    )
    wanted = Task.run_id.in_(open_runs) & Task.state.in_(OPEN_STATES) & (Task.taken < Task.quota)
    listed = session.execute(
        select(Task.platform, func.count())
        .join(Listing, Listing.task_id == Task.id)
        .where(wanted, Listing.state == "waiting")
        .group_by(Task.platform)
    )
    waiting = dict(listed.all())
    rows = session.execute(
        select(Task.platform, func.count(), func.sum(Task.quota - Task.taken))
        .where(wanted)
        .group_by(Task.platform)
        .order_by(Task.platform)
    )
    return [
        {"platform": name, "tasks": tasks, "shorts_wanted": int(left or 0), "listings_waiting": waiting.get(name, 0)}
        for name, tasks, left in rows
    ]


def costs_by_day(session: Session, since: datetime) -> dict[str, dict[str, Any]]:
    """Model calls and US dollars by day (UTC, newest first); dollars are None where no price is known."""
    day = func.strftime("%Y-%m-%d", Answer.asked_at)
    rows = session.execute(
        select(day, func.count(), func.sum(Answer.cost))
        .where(Answer.asked_at >= since)
        .group_by(day)
        .order_by(day.desc())
    )
    return {on: {"calls": calls, "cost": None if cost is None else round(cost, 6)} for on, calls, cost in rows}


def run_rates(session: Session, run_ids: Sequence[int], now: datetime) -> dict[int, float]:
    """New shorts an hour of real time of each run, from its start to its end, or to now."""
    rows = session.execute(
        select(Exposure.run_id, func.count())
        .where(Exposure.run_id.in_(run_ids), Exposure.is_new)
        .group_by(Exposure.run_id)
    )
    new = Counter(dict(rows.all()))
    found = {}
    for run in session.scalars(select(Run).where(Run.id.in_(run_ids))):
        seconds = ((run.ended_at or now) - run.started_at).total_seconds()
        found[run.id] = round(3600 * new[run.id] / seconds, 1) if seconds > 0 else 0.0
    return found


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """How much of each field some runs of one platform and mode filled, as `runs.field_coverage` says it."""

    platform: str
    mode: str
    field_coverage: dict[str, Any]


def recent_coverage(session: Session, least: int) -> list[list[Coverage]]:
    """For each platform and mode the coverage of its newest runs and of those before them, in this order reversed.

    Runs are pooled until they hold `least` records: a share of three shorts says nothing.
    """
    found = []
    for platform, mode in session.execute(select(Run.platform, Run.mode).distinct().order_by(Run.platform, Run.mode)):
        covered = (
            select(Run.field_coverage)
            .where(Run.platform == platform, Run.mode == mode, Run.field_coverage.is_not(None))
            .order_by(Run.id.desc())
        )
        pools: list[Coverage] = []
        shorts, filled = 0, Counter[str]()
        for coverage in session.scalars(covered.execution_options(yield_per=20)):
            assert coverage is not None
            shorts += coverage["shorts"]
            for name, share in coverage["fields"].items():
                filled[name] += share * coverage["shorts"]
            if shorts >= least:
                fields = {name: round(sum_ / shorts, 4) for name, sum_ in filled.items()}
                pools.append(
                    Coverage(platform=platform, mode=mode, field_coverage={"shorts": shorts, "fields": fields})
                )
                shorts, filled = 0, Counter()
            if len(pools) == 2:
                break
        if pools:
            found.append(pools[::-1])
    return found
