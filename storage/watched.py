"""What agents were shown and did, run by run: the rows that an experiment is made from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from storage.database import Database
from storage.models import Exposure, LabelRow, Run, Short, Task
from storage.records import QUERY_SOURCE, LabelKind, Stance, Verdict

CHUNK = 500
"""Names in one statement."""


@dataclass(frozen=True, kw_only=True)
class PlanRun:
    """The newest run of a plan, and how far the plan is."""

    run_id: int
    plan_run_id: int
    profile_id: str
    state: str
    cause: str | None
    task_state: str
    taken: int


@dataclass(frozen=True, kw_only=True)
class Watched:
    """One short that an agent decided on."""

    short_id: int
    platform_id: str
    verdict: Verdict
    planned_dwell: float
    """Seconds beyond the decision window."""


@dataclass(frozen=True, kw_only=True)
class Said:
    """What one source says of one short."""

    values: frozenset[str]
    """That it expresses."""
    topics: frozenset[str]
    takes_stand: bool
    """Whether it says of any value how the short stands to it; a source that never does knows nothing of values."""


def plan_runs(database: Database, hashes: Sequence[str], seed: int) -> dict[str, PlanRun]:
    """The newest run of each plan that was begun, by plan hash. For plans of one task."""
    found: dict[str, PlanRun] = {}
    with database.read() as session:
        for some in _chunks(hashes):
            rows = session.execute(
                select(Run, Task)
                .join(Task, Task.run_id == Run.plan_run_id)
                .where(Run.plan_hash.in_(some), Run.seed == seed)
                .order_by(Run.id)
            )
            for run, task in rows:
                found[run.plan_hash] = PlanRun(
                    run_id=run.id,
                    plan_run_id=task.run_id,
                    profile_id=run.profile_id or "",
                    state=run.state,
                    cause=run.cause,
                    task_state=task.state,
                    taken=task.taken,
                )
    return found


def watched(database: Database, plan_run_id: int) -> list[Watched]:
    """What a plan's runs decided on, in order: without ads, live rooms and failures."""
    with database.read() as session:
        rows = session.execute(
            select(Short.id, Short.platform_id, Exposure.decision, Exposure.planned_dwell)
            .join(Task, Task.id == Exposure.task_id)
            .join(Short, Short.id == Exposure.short_id)
            .where(Task.run_id == plan_run_id, Exposure.decision.is_not(None))
            .order_by(Task.position, Exposure.position)
        )
        return [
            Watched(short_id=short, platform_id=name, verdict=Verdict(decision or ""), planned_dwell=dwell or 0.0)
            for short, name, decision, dwell in rows
        ]


def profile_exposures(database: Database, profile_id: str) -> int:
    """How much this profile has seen in this corpus."""
    with database.read() as session:
        return session.scalar(select(func.count()).where(Exposure.profile_id == profile_id)) or 0


def said_of(database: Database, short_ids: Sequence[int]) -> dict[int, dict[str, Said]]:
    """What each source says of these shorts, by short and source; under which keyword one was found is no statement."""
    rows: dict[int, dict[str, list[tuple[str, str, str | None]]]] = {}
    with database.read() as session:
        for some in _chunks(short_ids):
            for row in session.scalars(
                select(LabelRow).where(LabelRow.short_id.in_(some), LabelRow.source != QUERY_SOURCE)
            ):
                rows.setdefault(row.short_id, {}).setdefault(row.source, []).append((row.kind, row.name, row.stance))
    return {short: {source: _said(labels) for source, labels in by_source.items()} for short, by_source in rows.items()}


def _said(labels: Sequence[tuple[str, str, str | None]]) -> Said:
    values = [(name, stance) for kind, name, stance in labels if kind == LabelKind.VALUE]
    return Said(
        values=frozenset(name for name, stance in values if stance == Stance.EXPRESSES),
        topics=frozenset(name for kind, name, stance in labels if kind == LabelKind.TOPIC and stance != Stance.NONE),
        takes_stand=any(stance != Stance.UNSURE for _, stance in values),
    )


def _chunks(names: Sequence[int] | Sequence[str]) -> Iterator[Sequence[int] | Sequence[str]]:
    for start in range(0, len(names), CHUNK):
        yield names[start : start + CHUNK]
