"""A clock that tests move by hand: sleeping takes no time and moves it."""

import asyncio
from datetime import UTC, datetime, timedelta


class FakeClock:
    """Starts at a fixed moment; `sleep` advances it at once and records what was asked for."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.slept: list[float] = []

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def steady(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += max(0.0, seconds)
        await asyncio.sleep(0)


class HandClock:
    """Starts at a given moment and stands still until the test moves it; sleepers wake when their time has come."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment
        self._moved = asyncio.Condition()

    def now(self) -> datetime:
        return self.moment

    def steady(self) -> float:
        return self.moment.timestamp()

    async def sleep(self, seconds: float) -> None:
        until = self.moment + timedelta(seconds=seconds)
        async with self._moved:
            await self._moved.wait_for(lambda: self.moment >= until)

    async def move_to(self, moment: datetime) -> None:
        """Let this much time pass, and whoever waits do what there is to do."""
        async with self._moved:
            self.moment = moment
            self._moved.notify_all()
        for _ in range(50):
            await asyncio.sleep(0)
