"""Which pictures are the same (D7): equal bytes first, then look, searched in one array in memory.

A look is one 64-bit hash of the clean frame; two are the same at a distance of at most `THRESHOLD` bits. Unlike
sources (a clean canvas frame, a crop with overlays) are never merged on a hash alone, since captions and buttons
move a hash by up to 26 of 64 bits.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import case, select
from sqlalchemy.orm import Session

from storage.hashing import RECIPE
from storage.models import Image

THRESHOLD = 6


@dataclass(frozen=True, kw_only=True)
class Match:
    """The representative that a picture equals. `by` is bytes or look; `distance` in bits, None where not known."""

    image_id: int
    by: str
    distance: int | None


class HashArray:
    """64-bit hashes in one growing array; a search is one vectorised scan."""

    def __init__(self, capacity: int = 1024) -> None:
        self._hashes = np.empty(capacity, np.uint64)
        self._ids: list[int] = []

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, image_id: int, bits: int) -> None:
        if len(self._ids) == len(self._hashes):
            self._hashes = np.resize(self._hashes, 2 * len(self._hashes))
        self._hashes[len(self._ids)] = bits
        self._ids.append(image_id)

    def nearest(self, bits: int, threshold: int = THRESHOLD) -> tuple[int, int] | None:
        """(image id, distance) of the nearest hash within the threshold; the earliest of equally near ones."""
        if not self._ids:
            return None
        distances = np.bitwise_count(self._hashes[: len(self._ids)] ^ np.uint64(bits))
        place = int(distances.argmin())
        return (self._ids[place], int(distances[place])) if distances[place] <= threshold else None


class Deduplicator:
    """The frames of a corpus: all by their bytes, the representatives (those that are no duplicates) by look, too."""

    def __init__(self, threshold: int = THRESHOLD) -> None:
        self.threshold = threshold
        self._by_bytes: dict[str, Match] = {}
        self._by_source: dict[str, HashArray] = {}

    @classmethod
    def load(cls, session: Session) -> "Deduplicator":
        """With all frames that the corpus holds; hashes of another recipe are not compared."""
        known = cls()
        rows: Any = session.execute(
            select(
                Image.id,
                Image.sha256,
                case((Image.hash_recipe == RECIPE, Image.phash)),
                Image.source,
                Image.duplicate_of,
                Image.distance,
            )
            .where(Image.role == "frame")
            .order_by(Image.id)
        )
        for image_id, sha256, phash, source, original, distance in rows:
            if original is None:
                known.add(image_id, sha256, None if phash is None else int(phash, 16), source)
            else:
                known.add_duplicate(sha256, original, distance)
        return known

    def match(self, sha256: str, bits: int | None, source: str) -> Match | None:
        """What a frame equals, or None. A picture without content (`bits` None) equals nothing by look."""
        if (same := self._by_bytes.get(sha256)) is not None:
            return same
        array = self._by_source.get(source)
        if bits is None or array is None or (found := array.nearest(bits, self.threshold)) is None:
            return None
        return Match(image_id=found[0], by="look", distance=found[1])

    def add(self, image_id: int, sha256: str, bits: int | None, source: str) -> None:
        """A new representative; to be called once its row is committed."""
        self._by_bytes.setdefault(sha256, Match(image_id=image_id, by="bytes", distance=0))
        if bits is not None:
            self._by_source.setdefault(source, HashArray()).add(image_id, bits)

    def add_duplicate(self, sha256: str, original: int, distance: int | None) -> None:
        """A duplicate, likewise: whoever has its bytes equals its representative."""
        self._by_bytes.setdefault(sha256, Match(image_id=original, by="bytes", distance=distance))
