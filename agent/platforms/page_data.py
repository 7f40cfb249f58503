"""What one page has received: its embedded state and its network answers, merged by id (D8)."""

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import structlog
from playwright.async_api import Error, Page, Response

from agent.platforms.base import Received, SiteFacts, Wall, WallSeen
from agent.platforms.page import State, matches
from agent.platforms.reading import decoded
from storage.records import Kind, Record

log = structlog.get_logger()

KEPT_ANSWERS = 20
KEPT_RECORDS = 2000
READ_TIMEOUT = 6.0
"""Real seconds to wait for answers that have begun to come."""
_TELLING = (Kind.AD, Kind.LIVE, Kind.PHOTO, Kind.SHORT, Kind.VIDEO)
"""Which of two kinds is kept, the first: a list may say that a short is an ad where its player data does not."""


class Source(ABC):
    """What page data is read with: data and pure functions of a platform's file."""

    endpoints: ClassVar[Mapping[str, str]]
    """Part of a network address's path -> kind for `parse`."""
    lists: ClassVar[frozenset[str]]
    """Those kinds, of states and of endpoints, that are parts of a result list."""
    feed_lists: ClassVar[frozenset[str]] = frozenset()
    """Those kinds that name the feed's coming items in their order."""
    states: ClassVar[tuple[State, ...]]

    @staticmethod
    @abstractmethod
    def parse(raw: Any, kind: str) -> list[Record]:
        """Records from raw page data, in page order; pure, and never an error on data of another form."""

    @staticmethod
    def kind_of(raw: Any, kind: str) -> str:
        """What a piece of data is by what it holds, on a site that answers everything at one address."""
        return kind

    @staticmethod
    def wall_in(raw: Any, kind: str) -> Wall | None:
        """A wall that a piece of page data tells of; None for ordinary data."""
        return None

    @staticmethod
    def ended_in(raw: Any, kind: str) -> bool:
        """Whether a list's data says that there is no more of it."""
        return False

    @staticmethod
    def facts_in(raw: Any, kind: str) -> SiteFacts | None:
        """What a piece of page data says of the visitor; None where it says nothing."""
        return None


def merged(newer: Record, older: Record | None) -> Record:
    """One item as two pieces of data describe it; what the newer one says counts."""
    if older is None:
        return newer
    caption = max(newer.caption, older.caption, key=len) if newer.caption and older.caption else None
    return replace(
        newer.completed_by(older),
        kind=min(newer.kind, older.kind, key=_TELLING.index),
        caption=caption or newer.caption or older.caption,  # cards cut it
        hashtags=max(newer.hashtags, older.hashtags, key=len),
        extra={**older.extra, **newer.extra},
    )


class PageData:
    """Listens to one page.

    Attributes:
        records: the newest records by id.
        order: ids in the order in which the feed's lists named them.
        news: items of lists that nobody has taken yet, also those without id.
        answers: the last answers as they came, for evidence.
        wall: one that the data told of, not the page's elements.
        ended: a list's data said that there is no more of it.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._reading: set[asyncio.Future[None]] = set()
        self.records: dict[str, Record] = {}
        self.order: list[str] = []
        self.answers: deque[Received] = deque(maxlen=KEPT_ANSWERS)
        self.begin()

    def begin(self) -> None:
        """Forget what belongs to the page before: another one is about to be visited."""
        self.news: list[Record] = []
        self.wall: WallSeen | None = None
        self.ended = False

    def listen(self, page: Page) -> None:
        """Read every answer of the kinds that the platform knows."""

        def on_response(response: Response) -> None:
            kind = matches(response.url, self._source.endpoints)
            if kind is not None and response.request.method != "OPTIONS":
                task = asyncio.ensure_future(self._read(response, kind))
                self._reading.add(task)
                task.add_done_callback(self._reading.discard)

        page.on("response", on_response)

    async def settle(self) -> None:
        """Until answers that have come are read."""
        if self._reading:
            await asyncio.wait(list(self._reading), timeout=READ_TIMEOUT)

    def take_news(self) -> list[Record]:
        """Items of lists since the last call."""
        news, self.news = self.news, []
        return news

    async def _read(self, response: Response, kind: str) -> None:
        if response.status == 429:
            self.wall = WallSeen(wall=Wall.RATE_LIMIT, retry_after=retry_after(response))
            return
        try:
            body = await response.text()
        except Error:  # the page left before the answer was read
            return
        raw = decoded(body)
        readable = raw is not None and self.note(raw, kind)
        self.answers.append(Received(kind=kind, body=body, status=response.status, readable=readable))
        if raw is None:
            self.note(raw, kind)
        if not readable:
            log.warning("answer_unreadable", kind=kind, status=response.status, bytes=len(body))

    def note(self, raw: Any, kind: str) -> bool:
        """Keep what a piece of page data says; False if it could not be read, which costs this piece only."""
        try:
            self._note(raw, kind)
        except Exception as error:
            log.warning("parse_failed", kind=kind, error=f"{type(error).__name__}: {error}")
            return False
        return True

    def _note(self, raw: Any, kind: str) -> None:
        source = self._source
        kind = source.kind_of(raw, kind)
        wall = source.wall_in(raw, kind)
        if wall is not None and wall is not Wall.CONSENT:  # normal pages carry its data too: only a visible one counts
            self.wall = WallSeen(wall=wall)
        records = source.parse(raw, kind)
        if kind in source.lists:
            self.ended = self.ended or source.ended_in(raw, kind)
            self.news += records
        for record in records:
            if record.platform_id is None:
                continue
            self.records[record.platform_id] = merged(record, self.records.pop(record.platform_id, None))
            if kind in source.feed_lists:
                self.order.append(record.platform_id)
        while len(self.records) > KEPT_RECORDS:
            self.records.pop(next(iter(self.records)))
        del self.order[:-KEPT_RECORDS]


def retry_after(response: Response | None) -> float | None:
    """Seconds that the site asks to wait, where it names them."""
    value = response.headers.get("retry-after", "") if response is not None else ""
    return float(value) if value.isdigit() else None
