"""How near a short is to a set of words, read against chance.

A cosine alone says little, for two reasons. Some pictures and captions are near every word: a real short is a mixture
of things, and mixtures lie in the middle of the space. So a cosine is first counted in standard deviations from the
mean over 200 everyday words (the packaged keywords of both forms). And some words are near everything, or there are
many of them. So the nearest word's figure is then given as the share of a thousand things at random that are less near
to the same words: 0.9 means that one thing in ten is as near. Seen (the picture) and said (caption and hashtags) count
half each; what is absent is left out, of the short and of the things alike.

That the share means what it says was checked on 102 recorded screenshots of short videos and 82 recorded captions,
paired at random, against each of the 100 keywords: 0.11 of the pairs reached 0.9 and 0.06 reached 0.95 (pictures alone
0.08 and 0.04, captions alone 0.15 and 0.09). With plain cosines 0.71 of the screenshots reached 0.9. Against ten words
of a value 0.07 of the pairs reached 0.9, against all hundred 0.03: many words together are judged a little strictly.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retrieval.captions import is_known, plain
from retrieval.embedders.base import Embedder, Vectors, present
from retrieval.vocabulary import load_vocabulary
from storage.records import Record

SHIFT = 389
"""Pairs each thing's picture with another thing's text, as unrelated shorts would be; prime to their number."""

Deviations = npt.NDArray[np.float32]
"""Shape (n, words): nearness in standard deviations from the mean over everyday words."""


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
        self._chance: dict[tuple[tuple[str, ...], bool, bool], npt.NDArray[np.float32]] = {}
        packaged = load_vocabulary()
        self._everyday = self._embedded([word.word for form in "AB" for word in packaged.keywords(form)])
        self._last: tuple[tuple[bytes, str], ShortVectors] | None = None

    @property
    def name(self) -> str:
        """The embedder's name, to be stored with what is derived from it."""
        return self._embedder.name

    def vectors(self, record: Record, picture: bytes) -> ShortVectors:
        """The vectors of a short; of the newest one they are remembered, since decider and labeller both ask."""
        text = self._text(record)
        key = (picture, text)
        if self._last is None or self._last[0] != key:
            found = ShortVectors(seen=self._embedder.embed_pictures([picture]), said=self._embedder.embed_texts([text]))
            self._last = (key, found)
        return self._last[1]

    def nearness(self, short: ShortVectors, words: Sequence[str]) -> Nearness | None:
        """How near a short is to the nearest of the words; None where nothing can be compared.

        That is where neither picture nor text is there, or no word is in a script that the embedder knows.
        """
        known = tuple(word for word in words if present(self._embedded([word]))[0])
        has_seen, has_said = bool(present(short.seen)[0]), bool(present(short.said)[0])
        if not known or not (has_seen or has_said):
            return None
        scores = _mean(
            self._deviations(short.seen, known) if has_seen else None,
            self._deviations(short.said, known) if has_said else None,
        )[0]
        nearest = int(scores.argmax())
        chance = self._of_things(known, has_seen, has_said)
        vector = self._embedded([known[nearest]])[0]
        return Nearness(
            rank=round(float(np.searchsorted(chance, scores[nearest])) / len(chance), 3),
            word=known[nearest],
            seen=round(float(short.seen[0] @ vector), 3) if has_seen else None,
            said=round(float(short.said[0] @ vector), 3) if has_said else None,
        )

    def ranked(self, short: ShortVectors, groups: Mapping[str, Sequence[str]]) -> list[tuple[str, Nearness]]:
        """Groups of words (values, topics), the nearest first; equally near ones in the given order."""
        found = [(name, near) for name, words in groups.items() if (near := self.nearness(short, words)) is not None]
        return sorted(found, key=lambda entry: -entry[1].rank)

    def _text(self, record: Record) -> str:
        """Caption and hashtags as they were written; empty in a language that the embedder does not know."""
        if not is_known(record.language, self._embedder.languages):
            return ""
        tags = [tag for tag in record.hashtags if f"#{tag}" not in (record.caption or "")]
        return plain(" ".join([record.caption or "", *(f"#{tag}" for tag in tags)]))

    def _embedded(self, words: Sequence[str]) -> Vectors:
        new = [word for word in dict.fromkeys(words) if word not in self._words]
        if new:
            self._words.update(zip(new, self._embedder.embed_texts(new)[:, None], strict=True))
        return np.concatenate([self._words[word] for word in words])

    def _deviations(self, vectors: Vectors, words: Sequence[str]) -> Deviations:
        usual = vectors @ self._everyday.T
        nearness = vectors @ self._embedded(words).T
        return np.asarray((nearness - usual.mean(1, keepdims=True)) / usual.std(1, keepdims=True), np.float32)

    def _of_things(self, words: tuple[str, ...], has_seen: bool, has_said: bool) -> npt.NDArray[np.float32]:
        """Sorted nearness of things at random to the same words."""
        key = (words, has_seen, has_said)
        if key not in self._chance:
            things = self._deviations(self._embedder.things(), words)
            scores = _mean(things if has_seen else None, np.roll(things, SHIFT, axis=0) if has_said else None)
            self._chance[key] = np.sort(scores.max(axis=1))
        return self._chance[key]


def _mean(*parts: Deviations | None) -> Deviations:
    """Of the parts that are there; one is."""
    there = [part for part in parts if part is not None]
    return np.asarray(sum(there) / len(there), np.float32)
