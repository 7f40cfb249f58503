"""The figures of a corpus: what `agent.status` and the table at a crawl's end show. Reads while a crawl writes."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from storage.answers import answer_totals
from storage.database import Database
from storage.labels import label_counts
from storage.models import Event, Exposure, Image, Run, Short, Task
from storage.records import Action, LabelKind, Outcome
from storage.runs import planned

LAST_EVENTS = 5


@dataclass(frozen=True, kw_only=True)
class PlatformFigures:
    """Counts of one platform. `new` are shorts whose picture equals no earlier one."""

    platform: str
    seen: int
    new: int
    duplicate: int
    duplicates_by: dict[str, int]
    watched: int
    scrolled: int
    late: int
    skipped: dict[str, int]
    unavailable: dict[str, int]
    failed: dict[str, int]
    interrupted: int
    decisions: dict[str, int]
    seconds_on_screen: float


@dataclass(frozen=True, kw_only=True)
class RunFigures:
    """One run with its plan's progress."""

    id: int
    platform: str
    mode: str
    state: str
    cause: str | None
    planned: int
    achieved: int
    tasks: dict[str, int]
    started_at: datetime
    ended_at: datetime | None
    field_coverage: dict[str, Any] | None


@dataclass(frozen=True, kw_only=True)
class Summary:
    """All figures of a corpus, or of some of its runs."""

    corpus: str
    bytes: int
    shorts: int
    pictures: int
    platforms: list[PlatformFigures]
    runs: list[RunFigures]
    values: dict[str, dict[str, int]]
    """Shorts per value, by the source of the label; `query` is what they were collected under."""
    topics: dict[str, dict[str, int]]
    answers: dict[str, Any]
    events: list[dict[str, Any]]

    def to_json(self) -> dict[str, Any]:
        """Plain data, times in ISO format."""
        plain: dict[str, Any] = _plain(asdict(self))
        return plain


CRAWLED = ("search", "feed", "revisit")
"""Modes of runs that look at a platform; the run of a benchmark asks about what is there."""


def summarise(database: Database, run_ids: Sequence[int] | None = None) -> Summary:
    """Figures of the whole corpus, or of these runs where they are given (labels are always the corpus's)."""
    with database.read() as session:
        ids = None if run_ids is None else list(run_ids)
        rows = session.scalars(select(Run).order_by(Run.id)).all()
        runs = [row for row in rows if ids is None or row.id in ids]
        return Summary(
            corpus=str(database.path),
            bytes=_pragma(session, "page_count") * _pragma(session, "page_size"),
            shorts=session.scalar(select(func.count()).select_from(Short)) or 0,
            pictures=session.scalar(select(func.count()).select_from(Image).where(Image.role == "screen")) or 0,
            platforms=[
                _platform(session, name, [row.id for row in runs if row.platform == name])
                for name in dict.fromkeys(row.platform for row in runs if row.mode in CRAWLED)
            ],
            runs=[_run(session, row) for row in runs],
            values=label_counts(session, LabelKind.VALUE),
            topics=label_counts(session, LabelKind.TOPIC),
            answers=answer_totals(session, ids),
            events=[
                {"at": row.at, "kind": row.kind, "detail": row.detail}
                for row in session.scalars(select(Event).order_by(Event.id.desc()).limit(LAST_EVENTS))
            ],
        )


def newest_runs(session: Session, most: int) -> list[RunFigures]:
    """The newest so many runs, oldest first: what a display can refresh every few seconds."""
    rows = session.scalars(select(Run).order_by(Run.id.desc()).limit(most)).all()
    return [_run(session, row) for row in rows[::-1]]


def _pragma(session: Session, name: str) -> int:
    return int(session.connection().exec_driver_sql(f"PRAGMA {name}").scalar_one())


def _platform(session: Session, name: str, run_ids: list[int]) -> PlatformFigures:
    mine = Exposure.run_id.in_(run_ids)

    def grouped(column: Any, *where: Any) -> dict[str, int]:
        rows = session.execute(select(column, func.count()).where(mine, *where).group_by(column).order_by(column))
        return {str(key): count for key, count in rows if key is not None}

    def by_cause(outcome: Outcome) -> dict[str, int]:
        return grouped(Exposure.cause, Exposure.outcome == outcome.value)

    seen, new, judged, late, seconds = session.execute(
        select(
            func.count(),
            func.sum(case((Exposure.is_new, 1), else_=0)),
            func.count(Exposure.decision),
            func.sum(case((Exposure.late.is_(True), 1), else_=0)),
            func.sum(Exposure.seconds_on_screen),
        ).where(mine)
    ).one()
    by_rows = session.execute(
        select(Image.duplicate_by, func.count())
        .join(Exposure, Exposure.frame_image_id == Image.id)
        .where(mine, Image.duplicate_by.is_not(None))
        .group_by(Image.duplicate_by)
    )
    actions = grouped(Exposure.action)
    return PlatformFigures(
        platform=name,
        seen=seen,
        new=int(new or 0),
        duplicate=judged - int(new or 0),
        duplicates_by={str(by): count for by, count in by_rows},
        watched=actions.get(Action.WATCH, 0),
        scrolled=actions.get(Action.SCROLL, 0),
        late=int(late or 0),
        skipped=by_cause(Outcome.SKIPPED),
        unavailable=by_cause(Outcome.UNAVAILABLE),
        failed=by_cause(Outcome.FAILED),
        interrupted=grouped(Exposure.outcome).get(Outcome.INTERRUPTED, 0),
        decisions=grouped(Exposure.decision),
        seconds_on_screen=float(seconds or 0.0),
    )


def _run(session: Session, row: Run) -> RunFigures:
    assert row.plan_run_id is not None
    quota, taken = planned(session, row.plan_run_id)
    states = session.execute(
        select(Task.state, func.count()).where(Task.run_id == row.plan_run_id).group_by(Task.state)
    )
    return RunFigures(
        id=row.id,
        platform=row.platform,
        mode=row.mode,
        state=row.state,
        cause=row.cause,
        planned=quota,
        achieved=taken,
        tasks={str(state): count for state, count in states},
        started_at=row.started_at,
        ended_at=row.ended_at,
        field_coverage=row.field_coverage,
    )


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
