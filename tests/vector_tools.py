"""Corpora with pictures of named colours, and an embedder that tells those colours, for the tests of retrieval."""

import io
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from retrieval.embedders.base import Vectors, is_latin, unit
from storage import cli
from storage.chance import draw
from storage.corpus import Corpus
from tests.storage_tools import open_corpus, show, start

COLOURS = {"red": (220, 30, 30), "green": (30, 200, 40), "blue": (40, 40, 220), "white": (240, 240, 240)}
BROKEN = b"\xff\xd8\xff\xe0 no picture"


class Colours:
    """A text is the mean of the colours that it names plus a direction of its own; a picture is its mean colour.

    Counts what it is given, so that a test can tell whether something was embedded twice.
    """

    name = "colours@1"
    dim = 8
    languages = frozenset({"en"})

    def __init__(self, dim: int = 8, name: str = "colours@1") -> None:
        self.dim, self.name = dim, name
        self.pictures: list[bytes] = []
        self.texts: list[str] = []

    def embed_pictures(self, pictures: Sequence[bytes]) -> Vectors:
        self.pictures += pictures
        return np.stack([self._picture(picture) for picture in pictures])

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        self.texts += texts
        return np.stack([self._text(text) for text in texts])

    def things(self) -> Vectors:
        return self.embed_texts([f"thing{number}" for number in range(100)])

    def _picture(self, data: bytes) -> Vectors:
        try:
            with Image.open(io.BytesIO(data)) as image:
                mean = np.asarray(image.convert("RGB"), np.float32).mean(axis=(0, 1))
        except OSError:
            return np.zeros(self.dim, np.float32)
        return self._unit(mean - 100)

    def _text(self, text: str) -> Vectors:
        if not is_latin(text):
            return np.zeros(self.dim, np.float32)
        named: list[Any] = [np.array(COLOURS[word], np.float32) - 100 for word in COLOURS if word in text.casefold()]
        return self._unit(np.mean(named, axis=0) if named else np.zeros(3), own=20 * draw(1, "text", text))

    def _unit(self, colour: Any, own: float = 0.0) -> Vectors:
        vector = np.zeros(self.dim, np.float32)
        vector[:3], vector[3] = colour, own
        (row,) = unit(vector[None])
        return np.asarray(row, np.float32)


def plain(colour: str, number: int = 0) -> bytes:
    """A picture of one colour; two numbers look the same and have other bytes."""
    file = io.BytesIO()
    Image.new("RGB", (18, 32), COLOURS[colour]).save(file, "JPEG", comment=f"{number}".encode())
    return file.getvalue()


def colourful(path: Path, number: int = 4, **fields: Any) -> Path:
    """A corpus with this many shorts of each colour, `red-0` and so on; captions name the colour of another short."""
    names = list(COLOURS)
    with open_corpus(path) as corpus:
        _, (task,) = start(corpus, number * len(names))
        for count in range(number):
            for place, colour in enumerate(names):
                said = {"caption": f"all about {names[place - 1]}", "hashtags": (colour,), **fields}
                show(corpus, task, f"{colour}-{count}", plain(colour, count), **said)
    return path


def break_picture(path: Path, platform_id: str) -> None:
    """Damage the stored bytes of a short's pictures, as a bad disk would."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "UPDATE image_data SET data = ? WHERE sha256 IN (SELECT images.sha256 FROM images JOIN shorts "
            "ON shorts.id = images.short_id WHERE platform_id = ?)",
            (BROKEN, platform_id),
        )


@contextmanager
def module_configuration(folder: Path) -> Iterator[None]:
    """A configuration folder for a corpus that several tests read."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VALUE_SPECTRUM_CONFIG_DIR", str(folder))
        yield


def ended(application: Any, arguments: Sequence[str | Path], monkeypatch: pytest.MonkeyPatch) -> int:
    """Run a command in this process as `python -m` would; its exit code."""
    monkeypatch.setattr(sys, "argv", ["command", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        cli.run(application)
    return int(end.value.code or 0)


def reopened(path: Path) -> Corpus:
    """For writing, as a process beside the collecting one."""
    return open_corpus(path, collecting=False)
