"""Embedding what a corpus holds and a model has not looked at: in short transactions, so that a kill costs a block."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from retrieval.ahead import ahead
from retrieval.captions import caption_words, hashtag_words, is_known
from retrieval.embedders.base import Embedder, Vectors, present
from retrieval.screen_text import ScreenReader, stored_model
from storage.embeddings import Embeddings, Key, Part, SaidText

PICTURES_AT_ONCE = 128
TEXTS_AT_ONCE = 128
SCREENS_AT_ONCE = 8
"""Reading a screen takes half a second; what is read is kept every few seconds."""


class Index(Protocol):
    """Where vectors go; see `retrieval.index.CorpusIndex`."""

    embeddings: Embeddings

    def add(self, part: Part, vectors: Mapping[Key, npt.NDArray[np.floating]]) -> int: ...


@dataclass(frozen=True, kw_only=True)
class Filled:
    """What was done for one part."""

    part: Part
    embedded: int
    absent: int
    """Looked at without a vector: pictures that cannot be decoded, texts that are empty or in an unknown language."""


class Filling:
    """The work that is left for one model in one corpus.

    Args:
        reader: reads screens; None leaves the screen text out.
        limit: at most so many pictures, texts and screens each.
    """

    def __init__(
        self, index: Index, embedder: Embedder, *, reader: ScreenReader | None = None, limit: int | None = None
    ) -> None:
        self._index = index
        embeddings = index.embeddings
        self._embedder = embedder
        self._reader = reader
        self._pictures = embeddings.missing_pictures(embedder.name, Part.PICTURE)[:limit]
        self._texts = {
            part: embeddings.missing_texts(embedder.name, part)[:limit] for part in (Part.CAPTION, Part.HASHTAGS)
        }
        screens = stored_model(embedder.name, Part.SCREEN_TEXT)
        self._screens = embeddings.missing_pictures(screens, Part.SCREEN_TEXT)[:limit] if reader else []

    @property
    def left(self) -> int:
        """Pictures, texts and screens to do."""
        return len(self._pictures) + sum(map(len, self._texts.values())) + len(self._screens)

    def run(self, step: Callable[[int], None] = lambda number: None) -> list[Filled]:
        """Do it all; `step` is told how many more are kept.

        Raises:
            StorageFull, CorpusUnusable: what was kept stays.
        """
        done = [self._part(Part.PICTURE, self._of_pictures(), step)]
        done += [self._part(part, self._of_texts(part, texts), step) for part, texts in self._texts.items()]
        if self._reader is not None:
            done.append(self._part(Part.SCREEN_TEXT, self._of_screens(self._reader), step))
        return done

    def _part(
        self, part: Part, blocks: Iterator[tuple[Sequence[str] | Sequence[int], Vectors]], step: Callable[[int], None]
    ) -> Filled:
        embedded = absent = 0
        for keys, vectors in blocks:
            self._index.add(part, dict(zip(keys, vectors, strict=True)))  # type: ignore[type-var]
            there = int(present(vectors).sum())
            embedded, absent = embedded + there, absent + len(keys) - there
            step(len(keys))
        return Filled(part=part, embedded=embedded, absent=absent)

    def _of_pictures(self) -> Iterator[tuple[Sequence[str], Vectors]]:
        for keys, pictures in self._read_ahead(self._pictures, PICTURES_AT_ONCE):
            yield keys, self._embedder.embed_pictures(pictures)

    def _of_texts(self, part: Part, texts: Sequence[SaidText]) -> Iterator[tuple[Sequence[int], Vectors]]:
        for start in range(0, len(texts), TEXTS_AT_ONCE):
            block = texts[start : start + TEXTS_AT_ONCE]
            words = [self._words(part, text) for text in block]
            yield [text.short_id for text in block], self._embedder.embed_texts(words)

    def _of_screens(self, reader: ScreenReader) -> Iterator[tuple[Sequence[str], Vectors]]:
        for keys, pictures in self._read_ahead(self._screens, SCREENS_AT_ONCE):
            captions = self._index.embeddings.captions(list(keys))
            read = [
                screen.besides(caption) if (screen := reader.read(picture)) else ""
                for picture, caption in zip(pictures, captions, strict=True)
            ]
            yield keys, self._embedder.embed_texts(read)

    def _words(self, part: Part, text: SaidText) -> str:
        if not is_known(text.language, self._embedder.languages):
            return ""
        return hashtag_words(text.hashtags) if part is Part.HASHTAGS else caption_words(text.caption, text.hashtags)

    def _read_ahead(self, keys: list[str], at_once: int) -> Iterator[tuple[list[str], list[bytes]]]:
        """Blocks of pictures; while one is embedded the next is read from the corpus."""
        blocks = [keys[start : start + at_once] for start in range(0, len(keys), at_once)]
        return zip(blocks, ahead(self._index.embeddings.pictures, blocks), strict=True)
