"""One state for a reader, a whole short wherever the disk fills up, and errors that keep their names (D1, D2)."""

from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError

from storage.database import open_database
from storage.errors import StorageFull
from storage.exposures import StoredExposure
from storage.summary import summarise
from tests.storage_tools import full_disk, kill, open_corpus, python, rows, scene, show, start, until

STORE_ON_AND_ON = """
import sys
from tests.storage_tools import open_corpus, scene, show, start
corpus = open_corpus(sys.argv[1])
run, (task,) = start(corpus, 100_000)
number = int(sys.argv[2])
while True:
    show(corpus, task, f"short {number}", scene(number), close=number % 2 == 0)
    number += 1
    print(number, flush=True)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.sqlite"
    with open_corpus(path) as corpus:
        start(corpus, 100_000)
    return path


def orphans(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Whatever a broken-off transaction would leave: pictures of nothing, shorts without pictures or exposure."""
    return {
        "bytes": rows(path, "SELECT sha256 FROM image_data WHERE sha256 NOT IN (SELECT sha256 FROM images)"),
        "shorts": rows(
            path,
            "SELECT id FROM shorts WHERE (SELECT count(*) FROM images WHERE short_id = shorts.id) != 2"
            " OR (SELECT count(*) FROM exposures WHERE short_id = shorts.id) != 1"
            " OR (SELECT count(*) FROM observations WHERE short_id = shorts.id) != 1"
            " OR (SELECT count(*) FROM labels WHERE short_id = shorts.id) != 1",
        ),
        "keys": rows(path, "PRAGMA foreign_key_check"),
    }


def nothing_left_over() -> dict[str, list[tuple[object, ...]]]:
    return {"bytes": [], "shorts": [], "keys": []}


def test_a_reader_sees_one_state_while_a_writer_goes_on(path: Path) -> None:
    writer = python(STORE_ON_AND_ON, path, "0")
    try:
        with open_database(path, write=False) as reader:
            until(lambda: summarise(reader).shorts > 2)
            with reader.read() as session:
                first = session.execute(text("SELECT count(*) FROM shorts")).scalar_one()
                until(lambda: summarise(reader).shorts > first + 2)
                assert session.execute(text("SELECT count(*) FROM shorts")).scalar_one() == first
                assert session.execute(text("SELECT count(*) FROM images")).scalar_one() == 2 * first
    finally:
        kill(writer)


@pytest.mark.parametrize("pages", range(2, 8))
def test_wherever_the_disk_fills_up_a_short_is_whole_or_not_there(path: Path, pages: int) -> None:
    with open_corpus(path) as corpus:
        (task,) = corpus.tasks.of_run(1)
        stored: list[StoredExposure] = []
        with full_disk(corpus.database, pages_left=pages), suppress(StorageFull):
            while len(stored) < 20:
                stored.append(show(corpus, task, str(len(stored)), scene(len(stored)), close=False))
        assert len(stored) < 20, "the disk was never full"
        assert rows(path, "SELECT count(*) FROM shorts") == [(len(stored),)]
    assert orphans(path) == nothing_left_over()


def test_keys_are_enforced_and_a_fault_of_ours_is_not_dressed_up_as_the_users(path: Path) -> None:
    with open_database(path, write=True) as database:
        with pytest.raises(IntegrityError), database.write() as session:
            session.execute(text("DELETE FROM runs"))
        with pytest.raises(OperationalError, match="no such table"), database.read() as session:
            session.execute(text("SELECT * FROM nowhere"))
