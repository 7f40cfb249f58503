"""From encoded pictures to a model's input, a batch ahead of the model, on another core."""

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from retrieval.ahead import ahead

Pixels = npt.NDArray[np.float32]
"""Shape (3, side, side), or (n, 3, side, side)."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Decoded pictures and where they stood among the given ones."""

    places: list[int]
    pixels: Pixels


def centre_square(data: bytes, side: int, mean: float | Pixels, spread: float | Pixels) -> Pixels | None:
    """The centre square at a model's size, never squeezed or framed; None where the picture cannot be decoded.

    Args:
        mean, spread: subtracted and divided by, of values 0 to 255; one number, or one a channel as (3, 1, 1).
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.draft("RGB", (side, side))
            edge = min(image.size)
            left, top = (image.width - edge) // 2, (image.height - edge) // 2
            square = image.convert("RGB").resize(
                (side, side), Image.Resampling.BICUBIC, box=(left, top, left + edge, top + edge)
            )
    except (OSError, SyntaxError):
        return None
    planes = np.asarray(square, np.float32).transpose(2, 0, 1)
    return np.asarray((planes - mean) / spread, np.float32)


def batches(pictures: Sequence[bytes], decode: Callable[[bytes], Pixels | None], size: int) -> Iterator[Batch]:
    """Decoded pictures in batches, those that cannot be decoded left out; while one is used, the next is decoded."""

    def decoded(start: int) -> Batch:
        found: list[tuple[int, Any]] = [
            (place, pixels)
            for place, data in enumerate(pictures[start : start + size], start)
            if (pixels := decode(data)) is not None
        ]
        return Batch(
            places=[place for place, _ in found],
            pixels=np.stack([pixels for _, pixels in found]) if found else np.empty(0, np.float32),
        )

    starts = range(0, len(pictures), size)
    ready = map(decoded, starts) if len(starts) == 1 else ahead(decoded, starts)
    return (batch for batch in ready if batch.places)
