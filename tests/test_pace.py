"""Politeness: delays, the hourly ceiling, the breaker."""

from agent.clock import PlatformClock, Stop
from agent.pace import HOUR, Pacer
from agent.platforms.base import PERSON_NEEDED, Pace, Rest, Wall
from tests.clocks import FakeClock

PACE = Pace(min_delay=4, views_per_hour=10, rest=Rest(pause=100, budget=3), rests={Wall.LOGIN: PERSON_NEEDED})


def pacer(clock: FakeClock, scale: float = 1.0) -> Pacer:
    return Pacer(PACE, PlatformClock(clock, scale), Stop())


async def test_two_views_are_at_least_the_least_delay_apart() -> None:
    clock = FakeClock()
    pace = pacer(clock)
    await pace.before_view()
    await pace.before_view()
    assert clock.seconds >= PACE.min_delay


async def test_the_hourly_ceiling_makes_the_eleventh_view_wait_for_the_first_to_be_an_hour_old() -> None:
    clock = FakeClock()
    pace = pacer(clock)
    times = []
    for _ in range(11):
        await pace.before_view()
        times.append(clock.seconds)
    assert times[9] < HOUR
    assert times[10] >= times[0] + HOUR


async def test_an_error_never_lowers_the_delay_and_good_views_bring_it_back_slowly() -> None:
    pace = pacer(FakeClock())
    delays = [pace.delay]
    for _ in range(6):
        pace.went_wrong()
        delays.append(pace.delay)
    assert delays == sorted(delays)
    pace.went_well()
    assert PACE.min_delay < pace.delay < delays[-1]
    for _ in range(200):
        pace.went_well()
    assert abs(pace.delay - PACE.min_delay) < 0.01


async def test_a_wall_is_rested_from_at_least_as_long_as_the_site_asks_and_budgeted() -> None:
    clock = FakeClock()
    pace = pacer(clock)
    assert pace.met_wall(Wall.CAPTCHA, 500)
    await pace.before_view()
    assert clock.seconds >= 500
    assert pace.met_wall(Wall.CAPTCHA, None)
    assert not pace.met_wall(Wall.CAPTCHA, None)


async def test_a_good_view_gives_the_whole_budget_of_walls_back() -> None:
    pace = pacer(FakeClock())
    assert pace.met_wall(Wall.CAPTCHA, None)
    assert pace.met_wall(Wall.CAPTCHA, None)
    pace.went_well()
    assert pace.met_wall(Wall.CAPTCHA, None)
    assert pace.met_wall(Wall.CAPTCHA, None)


async def test_a_stop_request_ends_a_long_rest_at_once() -> None:
    class Endless(FakeClock):
        async def sleep(self, seconds: float) -> None:
            stop.request()
            await __import__("asyncio").sleep(60)

    stop = Stop()
    pace = Pacer(PACE, PlatformClock(Endless(), 1.0), stop)
    pace.met_wall(Wall.CAPTCHA, 1000)
    assert not await pace.before_view()


async def test_a_platform_that_runs_faster_waits_less_real_time() -> None:
    clock = FakeClock()
    pace = pacer(clock, scale=20)
    await pace.before_view()
    await pace.before_view()
    assert 0.19 <= clock.seconds <= 0.21


async def test_each_wall_has_a_budget_of_its_own() -> None:
    pace = pacer(FakeClock())
    assert pace.met_wall(Wall.CAPTCHA, None)
    assert pace.met_wall(Wall.RATE_LIMIT, None)
    assert pace.met_wall(Wall.CAPTCHA, None)
    assert not pace.met_wall(Wall.CAPTCHA, None)
    assert pace.met_wall(Wall.RATE_LIMIT, None)


async def test_a_wall_that_needs_a_person_ends_the_platforms_turn_at_once() -> None:
    assert not pacer(FakeClock()).met_wall(Wall.LOGIN, None)


async def test_a_lost_connection_is_tried_again_for_about_an_hour() -> None:
    clock = FakeClock()
    pace = pacer(clock)
    waited = 0.0
    while pace.lost_connection():
        waited += pace.wait_needed()
        await pace.before_view()
    assert 3500 < waited < 4000
    pace.went_well()
    assert pace.lost_connection()


async def test_the_ceiling_and_the_rest_after_a_wall_hold_over_a_restart() -> None:
    clock = FakeClock()
    pace = pacer(clock)
    pace.remember(range(100, 1000, 100))  # nine views, the newest 100 s ago
    await pace.before_view()
    assert clock.seconds == 0
    await pace.before_view()
    assert clock.seconds == HOUR - 900
    rested = pacer(FakeClock())
    rested.remember([2.0])
    assert rested.wait_needed() == PACE.min_delay - 2
    rested.remember([], (Wall.RATE_LIMIT, 30.0))
    assert rested.wait_needed() == PACE.rest.pause - 30
    asked = pacer(FakeClock())
    asked.remember([], (Wall.LOGIN, 1.0))
    assert asked.wait_needed() == 0, "a person has dealt with it"
