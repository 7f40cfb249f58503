"""The queue (D4): rounds, dry keywords, result lists, and going on after a kill as if nothing had happened."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from storage.corpus import Corpus
from storage.records import Kind, Outcome, Record
from storage.runs import RunItem
from storage.tasks import TaskItem, record_from_json, record_to_json
from tests.storage_tools import Spec, miss, open_corpus, record, rows, run_spec, scene, show, specs, start


@pytest.fixture
def corpus(tmp_path: Path) -> Iterator[Corpus]:
    with open_corpus(tmp_path / "c.sqlite") as corpus:
        yield corpus


def take(corpus: Corpus, run: RunItem, number: int) -> TaskItem | None:
    """One turn of a crawl that always finds a new short."""
    task = corpus.tasks.next_task(run.plan_run_id)
    if task is not None:
        corpus.tasks.start(task)
        show(corpus, task, f"s{number}", scene(number))
    return task


def positions(corpus: Corpus, run: RunItem) -> list[tuple[int, int, str]]:
    return [(task.quota, task.taken, task.state) for task in corpus.tasks.of_run(run.plan_run_id)]


def test_tasks_are_dealt_in_rounds_one_new_short_of_each(corpus: Corpus) -> None:
    run, _ = start(corpus, 3, 2, 2)
    order: list[int] = []
    while (task := take(corpus, run, len(order))) is not None:
        order.append(task.position)
    assert order == [0, 1, 2, 0, 1, 2, 0]
    assert positions(corpus, run) == [(3, 3, "done"), (2, 2, "done"), (2, 2, "done")]


def test_a_kill_between_any_two_shorts_changes_nothing_in_the_order(tmp_path: Path) -> None:
    def order(name: str, *, killed: bool) -> list[int]:
        corpus = open_corpus(tmp_path / name)
        found: list[int] = []
        while True:
            run, _ = start(corpus, 3, 1, 2)
            task = take(corpus, run, len(found))
            if task is None:
                corpus.close()
                return found
            found.append(task.position)
            if killed:
                corpus.close()
                corpus = open_corpus(tmp_path / name)

    assert order("one", killed=False) == order("other", killed=True) == [0, 1, 2, 0, 2, 0]


def test_duplicates_and_failures_do_not_count_and_do_not_end_the_turn(corpus: Corpus) -> None:
    run, (task, _) = start(corpus, 1, 1)
    show(corpus, task, "a", scene(1))
    assert corpus.tasks.next_task(run.plan_run_id).position == 1  # type: ignore[union-attr]
    other = corpus.tasks.next_task(run.plan_run_id)
    assert other is not None
    show(corpus, other, "b", scene(1))
    miss(corpus, other, record("c"), Outcome.FAILED, "capture")
    assert corpus.tasks.next_task(run.plan_run_id) == corpus.tasks.reload(other)
    assert corpus.tasks.reload(other).taken == 0


def test_work_under_way_is_marked_counted_once_and_freed_by_the_next_process(tmp_path: Path) -> None:
    with open_corpus(tmp_path / "c.sqlite") as corpus:
        run, (task,) = start(corpus, 2)
        corpus.tasks.start(task)
        task = corpus.tasks.reload(task)
        corpus.tasks.start(task)
        assert (corpus.tasks.reload(task).state, corpus.tasks.reload(task).attempts) == ("active", 1)
        with open_corpus(tmp_path / "c.sqlite", collecting=False):
            assert corpus.tasks.reload(task).state == "active"  # a labeller frees nothing
    with open_corpus(tmp_path / "c.sqlite") as corpus:
        assert corpus.tasks.reload(task).state == "pending"
        assert corpus.tasks.next_task(run.plan_run_id) is not None


def test_a_blocked_task_waits_with_its_cause(corpus: Corpus) -> None:
    run, (task,) = start(corpus, 1)
    corpus.tasks.start(task)
    corpus.tasks.block(task, "captcha")
    waiting = corpus.tasks.next_task(run.plan_run_id)
    assert waiting is not None
    assert (waiting.state, waiting.cause) == ("pending", "captcha")


# Dry keywords


def test_a_dry_keywords_rest_passes_on_within_its_value_and_revives_done_ones(corpus: Corpus) -> None:
    plan = [*specs(1, 5, 1, 0), *specs(1, value="hedonism")]
    run = corpus.runs.start(run_spec(plan))
    take(corpus, run, 1)
    dry = corpus.tasks.of_run(run.plan_run_id)[1]
    assert corpus.tasks.dry(dry) == 0
    assert positions(corpus, run) == [
        (3, 1, "pending"),
        (0, 0, "dry"),
        (2, 0, "pending"),
        (2, 0, "pending"),
        (1, 0, "pending"),
    ]
    assert corpus.tasks.reload(dry).cause == "5 short"


def test_what_nobody_can_take_over_is_said_and_stays_in_the_plan(corpus: Corpus) -> None:
    run = corpus.runs.start(run_spec([*specs(3, 2), *specs(1, value="hedonism")]))
    first, second, _ = corpus.tasks.of_run(run.plan_run_id)
    assert corpus.tasks.dry(first) == 0
    show(corpus, second, "a", scene(1))
    assert corpus.tasks.dry(second) == 4
    assert positions(corpus, run) == [(0, 0, "dry"), (5, 1, "dry"), (1, 0, "pending")]
    assert sum(quota for quota, _, _ in positions(corpus, run)) == 6


def test_tasks_without_a_value_pass_on_among_themselves(corpus: Corpus) -> None:
    run = corpus.runs.start(run_spec([Spec(value=None, keyword=None, quota=2), *specs(1)]))
    assert corpus.tasks.dry(corpus.tasks.of_run(run.plan_run_id)[0]) == 2
    assert positions(corpus, run)[1] == (1, 0, "pending")


def test_other_plans_inherit_nothing(corpus: Corpus) -> None:
    _, (task,) = start(corpus, 2)
    other, _ = start(corpus, 2, plan_hash="q" * 64)
    assert corpus.tasks.dry(task) == 2
    assert positions(corpus, other) == [(2, 0, "pending")]


# Result lists


def full_record() -> Record:
    return Record(
        platform="sandbox",
        platform_id="a",
        kind=Kind.PHOTO,
        url="https://sandbox/short/a",
        caption="lake",
        author="h:" + "0" * 32,
        hashtags=("b", "a"),
        duration=12.5,
        published=datetime(2025, 5, 6, 7, 8, 9, 10, tzinfo=timezone(timedelta(hours=2))),
        views=0,
        likes=3,
        comments=4,
        shares=5,
        language="de",
        sound="tune",
        paid_partnership=False,
        ai_generated=True,
        subtitles="text",
        unavailable="age",
        extra={"pinned": True, "deep": {"list": [1, None]}},
    )


def test_a_record_survives_json_whole(corpus: Corpus) -> None:
    for given in (full_record(), record(None, kind=Kind.LIVE), Record(platform="sandbox", platform_id="x")):
        assert record_from_json(record_to_json(given)) == given
    _, (task,) = start(corpus)
    corpus.tasks.add_listings(task, [full_record()])
    listed = corpus.tasks.next_listing(task)
    assert listed is not None
    assert listed.record == full_record()
    assert full_record().published == listed.record.published == datetime(2025, 5, 6, 5, 8, 9, 10, tzinfo=UTC)


def test_pages_are_appended_in_rank_order_without_what_is_listed(corpus: Corpus) -> None:
    _, (task, other) = start(corpus, 5, 5)
    live = record(None, kind=Kind.LIVE, caption="hello")
    assert corpus.tasks.add_listings(task, [record("a"), live, record("b"), record("a")]) == 3
    assert corpus.tasks.add_listings(task, [record("b"), live, record("c")]) == 1
    assert corpus.tasks.add_listings(task, [record("a"), live]) == 0
    assert corpus.tasks.add_listings(other, [record("a")]) == 1
    listed = "SELECT rank, platform_id, kind, state FROM listings WHERE task_id = 1 ORDER BY rank"
    assert rows(corpus.database.path, listed) == [
        (0, "a", "short", "waiting"),
        (1, None, "live", "waiting"),
        (2, "b", "short", "waiting"),
        (3, "c", "short", "waiting"),
    ]


def test_shorts_of_the_corpus_are_listed_as_known_and_passed_over(corpus: Corpus) -> None:
    _, (task, other) = start(corpus, 5, 5)
    show(corpus, task, "a", scene(1))
    assert corpus.tasks.add_listings(task, [record("a"), record("b"), record("c")]) == 2
    assert corpus.tasks.add_listings(other, [record("b")]) == 1
    show(corpus, other, "b", scene(2), listing=corpus.tasks.next_listing(other))
    found = corpus.tasks.next_listing(task)
    assert found is not None
    assert (found.rank, found.record.platform_id) == (2, "c")
    listed = rows(corpus.database.path, "SELECT platform_id, state FROM listings WHERE task_id = 1 ORDER BY rank")
    assert listed == [("a", "known"), ("b", "known"), ("c", "waiting")]
    assert rows(corpus.database.path, "SELECT state FROM listings WHERE task_id = 2") == [("opened",)]


def test_the_same_id_on_another_platform_is_another_short(corpus: Corpus) -> None:
    _, (task,) = start(corpus)
    show(corpus, task, "a", scene(1))
    other = corpus.tasks.of_run(corpus.runs.start(run_spec(specs(1), platform="tiktok")).plan_run_id)[0]
    assert corpus.tasks.add_listings(other, [record("a", platform="tiktok")]) == 1
    assert corpus.tasks.next_listing(other) is not None


def test_what_the_list_said_fills_the_gaps_of_what_the_page_says(corpus: Corpus) -> None:
    _, (task,) = start(corpus)
    corpus.tasks.add_listings(task, [record("a", caption="as listed", duration=9.0, author="Anna")])
    listing = corpus.tasks.next_listing(task)
    show(corpus, task, "a", scene(1), listing=listing, caption="as shown")
    short = rows(corpus.database.path, "SELECT s.duration, s.author, caption FROM shorts s JOIN observations")
    assert short[0][0] == 9.0
    assert short[0][1].startswith("h:")
    assert short[0][2] == "as shown"


# Trying again


def test_failed_shorts_go_back_into_the_queue_with_their_dry_task(corpus: Corpus) -> None:
    run, tasks = start(corpus, 2, 1, 1)
    for task, causes in zip(tasks, (("capture", "page_hung"), ("capture",), ("capture",)), strict=True):
        names = [f"{task.position}-{cause}" for cause in causes]
        corpus.tasks.add_listings(task, [record(name) for name in names])
        for cause in causes:
            listing = corpus.tasks.next_listing(task)
            assert listing is not None
            miss(corpus, task, listing.record, Outcome.FAILED, cause, listing=listing)
    corpus.tasks.dry(tasks[0])
    show(corpus, tasks[1], "full", scene(1))
    for number in range(2, 5):
        take(corpus, run, number)
    before = Counter(state for _, _, state in positions(corpus, run))
    assert before == {"dry": 1, "done": 2}

    assert corpus.tasks.retry_failed(run.plan_run_id, "page_hung") == 1
    assert positions(corpus, run)[0] == (1, 0, "pending")
    again = corpus.tasks.next_listing(tasks[0])
    assert again is not None
    assert again.record.platform_id == "0-page_hung"
    assert corpus.tasks.retry_failed(run.plan_run_id) == 1  # those of tasks that are full stay
    states = rows(corpus.database.path, "SELECT task_id, state FROM listings ORDER BY id")
    assert states == [(1, "waiting"), (1, "waiting"), (2, "failed"), (3, "failed")]
    assert Counter(state for _, _, state in positions(corpus, run)) == {"pending": 1, "done": 2}
    assert corpus.tasks.retry_failed(run.plan_run_id) == 0
