"""What an operator should hear of: a long block, a logout, fallen field coverage, missed times, disk, cost.

A condition is told once, when it begins; it must cease before it is told again.
"""

import shutil
from datetime import datetime, timedelta
from typing import Any

from agent.clock import Clock
from agent.profiles import ANONYMOUS
from agent.report import coverage_warnings
from agent.schedule.config import Job
from agent.schedule.notify import Notifier
from agent.schedule.scheduler import Active, local
from storage.database import Database
from storage.operations import blocks, newest_wall, recent_coverage, walls_after

EVERY = timedelta(seconds=60)
"""Between two looks at the corpus and the disk."""
LONG_BLOCK = timedelta(hours=1)
LEAST_FREE = 0.10
COST_SHARE = 0.80
LEAST_RECORDS = 20
"""Of which a share of filled fields is taken."""
LOGIN = "login"


class Watch:
    """Looks at rows, disk and budgets, and tells the notifier what is new."""

    def __init__(self, *, database: Database, notifier: Notifier, clock: Clock) -> None:
        self._database = database
        self._notifier = notifier
        self._clock = clock
        self._standing: set[tuple[str, ...]] = set()
        """Conditions that were told and still hold."""
        self._looked: datetime | None = None
        with database.read() as session:
            self._wall = newest_wall(session)

    def look(self, active: list[Active]) -> None:
        """See whether anything has begun that somebody should know; cheap enough for every few seconds."""
        now = self._clock.now()
        self._logouts(active)
        holding = self._costs(active)
        if self._looked is None or now - self._looked >= EVERY:
            self._looked = now
            holding |= self._rows(now) | self._disk()
            self._standing &= holding.keys() | {key for key in self._standing if key[0] == "cost"}
        for key, facts in holding.items():
            if key not in self._standing:
                self._standing.add(key)
                self._notifier.tell(key[0], **facts)
        self._notifier.send_due()

    def missed(self, job: Job, times: list[tuple[datetime, str]]) -> None:
        """Fire times at which nothing began."""
        self._notifier.tell(
            "missed",
            job=job.id,
            fires=[{"fire_time": time.isoformat(), "cause": cause} for time, cause in times],
            message=f"{job.id} missed {len(times)}, the last of {local(times[-1][0], job)}: {times[-1][1]}",
        )

    def _logouts(self, active: list[Active]) -> None:
        """At every look: the wall ends its crawl, and with it the knowledge of whose profile it met."""
        with self._database.read() as session:
            walls = walls_after(session, self._wall)
        for number, platform, wall in walls:
            self._wall = number
            job = next((one.job for one in active if platform in one.job.platforms), None)
            if wall == LOGIN and job is not None and job.settings.profile != ANONYMOUS:
                profile = job.settings.profile
                self._notifier.tell(
                    "logout",
                    platform=platform,
                    job=job.id,
                    profile=profile,
                    message=f"{platform} asks the profile {profile} to log in; log in by hand with "
                    f"`python -m agent.login --platform {platform} --profile {profile}`",
                )

    def _rows(self, now: datetime) -> dict[tuple[str, ...], dict[str, Any]]:
        found: dict[tuple[str, ...], dict[str, Any]] = {}
        with self._database.read() as session:
            for block in blocks(session):
                if now - block.since >= LONG_BLOCK:
                    found["block", block.platform, block.since.isoformat()] = {
                        "platform": block.platform,
                        "wall": block.wall,
                        "since": block.since.isoformat(),
                        "message": f"{block.platform} is blocked ({block.wall}) since {block.since:%Y-%m-%d %H:%M} UTC",
                    }
            for pair in recent_coverage(session, LEAST_RECORDS):
                for warning in coverage_warnings(pair):
                    field = warning.split(" in ")[0]
                    found["coverage", pair[0].mode, field] = {"platform": pair[0].platform, "message": warning}
        return found

    def _disk(self) -> dict[tuple[str, ...], dict[str, Any]]:
        usage = shutil.disk_usage(self._database.path.parent)
        if usage.free >= LEAST_FREE * usage.total:
            return {}
        message = f"{usage.free / usage.total:.1%} of the disk that holds {self._database.path} is free"
        return {("disk",): {"free_bytes": usage.free, "total_bytes": usage.total, "message": message}}

    def _costs(self, active: list[Active]) -> dict[tuple[str, ...], dict[str, Any]]:
        found: dict[tuple[str, ...], dict[str, Any]] = {}
        for one in active:
            budget = one.budget
            if budget is not None and budget.max_cost and budget.spent >= COST_SHARE * budget.max_cost:
                found["cost", one.job.id, one.fire.fire_time.isoformat()] = {
                    "job": one.job.id,
                    "spent": round(budget.spent, 6),
                    "max_cost": budget.max_cost,
                    "message": f"{one.job.id} has spent ${budget.spent:.2f} of its --max-cost {budget.max_cost:g}",
                }
        return found
