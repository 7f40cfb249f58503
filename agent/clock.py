"""Times of a crawl: a platform's own seconds, what a turn waited for, and a request to stop."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

from retrieval.clock import Clock, SystemClock

__all__ = ["Clock", "PlatformClock", "Stop", "Stopwatch", "SystemClock"]

T = TypeVar("T")


class PlatformClock:
    """Platform seconds: real ones times `scale` (D10). The sandbox runs faster; every other site has scale 1."""

    def __init__(self, clock: Clock, scale: float) -> None:
        self.clock = clock
        self.scale = scale

    def now(self) -> datetime:
        return self.clock.now()

    def steady(self) -> float:
        return self.clock.steady() * self.scale

    async def sleep(self, seconds: float) -> None:
        await self.clock.sleep(seconds / self.scale)


class Stopwatch:
    """Splits the time of one turn into what was waited for (page, capture, model, dwell) and the loop's own."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._waited = 0.0

    async def waits(self, work: Awaitable[T]) -> T:
        """Await something whose time is not ours."""
        began = time.perf_counter()
        try:
            return await work
        finally:
            self._waited += time.perf_counter() - began

    @property
    def own(self) -> float:
        """Real seconds of this turn that nobody was waited for."""
        return time.perf_counter() - self._began - self._waited


class Stop:
    """A request to end after the short at hand. Long waits end at once when it comes."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def request(self) -> None:
        self._event.set()

    @property
    def requested(self) -> bool:
        return self._event.is_set()

    async def wait(self) -> None:
        """Return once it is requested."""
        await self._event.wait()

    async def unless_stopped(self, wait: Callable[[], Awaitable[None]]) -> bool:
        """Wait, or less if a stop is requested. True if the wait ended by itself."""
        if self.requested:
            return False
        waiting = asyncio.ensure_future(wait())
        stopping = asyncio.ensure_future(self._event.wait())
        try:
            await asyncio.wait({waiting, stopping}, return_when=asyncio.FIRST_COMPLETED)
            return waiting.done() and not self.requested
        finally:
            for future in (waiting, stopping):
                future.cancel()
            await asyncio.gather(waiting, stopping, return_exceptions=True)
