"""When a job fires: cron or an interval in a time zone, computed by APScheduler's triggers; jitter as a function.

Fire times are nominal moments in UTC. Where summer time skips a local hour, a job of that hour fires once, an hour
later by the clock on the wall; where it doubles one, a job with fixed hours fires in the first, and one that fires
every hour (`*` or `*/N`) in both.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cached_property
from typing import Annotated, Any, Self, cast
from zoneinfo import ZoneInfo

from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from storage.chance import draw

FIELDS = ("minute", "hour", "day", "month", "day_of_week")
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d+[smhd])+")
_PART = re.compile(r"(\d+)([smhd])")
ANCHOR = datetime(2000, 1, 1)  # noqa: DTZ001 - local midnight in the job's own time zone
LEAST_INTERVAL = 60.0
SECOND = timedelta(seconds=1)


def seconds_of(given: Any) -> Any:
    """Seconds of a duration such as `90s`, `10m`, `1h30m` or `2d`; anything else is left for the type to judge.

    Raises:
        ValueError: a text that is no duration.
    """
    if not isinstance(given, str):
        return given
    if not _DURATION.fullmatch(given.strip()):
        raise ValueError(f"{given!r} is no duration; write 90s, 10m, 1h30m or 2d")
    return float(sum(int(number) * UNITS[unit] for number, unit in _PART.findall(given)))


Duration = Annotated[float, Field(ge=0, allow_inf_nan=False), BeforeValidator(seconds_of)]
"""Seconds."""


class Timing(BaseModel):
    """When a job fires, how long after that it may still begin, and by how much it is moved at random."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cron: str | None = None
    """Minute, hour, day of month, month, day of week; both days must match where both are given."""
    every: Duration | None = None
    """Elapsed time, counted from `start`, else from a local midnight."""
    time_zone: str = "UTC"
    start: datetime | None = None
    end: datetime | None = None
    """Inclusive; local time where they name no zone of their own."""
    jitter: Duration = 0.0
    """A fire begins up to so much later, by a draw of (seed, job, fire time)."""
    grace: Duration = 3600.0
    """How long after its time a fire may still begin."""

    @field_validator("every")
    @classmethod
    def _long_enough(cls, given: float | None) -> float | None:
        if given is not None and (given < LEAST_INTERVAL or given % 1):
            raise ValueError("must be whole seconds, and a minute at least")
        return given

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, given: str) -> str:
        try:
            ZoneInfo(given)
        except (OSError, ValueError, LookupError):
            raise ValueError(f"{given!r} is no time zone; write one as Europe/Berlin or UTC") from None
        return given

    @model_validator(mode="after")
    def _one_trigger(self) -> Self:
        if (self.cron is None) == (self.every is None):
            raise ValueError("needs either cron or every")
        self.trigger  # noqa: B018 - a bad cron expression shows itself here
        return self

    @property
    def zone(self) -> tzinfo:
        return ZoneInfo(self.time_zone)

    @cached_property
    def trigger(self) -> BaseTrigger:
        """APScheduler's own, without jitter."""
        start, end = (
            moment and (moment if moment.tzinfo else moment.replace(tzinfo=self.zone)).replace(microsecond=0)
            for moment in (self.start, self.end)
        )
        if self.every is not None:
            first = start or ANCHOR.replace(tzinfo=self.zone)
            return IntervalTrigger(seconds=int(self.every), start_date=first, end_date=end, timezone=self.zone)
        assert self.cron is not None
        fields = self.cron.split()
        if len(fields) != len(FIELDS):
            raise ValueError(f"cron {self.cron!r} needs five fields: minute, hour, day, month, day of week")
        if re.search(r"\d", fields[4]):
            raise ValueError(
                f"cron {self.cron!r} numbers its weekdays, and numbers mean different days to different tools; "
                "write mon, tue, ... sun, as in mon-fri"
            )
        try:
            return CronTrigger(
                **dict(zip(FIELDS, fields, strict=True)), start_date=start, end_date=end, timezone=self.zone
            )
        except ValueError as error:
            raise ValueError(f"cron {self.cron!r} cannot be read: {error}") from None

    def after(self, moment: datetime) -> datetime | None:
        """The first fire time later than this moment, in UTC; None when there is none."""
        at = moment.astimezone(UTC).replace(microsecond=0)
        while True:
            found = self.trigger.get_next_fire_time(None, (at + SECOND).astimezone(self.zone))
            if found is None:
                return None
            at = cast(datetime, found).astimezone(UTC)
            if not self._second_of_two(found):
                return at

    def _second_of_two(self, found: datetime) -> bool:
        """True in a doubled hour whose first pass the job has already fired in."""
        if self.cron is None or self.cron.split()[1].startswith("*"):
            return False
        return bool(found.fold) and found.utcoffset() != found.replace(fold=0).utcoffset()

    def between(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """Fire times later than `after` and not later than `until`."""
        at = self.after(after)
        while at is not None and at <= until:
            yield at
            at = self.after(at)

    def due(self, job: str, fire_time: datetime, seed: int) -> datetime:
        """When the fire begins: its time, and its jitter."""
        return fire_time + timedelta(seconds=self.jitter * draw(seed, "jitter", f"{job} {fire_time.isoformat()}"))

    def described(self) -> dict[str, Any]:
        """The timing as it is kept in a corpus; `Timing(**described)` is the same one."""
        return self.model_dump(mode="json")

    def same_times(self, other: "Timing") -> bool:
        """True if both fire at the same moments, whatever their grace and jitter."""
        both = {"jitter": 0.0, "grace": 0.0}
        return self.model_copy(update=both) == other.model_copy(update=both)

    def __str__(self) -> str:
        when = f"cron {self.cron}" if self.cron else f"every {duration_text(self.every or 0)}"
        return f"{when}, {self.time_zone}" + (f", jitter {duration_text(self.jitter)}" if self.jitter else "")


def duration_text(seconds: float) -> str:
    """A duration as a schedule writes it: `1h30m`."""
    left, text = int(seconds), ""
    for unit in ("d", "h", "m", "s"):
        number, left = divmod(left, UNITS[unit])
        text += f"{number}{unit}" if number else ""
    return text or "0s"
