"""Vectors in a corpus: which are missing, adding them in short transactions, and reading them back as arrays.

A picture's vector belongs to its bytes (SHA-256), so that equal pictures are embedded once; a text's belongs to its
short. What was looked at and is *absent* for a model (no picture that can be decoded, a text in a language that it does
not know) is kept as an empty vector: it is not looked at again, and never becomes a row of an index.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from storage.database import Database
from storage.errors import UsageError
from storage.models import Embedding, Image, ImageData, Observation, Short
from storage.tasks import Now

Halves = npt.NDArray[np.float16]
"""Shape (n, dim), rows of length 1, never absent."""
ShortIds = npt.NDArray[np.int64]
ROWS_AT_ONCE = 4096
Key = TypeVar("Key", str, int)


class Part(StrEnum):
    """What of a short is embedded; each part has vectors of its own."""

    PICTURE = "picture"
    """The clean frame, without caption overlay, so that a caption flatters no picture (D6)."""
    CAPTION = "caption"
    HASHTAGS = "hashtags"
    SCREEN_TEXT = "screen_text"
    """What can be read on the screen as a viewer sees it, but for the caption, which is a part of its own."""


ROLES = {Part.PICTURE: "frame", Part.SCREEN_TEXT: "screen"}
"""Parts that come from a picture, and which one."""


@dataclass(frozen=True, kw_only=True)
class SaidText:
    """What was said of a short when a caption (or hashtags) was first seen with it."""

    short_id: int
    caption: str | None
    hashtags: tuple[str, ...]
    language: str | None
    """As the platform states it."""


@dataclass(frozen=True, kw_only=True)
class Mark:
    """How far a reader of vectors has come; it is stale once `Embeddings.mark` says anything else."""

    vectors: int = 0
    last_vector: int = 0
    last_made: str = ""
    """When the last vector was made: a row's id is used again once the row is gone."""
    last_image: int = 0


