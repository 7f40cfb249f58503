"""Runs (D4, D5): which conditions a crawl ran under, and whether a command goes on with an earlier one."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import case, func, select, update
from sqlalchemy.orm import Session

from storage.database import Database
from storage.models import Exposure, Observation, Run, Short, Task
from storage.records import Outcome
from storage.tasks import Now, TaskLike, insert_tasks

UNFINISHED = ("running", "stopped", "blocked")


@dataclass(frozen=True, kw_only=True)
class RunSpec:
    """What a command wants to run on one platform."""

    platform: str
    mode: str
    plan_hash: str
    seed: int
    plan: Sequence[TaskLike]
    command: list[str]
    settings: dict[str, Any]
    environment: dict[str, Any]
    """See `storage.models.Run.environment`; any difference starts a new run that continues the old one."""
    profile_id: str
    fire_id: int | None = None
    """The row of the fire time of a schedule."""


@dataclass(frozen=True, kw_only=True)
class RunItem:
    """A run that is under way. Tasks belong to `plan_run_id`, the first run of its chain."""

    id: int
    plan_run_id: int
    profile_id: str
    continued: bool
    changed: tuple[str, ...] = field(default=())
    """Conditions that are not what they were in the run it continues."""


class Runs:
    """The runs of a corpus."""

    def __init__(self, database: Database, now: Now) -> None:
        self._database = database
        self._now = now

    def unfinished(self, platform: str, plan_hash: str, seed: int) -> RunItem | None:
        """The newest unfinished run of this plan, if there is one."""
        with self._database.read() as session:
            row = _unfinished(session, platform, plan_hash, seed)
            return None if row is None else _item(row, continued=True)

    def start(self, spec: RunSpec) -> RunItem:
        """Go on with the unfinished run of the same plan and seed, else begin a new one with the plan's tasks."""
        with self._database.write() as session:
            last = _unfinished(session, spec.platform, spec.plan_hash, spec.seed)
            changed = () if last is None else _changed(last.environment, spec.environment)
            if last is not None and not changed:
                last.state, last.cause, last.ended_at = "running", None, None
                known_now = {name: value for name, value in spec.environment.items() if value is not None}
                last.environment = {**last.environment, **known_now}
                return _item(last, continued=True)
            row = Run(
                plan_run_id=None if last is None else last.plan_run_id,
                continues_run_id=None if last is None else last.id,
                platform=spec.platform,
                mode=spec.mode,
                plan_hash=spec.plan_hash,
                seed=spec.seed,
                state="running",
                cause=None,
                command=spec.command,
                settings=spec.settings,
                environment=spec.environment,
                profile_id=spec.profile_id if last is None else last.profile_id,
                started_at=self._now(),
                ended_at=None,
                field_coverage=None,
                fire_id=spec.fire_id,
            )
            row.profile_exposures = (
                session.scalar(select(func.count()).where(Exposure.profile_id == row.profile_id)) or 0
            )
            session.add(row)
            session.flush()
            if last is None:
                row.plan_run_id = row.id
                insert_tasks(
                    session,
                    row.id,
                    spec.platform,
                    spec.mode,
                    spec.plan,
                    spec.profile_id if spec.mode == "feed" else None,
                    self._now(),
                )
            else:
                last.state = "continued"
            session.flush()
            return _item(row, continued=last is not None, changed=changed)

    def finish(self, run: RunItem, state: str, cause: str | None = None) -> None:
        """Close a run: finished, stopped or blocked. Its field coverage is computed and kept."""
        with self._database.write() as session:
            row = session.get_one(Run, run.id)
            row.state, row.cause, row.ended_at = state, cause, self._now()
            row.field_coverage = field_coverage(session, run.id)

    def chain(self, plan_run_id: int) -> list[int]:
        """Ids of all runs of a plan, oldest first."""
        with self._database.read() as session:
            return list(session.scalars(select(Run.id).where(Run.plan_run_id == plan_run_id).order_by(Run.id)))


def release_dead(session: Session) -> None:
    """What a killed process left open: exposures become interrupted and count as seen, runs are stopped."""
    session.execute(
        update(Exposure).where(Exposure.outcome == Outcome.OPEN.value).values(outcome=Outcome.INTERRUPTED.value)
    )
    session.execute(update(Run).where(Run.state == "running").values(state="stopped", cause="killed"))


COVERED_FIELDS = (
    Short.url,
    Short.author,
    Short.duration,
    Short.published,
    Short.language,
    Short.sound,
    Short.paid_partnership,
    Short.ai_generated,
    Short.subtitles,
    Observation.caption,
    Observation.hashtags,
    Observation.views,
    Observation.likes,
    Observation.comments,
    Observation.shares,
)


def field_coverage(session: Session, run_id: int) -> dict[str, Any]:
    """Share of a run's records of shorts with each field set, and how many records that is of."""
    columns = covered()
    total, *counts = session.execute(
        select(func.count(), *(func.count(column) for column in columns.values()))
        .join_from(Observation, Short)
        .where(Observation.run_id == run_id)
    ).one()
    shares = {name: round(count / total, 4) for name, count in zip(columns, counts, strict=True) if total}
    return {"shorts": total, "fields": shares}


def covered() -> dict[str, Any]:
    """The fields that coverage looks at, each as a column that is NULL where there is nothing."""
    return {column.key: _filled(column) for column in COVERED_FIELDS}


def _filled(column: Any) -> Any:
    """The column, NULL where it holds nothing; an empty list of hashtags is nothing."""
    return case((func.json_array_length(column) > 0, 1)) if column.key == "hashtags" else column


def _changed(before: dict[str, Any], now: dict[str, Any]) -> tuple[str, ...]:
    """Conditions that differ; one that is not known on either side (a wall stood before the site) does not."""
    both = sorted({*before} & {*now})
    return tuple(name for name in both if None not in (before[name], now[name]) and before[name] != now[name])


def _unfinished(session: Session, platform: str, plan_hash: str, seed: int) -> Run | None:
    return session.scalars(
        select(Run)
        .where(Run.platform == platform, Run.plan_hash == plan_hash, Run.seed == seed, Run.state.in_(UNFINISHED))
        .order_by(Run.id.desc())
    ).first()


def _item(row: Run, *, continued: bool, changed: tuple[str, ...] = ()) -> RunItem:
    assert row.plan_run_id is not None
    return RunItem(
        id=row.id, plan_run_id=row.plan_run_id, profile_id=row.profile_id or "", continued=continued, changed=changed
    )


def planned(session: Session, plan_run_id: int) -> tuple[int, int]:
    """(quota, taken) over all tasks of a plan."""
    quota, taken = session.execute(
        select(func.sum(Task.quota), func.sum(Task.taken)).where(Task.run_id == plan_run_id)
    ).one()
    return int(quota or 0), int(taken or 0)
