"""Statements about shorts by named sources (D15), and the stored shorts that a source has not labelled yet."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import exists, func, select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.orm import Session

from storage.database import Database
from storage.images import read_picture
from storage.models import Exposure, LabelRow, Observation, Run, Short
from storage.records import Kind, Label, Picture, Record
from storage.tasks import Now


@dataclass(frozen=True, kw_only=True)
class StoredShort:
    """A short with the pictures of its first exposure."""

    short_id: int
    run_id: int
    record: Record
    screen: Picture
    frame: Picture


class Labels:
    """The labels of a corpus."""

    def __init__(self, database: Database, now: Now) -> None:
        self._database = database
        self._now = now

    def add(self, short_id: int, labels: Sequence[Label], *, run_id: int | None = None) -> None:
        """Add what one source says of a short; what it said before stands."""
        with self._database.write() as session:
            insert_labels(session, short_id, labels, run_id, self._now())

    def without(
        self, source: str, *, plan_run_id: int | None = None, limit: int | None = None, unanswered: bool = False
    ) -> list[int]:
        """Ids of captured shorts that this source has said nothing about, oldest first.

        Args:
            unanswered: only those that no model's answer has labelled either, whatever its source is called.
        """
        said = exists().where(LabelRow.short_id == Short.id, LabelRow.source == source)
        query = select(Short.id).where(~said, Short.id.in_(_captured(plan_run_id))).order_by(Short.id).limit(limit)
        if unanswered:
            query = query.where(~exists().where(LabelRow.short_id == Short.id, LabelRow.answer_id.is_not(None)))
        with self._database.read() as session:
            return list(session.scalars(query))

    def short(self, short_id: int) -> StoredShort:
        """A stored short with pictures and its newest caption."""
        with self._database.read() as session:
            row = session.get_one(Short, short_id)
            shown = session.scalars(
                select(Exposure)
                .where(Exposure.short_id == short_id, Exposure.frame_image_id.is_not(None))
                .order_by(Exposure.id)
            ).first()
            assert shown is not None
            assert shown.screen_image_id is not None
            assert shown.frame_image_id is not None
            said = session.scalars(
                select(Observation).where(Observation.short_id == short_id).order_by(Observation.id.desc())
            ).first()
            record = Record(
                platform=row.platform,
                platform_id=row.platform_id,
                kind=Kind(row.kind),
                url=row.url,
                caption=said.caption if said else None,
                author=row.author,
                hashtags=tuple(said.hashtags) if said else (),
                duration=row.duration,
                published=row.published,
                language=row.language,
                sound=row.sound,
                paid_partnership=row.paid_partnership,
                ai_generated=row.ai_generated,
                subtitles=row.subtitles,
                extra=row.extra,
            )
            return StoredShort(
                short_id=short_id,
                run_id=shown.run_id,
                record=record,
                screen=read_picture(session, shown.screen_image_id),
                frame=read_picture(session, shown.frame_image_id),
            )


def insert_labels(session: Session, short_id: int, labels: Sequence[Label], run_id: int | None, at: datetime) -> None:
    """Write labels; one that the same source gave before is kept as it was."""
    for label in labels:
        row = insert(LabelRow).values(
            short_id=short_id,
            kind=label.kind.value,
            name=label.name,
            source=label.source,
            stance=None if label.stance is None else label.stance.value,
            score=label.score,
            model=label.model,
            answer_id=label.answer_id,
            run_id=run_id,
            made_at=at,
        )
        session.execute(row.on_conflict_do_nothing())


def label_counts(session: Session, kind: str) -> dict[str, dict[str, int]]:
    """Number of shorts per name, by source."""
    counts: dict[str, dict[str, int]] = {}
    rows = session.execute(
        select(LabelRow.source, LabelRow.name, func.count())
        .where(LabelRow.kind == kind)
        .group_by(LabelRow.source, LabelRow.name)
        .order_by(LabelRow.source, func.count().desc(), LabelRow.name)
    )
    for source, name, count in rows:
        counts.setdefault(source, {})[name] = count
    return counts


def _captured(plan_run_id: int | None) -> Any:
    shown = select(Exposure.short_id).where(Exposure.frame_image_id.is_not(None))
    if plan_run_id is not None:
        shown = shown.join(Run, Run.id == Exposure.run_id).where(Run.plan_run_id == plan_run_id)
    return shown
