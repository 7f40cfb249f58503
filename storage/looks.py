"""What the duplicate check knows of a frame: its look, and where looks lie in a corpus."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from storage.hashing import decode, hash_grey
from storage.models import Image, ImageData, LookRow
from storage.regions import HEIGHT, WIDTH, View, content_box, fine_copy, views

RECIPE = "regions11-check96-light@3"
"""Names everything that a match depends on: regions, sizes, thresholds. It changes with any of them."""
SIZE = (180, 320)
"""No less is decoded: the size of a portrait frame."""

Place = tuple[int, int]
"""Image id and number of the view."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """A frame as the duplicate check sees it. A picture without content has no views and equals nothing."""

    data: bytes
    bits: int | None
    """64-bit hash of the whole frame."""
    sharpness: float
    """Variance of the Laplacian of the grey levels: of two copies of one size, the sharper one has more."""
    views: tuple[View, ...]

    @property
    def hex(self) -> str | None:
        return None if self.bits is None else f"{self.bits:016x}"


def look_at(data: bytes) -> Look:
    """Everything about an encoded picture that is stored for the check.

    Raises:
        ValueError: the bytes are no picture.
    """
    grey = decode(data, SIZE)
    bits = hash_grey(grey).bits
    return Look(data=data, bits=bits, sharpness=_sharpness(grey), views=() if bits is None else views(grey))


def fine_grey(data: bytes, view: int) -> npt.NDArray[np.uint8]:
    """A view of an encoded picture at the size of the last check (height, width)."""
    grey = decode(data, SIZE)
    return fine_copy(grey, None if view == 0 else content_box(np.asarray(grey)))


def _sharpness(grey: PillowImage.Image) -> float:
    pixels = np.asarray(grey, np.float32)
    if min(pixels.shape) < 3:
        return 0.0
    centre = pixels[1:-1, 1:-1]
    around = pixels[:-2, 1:-1] + pixels[2:, 1:-1] + pixels[1:-1, :-2] + pixels[1:-1, 2:]
    return round(float((around - 4 * centre).var()), 2)


class Pictures(Protocol):
    """Where the check finds what it has to look at."""

    def greys(self, places: list[Place]) -> npt.NDArray[np.uint8]:
        """Small grey copies (n, height, width) of views, in this order."""
        ...

    def fine(self, place: Place) -> npt.NDArray[np.uint8]:
        """A view at the size of the last check (height, width), from the frame itself."""
        ...


class StoredPictures:
    """The pictures of a corpus, read when they are asked for: a million of them are not kept in memory."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def greys(self, places: list[Place]) -> npt.NDArray[np.uint8]:
        """Small grey copies (n, height, width) of views, in this order."""
        query = select(LookRow.image_id, LookRow.view, LookRow.grey)
        rows = self._session.execute(query.where(LookRow.image_id.in_({image_id for image_id, _ in places})))
        found = {(image_id, view): grey for image_id, view, grey in rows}
        return np.stack([np.frombuffer(found[place], np.uint8).reshape(HEIGHT, WIDTH) for place in places])

    def data(self, image_id: int) -> bytes:
        """The encoded frame."""
        query = select(ImageData.data).join(Image, Image.sha256 == ImageData.sha256).where(Image.id == image_id)
        return self._session.execute(query).scalar_one()

    def fine(self, place: Place) -> npt.NDArray[np.uint8]:
        """A view at the size of the last check (height, width), from the frame itself."""
        return fine_grey(self.data(place[0]), place[1])


def keep_look(session: Session, image: Image, look: Look) -> None:
    """Write what is stored of a look beside its picture, in place of what an older recipe left."""
    session.execute(delete(LookRow).where(LookRow.image_id == image.id))
    session.add_all(
        LookRow(image_id=image.id, view=number, hashes=view.stored.tobytes(), grey=view.grey.tobytes())
        for number, view in enumerate(look.views)
    )
    image.phash, image.hash_recipe, image.sharpness = look.hex, RECIPE, look.sharpness


def stored_hashes(session: Session) -> Iterator[tuple[Place, npt.NDArray[np.uint64]]]:
    """Places and region hashes of all views of this recipe, by image id."""
    rows: Iterable[Any] = session.execute(
        select(LookRow.image_id, LookRow.view, LookRow.hashes)
        .join(Image, Image.id == LookRow.image_id)
        .where(Image.hash_recipe == RECIPE)
        .order_by(LookRow.image_id, LookRow.view)
        .execution_options(yield_per=10_000)
    )
    for image_id, view, hashes in rows:
        yield (image_id, view), np.frombuffer(hashes, np.uint64)
