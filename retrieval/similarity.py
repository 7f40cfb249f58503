"""How near a short is to a set of words, read against chance.

A cosine alone says little: some words are near everything. So a short's nearness is given as the share of a thousand
things at random that are less near to the same words: 0.9 means that one thing in ten is as near. Seen (the picture)
and said (caption and hashtags) count half each; what is absent is left out, of the short and of the things alike.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retrieval.embedders.base import Embedder, Vectors, present
from storage.records import Record

ENGLISH = "en"
UNKNOWN_LANGUAGE = ("un", "und")
SHIFT = 389
"""Pairs each thing's picture with another thing's text, as unrelated shorts would be; prime to their number."""

Cosines = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Nearness:
    """A short against a set of words."""

    rank: float
    """Share of things at random that are less near, 0 to 1, three decimals."""
    word: str
    """The nearest word."""
    seen: float | None
    """Cosine of the picture and that word."""
    said: float | None
    """Cosine of caption and hashtags and that word; None where there is no text, or none in English."""


@dataclass(frozen=True, kw_only=True)
class ShortVectors:
    """What of a short can be compared; a row of zeros is absent."""

    seen: Vectors
    said: Vectors


class Similarity:
    """Compares shorts with words through one embedder; remembers the words."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._words: dict[str, Vectors] = {}
        self._chance: dict[tuple[tuple[str, ...], bool, bool], Cosines] = {}
        self._last: tuple[tuple[bytes, str], ShortVectors] | None = None

    @property
    def name(self) -> str:
        """The embedder's name, to be stored with what is derived from it."""
        return self._embedder.name

    def vectors(self, record: Record, picture: bytes) -> ShortVectors:
        """The vectors of a short; of the newest one they are remembered, since decider and labeller both ask."""
        text = _text(record)
        key = (picture, text)
        if self._last is None or self._last[0] != key:
            found = ShortVectors(seen=self._embedder.embed_pictures([picture]), said=self._embedder.embed_texts([text]))
            self._last = (key, found)
        return self._last[1]

    def nearness(self, short: ShortVectors, words: Sequence[str]) -> Nearness:
        """How near a short is to the nearest of the words.

        Raises:
            ValueError: there is no word.
        """
        if not words:
            raise ValueError("nearness to no words")
        against = self._embedded(words)
        seen, said = short.seen @ against.T, short.said @ against.T
        has_seen, has_said = bool(present(short.seen)[0]), bool(present(short.said)[0])
        scores = _mean(seen, said, has_seen, has_said)[0]
        nearest = int(scores.argmax())
        chance = self._of_things(tuple(words), has_seen, has_said)
        rank = float(np.searchsorted(chance, scores[nearest])) / len(chance) if has_seen or has_said else 0.0
        return Nearness(
            rank=round(rank, 3),
            word=words[nearest],
            seen=round(float(seen[0, nearest]), 3) if has_seen else None,
            said=round(float(said[0, nearest]), 3) if has_said else None,
        )

    def ranked(self, short: ShortVectors, groups: Mapping[str, Sequence[str]]) -> list[tuple[str, Nearness]]:
        """Groups of words (values, topics), the nearest first; equally near ones in the given order."""
        found = [(name, self.nearness(short, words)) for name, words in groups.items()]
        return sorted(found, key=lambda entry: -entry[1].rank)

    def _embedded(self, words: Sequence[str]) -> Vectors:
        new = [word for word in dict.fromkeys(words) if word not in self._words]
        if new:
            self._words.update(zip(new, self._embedder.embed_texts(new)[:, None], strict=True))
        return np.concatenate([self._words[word] for word in words])

    def _of_things(self, words: tuple[str, ...], has_seen: bool, has_said: bool) -> Cosines:
        """Sorted nearness of things at random to the same words."""
        key = (words, has_seen, has_said)
        if key not in self._chance:
            cosines = self._embedder.things() @ self._embedded(words).T
            scores = _mean(cosines, np.roll(cosines, SHIFT, axis=0), has_seen, has_said)
            self._chance[key] = np.sort(scores.max(axis=1))
        return self._chance[key]


def _mean(seen: Cosines, said: Cosines, has_seen: bool, has_said: bool) -> Cosines:
    parts = [part for part, there in ((seen, has_seen), (said, has_said)) if there]
    return np.asarray(sum(parts) / len(parts) if parts else np.zeros_like(seen), np.float32)


def _text(record: Record) -> str:
    """Caption and hashtags; empty where the platform says that it is not English."""
    if record.language and record.language.split("-")[0].lower() not in (ENGLISH, *UNKNOWN_LANGUAGE):
        return ""
    tags = [tag for tag in record.hashtags if f"#{tag}" not in (record.caption or "")]
    return " ".join([record.caption or "", *(f"#{tag}" for tag in tags)]).strip()
