"""Whole or not at all (D1, D2): concurrent writers, killed writers, full disks, readers meanwhile."""

import sqlite3
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, event, select
from sqlalchemy.exc import IntegrityError

import storage.database as database
from storage.chance import draw
from storage.corpus import Corpus
from storage.database import Database, open_database
from storage.errors import CorpusUnusable, StorageFull
from storage.models import Event, Short
from storage.records import Kind, Outcome
from storage.summary import summarise
from tests.storage_tools import (
    MOMENT,
    answer,
    everything,
    finished,
    full_disk,
    grey,
    kill,
    miss,
    open_corpus,
    python,
    record,
    rows,
    scene,
    show,
    start,
    until,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.sqlite"
    open_corpus(path).close()
    return path


def test_two_processes_that_read_check_and_insert_never_double(path: Path) -> None:
    code = """
import sys
from storage.database import open_database
from storage.models import Event
from sqlalchemy import func, select
from tests.storage_tools import MOMENT
with open_database(sys.argv[1], write=True) as database:
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(60):
        with database.write() as session:
            highest = session.scalar(select(func.count()).where(Event.kind == "number"))
            session.add(Event(kind="number", detail={"number": highest}, at=MOMENT))
"""
    writers = [python(code, path, stdin=subprocess.PIPE) for _ in range(2)]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        finished(writer)
    numbers = rows(path, "SELECT json_extract(detail, '$.number') FROM events WHERE kind = 'number' ORDER BY id")
    assert [number for (number,) in numbers] == list(range(120))


def more_shorts(reader: Database, than: int) -> bool:
    return summarise(reader).shorts > than


def test_a_writer_killed_again_and_again_leaves_whole_shorts_only(path: Path) -> None:
    code = """
import sys
from tests.storage_tools import open_corpus, scene, show, start
with open_corpus(sys.argv[1]) as corpus:
    run, (task,) = start(corpus, 100_000)
    print("writing", flush=True)
    number = len(corpus.tasks.of_run(run.plan_run_id)) and corpus.tasks.reload(task).taken
    while True:
        number += 1
        show(corpus, task, f"s{number}", scene(number))
"""
    before = 0
    for turn in range(4):
        writer = python(code, path)
        assert writer.stdout is not None
        assert writer.stdout.readline() == "writing\n"
        with open_database(path, write=False) as reader:
            until(partial(more_shorts, reader, before))
        time.sleep(0.15 * draw(1, "kill", str(turn)))
        kill(writer)
        assert rows(path, "PRAGMA integrity_check") == [("ok",)]
        assert rows(path, "PRAGMA foreign_key_check") == []
        (after,) = rows(path, "SELECT count(*) FROM shorts")[0]
        assert after > before
        parts = (
            "exposures WHERE screen_image_id IS NOT NULL AND frame_image_id IS NOT NULL",
            "observations",
            "labels WHERE source = 'query'",
            "images WHERE role = 'screen'",
            "images WHERE role = 'frame'",
        )
        assert {rows(path, f"SELECT count(*) FROM {part}")[0][0] for part in parts} == {after}
        assert rows(path, "SELECT taken FROM tasks") == [(after,)]
        assert rows(path, "SELECT count(*) FROM exposures WHERE outcome = 'open'")[0][0] <= 1
        before = after
    with open_corpus(path):
        outcomes = dict(rows(path, "SELECT outcome, count(*) FROM exposures GROUP BY outcome"))
    assert outcomes["done"] + outcomes.get("interrupted", 0) == before
    assert "open" not in outcomes
    assert rows(path, "SELECT count(*) FROM runs") == [(1,)]


def test_a_full_disk_stores_nothing_of_a_short_and_what_was_there_stays_usable(path: Path) -> None:
    with open_corpus(path) as corpus:
        _, (task,) = start(corpus)
        show(corpus, task, "a", scene(1))
        before = everything(path)
        with full_disk(corpus.database, pages_left=2), pytest.raises(StorageFull, match="run the same command") as full:
            show(corpus, task, "b", scene(2, width=720, height=1280))
        assert full.value.exit_code == 1
        assert str(path) in str(full.value)
        assert everything(path) == before
        again = show(corpus, task, "b", scene(2, width=720, height=1280))
        assert (again.is_new, again.duplicate_of) == (True, None)
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]


def test_every_writing_call_reports_a_full_disk(path: Path) -> None:
    with open_corpus(path) as corpus:
        _, (task,) = start(corpus)
        long = "x" * 100_000
        calls: list[Callable[[], object]] = [
            lambda: corpus.answers.put(answer(raw=long), None),
            lambda: corpus.tasks.add_listings(task, [record("b", caption=long)]),
            lambda: miss(corpus, task, record("c", caption=long), Outcome.FAILED, "capture"),
            lambda: corpus.add_event("relabel", {"why": long}),
            lambda: start(corpus, plan_hash="q" * 64, command=[long]),
        ]
        before = everything(path)
        with full_disk(corpus.database):
            for call in calls:
                with pytest.raises(StorageFull):
                    call()
        assert everything(path) == before


def test_a_full_disk_while_a_corpus_is_made_leaves_a_file_that_can_be_made_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, connect = tmp_path / "new.sqlite", database._connect

    def on_a_small_disk(path: Path, read_only: bool) -> sqlite3.Connection:
        connection = connect(path, read_only)
        connection.execute("PRAGMA max_page_count=8")
        return connection

    with monkeypatch.context() as patched:
        patched.setattr(database, "_connect", on_a_small_disk)
        with pytest.raises(StorageFull):
            open_corpus(path)
    open_corpus(path).close()
    assert rows(path, "SELECT kind FROM events") == [("created",)]


