"""When a job fires: cron and intervals, time zones, the hours that summer time skips and doubles, jitter."""

from datetime import UTC, datetime, timedelta
from statistics import mean

import pytest
from pydantic import ValidationError

from agent.schedule.timing import Timing, duration_text, seconds_of
from tests.schedule_tools import timing

DAY = timedelta(days=1)


def moments(given: Timing, first: str, days: float = 1.0) -> list[str]:
    """Fire times (UTC) within so many days of a moment."""
    start = datetime.fromisoformat(first).replace(tzinfo=UTC)
    return [f"{time:%d %H:%M}" for time in given.between(start, start + days * DAY)]


def test_a_job_fires_at_its_hour_on_the_wall_clock_before_and_after_summer_time_begins() -> None:
    daily = timing(cron="0 8 * * *", time_zone="Europe/Berlin")
    assert moments(daily, "2026-03-28", 2) == ["28 07:00", "29 06:00"]


def test_a_skipped_hour_is_fired_in_once_an_hour_later_on_the_wall_clock() -> None:
    daily = timing(cron="30 2 * * *", time_zone="Europe/Berlin")
    # 02:30 does not exist on the 29th: 01:30 UTC is 03:30 in summer time.
    assert moments(daily, "2026-03-28", 3) == ["28 01:30", "29 01:30", "30 00:30"]


def test_a_doubled_hour_is_fired_in_once_by_a_job_of_that_hour() -> None:
    daily = timing(cron="30 2 * * *", time_zone="Europe/Berlin")
    assert moments(daily, "2026-10-24", 3) == ["24 00:30", "25 00:30", "26 01:30"]
    twice = timing(cron="0,30 2 * * *", time_zone="Europe/Berlin")
    assert moments(twice, "2026-10-24T12:00:00", 1) == ["25 00:00", "25 00:30"]


def test_a_job_of_every_hour_fires_in_both_passes_of_a_doubled_hour_and_never_in_a_skipped_one() -> None:
    half_hourly = timing(cron="*/30 * * * *", time_zone="Europe/Berlin")
    assert moments(half_hourly, "2026-10-24T23:45:00", 0.1) == [
        "25 00:00",
        "25 00:30",
        "25 01:00",
        "25 01:30",
        "25 02:00",
    ]
    assert len(moments(half_hourly, "2026-10-24T21:59:00", 25 / 24)) == 50
    assert moments(half_hourly, "2026-03-29T00:15:00", 0.05) == ["29 00:30", "29 01:00"]


def test_an_interval_is_elapsed_time_from_its_start_whatever_the_wall_clock_does() -> None:
    six_hourly = timing(every="6h", time_zone="Europe/Berlin", start="2026-10-24T20:00:00")
    assert moments(six_hourly, "2026-10-24T12:00:00", 1) == ["24 18:00", "25 00:00", "25 06:00", "25 12:00"]


def test_an_interval_without_a_start_has_the_same_times_whenever_it_is_asked() -> None:
    every = timing(every="7m")
    asked_later = moments(every, "2026-01-01T06:00:00", 0.1)
    assert [time for time in moments(every, "2026-01-01", 0.4) if time > "01 06:00"][: len(asked_later)] == asked_later


def test_start_and_end_are_local_and_belong_to_the_times() -> None:
    bounded = timing(cron="0 * * * *", time_zone="Asia/Tokyo", start="2026-05-01T10:00:00", end="2026-05-01T12:00:00")
    assert moments(bounded, "2026-04-30", 5) == ["01 01:00", "01 02:00", "01 03:00"]
    assert bounded.after(datetime(2026, 5, 1, 3, tzinfo=UTC)) is None


def test_a_moment_just_before_a_fire_time_is_followed_by_it() -> None:
    minutely = timing(every="1m")
    at = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
    assert minutely.after(at - timedelta(microseconds=1)) == at
    assert minutely.after(at) == at + timedelta(minutes=1)


def test_jitter_is_a_function_of_seed_job_and_time_and_spreads_evenly() -> None:
    jittered = timing(every="1h", jitter="10m")
    times = list(jittered.between(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)))
    late = [(jittered.due("a", time, 1) - time).total_seconds() for time in times]
    assert late == [(jittered.due("a", time, 1) - time).total_seconds() for time in times]
    assert 0 <= min(late) < 10
    assert 590 < max(late) < 600
    assert mean(late) == pytest.approx(300, abs=20)
    for other in (("b", 1), ("a", 2)):
        assert [(jittered.due(other[0], time, other[1]) - time).total_seconds() for time in times] != late


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "either cron or every"),
        ({"cron": "0 8 * * *", "every": "1h"}, "either cron or every"),
        ({"cron": "0 8 * *"}, "five fields"),
        ({"cron": "61 8 * * *"}, "cannot be read"),
        ({"cron": "0 8 * * 1-5"}, "write mon, tue"),
        ({"cron": "0 8 * * funday"}, "cannot be read"),
        ({"every": "30s"}, "a minute at least"),
        ({"every": "soon"}, "no duration"),
        ({"every": "1h", "time_zone": "Europe/Nowhere"}, "no time zone"),
        ({"every": "1h", "time_zone": "../etc/passwd"}, "no time zone"),
        ({"every": "1h", "jitter": -1}, "greater than or equal to 0"),
    ],
)
def test_what_is_no_timing_is_refused_in_words(fields: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        timing(**fields)


def test_a_timing_is_the_same_after_it_was_kept_in_a_corpus() -> None:
    one = timing(cron="0 8 * * mon-fri", time_zone="Europe/Berlin", jitter="5m", grace="2h", end="2027-01-01T00:00:00")
    assert Timing(**one.described()) == one
    assert one.same_times(one.model_copy(update={"grace": 1.0}))
    assert not one.same_times(one.model_copy(update={"time_zone": "UTC"}))


def test_durations_read_as_they_are_written() -> None:
    for text in ("45s", "1h30m", "2d", "1d2h3m4s"):
        assert duration_text(seconds_of(text)) == text
