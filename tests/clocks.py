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
