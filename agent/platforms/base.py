"""What one platform file must say and do. A new site is one file with a subclass and one name in PLATFORMS.

A platform never judges, stores or waits for its own reasons: it reads what the page's own data says (D8), puts
shorts on screen, proves which one is there, and recognises walls (D9). Time is platform seconds everywhere.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, Self

from playwright.async_api import ElementHandle, Page

from agent.settings import CrawlSettings
from retrieval.vocabulary import Vocabulary
from storage.records import Record


class Wall(StrEnum):
    """What stands between us and the content. Each is a state with its own pause, not a crash (D9)."""

    CONSENT = "consent"
    LOGIN = "login"
    CAPTCHA = "captcha"
    RATE_LIMIT = "rate_limit"
    BOT_CHECK = "bot_check"
    EMPTY = "empty"


@dataclass(frozen=True, kw_only=True)
class WallSeen:
    """A wall that is visible now. `retry_after` is in seconds, where the site names a time."""

    wall: Wall
    retry_after: float | None = None
    passable: bool = False
    """A consent dialog with a visible way to reject, which `pass_wall` clicks as a person may."""


@dataclass(frozen=True, kw_only=True)
class Rest:
    """What a wall costs: seconds of rest before the platform is asked once more (doubled for each wall in a row), and
    after how many in a row it is left alone for this command."""

    pause: float
    budget: int


PERSON_NEEDED = Rest(pause=0, budget=1)
"""Walls that only a person can deal with: the platform is left alone at once, its queue kept."""


REST = Rest(pause=900.0, budget=3)
RESTS = {
    Wall.CONSENT: Rest(pause=60.0, budget=2),
    Wall.LOGIN: PERSON_NEEDED,
    Wall.CAPTCHA: PERSON_NEEDED,
    Wall.BOT_CHECK: Rest(pause=3600.0, budget=2),
    Wall.EMPTY: Rest(pause=300.0, budget=3),
}
"""Seconds of rest after a wall; politeness of our own choosing, the sites name no figures."""


@dataclass(frozen=True, kw_only=True)
class Pace:
    """Politeness as data (D11). Seconds are platform seconds."""

    min_delay: float
    """Least time between two shorts or result pages."""
    views_per_hour: int
    rest: Rest
    """After a wall that has none of its own."""
    rests: Mapping[Wall, Rest] = field(default_factory=dict)
    """Walls with a rest of their own (D9)."""


@dataclass(frozen=True, kw_only=True)
class Box:
    """The player's rectangle in CSS pixels of the viewport."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, kw_only=True)
class OnScreen:
    """The item on screen now: proof of identity, what the page's data says of it, and where to look."""

    record: Record
    box: Box
    video: ElementHandle | None
    """The playing element of exactly this short; None for kinds without one."""


@dataclass(frozen=True, kw_only=True)
class SiteFacts:
    """What the site itself reports of the visitor (D5). None where it says nothing."""

    country: str | None = None
    language: str | None = None
    logged_in: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Received:
    """One network answer that a page received, as it came; kept for evidence only."""

    kind: str
    body: str
    status: int
    readable: bool = True
    """False where it is no JSON, or nothing could be made of it: evidence of a changed site."""


class Platform(ABC):
    """One site. Class data first, then the few things that only this site's file can know."""

    name: ClassVar[str]
    hosts: ClassVar[tuple[str, ...]]
    pace: ClassVar[Pace]
    example: ClassVar[str]
    """An address of one short, as `--help` and doctor show it."""
    time_scale: float = 1.0
    """Platform seconds per second of real time; other than 1 only for the sandbox (D10)."""
    like_needs_login: ClassVar[bool] = True

    @classmethod
    def from_settings(cls, settings: CrawlSettings, vocabulary: Vocabulary, corpus: Path) -> Self:
        """The platform as a command asks for it. A real site takes nothing from there."""
        return cls()

    @staticmethod
    @abstractmethod
    def parse(raw: Any, kind: str) -> list[Record]:
        """Records from raw page data, in page order. Pure.

        Args:
            raw: decoded JSON of the page or of one of its network answers.
            kind: which of the platform's data sources it is (each file lists its own).
        """

    @abstractmethod
    def attach(self, page: Page) -> None:
        """Start listening to what a fresh page receives. Called once per page, before it is navigated."""

    def received(self, page: Page) -> list[Received]:
        """The last answers of the kinds this platform listens to, oldest first, for evidence (D9)."""
        return []

    @abstractmethod
    def results(self, page: Page, keyword: str) -> AsyncIterator[list[Record]]:
        """Search: one result page after the other, in rank order, until the site has no more.

        An empty list is a page that should have items and has none; the caller counts those (D9). Where the site
        itself says that it found nothing, nothing is yielded.

        Raises:
            Blocked: the site answered with rate limiting (`retry_after` as it says).
        """

    @abstractmethod
    async def open(self, page: Page, record: Record) -> OnScreen:
        """Put the short of a result list on screen, and prove that it is this one.

        Raises:
            Unavailable: age, private, removed, region.
            ShortFailed: it did not come up.
        """

    @abstractmethod
    def feed(self, page: Page) -> AsyncIterator[OnScreen]:
        """The vertical feed: yields what is on screen; asked for the next item, moves on and proves the move by a
        new item (never by counting key presses). Ends where the feed ends."""

    @abstractmethod
    async def current_id(self, page: Page) -> str | None:
        """Id of the one short that is on screen now; None where there is none, or no proof of one."""

    @abstractmethod
    async def wall(self, page: Page) -> WallSeen | None:
        """The wall that is visible now, judged by visible elements and page data, never by words in raw HTML."""

    @abstractmethod
    async def pass_wall(self, page: Page, seen: WallSeen) -> bool:
        """Do what a person may do about a passable wall (reject cookies). True when it is gone."""

    @abstractmethod
    async def like(self, page: Page, shown: OnScreen) -> str:
        """Like the short on screen: read the state, click, read again. Returns confirmed or refused (D12)."""

    async def dwelt(self, page: Page, seconds: float, played: float) -> None:
        """How many platform seconds the short was given on screen, and how many of its video, told before it is left.

        A real site measures that itself. The sandbox would measure an accelerated machine's delays, multiplied, so it
        takes the agent's word: what its feed learns is then a function of what was decided.
        """
        return

    @abstractmethod
    async def site_facts(self, page: Page) -> SiteFacts:
        """Country, language and login state as the site reports them; opens its start page if none is open.

        Raises:
            Blocked: a wall stands before it.
        """

    @abstractmethod
    async def start(self) -> None:
        """Prepare what the platform needs outside the browser (the sandbox's server); nothing for real sites."""

    @abstractmethod
    async def close(self) -> None:
        """Undo `start`."""
