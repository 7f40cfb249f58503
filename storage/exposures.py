"""What was shown, kept whole or not at all (D1, D4): short, pictures, labels and exposure in one transaction."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from storage.database import Database
from storage.dedupe import Deduplicator, mark
from storage.images import keep_bytes
from storage.labels import insert_labels
from storage.looks import StoredPictures, keep_look, look_at
from storage.models import Exposure, Image, Listing, Observation, Short, Task
from storage.pseudonyms import Pseudonyms
from storage.records import (
    QUERY_SOURCE,
    Action,
    Decision,
    Label,
    LabelKind,
    Outcome,
    Picture,
    Record,
)
from storage.tasks import ListingItem, Now, TaskItem, record_to_json


@dataclass(frozen=True, kw_only=True)
class NewExposure:
    """A short that was captured and decided, before the action."""

    run_id: int
    task: TaskItem
    listing: ListingItem | None
    record: Record
    screen: Picture
    frame: Picture
    decision: Decision
    labels: tuple[Label, ...]
    action: Action
    late: bool
    decide_window: float
    planned_dwell: float
    profile_id: str
    shown_at: datetime
    counted: bool = False
    """Counts towards the task's quota even where the corpus has its short or picture already."""


@dataclass(frozen=True, kw_only=True)
class StoredExposure:
    """What became of it. `duplicate_of` is the platform id of the short whose picture it equals."""

    exposure_id: int
    short_id: int
    is_new: bool
    duplicate_of: str | None
    distance: int | None


@dataclass(frozen=True, kw_only=True)
class LastExposure:
    """The newest exposure of a task."""

    platform_id: str | None
    outcome: str
    planned_dwell: float | None
    """None for what was not judged."""

    def same_showing(self, record: Record) -> bool:
        """True if a feed that is opened again begins with what it showed last: it was seen and decided already."""
        return self.platform_id is not None and self.platform_id == record.platform_id


