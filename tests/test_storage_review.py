"""Faults that a review of the storage layer found; each test fails without its mend."""

import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import event, text

from storage.corpus import Corpus
from storage.database import open_database
from storage.dedupe import Deduplicator
from storage.errors import CorpusInUse, CorpusUnusable, StorageFull
from storage.exposures import NewExposure, StoredExposure
from storage.looks import StoredPictures, look_at
from storage.pseudonyms import Pseudonyms
from storage.records import Action, Decision, Outcome, Picture, Record, Verdict
from storage.runs import RunItem, RunSpec

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Spec:
    value: str | None = "power"
    keyword: str | None = "money"
    quota: int = 100


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Corpus]:
    monkeypatch.setenv("VALUE_SPECTRUM_CONFIG_DIR", str(tmp_path / "config"))
    with Corpus(tmp_path / "c.sqlite", collecting=True, now=lambda: MOMENT) as opened:
        yield opened


def begin(corpus: Corpus) -> RunItem:
    return corpus.runs.start(
        RunSpec(
            platform="sandbox",
            mode="search",
            plan_hash="p" * 64,
            seed=1,
            plan=[Spec()],
            command=[],
            settings={},
            environment={},
            profile_id="profile",
        )
    )


def jpeg(number: int, quality: int = 85) -> bytes:
    cells = np.random.default_rng(number).integers(0, 255, (8, 6, 3), dtype=np.uint8)
    out = BytesIO()
    Image.fromarray(cells).resize((180, 320), Image.Resampling.BICUBIC).save(out, "JPEG", quality=quality)
    return out.getvalue()


def store(corpus: Corpus, run: RunItem, name: str, data: bytes, source: str = "canvas") -> StoredExposure:
    def picture(role: str, source: str) -> Picture:
        return Picture(role=role, source=source, method="cdp", data=data, width=180, height=320, media_time=1.0)

    task = corpus.tasks.next_task(run.plan_run_id)
    assert task is not None
    return corpus.exposures.store(
        NewExposure(
            run_id=run.id,
            task=task,
            listing=None,
            record=Record(platform="sandbox", platform_id=name),
            screen=picture("screen", "crop"),
            frame=picture("frame", source),
            decision=Decision(verdict=Verdict.YES, decider="always"),
            labels=(),
            action=Action.WATCH,
            late=False,
            decide_window=6.0,
            planned_dwell=0.0,
            profile_id="profile",
            shown_at=MOMENT,
        )
    )


def test_a_kill_between_the_file_and_its_tables_leaves_a_location_that_can_be_collected_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VALUE_SPECTRUM_CONFIG_DIR", str(tmp_path / "config"))
    path = tmp_path / "c.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.close()
    assert path.stat().st_size > 0
    with pytest.raises(CorpusUnusable, match="no corpus"):
        open_database(path, write=False)
    Corpus(path, collecting=True).close()


def test_one_file_has_one_lock_whatever_name_it_is_given(corpus: Corpus, tmp_path: Path) -> None:
    link = tmp_path / "link.sqlite"
    link.symlink_to(corpus.database.path)
    with pytest.raises(CorpusInUse, match=str(os.getpid())):
        Corpus(link, collecting=True)


def test_closing_does_not_wait_half_a_minute_for_a_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VALUE_SPECTRUM_CONFIG_DIR", str(tmp_path / "config"))
    corpus = Corpus(tmp_path / "c.sqlite", collecting=True)
    with open_database(corpus.database.path, write=False) as reader, reader.read() as session:
        session.execute(text("SELECT count(*) FROM runs")).one()
        begin(corpus)
        began = time.monotonic()
        corpus.close()
        assert time.monotonic() - began < 10
    with open_database(corpus.database.path, write=False) as reader, reader.read() as session:
        assert session.execute(text("SELECT count(*) FROM runs")).scalar() == 1


def test_a_corpus_can_be_read_from_another_thread(corpus: Corpus) -> None:
    with corpus.database.read() as session:
        session.execute(text("SELECT 1"))
    seen: list[object] = []

    def read() -> None:
        with corpus.database.read() as session:
            seen.append(session.execute(text("SELECT count(*) FROM runs")).scalar())

    thread = threading.Thread(target=read)
    thread.start()
    thread.join()
    assert seen == [0]


