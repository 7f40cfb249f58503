"""Which shorts of a corpus are looked at, and what a table or a contact sheet says of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session, aliased

from storage.database import Database
from storage.models import Exposure, Image, LabelRow, Observation, Run, Short
from storage.records import QUERY_SOURCE, LabelKind, Stance

ShortIds = npt.NDArray[np.int64]
REJECTED = (Stance.NONE.value,)
"""Stances that say that a short does not concern the name at all."""


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Filters, all of which must hold; None or empty holds for every captured short."""

    platforms: tuple[str, ...] = ()
    value: str | None = None
    topic: str | None = None
    source: str | None = None
    """Who says value and topic; None is anybody who looked, which `query` (collected under) did not (D15)."""
    since: datetime | None = None
    """First seen at this moment or later."""
    until: datetime | None = None
    """First seen before."""
    decision: str | None = None
    """yes, no, refused or unreadable, in one showing at least (of `mode`, where that is given)."""
    mode: str | None = None
    """search or feed: shown so at least once."""
    distinct: bool = False
    """Only shorts whose picture is no duplicate of another one's."""


@dataclass(frozen=True, kw_only=True)
class ShortCard:
    """What is said of a short where it is listed."""

    short_id: int
    platform: str
    platform_id: str
    url: str | None
    author: str | None
    """HMAC of the handle (D17)."""
    caption: str | None
    language: str | None
    first_seen: datetime
    screen_image_id: int
    screen_sha256: str
    frame_sha256: str
    duplicate_of: int | None
    """Id of the picture that its frame equals."""
    decisions: tuple[str, ...]
    """In order of showing."""
    labels: tuple[tuple[str, str, str], ...]
    """(kind, name, source), the query's among them."""


def select_shorts(database: Database, selection: Selection) -> ShortIds:
    """Ids of the captured shorts that a selection holds for, ascending."""
    shown = exists().where(Exposure.short_id == Short.id, Exposure.frame_image_id.is_not(None))
    if selection.decision is not None:
        shown = shown.where(Exposure.decision == selection.decision)
    if selection.mode is not None:
        shown = shown.where(Exposure.run_id == Run.id, Run.mode == selection.mode)
    query = select(Short.id).where(shown).order_by(Short.id)
    if selection.platforms:
        query = query.where(Short.platform.in_(selection.platforms))
    for kind, name in ((LabelKind.VALUE, selection.value), (LabelKind.TOPIC, selection.topic)):
        if name is not None:
            query = query.where(_labelled(kind, name, selection.source))
    if selection.since is not None:
        query = query.where(Short.first_seen >= selection.since)
    if selection.until is not None:
        query = query.where(Short.first_seen < selection.until)
    if selection.distinct:
        original = exists().where(
            Image.id.in_(_first_frames()), Image.short_id == Short.id, Image.duplicate_of.is_(None)
        )
        query = query.where(original)
    with database.read() as session:
        return np.fromiter(session.scalars(query), np.int64)


def label_names(database: Database, kind: LabelKind) -> list[str]:
    """What shorts are labelled with, by whomever, in alphabetic order."""
    query = select(LabelRow.name).where(LabelRow.kind == kind.value).distinct().order_by(LabelRow.name)
    with database.read() as session:
        return list(session.scalars(query))


def label_sources(database: Database, kind: LabelKind, name: str) -> list[str]:
    """Who has labelled a short so, in alphabetic order."""
    query = (
        select(LabelRow.source)
        .where(LabelRow.kind == kind.value, LabelRow.name == name)
        .distinct()
        .order_by(LabelRow.source)
    )
    with database.read() as session:
        return list(session.scalars(query))


def describe_shorts(database: Database, short_ids: Sequence[int]) -> list[ShortCard]:
    """The cards of captured shorts, in the given order."""
    with database.read() as session:
        return [_card(session, int(short_id)) for short_id in short_ids]


def _labelled(kind: LabelKind, name: str, source: str | None) -> Any:
    said = exists().where(
        LabelRow.short_id == Short.id,
        LabelRow.kind == kind.value,
        LabelRow.name == name,
        LabelRow.stance.is_(None) | LabelRow.stance.not_in(REJECTED),
    )
    return said.where(LabelRow.source != QUERY_SOURCE if source is None else LabelRow.source == source)


def _first_frames() -> Any:
    return select(func.min(Image.id)).where(Image.role == "frame").group_by(Image.short_id)


def _card(session: Session, short_id: int) -> ShortCard:
    screen, frame = aliased(Image), aliased(Image)
    short, shown_screen, shown_frame = session.execute(
        select(Short, screen, frame)
        .join(Exposure, Exposure.short_id == Short.id)
        .join(screen, screen.id == Exposure.screen_image_id)
        .join(frame, frame.id == Exposure.frame_image_id)
        .where(Short.id == short_id)
        .order_by(Exposure.id)
        .limit(1)
    ).one()
    caption = session.scalars(
        select(Observation.caption)
        .where(Observation.short_id == short_id, Observation.caption.is_not(None))
        .order_by(Observation.id.desc())
    ).first()
    decisions = session.scalars(
        select(Exposure.decision)
        .where(Exposure.short_id == short_id, Exposure.decision.is_not(None))
        .order_by(Exposure.id)
    )
    labels = session.execute(
        select(LabelRow.kind, LabelRow.name, LabelRow.source).where(LabelRow.short_id == short_id).order_by(LabelRow.id)
    )
    return ShortCard(
        short_id=short_id,
        platform=short.platform,
        platform_id=short.platform_id,
        url=short.url,
        author=short.author,
        caption=caption,
        language=short.language,
        first_seen=short.first_seen,
        screen_image_id=shown_screen.id,
        screen_sha256=shown_screen.sha256,
        frame_sha256=shown_frame.sha256,
        duplicate_of=shown_frame.duplicate_of,
        decisions=tuple(decision for decision in decisions if decision is not None),
        labels=tuple((kind, name, source) for kind, name, source in labels),
    )
