"""Named alternatives: one hash a picture, two pictures are the same within a threshold.

`imagededup` itself needs torch to be imported; its PHash is rebuilt here after its source (imagededup 0.3.3,
methods/hashing.py): 32 x 32 by Lanczos, then grey, unscaled cosine transform, the 8 x 8 lowest coefficients against
their median without the first one.
"""

import io
from collections.abc import Callable

import imagehash
import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.fft import dct  # type: ignore[import-untyped] # comes with imagehash

Words = npt.NDArray[np.uint64]


def _words(bits: npt.NDArray[np.bool_]) -> Words:
    packed: Words = np.packbits(bits.ravel()).view(np.uint64)
    return packed


def _phash(image: Image.Image) -> Words:
    return _words(imagehash.phash(image).hash)


def _phash_256(image: Image.Image) -> Words:
    return _words(imagehash.phash(image, hash_size=16).hash)


def _imagededup(image: Image.Image) -> Words:
    pixels = np.asarray(image.resize((32, 32), Image.Resampling.LANCZOS).convert("L"))
    low = dct(dct(pixels.astype(np.float64), axis=0), axis=1)[:8, :8]
    return _words(low >= np.median(low.ravel()[1:]))


def _pdq(image: Image.Image) -> Words:
    bits, _ = pdqhash.compute(np.asarray(image))
    return _words(bits.astype(bool))


RIVALS: dict[str, Callable[[Image.Image], Words]] = {
    "imagehash phash 64": _phash,
    "imagehash phash 256": _phash_256,
    "imagededup PHash 64": _imagededup,
}
try:
    import pdqhash  # not a dependency: `pip install pdqhash` adds its row
except ImportError:
    pass
else:
    RIVALS["PDQ 256"] = _pdq


def hashed(data: bytes) -> list[Words]:
    """The hash of each rival."""
    with Image.open(io.BytesIO(data)) as image:
        rgb = image.convert("RGB")
    return [rival(rgb) for rival in RIVALS.values()]


def distances(one: Words, others: Words) -> npt.NDArray[np.int64]:
    """Bits between one hash (words) and others (n, words)."""
    apart: npt.NDArray[np.int64] = np.bitwise_count(others ^ one).sum(1, dtype=np.int64)
    return apart


def safe_threshold(hashes: Words) -> int:
    """The largest threshold at which no two of these pictures (n, words) are merged; -1 where two are equal."""
    least = int(hashes.shape[1]) * 64
    for place in range(1, len(hashes)):
        least = min(least, int(distances(hashes[place], hashes[:place]).min()))
    return least - 1