def test_bytes_equal_to_a_duplicate_lead_to_its_representative_whatever_the_source(corpus: Corpus) -> None:
    run = begin(corpus)
    store(corpus, run, "first", jpeg(1))
    assert store(corpus, run, "second", jpeg(1, quality=60)).duplicate_of == "first"
    assert store(corpus, run, "third", jpeg(1, quality=60), source="crop").duplicate_of == "first"
    with corpus.database.read() as session:
        again = Deduplicator.load(session)
        known = session.execute(text("SELECT sha256 FROM images WHERE short_id = 2 AND role = 'frame'")).scalar_one()
        match, _ = again.match(known, look_at(jpeg(1, quality=60)), StoredPictures(session))
    assert match is not None
    assert match.by == "bytes"
    with corpus.database.read() as session:
        owner = session.execute(
            text("SELECT platform_id FROM shorts JOIN images ON images.short_id = shorts.id WHERE images.id = :id"),
            {"id": match.image_id},
        ).scalar_one()
    assert owner == "first"


def test_a_missing_record_is_null_and_not_the_text_null(corpus: Corpus) -> None:
    store(corpus, begin(corpus), "one", jpeg(1))
    with corpus.database.read() as session:
        assert session.execute(text("SELECT count(*) FROM exposures WHERE record IS NULL")).scalar() == 1
        assert session.execute(text("SELECT count(*) FROM runs WHERE field_coverage IS NULL")).scalar() == 1


def test_a_record_that_comes_back_from_a_listing_is_not_hashed_twice(corpus: Corpus) -> None:
    run = begin(corpus)
    task = corpus.tasks.next_task(run.plan_run_id)
    assert task is not None
    corpus.tasks.add_listings(task, [Record(platform="sandbox", platform_id="ad", author="bob", caption="by @Bob")])
    listing = corpus.tasks.next_listing(task)
    assert listing is not None
    corpus.exposures.store_unseen(
        run_id=run.id,
        task=task,
        listing=listing,
        record=listing.record,
        outcome=Outcome.SKIPPED,
        cause="ad",
        profile_id="profile",
        shown_at=MOMENT,
    )
    with corpus.database.read() as session:
        author, caption = session.execute(
            text("SELECT record ->> '$.author', record ->> '$.caption' FROM exposures")
        ).one()
    assert author == Pseudonyms.of_user().handle("bob")
    assert caption == f"by @{author.removeprefix('h:')}"


def test_a_full_disk_is_one_sentence_and_leaves_whole_shorts(corpus: Corpus) -> None:
    run = begin(corpus)
    store(corpus, run, "one", jpeg(1))
    limit: list[int] = []

    def limited(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute(f"PRAGMA max_page_count={limit[0]}")

    with corpus.database.read() as session:
        limit.append(session.execute(text("PRAGMA page_count")).scalar_one() + 1)
    event.listen(corpus.database._engine, "checkout", limited)
    with pytest.raises(StorageFull, match="make space"):
        store(corpus, run, "two", jpeg(2, quality=100))
    limit[0] = 1_000_000
    assert store(corpus, run, "two", jpeg(2, quality=100)).is_new
    with corpus.database.read() as session:
        assert session.execute(text("SELECT count(*) FROM images")).scalar() == 4


@pytest.mark.skipif(os.geteuid() != 0, reason="changes the user of a child process")
def test_a_writer_of_a_read_only_folder_is_told_so_under_another_user(corpus: Corpus, tmp_path: Path) -> None:
    corpus.close()
    for place in [tmp_path, *tmp_path.parents]:
        if place != Path("/") and place.is_relative_to("/tmp"):
            place.chmod(place.stat().st_mode | 0o055)
    corpus.database.path.chmod(0o666)
    (tmp_path / "c.sqlite.lock").unlink()
    script = (
        "import os, sys; sys.path[:0] = sys.argv[2:]\n"
        "from storage.database import open_database\nfrom storage.errors import CorpusUnusable\n"
        "os.setgid(65534); os.setuid(65534)\n"
        "for lock in (False, True):\n"
        "    try: open_database(sys.argv[1], write=True, lock=lock)\n"
        "    except CorpusUnusable as error: print(type(error).__name__, error)\n"
        "with open_database(sys.argv[1], write=False) as corpus, corpus.read() as session: print('read')\n"
    )
    import storage

    home = str(Path(storage.__file__).parent.parent)
    done = subprocess.run(
        [sys.executable, "-c", script, str(corpus.database.path), home], capture_output=True, text=True, check=True
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 3, done.stdout + done.stderr
    assert all("CorpusUnusable" in line and "rights" in line for line in lines[:2])
    assert lines[2] == "read"
