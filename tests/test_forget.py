"""What must be gone for good: an author or a short, out of every file of a corpus and of what lies beside it."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from storage import forget, merge
from storage.corpus import Corpus
from storage.database import open_database
from storage.export.__main__ import export
from storage.models import Event
from storage.pseudonyms import Pseudonyms
from storage.records import Outcome, Record
from storage.removals import FILE, Removals, Tombstones, add_removals, read_removals
from tests.dataset_tools import SHORTS, Run, Shelf, author, change, name, runner, whole
from tests.storage_tools import everything, miss, open_corpus, record, rows, start


@pytest.fixture
def corpus(shelf: Shelf, tmp_path: Path) -> Path:
    return shelf.take("one.sqlite", tmp_path / "one.sqlite")


@pytest.fixture
def merges(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(merge.app, monkeypatch, capsys)


@pytest.fixture
def forgets(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(forget.app, monkeypatch, capsys)


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
