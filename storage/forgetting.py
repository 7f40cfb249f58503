"""Taking shorts out of a corpus with everything that names them: rows, bytes, vectors, answers (D17).

What other rows need stays: a result list keeps the rank, a cluster of equal pictures gets another first one, and bytes
that another short shows too are that short's.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import JSON, String, delete, exists, func, or_, select, update
from sqlalchemy.orm import Session

from storage.models import (
    Answer,
    Base,
    Embedding,
    Exposure,
    Image,
    ImageData,
    LabelRow,
    Listing,
    LookRow,
    Observation,
    Revisit,
    Short,
    Task,
)
from storage.pseudonyms import PREFIX

Pair = tuple[str, str]
"""Platform and id."""
Heirs = dict[int, int | None]
"""Which picture stands for the equals of a removed one; None where there are none."""
FORGOTTEN = "forgotten"
"""Cause of a listing whose short is gone."""
LEAST_NAME = 6
"""Characters; a shorter id is a word that stands in captions for other reasons."""
_KEYS = {"sha256", "image_sha256", "phash", "hash_recipe", "key", "plan_hash", "profile_id", "platform_id", "author"}
"""Columns that are keys: what they hold is not a text that could name somebody."""


def of_author(session: Session, author: str) -> list[Pair]:
    """Everything that the corpus knows of an author (as it holds them, hashed), captured or only listed."""
    said = func.json_extract
    queries: list[Any] = [
        select(Short.platform, Short.platform_id).where(Short.author == author),
        select(Listing.platform, Listing.platform_id).where(said(Listing.record, "$.author") == author),
        select(Task.platform, Exposure.platform_id)
        .join(Task, Task.id == Exposure.task_id)
        .where(said(Exposure.record, "$.author") == author),
    ]
    return sorted({(row[0], row[1]) for query in queries for row in session.execute(query) if row[1] is not None})


def known(session: Session, pair: Pair) -> bool:
    """True if the corpus has anything of a short."""
    of_it = [
        exists().where(Short.platform == pair[0], Short.platform_id == pair[1]),
        exists().where(Listing.platform == pair[0], Listing.platform_id == pair[1]),
        exists().where(Answer.platform == pair[0], Answer.platform_id == pair[1]),
        exists().where(Revisit.platform == pair[0], Revisit.platform_id == pair[1]),
        exists().where(
            Exposure.task_id == Task.id, Task.platform == pair[0], Exposure.platform_id == pair[1]
        ),
    ]  # fmt: skip
    return bool(session.scalar(select(or_(*of_it))))


def remove(session: Session, pairs: Iterable[Pair], authors: Iterable[str] = ()) -> Counter[str]:
    """Take these shorts out, and their names out of all texts.

    Args:
        session: in a writing transaction. What is deleted is overwritten with zeros (`secure_delete`).
        authors: hashes of handles whose @mentions go, too.

    Returns:
        Rows that went, by table.
    """
    session.connection().exec_driver_sql("PRAGMA secure_delete=ON")
    gone: Counter[str] = Counter()
    names = []
    heirs: Heirs = {}
    for pair in pairs:
        gone += _remove_one(session, pair, heirs)
        names += [pair[1]] if len(pair[1]) >= LEAST_NAME else []
    _mend_evidence(session, heirs)
    names += [author.removeprefix(PREFIX) for author in authors]
    for start in range(0, len(names), 100):
        gone["texts"] += _strike_out(session, names[start : start + 100])
    return +gone


def _remove_one(session: Session, pair: Pair, heirs: Heirs) -> Counter[str]:
    platform, platform_id = pair
    gone: Counter[str] = Counter()

    def drop(table: type[Base], *where: Any) -> None:
        result: Any = session.execute(delete(table).where(*where))
        gone[table.__tablename__] += result.rowcount

    short_id = session.scalar(select(Short.id).where(Short.platform == platform, Short.platform_id == platform_id))
    images = [] if short_id is None else list(session.scalars(select(Image.id).where(Image.short_id == short_id)))
    mine = (Answer.platform == platform, Answer.platform_id == platform_id)
    pictures = set(session.scalars(select(Image.sha256).where(Image.short_id == short_id)))
    pictures |= {sha256 for sha256 in session.scalars(select(Answer.image_sha256).where(*mine)) if sha256}
    of_platform = select(Task.id).where(Task.platform == platform)
    drop(Exposure, Exposure.platform_id == platform_id, Exposure.task_id.in_(of_platform))
    if short_id is not None:
        drop(LabelRow, LabelRow.short_id == short_id)
        drop(Exposure, Exposure.short_id == short_id)
        drop(Observation, Observation.short_id == short_id)
        drop(Embedding, Embedding.short_id == short_id)
        heirs |= _pass_on(session, images)
        drop(LookRow, LookRow.image_id.in_(images))
        drop(Image, Image.id.in_(images))
        drop(Short, Short.id == short_id)
    drop(Answer, *mine)
    for sha256 in pictures:
        shown = select(exists().where(Image.sha256 == sha256) | exists().where(Answer.image_sha256 == sha256))
        if not session.scalar(shown):
            drop(Embedding, Embedding.image_sha256 == sha256)
            drop(ImageData, ImageData.sha256 == sha256)
    # Its place in the list stays, or the ranks of what comes later would be given twice.
    listed = update(Listing).where(Listing.platform == platform, Listing.platform_id == platform_id)
    result: Any = session.execute(
        listed.values(
            platform_id=None, state="skipped", cause=FORGOTTEN, record={"platform": platform, "kind": "short"}
        )
    )
    gone["listings"] += result.rowcount
    visited = update(Revisit).where(Revisit.platform == platform, Revisit.platform_id == platform_id)
    result = session.execute(
        visited.values(platform_id=None, expected={}, outcome=func.coalesce(Revisit.outcome, FORGOTTEN))
    )
    gone["revisits"] += result.rowcount
    return gone


def _pass_on(session: Session, images: Sequence[int]) -> Heirs:
    """The earliest of the pictures that equal a removed one stands for the others from now on."""
    heirs: Heirs = {}
    for image_id in images:
        dependants = list(
            session.scalars(
                select(Image)
                .where(Image.duplicate_of == image_id, Image.id.not_in(images))
                .order_by(Image.id)
            )
        )  # fmt: skip
        heirs[image_id] = dependants[0].id if dependants else None
        for place, other in enumerate(dependants):
            if place == 0:
                other.duplicate_of = other.duplicate_by = other.distance = other.evidence = None
            else:
                other.duplicate_of = heirs[image_id]
    session.flush()
    return heirs


def _mend_evidence(session: Session, heirs: Heirs) -> None:
    """No evidence names a removed picture; in one pass, however many were removed."""
    heirs = {image_id: _last_heir(heirs, image_id) for image_id in heirs}
    if not heirs:
        return
    for image_id, evidence in session.execute(
        select(Image.id, Image.evidence).where(Image.evidence.is_not(None))
    ).all():
        clean = _without_pictures(evidence, heirs, image_id)
        if clean != evidence:
            session.execute(update(Image).where(Image.id == image_id).values(evidence=clean))


def _last_heir(heirs: Heirs, image_id: int) -> int | None:
    """The heir of a picture may have been removed after it."""
    heir = heirs[image_id]
    while heir is not None and heir in heirs:
        heir = heirs[heir]
    return heir


def _without_pictures(evidence: dict[str, Any], heirs: dict[int, int | None], mine: int) -> dict[str, Any] | None:
    """Evidence that names no removed picture: its heir, or nothing."""
    if evidence.get("picture") in heirs or evidence.get("nearest", {}).get("picture") in heirs:
        evidence = {name: said for name, said in evidence.items() if name == "also"}
    if "also" in evidence:
        others = {heirs.get(other, other) for other in evidence["also"]} - {None, mine}
        evidence = (
            {**evidence, "also": sorted(others)} if others else {n: s for n, s in evidence.items() if n != "also"}
        )
    return evidence or None


def _strike_out(session: Session, names: Sequence[str]) -> int:
    """Put `_` in place of these names in every text of the corpus; returns how many texts changed."""
    pattern = re.compile(rf"(?<![\w-])(?:h:)?(?:{'|'.join(map(re.escape, names))})(?![\w-])")
    changed = 0
    for table in Base.metadata.sorted_tables:
        keys = list(table.primary_key.columns)
        for column in table.columns:
            if column.name in _KEYS or column.primary_key or not isinstance(column.type, String | JSON):
                continue
            text = func.cast(column, String) if isinstance(column.type, JSON) else column
            found = session.execute(
                select(*keys, column).where(or_(*(func.instr(text, name) > 0 for name in names)))
            ).all()
            for row in found:
                clean = _clean(row[-1], pattern)
                if clean != row[-1]:
                    here = [key == value for key, value in zip(keys, row[:-1], strict=True)]
                    session.execute(update(table).where(*here).values({column.name: clean}))
                    changed += 1
    return changed


def _clean(said: Any, pattern: re.Pattern[str]) -> Any:
    if isinstance(said, str):
        return pattern.sub("_", said)
    if isinstance(said, list):
        return [_clean(one, pattern) for one in said]
    if isinstance(said, dict):
        return {_clean(name, pattern): _clean(one, pattern) for name, one in said.items()}
    return said
