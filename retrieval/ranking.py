"""How near every short of a corpus is to words: by the picture, by what was said, or by everything together.

One part is ranked by its plain cosine. Several parts cannot simply be added: a picture's cosines lie elsewhere than a
caption's, and many shorts have only some of the parts. So each part's cosines are first counted in standard deviations
from their mean over the corpus, for the word at hand; then a short's figures z are joined as sum(w z) / sqrt(sum(w^2))
over the parts that it has (Stouffer's method): two parts that agree say more than one, and what is absent says nothing
for or against. The weights are stated here and can be given: equal ones, since of nine settings on a sandbox corpus
of 100 shorts none was clearly better (share of the collected shorts among the best five 0.50; others 0.42 to 0.49).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

import numpy as np

from retrieval.embedders.base import Embedder, Vectors, present
from retrieval.index import CorpusIndex
from retrieval.matrix import Found, Matrix, Scores, nearest
from storage.database import Database
from storage.embeddings import Part, ShortIds
from storage.errors import NothingFound, UsageError
from storage.selection import Selection, select_shorts

Weights = Mapping[Part, float]
WEIGHTS: Weights = MappingProxyType(dict.fromkeys(Part, 1.0))


class RankBy(StrEnum):
    """What a ranking looks at."""

    PICTURE = "picture"
    """The clean frame alone."""
    CAPTION = "caption"
    """Caption and hashtags."""
    FUSED = "fused"
    """All parts that are embedded."""


PARTS = {
    RankBy.PICTURE: (Part.PICTURE,),
    RankBy.CAPTION: (Part.CAPTION, Part.HASHTAGS),
    RankBy.FUSED: tuple(Part),
}


@dataclass(frozen=True, kw_only=True)
class Ranked:
    """Scores of shorts against words, to be compared within one word only."""

    ids: ShortIds
    """Shape (n,), ascending: the shorts that have a part at all."""
    scores: Scores
    """Shape (words, n). Cosines for one part, joined standard scores for several; NaN where a short has no part."""

    def best(self, word: int, k: int, allowed: ShortIds | None = None) -> Found:
        """The k nearest shorts to the word in this place.

        Args:
            allowed: ids of the shorts that may be found; applied before ranking.
        """
        mask = None if allowed is None else np.isin(self.ids, allowed)
        return nearest(self.ids, self.scores[word], k, mask)


class Ranker:
    """Ranks the shorts of a corpus by one embedder's vectors.

    Args:
        weights: of the parts, where several are joined; a part of weight 0 is left out.
        folder: of the matrices, see `CorpusIndex`.
    """

    def __init__(
        self, database: Database, embedder: Embedder, *, weights: Weights = WEIGHTS, folder: Path | None = None
    ) -> None:
        self.index = CorpusIndex(database, embedder, folder=folder)
        self._database = database
        self._embedder = embedder
        self._weights = weights
        self._words: dict[str, Vectors] = {}

    def rank(self, words: Sequence[str], by: RankBy = RankBy.PICTURE) -> Ranked:
        """Every short against every word.

        Raises:
            UsageError: a word is in a script or language that the embedder does not know, or no vectors are there.
            NothingFound: the corpus holds no picture at all.
        """
        vectors = self._embedded(words)
        parts = [part for part in PARTS[by] if self._weights.get(part, 0.0) > 0 and len(self.index.matrix(part))]
        if not parts:
            raise self._without_vectors(by)
        cosines = {part: self.cosines(vectors, part) for part in parts}
        if len(PARTS[by]) == 1:
            (ranked,) = cosines.values()
            return ranked
        return joined(cosines, self._weights)

    def cosines(self, vectors: Vectors, part: Part) -> Ranked:
        """Plain cosines of one part with unit vectors (words, dim); empty where the part is not embedded."""
        matrix = self.index.matrix(part)
        ids, scores = np.asarray(matrix.ids), matrix.scores(vectors)
        if (ids[1:] < ids[:-1]).any():
            order = np.argsort(ids)
            ids, scores = ids[order], scores[:, order]
        return Ranked(ids=ids, scores=scores)

    def cosines_of(self, word: str, short_ids: Sequence[int]) -> list[dict[Part, float]]:
        """A few shorts' plain cosines with a word, of the parts that each has."""
        found: list[dict[Part, float]] = [{} for _ in short_ids]
        for part in Part:
            matrix = self.index.matrix(part)
            for short, cosines in zip(short_ids, found, strict=True):
                for place in np.flatnonzero(matrix.ids == short):
                    row = Matrix(matrix.ids[place : place + 1], matrix.rows[place : place + 1])
                    cosines[part] = round(float(row.scores(self.embedded(word))[0]), 4)
        return found

    def embedded(self, word: str) -> Vectors:
        """A word's unit vector (dim,).

        Raises:
            UsageError: the embedder does not know its script or language.
        """
        vector: Vectors = self._embedded([word])[0]
        return vector

    def _embedded(self, words: Sequence[str]) -> Vectors:
        new = [word for word in dict.fromkeys(words) if word not in self._words]
        if new:
            vectors = self._embedder.embed_texts(new)
            for word, there in zip(new, present(vectors), strict=True):
                if not there:
                    raise UsageError(
                        f"{word!r} is in a script that {self._embedder.name} does not know; give the word in English, "
                        "or use a model that knows it (--model)"
                    )
            self._words.update(zip(new, vectors, strict=True))
        return np.stack([self._words[word] for word in words])

    def _without_vectors(self, by: RankBy) -> Exception:
        path = self._database.path
        model = self._embedder.name
        if not len(select_shorts(self._database, Selection())):
            return NothingFound(f"{path} holds no picture yet; collect some with `python -m agent.collect`")
        return UsageError(f"{path} has no {by.value} vectors of {model}; make them with `python -m retrieval.index`")


def joined(cosines: Mapping[Part, Ranked], weights: Weights) -> Ranked:
    """Several parts' cosines as joined standard scores, over all shorts that have one of the parts."""
    ids = np.unique(np.concatenate([ranked.ids for ranked in cosines.values()]))
    words = len(next(iter(cosines.values())).scores)
    total = np.zeros((words, len(ids)), np.float32)
    squares = np.zeros(len(ids), np.float32)
    for part, ranked in cosines.items():
        weight, places = weights[part], np.searchsorted(ids, ranked.ids)
        total[:, places] += weight * standard(ranked.scores)
        squares[places] += weight**2
    return Ranked(ids=ids, scores=np.asarray(total / np.sqrt(squares), np.float32))


def standard(cosines: Scores) -> Scores:
    """Cosines (words, n) in standard deviations from their mean over the corpus, word by word."""
    spread = cosines.std(axis=1, keepdims=True)
    return np.asarray((cosines - cosines.mean(axis=1, keepdims=True)) / np.where(spread == 0, 1, spread), np.float32)
