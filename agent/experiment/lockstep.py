"""Lockstep: the arms of a block see one short each a round, in an order that is shuffled anew for every round.

So no arm meets a site earlier in the day, or always after the same other arm. A round ends when every arm that is
still in it has had its short; an arm that leaves (done, dry, walled, failed) keeps nobody waiting. An arm's round is
the number of shorts that it has decided on, so after a kill those that had their turn wait for those that had not.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from agent.clock import PlatformClock, Stop
from agent.pace import Pacer
from agent.platforms.base import Wall
from storage.chance import shuffled


class Rounds:
    """Lets arms take their turns.

    Args:
        taken: shorts that each arm has decided on already.
        seed: of the order in each round.
        at_once: arms that may have their turn at the same moment.
    """

    def __init__(self, taken: Mapping[str, int], *, seed: int, at_once: int) -> None:
        self._round = dict(taken)
        """Of the arms that are still in: the round in which they are, or for which they wait."""
        self._seed, self._at_once = seed, at_once
        self._names = sorted(taken)
        self._under_way: set[str] = set()
        self._waiting: dict[str, asyncio.Event] = {}
        self.admitted: list[tuple[int, str]] = []
        """Every turn so far, as (round, arm)."""

    @property
    def number(self) -> int:
        """The present round: of those that are behind."""
        return min(self._round.values(), default=0)

    async def turn(self, arm: str, taken: int) -> None:
        """Wait for the arm's next turn; returns at once where its turn brought no short yet (an ad, a failure)."""
        if arm in self._under_way:
            if self._round[arm] == taken:
                return
            self._under_way.remove(arm)
        self._round[arm] = taken
        admitted = self._waiting[arm] = asyncio.Event()
        self._admit()
        try:
            await admitted.wait()
        finally:
            self._waiting.pop(arm, None)

    def waits(self, arm: str, taken: int) -> bool:
        """Whether `turn` might have to wait."""
        return arm not in self._under_way or self._round[arm] != taken

    def leave(self, arm: str) -> None:
        """The arm is out; the others go on without it."""
        self._round.pop(arm, None)
        self._under_way.discard(arm)
        self._admit()

    def _admit(self) -> None:
        """Admit those whose turn it is, in the round's order; one that has not come yet keeps its place."""
        number = self.number
        for arm in shuffled(self._names, self._seed, f"round {number}"):
            if self._round.get(arm) != number or arm in self._under_way:
                continue
            if arm not in self._waiting or len(self._under_way) >= self._at_once:
                return
            self._under_way.add(arm)
            self.admitted.append((number, arm))
            self._waiting[arm].set()


class ArmPacer(Pacer):
    """An arm's pace: its turn in the round, its own rests, and the site's pace, which all arms share.

    A site that asks one arm to slow down has asked all of them: they come from one address.
    """

    def __init__(
        self,
        site: Pacer,
        clock: PlatformClock,
        stop: Stop,
        *,
        rounds: Rounds,
        arm: str,
        taken: Callable[[], int],
        hold: Callable[[], Awaitable[None]],
    ) -> None:
        """
        Args:
            taken: how many shorts the arm has decided on.
            hold: lets the short on screen stand still while the arm waits.
        """
        super().__init__(site.pace, clock, stop)
        self._site, self._rounds, self._arm = site, rounds, arm
        self._taken, self._hold = taken, hold

    async def before_view(self) -> bool:
        taken = self._taken()
        if self._rounds.waits(self._arm, taken):
            await self._hold()
        if not await self._stop.unless_stopped(lambda: self._rounds.turn(self._arm, taken)):
            return False
        return await super().before_view() and await self._site.before_view()

    def went_well(self) -> None:
        super().went_well()
        self._site.went_well()

    def went_wrong(self) -> None:
        super().went_wrong()
        self._site.went_wrong()

    def met_wall(self, wall: Wall, retry_after: float | None) -> bool:
        again = super().met_wall(wall, retry_after)
        self._site.rest(self.wait_needed())
        return again

    def lost_connection(self) -> bool:
        again = super().lost_connection()
        self._site.rest(self.wait_needed())
        return again
