"""The browser: which one, how it is started, and tabs that survive crashes and do not grow for ever.

One browser process, one context per platform (D11). Playwright's own signal handling is off, so that Ctrl-C does
not kill the browser before the loop has finished its short.
"""

import asyncio
import os
import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil
import structlog
from playwright.async_api import Browser, BrowserContext, Error, Page, Playwright, async_playwright

from agent.profiles import Profile
from storage.errors import NotSetUp

log = structlog.get_logger()

BROWSER_VARIABLE = "VALUE_SPECTRUM_BROWSER"
NAMES = ("google-chrome", "google-chrome-stable", "chromium", "chromium-browser", "chrome")
APPLICATIONS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
ARGUMENTS = (
    "--mute-audio",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-dev-shm-usage",
)
NO_SANDBOX = "No usable sandbox"
"""What Chromium says where neither user namespaces nor its helper give it one."""
CLOSE_TIMEOUT = 5.0
"""Real seconds to wait for a page, context or browser to close before it is given up."""


@dataclass(frozen=True, kw_only=True)
class FoundBrowser:
    """A browser on this machine. `origin` is environment, installed or playwright."""

    path: Path
    origin: str


def find_browser(playwright: Playwright) -> FoundBrowser:
    """The browser to use: the one named by VALUE_SPECTRUM_BROWSER, an installed Chrome or Chromium, else
    Playwright's own. Installed ones come first because Playwright's build cannot decode H.264, which the real
    sites need (D11).

    Raises:
        NotSetUp: there is none.
    """
    named = os.environ.get(BROWSER_VARIABLE)
    if named:
        if not os.access(named, os.X_OK):
            raise NotSetUp(f"{BROWSER_VARIABLE} names {named}, which is no program; correct or unset it")
        return FoundBrowser(path=Path(named), origin="environment")
    for name in (*NAMES, *APPLICATIONS):
        if found := shutil.which(name):
            return FoundBrowser(path=Path(found), origin="installed")
    own = Path(playwright.chromium.executable_path)
    if own.exists():
        return FoundBrowser(path=own, origin="playwright")
    raise NotSetUp("no browser found; run `python -m agent.doctor --fix`, or install Chrome or Chromium")


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """How the visitor looks to a site; part of a run's environment (D5)."""

    width: int = 1280
    height: int = 720
    locale: str = "en-US"
    time_zone: str = "UTC"


class BrowserHost:
    """One browser process for all platforms; started again when it dies."""

    def __init__(self, *, headless: bool = True, visitor: Visitor | None = None) -> None:
        self.headless = headless
        self.visitor = visitor or Visitor()
        self.found: FoundBrowser | None = None
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None
        self._launching = asyncio.Lock()

    async def __aenter__(self) -> Self:
        self._playwright = await async_playwright().start()
        self.found = find_browser(self._playwright)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._browser is not None:
            await _quietly(self._browser.close())
        if self._playwright is not None:
            await _quietly(self._playwright.stop())

    @property
    def version(self) -> str:
        """The running browser's version, e.g. `156.0.8078.73`."""
        return self._browser.version if self._browser else ""

    async def browser(self) -> Browser:
        """The running browser; launched now if there is none or if it crashed.

        Raises:
            NotSetUp: it does not start.
        """
        async with self._launching:
            if self._browser is None or not self._browser.is_connected():
                assert self._playwright is not None
                assert self.found is not None
                try:
                    self._browser = await self._launch(sandbox=not _is_root())
                except Error as error:
                    if NO_SANDBOX not in str(error):
                        raise self._does_not_start(error) from error
                    log.warning("browser_without_sandbox", path=str(self.found.path))
                    try:
                        self._browser = await self._launch(sandbox=False)
                    except Error as again:
                        raise self._does_not_start(again) from again
                log.info("browser_started", path=str(self.found.path), version=self._browser.version)
            return self._browser

    async def _launch(self, *, sandbox: bool) -> Browser:
        """Start it, in Chromium's own sandbox unless that cannot be had: as root, or without user namespaces."""
        assert self._playwright is not None
        assert self.found is not None
        return await self._playwright.chromium.launch(
            executable_path=self.found.path,
            headless=self.headless,
            args=ARGUMENTS,
            chromium_sandbox=sandbox,
            handle_sigint=False,
            handle_sigterm=False,
            handle_sighup=False,
        )

    def _does_not_start(self, error: Error) -> NotSetUp:
        assert self.found is not None
        first = str(error).splitlines()[0]
        return NotSetUp(f"the browser {self.found.path} does not start ({first}); see `python -m agent.doctor`")

    async def context(self, profile: Profile) -> BrowserContext:
        """A fresh context with the profile's stored state (none for an anonymous one)."""
        browser = await self.browser()
        return await browser.new_context(
            viewport={"width": self.visitor.width, "height": self.visitor.height},
            locale=self.visitor.locale,
            timezone_id=self.visitor.time_zone,
            storage_state=profile.load(),
        )

    def memory(self) -> int:
        """Resident bytes of this process's browser and all its children; 0 if none runs."""
        total = 0
        with suppress(psutil.Error):
            for child in psutil.Process().children(recursive=True):
                with suppress(psutil.Error):
                    total += child.memory_info().rss
        return total


