"""Walls and faults on request, deterministic: the N-th request or short, or a share of the ids.

    KIND[:SECONDS][@N[xM]]    from the N-th time on (from 1), M times: `captcha@20`, `rate_limit:120@5x2`, `slow:30@1x*`
    KIND[:SECONDS]%RATE       for a share of all shorts, by their id: the same ones after a restart: `no_video%0.05`

Request faults count requests for content (search, feed and short pages, and the answers that continue them). Short
faults count different shorts put on screen, in the order in which they are served.
"""

import re
from dataclasses import dataclass

from storage.chance import draw
from storage.errors import UsageError

REQUEST_FAULTS = {
    "consent": "a cookie dialog with Reject all; stays away once it was rejected",
    "login": "a dialog that asks to log in, over the page",
    "captcha": "a dialog with a picture puzzle, over the page",
    "rate_limit": "429 with Retry-After SECONDS (60)",
    "bot_check": "a page that checks the browser, for ever",
    "empty": "a page without items",
    "empty_answer": "an answer without a body",
    "broken": "JSON that stops in the middle",
    "slow": "an answer after SECONDS (30)",
}
SHORT_FAULTS = {
    "no_video": "the video answers 404",
    "black": "all frames are black",
    "unavailable": "private, removed, age or region, by the id",
    "crash": "the page's process dies when the short comes up",
    "hang": "the page's script never returns when the short comes up",
    "no_like": "likes are acknowledged and not kept",
}
CAUSES = ("private", "removed", "age", "region")


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault and when it comes."""

    kind: str
    seconds: float | None = None
    first: int = 1
    times: int | None = 1
    """None for always."""
    rate: float | None = None

    @classmethod
    def parse(cls, text: str) -> "Fault":
        """Read a fault's specification.

        Raises:
            UsageError: unknown kind, or not of the form that the module's text gives.
        """
        match = re.fullmatch(r"([a-z_]+)(?::([\d.]+))?(?:@(\d+)(?:x(\d+|\*))?|%([\d.]+))?", text.strip())
        if match is None or (match[1] not in REQUEST_FAULTS and match[1] not in SHORT_FAULTS):
            kinds = ", ".join([*REQUEST_FAULTS, *SHORT_FAULTS])
            raise UsageError(f"--fault {text}: write KIND[:SECONDS][@N[xM]] or KIND%RATE with KIND one of {kinds}")
        if match[5] and (match[1] in REQUEST_FAULTS or float(match[5]) > 1):
            raise UsageError(
                f"--fault {text}: %RATE is a share up to 1 of shorts ({', '.join(SHORT_FAULTS)}); use @N[xM]"
            )
        return cls(
            kind=match[1],
            seconds=float(match[2]) if match[2] else None,
            first=int(match[3] or 1),
            times=None if match[4] == "*" else int(match[4] or 1),
            rate=float(match[5]) if match[5] else None,
        )

    def due(self, count: int) -> bool:
        """Whether it comes the `count`-th time (from 1)."""
        return count >= self.first and (self.times is None or count < self.first + self.times)


class Faults:
    """All faults of one server, with their counters."""

    def __init__(self, specifications: tuple[str, ...], seed: int) -> None:
        faults = [Fault.parse(text) for text in specifications]
        self._of_requests = [fault for fault in faults if fault.kind in REQUEST_FAULTS]
        self._of_shorts = [fault for fault in faults if fault.kind in SHORT_FAULTS]
        self._seed = seed
        self._requests = 0
        self._shorts: dict[str, int] = {}
        self._spent: set[str] = set()

    def of_request(self) -> dict[str, Fault]:
        """Faults by kind of the next request for content."""
        self._requests += 1
        return {fault.kind: fault for fault in self._of_requests if fault.due(self._requests)}

    def of_short(self, short_id: str) -> set[str]:
        """Kinds of the faults of a short that is put on screen."""
        count = self._shorts.setdefault(short_id, len(self._shorts) + 1)
        return {
            fault.kind
            for fault in self._of_shorts
            if (fault.due(count) if fault.rate is None else draw(self._seed, fault.kind, short_id) < fault.rate)
        }

    def deadly(self, short_id: str) -> str | None:
        """`crash` or `hang`, the first time it is asked for a short: a page opened again gets past it."""
        found = sorted(self.of_short(short_id) & {"crash", "hang"})
        if not found or short_id in self._spent:
            return None
        return found[0]

    def spend(self, short_id: str) -> None:
        """The page went down with this short."""
        self._spent.add(short_id)

    def cause(self, short_id: str) -> str:
        """Why an unavailable short is unavailable."""
        return CAUSES[int(draw(self._seed, "cause", short_id) * len(CAUSES))]
