"""Exact search, index start-up and embedding, against numpy, a limit in seconds, and onnxruntime."""

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from sqlalchemy import insert

from retrieval.embedders import packaged
from retrieval.embedders.base import Vectors, unit
from retrieval.embedders.build_classifier import SIZE
from retrieval.embedders.decoding import centre_square
from retrieval.index import CorpusIndex
from retrieval.matrix import Matrix
from retrieval.matrix_file import MatrixFile
from storage.corpus import Corpus
from storage.database import open_database
from storage.embeddings import Part
from storage.models import Embedding, ImageData, Run, Short
from storage.models import Image as Picture
from tests.bench.measure import Bar, in_pairs, in_turns
from tests.drawn import encoded

DIM = 512
SHORTS = 50_000
MILLION = 1_000_000
PICTURES = 256
MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


def _rows(number: int, start: int = 0) -> Vectors:
    return unit(np.random.default_rng(start).standard_normal((number, DIM), np.float32))


def exact() -> list[Bar]:
    """The ten nearest of a matrix on disk, against numpy's product with the same matrix in memory, as float32.

    Both use all cores, and both have been read once before they are timed.
    """
    return [_exact(SHORTS, rounds=60), _exact(MILLION, rounds=25)]


def _exact(number: int, rounds: int) -> Bar:
    step = 50_000
    with tempfile.TemporaryDirectory(dir=os.environ.get("VALUE_SPECTRUM_BENCH_DIR")) as folder:
        file = MatrixFile(Path(folder, "bench"), DIM)
        plain = np.empty((number, DIM), np.float32)
        for start in range(0, number, step):
            plain[start : start + step] = _rows(min(step, number - start), start)
            ids = np.arange(start, min(start + step, number))
            file.add(ids, plain[start : start + step].astype(np.float16), after=start)
        file.describe({"rows": number})
        matrix, _ = file.read()
        query = plain[number // 2].copy()
        assert matrix.search(query, 10).ids[0] == number // 2
        both = in_pairs(lambda: matrix.search(query, 10), lambda: plain @ query, rounds)
    return Bar(
        name=f"exact search, {number:,} x {DIM}, k = 10",
        against="a bare float32 numpy product",
        ratio=both.ratio,
        limit=1.2,
        detail=f"{both.ours * 1e3:.1f} ms against {both.other * 1e3:.1f} ms, {rounds} pairs",
    )


class _Named:
    """An embedder that is only a name and a size."""

    name = "bench@1"
    dim = DIM
    languages = None

    def embed_pictures(self, pictures: Any) -> Vectors:
        raise NotImplementedError

    embed_texts = embed_pictures

    def things(self) -> Vectors:
        raise NotImplementedError


def startup() -> list[Bar]:
    """From a corpus to the first answer: with its matrix beside it, and with none (all vectors read from SQLite)."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "corpus.sqlite")
        os.environ.setdefault("VALUE_SPECTRUM_CONFIG_DIR", folder)
        with Corpus(path, collecting=True) as corpus:
            _fill(corpus)
        query = _rows(1)[0]

        def answer() -> Matrix:
            with open_database(path, write=False) as database:
                index = CorpusIndex(database, _Named())
                assert len(index.search(Part.PICTURE, query, 10).ids) == 10
                return index.matrix(Part.PICTURE)

        def anew() -> Matrix:
            for file in Path(f"{path}.vectors").glob("*"):
                file.unlink()
            return answer()

        assert len(anew()) == SHORTS
        found = {name: _median(work, 7) for name, work in (("built anew", anew), ("matrix there", answer))}
    return [
        Bar(
            name=f"index start-up, {SHORTS:,} shorts, {name}",
            against="1 s",
            ratio=seconds,
            limit=1.0,
            detail=f"{seconds * 1e3:.0f} ms to the first answer",
        )
        for name, seconds in found.items()
    ]


def _median(work: Callable[[], object], rounds: int) -> float:
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def _fill(corpus: Corpus) -> None:
    """Shorts with one frame each and its vector; the pictures' bytes are a few letters."""
    with corpus.database.write() as session:
        run = Run(
            platform="sandbox", mode="feed", plan_hash="", seed=1, state="finished", command=[], settings={},
            environment={}, started_at=MOMENT,
        )  # fmt: skip
        session.add(run)
        session.flush()
        vectors = _rows(SHORTS).astype("<f2")
        numbers = range(1, SHORTS + 1)
        shorts = [
            {"id": n, "platform": "sandbox", "platform_id": str(n), "kind": "short", "extra": {},
             "first_run_id": run.id, "first_seen": MOMENT} for n in numbers
        ]  # fmt: skip
        frames = [
            {"short_id": n, "role": "frame", "source": "canvas", "method": "canvas", "width": 180, "height": 320,
             "sha256": f"{n:064x}", "taken_at": MOMENT} for n in numbers
        ]  # fmt: skip
        data = [{"sha256": f"{n:064x}", "media_type": "image/jpeg", "data": b"none"} for n in numbers]
        made = [
            {"model": "bench@1", "part": "picture", "image_sha256": f"{n:064x}", "vector": vectors[n - 1].tobytes(),
             "made_at": MOMENT} for n in numbers
        ]  # fmt: skip
        for table, rows in ((Short, shorts), (ImageData, data), (Picture, frames), (Embedding, made)):
            session.execute(insert(table), rows)


def embed() -> list[Bar]:
    """Pictures a second from their JPEG bytes, decoding included, against the bare classifier on decoded pictures."""
    packaged.build()
    noise = np.random.default_rng(3).integers(0, 255, (PICTURES, 40, 24, 3), dtype=np.uint8)
    pictures = [
        encoded(Image.fromarray(rough).resize((180, 320), Image.Resampling.BICUBIC), "JPEG", quality=90)
        for rough in noise
    ]
    embedder = packaged.PackagedEmbedder(threads=1)
    decoded = [centre_square(picture, SIZE, 127.0, 128.0) for picture in pictures]
    stacked = [
        np.stack([pixels for pixels in decoded[start : start + packaged.BATCH] if pixels is not None])
        for start in range(0, PICTURES, packaged.BATCH)
    ]

    def bare() -> None:
        for batch in stacked:
            embedder._classifier.run(None, {"picture": batch})

    ours, other = in_turns(lambda: embedder.embed_pictures(pictures), bare, rounds=7)
    return [
        Bar(
            name="embedding pictures, one thread",
            against="a bare onnxruntime forward",
            ratio=other / ours,
            limit=0.8,
            at_least=True,
            detail=f"{PICTURES / ours:.0f} against {PICTURES / other:.0f} pictures a second",
        )
    ]
