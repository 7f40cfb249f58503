"""`python -m agent.login --platform NAME --profile NAME`: log in by hand, once, in a window.

Nothing is filled in and nothing is clicked: the user does it, and what the site then remembers is kept as a profile.
"""

import asyncio
import sys
from contextlib import suppress
from typing import Annotated

import typer
from playwright.async_api import Error, Page
from playwright.async_api import TimeoutError as PlaywrightTimeout
from rich.console import Console

from agent import logs
from agent.browser import BrowserHost
from agent.platforms import web_platform
from agent.platforms.web import WebPlatform
from agent.profiles import Profile
from storage import cli
from storage.errors import Blocked, PageHung, UsageError

app = cli.app("Log in to a site by hand and keep the login as a named profile.")

SAVE_EVERY = 2.0
"""Seconds: the window may be closed at any moment, and a closed one cannot be asked any more."""


async def log_in(platform: WebPlatform, profile: Profile, host: BrowserHost, console: Console) -> bool | None:
    """Open the site in a window until the user closes it (or presses Enter here); keep what it remembers.

    Returns:
        Whether the site said at the end that the visitor is logged in; None where it did not say.

    Raises:
        NotSetUp: no browser, or no screen to show its window on.
        UsageError: the window was closed before the site came up.
    """
    logged_in: bool | None = None
    context = await host.context(profile)
    page = await context.new_page()
    platform.attach(page)
    saved = False
    enter = asyncio.ensure_future(asyncio.to_thread(sys.stdin.readline)) if sys.stdin.isatty() else None
    try:
        await page.goto(platform.start_address, wait_until="domcontentloaded")
        console.print("log in in the window; then close it, or press Enter here", highlight=False)
        while not page.is_closed() and not (enter and enter.done()):
            logged_in = await _logged_in(platform, page, logged_in)
            profile.save(await context.storage_state(indexed_db=True))
            saved = True
            with suppress(PlaywrightTimeout):
                await page.wait_for_event("close", timeout=SAVE_EVERY * 1000)
    except Error as error:
        if not saved:
            raise UsageError(f"the window was closed before {platform.name} came up; nothing was kept") from error
    finally:
        platform.expects_login = False
    return logged_in


async def _logged_in(platform: WebPlatform, page: Page, before: bool | None) -> bool | None:
    try:
        said = (await platform.site_facts(page)).logged_in if any(h in page.url for h in platform.hosts) else None
    except (Error, Blocked, PageHung):  # the user is in the middle of it
        return before
    return before if said is None else said


@app.command()
def login(
    platform: Annotated[str, typer.Option(help="youtube, tiktok or instagram.")],
    profile: Annotated[str, typer.Option(help="A name of your choice; one profile per experimental arm.")],
) -> int:
    """Log in by hand in a window; crawls use it with --profile NAME.

    The profile is kept in your configuration folder, readable by you alone, never in a corpus, a log or an export.
    Whoever has the file is logged in as you.

    Examples:

      python -m agent.login --platform tiktok --profile arm-1

      python -m agent.collect --platform tiktok --profile arm-1
    """
    site = web_platform(platform)
    logs.configure(None)
    kept = Profile.new_named(platform, profile)
    console = Console(stderr=True)
    logged_in = asyncio.run(_in_window(site, kept, console))
    told = {True: "logged in", False: "NOT logged in", None: "the site did not say whether you are logged in"}[
        logged_in
    ]
    console.print(f"kept as {kept.path} ({told})", highlight=False, soft_wrap=True)
    return 0


async def _in_window(platform: WebPlatform, profile: Profile, console: Console) -> bool | None:
    async with BrowserHost(headless=False) as host:
        return await log_in(platform, profile, host, console)


if __name__ == "__main__":
    cli.run(app)
