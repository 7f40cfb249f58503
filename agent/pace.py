"""Politeness (D11): a least delay between views, a ceiling per hour, and a breaker on walls.

The delay never falls on an error: an error doubles it, and only a run of good views brings it back, slowly.
"""

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import replace

from agent.clock import PlatformClock, Stop
from agent.platforms.base import Pace, Wall
from agent.settings import CrawlSettings

HOUR = 3600.0
SLOWEST = 8.0
"""The delay grows to at most this many times the platform's least delay."""
LOST_PAUSE, LOST_TRIES = 60.0, 6
"""Seconds of rest after a lost connection, doubled each time, and how often: about an hour."""
RECOVERY = 0.9
"""Share of the extra delay that is left after one good view."""


def slowed(pace: Pace, settings: CrawlSettings) -> Pace:
    """A platform's pace, or a slower one where the settings ask for it; never a faster one."""
    return replace(
        pace,
        min_delay=max(pace.min_delay, settings.min_delay or 0.0),
        views_per_hour=min(pace.views_per_hour, settings.views_per_hour or pace.views_per_hour),
    )


class Pacer:
    """Lets one view of one platform through at a time.

    All times are platform seconds. Not shared between platforms: each has its own breaker.
    """

    def __init__(self, pace: Pace, clock: PlatformClock, stop: Stop) -> None:
        self.pace = pace
        self._clock = clock
        self._stop = stop
        self._factor = 1.0
        self._last = float("-inf")
        self._views: deque[float] = deque()
        self._not_before = float("-inf")
        self._walls: Counter[Wall] = Counter()
        self._lost = 0

    def remember(self, views: Iterable[float], wall: tuple[Wall, float] | None = None) -> None:
        """Let what earlier crawls did count, too: the ceiling and a wall's rest hold across crawls and restarts.

        Args:
            views: how many seconds ago each was, within the last hour.
            wall: the last one since a view that worked, and how many seconds ago it came up.
        """
        now = self._clock.steady()
        self._views.extend(sorted(now - ago for ago in views))
        if self._views:
            self._last = self._views[-1]
        if wall is not None:
            kind, ago = wall
            self._not_before = now - ago + self.pace.rests.get(kind, self.pace.rest).pause

    @property
    def stop_requested(self) -> bool:
        return self._stop.requested

    @property
    def delay(self) -> float:
        """Seconds between two views at the moment."""
        return self.pace.min_delay * self._factor

    def wait_needed(self) -> float:
        """Seconds until the next view is allowed."""
        now = self._clock.steady()
        while self._views and self._views[0] <= now - HOUR:
            self._views.popleft()
        ready = max(self._last + self.delay, self._not_before)
        if len(self._views) >= self.pace.views_per_hour:
            ready = max(ready, self._views[0] + HOUR)
        return max(0.0, ready - now)

    async def before_view(self) -> bool:
        """Wait for the next view's time; False if a stop was requested meanwhile."""
        while (seconds := self.wait_needed()) > 0:
            if not await self._stop.unless_stopped(lambda seconds=seconds: self._clock.sleep(seconds)):  # type: ignore[misc]
                return False
        self._last = self._clock.steady()
        self._views.append(self._last)
        return not self._stop.requested

    def went_well(self) -> None:
        """A view worked: forget past walls, and let an extra delay shrink a little."""
        self._walls.clear()
        self._lost = 0
        self._factor = 1.0 + (self._factor - 1.0) * RECOVERY

    def went_wrong(self) -> None:
        """A view failed: slow down."""
        self._factor = min(SLOWEST, self._factor * 2)

    def met_wall(self, wall: Wall, retry_after: float | None) -> bool:
        """A wall came up: rest as long as the site asks, else this wall's pause, doubled per wall of its kind in a row.

        Returns:
            True if the platform may be asked again after the rest, False when its budget of such walls is used up.
        """
        self.went_wrong()
        self._walls[wall] += 1
        rest = self.pace.rests.get(wall, self.pace.rest)
        pause = rest.pause * 2 ** (self._walls[wall] - 1)
        self._not_before = self._clock.steady() + max(pause, retry_after or 0.0)
        return self._walls[wall] < rest.budget

    def lost_connection(self) -> bool:
        """The site could not be reached: rest, longer each time in a row.

        Returns:
            False when it stayed away for about an hour in all.
        """
        self._lost += 1
        self._not_before = self._clock.steady() + LOST_PAUSE * 2 ** (self._lost - 1)
        return self._lost <= LOST_TRIES

    def rest(self, seconds: float) -> None:
        """No view for so long."""
        self._not_before = max(self._not_before, self._clock.steady() + seconds)

    def walls_in_a_row(self, wall: Wall) -> int:
        """How often this wall came up since the last view that worked."""
        return self._walls[wall]
