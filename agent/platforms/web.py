"""What the real sites have in common: listening, visiting, searching, moving on, liking. A site's file is its data.

Records come from what the page itself receives, embedded or by network, merged by id (D8); the page is asked only
what is on screen. Moving on tries one way after the other, and nothing but a new item is success.
"""

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, ClassVar, Self
from weakref import WeakKeyDictionary

import structlog
from playwright.async_api import ElementHandle, Error, Page
from playwright.async_api import TimeoutError as PlaywrightTimeout

from agent.platforms.base import OnScreen, Platform, Received, SiteFacts, Wall, WallSeen
from agent.platforms.page import Selector, Sign, click_visible, go, sign_on, states_of
from agent.platforms.page_data import PageData, Source, retry_after
from agent.platforms.player import CLICK_TIMEOUT, NEXT_SLOT_SCRIPT, Shown, like, looking, shown_on
from agent.settings import CrawlSettings
from retrieval.vocabulary import Vocabulary
from storage.errors import Blocked, PageHung, ShortFailed, Unavailable
from storage.records import Kind, Record

log = structlog.get_logger()

SHOWN_TIMEOUT = 12.0
"""Real seconds for a short to come up on its page."""
MOVE_TIMEOUT = 4.0
"""Real seconds in which one way of moving on must bring a new item."""
MOVE_SETTLES = 0.25
"""Real seconds for a slide to end: until then a page takes no further one, and pictures are of two items."""
ANSWER_TIMEOUT = 6.0
"""Real seconds for the next part of a list, or the data of a short that is on screen."""
MOST_PASSED = 3
"""Further ahead it is no slip of one move: the feed names the item a second time."""
DRY_SCROLLS = 3
"""Scrolls in a row without new items after which a list has ended (no site says so reliably)."""
MOST_SCROLLS = 15


