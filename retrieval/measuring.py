"""How well an embedder finds what was judged relevant: by the picture alone, the caption alone, and both."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from retrieval.embedders.base import Embedder, Vectors, present
from retrieval.judgements import LabelledQuery, Labels
from retrieval.matrix import Matrix
from retrieval.metrics import (
    Interval,
    average_precision,
    bootstrap,
    ndcg_at,
    precision_at,
    ranking,
    recall_at,
)
from retrieval.ranking import WEIGHTS, RankBy, Ranked, joined
from storage.embeddings import Part
from storage.errors import UsageError

DEPTHS = (5, 10, 50)
NDCG_DEPTH = 10
ALL = "all"
OTHER = "no value"

Scored = dict[str, float]
"""Metrics of one query, by name."""


class Collection(Protocol):
    """What can be ranked against words: a corpus (`retrieval.ranking.Ranker`) or a folder of pictures."""

    def rank(self, words: Sequence[str], by: RankBy) -> Ranked:
        """Every item that has the part against every word."""


class PictureFolder:
    """Pictures with what was said of them, in memory. Items are numbered from 0 in the given order.

    Args:
        pictures: encoded; absent where they cannot be decoded.
        captions, hashtags: texts, empty where there is none.
    """

    def __init__(
        self, embedder: Embedder, pictures: Sequence[bytes], captions: Sequence[str], hashtags: Sequence[str]
    ) -> None:
        self._embedder = embedder
        vectors = {
            Part.PICTURE: embedder.embed_pictures(pictures),
            Part.CAPTION: embedder.embed_texts(captions),
            Part.HASHTAGS: embedder.embed_texts(hashtags),
        }
        self._matrices = {part: _matrix(rows) for part, rows in vectors.items() if present(rows).any()}

    def rank(self, words: Sequence[str], by: RankBy) -> Ranked:
        """Every picture that has the part against every word.

        Raises:
            UsageError: no picture has it.
        """
        wanted = {RankBy.PICTURE: (Part.PICTURE,), RankBy.CAPTION: (Part.CAPTION, Part.HASHTAGS)}.get(by, tuple(Part))
        vectors = self._embedder.embed_texts(words)
        cosines = {
            part: Ranked(ids=matrix.ids, scores=matrix.scores(vectors))
            for part, matrix in self._matrices.items()
            if part in wanted
        }
        if not cosines:
            raise UsageError(f"no picture has a {by.value} that {self._embedder.name} knows")
        return cosines[Part.PICTURE] if by is RankBy.PICTURE else joined(cosines, WEIGHTS)


def _matrix(rows: Vectors) -> Matrix:
    there: npt.NDArray[np.intp] = np.flatnonzero(present(rows))
    return Matrix(there.astype(np.int64), rows[there].astype(np.float16))


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One way of ranking, measured."""

    coverage: float
    """Share of the collection that has a vector to rank by; what has none is missed, not left out."""
    groups: Mapping[str, Mapping[str, Interval]]
    """By value (and `all`), by metric; each over the queries of the group."""
    queries: Mapping[str, Scored]

    def as_json(self) -> dict[str, Any]:
        """Intervals only."""
        return {
            "coverage": round(self.coverage, 4),
            "groups": {
                group: {metric: interval.rounded() for metric, interval in metrics.items()}
                for group, metrics in self.groups.items()
            },
        }


def known_queries(queries: Sequence[LabelledQuery], embedder: Embedder) -> tuple[list[LabelledQuery], list[str]]:
    """The queries that the embedder can read, and the words of the others (another script), which are reported."""
    there = present(embedder.embed_texts([query.text for query in queries])).tolist()
    known = [query for query, is_known in zip(queries, there, strict=True) if is_known]
    return known, [query.text for query, is_known in zip(queries, there, strict=True) if not is_known]


def measure(
    collection: Collection,
    queries: Sequence[LabelledQuery],
    by: RankBy,
    items: Sequence[int],
    *,
    seed: int,
    repeats: int,
    only_judged: bool = False,
    depths: Sequence[int] = DEPTHS,
) -> Measured | None:
    """Metrics of every query and their means with intervals; None where nothing has a caption.

    Args:
        items: numbers of the whole collection, of which some may have no vector.
        only_judged: rank, for each query, only what was judged for it (Sakai 2007, condensed lists).

    Raises:
        UsageError: no picture has a vector, or vectors are of another size.
    """
    try:
        ranked = collection.rank([query.text for query in queries], by)
    except UsageError:
        if by is RankBy.PICTURE:
            raise
        return None
    there: npt.NDArray[np.bool_] = np.isin(ranked.ids, items)
    scored = {
        query.text: _scored(query, ranked.ids[there], ranked.scores[place, there], seed, only_judged, depths)
        for place, query in enumerate(queries)
    }
    members: dict[str, list[Scored]] = {ALL: list(scored.values())}
    for query in queries:
        members.setdefault(query.value or OTHER, []).append(scored[query.text])
    if set(members) == {ALL, OTHER}:
        del members[OTHER]
    groups = {
        group: {
            metric: bootstrap(
                [one[metric] for one in ones], seed=seed, purpose=f"evaluate/{group}/{metric}", repeats=repeats
            )
            for metric in ones[0]
        }
        for group, ones in members.items()
    }
    return Measured(coverage=float(there.sum() / len(items)), groups=groups, queries=scored)


def _scored(
    query: LabelledQuery,
    ids: npt.NDArray[np.int64],
    scores: npt.NDArray[np.float32],
    seed: int,
    only_judged: bool,
    depths: Sequence[int],
) -> Scored:
    if only_judged:
        kept = np.isin(ids, list(query.judged))
        ids, scores = ids[kept], scores[kept]
    order = ranking(scores, [f"{query.text}/{number}" for number in ids.tolist()], seed)
    relevant = np.isin(ids[order], list(query.relevant))
    total = len(query.relevant)
    found = {f"recall@{k}": recall_at(relevant, total, k) for k in depths}
    return {
        **found,
        "precision@5": precision_at(relevant, 5),
        f"nDCG@{NDCG_DEPTH}": ndcg_at(relevant, total, NDCG_DEPTH),
        "mAP": average_precision(relevant, total),
    }


def folder_of(labels: Labels, read: Callable[[str], bytes]) -> tuple[list[str], list[bytes], list[str], list[str]]:
    """The pictures that a labels file names: file names, bytes, captions and hashtags, each picture once."""
    captions: dict[str, str] = {}
    hashtags: dict[str, str] = {}
    for row in labels.rows:
        captions[row.item] = captions.get(row.item) or row.caption
        hashtags[row.item] = hashtags.get(row.item) or ", ".join(row.hashtags)
    names = list(captions)
    return names, [read(name) for name in names], [captions[name] for name in names], [hashtags[name] for name in names]
