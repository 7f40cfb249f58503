"""Why two pictures are or are not the same, in numbers and in one sentence."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.dedupe import (
    LEAST_CORRELATION,
    LEAST_LIGHT,
    LEAST_SMALL,
    THRESHOLD,
    Comparison,
    compare_view,
    described,
)
from storage.errors import UsageError
from storage.index import CANDIDATE_BITS, region_distances
from storage.looks import RECIPE, Look, Place, look_at
from storage.models import Image, ImageData, Short


@dataclass(frozen=True, kw_only=True)
class Named:
    """A picture as the user named it."""

    name: str
    image_id: int | None
    duplicate_of: int | None
    sha256: str | None
    look: Look


class _One:
    """A single picture as the source of the check."""

    def __init__(self, look: Look) -> None:
        self._look = look

    def greys(self, places: list[Place]) -> npt.NDArray[np.uint8]:
        return np.stack([self._look.views[view].grey for _, view in places])

    def fine(self, place: Place) -> npt.NDArray[np.uint8]:
        return self._look.views[place[1]].fine


def find(session: Session, name: str) -> Named:
    """A picture by the platform id of its short, by image id (`#12`), or by the path of a file.

    Raises:
        UsageError: there is no such picture, or its bytes are none.
    """
    query = select(Image, ImageData.data).join(ImageData, ImageData.sha256 == Image.sha256)
    if name.startswith("#") and name[1:].isdigit():
        row = session.execute(query.where(Image.id == int(name[1:]))).first()
    else:
        frames = query.join(Short, Short.id == Image.short_id).where(Short.platform_id == name, Image.role == "frame")
        row = session.execute(frames.order_by(Image.id)).first()
    try:
        if row is not None:
            image, data = row
            return Named(
                name=name,
                image_id=image.id,
                duplicate_of=image.duplicate_of,
                sha256=image.sha256,
                look=look_at(data),
            )
        if Path(name).is_file():
            data = Path(name).read_bytes()
            return Named(name=name, image_id=None, duplicate_of=None, sha256=None, look=look_at(data))
    except ValueError as error:
        raise UsageError(f"{name} cannot be compared ({error}); name another picture") from error
    raise UsageError(
        f"there is no picture {name}: give a short's platform id, an image id as #12, or the path of a picture file"
    )


def explain(first: Named, second: Named) -> dict[str, Any]:
    """What the check says of two pictures, whatever the corpus has marked.

    Returns:
        `same`, `because` (one sentence), the thresholds, and per pair of views the regions with their distances and
        the scores of each step.
    """
    one, two = first.look, second.look
    pairs = []
    for number, view in enumerate(one.views):
        for other, stored in enumerate(two.views):
            regions = region_distances(view.asked, stored.stored)
            compared = compare_view(one, number, [(0, other)], _One(two))
            checked = described(compared[0]) if compared else {"views": [number, other], "correlation": None}
            pairs.append((regions, compared[0] if compared else None, checked))
    same, because = _verdict(first, second, [(regions[0][1], compared) for regions, compared, _ in pairs])
    return {
        "first": _said(first),
        "second": _said(second),
        "same": same,
        "because": because,
        "recipe": RECIPE,
        "thresholds": {
            "region bits": CANDIDATE_BITS,
            "correlation": LEAST_CORRELATION,
            "small": LEAST_SMALL,
            "frames": THRESHOLD,
            "light": LEAST_LIGHT,
        },
        "compared": [{**checked, "regions": [list(region) for region in regions]} for regions, _, checked in pairs],
    }


def _said(named: Named) -> dict[str, Any]:
    return {
        "name": named.name,
        "image_id": named.image_id,
        "duplicate_of": named.duplicate_of,
        "views": len(named.look.views),
        "hash": named.look.hex,
        "sharpness": named.look.sharpness,
    }


def _verdict(first: Named, second: Named, pairs: list[tuple[int, Comparison | None]]) -> tuple[bool, str]:
    for named in (first, second):
        if not named.look.views:
            return False, f"{named.name} has no content (flat, or a loading card) and equals nothing"
    if first.look.data == second.look.data:
        return True, "their bytes are equal"
    nearest = min(bits for bits, _ in pairs)
    if nearest > CANDIDATE_BITS:
        return False, f"no region of one is like one of the other: {nearest} bits apart, {CANDIDATE_BITS} at most"
    best = max((one for bits, one in pairs if one and bits <= CANDIDATE_BITS), key=lambda one: one.rank, default=None)
    if best is None:
        return False, f"no alignment of the small copies correlates with {LEAST_CORRELATION} or more"
    if best.frames is None:
        return False, f"the small copies agree in {best.small.score:.2f} of their structure, {LEAST_SMALL} is the least"
    said = f"aligned, the frames agree in {best.frames.score:.2f} of their structure"
    if best.frames.score < THRESHOLD:
        return False, f"{said}, which is too little ({THRESHOLD} is the least)"
    lit = f"{best.frames.light:.2f} of their area is equally light"
    if not best.same:
        return False, f"{said}, but only {lit} ({LEAST_LIGHT} is the least): other content in a like frame"
    return True, f"{said}, which is enough ({THRESHOLD} is the least), and {lit} ({LEAST_LIGHT} is the least)"