class Tab:
    """The one page of one platform. Recycled by number of views or memory; opened anew after a crash."""

    def __init__(
        self,
        host: BrowserHost,
        make_profile: Callable[[], Profile],
        on_new_page: Callable[[Page], None],
        *,
        recycle_after: int = 250,
        recycle_memory: int = 3 << 30,
    ) -> None:
        self.profile = Profile(id="")
        """Whose state the present context holds."""
        self._profiles = make_profile
        self._host = host
        self._on_new_page = on_new_page
        self._recycle_after = recycle_after
        self._recycle_memory = recycle_memory
        self._context: BrowserContext | None = None
        self._page: Page | None = None
        self._crashed = False
        self._views = 0

    async def page(self) -> Page:
        """The page to work with: the same one as before, unless it crashed or was closed."""
        if self._page is None or self._crashed or self._page.is_closed() or not await self._alive():
            await self.close()
            self.profile = self._profiles()
            self._context = await self._host.context(self.profile)
            self._page = await self._context.new_page()
            self._crashed = False
            self._views = 0
            self._page.on("crash", self._note_crash)
            self._on_new_page(self._page)
        return self._page

    @property
    def current(self) -> Page | None:
        """The page that is open now, if any; `page()` opens one."""
        return self._page

    async def _alive(self) -> bool:
        browser = self._context.browser if self._context else None
        return browser is not None and browser.is_connected()

    def _note_crash(self, _: Any) -> None:
        log.warning("page_crashed")
        self._crashed = True

    @property
    def needs_recycling(self) -> bool:
        """True once the page has had its number of views or the browser has grown too large."""
        return self._views >= self._recycle_after or (
            self._views % 25 == 24 and self._host.memory() > self._recycle_memory
        )

    def count_view(self) -> None:
        self._views += 1

    async def save_profile(self) -> None:
        """Write cookies and local storage to the profile's file, if it has one."""
        if self._context is not None and self.profile.path is not None:
            with suppress(Error):
                self.profile.save(await self._context.storage_state(indexed_db=True))

    async def close(self) -> None:
        """Page first, then context: the other order leaks memory (scrapy-playwright#126)."""
        page, context, self._page, self._context = self._page, self._context, None, None
        if page is not None:
            await _quietly(page.goto("about:blank"))  # a page that is left can still report its watch time
            await _quietly(page.close())
        if context is not None:
            await _quietly(context.close())


def _is_root() -> bool:
    """As root Chromium refuses to start in its sandbox."""
    return sys.platform == "linux" and os.geteuid() == 0


async def _quietly(closing: Any) -> None:
    """Close something that may already be gone or hang."""
    with suppress(Error, TimeoutError):
        async with asyncio.timeout(CLOSE_TIMEOUT):
            await closing
