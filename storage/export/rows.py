"""What a dataset says of a short: one row, as plain data, from everything that the corpus holds of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, null, select
from sqlalchemy.orm import Session

from storage.export.schema import LABEL
from storage.models import Answer, Exposure, Image, ImageData, LabelRow, Observation, Short, Task

ROWS_AT_ONCE = 100
SUFFIXES = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}
Row = dict[str, Any]
"""By the names of `storage.export.schema.COLUMNS`."""


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """A short that is in a dataset."""

    short_id: int
    name: str
    """`platform:id`"""
    split: str
    cluster: str
    """Name of the earliest short with the same picture, its own where there is none."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A row with its picture."""

    key: str
    """File name without suffix; the same in every format."""
    row: Row
    picture: bytes
    suffix: str


def samples(session: Session, chosen: Sequence[Chosen], picture: str, *, pictures: bool = True) -> Iterator[Sample]:
    """Rows and pictures in the given order.

    Args:
        picture: `screen` (as a viewer saw it) or `frame` (clean): which one of the two the dataset shows.
        pictures: False leaves the bytes empty, for formats that have no place for them.
    """
    for start in range(0, len(chosen), ROWS_AT_ONCE):
        some = chosen[start : start + ROWS_AT_ONCE]
        found = _rows(session, some, picture)
        sha256s = {row["image_sha256"] for row in found}
        data = ImageData.data if pictures else null()
        query = select(ImageData.sha256, data, ImageData.media_type).where(ImageData.sha256.in_(sha256s))
        held = {row[0]: (row[1] or b"", row[2]) for row in session.execute(query)}
        for one, row in zip(some, found, strict=True):
            shown, media_type = held[row["image_sha256"]]
            yield Sample(key=file_key(one.name), row=row, picture=shown, suffix=SUFFIXES[media_type])


def file_key(name: str) -> str:
    """`platform:id` as a file name: WebDataset cuts a name at its first dot, and some systems know no case."""
    plain = "".join(sign if sign.isascii() and (sign.isalnum() or sign in "_-") else f"={ord(sign):x}" for sign in name)
    capitals = "".join("1" if sign.isupper() else "0" for sign in plain)
    return f"{plain}={int(capitals, 2):x}" if "1" in capitals else plain


def _rows(session: Session, chosen: Sequence[Chosen], picture: str) -> list[Row]:
    ids = [one.short_id for one in chosen]
    # Plain rows: objects of the mapped classes would take most of the time.
    shorts = {row.id: row for row in session.execute(select(Short.__table__).where(Short.id.in_(ids)))}
    shown, frames = _first_pictures(session, picture, ids), _first_pictures(session, "frame", ids)
    newest = select(func.max(Observation.id)).where(Observation.short_id.in_(ids)).group_by(Observation.short_id)
    observed = select(Observation.__table__).where(Observation.id.in_(newest))
    said = {row.short_id: row for row in session.execute(observed)}
    labels, showings, under = _labels(session, ids), _showings(session, ids), _collected_under(session, ids)
    return [
        {
            "id": one.name,
            "split": one.split,
            **_of_short(shorts[one.short_id]),
            **_of_pictures(shown[one.short_id], frames[one.short_id], picture),
            **_of_observation(said.get(one.short_id)),
            "cluster": one.cluster,
            "collected_under": under.get(one.short_id, []),
            "labels": labels.get(one.short_id, []),
            "showings": showings.get(one.short_id, []),
        }
        for one in chosen
    ]


def _first_pictures(session: Session, role: str, short_ids: Sequence[int]) -> dict[int, Any]:
    """The first picture of this role of each of these shorts."""
    first = select(func.min(Image.id)).where(Image.role == role, Image.short_id.in_(short_ids)).group_by(Image.short_id)
    rows = session.execute(select(Image.__table__).where(Image.id.in_(first)))
    return {row.short_id: row for row in rows}


def _of_short(short: Any) -> Row:
    return {
        "platform": short.platform,
        "platform_id": short.platform_id,
        "url": short.url,
        "author": short.author,
        "duration": short.duration,
        "published": _time(short.published),
        "language": short.language,
        "sound": short.sound,
        "paid_partnership": short.paid_partnership,
        "ai_generated": short.ai_generated,
        "subtitles": short.subtitles,
        "first_seen": _time(short.first_seen),
    }


def _of_pictures(shown: Any, frame: Any, role: str) -> Row:
    return {
        "picture": role,
        "width": shown.width,
        "height": shown.height,
        "image_sha256": shown.sha256,
        "media_time": frame.media_time,
        "frame_source": frame.source,
        "phash": frame.phash,
        "hash_recipe": frame.hash_recipe,
        "frame_sha256": frame.sha256,
    }


def _of_observation(said: Any) -> Row:
    if said is None:
        names = ("caption", "views", "likes", "comments", "shares", "observed")
        return {**dict.fromkeys(names), "hashtags": []}
    return {
        "caption": said.caption,
        "hashtags": list(said.hashtags),
        "views": said.views,
        "likes": said.likes,
        "comments": said.comments,
        "shares": said.shares,
        "observed": _time(said.seen_at),
    }


def _labels(session: Session, ids: Sequence[int]) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = {}
    order = (LabelRow.source, LabelRow.kind, LabelRow.name)
    columns = [getattr(LabelRow, name) for name in LABEL]
    rows = session.execute(select(LabelRow.short_id, *columns).where(LabelRow.short_id.in_(ids)).order_by(*order))
    for short_id, *label in rows:
        found.setdefault(short_id, []).append(dict(zip(LABEL, label, strict=True)))
    return found


def _showings(session: Session, ids: Sequence[int]) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = {}
    rows = session.execute(
        select(Exposure, Task.mode, Answer.persona, Answer.model)
        .join(Task, Task.id == Exposure.task_id)
        .outerjoin(Answer, Answer.id == Exposure.answer_id)
        .where(Exposure.short_id.in_(ids))
        .order_by(Exposure.id)
    )
    for exposure, mode, persona, model in rows:
        assert exposure.short_id is not None
        found.setdefault(exposure.short_id, []).append(
            {
                "shown": _time(exposure.shown_at),
                "mode": mode,
                "decision": exposure.decision,
                "decider": exposure.decider,
                "model": model,
                "persona": persona,
                "score": exposure.score,
                "reason": exposure.reason,
                "action": exposure.action,
                "seconds_on_screen": exposure.seconds_on_screen,
            }
        )
    return found


def _collected_under(session: Session, ids: Sequence[int]) -> dict[int, list[Row]]:
    """The values and keywords that were searched for when a short was shown; nothing of it is said of its content."""
    found: dict[int, list[Row]] = {}
    rows = session.execute(
        select(Exposure.short_id, Task.value, Task.keyword)
        .join(Task, Task.id == Exposure.task_id)
        .where(Exposure.short_id.in_(ids), Task.mode == "search", Task.keyword.is_not(None))
        .order_by(Exposure.id)
    )
    for short_id, value, keyword in rows:
        assert short_id is not None
        under = {"value": value, "keyword": keyword}
        if under not in found.setdefault(short_id, []):
            found[short_id].append(under)
    return found


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
