"""From bytes to a grey picture and its 64-bit perceptual hash (D7), and telling pictures from no pictures (D6).

The hash is imagehash's phash on a picture that the decoder itself shrinks (`Image.draft`), which is three to four
times as fast and moves the hash by 0-4 bits. It is what `images.phash` holds, for comparisons between corpora; whether
two pictures are the same is decided by `storage.dedupe`, whose recipe is named with every picture.
"""

import io
import struct
from dataclasses import dataclass

import imagehash
import numpy as np
from PIL import Image

DRAFT = (128, 128)
LEAST_DEVIATION = 6.0
"""Grey levels; below it a picture is flat (black, white, a fade) and its hash says nothing."""
LOADING_DEVIATION, LOADING_SHARE = 25.0, 0.70
"""A loading card or a list over the player is plain: grey levels deviate little, and the two fullest of 32 bands
hold most pixels. Of 103 recorded agent screenshots the three that are no video frame have 14.7-20.6 and 0.74-0.95;
real frames deviate by 34 and more, motion-blurred ones included."""
MOST_PIXELS = 50_000_000
MOST_ELONGATED = 10
"""Long side over short side; a longer strip is no picture of a short."""


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
    return hash_grey(decode(data, DRAFT))


def hash_grey(grey: Image.Image) -> Hashed:
    """Hash a decoded picture (mode L)."""
    pixels = np.asarray(grey)
    deviation = float(pixels.std())
    if not _has_content(pixels, deviation):
        return Hashed(bits=None, deviation=deviation)
    return Hashed(bits=int(str(imagehash.phash(grey)), 16), deviation=deviation)


def is_usable(data: bytes) -> bool:
    """False for flat pictures and grey loading cards. Motion blur is content, and usable.

    What it cannot see: a colourful page that covers the player, which only the page's elements tell, and a blurred
    preview of the real picture.
    """
    grey = np.asarray(decode(data, DRAFT))
    return _has_content(grey, float(grey.std()))


def decode(data: bytes, least: tuple[int, int]) -> Image.Image:
    """The first picture of the bytes in grey (mode L), shrunk by the decoder where it can, to no less than `least`.

    Colour spaces and depths become 8-bit grey; what is transparent is seen on black.

    Raises:
        ValueError: the bytes are no picture, a broken one, too many pixels, or a strip.
    """
    try:
        image: Image.Image = Image.open(io.BytesIO(data))
        long, short = max(image.size), max(1, min(image.size))
        if image.width * image.height > MOST_PIXELS or long > MOST_ELONGATED * short:
            raise ValueError(f"not a picture of a short: {image.width} x {image.height} pixels")
        image.draft("L", least)
        if image.mode.startswith(("I", "F")):
            return _from_deep(image)
        if image.has_transparency_data:
            seen = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", seen.size, (0, 0, 0, 255)), seen)
        return image.convert("L")
    except (OSError, SyntaxError, EOFError, struct.error, Image.DecompressionBombError) as error:
        raise ValueError(f"not a picture: {error}") from error


def _from_deep(image: Image.Image) -> Image.Image:
    """8 bits out of 16 or 32: `convert` would cut everything above 255 to white."""
    pixels = np.asarray(image, np.float32)
    top = 65535.0 if pixels.max() > 255 else 255.0
    return Image.fromarray(np.clip(pixels * (255 / top), 0, 255).astype(np.uint8))


def _has_content(grey: np.ndarray, deviation: float) -> bool:
    if deviation >= LOADING_DEVIATION:
        return True
    bands = np.bincount(grey.ravel() >> 3, minlength=32)
    return deviation >= LEAST_DEVIATION and bool(np.sort(bands)[-2:].sum() <= LOADING_SHARE * grey.size)
