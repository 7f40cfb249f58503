"""Quotas of a plan: planned, achieved, substituted, passed on; and when it will end, as a range."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from math import log
from pathlib import Path

import pytest

from agent.rebuild.estimate import DONE, TimeLeft, longest, time_left
from storage.card_facts import facts
from storage.chance import draw
from storage.corpus import Corpus
from storage.quotas import (
    REBUILD,
    Quotas,
    TaskCount,
    finds,
    pass_on,
    plan_quotas,
    plan_runs,
    quotas,
    reopen_dry,
    sessions,
    task_counts,
)
from storage.runs import RunItem
from tests.storage_tools import MOMENT, Spec, open_corpus, run_spec, scene, show


@pytest.fixture
def corpus(tmp_path: Path) -> Iterator[Corpus]:
    with open_corpus(tmp_path / "c.sqlite") as corpus:
        yield corpus


def task(platform: str, value: str, keyword: str, planned: int, achieved: int, *, dry: bool = False) -> TaskCount:
    return TaskCount(platform=platform, value=value, keyword=keyword, planned=planned, achieved=achieved, dry=dry)


def begin(corpus: Corpus, platform: str, plan: list[Spec]) -> RunItem:
    settings = {"plan": {"name": "p", "hash": "h", "target": 10}}
    return corpus.runs.start(run_spec(plan, platform=platform, plan_hash=platform[0] * 64, settings=settings))


def work(corpus: Corpus, run: RunItem, *, dry: str | None = None, name: str = "s") -> None:
    """Fill the tasks in their turn; the keyword `dry` brings nothing."""
    number = 0
    while (item := corpus.tasks.next_task(run.plan_run_id)) is not None:
        corpus.tasks.start(item)
        if item.keyword == dry:
            corpus.tasks.dry(item)
        else:
            number += 1
            show(corpus, item, f"{name}{run.id}-{number}", scene(1000 * run.id + number), platform=item.platform)


def stand(corpus: Corpus, *runs: RunItem) -> Quotas:
    with corpus.database.read() as session:
        return quotas(task_counts(session, [run.plan_run_id for run in runs]))


def test_what_stands_for_a_dry_keyword_of_its_value_is_counted_as_substituted_and_nothing_else() -> None:
    found = quotas(
        [
            task("youtube", "power", "boss", 5, 2, dry=True),
            task("youtube", "power", "crown", 5, 5),
            task("youtube", "power", "throne", 0, 3),
            task("youtube", "hedonism", "beach", 10, 10),
        ]
    )
    assert (found.total.planned, found.total.achieved, found.total.substituted) == (20, 20, 3)
    assert found.values["power"].substituted == 3
    assert found.values["hedonism"].substituted == 0
    assert found.total.from_values == found.total.from_platforms == 0
    assert found.dry == (("youtube", "power", "boss"),)


def test_what_came_from_other_values_and_platforms_is_counted_apart() -> None:
    found = quotas(
        [
            task("youtube", "power", "boss", 10, 4, dry=True),
            task("youtube", "hedonism", "beach", 10, 13),
            task("tiktok", "power", "boss", 10, 13),
            task("tiktok", "hedonism", "beach", 10, 10),
        ]
    )
    assert found.platforms["youtube"].from_values == 3
    assert found.platforms["youtube"].from_platforms == 0
    assert found.platforms["tiktok"].from_platforms == 3
    assert found.platforms["tiktok"].from_values == 0
    assert (found.total.planned, found.total.achieved, found.total.substituted) == (40, 40, 0)
    assert not found.values["power"].reached


def test_a_quota_is_reached_within_one_per_cent() -> None:
    assert quotas([task("a", "power", "w", 500, 495)]).total.reached
    assert not quotas([task("a", "power", "w", 500, 494)]).total.reached
    assert quotas([task("a", "power", "w", 16, 15)]).total.reached  # one short is the least that can be missing


def test_a_dry_keywords_rest_goes_to_the_reserve_of_its_value_first(corpus: Corpus) -> None:
    plan = [
        Spec(value="power", keyword="boss", quota=3),
        Spec(value="hedonism", keyword="beach", quota=3),
        Spec(value="power", keyword="throne", quota=0),
        Spec(value="hedonism", keyword="sauna", quota=0),
    ]
    run = begin(corpus, "youtube", plan)
    work(corpus, run, dry="boss")
    found = stand(corpus, run)
    assert found.keywords["youtube", "power", "throne"].achieved == 3
    assert ("youtube", "hedonism", "sauna") not in found.keywords
    assert (found.total.achieved, found.total.substituted) == (6, 3)
    with corpus.database.read() as session:
        (card,) = plan_quotas(session)
    assert card["plan"]["name"] == "p"
    assert card["total"]["substituted"] == 3
    dry = next(row for row in card["keywords"] if row["keyword"] == "boss")
    assert (dry["planned"], dry["achieved"], dry["dry"]) == (3, 0, True)
    with corpus.database.read() as session:
        said = facts(session)
    assert said["plan_values"]["power"] == {"planned": 3, "achieved": 3, "substituted within its value": 3}
    assert said["plan_values"]["hedonism"]["substituted within its value"] == 0
    assert [(row["keyword"], row["planned"], row["achieved"]) for row in said["substituted"]] == [("throne", 0, 3)]


def test_a_rest_leaves_its_value_and_its_platform_only_when_it_is_passed_on(corpus: Corpus) -> None:
    one = begin(corpus, "youtube", [Spec(value="power", keyword="boss", quota=4)])
    other = begin(
        corpus,
        "tiktok",
        [Spec(value="power", keyword="boss", quota=2), Spec(value="hedonism", keyword="beach", quota=2)],
    )
    for run in (one, other):
        work(corpus, run, dry="boss")
        corpus.runs.finish(run, "finished")
    found = stand(corpus, one, other)
    assert (found.total.missing, found.total.from_values, found.total.from_platforms) == (6, 0, 0)
    with corpus.database.write() as session:
        assert pass_on(session, [one.plan_run_id, other.plan_run_id], MOMENT) == 6
        assert pass_on(session, [one.plan_run_id, other.plan_run_id], MOMENT) == 0
    assert corpus.runs.unfinished("tiktok", "t" * 64, 1) is not None  # goes on, although it had finished
    assert corpus.runs.unfinished("youtube", "y" * 64, 1) is None
    work(corpus, other, dry="boss", name="t")
    found = stand(corpus, one, other)
    assert found.total.missing == 0
    assert (found.total.from_values, found.total.from_platforms) == (2, 4)


def test_a_later_command_asks_dry_keywords_once_more(corpus: Corpus) -> None:
    run = begin(corpus, "youtube", [Spec(value="power", keyword="boss", quota=2)])
    work(corpus, run, dry="boss")
    corpus.runs.finish(run, "finished")
    with corpus.database.write() as session:
        assert reopen_dry(session, [run.plan_run_id], MOMENT) == 1
    work(corpus, run)
    assert stand(corpus, run).total.missing == 0
    with corpus.database.write() as session:
        assert reopen_dry(session, [run.plan_run_id], MOMENT) == 0
        assert plan_runs(session, {"youtube": "y" * 64, "tiktok": "t" * 64}, 1) == {"youtube": run.plan_run_id}


# The end


def times(start: datetime, seconds: float, number: int) -> list[datetime]:
    """So many, evenly spread."""
    return [start + timedelta(seconds=seconds * (place + 0.5) / number) for place in range(number)]


HOUR = 3600.0


def test_before_there_is_data_nobody_says_when_it_ends() -> None:
    session = (MOMENT, MOMENT + timedelta(hours=1))
    assert time_left([], [], 100) is None
    assert time_left(times(MOMENT, HOUR, 20), [session], 100) is None
    assert time_left(times(MOMENT, HOUR, 20), [session], 0) == DONE
    assert longest({"youtube": DONE, "tiktok": None}) is None


def test_an_even_rate_gives_a_range_around_the_true_end_that_narrows_with_data() -> None:
    def left(hours: int) -> TimeLeft:
        found = time_left(times(MOMENT, hours * HOUR, 100 * hours), [(MOMENT, MOMENT + timedelta(hours=hours))], 1000)
        assert found is not None
        assert found.most is not None
        return found

    early, late = left(1), left(20)
    for one in (early, late):
        assert one.most is not None
        assert one.least < 10 * HOUR < one.most
    assert early.most is not None
    assert late.most is not None
    assert late.most - late.least < early.most - early.least


def test_a_wall_of_hours_makes_the_range_wide_and_a_night_between_two_commands_does_not() -> None:
    hour = timedelta(hours=1)
    without = time_left(times(MOMENT, 2 * HOUR, 200), [(MOMENT, MOMENT + 2 * hour)], 100)
    wall = [*times(MOMENT, HOUR, 100), *times(MOMENT + 3 * hour, HOUR, 100)]
    walled = time_left(wall, [(MOMENT, MOMENT + 4 * hour)], 100)
    night = time_left(wall, [(MOMENT, MOMENT + hour), (MOMENT + 3 * hour, MOMENT + 4 * hour)], 100)
    assert without is not None
    assert walled is not None
    assert night == without
    assert walled.least > without.least
    assert walled.most is None or walled.most > 3 * (without.most or 0)


def test_the_true_end_lies_in_the_range_as_often_as_it_says() -> None:
    """Chance alone (a Poisson stream): 90 % intervals over 200 streams."""

    def stream(seed: int, number: int) -> list[float]:
        at, found = 0.0, []
        for place in range(number):
            at -= 36 * log(1 - draw(seed, "gap", str(place)))
            found.append(at)
        return found

    held = 0
    for seed in range(200):
        moments = stream(seed, 400)
        now = 3600.0
        before = [MOMENT + timedelta(seconds=at) for at in moments if at < now]
        left = time_left(before, [(MOMENT, MOMENT + timedelta(seconds=now))], 200)
        assert left is not None
        true = moments[len(before) + 200 - 1] - now
        held += left.least <= true <= (left.most or float("inf"))
    assert held >= 175


def test_sessions_end_with_what_was_shown_last_and_the_newest_one_lasts_until_now(tmp_path: Path) -> None:
    moment = [MOMENT]
    with Corpus(tmp_path / "c.sqlite", collecting=True, now=lambda: moment[0]) as corpus:
        corpus.add_event(REBUILD, {"plan": "h"})
        run = begin(corpus, "youtube", [Spec(value="power", keyword="boss", quota=2)])
        work(corpus, run)  # all shown at MOMENT
        moment[0] = MOMENT + timedelta(hours=9)
        corpus.add_event(REBUILD, {"plan": "h"})
        corpus.add_event(REBUILD, {"plan": "another"})
        now = MOMENT + timedelta(hours=10)
        with corpus.database.read() as session:
            found = sessions(session, "h", [run.plan_run_id], now)
            assert finds(session, [run.plan_run_id]) == {"youtube": [MOMENT, MOMENT]}
    assert found == [(MOMENT, MOMENT), (MOMENT + timedelta(hours=9), now)]