def test_a_commit_that_fails_leaves_no_picture_in_memory(path: Path) -> None:
    with open_corpus(path) as corpus:
        _, (task,) = start(corpus)

        def spoil(connection: Connection) -> None:
            connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
            connection.exec_driver_sql("INSERT INTO events VALUES (99, 'relabel', '{}', 99, '2026-01-01 00:00:00')")

        event.listen(corpus.database._engine, "commit", spoil)
        with pytest.raises(IntegrityError, match="FOREIGN KEY"):
            show(corpus, task, "a", scene(1))
        event.remove(corpus.database._engine, "commit", spoil)
        assert rows(path, "SELECT count(*) FROM shorts") == [(0,)]
        stored = show(corpus, task, "b", scene(1))
        assert (stored.is_new, stored.duplicate_of) == (True, None)
        assert rows(path, "SELECT profile_exposures FROM exposures") == [(0,)]


def test_a_reader_sees_one_state_while_a_writer_writes(path: Path) -> None:
    with open_corpus(path) as corpus, open_database(path, write=False) as reader:
        _, (task,) = start(corpus)
        with reader.read() as session:
            assert session.scalars(select(Short.platform_id)).all() == []
            show(corpus, task, "a", scene(1))
            assert session.scalars(select(Short.platform_id)).all() == []
        with reader.read() as session:
            assert session.scalars(select(Short.platform_id)).all() == ["a"]
        with corpus.database.write() as writing:
            writing.add(Event(kind="relabel", detail={}, at=MOMENT))
            writing.flush()
            assert summarise(reader).events[0]["kind"] == "created"
        assert summarise(reader).events[0]["kind"] == "relabel"


def test_nothing_can_be_written_by_reading(path: Path) -> None:
    new = Event(kind="relabel", detail={}, at=MOMENT)
    with open_database(path, write=True) as writer, writer.read() as session:
        session.add(new)
        session.flush()
    with open_database(path, write=False) as reader:
        with pytest.raises(CorpusUnusable, match="readonly"), reader.read() as session:
            session.add(Event(kind="relabel", detail={}, at=MOMENT))
            session.flush()
        with pytest.raises(CorpusUnusable, match="readonly"), reader.write() as session:
            session.add(Event(kind="relabel", detail={}, at=MOMENT))
    assert rows(path, "SELECT kind FROM events") == [("created",)]


def test_an_error_inside_a_write_undoes_all_of_it(path: Path) -> None:
    with open_corpus(path) as corpus:
        with pytest.raises(ZeroDivisionError), corpus.database.write() as session:
            session.add(Event(kind="relabel", detail={}, at=MOMENT))
            session.flush()
            _ = 1 // 0
        with pytest.raises(IntegrityError, match="FOREIGN KEY"):
            miss(corpus, replace(start(corpus)[1][0], id=999), record("c"), Outcome.FAILED, "capture")
        assert rows(path, "SELECT kind FROM events") == [("created",)]
        assert rows(path, "SELECT count(*) FROM exposures") == [(0,)]


def test_a_writer_waits_for_another_one(path: Path) -> None:
    """A deferred transaction that reads first would fail at once; BEGIN IMMEDIATE waits its turn."""
    code = """
import sys, time
from storage.database import open_database
with open_database(sys.argv[1], write=True) as database, database.write() as session:
    print("in", flush=True)
    time.sleep(0.7)
"""
    with open_corpus(path) as corpus:
        other = python(code, path)
        assert other.stdout is not None
        assert other.stdout.readline() == "in\n"
        began = time.monotonic()
        corpus.add_event("relabel", {})
        assert time.monotonic() - began > 0.3
        finished(other)


def test_a_short_is_stored_and_closed_within_ten_milliseconds_of_ordinary_days(path: Path) -> None:
    """Not a benchmark: ten times what it takes, so that a lost index or a scan shows."""
    with Corpus(path, collecting=True) as corpus:
        _, (task,) = start(corpus, 1000)
        times = []
        for number in range(40):
            data = scene(number)
            began = time.perf_counter()
            show(corpus, task, f"s{number}", data)
            times.append(time.perf_counter() - began)
    print(f"store and close: median {1000 * sorted(times)[20]:.1f} ms")
    assert sorted(times)[20] < 0.1


def test_what_was_not_judged_is_kept_with_its_reason_and_makes_no_short(path: Path) -> None:
    with open_corpus(path) as corpus:
        _, (task,) = start(corpus)
        corpus.tasks.add_listings(task, [record("ad", kind=Kind.AD), record(None, kind=Kind.LIVE), record("x")])
        causes = ((Outcome.SKIPPED, "ad"), (Outcome.SKIPPED, "live"), (Outcome.UNAVAILABLE, "private"))
        for outcome, cause in causes:
            listing = corpus.tasks.next_listing(task)
            assert listing is not None
            miss(corpus, task, listing.record, outcome, cause, listing=listing)
        assert corpus.tasks.next_listing(task) is None
        assert corpus.tasks.reload(task).taken == 0
        show(corpus, task, "x", grey())
    assert rows(path, "SELECT state, cause FROM listings ORDER BY rank") == [
        ("skipped", "ad"),
        ("skipped", "live"),
        ("unavailable", "private"),
    ]
    assert rows(path, "SELECT position, outcome, action, short_id, is_new FROM exposures ORDER BY position") == [
        (0, "skipped", "skip", None, 0),
        (1, "skipped", "skip", None, 0),
        (2, "unavailable", "skip", None, 0),
        (3, "done", "watch", 1, 1),
    ]
    assert rows(path, "SELECT profile_exposures FROM exposures ORDER BY position") == [(0,), (1,), (2,), (3,)]
