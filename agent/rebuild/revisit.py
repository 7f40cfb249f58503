"""Shorts opened again by their ids: a manifest's, to collect them, or one's own, to see whether they are still there.

The same loop, pace and walls as a crawl; a turn is one short of the list instead of one of a search. A manifest's
shorts are captured at the published media time, held for no decision (`never` scrolls on), and stored with their
published labels; of one's own only counts, caption and outcome are noted.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from playwright.async_api import Error as BrowserError
from playwright.async_api import Page

from agent.crawl import Crawl
from agent.platforms.base import OnScreen
from agent.session import Session
from storage.errors import PageHung, ShortFailed, Unavailable
from storage.manifest import Published
from storage.records import Outcome, Picture, Record
from storage.revisits import UNAVAILABLE, RevisitItem, Verdict, Was, compare
from storage.tasks import TaskItem

log = structlog.get_logger()

MODE = "revisit"
"""Mode of runs and tasks that open shorts by their ids."""


class RevisitCrawl(Crawl):
    """Works off the rows of `storage.revisits` of one platform.

    Args:
        shorts: what is to be opened, in this order.
        run_id: run that observations and labels belong to.
        keep: store pictures and published labels; else only look.
    """

    def __init__(self, *, shorts: Sequence[Published], run_id: int, keep: bool, **parts: Any) -> None:
        super().__init__(**parts)
        self._shorts = shorts
        self._run_id = run_id
        self._keep = keep

    async def run(self) -> None:
        self.corpus.revisits.begin(self.plan_run_id, self._shorts)
        await super().run()

    async def _work(self, task: TaskItem) -> None:
        item = self.corpus.revisits.next(self.plan_run_id)
        if item is None:
            self.corpus.tasks.settle(task)
            return
        if (captured := self.corpus.revisits.captured(self.plan_run_id, item)) is not None:  # killed before its row
            self._end(item, self._kept(item, *captured))
            return
        if not await self._turn.waits(self.pacer.before_view()):
            return
        self.counts.doing = item.platform_id
        page = await self._page()
        record = Record(platform=item.platform, platform_id=item.platform_id)
        try:
            await self._look(page, task, item, record)
        except Unavailable as error:
            await self._check_wall(page)  # a wall is not the short's fault
            self._missed(task, record, Outcome.UNAVAILABLE, error.cause)
            self._end(item, Verdict(outcome=UNAVAILABLE.get(error.cause, Was.FAILED), cause=error.cause))
        except (PageHung, BrowserError) as error:
            if self._may_try_again(record):
                raise
            self._missed(task, record, Outcome.FAILED, "page_hung")
            self._end(item, Verdict(outcome=Was.FAILED, cause="page_hung"))
            raise PageHung(f"{item.platform_id} took the page down: {error}") from error
        except ShortFailed as error:
            await self._check_wall(page)
            self._missed(task, record, Outcome.FAILED, error.cause)
            flat = error.cause == "flat" and item.expected.get("phash") is not None  # no flat picture has a hash
            self._end(item, Verdict(outcome=Was.CHANGED if flat else Was.FAILED, cause=error.cause))
            self._count_failure(error.cause, str(error))

    async def _look(self, page: Page, task: TaskItem, item: RevisitItem, record: Record) -> None:
        shown = await self._answered(self.platform.open(page, record))
        await self._check_wall(page)
        if self.corpus.has_forgotten(shown.record):
            self._end(item, Verdict(outcome=Was.FORGOTTEN))
            return
        if self._keep:
            stored, frame = await self.viewing.show(page, task, shown, self._turn, at=item.media_time)
            verdict = self._kept(item, stored.short_id, frame)
        else:
            verdict = await self._noted(page, item, shown)
        self._end(item, verdict)
        self.tab.count_view()
        self._failures = 0
        self.pacer.went_well()

    def _kept(self, item: RevisitItem, short_id: int, frame: Picture) -> Verdict:
        """What others said of it stands beside what is said here, under their names for it (D15)."""
        self.corpus.labels.add(short_id, item.labels, run_id=self._run_id)
        return compare(item.expected, frame)

    async def _noted(self, page: Page, item: RevisitItem, shown: OnScreen) -> Verdict:
        """A look at a short of one's own: nothing is decided and no picture stored."""
        capture = await self.viewing.capture(page, shown, self._turn, item.media_time)
        self.corpus.revisits.observe(item, shown.record, self._run_id)
        self.counts.seen += 1
        return compare(item.expected, capture.frame)

    def _missed(self, task: TaskItem, record: Record, outcome: Outcome, cause: str) -> None:
        if self._keep:
            self.viewing.failed(task, record, outcome, cause)
        else:
            self.counts.seen += 1

    def _end(self, item: RevisitItem, verdict: Verdict) -> None:
        self.corpus.revisits.close(item, verdict)
        log.info(
            "revisit",
            short=item.platform_id,
            outcome=verdict.outcome,
            cause=verdict.cause,
            distance=verdict.distance,
        )


class RevisitSession(Session):
    """A session whose platforms open lists of ids.

    Args:
        shorts: by platform.
        keep: see `RevisitCrawl`.
    """

    def __init__(self, *, shorts: Mapping[str, Sequence[Published]], keep: bool, **parts: Any) -> None:
        super().__init__(**parts)
        self._shorts = shorts
        self._keep = keep

    def _crawl(self, **parts: Any) -> Crawl:
        platform = parts["platform"].name
        run_id = parts["viewing"].run_id
        return RevisitCrawl(shorts=self._shorts[platform], run_id=run_id, keep=self._keep, **parts)
