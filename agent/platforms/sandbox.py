"""The sandbox platform (D13): the same work as on a real site, against the server in `agent/sandbox/`.

Records come from the state embedded in a page and from the answers of `/api/search` and `/api/feed`, merged by id;
the DOM gives what is clicked or seen (D8). Figures taken here test the pipeline, never validity.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Self
from urllib.parse import parse_qs, quote, urlsplit
from weakref import WeakKeyDictionary

from playwright.async_api import Error, Page, Request, Response
from playwright.async_api import TimeoutError as PlaywrightTimeout

from agent.platforms.base import Box, OnScreen, Pace, Platform, Rest, SiteFacts, Wall, WallSeen
from agent.platforms.page import crash
from agent.platforms.sandbox_data import CANONICAL, decoded, record_of
from agent.sandbox.app import Options
from agent.sandbox.recommenders import Engagement
from agent.sandbox.server import SandboxServer
from agent.sandbox.sites import NAME
from agent.settings import CrawlSettings
from retrieval.vocabulary import Vocabulary
from storage.errors import Blocked, PageHung, ShortFailed, Unavailable
from storage.records import Record

Q = {
    "state": "script#state",
    "active": 'article[data-active="true"]',
    "player": ".player",
    "video": ".player video",
    "like": "button.like[aria-pressed]",
    "next": "#next, [aria-label='Next short']",
    "column": "#column",
    "end": "#next:disabled",
    "wall": "[data-wall]",
    "reject": "#reject-all",
}
TIMEOUT = 10.0
"""Real seconds for a page or an answer to come."""
MOVE_TIMEOUT = 1.5
"""Real seconds in which one way of moving on must bring a new short."""
UNAVAILABLE = ("private", "removed", "age", "region")

# Waits for the one active article to be another than `before` (its position and id).
_SHOWN_SCRIPT = """
async ([active, player, before, timeout]) => {
  const deadline = performance.now() + timeout * 1000;
  for (;;) {
    const articles = document.querySelectorAll(active);
    const data = articles.length === 1 ? articles[0].dataset : {};
    const place = `${data.position}:${data.id}`;
    if (articles.length === 1 && place !== before) {
      const {x, y, width, height} = articles[0].querySelector(player).getBoundingClientRect();
      return {place, id: data.id, box: {x, y, width, height}};
    }
    if (performance.now() > deadline) return null;
    if (!articles.length && document.readyState === 'complete') return null;
    await new Promise(done => setTimeout(done, 4));
  }
}
"""
_WALL_SCRIPT = """
([wall, reject]) => {
  for (const element of document.querySelectorAll(wall))
    if (element.checkVisibility({visibilityProperty: true}) && element.getBoundingClientRect().height)
      return {wall: element.dataset.wall, retryAfter: Number(element.dataset.retryAfter) || null,
              passable: Boolean(element.querySelector(reject))};
  const page = document.body.dataset.page, visible = id => document.getElementById(id)?.checkVisibility();
  const bare = page === 'search' ? !document.querySelector('.card') && !visible('no-results')
             : page === 'feed' ? !document.querySelector('article') && !visible('feed-end') : false;
  return bare && !visible('error-card') ? {wall: 'empty', retryAfter: null, passable: false} : null;
}
"""


@dataclass
class _Received:
    """What a page has received so far."""

    records: dict[str, Record] = field(default_factory=dict)
    """By place: `position:id` for feed items, else the id."""
    answers: dict[tuple[str, int], Any] = field(default_factory=dict)
    """Search answers by query and cursor; None for one that could not be read."""
    retry_after: float | None = None
    tasks: set[asyncio.Future[None]] = field(default_factory=set)


class Sandbox(Platform):
    """Shorts that we own, served by a child process that `start` launches.

    `vocabulary` holds keywords by value id, `state` is the file that keeps what visitors watched, `seed` is that of
    the content and not of the crawl; `media`, `faults`, `recommender` and `distinct` as `python -m agent.sandbox
    --help` explains them.
    """

    name: ClassVar[str] = NAME
    hosts: ClassVar[tuple[str, ...]] = ("sandbox.invalid",)
    pace: ClassVar[Pace] = Pace(min_delay=2.0, views_per_hour=3600, rest=Rest(pause=60.0, budget=3))
    example: ClassVar[str] = CANONICAL + "1-3fa09c12de"
    like_needs_login: ClassVar[bool] = False
    own_seed: ClassVar[int | None] = None
    """Of a site whose name carries one (`agent.sandbox.sites`)."""

    def __init__(
        self,
        *,
        vocabulary: Mapping[str, Sequence[str]],
        state: Path,
        seed: int = 1,
        time_scale: float = 20.0,
        media: Path | None = None,
        faults: Sequence[str] = (),
        recommender: str = Engagement.kind,
        distinct: bool = False,
    ) -> None:
        self.time_scale = time_scale
        self.base_url = ""
        words = {value: list(keywords) for value, keywords in vocabulary.items()}
        folder = str(media.resolve()) if media else None
        options = Options(
            seed=seed, vocabulary=words, time_scale=time_scale, media=folder, faults=tuple(faults),
            state=str(state.resolve()), recommender=recommender, distinct=distinct,
        )  # fmt: skip
        self._server = SandboxServer(options)
        self._pages: WeakKeyDictionary[Page, _Received] = WeakKeyDictionary()

    @classmethod
    def from_settings(cls, settings: CrawlSettings, vocabulary: Vocabulary, corpus: Path) -> Self:
        words = {value.id: [keyword.word for keyword in value.all_keywords] for value in vocabulary.values}
        return cls(
            vocabulary=words,
            state=state_file(corpus, settings.recommender, cls.name),
            seed=settings.sandbox_seed if cls.own_seed is None else cls.own_seed,
            time_scale=settings.time_scale,
            media=settings.media,
            faults=settings.fault,
            recommender=settings.recommender,
            distinct=settings.distinct_visitors,
        )

    @staticmethod
    def parse(raw: Any, kind: str) -> list[Record]:
        """Records of `search` and `feed` (`items`, embedded or answered) and of `short` (`item`, or a `status`)."""
        if not isinstance(raw, dict):
            return []
        if kind == "short":
            item = raw.get("item")
            if raw.get("status") in UNAVAILABLE:
                item = {"id": raw["id"], "unavailable": raw["status"]}
            return [record_of(item)] if item else []
        return [record_of(item) for item in raw.get("items", [])]

    def _records(self, data: Any, kind: str) -> list[Record]:
        """What `parse` reads, under this site's own name."""
        return [replace(record, platform=self.name) for record in self.parse(data, kind)]

    async def start(self) -> None:
        """Launch the server.

        Raises:
            NotSetUp: it does not come up.
            UsageError: a fault's specification or the media folder is wrong.
        """
        self.base_url = await self._server.__aenter__()

    async def close(self) -> None:
        """End the server."""
        await self._server.__aexit__(None, None, None)

    def attach(self, page: Page) -> None:
        received = self._pages.setdefault(page, _Received())

        def begin(work: Coroutine[Any, Any, None]) -> None:
            received.tasks.add(task := asyncio.ensure_future(work))
            task.add_done_callback(received.tasks.discard)

        def on_response(response: Response) -> None:
            if "/api/search" in response.url or "/api/feed" in response.url:
                begin(self._read(received, response))

        def on_request(request: Request) -> None:
            if request.url.endswith("/api/down") and '"crash"' in (request.post_data or ""):
                begin(crash(page))

        page.on("response", on_response)
        page.on("request", on_request)

    async def results(self, page: Page, keyword: str) -> AsyncIterator[list[Record]]:
        address = f"/search?q={quote(keyword)}"
        received = self._received(page)
        received.answers.clear()
        data = await self._visit(page, address)
        cursor = 0
        while True:
            records = self._records(data, "search")
            if records or not (isinstance(data, dict) and data.get("cursor")):  # a cursor and no items: nothing found
                yield records
            if not records or not data.get("hasMore"):
                return
            cursor = data["cursor"]
            if (keyword, cursor) not in received.answers and page.url != self.base_url + address:
                await self._visit(page, address)  # the tab was used for something else meanwhile
            data = await self._next_answer(page, received, keyword, cursor)

    async def _next_answer(self, page: Page, received: _Received, keyword: str, cursor: int) -> Any:
        """Scroll until the page has asked for `cursor` and got an answer; None if none came."""
        with suppress(TimeoutError):
            async with asyncio.timeout(TIMEOUT):
                while (keyword, cursor) not in received.answers:
                    if received.retry_after is not None:
                        raise Blocked("the sandbox asks to slow down", Wall.RATE_LIMIT, received.retry_after)
                    await page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
                    await asyncio.sleep(0.01)
        return received.answers.get((keyword, cursor))

    async def open(self, page: Page, record: Record) -> OnScreen:
        short_id = record.platform_id
        if short_id is None:
            raise ShortFailed(f"a {record.kind} without id cannot be opened", "no_id")
        state = await self._visit(page, f"/short/{short_id}")
        fresh = next(iter(self._records(state, "short")), None)
        if fresh is not None and fresh.unavailable:
            raise Unavailable(f"{short_id} is not available ({fresh.unavailable})", fresh.unavailable)
        shown = await self._shown(page, None, TIMEOUT)
        if shown is None or fresh is None:
            raise ShortFailed(f"{short_id} did not come up", "no_player")
        if shown["id"] != short_id or urlsplit(page.url).path != f"/short/{short_id}":
            raise ShortFailed(f"{shown['id'] or 'another item'} came up instead of {short_id}", "wrong_short")
        return await self._on_screen(page, shown, fresh)

    async def feed(self, page: Page) -> AsyncIterator[OnScreen]:
        received = self._received(page)
        state = await self._visit(page, "/feed")
        self._note(received, state)
        shown = await self._shown(page, None, TIMEOUT)
        if shown is None and isinstance(state, dict) and state.get("end"):
            return
        while shown is not None:
            for task in list(received.tasks):  # answers that came but are still being read
                await task
            record = received.records.get(shown["place"])
            if record is None:
                raise PageHung(f"the feed shows {shown['id'] or 'an item'} and never received its data")
            yield await self._on_screen(page, shown, record)
            shown = await self._move_on(page, shown["place"])
            if shown is None and await page.query_selector(Q["end"]):
                return
        seen = await self.wall(page)
        if seen is not None:
            raise Blocked(f"the sandbox's feed stands behind a wall ({seen.wall})", seen.wall, seen.retry_after)
        raise PageHung("the sandbox's feed does not move on")

    async def _move_on(self, page: Page, place: str) -> dict[str, Any] | None:
        """Button, key, wheel, scrolling, in this order; only another item on screen is success."""
        patience = MOVE_TIMEOUT * 1000
        ways: tuple[Callable[[], Awaitable[Any]], ...] = (
            lambda: page.locator(Q["next"]).first.click(timeout=patience),
            lambda: page.keyboard.press("ArrowDown"),
            lambda: _wheel(page, patience),
            lambda: page.evaluate("q => document.querySelector(q)?.nextElementSibling?.scrollIntoView()", Q["active"]),
        )
        for way in ways:
            with suppress(PlaywrightTimeout):
                await way()
            shown = await self._shown(page, place, MOVE_TIMEOUT)
            if shown is not None or await page.query_selector(Q["end"]):
                return shown
        return None

    async def wall(self, page: Page) -> WallSeen | None:
        seen = await page.evaluate(_WALL_SCRIPT, [Q["wall"], Q["reject"]])
        if seen is None:
            return None
        retry_after = seen["retryAfter"] or (self._received(page).retry_after if seen["wall"] == "rate_limit" else None)
        return WallSeen(wall=Wall(seen["wall"]), retry_after=retry_after, passable=seen["passable"])

    async def pass_wall(self, page: Page, seen: WallSeen) -> bool:
        if seen.wall is not Wall.CONSENT:
            return False
        with suppress(PlaywrightTimeout):
            await page.locator(Q["reject"]).click(timeout=TIMEOUT * 1000)
        return await self.wall(page) is None

    async def like(self, page: Page, shown: OnScreen) -> str:
        selector = f"{Q['active']} {Q['like']}"
        button = await page.query_selector(selector)
        if button is None or await self.current_id(page) != shown.record.platform_id:
            return "refused"
        if await button.get_attribute("aria-pressed") != "true":
            await button.click()
        with suppress(PlaywrightTimeout):
            await page.locator(f'{selector}[aria-pressed="true"]:enabled').wait_for(timeout=MOVE_TIMEOUT * 1000)
            return "confirmed"
        return "refused"

    async def current_id(self, page: Page) -> str | None:
        """Id of the one short that is on screen now."""
        shown = await self._shown(page, None, 0)
        return shown["id"] or None if shown else None

    async def dwelt(self, page: Page, seconds: float, played: float) -> None:
        told = {"seconds": seconds, "media_seconds": played}
        await page.evaluate("said => { if (watch) watch.said = said; }", told)

    async def site_facts(self, page: Page) -> SiteFacts:
        if not page.url.startswith(self.base_url):
            await self._visit(page, "/search?q=")
        data = await page.evaluate("() => ({...document.body.dataset})")
        logged_in = {"true": True, "false": False}.get(data.get("loggedIn"))
        return SiteFacts(country=data.get("country"), language=data.get("language"), logged_in=logged_in)

    def _received(self, page: Page) -> _Received:
        if page not in self._pages:
            self.attach(page)
        return self._pages[page]

    async def _visit(self, page: Page, path: str) -> Any:
        """Go to a page of the site; its embedded state, None where there is none to be read."""
        received = self._received(page)
        received.retry_after = None
        try:
            response = await page.goto(self.base_url + path, wait_until="domcontentloaded", timeout=TIMEOUT * 1000)
        except PlaywrightTimeout as error:
            raise PageHung(f"{path} did not come within {TIMEOUT:.0f} s") from error
        if response is not None and response.status == 429:
            received.retry_after = _seconds(response)
            raise Blocked("the sandbox asks to slow down", Wall.RATE_LIMIT, received.retry_after)
        text = await page.evaluate("q => document.querySelector(q)?.textContent", Q["state"])
        return decoded(text or "")

    async def _read(self, received: _Received, response: Response) -> None:
        asked = urlsplit(response.url)
        if response.status == 429:
            received.retry_after = _seconds(response)
            return
        try:
            data = decoded(await response.text())
        except Error:  # the page left before the answer was read
            return
        if asked.path == "/api/search":
            query = parse_qs(asked.query)
            received.answers[query["q"][0], int(query["cursor"][0])] = data
        else:
            self._note(received, data)

    def _note(self, received: _Received, data: Any) -> None:
        """Keep a feed answer's records by place; the newest of each place wins."""
        records = self._records(data, "feed")
        if not records:
            return
        for item, record in zip(data["items"], records, strict=True):
            received.records[f"{item['position']}:{item['id']}"] = record
        while len(received.records) > 100:
            received.records.pop(next(iter(received.records)))

    async def _shown(self, page: Page, before: str | None, timeout: float) -> dict[str, Any] | None:
        found: dict[str, Any] | None = await page.evaluate(_SHOWN_SCRIPT, [Q["active"], Q["player"], before, timeout])
        return found

    async def _on_screen(self, page: Page, shown: Mapping[str, Any], record: Record) -> OnScreen:
        video = await page.query_selector(f"{Q['active']} {Q['video']}")
        return OnScreen(record=record, box=Box(**shown["box"]), video=video)


def state_file(corpus: Path, recommender: str, site: str = NAME) -> Path:
    """Where a corpus' sandbox site keeps what visitors watched; each recommender its own, since two may run at once."""
    middle = "" if recommender == Engagement.kind else f".{recommender}"
    return corpus.with_name(f"{corpus.name}.{site}{middle}.jsonl")


def _seconds(response: Response) -> float | None:
    value = response.headers.get("retry-after", "")
    return float(value) if value.isdigit() else None


async def _wheel(page: Page, patience: float) -> None:
    await page.locator(Q["column"]).hover(timeout=patience)
    await page.mouse.wheel(0, 600)
