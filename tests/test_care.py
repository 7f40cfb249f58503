"""The care of a corpus: is it whole, a copy beside a crawl, several into one, and what must be gone for good."""

import hashlib
import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console
from sqlalchemy import select

from storage import backup, check, forget, merge
from storage.compare import differences, unordered_differences
from storage.corpus import Corpus
from storage.database import open_database
from storage.errors import StorageFull
from storage.export.__main__ import export
from storage.merging import COPIED
from storage.models import Base, Event
from storage.pseudonyms import Pseudonyms
from storage.records import Outcome, Record
from storage.removals import FILE, Removals, Tombstones, add_removals, read_removals
from tests.dataset_tools import SHORTS, Run, Shelf, author, name, runner, small_disk
from tests.storage_tools import (
    MOMENT,
    everything,
    full_disk,
    kill,
    miss,
    open_corpus,
    python,
    record,
    rows,
    start,
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


@pytest.fixture
def forgets(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(forget.app, monkeypatch, capsys)


def change(path: Path, *statements: str) -> None:
    """Change rows behind the storage layer's back, keys off."""
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def whole(path: Path) -> list[str]:
    with open_database(path, write=False) as database, database.read() as session:
        return check.problems(database, session)


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


# forget


def beside(corpus: Path) -> dict[str, bytes]:
    """Everything that lies in the corpus's folder, by name."""
    return {path.name: path.read_bytes() for path in corpus.parent.rglob("*") if path.is_file()}


def leave_traces(corpus: Path) -> None:
    log = [{"event": "short_failed", "short": name(4)}, {"event": "run", "run": 1}, {"event": "x", "by": "@Person1"}]
    corpus.with_name(corpus.name + ".log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in log))
    for folder, text in (("login", f'{{"uniqueId": "{author(4)}"}}'), ("other", "nothing of them")):
        place = corpus.with_name(corpus.name + ".evidence") / folder
        place.mkdir(parents=True)
        (place / "page.html").write_text(text)
    vectors = corpus.with_name(corpus.name + ".vectors")
    vectors.mkdir()
    (vectors / "m-picture.npy").write_bytes(b"vector")
    own_log = corpus.with_name("own.log")
    own_log.write_text("".join(json.dumps(line) + "\n" for line in log))
    profiles = corpus.with_name(corpus.name + ".profiles")
    profiles.mkdir()
    seen = {"id": "visitor", "seen": [name(4), name(14)], "by": author(4)}
    (profiles / "visitor.json").write_text(json.dumps(seen))
    with open_corpus(corpus) as opened:
        _, tasks = start(opened, 3, plan_hash="m" * 64, settings={"log_file": str(own_log)})
        listed = record("only-listed", author=author(4), caption=f"@{author(4)} again")
        opened.tasks.add_listings(tasks[0], [listed, record("mentions", caption=f"with @{author(4)}!")])
        miss(opened, tasks[0], listed, Outcome.UNAVAILABLE, "private")
    change(corpus, "INSERT INTO embeddings VALUES (NULL, 'm', 'caption', NULL, 4, x'aa', '2026-01-01')")
    change(
        corpus,
        "INSERT INTO embeddings SELECT NULL, 'm', 'picture', sha256, NULL, x'aa', '2026-01-01' FROM images "
        "WHERE id = 8",
    )
    change(corpus, f"UPDATE answers SET raw = 'like {name(4)}' WHERE id = 1")


def test_an_author_is_gone_from_every_file(corpus: Path, forgets: Run) -> None:
    leave_traces(corpus)
    hashed = Pseudonyms.of_user().handle(author(4)).removeprefix("h:")
    gone = [name(3), name(4), name(5), "only-listed"]
    pictures = [
        row[0]
        for row in rows(corpus, f"SELECT DISTINCT data FROM image_data JOIN images USING (sha256) WHERE short_id IN "
                                f"(SELECT id FROM shorts WHERE author = 'h:{hashed}')")
    ]  # fmt: skip
    others = [row[0] for row in rows(corpus, "SELECT platform_id FROM shorts") if row[0] not in gone]
    before = b"".join(beside(corpus).values())
    assert all(text.encode() in before for text in (*gone, hashed))
    code, said, _ = forgets("--corpus", corpus, "--author", f"@{author(4).upper()}", "--json")
    assert code == 0
    assert json.loads(said)["shorts"] == [f"sandbox:{one}" for one in sorted(gone)]
    after = beside(corpus)
    for text in (*(one.encode() for one in gone), hashed.encode(), author(4).encode()):
        assert [file for file, data in after.items() if text in data] == []
    kept = [row[0] for row in rows(corpus, "SELECT data FROM image_data")]
    for data in pictures:  # the picture of number 3 is number 12's, too
        if data not in kept:
            piece = data[len(data) // 2 :][:200]
            assert [file for file, content in after.items() if piece in content] == []
    assert len(set(pictures) - set(kept)) == 3
    assert [row[0] for row in rows(corpus, "SELECT platform_id FROM shorts")] == others
    assert whole(corpus) == []
    assert after["one.sqlite.log.jsonl"].count(b"\n") == after["own.log"].count(b"\n") == 1
    assert json.loads(after["visitor.json"]) == {"id": "visitor", "seen": ["_", name(14)], "by": "_"}
    assert (corpus.with_name(corpus.name + ".evidence") / "other" / "page.html").exists()
    assert not (corpus.with_name(corpus.name + ".evidence") / "login").exists()
    assert not corpus.with_name(corpus.name + ".vectors").exists()


def test_the_picture_of_a_forgotten_short_is_anothers_from_then_on(corpus: Path, forgets: Run) -> None:
    query = (
        "SELECT duplicate_of FROM images JOIN shorts ON shorts.id = short_id AND role = 'frame' "
        f"WHERE platform_id = '{name(12)}'"
    )
    assert rows(corpus, query)[0][0] is not None
    assert forgets("--corpus", corpus, "--short", f"sandbox:{name(3)}")[0] == 0
    assert rows(corpus, query)[0][0] is None
    assert whole(corpus) == []


def test_a_tombstone_holds_in_the_corpus_beside_it_and_through_a_merge(
    shelf: Shelf, tmp_path: Path, forgets: Run, merges: Run
) -> None:
    a, b = (shelf.take(file, tmp_path / file) for file in ("a.sqlite", "b.sqlite"))
    assert forgets("--corpus", b, "--author", author(11))[0] == 0
    (tmp_path / FILE).unlink()
    assert name(11) in {row[0] for row in rows(a, "SELECT platform_id FROM shorts")}
    assert merges(a, b)[0] == 0
    left = {row[0] for row in rows(a, "SELECT platform_id FROM shorts")}
    assert left == {name(number) for number in range(SHORTS)} - {name(9), name(10), name(11)}
    assert whole(a) == []
    assert [file for file, data in beside(a).items() if name(11).encode() in data] == []
    with open_database(a, write=False) as database, database.read() as session:
        removals = Removals.of(session, a)
    assert removals.cover("sandbox", name(11), None)
    assert removals.cover("sandbox", "never seen", Pseudonyms.of_user().handle(author(11)))
    assert not removals.cover("sandbox", name(12), Pseudonyms.of_user().handle(author(12)))
    assert {one.kind for one in read_removals(tmp_path / FILE)} == {"short", "author"}


def test_forgetting_twice_is_fine_and_forgetting_nobody_says_so(corpus: Path, forgets: Run) -> None:
    assert forgets("--corpus", corpus, "--short", f"sandbox:{name(8)}")[0] == 0
    assert forgets("--corpus", corpus, "--short", f"sandbox:{name(8)}")[0] == 0
    assert len(rows(corpus, "SELECT 1 FROM events WHERE kind = 'forget'")) == 1
    held = everything(corpus)
    for arguments in (("--short", "sandbox:nothing"), ("--author", "nobody.at.all")):
        code, _, complaint = forgets("--corpus", corpus, *arguments)
        assert (code, complaint.count("\n")) == (5, 1)
    for wrong in ((), ("--short", "sandbox"), ("--author", "@"), ("--author", "a", "--short", "b:c")):
        assert forgets("--corpus", corpus, *wrong)[0] == 2
    assert forgets("--corpus", corpus.with_name("none.sqlite"), "--author", "a")[0] == 2
    assert not corpus.with_name("none.sqlite").exists()
    assert everything(corpus) == held


def test_a_reader_keeps_old_pages_and_the_command_says_to_run_it_again(
    corpus: Path, forgets: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forget, "WAIT", 100)
    with open_database(corpus, write=False) as database, database.read() as session:
        session.scalars(select(Event)).all()
        code, _, complaint = forgets("--corpus", corpus, "--short", f"sandbox:{name(8)}")
        assert (code, "somebody still reads" in complaint) == (2, True)
    assert forgets("--corpus", corpus, "--short", f"sandbox:{name(8)}")[0] == 0
    assert [file for file, data in beside(corpus).items() if name(8).encode() in data] == []
    with Corpus(corpus, collecting=True):
        assert forgets("--corpus", corpus, "--short", f"sandbox:{name(9)}")[0] == 2


def test_exports_that_cannot_be_reached_are_listed(corpus: Path, tmp_path: Path, forgets: Run) -> None:
    assert export(corpus=str(corpus), out=tmp_path / "given", format="jsonl") == 0
    _, said, _ = forgets("--corpus", corpus, "--short", f"sandbox:{name(8)}", "--json")
    assert json.loads(said.splitlines()[-1])["exports_out_of_reach"] == [str(tmp_path / "given")]


def test_what_was_forgotten_is_neither_listed_nor_opened_again(corpus: Path, forgets: Run) -> None:
    with Corpus(corpus, collecting=True) as again:
        (task, *_) = again.tasks.of_run(1)
        again.tasks.add_listings(task, [Record(platform="sandbox", platform_id="later-0001", caption="one")])
        again.tasks.add_listings(task, [Record(platform="sandbox", platform_id="later-0002", caption="two")])
    add_removals(
        corpus.with_name("removals.jsonl"),
        [Tombstones(Pseudonyms.of_user()).of_short("sandbox", "later-0001", datetime(2026, 1, 1, tzinfo=UTC))],
    )
    with Corpus(corpus, collecting=True) as again:
        (task, *_) = again.tasks.of_run(1)
        gone = Record(platform="sandbox", platform_id="later-0001", caption="one")
        assert again.has_forgotten(gone)
        again.tasks.add_listings(task, [gone])
        listing = again.tasks.next_listing(task)
        assert listing is not None
        assert listing.record.platform_id == "later-0002"
    assert b"later-0001" not in corpus.read_bytes()
