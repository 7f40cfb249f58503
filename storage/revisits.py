"""Shorts that are opened again by their ids, and whether they are still what they were.

A manifest's shorts, or those of one's own corpus, wait as rows and are worked off in their order; each row ends with
one outcome. Whether a picture is the same is told by the bits between two hashes of one recipe, of frames of one
source at the same media time; anything else is *not comparable*.
"""

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from storage.database import Database
from storage.images import read_picture
from storage.looks import RECIPE, look_at
from storage.manifest import Published
from storage.models import Exposure, Image, Observation, Revisit, Run, Short, Task
from storage.pseudonyms import Pseudonyms
from storage.quotas import continue_runs
from storage.records import Label, LabelKind, Picture, Record, Stance
from storage.removals import Removals
from storage.tasks import Now

SAME_BITS = 6
"""Frames of the same moment of the same video are at most so many bits apart; what an encoder and a step of one frame
change. Two different videos are about 32 apart."""
SAME_MOMENT = 0.1
"""Seconds of media time within which two frames are of the same moment."""


class Was(StrEnum):
    """What became of a short."""

    FOUND = "found"
    CHANGED = "changed"
    NOT_COMPARABLE = "not_comparable"
    """It is there, and nobody can tell whether it is the same."""
    GONE = "gone"
    PRIVATE = "private"
    AGE = "age"
    REGION = "region"
    FAILED = "failed"
    FORGOTTEN = "forgotten"
    """Removed here on request: not opened, or not kept."""


THERE = (Was.FOUND, Was.CHANGED, Was.NOT_COMPARABLE)
UNAVAILABLE = {"removed": Was.GONE, "private": Was.PRIVATE, "age": Was.AGE, "region": Was.REGION}
"""Outcomes by the cause that a platform names."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a look at a short says."""

    outcome: Was
    cause: str | None = None
    distance: int | None = None
    """Bits of 64."""


@dataclass(frozen=True, kw_only=True)
class RevisitItem:
    """A short whose turn it is."""

    id: int
    platform: str
    platform_id: str
    expected: dict[str, Any]

    @property
    def media_time(self) -> float | None:
        """Seconds at which its picture was taken."""
        return self.expected.get("media_time")

    @property
    def labels(self) -> list[Label]:
        """As they were published."""
        return [
            Label(**{**one, "kind": LabelKind(one["kind"]), "stance": one["stance"] and Stance(one["stance"])})
            for one in self.expected.get("labels", [])
        ]


def compare(expected: dict[str, Any], frame: Picture) -> Verdict:
    """Whether a frame shows what was published. Pure."""
    if not expected.get("phash"):
        return Verdict(outcome=Was.NOT_COMPARABLE, cause="no hash was published")
    if expected.get("hash_recipe") != RECIPE:
        return Verdict(outcome=Was.NOT_COMPARABLE, cause=f"hash of another recipe ({expected.get('hash_recipe')})")
    if expected.get("frame_source") != frame.source:
        return Verdict(outcome=Was.NOT_COMPARABLE, cause=f"another source ({expected.get('frame_source')})")
    then, now = expected.get("media_time"), frame.media_time
    if then is None or now is None or abs(now - then) > SAME_MOMENT:
        return Verdict(outcome=Was.NOT_COMPARABLE, cause=f"another moment ({then} s, {now} s)")
    bits = look_at(frame.data).bits
    if bits is None:
        return Verdict(outcome=Was.CHANGED, cause="flat")
    distance = (bits ^ int(expected["phash"], 16)).bit_count()
    return Verdict(outcome=Was.FOUND if distance <= SAME_BITS else Was.CHANGED, distance=distance)


