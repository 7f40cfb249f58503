"""The hash path and the duplicate search, against imagehash and a bare scan."""

import io

import imagehash
import numpy as np
from PIL import Image

from storage.dedupe import HashArray
from storage.hashing import hash_picture
from tests.bench.measure import Bar, in_turns

HASHES = 1_000_000


def hash_path() -> Bar:
    """From the bytes of a 720p JPEG to the hash."""
    noise = np.random.default_rng(1)
    small = Image.fromarray(noise.integers(0, 255, (45, 80, 3), dtype=np.uint8))
    out = io.BytesIO()
    small.resize((1280, 720), Image.Resampling.BICUBIC).save(out, "JPEG", quality=80)
    data = out.getvalue()
    ours, other = in_turns(
        lambda: hash_picture(data), lambda: imagehash.phash(Image.open(io.BytesIO(data))), rounds=100
    )
    return Bar(
        name="hash of a 720p JPEG",
        against="imagehash.phash(Image.open(...))",
        ratio=ours / other,
        limit=0.5,
        detail=f"{ours * 1e3:.2f} ms against {other * 1e3:.2f} ms",
    )


def duplicate_search() -> Bar:
    """Nearest of a million hashes."""
    generator = np.random.default_rng(2)
    hashes = generator.integers(0, 2**64, HASHES, dtype=np.uint64)
    array = HashArray()
    for number, bits in enumerate(hashes):
        array.add(number, int(bits))
    query = int(generator.integers(0, 2**63))

    def bare() -> object:
        return np.bitwise_count(hashes ^ np.uint64(query)).min()

    ours, other = in_turns(lambda: array.nearest(query), bare, rounds=200)
    return Bar(
        name="duplicate search, 1 million hashes",
        against="numpy bitwise_count scan",
        ratio=ours / other,
        limit=1.5,
        detail=f"{ours * 1e3:.2f} ms against {other * 1e3:.2f} ms",
    )
