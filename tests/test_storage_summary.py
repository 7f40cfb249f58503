"""The figures of a corpus: what its rows say, and what adds up."""

import json
from pathlib import Path

import pytest

from storage.corpus import Corpus
from storage.database import open_database
from storage.records import Kind, Label, LabelKind, Outcome, Stance, Verdict
from storage.summary import Summary, summarise
from tests.storage_tools import answer, miss, open_corpus, record, rows, run_spec, scene, show, specs, start

TOPIC = Label(kind=LabelKind.TOPIC, name="family", source="vlm", stance=Stance.DEPICTS)
VALUE = Label(kind=LabelKind.VALUE, name="power", source="vlm", stance=Stance.EXPRESSES)


def fill(corpus: Corpus) -> None:
    """Two platforms, every kind of item, every kind of duplicate."""
    run, (first, second) = start(corpus, 4, 2)
    show(corpus, first, "a", scene(1), labels=(TOPIC, VALUE), duration=4.0, views=10)
    show(corpus, second, "b", scene(1), verdict=Verdict.NO)
    show(corpus, first, "c", scene(1, quality=50), verdict=Verdict.REFUSED, labels=(TOPIC,))
    show(corpus, second, "a", scene(2), verdict=Verdict.UNREADABLE)
    show(corpus, second, "d", scene(3))
    miss(corpus, first, record("e", kind=Kind.AD), Outcome.SKIPPED, "ad")
    miss(corpus, first, record("f", kind=Kind.AD), Outcome.SKIPPED, "ad")
    miss(corpus, first, record(None, kind=Kind.LIVE), Outcome.SKIPPED, "live")
    miss(corpus, second, record("g"), Outcome.UNAVAILABLE, "private")
    miss(corpus, second, record("h"), Outcome.FAILED, "capture")
    corpus.answers.put(answer(run_id=run.id), None)
    corpus.answers.put(answer(run_id=run.id, cost=None, prompt_tokens=None, completion_tokens=None), None)
    corpus.tasks.dry(first)
    other = corpus.runs.start(run_spec(specs(2, value="hedonism"), platform="tiktok"))
    show(corpus, corpus.tasks.of_run(other.id)[0], "a", scene(4), platform="tiktok")
    corpus.runs.finish(other, "finished")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.sqlite"
    with open_corpus(path) as corpus:
        fill(corpus)
    return path


def figures(path: Path, run_ids: list[int] | None = None) -> Summary:
    with open_database(path, write=False) as database:
        return summarise(database, run_ids)


def test_the_figures_are_those_of_the_rows(path: Path) -> None:
    found = figures(path)
    assert (found.corpus, found.bytes) == (str(path), path.stat().st_size)
    assert (found.shorts, found.pictures) == (5, 6)
    sandbox, tiktok = found.platforms
    assert (sandbox.platform, sandbox.seen, sandbox.new, sandbox.duplicate) == ("sandbox", 10, 2, 3)
    assert sandbox.duplicates_by == {"bytes": 1, "look": 1, "id": 1}
    assert (sandbox.watched, sandbox.scrolled, sandbox.late, sandbox.interrupted) == (2, 3, 0, 0)
    assert sandbox.decisions == {"yes": 2, "no": 1, "refused": 1, "unreadable": 1}
    assert (sandbox.skipped, sandbox.unavailable, sandbox.failed) == (
        {"ad": 2, "live": 1},
        {"private": 1},
        {"capture": 1},
    )
    assert sandbox.seconds_on_screen == 5 * 7.5
    assert (tiktok.platform, tiktok.seen, tiktok.new, tiktok.decisions) == ("tiktok", 1, 1, {"yes": 1})
    assert found.values == {"query": {"power": 4, "hedonism": 1}, "vlm": {"power": 1}}
    assert found.topics == {"vlm": {"family": 2}}
    assert found.answers == {
        "calls": 2,
        "prompt_tokens": 10,
        "completion_tokens": 2,
        "cost": 0.5,
        "calls_without_price": 1,
    }
    assert [(run.state, run.planned, run.achieved, run.tasks) for run in found.runs] == [
        ("running", 6, 2, {"dry": 1, "pending": 1}),
        ("finished", 2, 1, {"pending": 1}),
    ]
    assert [event["kind"] for event in found.events] == ["created"]


def test_the_figures_add_up(path: Path) -> None:
    for each in figures(path).platforms:
        judged = each.new + each.duplicate
        assert judged == each.watched + each.scrolled == sum(each.decisions.values())
        assert each.duplicate == sum(each.duplicates_by.values())
        missed = (each.skipped, each.unavailable, each.failed)
        assert each.seen == judged + sum(sum(causes.values()) for causes in missed)
    found = figures(path)
    assert sum(each.seen for each in found.platforms) == rows(path, "SELECT count(*) FROM exposures")[0][0]
    assert sum(run.achieved for run in found.runs) == sum(each.new for each in found.platforms)


def test_figures_of_some_runs_are_of_these_runs(path: Path) -> None:
    found = figures(path, [2])
    assert [each.platform for each in found.platforms] == ["tiktok"]
    assert [run.id for run in found.runs] == [2]
    assert found.answers["calls"] == 0
    assert figures(path, []).platforms == []


def test_figures_of_an_empty_corpus_are_none_and_all_figures_are_json(tmp_path: Path, path: Path) -> None:
    open_corpus(tmp_path / "new.sqlite").close()
    empty = figures(tmp_path / "new.sqlite")
    assert (empty.shorts, empty.platforms, empty.runs, empty.values) == (0, [], [], {})
    assert empty.answers["cost"] is None
    plain = figures(path).to_json()
    assert json.loads(json.dumps(plain)) == plain
    assert plain["runs"][0]["started_at"] == "2026-01-02T03:04:05+00:00"


def test_an_interrupted_exposure_is_counted_as_seen_and_as_interrupted(path: Path) -> None:
    with open_corpus(path) as corpus:
        show(corpus, corpus.tasks.of_run(1)[1], "z", scene(9), close=False)
    with open_corpus(path):
        pass
    sandbox = figures(path).platforms[0]
    assert (sandbox.seen, sandbox.new, sandbox.interrupted) == (11, 3, 1)
