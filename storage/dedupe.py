"""Which pictures are the same (D7): the same short, then equal bytes, then look; and `python -m storage.dedupe`.

By look: candidates come from region hashes (`storage.index`), and nothing is merged on a hash alone. The pictures are
aligned and compared, first as small grey copies, then, where those agree, as frames (`storage.verify`): most of their
structure and most of their light must agree. So pictures of unlike sources (a clean canvas frame, a crop with
overlays) can be compared, too.

A new picture is compared with all earlier ones, duplicates included: a re-upload of a re-upload joins the first one's
cluster. A mark is never changed afterwards but by `--recompute`, since it has governed what a crawl counted. Pictures
without content (flat, a loading card) equal nothing, not even by bytes: two black frames are two shorts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.index import RegionIndex, region_distances
from storage.looks import Look, Pictures, Place, stored_hashes
from storage.models import Image
from storage.regions import Edit
from storage.verify import (
    FINE_ROUNDS,
    SMALL_ROUNDS,
    UNMOVED,
    Array,
    Checked,
    check,
    coarse,
    same_light,
    started,
    structure,
)

LEAST_CORRELATION = 0.40
"""Of the first, coarse step; below it a candidate is dropped. Edited copies have 0.69 and more in 95 of 100 cases."""
LEAST_START = 0.15
"""Agreement of the small copies under the best alignment of the first step, below which it is not refined: edited
copies have 0.24 and more; of 38 unrelated scenes that correlated enough, none had more than 0.15."""
LEAST_SMALL = 0.30
"""Agreement of the small copies, from which on the frames themselves are compared: of edited copies, 1 % have less
than 0.47 under the hardest edit (watermark and buttons)."""
THRESHOLD = 0.57
"""Agreement of the frames, from which on two pictures are the same. The rule, for this and for `LEAST_LIGHT`: halfway
between the highest of the hard negatives and the lowest per cent of copies under the hardest edit, cut to two digits,
on sandbox pictures of seed 11 (`python -m tests.bench.thresholds`). Here text cards of one template reach 0.490, and
1 % of copies with a watermark and buttons have less than 0.653."""
LEAST_LIGHT = 0.74
"""Share of the area of the frames that is equally light, without which they are not the same. Templates with other
content reach 0.691, and 1 % of copies made brighter, where much is clipped, have less than 0.801."""
WELL = 0.85
"""Agreement from which on no better alignment is sought: it would change no decision."""
MOST_CHECKED = 16
"""Candidates that are looked at after the coarse step, best first."""
REGIONS_SHOWN = 3
LAST = 1 << 62


@dataclass(frozen=True, kw_only=True)
class Match:
    """The representative that a picture equals. `by` is id, bytes or look; `distance` in bits, None where unknown."""

    image_id: int
    by: str
    distance: int | None
    evidence: dict[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Frames:
    """What the last check says of two frames."""

    score: float
    """Share of their structure that agrees."""
    light: float
    """Share of their area that is equally light."""
    alignment: Edit

    @property
    def margin(self) -> float:
        """The lesser of both, over its threshold: 1 and more is a match."""
        return min(self.score / THRESHOLD, self.light / LEAST_LIGHT)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One candidate and how far it got: `frames` is None where the small copies did not agree."""

    place: Place
    view: int
    """Of the asked picture."""
    correlation: float
    small: Checked
    frames: Frames | None

    @property
    def same(self) -> bool:
        return self.frames is not None and self.frames.margin >= 1

    @property
    def rank(self) -> tuple[float, float]:
        return (self.frames.margin if self.frames else 0.0, self.small.score)