class Embeddings:
    """The vectors of a corpus."""

    def __init__(self, database: Database, now: Now) -> None:
        self._database = database
        self._now = now

    def missing_pictures(self, model: str, part: Part) -> list[str]:
        """SHA-256 of the pictures that this model has not looked at: the first one of every short, oldest first."""
        looked_at = exists().where(
            Embedding.model == model, Embedding.part == part.value, Embedding.image_sha256 == Image.sha256
        )
        query = (
            select(Image.sha256)
            .where(Image.id.in_(_first_pictures(ROLES[part])), ~looked_at)
            .group_by(Image.sha256)
            .order_by(func.min(Image.id))
        )
        with self._database.read() as session:
            return list(session.scalars(query))

    def missing_texts(self, model: str, part: Part) -> list[SaidText]:
        """The texts that this model has not read, oldest short first."""
        read = exists().where(
            Embedding.model == model,
            Embedding.part == part.value,
            Embedding.image_sha256.is_(None),
            Embedding.short_id == Short.id,
        )
        there = func.json_array_length(Observation.hashtags) > 0 if part is Part.HASHTAGS else Observation.caption != ""
        first = select(func.min(Observation.id)).where(there).group_by(Observation.short_id)
        query = (
            select(Short.id, Short.language, Observation.caption, Observation.hashtags)
            .join(Observation, Observation.short_id == Short.id)
            .where(Observation.id.in_(first), ~read)
            .order_by(Short.id)
        )
        with self._database.read() as session:
            return [
                SaidText(short_id=short_id, caption=caption, hashtags=tuple(hashtags), language=language)
                for short_id, language, caption, hashtags in session.execute(query)
            ]

    def pictures(self, sha256s: list[str]) -> list[bytes]:
        """The bytes of these pictures, in the given order."""
        with self._database.read() as session:
            rows = session.execute(select(ImageData.sha256, ImageData.data).where(ImageData.sha256.in_(sha256s)))
            found = {row.sha256: row.data for row in rows}
        return [found[sha256] for sha256 in sha256s]

    def captions(self, sha256s: list[str]) -> list[str]:
        """All captions that were seen with each of these pictures, in one text each; empty where there were none."""
        query = (
            select(Image.sha256, Observation.caption)
            .join(Observation, Observation.short_id == Image.short_id)
            .where(Image.sha256.in_(sha256s), Observation.caption.is_not(None))
            .distinct()
        )
        found: dict[str, list[str]] = {}
        with self._database.read() as session:
            for sha256, caption in session.execute(query):
                found.setdefault(sha256, []).append(caption or "")
        return [" ".join(found.get(sha256, [])) for sha256 in sha256s]

    def add(self, model: str, part: Part, vectors: Mapping[Key, npt.NDArray[np.floating]]) -> int:
        """Keep vectors in one transaction; what is there stays as it is. A row of zeros is kept as absent.

        Args:
            vectors: by SHA-256 of the picture, or by id of the short for caption and hashtags; shape (dim,) each.

        Returns:
            How many were new.
        """
        of_picture = part in ROLES
        column: Any = Embedding.image_sha256 if of_picture else Embedding.short_id
        with self._database.write() as session:  # IMMEDIATE: nobody writes between the look and the insertion
            known = set(
                session.scalars(
                    select(column).where(
                        Embedding.model == model, Embedding.part == part.value, column.in_(list(vectors))
                    )
                )
            )
            new = [key for key in vectors if key not in known]
            at = self._now()
            session.add_all(
                Embedding(
                    model=model,
                    part=part.value,
                    image_sha256=key if of_picture else None,
                    short_id=None if of_picture else key,
                    vector=vectors[key].astype("<f2").tobytes() if vectors[key].any() else b"",
                    made_at=at,
                )
                for key in new
            )
        return len(new)

    def of_pictures(self, model: str, part: Part, sha256s: list[str], dim: int) -> dict[str, npt.NDArray[np.float32]]:
        """The vectors of those of these pictures that the model has looked at, (dim,) each; absent ones are zeros."""
        query = select(Embedding.image_sha256, Embedding.vector).where(
            Embedding.model == model, Embedding.part == part.value, Embedding.image_sha256.in_(sha256s)
        )
        with self._database.read() as session:
            found = {str(row.image_sha256): np.frombuffer(row.vector, "<f2") for row in session.execute(query)}
        return {key: np.asarray(vector if len(vector) else np.zeros(dim), np.float32) for key, vector in found.items()}

    def models(self) -> dict[str, dict[str, int]]:
        """Number of vectors by model and part, absent ones not counted."""
        found: dict[str, dict[str, int]] = {}
        query = (
            select(Embedding.model, Embedding.part, func.count())
            .where(func.length(Embedding.vector) > 0)
            .group_by(Embedding.model, Embedding.part)
        )
        with self._database.read() as session:
            for model, part, count in session.execute(query):
                found.setdefault(model, {})[part] = count
        return found

    def mark(self, model: str, part: Part) -> Mark:
        """Where the corpus stands."""
        with self._database.read() as session:
            return _mark(session, model, part)

    def holds(self, mark: Mark, model: str, part: Part) -> bool:
        """Whether all that was there at a mark is there still, so that only what came later need be read."""
        with self._database.read() as session:
            then = _mark(session, model, part, until=mark.last_vector)
        return (then.vectors, then.last_made) == (mark.vectors, mark.last_made)

    def since(self, mark: Mark, model: str, part: Part, dim: int) -> tuple[Mark, Iterator[tuple[ShortIds, Halves]]]:
        """The vectors that came after a mark, by short; one that equal pictures share stands once for each short.

        Returns:
            Where the corpus stood, and the vectors in blocks, read as they are asked for and in one transaction.

        Raises:
            UsageError: a stored vector has another size than `dim`; raised while reading.
        """
        now = self.mark(model, part)
        return now, self._blocks(mark, now, model, part, dim)

    def _blocks(self, after: Mark, until: Mark, model: str, part: Part, dim: int) -> Iterator[tuple[ShortIds, Halves]]:
        query = _of_pictures(after, until, ROLES[part]) if part in ROLES else _of_texts(after)
        query = query.where(
            Embedding.model == model,
            Embedding.part == part.value,
            Embedding.id <= until.last_vector,
            func.length(Embedding.vector) > 0,
        )
        with self._database.read() as session:
            rows: Any = session.connection().execute(query)
            while block := rows.fetchmany(ROWS_AT_ONCE):
                ids, blobs = zip(*block, strict=True)
                if any(len(blob) != 2 * dim for blob in blobs):
                    size = next(len(blob) for blob in blobs if len(blob) != 2 * dim) // 2
                    raise UsageError(
                        f"{self._database.path} holds {part.value} vectors of {size} numbers for {model}, which makes "
                        f"{dim}; use the model they were made with (--model), or another corpus"
                    )
                yield np.array(ids, np.int64), np.frombuffer(b"".join(blobs), "<f2").reshape(len(ids), dim)


def _first_pictures(role: str) -> Any:
    return select(func.min(Image.id)).where(Image.role == role).group_by(Image.short_id)


def _mark(session: Session, model: str, part: Part, until: int | None = None) -> Mark:
    query = select(func.count(), func.max(Embedding.id)).where(Embedding.model == model, Embedding.part == part.value)
    vectors, last = session.execute(query if until is None else query.where(Embedding.id <= until)).one()
    made = session.scalar(select(Embedding.made_at).where(Embedding.id == last))
    image = session.scalar(select(func.max(Image.id))) if part in ROLES else 0
    return Mark(
        vectors=vectors, last_vector=last or 0, last_made=made.isoformat() if made else "", last_image=image or 0
    )


def _of_pictures(after: Mark, until: Mark, role: str) -> Any:
    return (
        select(Image.short_id, Embedding.vector)
        .join(Embedding, Embedding.image_sha256 == Image.sha256)
        .where(
            Image.id.in_(_first_pictures(role)),
            Image.id <= until.last_image,
            (Embedding.id > after.last_vector) | (Image.id > after.last_image),
        )
        .order_by(Image.id)
    )


def _of_texts(after: Mark) -> Any:
    return (
        select(Embedding.short_id, Embedding.vector)
        .where(Embedding.id > after.last_vector)
        .order_by(Embedding.short_id)
    )