class WebPlatform(Source, Platform):
    """A site on the web. A subclass gives the data below, `parse`, and the script that proves what is on screen."""

    start_address: ClassVar[str]
    """A page that says country, language and login state, and costs the site little."""
    feed_address: ClassVar[str]
    signs: ClassVar[tuple[Sign, ...]]
    marks: ClassVar[tuple[str, ...]] = ()
    """Words that only this site's pages hold, should its address be missing from a saved one."""
    selectors: ClassVar[Mapping[str, tuple[Selector, ...]]]
    """Things by name, each with its fall-backs in order of trust. Every site has `card`, `slot` (what holds one item
    of the feed), `video`, `like`, `next`; `close` (panels to close before moving on), `nothing_found` and
    `unavailable_CAUSE` where it is known how they look."""
    shown_script: ClassVar[str]
    """JavaScript: () -> {place, id, box, video, slot, ...marks} of the item on screen, or null without proof."""
    cards_script: ClassVar[str] = "() => []"
    """JavaScript: () -> what the page's cards show (a list of objects), read by `parse(cards, "cards")` where the data
    gives no items at all: saved pages without their state, or a site whose answers have moved."""
    short_address: ClassVar[str]
    """Where a short is opened, with `{id}`."""

    def __init__(self, *, published: str | None = None) -> None:
        self.published = published
        """Only shorts of the last `today`, `week`, `month` or `year`, where the site can be asked for that."""
        self.expects_login = False
        """The profile was logged in when the run began: a page that is not is a wall (login)."""
        self._pages: WeakKeyDictionary[Page, PageData] = WeakKeyDictionary()

    @classmethod
    def from_settings(cls, settings: CrawlSettings, vocabulary: Vocabulary, corpus: Any) -> Self:
        return cls(published=settings.published)

    @abstractmethod
    def search_addresses(self, keyword: str) -> Sequence[str]:
        """Result lists for a keyword, the best first; the others are asked when it ends."""

    def address_of(self, record: Record) -> str:
        """Where a short is opened.

        Raises:
            ShortFailed: the record has no id.
        """
        if record.platform_id is None:
            raise ShortFailed(f"a {record.kind} without id cannot be opened", "no_id")
        return self.short_address.format(id=record.platform_id)

    async def start(self) -> None:
        """Nothing: a real site is there."""

    async def close(self) -> None:
        """Nothing."""

    # Listening

    def attach(self, page: Page) -> None:
        if page not in self._pages:
            self._pages[page] = PageData(self)
            self._pages[page].listen(page)

    def received(self, page: Page) -> list[Received]:
        return list(self._data(page).answers)

    def _data(self, page: Page) -> PageData:
        self.attach(page)
        return self._pages[page]

    # Visiting

    async def _visit(self, page: Page, address: str) -> list[tuple[str, Any]]:
        """Go to a page, get past what a person may get past, and note its embedded state.

        Raises:
            Blocked: a wall stands there.
            PageHung: it does not come.
        """
        data = self._data(page)
        data.begin()
        for attempt in (1, 2):
            response = await go(page, address, self.name)
            seen = await self.wall(page)
            if seen is None and response is not None and response.status == 429:
                seen = WallSeen(wall=Wall.RATE_LIMIT)
            if seen is None:
                break
            if attempt == 2 or not (seen.passable and await self.pass_wall(page, seen)):
                after = seen.retry_after or retry_after(response)
                raise Blocked(f"{self.name}: {seen.wall}", seen.wall, after)
            log.info("consent_rejected", address=address.partition("?")[0])
            data.wall = None
        states = await states_of(page, self.states)
        for kind, raw in states:
            data.note(raw, kind)
        if self.expects_login and self._facts(states).logged_in is False:
            raise Blocked(f"{self.name}: the profile is logged out", Wall.LOGIN)
        return states

    async def site_facts(self, page: Page) -> SiteFacts:
        on_site = any(host in page.url for host in self.hosts)
        states = await states_of(page, self.states) if on_site else await self._visit(page, self.start_address)
        facts = self._facts(states)
        self.expects_login = facts.logged_in is True
        return facts

    def _facts(self, states: Sequence[tuple[str, Any]]) -> SiteFacts:
        facts = SiteFacts()
        for kind, raw in states:
            said = self.facts_in(raw, kind)
            if said is not None:
                facts = SiteFacts(
                    country=facts.country or said.country,
                    language=facts.language or said.language,
                    logged_in=said.logged_in if facts.logged_in is None else facts.logged_in,
                )
        return facts

    # Search

    async def results(self, page: Page, keyword: str) -> AsyncIterator[list[Record]]:
        told: set[str] = set()
        for through, address in enumerate(self.search_addresses(keyword)):
            await self._visit(page, address)
            await self._wake(page)
            dry = 0
            for _ in range(MOST_SCROLLS):
                batch = await self._next_items(page, told)
                fresh = [record for record in batch if record.platform_id is None or record.platform_id not in told]
                told |= {record.platform_id for record in fresh if record.platform_id}
                dry = 0 if fresh else dry + 1
                if fresh:
                    yield [_listed(record, keyword, through) for record in fresh]
                if page.url.partition("?")[0] != address.partition("?")[0]:  # the tab was used for something else
                    await self._visit(page, address)
                if self._data(page).ended or dry >= DRY_SCROLLS:
                    break
                await self._scroll(page)
        if not told and not await self.nothing_found(page):
            yield []

    async def nothing_found(self, page: Page) -> bool:
        """Whether the site itself says that it found nothing."""
        return await self._visible(page, "nothing_found")

    async def _next_items(self, page: Page, told: set[str]) -> list[Record]:
        """Items of lists that came since the last call; waits a little for them. Cards where data never gave any."""
        data = self._data(page)
        async for _ in looking(ANSWER_TIMEOUT):
            if data.wall is not None:
                raise Blocked(f"{self.name}: {data.wall.wall}", data.wall.wall, data.wall.retry_after)
            if data.news or data.ended:
                break
        await data.settle()
        return data.take_news() or (self.parse(await page.evaluate(self.cards_script), "cards") if not told else [])

    async def _wake(self, page: Page) -> None:
        """Move the pointer once: some lists stay empty for a visitor who never moved (TikTok-Api#1179)."""
        size = page.viewport_size or {"width": 1280, "height": 720}
        await page.mouse.move(size["width"] * 0.5, size["height"] * 0.45)
        await page.mouse.move(size["width"] * 0.52, size["height"] * 0.5)

    async def _scroll(self, page: Page) -> None:
        await page.mouse.wheel(0, 2400)

    # One short

    async def open(self, page: Page, record: Record) -> OnScreen:
        address = self.address_of(record)
        states = await self._visit(page, address)
        for kind, raw in states:
            for told in self.parse(raw, kind):
                if told.unavailable and told.platform_id in (None, record.platform_id):
                    raise Unavailable(f"{record.platform_id} is not available ({told.unavailable})", told.unavailable)
        shown = await self._shown(page, None, SHOWN_TIMEOUT)
        if shown is None:
            if (cause := await self.unavailable_on(page)) is not None:
                raise Unavailable(f"{record.platform_id} is not available ({cause})", cause)
            raise ShortFailed(f"{record.platform_id} did not come up", "no_player")
        if shown.id != record.platform_id:
            raise ShortFailed(f"{shown.id or 'another item'} came up instead of {record.platform_id}", "wrong_short")
        return await self._on_screen(page, shown)

    async def unavailable_on(self, page: Page) -> str | None:
        """What a visible message says where no short comes up: age, private, removed or region."""
        for cause in ("age", "private", "removed", "region"):
            if await self._visible(page, f"unavailable_{cause}"):
                return cause
        return None

    async def current_id(self, page: Page) -> str | None:
        shown = await self._shown(page, None, 0)
        return shown.id if shown else None

    async def _shown(self, page: Page, before: str | None, timeout: float) -> Shown | None:
        return await shown_on(page, self.shown_script, before, timeout)

    async def _on_screen(self, page: Page, shown: Shown) -> OnScreen:
        record = await self._record_of(page, shown)
        return OnScreen(record=record, box=shown.box, video=shown.video)

    async def _record_of(self, page: Page, shown: Shown) -> Record:
        """What the page's data says of the item on screen; just its id where nothing came."""
        data = self._data(page)
        record = Record(platform=self.name, platform_id=shown.id)
        if shown.id is not None:
            async for _ in looking(ANSWER_TIMEOUT):
                if self.is_complete(data.records.get(shown.id)):
                    break
            await data.settle()
            record = data.records.get(shown.id, record)
        if record.url is None and shown.id is not None:
            record = replace(record, url=self.address_of(record))
        for mark in (Kind.AD, Kind.LIVE, Kind.PHOTO):
            if shown.marks.get(mark.value):
                record = replace(record, kind=mark)
        return record

    def is_complete(self, record: Record | None) -> bool:
        """Whether a record holds what the page's data usually has of a short on screen, so that waiting may end."""
        return record is not None and (record.duration is not None or record.kind is not Kind.SHORT)

    # Feed

    async def feed(self, page: Page) -> AsyncIterator[OnScreen]:
        await self._visit(page, self.feed_address)
        await self._wake(page)
        shown = await self._shown(page, None, SHOWN_TIMEOUT)
        while shown is not None:
            yield await self._on_screen(page, shown)
            before = shown
            shown = await self._move_on(page, before.place)
            if shown is not None:
                self._note_passed(page, before.id, shown.id)
        seen = await self.wall(page)
        if seen is not None:
            raise Blocked(f"the feed of {self.name} stands behind a wall ({seen.wall})", seen.wall, seen.retry_after)
        raise PageHung(f"the feed of {self.name} does not move on")

    async def _move_on(self, page: Page, place: str) -> Shown | None:
        """The first way that brings another item on screen."""
        await self.clear_view(page)
        for name, way in self._ways(page):
            try:
                tried = await way()
            except (PlaywrightTimeout, Error) as error:
                if page.is_closed():
                    raise
                log.info("way_failed", way=name, error=str(error).splitlines()[0])
                continue
            if tried is False:
                continue
            shown = await self._shown(page, place, MOVE_TIMEOUT)
            if shown is not None:
                log.info("moved_on", way=name)
                await asyncio.sleep(MOVE_SETTLES)
                return shown
        return None

    def _ways(self, page: Page) -> list[tuple[str, Callable[[], Awaitable[Any]]]]:
        """Ways of moving on, in order of trust; one that returns False was not there."""

        def clicking(css: str) -> Callable[[], Awaitable[bool]]:
            return lambda: click_visible(page, css, MOVE_TIMEOUT)

        return [
            *((selector.css, clicking(selector.css)) for selector in self.selectors["next"]),
            ("ArrowDown", lambda: self._press(page, "ArrowDown")),
            ("wheel", lambda: self._wheel(page)),
            ("scrollIntoView", lambda: page.evaluate(NEXT_SLOT_SCRIPT, self.selectors["slot"][0].css)),
        ]

    async def clear_view(self, page: Page) -> None:
        """Close what swallows keys and clicks (an open comments panel, a guide)."""
        for selector in self.selectors.get("close", ()):
            with suppress(Error):
                await click_visible(page, selector.css, CLICK_TIMEOUT)

    async def _press(self, page: Page, key: str) -> None:
        await page.evaluate("() => document.activeElement?.blur()")  # keys go to the page only
        await page.keyboard.press(key)

    async def _wheel(self, page: Page) -> None:
        shown = await self._shown(page, None, 0)
        if shown is not None:
            await page.mouse.move(shown.box.x + shown.box.width / 2, shown.box.y + shown.box.height / 2)
        await page.mouse.wheel(0, 700)

    def _note_passed(self, page: Page, before: str | None, now: str | None) -> None:
        """A move over two items: the one in between was on screen too briefly to be seen."""
        order = self._data(page).order
        if before in order and now in order:
            passed = order[order.index(before) + 1 : order.index(now)]
            if 0 < len(passed) <= MOST_PASSED:
                log.warning("passed_over", shorts=passed)

    # Walls and likes

    async def wall(self, page: Page) -> WallSeen | None:
        data = self._data(page)
        seen = await sign_on(page, self.signs)
        return seen if seen is not None else data.wall

    async def pass_wall(self, page: Page, seen: WallSeen) -> bool:
        if seen.wall is not Wall.CONSENT:
            return False
        for sign in self.signs:
            if sign.wall is Wall.CONSENT and sign.reject:
                with suppress(PlaywrightTimeout):
                    if await click_visible(page, sign.reject, MOVE_TIMEOUT):
                        break
        async for _ in looking(ANSWER_TIMEOUT):
            with suppress(Error):  # the page may be on its way to the next one
                if await sign_on(page, self.signs) is None:
                    return True
        return False

    async def like(self, page: Page, shown: OnScreen) -> str:
        async def button() -> ElementHandle | None:
            """That of this short and of no other."""
            now = await self._shown(page, None, 0)
            if now is None or now.id != shown.record.platform_id or now.slot is None:
                return None
            for selector in self.selectors["like"]:
                found = await now.slot.query_selector(selector.css)
                if found is not None and await found.is_visible():
                    return found
            return None

        return await like(page, button, self.is_liked, lambda: self.wall(page))

    async def is_liked(self, button: ElementHandle) -> bool | None:
        """The button's own state, never its label; None where it has none."""
        return {"true": True, "false": False}.get(await button.get_attribute("aria-pressed") or "")

    async def _visible(self, page: Page, name: str) -> bool:
        signs = [Sign(wall=Wall.EMPTY, css=selector.css) for selector in self.selectors.get(name, ())]
        return await sign_on(page, signs) is not None


def _listed(record: Record, keyword: str, through: int) -> Record:
    """The record with how it was found: whether its own words mention the keyword, and by which list (0 is best).

    Searches mix in unrelated shorts; this is noted and filters nothing.
    """
    words = f"{record.caption or ''} {' '.join(record.hashtags)}".casefold()
    told = bool(words.strip())
    mentions = keyword.casefold() in words or keyword.casefold().replace(" ", "") in words.replace(" ", "")
    return replace(record, extra={**record.extra, "listed": {"mentions": mentions if told else None, "list": through}})
