"""From JPEG bytes to a 64-bit perceptual hash (D7), and telling pictures from no pictures (D6).

The hash is imagehash's phash on a picture that the decoder itself shrinks (`Image.draft`), which is three to four
times as fast and moves the hash by 0-4 bits; so every hash of a corpus must come from the same recipe, whose name
is stored with it.
"""

import io
from dataclasses import dataclass

import imagehash
import numpy as np
from PIL import Image

RECIPE = "phash64-draft128@1"
DRAFT = (128, 128)
LEAST_DEVIATION = 6.0
"""Grey levels; below it a picture is flat (black, white, a fade) and its hash says nothing."""
LOADING_DEVIATION, LOADING_SHARE = 25.0, 0.70
"""A loading card or a list over the player is plain: grey levels deviate little, and the two fullest of 32 bands
hold most pixels. Of 103 recorded agent screenshots the three that are no video frame have 14.7-20.6 and 0.74-0.95;
real frames deviate by 34 and more, motion-blurred ones included."""


@dataclass(frozen=True, kw_only=True)
class Hashed:
    """`bits` is the hash as an unsigned 64-bit number; None for a picture that is none."""

    bits: int | None
    deviation: float
    """Standard deviation of the grey levels (0-255)."""

    @property
    def hex(self) -> str | None:
        return None if self.bits is None else f"{self.bits:016x}"


def hash_picture(data: bytes) -> Hashed:
    """Hash an encoded picture.

    Raises:
        ValueError: the bytes are no picture.
    """
    grey = _small_grey(data)
    deviation = float(np.asarray(grey).std())
    if not _has_content(np.asarray(grey), deviation):
        return Hashed(bits=None, deviation=deviation)
    return Hashed(bits=int(str(imagehash.phash(grey)), 16), deviation=deviation)


def is_usable(data: bytes) -> bool:
    """False for flat pictures and grey loading cards. Motion blur is content, and usable.

    What it cannot see: a colourful page that covers the player, which only the page's elements tell, and a blurred
    preview of the real picture.
    """
    grey = np.asarray(_small_grey(data))
    return _has_content(grey, float(grey.std()))


def _small_grey(data: bytes) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(data))
        image.draft("L", DRAFT)
        return image.convert("L")
    except (OSError, SyntaxError) as error:
        raise ValueError(f"not a picture: {error}") from error


def _has_content(grey: np.ndarray, deviation: float) -> bool:
    if deviation >= LOADING_DEVIATION:
        return True
    bands = np.bincount(grey.ravel() >> 3, minlength=32)
    return deviation >= LEAST_DEVIATION and bool(np.sort(bands)[-2:].sum() <= LOADING_SHARE * grey.size)
