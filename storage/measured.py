"""What a measurement of models reads from a corpus beside its pictures: when shorts came out, how long models took."""

from sqlalchemy import func, select

from storage.database import Database
from storage.models import Answer, Event, Run, Short


def publication_months(database: Database) -> dict[tuple[str, str], str | None]:
    """The month of publication (`2026-03`, UTC) of every short by (platform, platform id); None where unknown."""
    with database.read() as session:
        rows = session.execute(select(Short.platform, Short.platform_id, Short.published))
        return {(row[0], row[1]): None if row[2] is None else f"{row[2]:%Y-%m}" for row in rows}


def mean_milliseconds(database: Database, model: str) -> float | None:
    """Of the answers that a model gave in this corpus; None where it gave none."""
    with database.read() as session:
        return session.scalar(select(func.avg(Answer.milliseconds)).where(Answer.model == model))


def has_event(database: Database, kind: str, field: str, value: str) -> bool:
    """Whether the corpus's history holds an event of this kind whose detail has this value in this field."""
    with database.read() as session:
        found = select(Event.id).where(Event.kind == kind, Event.detail[field].as_string() == value)
        return session.scalars(found).first() is not None


def runs_of_plan(database: Database, plan_hash: str, seed: int) -> list[int]:
    """Ids of all runs of a plan, oldest first."""
    with database.read() as session:
        runs = select(Run.id).where(Run.plan_hash == plan_hash, Run.seed == seed).order_by(Run.id)
        return list(session.scalars(runs))
