"""The care of a corpus: is it whole, a copy beside a crawl, several into one."""

import hashlib
import json
from pathlib import Path

import pytest
from rich.console import Console

from storage import backup, check, merge
from storage.compare import differences, unordered_differences
from storage.corpus import Corpus
from storage.database import open_database
from storage.errors import StorageFull
from storage.merging import COPIED
from storage.models import Base
from storage.pseudonyms import Pseudonyms
from storage.removals import FILE, Tombstones, add_removals
from tests.dataset_tools import SHORTS, Run, Shelf, change, name, runner, small_disk, whole
from tests.storage_tools import (
    MOMENT,
    everything,
    full_disk,
    kill,
    python,
    rows,
    until,
)

WRITER = """
import sys
from pathlib import Path
from tests.storage_tools import open_corpus, start, show, scene
with open_corpus(Path(sys.argv[1])) as corpus:
    _, tasks = start(corpus, 999, plan_hash="w" * 64)
    for number in range(999):
        show(corpus, tasks[0], f"while-{number:04}", scene(50 + number % 3), url=None)
"""


@pytest.fixture
def corpus(shelf: Shelf, tmp_path: Path) -> Path:
    return shelf.take("one.sqlite", tmp_path / "one.sqlite")


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(check.app, monkeypatch, capsys)


@pytest.fixture
def backs_up(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(backup.app, monkeypatch, capsys)


@pytest.fixture
def merges(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(merge.app, monkeypatch, capsys)


# check


def test_a_corpus_that_was_collected_is_whole(corpus: Path, checks: Run) -> None:
    code, said, _ = checks("--corpus", corpus, "--json")
    assert (code, json.loads(said)["problems"]) == (0, [])
    assert json.loads(said)["rows"]["shorts"] == SHORTS


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE image_data SET data = x'ffd8ff00' WHERE rowid = 1", "not those of their hash"),
        ("UPDATE image_data SET data = x'' WHERE rowid = 1", "without bytes"),
        ("DELETE FROM image_data WHERE rowid = 1", "points at a row of image_data"),
        ("INSERT INTO image_data VALUES ('00', 'image/jpeg', x'00')", "that nothing points at"),
        ("DELETE FROM observations WHERE short_id = 3", "without an observation"),
        ("UPDATE exposures SET short_id = 2 WHERE id = 1", "another short's"),
        ("UPDATE tasks SET taken = taken + 1 WHERE id = 1", "not that of their new shorts"),
        ("UPDATE tasks SET state = 'done' WHERE id = 1", "less than their quota"),
        ("UPDATE listings SET platform_id = 'never' WHERE id = 1", "does not have"),
        ("UPDATE images SET duplicate_of = id + 1 WHERE id = 2", "itself a duplicate, or later"),
        ("UPDATE labels SET score = 1 WHERE source = 'query' AND id < 9", "query with a stance"),
        ("DELETE FROM events WHERE kind = 'created'", "0 events say"),
        ("DELETE FROM exposures WHERE id = 4", "never shown"),
        ("UPDATE exposures SET screen_image_id = NULL WHERE id = 4", "no exposure shows"),
        ("INSERT INTO embeddings VALUES (NULL, 'm', 'caption', NULL, NULL, x'aa', '2026-01-01')", "neither a picture"),
        ("UPDATE looks SET image_id = 1 WHERE image_id = 2", "no frames"),
        ("UPDATE exposures SET platform_id = 'other' WHERE id = 1", "not their short's"),
        ("UPDATE exposures SET run_id = 2 WHERE id = 1", "another plan than their task"),
        ("UPDATE images SET duplicate_by = 'look' WHERE id = 2", "not said by what"),
        ("DELETE FROM looks WHERE image_id = 2", "without looks"),
        (
            "UPDATE exposures SET is_new = 1 WHERE frame_image_id IN (SELECT id FROM images WHERE duplicate_of)",
            "as new",
        ),
        ("UPDATE exposures SET screen_image_id = frame_image_id WHERE id = 1", "other way round"),
        ("UPDATE listings SET platform = 'tiktok' WHERE id = 1", "another platform than their task"),
        ("UPDATE listings SET task_id = 3, rank = 99 WHERE id = 1", "were not shown in their task"),
        ("UPDATE runs SET plan_run_id = NULL WHERE id = 2", "without a plan"),
    ],
)
def test_the_check_finds(statement: str, words: str, corpus: Path, checks: Run) -> None:
    change(corpus, statement)
    code, said, _ = checks("--corpus", corpus)
    assert (code, words in said) == (1, True), said