class Revisits:
    """The rows of a corpus."""

    def __init__(self, database: Database, pseudonyms: Pseudonyms, removals: Removals, now: Now) -> None:
        self._database = database
        self._pseudonyms = pseudonyms
        self._removals = removals
        self._now = now

    def begin(self, plan_run_id: int, shorts: Sequence[Published]) -> None:
        """Write what is to be opened, unless an earlier command of the same run has."""
        with self._database.write() as session:
            if session.scalar(select(Revisit.id).where(Revisit.run_id == plan_run_id).limit(1)) is not None:
                return
            session.add_all(
                Revisit(
                    run_id=plan_run_id,
                    position=position,
                    platform=short.platform,
                    platform_id=short.platform_id,
                    expected=short.to_json(),
                    outcome=None,
                    cause=None,
                    distance=None,
                    at=None,
                )
                for position, short in enumerate(shorts)
            )

    def next(self, plan_run_id: int) -> RevisitItem | None:
        """The next short to open. What was removed on request is closed unopened."""
        waiting = select(Revisit).where(
            Revisit.run_id == plan_run_id, Revisit.outcome.is_(None), Revisit.platform_id.is_not(None)
        )
        with self._database.write() as session:
            while (row := session.scalars(waiting.order_by(Revisit.position).limit(1)).first()) is not None:
                assert row.platform_id is not None
                if not self._removals.cover(row.platform, row.platform_id, None):
                    return RevisitItem(
                        id=row.id, platform=row.platform, platform_id=row.platform_id, expected=row.expected
                    )
                forget_row(row, self._now())
                session.flush()
            return None

    def close(self, item: RevisitItem, verdict: Verdict) -> None:
        """Write what became of a short."""
        with self._database.write() as session:
            row = session.get_one(Revisit, item.id)
            if verdict.outcome is Was.FORGOTTEN:
                forget_row(row, self._now())
                return
            row.outcome, row.cause, row.distance = verdict.outcome.value, verdict.cause, verdict.distance
            row.at = self._now()

    def retry_failed(self, plan_run_ids: Sequence[int], at: datetime) -> int:
        """Let those that failed wait again, and their runs go on; returns how many."""
        failed = (Revisit.run_id.in_(plan_run_ids), Revisit.outcome == Was.FAILED.value)
        with self._database.write() as session:
            count = session.scalar(select(func.count()).where(*failed)) or 0
            runs = set(session.scalars(select(Revisit.run_id).where(*failed).distinct()))
            session.execute(update(Revisit).where(*failed).values(outcome=None, cause=None, at=None))
            tasks = update(Task).where(Task.run_id.in_(runs))
            session.execute(tasks.values(state="pending", quota=Task.taken + count, updated_at=at))
            continue_runs(session, runs)
            return count

    def closed(self, plan_run_ids: Sequence[int], since: datetime) -> list[datetime]:
        """When rows were closed since then, in order."""
        with self._database.read() as session:
            at = select(Revisit.at).where(Revisit.run_id.in_(plan_run_ids), Revisit.at >= since).order_by(Revisit.at)
            return [moment for moment in session.scalars(at) if moment is not None]

    def counts(self, plan_run_ids: Sequence[int]) -> Counter[str]:
        """Shorts by outcome; `waiting` are those without one."""
        found: Counter[str] = Counter()
        for by_outcome in self.table(plan_run_ids).values():
            found += by_outcome
        return found

    def table(self, plan_run_ids: Sequence[int]) -> dict[str, Counter[str]]:
        """Shorts by platform and outcome."""
        with self._database.read() as session:
            rows = session.execute(
                select(Revisit.platform, func.coalesce(Revisit.outcome, "waiting"), func.count())
                .where(Revisit.run_id.in_(plan_run_ids))
                .group_by(Revisit.platform, Revisit.outcome)
                .order_by(Revisit.platform)
            )
            found: dict[str, Counter[str]] = {}
            for platform, outcome, count in rows:
                found.setdefault(platform, Counter())[outcome] = count
            return found

    def captured(self, plan_run_id: int, item: RevisitItem) -> tuple[int, Picture] | None:
        """Id and frame of a short that this run captured before it was killed; None where it did not."""
        shown = (
            select(Exposure.short_id, Exposure.frame_image_id)
            .join(Run, Run.id == Exposure.run_id)
            .join(Short, Short.id == Exposure.short_id)
            .where(Run.plan_run_id == plan_run_id, Short.platform == item.platform)
            .where(Short.platform_id == item.platform_id, Exposure.frame_image_id.is_not(None))
        )
        with self._database.read() as session:
            row = session.execute(shown.order_by(Exposure.id).limit(1)).first()
            if row is None or row[0] is None or row[1] is None:
                return None
            return row[0], read_picture(session, row[1])

    def observe(self, item: RevisitItem, record: Record, run_id: int) -> None:
        """Note what the site says now of a short that is in the corpus: caption and counts, with their time (D5)."""
        clean = self._pseudonyms.record(record)
        with self._database.write() as session:
            short_id = session.scalar(
                select(Short.id).where(Short.platform == item.platform, Short.platform_id == item.platform_id)
            )
            if short_id is None:
                return
            session.add(
                Observation(
                    short_id=short_id,
                    run_id=run_id,
                    seen_at=self._now(),
                    caption=clean.caption,
                    hashtags=list(clean.hashtags),
                    views=clean.views,
                    likes=clean.likes,
                    comments=clean.comments,
                    shares=clean.shares,
                )
            )

    def rows(self, plan_run_ids: Sequence[int]) -> Iterator[dict[str, Any]]:
        """Every row, for the report."""
        with self._database.read() as session:
            order = (Revisit.platform, Revisit.run_id, Revisit.position)
            for row in session.scalars(select(Revisit).where(Revisit.run_id.in_(plan_run_ids)).order_by(*order)):
                yield {
                    "platform": row.platform,
                    "platform_id": row.platform_id,
                    "outcome": row.outcome,
                    "cause": row.cause,
                    "distance": row.distance,
                    "at": row.at and row.at.isoformat(),
                }


