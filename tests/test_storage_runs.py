"""Runs and what hangs on them: conditions, continuation, model answers and labels (D4, D5, D14, D15)."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy.exc import StatementError

from storage.answer_record import AnswerStatus
from storage.corpus import Corpus
from storage.models import Event
from storage.records import Kind, Label, LabelKind, Outcome, Stance, Verdict
from storage.runs import field_coverage
from tests.storage_tools import answer, miss, open_corpus, record, rows, run_spec, scene, show, specs, start


@pytest.fixture
def corpus(tmp_path: Path) -> Iterator[Corpus]:
    with open_corpus(tmp_path / "c.sqlite") as corpus:
        yield corpus


# Runs


def test_an_unfinished_run_of_the_same_plan_goes_on(corpus: Corpus) -> None:
    run, tasks = start(corpus, 2, 2)
    for state in ("stopped", "blocked"):
        corpus.runs.finish(run, state, "a cause")
        assert rows(corpus.database.path, "SELECT state, cause FROM runs") == [(state, "a cause")]
        found = corpus.runs.unfinished("sandbox", "p" * 64, 1)
        assert found is not None
        assert found.id == run.id
        again = corpus.runs.start(run_spec(specs(2, 2)))
        assert again == replace(run, continued=True)
        assert rows(corpus.database.path, "SELECT state, cause, ended_at FROM runs") == [("running", None, None)]
    assert corpus.tasks.of_run(again.plan_run_id) == tasks
    assert corpus.runs.chain(run.plan_run_id) == [run.id]


def test_another_plan_seed_or_platform_is_another_run(corpus: Corpus) -> None:
    ids = {
        corpus.runs.start(run_spec(specs(1), **fields)).plan_run_id
        for fields in ({}, {"plan_hash": "q" * 64}, {"seed": 2}, {"platform": "tiktok"})
    }
    assert len(ids) == 4
    assert corpus.runs.unfinished("youtube", "p" * 64, 1) is None


def test_a_finished_plan_starts_again(corpus: Corpus) -> None:
    run, _ = start(corpus, 1)
    corpus.runs.finish(run, "finished")
    assert corpus.runs.unfinished("sandbox", "p" * 64, 1) is None
    again, tasks = start(corpus, 1)
    assert (again.continued, again.plan_run_id) == (False, again.id)
    assert again.id != run.id
    assert [task.run_id for task in tasks] == [again.id]


def test_changed_conditions_make_a_new_run_on_the_same_tasks(corpus: Corpus) -> None:
    run, tasks = start(corpus, 3)
    show(corpus, tasks[0], "a", scene(1))
    second = corpus.runs.start(run_spec(specs(3), environment={"browser": "2", "country": None}, profile_id="another"))
    assert (second.continued, second.changed, second.plan_run_id) == (True, ("browser",), run.id)
    assert second.id != run.id
    assert second.profile_id == "profile"  # the plan's own goes on
    assert [(task.id, task.taken) for task in corpus.tasks.of_run(second.plan_run_id)] == [(tasks[0].id, 1)]
    assert rows(corpus.database.path, "SELECT state, continues_run_id, profile_exposures FROM runs ORDER BY id") == [
        ("continued", None, 0),
        ("running", run.id, 1),
    ]
    third = corpus.runs.start(run_spec(specs(3), environment={"browser": "3", "country": None}))
    assert (third.plan_run_id, corpus.runs.chain(run.id)) == (run.id, [run.id, second.id, third.id])
    corpus.runs.finish(third, "finished")
    assert corpus.runs.unfinished("sandbox", "p" * 64, 1) is None


def test_conditions_that_were_not_known_before_are_filled_in(corpus: Corpus) -> None:
    run, _ = start(corpus)
    again, _ = start(corpus, environment={"browser": "1", "country": "de"})
    assert (again.id, again.changed) == (run.id, ())
    start(corpus, environment={"browser": "1", "country": None})
    assert rows(corpus.database.path, "SELECT json_extract(environment, '$.country') FROM runs") == [("de",)]
    moved, _ = start(corpus, environment={"browser": "1", "country": "fr"})
    assert moved.changed == ("country",)


def test_what_a_dead_process_left_open_was_interrupted_and_counts_as_seen(tmp_path: Path) -> None:
    with open_corpus(tmp_path / "c.sqlite") as corpus:
        _, (task,) = start(corpus, 5)
        show(corpus, task, "a", scene(1))
        show(corpus, task, "b", scene(2), close=False)
    with open_corpus(tmp_path / "c.sqlite") as corpus:
        assert rows(corpus.database.path, "SELECT outcome FROM exposures") == [("done",), ("interrupted",)]
        assert rows(corpus.database.path, "SELECT state, cause FROM runs") == [("stopped", "killed")]
        run, _ = start(corpus, 5)
        assert (run.continued, corpus.tasks.reload(task).taken) == (True, 2)
        last = corpus.exposures.last(task)
        assert last is not None
        assert (last.platform_id, last.outcome) == ("b", "interrupted")
        assert last.same_showing(record("b"))
        assert not last.same_showing(record("c"))


def test_a_labelling_process_does_not_declare_a_running_crawl_dead(corpus: Corpus) -> None:
    _, (task,) = start(corpus)
    show(corpus, task, "a", scene(1), close=False)
    open_corpus(corpus.database.path, collecting=False).close()
    assert rows(corpus.database.path, "SELECT outcome FROM exposures") == [("open",)]
    assert rows(corpus.database.path, "SELECT state FROM runs") == [("running",)]


def test_coverage_says_how_many_records_have_each_field(corpus: Corpus) -> None:
    run, (task,) = start(corpus)
    with corpus.database.read() as session:
        assert field_coverage(session, run.id) == {"shorts": 0, "fields": {}}
    show(corpus, task, "a", scene(1), duration=3.0, views=0, author="anna", paid_partnership=False)
    show(corpus, task, "b", scene(2), caption=None, views=7)
    miss(corpus, task, record("ad", kind=Kind.AD), Outcome.SKIPPED, "ad")
    corpus.runs.finish(run, "finished")
    with corpus.database.read() as session:
        coverage = field_coverage(session, run.id)
    shares = coverage["fields"]
    assert coverage["shorts"] == 2
    assert {name: share for name, share in shares.items() if share} == {
        "author": 0.5,
        "duration": 0.5,
        "paid_partnership": 0.5,
        "caption": 0.5,
        "views": 1.0,
    }
    assert rows(corpus.database.path, "SELECT json_extract(field_coverage, '$.fields.views') FROM runs") == [(1.0,)]


def test_counts_and_captions_are_observed_each_time_and_never_overwritten(corpus: Corpus) -> None:
    _, (task,) = start(corpus)
    show(corpus, task, "a", scene(1), views=1, caption="one", hashtags=("x",))
    show(corpus, task, "a", scene(1), views=2, caption="two")
    assert rows(corpus.database.path, "SELECT views, caption, hashtags FROM observations ORDER BY id") == [
        (1, "one", '["x"]'),
        (2, "two", "[]"),
    ]
    assert corpus.exposures.times_shown(task, "a") == 2
    assert corpus.exposures.times_shown(task, "b") == 0


def test_times_have_a_zone_or_are_refused(corpus: Corpus) -> None:
    with pytest.raises(StatementError, match="naive datetime"), corpus.database.write() as session:
        session.add(Event(kind="relabel", detail={}, at=datetime(2026, 1, 1)))  # noqa: DTZ001
    with corpus.database.read() as session:
        assert session.get_one(Event, 1).at.isoformat() == "2026-01-02T03:04:05+00:00"


# Answers


def test_an_answer_comes_back_whole_with_the_picture_as_it_was_sent(corpus: Corpus) -> None:
    run, _ = start(corpus)
    data = scene(1)
    given = answer(run_id=run.id, image_sha256=hashlib.sha256(data).hexdigest())
    stored = corpus.answers.put(given, data)
    assert {name: getattr(stored, name) for name in given.__dataclass_fields__} == vars(given)
    assert corpus.answers.find(given.key, run.id) == stored
    assert corpus.answers.picture(stored.id) == data
    for status in (AnswerStatus.REFUSED, AnswerStatus.UNREADABLE):
        other = corpus.answers.put(answer(status.value, run_id=run.id, status=status, parsed=None, cost=None), None)
        assert corpus.answers.find(status.value, run.id) == other
        assert corpus.answers.picture(other.id) is None
    assert rows(corpus.database.path, "SELECT status FROM answers WHERE parsed IS NULL") == [
        ("refused",),
        ("unreadable",),
    ]


def test_a_picture_that_the_answer_does_not_name_is_refused(corpus: Corpus) -> None:
    with pytest.raises(ValueError, match="not the one"):
        corpus.answers.put(answer(image_sha256="0" * 64), scene(1))
    assert rows(corpus.database.path, "SELECT count(*) FROM answers") == [(0,)]


def test_an_answer_is_reused_within_its_plan_and_elsewhere_only_on_request(corpus: Corpus) -> None:
    run, _ = start(corpus)
    key = answer().key
    corpus.answers.put(answer(run_id=run.id, raw="old"), None)
    corpus.answers.put(answer(run_id=run.id, raw="new"), None)

    def raw(run_id: int | None) -> str | None:
        found = corpus.answers.find(key, run_id)
        return None if found is None else found.raw

    continued, _ = start(corpus, environment={"browser": "2", "country": None})
    corpus.runs.finish(continued, "finished")
    repeated, _ = start(corpus)
    assert len({run.id, continued.id, repeated.id}) == 3
    assert [raw(each.id) for each in (run, continued, repeated)] == ["new", "new", "new"]

    strangers = [start(corpus, plan_hash="q" * 64)[0].id, start(corpus, seed=2)[0].id, None]
    assert [raw(run_id) for run_id in strangers] == [None, None, None]
    assert corpus.answers.find("other", run.id) is None
    corpus.close()
    with open_corpus(corpus.database.path, reuse_answers=True) as reusing:
        found = [reusing.answers.find(key, run_id) for run_id in strangers]
    assert [each.raw for each in found if each] == ["new", "new", "new"]


def test_an_answer_without_a_run_is_found_without_a_run(corpus: Corpus) -> None:
    run, _ = start(corpus)
    stored = corpus.answers.put(answer(), None)
    assert corpus.answers.find(stored.key, None) == stored
    assert corpus.answers.find(stored.key, run.id) is None


def test_spending_is_the_sum_of_known_prices(corpus: Corpus) -> None:
    run, _ = start(corpus)
    assert corpus.answers.spent([run.id]) is None
    corpus.answers.put(answer(run_id=run.id, cost=None), None)
    assert corpus.answers.spent([run.id]) is None
    for cost in (0.5, 0.25):
        corpus.answers.put(answer(run_id=run.id, cost=cost), None)
    corpus.answers.put(answer(cost=9.0), None)
    assert corpus.answers.spent([run.id]) == 0.75


# Labels


def value(name: str, source: str, **fields: object) -> Label:
    return replace(Label(kind=LabelKind.VALUE, name=name, source=source), **fields)  # type: ignore[arg-type]


def test_a_label_stands_as_its_source_first_gave_it(corpus: Corpus) -> None:
    _, (task,) = start(corpus)
    stored = show(corpus, task, "a", scene(1), labels=(value("power", "vlm", stance=Stance.EXPRESSES, score=0.9),))
    corpus.labels.add(stored.short_id, [value("power", "vlm", stance=Stance.OPPOSES, score=0.1)])
    corpus.labels.add(stored.short_id, [value("power", "person", stance=Stance.OPPOSES)])
    show(corpus, task, "a", scene(1), labels=(value("power", "vlm", stance=Stance.NONE),))
    assert rows(corpus.database.path, "SELECT source, name, stance, score FROM labels ORDER BY id") == [
        ("query", "power", None, None),
        ("vlm", "power", "expresses", 0.9),
        ("person", "power", "opposes", None),
    ]


def test_collected_under_is_said_in_search_only_and_without_stance(corpus: Corpus) -> None:
    _, (search,) = start(corpus)
    _, (feed,) = start(corpus, mode="feed", plan_hash="f" * 64)
    show(corpus, search, "a", scene(1))
    show(corpus, feed, "b", scene(2))
    assert rows(corpus.database.path, "SELECT short_id, kind, name, source, stance, score FROM labels") == [
        (1, "value", "power", "query", None, None)
    ]


def test_shorts_that_a_source_has_not_labelled_come_with_pictures_and_newest_caption(corpus: Corpus) -> None:
    run, (task,) = start(corpus)
    first = show(corpus, task, "a", scene(1), caption="old", author="anna", extra={"pinned": True}, ai_generated=True)
    second = show(corpus, task, "b", scene(2), verdict=Verdict.NO, labels=(value("power", "vlm"),))
    show(corpus, task, "a", scene(3), caption="new")
    miss(corpus, task, record("c"), Outcome.FAILED, "capture")
    assert corpus.labels.without("vlm") == [first.short_id]
    assert corpus.labels.without("other") == [first.short_id, second.short_id]
    assert corpus.labels.without("other", limit=1) == [first.short_id]
    assert corpus.labels.without("other", plan_run_id=run.plan_run_id + 1) == []
    found = corpus.labels.short(first.short_id)
    assert (found.short_id, found.run_id, found.record.caption) == (first.short_id, run.id, "new")
    assert (found.record.extra, found.record.ai_generated) == ({"pinned": True}, True)
    assert (found.frame.data, found.frame.role, found.frame.source) == (scene(1), "frame", "canvas")
    assert (found.screen.data, found.screen.role) == (scene(1), "screen")
    corpus.labels.add(first.short_id, [value("power", "other")])
    assert corpus.labels.without("other") == [second.short_id]