class Deduplicator:
    """The frames of a corpus: by their bytes, and by their look."""

    def __init__(self) -> None:
        self._by_bytes: dict[str, int] = {}
        self._representative: dict[int, int] = {}
        self._bits: dict[int, int] = {}
        self._index = RegionIndex()

    @classmethod
    def load(cls, session: Session, *, before: int = LAST) -> "Deduplicator":
        """With all frames that the corpus holds, those of another recipe by their bytes only.

        Args:
            before: only frames with a smaller image id.
        """
        known = cls()
        rows = session.execute(
            select(Image.id, Image.sha256, Image.phash, Image.duplicate_of)
            .where(Image.role == "frame", Image.id < before)
            .order_by(Image.id)
        )
        for image_id, sha256, phash, original in rows:
            bits = None if phash is None else int(phash, 16)
            known._remember(image_id, sha256, original or image_id, bits)
        for place, hashes in stored_hashes(session):
            if place[0] < before:
                known._index.add(place, hashes)
        return known

    def __len__(self) -> int:
        """Number of views that are searched."""
        return len(self._index)

    def match(self, sha256: str, look: Look, pictures: Pictures) -> tuple[Match | None, dict[str, Any] | None]:
        """What a frame equals, or None; and where it equals nothing, how near the nearest came.

        Args:
            pictures: where the looks and frames of the pictures added so far are found.
        """
        if not look.views:
            return None, None
        if (same := self._by_bytes.get(sha256)) is not None:
            return Match(image_id=self._representative[same], by="bytes", distance=0), None
        compared = self.compare(look, pictures)
        merged = [one for one in compared if one.same]
        if not merged:
            return None, {"nearest": self._said(compared[0], look)} if compared else None
        first = min(self._representative[one.place[0]] for one in merged)
        best = next(one for one in merged if self._representative[one.place[0]] == first)
        others = sorted({self._representative[one.place[0]] for one in merged} - {first})
        evidence = self._said(best, look) | ({"also": others} if others else {})
        return Match(image_id=first, by="look", distance=evidence["distance"], evidence=evidence), None

    def compare(self, look: Look, pictures: Pictures) -> list[Comparison]:
        """The pictures that come nearest to a look, nearest first, one comparison each.

        Its content within bars is asked for only where the whole equals nothing.
        """
        found: dict[int, Comparison] = {}
        for number, view in enumerate(look.views):
            if any(one.same for one in found.values()):
                break
            near = self._index.candidates(view.asked)
            for one in compare_view(look, number, [place for place, _ in near], pictures):
                known = found.get(one.place[0])
                if known is None or one.rank > known.rank:
                    found[one.place[0]] = one
        return sorted(found.values(), key=lambda one: (-one.rank[0], -one.rank[1], one.place))

    def add(self, image_id: int, sha256: str, look: Look, match: Match | None) -> None:
        """A new picture with its match; to be called once its row is committed."""
        self._remember(image_id, sha256, match.image_id if match else image_id, look.bits)
        for number, view in enumerate(look.views):
            self._index.add((image_id, number), view.stored)

    def _remember(self, image_id: int, sha256: str, original: int, bits: int | None) -> None:
        self._representative[image_id] = original
        if bits is not None:  # else it has no content, and equals nothing
            self._bits[image_id] = bits
            self._by_bytes.setdefault(sha256, image_id)

    def _said(self, one: Comparison, look: Look) -> dict[str, Any]:
        image_id = one.place[0]
        bits = self._bits.get(image_id)
        distance = None if bits is None or look.bits is None else (bits ^ look.bits).bit_count()
        return {"picture": image_id, "distance": distance, **described(one), "regions": self._regions(one, look)}

    def _regions(self, one: Comparison, look: Look) -> list[list[Any]]:
        stored = self._index.hashes(one.place)
        nearest = region_distances(look.views[one.view].asked, stored)[:REGIONS_SHOWN]
        return [[name, bits] for name, bits in nearest]