REPORT_COLUMNS = ("platform", "platform_id", "outcome", "cause", "distance", "at")


def write_report(rows: Iterator[dict[str, Any]], path: Path) -> None:
    """A CSV file with a line a short."""
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, REPORT_COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


def forget_row(row: Revisit, at: datetime) -> None:
    """A short that is to be gone from here: that there was one is all that stays."""
    row.platform_id, row.expected, row.outcome = None, {}, row.outcome or Was.FORGOTTEN.value
    row.cause, row.at = None, row.at or at


def own_shorts(session: Session, platforms: Sequence[str], before: datetime | None) -> dict[str, list[Published]]:
    """The captured shorts of a corpus by platform, as a manifest would name them.

    Args:
        platforms: only these, where some are given.
        before: only those that were neither shown nor opened again since.
    """
    first = select(func.min(Image.id)).where(Image.role == "frame").group_by(Image.short_id)
    query = (
        select(Short.platform, Short.platform_id, Image)
        .join(Image, Image.short_id == Short.id)
        .where(Image.id.in_(first))
        .order_by(Short.id)
    )
    if platforms:
        query = query.where(Short.platform.in_(platforms))
    if before is not None:
        shown = select(Exposure.short_id).where(Exposure.shown_at >= before, Exposure.short_id.is_not(None))
        opened = select(Revisit.id).where(
            Revisit.platform == Short.platform, Revisit.platform_id == Short.platform_id, Revisit.at >= before
        )
        query = query.where(Short.id.not_in(shown), ~opened.exists())
    found: dict[str, list[Published]] = {}
    for platform, platform_id, frame in session.execute(query):
        found.setdefault(platform, []).append(
            Published(
                platform=platform,
                platform_id=platform_id,
                media_time=frame.media_time,
                frame_source=frame.source,
                phash=frame.phash,
                hash_recipe=frame.hash_recipe,
                frame_sha256=frame.sha256,
            )
        )
    return found


def lost(session: Session, platforms: Sequence[str], outcomes: Sequence[Was]) -> list[tuple[str, str]]:
    """Platform and id of the corpus's shorts whose newest look at them ended so, oldest first."""
    newest = (
        select(func.max(Revisit.id))
        .where(Revisit.outcome.is_not(None), Revisit.platform_id.is_not(None))
        .group_by(Revisit.platform, Revisit.platform_id)
    )
    query = (
        select(Short.platform, Short.platform_id)
        .join(Revisit, (Revisit.platform == Short.platform) & (Revisit.platform_id == Short.platform_id))
        .where(Revisit.id.in_(newest), Revisit.outcome.in_([one.value for one in outcomes]))
        .order_by(Short.id)
    )
    if platforms:
        query = query.where(Short.platform.in_(platforms))
    return [(row[0], row[1]) for row in session.execute(query)]
