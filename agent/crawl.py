"""The loop of one platform (D4-D12): claim -> put on screen -> capture -> hash -> decide -> commit -> act -> close.

Search mode opens the shorts of result lists, in rounds over the keywords; feed mode watches one feed. Both end in
`Viewing.show`, which handles one short. A turn that fails costs one short; a wall costs a pause; the queue stays.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from datetime import datetime
from typing import TypeVar

import structlog
from playwright.async_api import Error as BrowserError
from playwright.async_api import Page

from agent.browser import Tab
from agent.clock import Stopwatch
from agent.evidence import Evidence
from agent.pace import Pacer
from agent.platforms.base import OnScreen, Platform, Wall
from agent.progress import Counts
from agent.viewing import Viewing
from storage.corpus import Corpus
from storage.errors import Blocked, LayoutChanged, PageHung, ShortFailed, SiteUnreachable, Unavailable
from storage.records import Kind, Outcome, Record
from storage.tasks import ListingItem, TaskItem

log = structlog.get_logger()

T = TypeVar("T")

PAGE_TIMEOUT = 30.0
"""Real seconds that any one thing a page is asked for may take before the page counts as hung."""
TRIES = 2
"""How often a short may take the page down before it is recorded as failed."""
EMPTY_LISTS = 5
"""Result lists without a single item in a row that make a changed layout (D9)."""
FAILURES = 10
"""Shorts in a row that gave no picture, likewise."""


class Crawl:
    """One platform's queue, worked off turn by turn until it is empty, blocked, or a stop is requested."""

    def __init__(
        self,
        *,
        corpus: Corpus,
        plan_run_id: int,
        platform: Platform,
        tab: Tab,
        pacer: Pacer,
        viewing: Viewing,
        counts: Counts,
        say: Callable[[str], None],
        evidence: Evidence,
        oldest: datetime | None = None,
        newest: datetime | None = None,
        more: int = 20,
    ) -> None:
        self.corpus = corpus
        self.plan_run_id = plan_run_id
        self.platform = platform
        self.tab = tab
        self.pacer = pacer
        self.viewing = viewing
        self.counts = counts
        self._say = say
        self._evidence = evidence
        self._oldest, self._newest = oldest, newest
        """Shorts of result lists published before or after are passed over, where the site says when."""
        self._more = more
        """How many unopened items a visit to a result list should leave behind."""
        self._turn = Stopwatch()
        self._hung: Counter[str] = Counter()
        self._empty_lists = 0
        self._failures = 0

    async def run(self) -> None:
        """Work until the queue is empty or a stop is requested.

        Raises:
            Blocked: the platform's budget of walls is used up.
            SiteUnreachable: no connection for about an hour.
            LayoutChanged: lists without items, or shorts without pictures, again and again.
            BudgetSpent, EndpointDown, EndpointRefused: from the decider.
        """
        while not self.pacer.stop_requested and (task := self.corpus.tasks.next_task(self.plan_run_id)):
            self._turn = Stopwatch()
            self.corpus.tasks.start(task)
            with structlog.contextvars.bound_contextvars(task=task.position, keyword=task.keyword):
                try:
                    await self._work(task)
                    await self._keep_unreadable()
                except LayoutChanged as change:
                    await self._keep_evidence("layout", what=str(change))
                    raise
                except Blocked as wall:
                    await self._rest(task, wall)
                except SiteUnreachable as lost:
                    log.warning("unreachable", error=str(lost))
                    if not self.pacer.lost_connection():
                        raise
                    self._say(f"{lost}; trying again in {self.pacer.wait_needed():.0f} s")
                except (PageHung, BrowserError) as error:
                    log.warning("page_lost", error=str(error).splitlines()[0])
                    self.pacer.went_wrong()
                    await self.tab.close()
                    self._count_failure("page_hung", "the page")

    async def _work(self, task: TaskItem) -> None:
        """One turn."""
        await (self._search_turn(task) if task.mode == "search" else self._feed_turn(task))

    async def _rest(self, task: TaskItem, wall: Blocked) -> None:
        """A wall: keep the queue, rest, or leave the platform alone for this command."""
        self.counts.blocked += 1
        self.counts.doing = f"wall: {wall.wall}"
        log.warning("wall", wall=wall.wall, retry_after=wall.retry_after)
        await self._keep_evidence(wall.wall, what=str(wall))
        again = self.pacer.met_wall(Wall(wall.wall), wall.retry_after)
        self._say(f"{self.platform.name}: a wall ({wall.wall}); resting {self.pacer.wait_needed():.0f} s")
        self.corpus.add_event("wall", {"wall": wall.wall, "platform": self.platform.name})
        if not again:
            self.corpus.tasks.block(task, wall.wall)
            times = self.pacer.walls_in_a_row(Wall(wall.wall))
            raise Blocked(
                f"{self.platform.name} put up a wall ({wall.wall}) {times} times in a row; look at the site in a "
                "browser, then run the same command to go on",
                wall.wall,
                wall.retry_after,
            )

    async def _keep_evidence(self, kind: str, **about: str) -> None:
        page = self.tab.current
        answers = self.platform.received(page) if page is not None else ()
        kept = await self._evidence.keep(kind, page, answers, about)
        if kept is not None:
            self._say(f"{self.platform.name}: what the page looked like is kept in {kept}")

    async def _keep_unreadable(self) -> None:
        """Answers that are no longer what they were: the first sign of a changed site."""
        page = self.tab.current
        if page is not None and any(not answer.readable for answer in self.platform.received(page)):
            await self._keep_evidence("unreadable")

    # Search

    async def _search_turn(self, task: TaskItem) -> None:
        listing = self.corpus.tasks.next_listing(task)
        if listing is None and not await self._search(task):
            log.info("dry", not_passed_on=self.corpus.tasks.dry(task))
        elif listing is not None:
            await self._open_listing(task, listing)

    async def _search(self, task: TaskItem) -> bool:
        """Visit the result list of a task's keyword; True if it brought an item that was not listed before."""
        assert task.keyword is not None
        self.counts.doing = f"searching {task.keyword}"
        if not await self._turn.waits(self.pacer.before_view()):
            return True  # a stop says nothing about the keyword
        page = await self._turn.waits(self.tab.page())
        waiting = 0
        empty = False
        async with aclosing(self.platform.results(page, task.keyword)) as batches:  # type: ignore[type-var]
            async for batch in self._within(batches):
                await self._check_wall(page)
                empty = empty or not batch
                waiting += self.corpus.tasks.add_listings(task, batch)
                if waiting >= self._more or not await self._turn.waits(self.pacer.before_view()):
                    break
        self.tab.count_view()
        await self._check_wall(page)
        if empty and not waiting:
            self._empty_lists += 1
            if self._empty_lists >= EMPTY_LISTS:
                raise LayoutChanged(
                    f"{self.platform.name} gave {EMPTY_LISTS} result lists in a row without a single item; its pages "
                    "have probably changed: see `python -m agent.doctor`"
                )
        else:
            self._empty_lists = 0
            self.pacer.went_well()
        return waiting > 0

    async def _open_listing(self, task: TaskItem, listing: ListingItem) -> None:
        record = listing.record
        if record.kind is not Kind.SHORT:
            self.viewing.skip(task, record, listing)
            return
        if (outside := self._outside_dates(record)) is not None:
            self.viewing.skip(task, record, listing, outside)
            return
        if not await self._turn.waits(self.pacer.before_view()):
            return
        self.counts.doing = f"{task.keyword}: {record.platform_id}"
        page = await self._page()
        try:
            shown = await self._answered(self.platform.open(page, record))
            await self._check_wall(page)
            if (outside := self._outside_dates(shown.record)) is not None:  # its list did not say when
                self.viewing.skip(task, shown.record, listing, outside)
                return
            await self._show(page, task, shown, listing)
        except Unavailable as error:
            self.viewing.failed(task, record, Outcome.UNAVAILABLE, error.cause, listing)
        except (PageHung, BrowserError) as error:
            if self._may_try_again(record):
                raise
            self.viewing.failed(task, record, Outcome.FAILED, "page_hung", listing)
            raise PageHung(f"{record.platform_id} took the page down: {error}") from error
        except ShortFailed as error:
            await self._check_wall(page)  # a wall is not the short's fault
            self.viewing.failed(task, record, Outcome.FAILED, error.cause, listing)
            self._count_failure(error.cause, str(error))

    def _outside_dates(self, record: Record) -> str | None:
        """Why a short is not within the dates that are asked for; None where it is, or nobody says when it came."""
        if record.published is None:
            return None
        if self._oldest is not None and record.published < self._oldest:
            return "too_old"
        return "too_new" if self._newest is not None and record.published >= self._newest else None

    # Feed

    async def _feed_turn(self, task: TaskItem) -> None:
        """Watch the task's feed in its own profile until its quota is full."""
        self.counts.doing = "opening the feed"
        if not await self._turn.waits(self.pacer.before_view()):
            return
        page = await self._turn.waits(self.tab.page())
        last = self.corpus.exposures.last(task)
        first = True
        async with aclosing(self.platform.feed(page)) as items:  # type: ignore[type-var]
            async for shown in self._within(items):
                if first:
                    await self._turn.waits(
                        self.tab.save_profile()
                    )  # the visitor's identity, before anything is seen with it
                await self._check_wall(page)
                if first and last and last.same_showing(shown.record):
                    if last.planned_dwell is not None:
                        await self._turn.waits(self.viewing.again(page, shown, last.planned_dwell))
                else:
                    await self._feed_item(page, task, shown)
                first = False
                self._turn = Stopwatch()
                task = self.corpus.tasks.reload(task)
                if task.taken >= task.quota or self.pacer.stop_requested or self.tab.needs_recycling:
                    break
                if not await self._turn.waits(self.pacer.before_view()):
                    break
            else:
                self.corpus.tasks.dry(task)
        await self._turn.waits(self.tab.save_profile())
        if self.tab.needs_recycling:
            await self.tab.close()

    async def _feed_item(self, page: Page, task: TaskItem, shown: OnScreen) -> None:
        record = shown.record
        if self.corpus.has_forgotten(record):  # removed on request: that something was passed over is all that is kept
            self.viewing.skip(task, Record(platform=record.platform, platform_id=None), cause="forgotten")
            return
        if record.kind is not Kind.SHORT or record.platform_id is None:
            self.viewing.skip(task, record)
            return
        self.counts.doing = f"feed: {record.platform_id}"
        try:
            await self._show(page, task, shown)
        except Unavailable as error:
            self.viewing.failed(task, record, Outcome.UNAVAILABLE, error.cause)
        except (PageHung, BrowserError) as error:
            if not self._may_try_again(record):
                self.viewing.failed(task, record, Outcome.FAILED, "page_hung")
            raise PageHung(f"{record.platform_id} took the page down: {error}") from error
        except ShortFailed as error:
            await self._check_wall(page)
            self.viewing.failed(task, record, Outcome.FAILED, error.cause)
            self._count_failure(error.cause, str(error))

    # Both

    async def _show(self, page: Page, task: TaskItem, shown: OnScreen, listing: ListingItem | None = None) -> None:
        await self.viewing.show(page, task, shown, self._turn, listing)
        self.tab.count_view()
        self._failures = 0
        self.pacer.went_well()

    async def _page(self) -> Page:
        """The page, on a fresh context where the old one has had its number of views."""
        if self.tab.needs_recycling:
            await self.tab.close()
        return await self._turn.waits(self.tab.page())

    async def _check_wall(self, page: Page) -> None:
        """Raises Blocked for a visible wall, after trying what a person may do about a passable one."""
        seen = await self._answered(self.platform.wall(page))
        if seen is None or (seen.passable and await self._answered(self.platform.pass_wall(page, seen))):
            return
        raise Blocked(f"{self.platform.name}: {seen.wall}", seen.wall, seen.retry_after)

    def _may_try_again(self, record: Record) -> bool:
        self._hung[record.platform_id or ""] += 1
        return self._hung[record.platform_id or ""] < TRIES

    def _count_failure(self, cause: str, what: str) -> None:
        self.pacer.went_wrong()
        self._failures += 1
        if self._failures >= FAILURES:
            raise LayoutChanged(
                f"{self.platform.name} failed {FAILURES} times in a row (last: {cause}, {what}); its pages have "
                "changed or the browser cannot play its videos: see `python -m agent.doctor`"
            )

    async def _answered(self, asked: Awaitable[T]) -> T:
        """The page's answer, or PageHung when none comes."""
        try:
            async with asyncio.timeout(PAGE_TIMEOUT):
                return await self._turn.waits(asked)
        except TimeoutError as error:
            raise PageHung(f"the page did not answer within {PAGE_TIMEOUT:.0f} s") from error

    async def _within(self, items: AsyncIterator[T]) -> AsyncIterator[T]:
        """The same items, each of which must come in time."""
        while True:
            try:
                item = await self._answered(anext(items))
            except StopAsyncIteration:
                return
            yield item
