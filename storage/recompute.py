"""Moving a corpus to the present recipe: every frame is looked at again and marked again, in the order they came.

What has the present recipe is always a beginning of the frames, so that a run that was stopped goes on behind it. A
frame's exposures follow its mark (`is_new`); quotas that were filled stay filled.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from storage.database import Database
from storage.dedupe import LAST, Deduplicator, mark
from storage.looks import RECIPE, Look, StoredPictures, keep_look, look_at
from storage.models import Event, Exposure, Image, ImageData
from storage.tasks import Now

BATCH = 50
RECOMPUTE = "recompute"
_PENDING = "pending"


@dataclass(kw_only=True)
class Recomputed:
    """Counts of one run."""

    frames: int = 0
    merged: int = 0
    """By look or bytes."""
    changed: int = 0
    """Frames whose representative is another one than before, or that have one now or no more."""
    refused: int = 0
    """Frames whose bytes are no picture: marked as without content."""


def recompute(
    database: Database, now: Now, progress: Callable[[int, int], None] = lambda _done, _of: None
) -> Recomputed:
    """Look at all frames of another recipe, and at those that came after the first of them.

    Args:
        database: open for writing, with the collecting lock.
        progress: called after each commit with the frames done and their number.
    """
    figures = Recomputed()
    with database.write() as session:
        first, of = _begin(session)
    if first is None:
        return figures
    with database.read() as session:
        known = Deduplicator.load(session, before=first)
    following = first
    while True:
        with database.write() as session:
            frames = session.scalars(
                select(Image).where(Image.role == "frame", Image.id >= following).order_by(Image.id).limit(BATCH)
            ).all()
            for image in frames:
                _renew(session, known, image, figures)
            if not frames:
                detail = {"recipe": RECIPE, **vars(figures)}
                session.add(Event(kind=RECOMPUTE, detail=detail, at=now()))
                return figures
            following = frames[-1].id + 1
        progress(figures.frames, of)


def _begin(session: Session) -> tuple[int | None, int]:
    """The first frame to be done and how many there are; those behind it lose their recipe, whatever it is."""
    outdated = or_(Image.hash_recipe.is_(None), Image.hash_recipe != RECIPE)
    first = session.scalar(select(func.min(Image.id)).where(Image.role == "frame", outdated))
    behind = (Image.role == "frame", Image.id >= (LAST if first is None else first))
    session.execute(update(Image).where(*behind).values(hash_recipe=_PENDING))
    return first, session.scalar(select(func.count()).select_from(Image).where(*behind)) or 0


def _renew(session: Session, known: Deduplicator, image: Image, figures: Recomputed) -> None:
    data = session.get_one(ImageData, image.sha256).data
    before = image.duplicate_of
    try:
        look = look_at(data)
    except ValueError:
        look = Look(data=data, bits=None, sharpness=0.0, views=())
        figures.refused += 1
    keep_look(session, image, look)
    match = mark(session, known, image, look, StoredPictures(session))
    session.execute(update(Exposure).where(Exposure.frame_image_id == image.id).values(is_new=match is None))
    session.flush()
    known.add(image.id, image.sha256, look, match)
    figures.frames += 1
    figures.merged += match is not None and match.by != "id"
    figures.changed += before != image.duplicate_of
