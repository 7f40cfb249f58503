"""Exact cosine over float16 rows on disk, and the files themselves."""

from pathlib import Path

import numpy as np
import pytest

from retrieval.embedders.base import Vectors, unit
from retrieval.matrix import BLOCK, Matrix, nearest
from retrieval.matrix_file import MatrixFile
from storage.errors import UsageError

DIM = 16


def rows(number: int, seed: int = 1) -> Vectors:
    return unit(np.random.default_rng(seed).standard_normal((number, DIM)))


def in_file(folder: Path, vectors: Vectors, *, step: int = 10_000) -> Matrix:
    file = MatrixFile(folder / "model-picture", DIM)
    count = 0
    for start in range(0, len(vectors), step):
        block = vectors[start : start + step]
        count = file.add(np.arange(start, start + len(block)), block.astype(np.float16), after=count)
    folder.mkdir(exist_ok=True)
    file.describe({"rows": count})
    return file.read()[0]


@pytest.mark.parametrize("number", [1, 999, 2 * BLOCK, 2 * BLOCK + 1, 5 * BLOCK + 7, 40 * BLOCK + 5])
def test_scores_are_those_of_a_product_in_full_precision_whatever_the_number_of_rows(
    tmp_path: Path, number: int
) -> None:
    matrix = in_file(tmp_path, rows(number))
    queries = rows(3, seed=2)
    expected = queries @ np.asarray(matrix.rows, np.float32).T
    np.testing.assert_allclose(matrix.scores(queries), expected, atol=1e-6)
    np.testing.assert_allclose(matrix.scores(queries[1]), expected[1], atol=1e-6)


def test_the_smallest_half_floats_count_as_well() -> None:
    tiny = np.array([[2**-24, -(2**-24), 2**-15, -(2**-14)] * 4], np.float16)
    query = np.zeros(DIM, np.float32)
    for place in range(4):
        query[:] = 0
        query[place] = 1
        assert Matrix(np.zeros(1, np.int64), tiny).scores(query)[0] == np.float32(tiny[0, place])


def test_search_finds_the_nearest_of_those_allowed_and_says_how_near(tmp_path: Path) -> None:
    vectors = rows(500)
    matrix = in_file(tmp_path, vectors)
    allowed = np.arange(500) % 3 == 1
    found = matrix.search(vectors[7], 4, allowed)
    cosines = np.asarray(matrix.rows, np.float32) @ vectors[7]
    expected = sorted((number for number in range(500) if number % 3 == 1), key=lambda number: -cosines[number])[:4]
    assert found.ids.tolist() == expected
    assert found.ids[0] == 7
    assert found.scores[0] == pytest.approx(1, abs=1e-3)


def test_equally_near_rows_come_in_order_of_their_ids_also_at_the_edge() -> None:
    ids = np.array([9, 3, 7, 1, 5])
    same = np.array([0.5, 0.5, 0.9, 0.5, 0.5], np.float32)
    assert nearest(ids, same, 3).ids.tolist() == [7, 1, 3]
    assert nearest(ids, same, 50).ids.tolist() == [7, 1, 3, 5, 9]


def test_what_has_no_score_is_never_found() -> None:
    ids, scores = np.arange(4), np.array([0.1, np.nan, 0.3, np.nan], np.float32)
    assert nearest(ids, scores, 4).ids.tolist() == [2, 0]
    assert nearest(ids, scores, 4, np.array([False, True, False, True])).ids.tolist() == []


def test_nothing_to_search_in_gives_nothing() -> None:
    assert Matrix.empty(DIM).search(rows(1)[0], 5).ids.tolist() == []


def test_a_query_of_another_size_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a query of 5 numbers cannot be compared with vectors of 16"):
        in_file(tmp_path, rows(3)).scores(np.ones(5, np.float32))


def test_a_matrix_on_disk_is_an_ordinary_numpy_file(tmp_path: Path) -> None:
    vectors = rows(2500)
    in_file(tmp_path, vectors)
    np.testing.assert_array_equal(np.load(tmp_path / "model-picture.npy"), vectors.astype(np.float16))
    assert np.load(tmp_path / "model-picture.ids.npy").tolist() == list(range(2500))


def test_rows_that_nobody_has_described_do_not_count_and_are_written_over(tmp_path: Path) -> None:
    vectors = rows(30)
    in_file(tmp_path, vectors[:10])
    file = MatrixFile(tmp_path / "model-picture", DIM)
    file.add(np.arange(100, 120), vectors[10:].astype(np.float16), after=10)  # and then the process dies
    assert len(file.read()[0]) == 10
    file.add(np.arange(10, 15), vectors[10:15].astype(np.float16), after=10)
    file.describe({"rows": 15})
    matrix, _ = file.read()
    assert matrix.ids.tolist() == list(range(15))
    np.testing.assert_array_equal(matrix.rows, vectors[:15].astype(np.float16))


def test_whoever_has_a_matrix_open_keeps_it_while_it_is_built_anew(tmp_path: Path) -> None:
    vectors = rows(40)
    before = in_file(tmp_path, vectors[:20])
    in_file(tmp_path, vectors[20:])
    np.testing.assert_array_equal(before.rows, vectors[:20].astype(np.float16))


@pytest.mark.parametrize("name", ["model-picture.npy", "model-picture.ids.npy", "model-picture.json"])
@pytest.mark.parametrize("content", [None, b"", b"{}", b"\x93NUMPY nonsense"])
def test_a_damaged_file_is_no_matrix(tmp_path: Path, name: str, content: bytes | None) -> None:
    in_file(tmp_path, rows(20))
    (tmp_path / name).unlink()
    if content is not None:
        (tmp_path / name).write_bytes(content)
    matrix, about = MatrixFile(tmp_path / "model-picture", DIM).read()
    assert (len(matrix), about) == (0, {})
