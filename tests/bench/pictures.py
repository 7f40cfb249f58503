"""The hash path and the duplicate search, against imagehash and a bare scan."""

import io

import imagehash
import numpy as np
from PIL import Image

from storage.hashing import hash_picture
from storage.index import RegionIndex
from storage.regions import SEARCHED, STORED
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
    """Candidates out of a million views."""
    generator = np.random.default_rng(2)
    hashes = generator.integers(0, 2**64, HASHES, dtype=np.uint64)
    index = RegionIndex(HASHES)
    for number, bits in enumerate(hashes):
        index.add((number, 0), np.full(len(STORED), bits))
    query = generator.integers(0, 2**63, len(SEARCHED), dtype=np.uint64)

    def bare() -> object:
        return [np.bitwise_count(hashes ^ value).min() for value in query]

    ours, other = in_turns(lambda: index.candidates(query), bare, rounds=20)
    return Bar(
        name="duplicate search, 1 million views",
        against="as many numpy bitwise_count scans",
        ratio=ours / other,
        limit=1.5,
        detail=f"{ours * 1e3:.2f} ms against {other * 1e3:.2f} ms",
    )
