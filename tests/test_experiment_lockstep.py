"""Arms advance one short each a round, in an order that is shuffled anew for every round."""

import asyncio
from collections import defaultdict

from agent.clock import PlatformClock, Stop
from agent.experiment.lockstep import ArmPacer, Rounds
from agent.experiment.yoked import Step, Yoked
from agent.pace import Pacer
from agent.platforms.base import Pace, Rest, Wall
from storage.chance import shuffled
from storage.records import Verdict
from tests.clocks import FakeClock
from tests.test_controls import view

ARMS = ("a", "b", "c", "d", "e")


async def advance(rounds: Rounds, arm: str, shorts: int, *, first: int = 0, ads: int = 0) -> None:
    """An arm that sees so many shorts, each after so many ads, and leaves."""
    for taken in range(first, shorts):
        for _ in range(ads + 1):
            await rounds.turn(arm, taken)
            await asyncio.sleep(0)
    rounds.leave(arm)


async def test_a_round_shows_each_arm_one_short_in_its_own_order() -> None:
    rounds = Rounds(dict.fromkeys(ARMS, 0), seed=3, at_once=1)
    await asyncio.gather(*(advance(rounds, arm, 6) for arm in ARMS))
    of_round: dict[int, list[str]] = defaultdict(list)
    for number, arm in rounds.admitted:
        of_round[number].append(arm)
    assert [number for number, _ in rounds.admitted] == sorted(number for number, _ in rounds.admitted)
    assert of_round == {number: shuffled(sorted(ARMS), 3, f"round {number}") for number in range(6)}
    assert len({tuple(order) for order in of_round.values()}) > 3


async def test_an_ad_takes_no_turn() -> None:
    rounds = Rounds(dict.fromkeys(ARMS, 0), seed=3, at_once=2)
    await asyncio.gather(*(advance(rounds, arm, 4, ads=(arm == "b")) for arm in ARMS))
    assert sorted(rounds.admitted) == [(number, arm) for number in range(4) for arm in ARMS]


async def test_who_leaves_keeps_nobody_waiting() -> None:
    rounds = Rounds(dict.fromkeys(ARMS, 0), seed=3, at_once=2)
    ends = {arm: 2 if arm == "c" else 5 for arm in ARMS}
    async with asyncio.timeout(5):
        await asyncio.gather(*(advance(rounds, arm, ends[arm]) for arm in ARMS))
    assert sorted(rounds.admitted) == [(number, arm) for number in range(5) for arm in ARMS if number < ends[arm]]


async def test_after_a_kill_those_behind_go_first() -> None:
    taken = {"a": 3, "b": 2, "c": 3, "d": 2, "e": 3}
    rounds = Rounds(taken, seed=3, at_once=4)
    await asyncio.gather(*(advance(rounds, arm, 5, first=taken[arm]) for arm in ARMS))
    assert {arm for _, arm in rounds.admitted[:2]} == {"b", "d"}
    assert [number for number, _ in rounds.admitted] == [2] * 2 + [3] * 5 + [4] * 5


async def test_no_more_arms_than_allowed_have_their_turn_at_once() -> None:
    rounds = Rounds(dict.fromkeys(ARMS, 0), seed=3, at_once=2)
    under_way, most = 0, 0

    async def arm(name: str) -> None:
        nonlocal under_way, most
        for taken in range(3):
            await rounds.turn(name, taken)
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0.001)
            under_way -= 1
        rounds.leave(name)

    await asyncio.gather(*map(arm, ARMS))
    assert most == 2


def pacers(clock: FakeClock, stop: Stop, **arms: int) -> tuple[dict[str, ArmPacer], list[str]]:
    """Pacers of arms, whose number of shorts stands still, and who has been told to stand still."""
    held: list[str] = []
    platform_clock = PlatformClock(clock, 1.0)
    site = Pacer(Pace(min_delay=4.0, views_per_hour=100, rest=Rest(pause=60.0, budget=2)), platform_clock, stop)
    rounds = Rounds(arms, seed=1, at_once=len(arms))

    def pacer(name: str, taken: int) -> ArmPacer:
        async def hold() -> None:
            held.append(name)

        return ArmPacer(site, platform_clock, stop, rounds=rounds, arm=name, taken=lambda: taken, hold=hold)

    return {name: pacer(name, taken) for name, taken in arms.items()}, held


async def test_all_arms_of_a_site_share_its_pace_and_stand_still_while_they_wait() -> None:
    clock = FakeClock()
    made, held = pacers(clock, Stop(), a=0, b=0, c=0)
    assert all(await asyncio.gather(*(pacer.before_view() for pacer in made.values())))
    assert clock.seconds >= 8.0  # three views, four seconds apart
    assert sorted(held) == ["a", "b", "c"]


async def test_a_wall_before_one_arm_lets_all_of_them_rest() -> None:
    clock = FakeClock()
    made, _ = pacers(clock, Stop(), a=0, b=0)
    await asyncio.gather(*(pacer.before_view() for pacer in made.values()))
    assert made["a"].met_wall(Wall.RATE_LIMIT, 300.0)
    before = clock.seconds
    assert await made["b"].before_view()
    assert clock.seconds - before >= 300.0
    assert not made["a"].met_wall(Wall.RATE_LIMIT, None)  # its own budget of two is used up


async def test_a_stop_ends_the_wait_for_a_turn() -> None:
    stop = Stop()
    made, _ = pacers(FakeClock(), stop, a=1, b=0)
    waiting = asyncio.create_task(made["a"].before_view())
    await asyncio.sleep(0)
    stop.request()
    assert await waiting is False


async def test_a_yoked_arm_repeats_what_its_arm_did_place_by_place() -> None:
    steps = [Step(verdict=Verdict.YES, dwell=7.5), Step(verdict=Verdict.REFUSED, dwell=0.0)]
    place = 0
    decider = Yoked("anna.simple", steps, lambda: place)
    first = await decider.decide(view("1"))
    assert (first.verdict, first.dwell, first.decider) == (Verdict.YES, 7.5, "yoked")
    place = 1
    second = await decider.decide(view("1"))  # another place, whatever short it is
    assert (second.verdict, second.dwell) == (Verdict.REFUSED, 0.0)
