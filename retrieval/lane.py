"""How many calls an endpoint is given at once, and when: one lane for all models behind the same host and key.

It starts with as many as the user allows and learns from the endpoint: a 429 halves the number, every round of answers
adds one again, and a `Retry-After` holds back all calls. So many calls at once settle just below the endpoint's limit.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from retrieval.clock import Clock


class Lane:
    """Turns at one endpoint, first come, first served. For one event loop."""

    def __init__(self, clock: Clock, at_once: int, per_minute: float | None = None) -> None:
        """
        Args:
            at_once: calls under way together at most.
            per_minute: calls that are begun in a minute at most; None is no limit of ours.
        """
        self.most = at_once
        self.allowed = float(at_once)
        """Calls that may be under way together now; at least 1."""
        self.too_many = 0
        """429 answers so far."""
        self._clock = clock
        self._gap = 60.0 / per_minute if per_minute else 0.0
        self._resume_at = self._halved_at = float("-inf")
        self._next_start = float("-inf")
        self._under_way = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """One call's turn; waits until the endpoint may be asked."""
        if self._waiting or self._under_way >= int(self.allowed):
            await self._wait_for_place()
        else:
            self._under_way += 1
        try:
            await self._wait_for_start()
            yield
        finally:
            self._under_way -= 1
            self._wake()

    def answered(self) -> None:
        """A call was answered: with every `allowed` answers one more may be under way."""
        self.allowed = min(float(self.most), self.allowed + 1 / self.allowed)
        self._wake()

    def slow_down(self, began: float, wait: float | None) -> None:
        """A call was one too many.

        Args:
            began: when it was sent, by the steady clock. Calls that were under way together halve the number once.
            wait: seconds that the endpoint asks for, if it does.
        """
        self.too_many += 1
        if began > self._halved_at:
            self.allowed = max(1.0, self.allowed / 2)
            self._halved_at = self._clock.steady()
        if wait is not None:
            self.hold(wait)

    def hold(self, seconds: float) -> None:
        """No call begins for so long."""
        self._resume_at = max(self._resume_at, self._clock.steady() + seconds)

    async def _wait_for_place(self) -> None:
        place = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():  # it was this one's turn: pass it on
                self._under_way -= 1
                self._wake()
            raise

    async def _wait_for_start(self) -> None:
        while (pause := max(self._resume_at, self._next_start) - self._clock.steady()) > 0:
            await self._clock.sleep(pause)
        self._next_start = self._clock.steady() + self._gap

    def _wake(self) -> None:
        """Give free places to those that wait; a place counts as taken from then on."""
        while self._waiting and self._under_way < int(self.allowed):
            place = self._waiting.popleft()
            if not place.done():
                self._under_way += 1
                place.set_result(None)