class Exposures:
    """Writes exposures; keeps the hashes of the corpus's frames in memory for the duplicate check."""

    def __init__(self, database: Database, pseudonyms: Pseudonyms, now: Now) -> None:
        self._database = database
        self._pseudonyms = pseudonyms
        self._now = now
        with database.read() as session:
            self._known = Deduplicator.load(session)
        self._of_profile: Counter[str] = Counter()

    def store(self, new: NewExposure) -> StoredExposure:
        """Commit a short with its pictures, labels and its exposure as `open`, in one transaction.

        Raises:
            StorageFull, CorpusUnusable: nothing of it is stored then.
        """
        record = self._recorded(new.record, new.listing)
        look = look_at(new.frame.data)
        with self._database.write() as session:
            before = self._profile_exposures(session, new.profile_id)
            short, first_time = self._short(session, record, new.run_id)
            self._observe(session, short.id, record, new.run_id)
            screen = self._image(session, short.id, new.screen)
            frame = self._image(session, short.id, new.frame)
            keep_look(session, frame, look)
            match = mark(session, self._known, frame, look, StoredPictures(session))
            query = (
                [Label(kind=LabelKind.VALUE, name=new.task.value, source=QUERY_SOURCE)]
                if new.task.value is not None and new.task.mode == "search"
                else []
            )
            insert_labels(session, short.id, [*query, *new.labels], new.run_id, self._now())
            is_new = first_time and match is None
            row = Exposure(
                run_id=new.run_id,
                task_id=new.task.id,
                position=_next_position(session, new.task.id),
                platform_id=record.platform_id,
                short_id=short.id,
                record=None,
                kind=record.kind.value,
                is_new=is_new,
                outcome=Outcome.OPEN.value,
                cause=None,
                decision=new.decision.verdict.value,
                decider=new.decision.decider,
                score=new.decision.score,
                reason=new.decision.reason,
                answer_id=new.decision.answer_id,
                action=new.action.value,
                late=new.late,
                decide_window=new.decide_window,
                planned_dwell=new.planned_dwell,
                seconds_on_screen=None,
                media_seconds=None,
                like=None,
                screen_image_id=screen.id,
                frame_image_id=frame.id,
                profile_id=new.profile_id,
                profile_exposures=before,
                shown_at=new.shown_at,
                ended_at=None,
            )
            session.add(row)
            _close_listing(session, new.listing, "opened", None)
            if is_new or new.counted:
                _count(session, new.task.id, self._now())
            duplicate_of = None if match is None else _platform_id(session, match.image_id)
            session.flush()
            stored = StoredExposure(
                exposure_id=row.id,
                short_id=short.id,
                is_new=is_new,
                duplicate_of=duplicate_of,
                distance=None if match is None else match.distance,
            )
            frame_id, sha256 = frame.id, frame.sha256
        # Only now: had the commit failed, the array would hold a picture that the corpus does not.
        self._known.add(frame_id, sha256, look, match)
        self._of_profile[new.profile_id] += 1
        return stored

    def store_unseen(
        self,
        *,
        run_id: int,
        task: TaskItem,
        listing: ListingItem | None,
        record: Record,
        outcome: Outcome,
        cause: str,
        profile_id: str,
        shown_at: datetime,
    ) -> None:
        """Record an item that was not judged: an ad, live room or photo post, an unavailable or failed short (D5)."""
        record = self._recorded(record, listing)
        states = {Outcome.SKIPPED: "skipped", Outcome.UNAVAILABLE: "unavailable"}
        with self._database.write() as session:
            before = self._profile_exposures(session, profile_id)
            session.add(
                Exposure(
                    run_id=run_id,
                    task_id=task.id,
                    position=_next_position(session, task.id),
                    platform_id=record.platform_id,
                    short_id=None,
                    record=record_to_json(record),
                    kind=record.kind.value,
                    is_new=False,
                    outcome=outcome.value,
                    cause=cause,
                    action=Action.SKIP.value,
                    profile_id=profile_id,
                    profile_exposures=before,
                    shown_at=shown_at,
                    ended_at=self._now(),
                )
            )
            _close_listing(session, listing, states.get(outcome, "failed"), cause)
        self._of_profile[profile_id] += 1

    def close(
        self,
        exposure_id: int,
        outcome: Outcome,
        *,
        seconds_on_screen: float,
        media_seconds: float | None,
        like: str | None,
        ended_at: datetime,
    ) -> None:
        """Write how an exposure ended."""
        with self._database.write() as session:
            session.execute(
                update(Exposure)
                .where(Exposure.id == exposure_id)
                .values(
                    outcome=outcome.value,
                    seconds_on_screen=round(seconds_on_screen, 3),
                    like=like,
                    ended_at=ended_at,
                    media_seconds=None if media_seconds is None else round(media_seconds, 3),
                )
            )

    def last(self, task: TaskItem) -> LastExposure | None:
        """The newest exposure of a task."""
        with self._database.read() as session:
            row = session.scalars(
                select(Exposure).where(Exposure.task_id == task.id).order_by(Exposure.position.desc())
            ).first()
            if row is None:
                return None
            return LastExposure(platform_id=row.platform_id, outcome=row.outcome, planned_dwell=row.planned_dwell)

    def times_shown(self, task: TaskItem, platform_id: str) -> int:
        """How often a task has shown a short already; a repeated exposure is an epoch of its own (D14)."""
        with self._database.read() as session:
            query = select(func.count()).where(Exposure.task_id == task.id, Exposure.platform_id == platform_id)
            return session.scalar(query) or 0

    def _recorded(self, record: Record, listing: ListingItem | None) -> Record:
        """The record without handles, its gaps filled from the result list."""
        clean = self._pseudonyms.record(record)
        return clean.completed_by(listing.record) if listing else clean

    def _short(self, session: Session, record: Record, run_id: int) -> tuple[Short, bool]:
        row = session.scalars(
            select(Short).where(Short.platform == record.platform, Short.platform_id == record.platform_id)
        ).first()
        if row is not None:
            return row, False
        row = Short(
            platform=record.platform,
            platform_id=record.platform_id,
            kind=record.kind.value,
            url=record.url,
            author=record.author,
            duration=record.duration,
            published=record.published,
            language=record.language,
            sound=record.sound,
            paid_partnership=record.paid_partnership,
            ai_generated=record.ai_generated,
            subtitles=record.subtitles,
            extra=record.extra,
            first_run_id=run_id,
            first_seen=self._now(),
        )
        session.add(row)
        session.flush()
        return row, True

    def _observe(self, session: Session, short_id: int, record: Record, run_id: int) -> None:
        session.add(
            Observation(
                short_id=short_id,
                run_id=run_id,
                seen_at=self._now(),
                caption=record.caption,
                hashtags=list(record.hashtags),
                views=record.views,
                likes=record.likes,
                comments=record.comments,
                shares=record.shares,
            )
        )

    def _image(self, session: Session, short_id: int, picture: Picture) -> Image:
        row = Image(
            short_id=short_id,
            role=picture.role,
            source=picture.source,
            method=picture.method,
            media_time=picture.media_time,
            width=picture.width,
            height=picture.height,
            sha256=keep_bytes(session, picture.data),
            taken_at=self._now(),
        )
        session.add(row)
        session.flush()
        return row

    def _profile_exposures(self, session: Session, profile_id: str) -> int:
        if profile_id not in self._of_profile:
            query = select(func.count()).where(Exposure.profile_id == profile_id)
            self._of_profile[profile_id] = session.scalar(query) or 0
        return self._of_profile[profile_id]


def _next_position(session: Session, task_id: int) -> int:
    last: Any = session.scalar(select(func.max(Exposure.position)).where(Exposure.task_id == task_id))
    return 0 if last is None else last + 1


def _close_listing(session: Session, listing: ListingItem | None, state: str, cause: str | None) -> None:
    if listing is not None:
        session.execute(update(Listing).where(Listing.id == listing.id).values(state=state, cause=cause))


def _count(session: Session, task_id: int, at: datetime) -> None:
    row = session.get_one(Task, task_id)
    row.taken += 1
    row.updated_at = at
    if row.taken >= row.quota:
        row.state = "done"


def _platform_id(session: Session, image_id: int) -> str | None:
    return session.scalar(select(Short.platform_id).join(Image, Image.short_id == Short.id).where(Image.id == image_id))
