"""Running the real adapters against a test server: single visits, and whole crawls."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page
from rich.console import Console

from agent import logs
from agent.browser import BrowserHost
from agent.clock import Stop, SystemClock
from agent.judges import Judges
from agent.platforms.base import OnScreen, Platform
from agent.profiles import Profile
from agent.session import Session, SessionResult
from agent.settings import load_settings
from retrieval.vocabulary import load_vocabulary
from storage.corpus import Corpus
from storage.records import Record
from tests.sites.base import Site, serve

FASTER = 200.0
"""Platform seconds per second in a crawl: waiting tests nothing."""


@asynccontextmanager
async def visiting(browser: Browser, platform: Platform, site: Site, seconds: float = 40) -> AsyncIterator[Page]:
    """A page of a fresh visitor whose only network is the site."""
    context = await browser.new_context(viewport={"width": 1280, "height": 720}, locale="en-US")
    try:
        await serve(context, site)
        page = await context.new_page()
        platform.attach(page)
        async with asyncio.timeout(seconds):
            yield page
    finally:
        await context.close()


async def batches(platform: Platform, page: Page, keyword: str, most: int = 1000) -> list[list[Record]]:
    """Parts of a result list until it ends, or holds so many items."""
    found: list[list[Record]] = []
    async with aclosing(platform.results(page, keyword)) as parts:  # type: ignore[type-var]
        async for part in parts:
            found.append(part)
            if sum(map(len, found)) >= most:
                break
    return found


async def listed(platform: Platform, page: Page, keyword: str, most: int = 200) -> list[Record]:
    """The items of a result list."""
    return [record for part in await batches(platform, page, keyword, most) for record in part]


async def watched(platform: Platform, page: Page, count: int) -> list[OnScreen]:
    """The first items of a feed."""
    shown = []
    async with aclosing(platform.feed(page)) as items:  # type: ignore[type-var]
        async for item in items:
            shown.append(item)
            if len(shown) == count:
                break
    return shown


def plain(record: Record) -> Record:
    """Without what a server's truth does not speak of: flags, and how it was found."""
    return replace(record, extra={})


class RoutedHost(BrowserHost):
    """The crawl's own browser, with the sites in the place of the network."""

    def __init__(self, *sites: Site) -> None:
        super().__init__()
        self.sites = sites

    async def context(self, profile: Profile) -> BrowserContext:
        context = await super().context(profile)
        await serve(context, *self.sites)
        return context


async def crawl(home: Path, site: Site, **settings: Any) -> SessionResult:
    """What `agent.collect` does, into `home/corpus.sqlite`, on the site's own addresses."""
    given = {"decider": "always", "labeller": "none", "dwell": "fixed:0", "decide_window": 0, **settings}
    resolved = load_settings(corpus=str(home / "corpus.sqlite"), **given)
    log_file = home / "log.jsonl"
    logs.configure(log_file)
    clock, vocabulary = SystemClock(), load_vocabulary(None)
    with Corpus(resolved.corpus, collecting=True) as corpus:
        async with Judges(resolved, vocabulary, answers=corpus.answers, clock=clock) as judges:
            session = Session(
                settings=resolved,
                vocabulary=vocabulary,
                command=["test"],
                corpus=corpus,
                judges=judges,
                clock=clock,
                stop=Stop(),
                console=Console(quiet=True),
                log_file=log_file,
                host=lambda: RoutedHost(site),
            )
            return await session.run()
