"""Exact cosine over a float16 matrix in a memory-mapped file.

Half floats halve the file and what a query must read. numpy widens them one by one, so the product is onnxruntime's,
block by block on all cores: a block is widened to float32 and multiplied while it is in the cache. `make bench`
(part `exact`) compares it with numpy's own product over a float32 matrix twice the size, held in memory.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
from onnx import TensorProto, helper

from retrieval.embedders.base import Vectors
from storage.embeddings import Halves, ShortIds
from storage.errors import UsageError

Scores = npt.NDArray[np.float32]
BLOCK = 2048
"""Rows that are widened at a time: 4 MB, which stay in the processor's cache. From 8,192 rows on it takes twice as
long, below 1,024 the calls cost more than the products."""

GROUP = 256
"""Scores of which only the best is compared at first."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """The nearest rows, the nearest first; equally near ones in order of their ids."""

    ids: ShortIds
    scores: Scores


class Matrix:
    """Unit vectors with ids.

    Args:
        ids: shape (n,), each once.
        rows: shape (n, dim), float16; usually a memory map.
    """

    def __init__(self, ids: ShortIds, rows: Halves) -> None:
        self.ids = ids
        self.rows = rows

    @classmethod
    def empty(cls, dim: int) -> "Matrix":
        """Without a row."""
        return cls(np.empty(0, np.int64), np.empty((0, dim), np.float16))

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def dim(self) -> int:
        return int(self.rows.shape[1])

    def scores(self, query: Vectors) -> Scores:
        """Cosine of every row and a unit vector (dim,), shape (n,); or of several (q, dim), shape (q, n).

        Raises:
            UsageError: the query has another size than the rows.
        """
        queries = np.atleast_2d(query)
        if queries.shape[1] != self.dim:
            raise UsageError(
                f"a query of {queries.shape[1]} numbers cannot be compared with vectors of {self.dim}: they are of two "
                "models; search with the model that the index was made with"
            )
        return _products(np.asarray(self.rows), queries)[0 if query.ndim == 1 else slice(None)]

    def search(self, query: Vectors, k: int, allowed: npt.NDArray[np.bool_] | None = None) -> Found:
        """The k nearest rows to a unit vector (dim,), exactly.

        Args:
            allowed: which rows may be found, shape (n,); applied before ranking.
        """
        scores = self.scores(query)
        return nearest(self.ids, scores, k, allowed)


def nearest(ids: ShortIds, scores: Scores, k: int, allowed: npt.NDArray[np.bool_] | None = None) -> Found:
    """The k best of scored ids; fewer where fewer are allowed. Scores that are no number are never found."""
    there = ~np.isnan(scores) if allowed is None else allowed & ~np.isnan(scores)
    if not there.all():
        ids, scores = ids[there], scores[there]
    best = _candidates(scores, k)
    best = best[np.lexsort((ids[best], -scores[best]))][:k]
    return Found(ids=ids[best], scores=scores[best])


def _candidates(scores: Scores, k: int) -> npt.NDArray[np.intp]:
    """Places of the k best, and of some more: all that tie with the last of them, so that their order can be told.

    The k-th best of the maxima of so many groups is reached by k scores at least: what is below it is not looked at.
    """
    groups = len(scores) // GROUP
    if not 0 < k < groups:
        return np.arange(len(scores))
    maxima = scores[: groups * GROUP].reshape(groups, GROUP).max(axis=1)
    return np.flatnonzero(scores >= np.partition(maxima, groups - k)[groups - k])


def _products(rows: Halves, queries: Vectors) -> Scores:
    """Shape (queries, rows)."""
    scores = np.empty((len(queries), len(rows)), np.float32)
    rows, given = np.ascontiguousarray(rows), np.ascontiguousarray(queries, np.float32)
    session = _session()
    starts = iter(range(0, len(rows), BLOCK))  # shared, so that a core that is busy with something else takes fewer

    def work() -> None:
        binding = session.io_binding()  # neither rows nor results are copied on their way
        binding.bind_input("queries", "cpu", 0, np.float32, given.shape, given.ctypes.data)
        for start in starts:
            some = rows[start : start + BLOCK]
            part = np.empty((len(given), len(some)), np.float32)
            binding.bind_input("rows", "cpu", 0, np.float16, some.shape, some.ctypes.data)
            binding.bind_output("scores", "cpu", 0, np.float32, part.shape, part.ctypes.data)
            session.run_with_iobinding(binding)
            scores[:, start : start + BLOCK] = part

    workers = min(os.cpu_count() or 1, -(-len(rows) // BLOCK))
    if workers < 2:
        work()
    else:
        with ThreadPoolExecutor(workers) as pool:
            for done in [pool.submit(work) for _ in range(workers)]:
                done.result()
    return scores


@cache
def _session() -> Any:
    """Widen the rows, multiply. It works on the thread that calls it: threads of its own would spin when idle."""
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["rows"], ["wide"], to=TensorProto.FLOAT),
            helper.make_node("Gemm", ["queries", "wide"], ["scores"], transB=1),
        ],
        "cosines",
        [
            helper.make_tensor_value_info("rows", TensorProto.FLOAT16, ["n", "dim"]),
            helper.make_tensor_value_info("queries", TensorProto.FLOAT, ["q", "dim"]),
        ],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["q", "n"])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
