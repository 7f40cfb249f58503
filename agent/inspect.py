"""`python -m agent.inspect FILE_OR_FOLDER --platform NAME`: what a saved page, answer or evidence folder holds.

A page is loaded in the browser without network and without its scripts, so that what is visible is really visible
and nothing changes; then it is read by the same functions as in a crawl.
"""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer
from playwright.async_api import Browser, Page, Route
from rich.console import Console
from rich.table import Table

from agent import logs
from agent.browser import BrowserHost
from agent.platforms import web_platform
from agent.platforms.base import Wall
from agent.platforms.page import meta_of, sign_on, states_of
from agent.platforms.page_data import merged
from agent.platforms.reading import decoded
from agent.platforms.web import WebPlatform
from storage import cli
from storage.errors import Blocked, NothingFound, UsageError
from storage.pseudonyms import Pseudonyms
from storage.records import Record

app = cli.app("Say what a saved page, JSON answer or evidence folder holds.")

ABOUT = "about.json"
"""In an evidence folder: the page's address and what was seen; no page data."""
FIELDS = tuple(
    name for name in Record.__dataclass_fields__ if name not in ("platform", "platform_id", "kind", "url", "extra")
)


@dataclass
class Found:
    """What was read: the first wall, items in page order merged by id, and what a page without items says."""

    platform: str
    wall: Wall | None = None
    items: list[Record] = field(default_factory=list)
    unavailable: str | None = None

    def add(self, records: Sequence[Record]) -> None:
        """Items without id are kept apart from each other; one that only says *unavailable* is no item."""
        places = {item.platform_id: place for place, item in enumerate(self.items) if item.platform_id}
        for record in records:
            if record.platform_id is None and record.unavailable:
                self.unavailable = self.unavailable or record.unavailable
            elif record.platform_id in places:
                place = places[record.platform_id]
                self.items[place] = merged(record, self.items[place])
            else:
                if record.platform_id:
                    places[record.platform_id] = len(self.items)
                self.items.append(record)

    def complete(self, records: Sequence[Record]) -> None:
        """Fill gaps from a coarser source (meta elements round counts), or add what only it names."""
        places = {item.platform_id: place for place, item in enumerate(self.items) if item.platform_id}
        for record in records:
            if record.platform_id in places:
                place = places[record.platform_id]
                self.items[place] = self.items[place].completed_by(record)
            elif record.platform_id is not None:
                self.items.insert(0, record)

    def to_json(self, pseudonyms: Pseudonyms) -> dict[str, Any]:
        """Plain data; people's handles as the corpus would hold them (D17)."""
        told: dict[str, Any] = {"platform": self.platform, "wall": self.wall and self.wall.value}
        if self.unavailable:
            told["unavailable"] = self.unavailable
        return {**told, "items": [_plain(pseudonyms.record(record)) for record in self.items]}

    @property
    def exit_code(self) -> int:
        if self.wall is not None:
            return Blocked.exit_code
        return 0 if self.items else NothingFound.exit_code


def _plain(record: Record) -> dict[str, Any]:
    plain: dict[str, Any] = {"id": record.platform_id, "kind": record.kind.value, "url": record.url}
    for name in FIELDS:
        value = getattr(record, name)
        if name == "unavailable" and value is None:
            continue
        plain[name] = value.isoformat() if name == "published" and value else value
    return {**plain, "hashtags": list(record.hashtags), "extra": record.extra}


@dataclass(frozen=True, kw_only=True)
class Saved:
    """Files as read from disk: answers decoded, pages as text; `address` is where an evidence folder's page was."""

    answers: list[Any]
    pages: list[tuple[Path, str]]
    address: str | None


def read_saved(path: Path) -> Saved:
    """A file, or all pages and answers of a folder.

    Raises:
        UsageError: there is nothing there, or a file is neither a page nor JSON.
    """
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.suffix in (".html", ".json") and file.name != ABOUT)
    elif path.is_file():
        files = [path]
    else:
        raise UsageError(f"{path} is not there; give a saved page, a JSON answer or an evidence folder")
    if not files:
        raise UsageError(f"{path} holds no page (.html) and no answer (.json)")
    about = decoded((path / ABOUT).read_text()) if (path / ABOUT).is_file() else None
    saved = Saved(answers=[], pages=[], address=about.get("address") if isinstance(about, dict) else None)
    for file in files:
        text = file.read_text(encoding="utf-8", errors="replace")
        if text.lstrip("\ufeff \r\n\t").startswith("<"):
            saved.pages.append((file, text))
        elif (raw := decoded(text)) is not None:
            saved.answers.append(raw)
        else:
            raise UsageError(f"{file} is neither a page (HTML) nor a JSON answer; it may be cut off")
    return saved


