"""Manifests: read as they were written, and refused in one sentence where they are not what they should be."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.rebuild.__main__ import app
from agent.rebuild.again import errand_of
from storage.corpus import Corpus
from storage.errors import UsageError
from storage.looks import RECIPE, look_at
from storage.manifest import Published, read_manifest
from storage.pseudonyms import Pseudonyms
from storage.records import Label, LabelKind, Stance
from storage.removals import FILE, Tombstones, add_removals
from storage.revisits import Verdict, Was, compare, lost, own_shorts
from tests.in_process import Commands
from tests.storage_tools import MOMENT, open_corpus, picture, rows, scene, show, start

LABEL = {"kind": "value", "name": "power", "source": "gpt", "stance": "expresses", "score": 0.5, "model": "m"}
ROW = {
    "platform": "tiktok",
    "platform_id": "7301234567890123456",
    "url": "https://example.org/evil",
    "labels": [LABEL],
    "media_time": 1.05,
    "frame_source": "canvas",
    "phash": "8595ce4a6a9abcb4",
    "hash_recipe": RECIPE,
    "frame_sha256": "d" * 64,
}


def jsonl(folder: Path, *rows: Any) -> Path:
    path = folder / "m.jsonl"
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


@pytest.fixture
def corpus(tmp_path: Path) -> Iterator[Corpus]:
    with open_corpus(tmp_path / "c.sqlite") as corpus:
        yield corpus


def test_a_row_is_read_with_its_labels_and_hashes_and_its_address_is_not_used(tmp_path: Path) -> None:
    (one,) = read_manifest(jsonl(tmp_path, ROW))
    label = Label(kind=LabelKind.VALUE, name="power", source="gpt", stance=Stance.EXPRESSES, score=0.5, model="m")
    assert one.labels == (label,)
    assert (one.media_time, one.phash, one.frame_source) == (1.05, "8595ce4a6a9abcb4", "canvas")
    assert "evil" not in json.dumps(one.to_json())


def test_ids_alone_are_a_manifest(tmp_path: Path) -> None:
    path = tmp_path / "ids.csv"
    path.write_text("platform,platform_id\nyoutube,dQw4w9WgXcQ\ntiktok,7301234567890123456\n")
    assert [one.platform_id for one in read_manifest(path)] == ["dQw4w9WgXcQ", "7301234567890123456"]


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([], "holds no short"),
        ([ROW, ROW], "in row 1 and in row 2"),
        ([{**ROW, "platform": "myspace"}], "myspace is unknown"),
        ([{**ROW, "platform": "../x"}], "no platform's name"),
        ([{"platform": "tiktok"}], "platform_id is missing"),
        ([{**ROW, "platform_id": "../../admin"}], "no id of a short"),
        ([{**ROW, "platform_id": "a b"}], "no id of a short"),
        ([{**ROW, "phash": "xyz"}], "16 hex digits"),
        ([{**ROW, "media_time": "soon"}], "no number"),
        ([{**ROW, "media_time": -1}], "no time of a short"),
        ([{**ROW, "labels": "["}], "no JSON"),
        ([{**ROW, "labels": [{**LABEL, "kind": "mood"}]}], "not known"),
        ([{**ROW, "labels": [{"name": "x"}]}], "no source"),
        (["{"], "cannot be read"),
        (["[]"], "no object"),
    ],
)
def test_a_manifest_that_is_none_is_one_sentence_with_its_place_and_leaves_no_corpus(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    lines: list[Any],
    says: str,
) -> None:
    path = jsonl(tmp_path, *lines)
    ended = Commands(monkeypatch, capsys)(app, path, "--corpus", tmp_path / "c.sqlite", code=2)
    assert says in ended.err
    assert str(path) in ended.err
    assert len(ended.err.strip().splitlines()) == 1
    assert not (tmp_path / "c.sqlite").exists()


@pytest.mark.parametrize("what", ["list", "plan", "recheck"])
def test_a_corpus_in_use_is_one_sentence_and_nothing_is_lost(
    tmp_path: Path, corpus: Corpus, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    _, (task,) = start(corpus, 3)
    show(corpus, task, "a", scene(1))
    asked = {"list": str(jsonl(tmp_path, ROW)), "plan": "sandbox-5000", "recheck": "--recheck"}[what]
    ended = Commands(monkeypatch, capsys)(app, asked, "--corpus", tmp_path / "c.sqlite", code=2)
    assert "another process" in ended.err
    assert len(ended.err.strip().splitlines()) == 1
    assert rows(tmp_path / "c.sqlite", "SELECT platform_id FROM shorts") == [("a",)]


@pytest.mark.parametrize("file", ["m.parquet", "m.txt", "folder.parquet"])
def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path: Path, file: str) -> None:
    path = tmp_path / file
    if file.startswith("folder"):
        path.mkdir()
    else:
        path.write_bytes(b"PAR1 no more than that")
    with pytest.raises(UsageError, match=file):
        read_manifest(path)


def test_a_manifest_without_the_columns_it_needs_says_which(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text("platform,video\nyoutube,dQw4w9WgXcQ\n")
    with pytest.raises(UsageError, match="platform_id is missing"):
        read_manifest(path)


def expected(data: bytes, **fields: Any) -> dict[str, Any]:
    usual = {"phash": look_at(data).hex, "hash_recipe": RECIPE, "frame_source": "canvas", "media_time": 1.0}
    return {**usual, **fields}


def test_the_same_picture_is_found_another_one_is_changed_and_the_bits_are_said() -> None:
    same = compare(expected(scene(1)), picture(scene(1, quality=60)))
    assert same.outcome is Was.FOUND
    assert same.distance is not None
    assert same.distance <= 6
    other = compare(expected(scene(1)), picture(scene(2)))
    assert other.outcome is Was.CHANGED
    assert other.distance is not None
    assert other.distance > 6


@pytest.mark.parametrize(
    "fields",
    [
        {"phash": None},
        {"hash_recipe": "phash@1"},
        {"frame_source": "crop"},
        {"media_time": 1.5},
        {"media_time": None},
    ],
)
def test_unlike_hashes_are_not_comparable_rather_than_changed(fields: dict[str, Any]) -> None:
    verdict = compare(expected(scene(1), **fields), picture(scene(2)))
    assert verdict.outcome is Was.NOT_COMPARABLE
    assert verdict.cause
    assert verdict.distance is None


def test_what_was_removed_on_request_is_not_opened_again(tmp_path: Path) -> None:
    with open_corpus(tmp_path / "c.sqlite"):
        pass
    gone = Tombstones(Pseudonyms.of_user()).of_short("sandbox", "a", MOMENT)
    add_removals(tmp_path / FILE, [gone])
    with open_corpus(tmp_path / "c.sqlite") as corpus:
        run, _ = start(corpus, 2)
        corpus.revisits.begin(run.plan_run_id, [Published(platform="sandbox", platform_id=name) for name in ("a", "b")])
        item = corpus.revisits.next(run.plan_run_id)
        assert item is not None
        assert item.platform_id == "b"
        corpus.revisits.close(item, Verdict(outcome=Was.FOUND, distance=0))
        assert corpus.revisits.next(run.plan_run_id) is None
        assert corpus.revisits.counts([run.plan_run_id]) == {"forgotten": 1, "found": 1}
        (forgotten, _) = corpus.revisits.rows([run.plan_run_id])
        assert forgotten["platform_id"] is None


def test_a_list_that_was_killed_goes_on_and_knows_what_it_had_captured(tmp_path: Path) -> None:
    wanted = [Published(platform="sandbox", platform_id=name) for name in ("a", "b", "c")]
    with open_corpus(tmp_path / "c.sqlite") as corpus:
        run, (task,) = start(corpus, 3, mode="revisit")
        corpus.revisits.begin(run.plan_run_id, wanted)
        first = corpus.revisits.next(run.plan_run_id)
        assert first is not None
        corpus.revisits.close(first, Verdict(outcome=Was.FAILED, cause="page_hung"))
        show(corpus, task, "b", scene(1))  # killed here: stored, and its row not closed
    with open_corpus(tmp_path / "c.sqlite") as corpus:
        run, _ = start(corpus, 3, mode="revisit")
        corpus.revisits.begin(run.plan_run_id, wanted)
        item = corpus.revisits.next(run.plan_run_id)
        assert item is not None
        assert item.platform_id == "b"
        captured = corpus.revisits.captured(run.plan_run_id, item)
        assert captured is not None
        assert captured[1].data == scene(1)
        corpus.revisits.close(item, Verdict(outcome=Was.FOUND, distance=0))
        last = corpus.revisits.next(run.plan_run_id)
        assert last is not None
        assert last.platform_id == "c"
        assert corpus.revisits.captured(run.plan_run_id, last) is None
        corpus.revisits.close(last, Verdict(outcome=Was.GONE, cause="removed"))
        assert corpus.revisits.next(run.plan_run_id) is None
        # Only what failed is opened again, and only when that is asked for.
        (task,) = corpus.tasks.of_run(run.plan_run_id)
        corpus.tasks.settle(task)
        corpus.runs.finish(run, "finished")
        assert corpus.tasks.next_task(run.plan_run_id) is None
        assert corpus.revisits.retry_failed([run.plan_run_id], MOMENT) == 1
        again = corpus.revisits.next(run.plan_run_id)
        assert again is not None
        assert again.platform_id == "a"
        assert corpus.tasks.next_task(run.plan_run_id) is not None
        assert start(corpus, 3, mode="revisit")[0].continued


def test_only_what_nobody_looked_at_for_so_long_is_due(corpus: Corpus) -> None:
    run, (task,) = start(corpus, 9)
    show(corpus, task, "a", scene(1))
    later = MOMENT.replace(year=MOMENT.year + 1)
    with corpus.database.read() as session:
        assert own_shorts(session, (), MOMENT) == {}  # shown at that moment
        assert [one.platform_id for one in own_shorts(session, (), later)["sandbox"]] == ["a"]
        assert own_shorts(session, ("tiktok",), later) == {}
    # Opened again since: not due, and what became of it is known.
    corpus.revisits.begin(run.plan_run_id, [Published(platform="sandbox", platform_id="a")])
    item = corpus.revisits.next(run.plan_run_id)
    assert item is not None
    corpus.revisits.close(item, Verdict(outcome=Was.GONE, cause="removed"))
    with corpus.database.read() as session:
        assert own_shorts(session, (), MOMENT) == {}
        assert lost(session, (), [Was.GONE]) == [("sandbox", "a")]
        assert lost(session, (), [Was.PRIVATE]) == []


def test_an_unknown_platform_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="myspace is unknown"):
        errand_of([Published(platform="myspace", platform_id="a")], tmp_path / "m.csv")