def test_the_check_finds_bytes_that_are_no_picture_and_answers_of_another_short(corpus: Path, checks: Run) -> None:
    text = b"<html>no picture</html>"
    change(corpus, f"UPDATE image_data SET data = x'{text.hex()}', sha256 = '{hashlib.sha256(text).hexdigest()}'"
                   " WHERE rowid = 1")  # fmt: skip
    change(corpus, "UPDATE exposures SET answer_id = 2 WHERE id = 1")
    _, said, _ = checks("--corpus", corpus)
    assert "bytes are no picture's" in said
    assert "answer is about another short: 1" in said


def test_the_check_finds_what_was_forgotten_and_is_here(corpus: Path, checks: Run) -> None:
    gone = Tombstones(Pseudonyms.of_user()).of_short("sandbox", name(4), MOMENT)
    add_removals(corpus.with_name(FILE), [gone])
    code, said, _ = checks("--corpus", corpus)
    assert (code, "1 shorts that were forgotten and are here" in said) == (1, True)
    assert name(4) not in said


def test_the_check_says_what_a_damaged_file_still_tells(corpus: Path, checks: Run) -> None:
    with corpus.open("r+b") as file:
        file.seek(corpus.stat().st_size // 2)
        file.write(b"\x5a" * 20_000)
    code, said, _ = checks("--corpus", corpus)
    assert (code, "damaged" in said) == (1, True)
    corpus.write_bytes(b"SQLite format 3\0" + b"\x5a" * 5000)
    code, _, complaint = checks("--corpus", corpus)
    assert (code, complaint.count("\n")) == (2, 1)


# backup


def test_a_backup_beside_a_crawl_is_one_whole_state_of_it(corpus: Path, tmp_path: Path) -> None:
    crawl = python(WRITER, corpus)
    try:
        until(lambda: len(rows(corpus, "SELECT 1 FROM shorts")) > SHORTS + 3)
        size = backup.backup(corpus, tmp_path / "copies" / "copy.sqlite")
        assert crawl.poll() is None, "the crawl goes on"
    finally:
        kill(crawl)
    copy = tmp_path / "copies" / "copy.sqlite"
    assert [path.name for path in copy.parent.iterdir()] == [copy.name]
    assert size == copy.stat().st_size
    assert whole(copy) == []
    assert len(rows(copy, "SELECT 1 FROM shorts")) > SHORTS + 3


def test_a_backup_never_takes_anothers_place_and_leaves_nothing_on_a_full_disk(
    corpus: Path, tmp_path: Path, backs_up: Run
) -> None:
    out = tmp_path / "copies" / "copy.sqlite"
    with small_disk(corpus.stat().st_size // 2):
        code, _, complaint = backs_up(out, "--corpus", corpus)
    assert (code, "no space left" in complaint, complaint.count("\n")) == (1, True, 1), complaint
    assert list(out.parent.iterdir()) == []
    assert backs_up(out, "--corpus", corpus)[0] == 0
    assert everything(out) == everything(corpus)
    code, _, complaint = backs_up(out, "--corpus", corpus)
    assert (code, "exists" in complaint) == (2, True)


# merge


def test_two_corpora_merge_to_what_one_crawl_gives(shelf: Shelf, corpus: Path, tmp_path: Path, merges: Run) -> None:
    sources = [shelf.take(file, tmp_path / file) for file in ("a.sqlite", "b.sqlite")]
    before = [everything(path) for path in sources]
    code, said, _ = merges(tmp_path / "all.sqlite", *sources, "--json")
    assert code == 0
    assert json.loads(said)["merged"][1]["rows"]["shared shorts"] == 4
    with open_database(corpus, write=False) as one, open_database(tmp_path / "all.sqlite", write=False) as merged:
        assert differences(one, merged) == []
    assert whole(tmp_path / "all.sqlite") == []
    assert [everything(path) for path in sources] == before
    for query in (
        "SELECT count(*), count(DISTINCT sha256), count(duplicate_of) FROM images",
        "SELECT count(*), sum(is_new) FROM exposures",
        "SELECT source, name, count(*) FROM labels GROUP BY 1, 2",
        "SELECT count(*), sum(cost) FROM answers",
        "SELECT count(*) FROM image_data",
        "SELECT count(*), count(views) FROM observations",
        "SELECT count(*) FROM looks",
    ):
        assert rows(corpus, query) == rows(tmp_path / "all.sqlite", query)


def test_no_table_is_left_out_of_a_merge() -> None:
    assert {table.__tablename__ for table in COPIED} | {"looks"} == set(Base.metadata.tables)


def test_a_merge_that_was_stopped_goes_on_and_is_what_it_would_have_been(
    shelf: Shelf, corpus: Path, tmp_path: Path, merges: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = (shelf.take(file, tmp_path / file) for file in ("a.sqlite", "b.sqlite"))
    both = tmp_path / "both.sqlite"

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:  # between two corpora, and while it looks at frames
        patch.setattr(merge, "recompute", stopped)
        assert merges(both, a)[0] == 130
        assert merges(both, a, b)[0] == 130
    code, said, _ = merges(both, a, b, "--json")
    assert (code, [one["already"] for one in json.loads(said)["merged"]]) == (0, [True, True])
    with open_database(corpus, write=False) as one, open_database(both, write=False) as merged:
        assert differences(one, merged) == []
        assert unordered_differences(one, merged) == []
    assert whole(both) == []


def test_a_corpus_is_merged_once_in_one_state_and_with_one_key_only(shelf: Shelf, tmp_path: Path, merges: Run) -> None:
    a, b = (shelf.take(file, tmp_path / file) for file in ("a.sqlite", "b.sqlite"))
    assert merges(a, b)[0] == 0
    held = everything(a)
    code, said, _ = merges(a, b)
    assert (code, "b.sqlite: is in already" in said) == (0, True)
    change(b, "DELETE FROM labels WHERE id = 1")
    code, _, complaint = merges(a, b)
    assert (code, "already" in complaint, complaint.count("\n")) == (2, True, 1)
    change(b, "UPDATE events SET detail = json_set(detail, '$.pseudonym_key', 'x', '$.corpus_id', 'y')")
    code, _, complaint = merges(a, b)
    assert (code, "another pseudonym key" in complaint) == (2, True)
    code, _, complaint = merges(tmp_path / "new.sqlite", b)
    assert (code, (tmp_path / "new.sqlite").exists()) == (2, False)
    assert merges(a, a)[0] == 2
    assert everything(a) == held


def test_machines_that_met_the_same_in_another_order_hold_the_same(
    shelf: Shelf, tmp_path: Path, merges: Run
) -> None:  # fmt: skip
    sources = [shelf.take(file, tmp_path / file) for file in ("b.sqlite", "a.sqlite")]
    assert merges(tmp_path / "all.sqlite", *sources)[0] == 0
    with (
        open_database(shelf.corpus("one.sqlite"), write=False) as one,
        open_database(tmp_path / "all.sqlite", write=False) as other,
    ):
        assert differences(one, other) != []
        found = unordered_differences(one, other)
        # The one difference that there must be: whichever came first is the original.
        assert {sentence.split(":")[1] for sentence in found} == {name(3), name(12)}
        assert all("duplicate_of" in sentence for sentence in found)


def test_a_merge_into_a_corpus_in_use_or_onto_a_full_disk_changes_nothing(
    shelf: Shelf, tmp_path: Path, merges: Run
) -> None:
    a, b = (shelf.take(file, tmp_path / file) for file in ("a.sqlite", "b.sqlite"))
    with Corpus(a, collecting=True) as using:
        held = everything(a)
        code, _, complaint = merges(a, b)
        assert (code, "another process" in complaint) == (2, True)
        with open_database(b, write=False) as source, full_disk(using.database), pytest.raises(StorageFull):
            merge.merge(using, [source], Console(quiet=True))
    assert everything(a) == held
