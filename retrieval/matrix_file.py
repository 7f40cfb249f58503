"""A matrix on disk: `<name>.npy` (float16 rows), `<name>.ids.npy` (int64) and `<name>.json` (how far they are valid).

Rows are only ever appended, and the JSON file is replaced last: a process that dies while it writes leaves rows that do
not count. Whoever has a matrix open keeps what they see, also while it grows or is built anew.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from retrieval.matrix import Matrix
from storage.embeddings import Halves, ShortIds

IDS = np.dtype("<i8")
HALF = np.dtype("<f2")
Described = dict[str, Any]


class MatrixFile:
    """One matrix in a folder.

    Args:
        stem: path without ending; the folder is made when something is added.
        dim: numbers of a vector.
    """

    def __init__(self, stem: Path, dim: int) -> None:
        self._dim = dim
        self._rows = stem.with_name(stem.name + ".npy")
        self._ids = stem.with_name(stem.name + ".ids.npy")
        self._about = stem.with_name(stem.name + ".json")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder's lock: one process at a time reads what stands and adds to it.

        Raises:
            OSError: the folder cannot be written.
        """
        self._rows.parent.mkdir(parents=True, exist_ok=True)
        with (self._rows.parent / "lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def read(self) -> tuple[Matrix, Described]:
        """The matrix, mapped, and what was last said about it; empty and {} where nothing valid stands."""
        try:
            about: Described = json.loads(self._about.read_text(encoding="utf-8"))
            ids = np.load(self._ids, mmap_mode="r")
            rows = np.load(self._rows, mmap_mode="r")
            count = about["rows"]
        except (OSError, ValueError, KeyError, EOFError):
            return Matrix.empty(self._dim), {}
        if min(len(ids), len(rows)) < count or rows.dtype != HALF or rows.shape[1:] != (self._dim,):
            return Matrix.empty(self._dim), {}
        return Matrix(ids[:count], rows[:count]), about

    def add(self, ids: ShortIds, rows: Halves, *, after: int) -> int:
        """Append behind the first `after` rows (0 begins a new file); they count once `describe` has said so.

        Returns:
            Rows that there are then.
        """
        _append(self._rows, np.ascontiguousarray(rows, HALF), after)
        _append(self._ids, np.ascontiguousarray(ids, IDS), after)
        return after + len(ids)

    def describe(self, about: Described) -> None:
        """Say what the first `about["rows"]` rows are."""
        for path in (self._rows, self._ids):
            if not path.exists():
                self.add(np.empty(0, np.int64), np.empty((0, self._dim), np.float16), after=0)
            with path.open("rb") as file:
                os.fsync(file.fileno())
        new = self._about.with_name(self._about.name + ".new")
        new.write_text(json.dumps(about), encoding="utf-8")
        new.replace(self._about)


def _append(path: Path, array: npt.NDArray[Any], after: int) -> None:
    """Numpy leaves room in a header for its first axis to grow, so that rows can be added in place."""
    if after == 0:
        path.unlink(missing_ok=True)  # not overwritten: somebody may have it mapped
    with path.open("r+b" if after else "w+b") as file:
        _write_header(file, array, after + len(array))
        file.seek(after * array[:1].nbytes, os.SEEK_CUR)
        file.truncate()
        file.write(array.tobytes())


def _write_header(file: Any, array: npt.NDArray[Any], rows: int) -> None:
    shape = (rows, *array.shape[1:])
    np.lib.format.write_array_header_1_0(
        file, {"descr": np.lib.format.dtype_to_descr(array.dtype), "fortran_order": False, "shape": shape}
    )