async def inspect_saved(saved: Saved, platform: WebPlatform) -> Found:
    """What the platform's functions find in it.

    Raises:
        UsageError: a page of another site.
        NotSetUp: no browser for a page.
    """
    found = Found(platform.name)
    for raw in saved.answers:
        found.wall = found.wall or platform.wall_in(raw, "answer")
        found.add(platform.parse(raw, "answer"))
    if saved.pages:
        async with BrowserHost() as host:
            browser = await host.browser()
            for file, text in saved.pages:
                await _read_page(browser, file, text, platform, found, saved.address)
    return found


async def _read_page(
    browser: Browser, file: Path, text: str, platform: WebPlatform, found: Found, address: str | None
) -> None:
    context = await browser.new_context(java_script_enabled=False, viewport={"width": 1280, "height": 720})
    try:
        page = await context.new_page()
        target = address or platform.start_address

        async def answer(route: Route) -> None:
            if route.request.is_navigation_request() and route.request.frame == page.main_frame:
                await route.fulfill(body=text, content_type="text/html; charset=utf-8")
            else:
                await route.abort()

        await page.route("**/*", answer)
        await page.goto(target, wait_until="domcontentloaded")
        if not await _is_of(page, platform):
            raise UsageError(f"{file} is no page of {platform.name}: nothing in it names {platform.hosts[0]}")
        seen = await sign_on(page, platform.signs)
        found.wall = found.wall or (seen.wall if seen else None)
        before = len(found.items)
        asks_consent = False
        for kind, raw in await states_of(page, platform.states):
            told = platform.wall_in(raw, kind)
            asks_consent = asks_consent or told is Wall.CONSENT
            found.wall = found.wall or (told if told is not Wall.CONSENT else None)
            found.add(platform.parse(raw, kind))
        if len(found.items) == before and found.unavailable is None:
            found.add(platform.parse(await page.evaluate(platform.cards_script), "cards"))
        found.complete(platform.parse(await meta_of(page), "og"))
        if asks_consent and not found.items and found.wall is None:
            found.wall = Wall.CONSENT  # state that was never rendered
    finally:
        await context.close()


async def _is_of(page: Page, platform: WebPlatform) -> bool:
    """A page of the site names it, in an address or in its state."""
    domain = ".".join(platform.hosts[0].split(".")[-2:])
    html = await page.content()
    return domain in html or any(mark in html for mark in platform.marks)


@app.command()
def inspect(
    path: Annotated[Path, typer.Argument(help="A saved page (HTML), a JSON answer, or an evidence folder.")],
    platform: Annotated[str, typer.Option(help="Whose page it is: youtube, tiktok, instagram.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> int:
    """Read a saved page as a crawl would, and say which wall and which items it shows.

    Exit codes: 3 whenever there is a wall (items are listed all the same), 0 with items, 5 with neither, 2 for a
    file that is no such page.

    Examples:

      python -m agent.inspect data/corpus.sqlite.evidence/tiktok-captcha-20261124T101500Z --platform tiktok

      python -m agent.inspect answer.json --platform youtube --json
    """
    site = web_platform(platform)
    logs.configure(None)
    found = asyncio.run(inspect_saved(read_saved(path), site))
    if as_json:
        print(json.dumps(found.to_json(Pseudonyms.of_user()), ensure_ascii=False, indent=2))
    else:
        _print(Console(), found, Pseudonyms.of_user())
    return found.exit_code


def _print(console: Console, found: Found, pseudonyms: Pseudonyms) -> None:
    told = f"{found.platform}: wall {found.wall or 'none'}, {len(found.items)} items"
    console.print(told + (f", unavailable: {found.unavailable}" if found.unavailable else ""), highlight=False)
    if not found.items:
        return
    table = Table(box=None, header_style="bold")
    for name in ("id", "kind", "seconds", "published", "views", "likes", "caption"):
        is_number = name in ("seconds", "views", "likes")
        table.add_column(name, justify="right" if is_number else "left", no_wrap=name != "caption", overflow="fold")
    for record in map(pseudonyms.record, found.items):
        day = f"{record.published:%Y-%m-%d}" if record.published else None
        cells = (record.platform_id, record.kind, record.duration, day, record.views, record.likes)
        caption = " ".join((record.caption or "").split())[:60]
        table.add_row(*("-" if cell is None else str(cell) for cell in cells), caption)
    console.print(table, markup=False)


if __name__ == "__main__":
    cli.run(app)
