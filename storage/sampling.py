"""What value sets and measures read from a corpus: shorts that can be drawn, by id, and what sources said of them."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from storage.database import Database
from storage.errors import CorpusUnusable
from storage.models import Event, Exposure, Image, ImageData, LabelRow, Short, Task
from storage.records import QUERY_SOURCE

CREATED = "created"
FRAME, SCREEN = "frame", "screen"


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A captured short that may stand in a value set."""

    short_id: int
    platform: str
    platform_id: str
    author: str | None
    """HMAC of the handle (D17)."""
    decider: str | None
    """Of its first showing in the mode at hand."""
    frame_sha256: str
    """The picture that is embedded: the short's first clean frame."""
    screen_sha256: str
    cluster: int
    """Id of the picture that its frame equals in the end (D7); of its own frame where it is no duplicate."""


def corpus_id(database: Database) -> str:
    """The id that a corpus got when it was made.

    Raises:
        CorpusUnusable: it was never collected into.
    """
    with database.read() as session:
        created = session.scalars(select(Event).where(Event.kind == CREATED).order_by(Event.id)).first()
    if created is None:
        raise CorpusUnusable(f"{database.path} was never collected into; collect some shorts first")
    return str(created.detail["corpus_id"])


def candidates(database: Database, mode: str | None) -> list[Candidate]:
    """The captured shorts that were shown in a mode (search or feed; None is any), in order of their ids."""
    first_shown = (
        select(func.min(Exposure.id))
        .join(Task, Task.id == Exposure.task_id)
        .where(Exposure.frame_image_id.is_not(None))
        .group_by(Exposure.short_id)
    )
    if mode is not None:
        first_shown = first_shown.where(Task.mode == mode)
    with database.read() as session:
        originals = session.execute(select(Image.id, Image.duplicate_of).where(Image.duplicate_of.is_not(None)))
        duplicates: dict[int, int | None] = {row[0]: row[1] for row in originals}
        frames, screens = _first_pictures(session, FRAME), _first_pictures(session, SCREEN)
        rows = session.execute(
            select(Short.id, Short.platform, Short.platform_id, Short.author, Exposure.decider)
            .join(Exposure, Exposure.short_id == Short.id)
            .where(Exposure.id.in_(first_shown))
            .order_by(Short.id)
        ).all()
    return [
        Candidate(
            short_id=short_id,
            platform=platform,
            platform_id=platform_id,
            author=author,
            decider=decider,
            frame_sha256=frames[short_id][1],
            screen_sha256=screens[short_id][1],
            cluster=_root(frames[short_id][0], duplicates),
        )
        for short_id, platform, platform_id, author, decider in rows
        if short_id in frames and short_id in screens
    ]


def _first_pictures(session: Session, role: str) -> dict[int, tuple[int, str]]:
    """(image id, SHA-256) of the first picture of this role, by short."""
    first = select(func.min(Image.id)).where(Image.role == role).group_by(Image.short_id)
    rows = session.execute(select(Image.short_id, Image.id, Image.sha256).where(Image.id.in_(first)))
    return {short_id: (image_id, sha256) for short_id, image_id, sha256 in rows}


def _root(image_id: int, duplicates: dict[int, int | None]) -> int:
    while (original := duplicates.get(image_id)) is not None:
        image_id = original
    return image_id


def picture_bytes(database: Database, sha256s: set[str]) -> dict[str, bytes]:
    """The pictures with these hashes, as far as the corpus has them."""
    found: dict[str, bytes] = {}
    wanted = sorted(sha256s)
    with database.read() as session:
        for start in range(0, len(wanted), 500):
            rows = session.execute(
                select(ImageData.sha256, ImageData.data).where(ImageData.sha256.in_(wanted[start : start + 500]))
            )
            found.update((row[0], row[1]) for row in rows)
    return found


def known_pictures(database: Database) -> set[str]:
    """Hashes of all pictures that the corpus holds the bytes of."""
    with database.read() as session:
        return set(session.scalars(select(ImageData.sha256)))


def short_numbers(database: Database) -> dict[str, int]:
    """The captured shorts of a corpus by `platform:id`, and by the id alone where no other platform has it."""
    with database.read() as session:
        rows = session.execute(
            select(Short.platform, Short.platform_id, Short.id)
            .where(Short.id.in_(select(Exposure.short_id).where(Exposure.frame_image_id.is_not(None))))
            .order_by(Short.id)
        ).all()
    alone: dict[str, list[int]] = {}
    for _, platform_id, short_id in rows:
        alone.setdefault(platform_id, []).append(short_id)
    numbers = {platform_id: ids[0] for platform_id, ids in alone.items() if len(ids) == 1}
    return numbers | {f"{platform}:{platform_id}": short_id for platform, platform_id, short_id in rows}


@dataclass(frozen=True, kw_only=True)
class Statement:
    """A label, as far as agreement looks at it."""

    short_id: int
    source: str
    kind: str
    name: str
    stance: str | None
    score: float | None


def statements(database: Database) -> list[Statement]:
    """All labels except those that mean *collected under* (D15)."""
    with database.read() as session:
        rows = session.execute(
            select(LabelRow.short_id, LabelRow.source, LabelRow.kind, LabelRow.name, LabelRow.stance, LabelRow.score)
            .where(LabelRow.source != QUERY_SOURCE)
            .order_by(LabelRow.id)
        ).all()
    return [
        Statement(short_id=short_id, source=source, kind=kind, name=name, stance=stance, score=score)
        for short_id, source, kind, name, stance, score in rows
    ]
