"""The schedule's loop on a clock that the test moves: every planned fire time ends as one row, with its cause."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.schedule.scheduler import NOT_RUNNING, PAUSED, STILL_RUNNING, Ended
from storage.errors import StorageFull, UsageError
from storage.fires import Fires
from tests.clocks import HandClock
from tests.schedule_tools import running, write

NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ONE = '[[job]]\nid = "one"\nevery = "1m"\ngrace = "5m"\n'
TWO = ONE + '[[job]]\nid = "two"\nevery = "1m"\ngrace = "5m"\n'


@pytest.fixture
def clock() -> HandClock:
    return HandClock(NOON - timedelta(seconds=30))


async def test_three_fire_times_are_three_crawls_with_seeds_of_their_own(tmp_path: Path, clock: HandClock) -> None:
    path = write(tmp_path, ONE + f"end = {(NOON + 2 * MINUTE).isoformat()}\n")
    async with running(path, clock) as one:
        for minute in range(3):
            await clock.move_to(NOON + minute * MINUTE)
            assert one.crawls.running == ["one"]
            await one.crawls.end("one")
        await clock.move_to(NOON + 2.5 * MINUTE)
        assert await one.task is False, "it ends by itself when nothing is ahead"
        assert one.states() == [("12:00", "done", None), ("12:01", "done", None), ("12:02", "done", None)]
        assert len({seed for *_, seed in one.crawls.begun}) == 3
        assert one.told.missed_times == []
    with pytest.raises(UsageError, match="in the past"):
        async with running(path, clock) as one:
            await one.task


async def test_the_row_stands_before_the_work_begins_and_holds_the_nominal_time(
    tmp_path: Path, clock: HandClock
) -> None:
    async with running(write(tmp_path, ONE + 'jitter = "50s"\n'), clock) as one:
        await clock.move_to(NOON)
        assert one.states() == []
        due = NOON + timedelta(seconds=49)
        await clock.move_to(due)
        assert one.states() == [("12:00", "running", None)]
        await one.crawls.end("one")
        assert one.states() == [("12:00", "done", None)], "jitter is not lateness"


async def test_after_a_restart_the_newest_time_within_the_grace_runs_late_and_older_ones_are_missed(
    tmp_path: Path, clock: HandClock
) -> None:
    path = write(tmp_path, ONE)
    async with running(path, clock) as one:
        await clock.move_to(NOON)
        await one.crawls.end("one")
        assert await one.halt() is True
    clock.moment = NOON + 3.5 * MINUTE
    async with running(path, clock) as one:
        assert one.crawls.begun[0][:2] == ("one", NOON + 3 * MINUTE)
        await one.crawls.end("one")
        assert one.states()[1:] == [
            ("12:01", "missed", NOT_RUNNING),
            ("12:02", "missed", NOT_RUNNING),
            ("12:03", "late", f"began 30s late: {NOT_RUNNING}"),
        ]
        assert [time for _, time, _ in one.told.missed_times] == [NOON + MINUTE, NOON + 2 * MINUTE]


async def test_after_a_long_time_down_nothing_is_made_up_and_every_time_is_a_row(
    tmp_path: Path, clock: HandClock
) -> None:
    path = write(tmp_path, '[[job]]\nid = "one"\nevery = "1h"\ngrace = "5m"\n')
    async with running(path, clock) as one:
        await clock.move_to(NOON)
        await one.crawls.end("one")
    clock.moment = NOON + timedelta(days=10, minutes=30)
    async with running(path, clock) as one:
        assert one.crawls.begun == []
        assert [state for _, state, _ in one.states()] == ["done", *["missed"] * 240]


async def test_a_killed_fire_goes_on_under_its_own_time_with_its_own_seed(tmp_path: Path, clock: HandClock) -> None:
    path = write(tmp_path, ONE)
    async with running(path, clock) as one:
        await clock.move_to(NOON)
        first = one.crawls.begun[0]
        await one.kill()
        assert one.states() == [("12:00", "running", None)]
    clock.moment = NOON + 2.2 * MINUTE
    async with running(path, clock) as one:
        assert one.crawls.begun == [first]
        await one.crawls.end("one")
        await one.crawls.end("one")
        assert one.states() == [
            ("12:00", "done", "went on after it was killed"),
            ("12:01", "missed", NOT_RUNNING),
            ("12:02", "late", f"began 12s late: {NOT_RUNNING}"),
        ]


async def test_a_stopped_fire_is_partial_and_goes_on_within_the_grace_only(tmp_path: Path, clock: HandClock) -> None:
    path = write(tmp_path, ONE)
    async with running(path, clock) as one:
        await clock.move_to(NOON)
        assert await one.halt() is True
        assert one.states() == [("12:00", "partial", "stopped")]
    clock.moment = NOON + 0.5 * MINUTE
    async with running(path, clock) as one:
        assert one.states() == [("12:00", "running", None)]
        await one.halt()
    clock.moment = NOON + 20.5 * MINUTE
    async with running(path, clock) as one:
        assert one.crawls.begun[0][1] == NOON + 20 * MINUTE
        assert one.states()[0] == ("12:00", "partial", "stopped")


async def test_a_job_never_meets_itself_and_what_passed_meanwhile_is_written_down(
    tmp_path: Path, clock: HandClock
) -> None:
    async with running(write(tmp_path, ONE), clock) as one:
        for minute in range(4):
            await clock.move_to(NOON + minute * MINUTE)
        assert len(one.crawls.begun) == 1
        await one.crawls.end("one")
        await one.crawls.end("one")
        assert one.states() == [
            ("12:00", "done", None),
            ("12:01", "missed", STILL_RUNNING),
            ("12:02", "missed", STILL_RUNNING),
            ("12:03", "done", None),
        ]


async def test_jobs_of_one_platform_wait_for_each_other_and_those_of_two_run_side_by_side(
    tmp_path: Path, clock: HandClock
) -> None:
    text = TWO + '[[job]]\nid = "other"\nevery = "1m"\nplatform = "youtube"\n'
    async with running(write(tmp_path, text), clock) as one:
        await clock.move_to(NOON)
        assert one.crawls.running == ["one", "other"]
        assert one.states("two") == [("12:00", "planned", None)]
        await clock.move_to(NOON + timedelta(seconds=40))
        await one.crawls.end("one")
        assert one.crawls.running == ["other", "two"]
        await one.crawls.end("two")
        assert one.states("two") == [("12:00", "late", "began 40s late: another job was on sandbox")]


async def test_a_fire_that_waits_for_a_platform_longer_than_its_grace_is_missed(
    tmp_path: Path, clock: HandClock
) -> None:
    async with running(write(tmp_path, TWO), clock) as one:
        await clock.move_to(NOON)
        await clock.move_to(NOON + 7.5 * MINUTE)
        await one.crawls.end("one")
        assert ("12:00", "missed", "another job was on sandbox for longer than its grace") in one.states("two")


async def test_stopped_while_it_waits_a_fire_is_missed_and_runs_after_the_restart(
    tmp_path: Path, clock: HandClock
) -> None:
    path = write(tmp_path, TWO)
    async with running(path, clock) as one:
        await clock.move_to(NOON)
        await one.halt()
        assert one.states("two") == [("12:00", "missed", "stopped")]
    clock.moment = NOON + 0.5 * MINUTE
    async with running(path, clock) as one:
        await one.crawls.end("one")
        await one.crawls.end("two")
        assert one.states("two")[0][1] == "late"


async def test_a_blocked_crawl_is_a_partial_fire_and_the_next_one_runs(tmp_path: Path, clock: HandClock) -> None:
    async with running(write(tmp_path, ONE), clock) as one:
        await clock.move_to(NOON)
        await one.crawls.end("one", Ended(cause="captcha", exit_code=3))
        await clock.move_to(NOON + MINUTE)
        await one.crawls.end("one")
        assert one.states() == [("12:00", "partial", "captcha"), ("12:01", "done", None)]


async def test_a_full_disk_ends_the_schedule_and_the_next_start_takes_up_what_was_under_way(
    tmp_path: Path, clock: HandClock
) -> None:
    path = write(tmp_path, ONE + '[[job]]\nid = "other"\nevery = "1m"\nplatform = "youtube"\n')
    async with running(path, clock) as one:
        await clock.move_to(NOON)
        await one.crawls.end("one", StorageFull("no space left"))
        with pytest.raises(StorageFull):
            await one.task
        assert one.states() == [("12:00", "running", None), ("12:00", "partial", "stopped")]
    clock.moment = NOON + MINUTE / 2
    async with running(path, clock) as one:
        assert one.crawls.running == ["one", "other"]


async def test_a_pause_holds_over_restarts_and_comes_from_another_process(tmp_path: Path, clock: HandClock) -> None:
    path = write(tmp_path, TWO.replace('id = "two"', 'id = "two"\nplatform = "youtube"'))
    async with running(path, clock) as one:
        elsewhere = Fires(one.corpus.database, clock.now)
        elsewhere.pause("one")
        await clock.move_to(NOON)
        assert one.crawls.running == ["two"]
    clock.moment = NOON + 1.5 * MINUTE
    async with running(path, clock) as one:
        assert "one" not in one.crawls.running
        one.rows.resume("one")
        await clock.move_to(NOON + 2 * MINUTE)
        await one.crawls.end("one")
        assert one.states("one") == [("12:00", "missed", PAUSED), ("12:01", "missed", PAUSED), ("12:02", "done", None)]
        assert "one" not in {job for job, *_ in one.told.missed_times}


async def test_a_request_is_a_fire_of_its_own_and_takes_no_planned_time_away(tmp_path: Path, clock: HandClock) -> None:
    async with running(write(tmp_path, ONE), clock) as one:
        one.rows.request("one")
        await clock.move_to(NOON - timedelta(seconds=20))
        assert one.states() == [("11:59", "running", None)]
        one.rows.request("one")
        await clock.move_to(NOON + timedelta(seconds=5))
        assert [state for _, state, _ in one.states()] == ["running", "planned"]
        for _ in range(3):
            await one.crawls.end("one")
        assert one.states() == [
            ("11:59", "done", "run-now"),
            ("12:00", "done", None),
            ("12:00", "done", "run-now"),
        ]


async def test_a_changed_schedule_closes_what_the_old_one_planned_and_begins_anew(
    tmp_path: Path, clock: HandClock
) -> None:
    async with running(write(tmp_path, TWO), clock) as one:
        await clock.move_to(NOON)
        await one.crawls.end("one")
        await one.crawls.end("two")
    clock.moment = NOON + 2.5 * MINUTE
    hourly = '[[job]]\nid = "one"\nevery = "1h"\n'
    async with running(write(tmp_path, hourly), clock) as one:
        for job in ("one", "two"):
            assert [row[:2] for row in one.states(job)] == [("12:00", "done"), ("12:01", "missed"), ("12:02", "missed")]
        await clock.move_to(NOON + timedelta(hours=1))
        await one.crawls.end("one")
        assert one.states("one")[3:] == [("13:00", "done", None)]
        assert set(one.rows.known()) == {"one"}


async def test_more_grace_after_a_restart_still_makes_up_what_the_old_file_planned(
    tmp_path: Path, clock: HandClock
) -> None:
    short = '[[job]]\nid = "one"\nevery = "1h"\ngrace = "1m"\n'
    async with running(write(tmp_path, short), clock) as one:
        await clock.move_to(NOON)
        await one.crawls.end("one")
    clock.moment = NOON + timedelta(minutes=80)
    async with running(write(tmp_path, short.replace("1m", "2h")), clock) as one:
        assert one.crawls.begun[0][1] == NOON + timedelta(hours=1)


async def test_without_any_grace_a_fire_still_runs_at_its_time_and_is_never_made_up(
    tmp_path: Path, clock: HandClock
) -> None:
    path = write(tmp_path, ONE.replace("5m", "0s"))
    async with running(path, clock) as one:
        await clock.move_to(NOON + timedelta(seconds=1))
        await one.crawls.end("one")
        assert one.states() == [("12:00", "done", None)]
    clock.moment = NOON + MINUTE + timedelta(seconds=30)
    async with running(path, clock) as one:
        assert one.states()[1:] == [("12:01", "missed", NOT_RUNNING)]


@pytest.mark.parametrize("seconds", [0, 59])
async def test_a_schedule_that_starts_close_to_a_fire_time_neither_doubles_nor_loses_it(
    tmp_path: Path, seconds: float
) -> None:
    clock = HandClock(NOON + timedelta(seconds=seconds))
    async with running(write(tmp_path, ONE), clock) as one:
        await clock.move_to(NOON + MINUTE)
        await one.crawls.end("one")
        assert one.states() == [("12:01", "done", None)]