def compare_view(
    look: Look, number: int, places: Sequence[Place], pictures: Pictures, *, least_small: float = LEAST_SMALL
) -> list[Comparison]:
    """One view of a look against candidates: what passed the coarse step, checked.

    Args:
        least_small: from which agreement of the small copies on the frames are compared.
    """
    if not places:
        return []
    asked = look.views[number].grey.astype(np.float32)
    greys = pictures.greys(list(places)).astype(np.float32)
    correlations, starts = coarse(asked, greys)
    order = np.argsort(-correlations, kind="stable")[:MOST_CHECKED]
    kept = [int(row) for row in order if correlations[row] >= LEAST_CORRELATION]
    if not kept:
        return []
    small, others = structure(asked[None])[0], structure(greys[kept])
    fine: tuple[Array, Array] | None = None
    found: list[Comparison] = []
    for other, row in zip(others, kept, strict=True):
        if any(one.same and one.place[0] == places[row][0] for one in found):
            continue  # another view of a picture that was found already
        checked, frames = started(small, other, starts[row]), None
        unmoved = checked.alignment == UNMOVED and checked.score >= WELL
        if checked.score >= LEAST_START and not unmoved:
            checked = check(small, other, checked, SMALL_ROUNDS)
        if checked.score >= least_small:
            fine = fine or _with_structure(look.views[number].fine)
            frames = _compare_frames(fine, _with_structure(pictures.fine(places[row])), checked.alignment)
        found.append(
            Comparison(
                place=places[row], view=number, correlation=float(correlations[row]), small=checked, frames=frames
            )
        )
    return found


def _with_structure(fine: npt.NDArray[np.uint8]) -> tuple[Array, Array]:
    grey = fine.astype(np.float32)
    return grey, structure(grey[None])[0]


def _compare_frames(asked: tuple[Array, Array], stored: tuple[Array, Array], alignment: Edit) -> Frames:
    """Both with their structure. An axis that an overlay made look moved is tried unmoved, too."""
    sideways, upright = alignment[:2], alignment[2:]
    starts: list[Edit] = [alignment, UNMOVED, (*sideways, 0.0, 0.0), (0.0, 0.0, *upright)]
    checked = started(asked[1], stored[1], list(dict.fromkeys(starts)))
    if checked.score < WELL:
        checked = check(asked[1], stored[1], checked, FINE_ROUNDS)
    return Frames(
        score=checked.score, light=same_light(asked[0], stored[0], checked.alignment), alignment=checked.alignment
    )


def described(one: Comparison) -> dict[str, Any]:
    """A comparison as evidence keeps it."""
    last = one.frames or one.small
    return {
        "views": [one.view, one.place[1]],
        "correlation": round(one.correlation, 3),
        "small": round(one.small.score, 3),
        "frames": None if one.frames is None else round(one.frames.score, 3),
        "light": None if one.frames is None else round(one.frames.light, 3),
        "alignment": [round(edge, 4) for edge in last.alignment],
    }


def mark(session: Session, known: Deduplicator, image: Image, look: Look, pictures: Pictures) -> Match | None:
    """Write what a frame equals: an earlier frame of its short, then bytes, then look. `known.add` comes after."""
    earlier = session.scalars(
        select(Image)
        .where(Image.short_id == image.short_id, Image.role == "frame", Image.id < image.id)
        .order_by(Image.id)
    ).first()
    near: dict[str, Any] | None = None
    match: Match | None
    if earlier is None:
        match, near = known.match(image.sha256, look, pictures)
    else:
        known_bits = None if earlier.phash is None else int(earlier.phash, 16)
        distance = None if known_bits is None or look.bits is None else (known_bits ^ look.bits).bit_count()
        match = Match(image_id=earlier.duplicate_of or earlier.id, by="id", distance=distance)
    image.duplicate_of = match.image_id if match else None
    image.duplicate_by = match.by if match else None
    image.distance = match.distance if match else None
    image.evidence = match.evidence if match else near if look.views else {"content": "none"}
    return match


if __name__ == "__main__":
    from storage.dedupe_command import main

    main()
