"""TikTok's adapter, unchanged, on TikTok's own addresses served by a test server: search, feed, walls, likes."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright

from agent.browser import find_browser
from agent.inspect import Found, inspect_saved, read_saved
from agent.platforms import player, tiktok, web
from agent.platforms.base import OnScreen, SiteFacts, Wall
from agent.platforms.tiktok import TikTok
from storage.errors import Blocked, ShortFailed, Unavailable
from storage.records import Kind, Record
from tests.recordings import recordings
from tests.sites.corpora import stored_truth_differs
from tests.sites.tiktok import NOTHING, TikTokSite
from tests.sites.visiting import ARGUMENTS, FASTER, crawl, visiting

pytestmark = pytest.mark.asyncio(loop_scope="module")

SITE = "https://www.tiktok.com"


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server answers at once: what does not come in a second does not come."""
    monkeypatch.setattr(web, "MOVE_TIMEOUT", 1.2)
    monkeypatch.setattr(web, "ANSWER_TIMEOUT", 2.0)
    monkeypatch.setattr(tiktok, "ANSWER_TIMEOUT", 2.0)
    monkeypatch.setattr(player, "BUTTON_TIMEOUT", 3.0)
    monkeypatch.setattr(TikTok, "time_scale", FASTER)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=find_browser(playwright).path, args=ARGUMENTS)
        yield running
        await running.close()


def tiktok_site(**options: Any) -> TikTokSite:
    return TikTokSite(rate=16, **options)


async def batches(page: Page, platform: TikTok, keyword: str, most: int = 200) -> list[list[Record]]:
    found: list[list[Record]] = []
    async with aclosing(platform.results(page, keyword)) as listed:  # type: ignore[type-var]
        async for batch in listed:
            found.append(batch)
            if sum(map(len, found)) >= most:
                break
    return found


async def watched(page: Page, platform: TikTok, count: int) -> list[OnScreen]:
    shown = []
    async with aclosing(platform.feed(page)) as items:  # type: ignore[type-var]
        async for item in items:
            shown.append(item)
            if len(shown) == count:
                break
    return shown


def plain(record: Record) -> Record:
    """Without what the truth does not speak of: flags, and how it was found."""
    return replace(record, extra={})


async def test_a_search_is_followed_by_its_hashtag_and_every_field_is_the_sites(browser: Browser) -> None:
    site, platform = tiktok_site(size=30), TikTok()
    async with visiting(browser, platform, site, seconds=60) as page:
        found = [record for batch in await batches(page, platform, "paper kites") for record in batch]
    assert len(found) == len({record.platform_id for record in found}) > 40
    for record in found:
        assert plain(record) == plain(site.truth[record.platform_id or ""])
    assert {Kind.SHORT, Kind.PHOTO} == {record.kind for record in found}
    lists = [record.extra["listed"]["list"] for record in found]
    assert lists == sorted(lists)
    assert set(lists) == {0, 1}
    assert any(asked.startswith("/tag/paperkites") for asked in site.asked)
    assert {record.extra["listed"]["mentions"] for record in found} >= {True}


async def test_lists_that_wait_for_a_person_come_when_the_mouse_moves(browser: Browser) -> None:
    site, platform = tiktok_site(faults=["needs_mouse"]), TikTok()
    async with visiting(browser, platform, site) as page:
        assert len((await batches(page, platform, "kites", 1))[0]) > 5


async def test_an_error_card_is_asked_again(browser: Browser) -> None:
    for visit in (batches, watched):
        site, platform = tiktok_site(faults=["error_card"]), TikTok()
        async with visiting(browser, platform, site) as page:
            assert await (batches(page, platform, "kites", 1) if visit is batches else watched(page, platform, 1))


async def test_a_search_that_finds_nothing_yields_nothing_and_is_no_wall(browser: Browser) -> None:
    site, platform = tiktok_site(), TikTok()
    async with visiting(browser, platform, site) as page:
        assert await batches(page, platform, NOTHING) == []
        assert await platform.wall(page) is None


@pytest.mark.parametrize(("fault", "wall"), [("empty", Wall.EMPTY), ("verify", Wall.CAPTCHA)])
async def test_lists_that_are_refused_are_walls(
    browser: Browser, fault: str, wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "ANSWER_TIMEOUT", 0.7)
    monkeypatch.setattr(tiktok, "ANSWER_TIMEOUT", 0.7)
    site, platform = tiktok_site(faults=[fault]), TikTok()
    async with visiting(browser, platform, site) as page:
        with pytest.raises(Blocked) as blocked:
            await batches(page, platform, "kites")
    assert blocked.value.wall == wall


async def test_an_opened_short_has_every_field_that_the_site_serves(browser: Browser) -> None:
    site, platform = tiktok_site(), TikTok()
    wanted = [one for one in site.truth.values() if one.kind is Kind.SHORT and one.platform_id not in site.unavailable]
    async with visiting(browser, platform, site) as page:
        for truth in wanted[:4]:
            shown = await platform.open(page, Record(platform="tiktok", platform_id=truth.platform_id))
            assert plain(shown.record) == plain(truth)
            assert shown.video is not None
            assert await shown.video.evaluate("video => video.closest('[id]').id.endsWith(ID)".replace(
                "ID", repr(truth.platform_id)
            ))  # fmt: skip
            assert 300 < shown.box.width < shown.box.height < 721
            assert await platform.current_id(page) == truth.platform_id


async def test_a_photo_post_of_a_list_has_its_own_address(browser: Browser) -> None:
    photo = Record(platform="tiktok", platform_id="7449032226248871174", kind=Kind.PHOTO)
    assert TikTok().address_of(photo) == f"{SITE}/@_/photo/7449032226248871174"


async def test_unavailable_shorts_say_why(browser: Browser) -> None:
    site, platform = tiktok_site(), TikTok()
    causes = {}
    async with visiting(browser, platform, site) as page:
        for short_id in site.unavailable:
            with pytest.raises(Unavailable) as refused:
                await platform.open(page, Record(platform="tiktok", platform_id=short_id))
            causes[short_id] = refused.value.cause
        with pytest.raises((ShortFailed, Unavailable)):
            await platform.open(page, Record(platform="tiktok", platform_id="7000000000000000000"))
    assert causes == site.unavailable


@pytest.mark.parametrize(
    ("nav", "faults", "count"),
    [
        ("class", [], 16),
        ("e2e", [], 4),
        ("class", ["dead_button"], 3),
        ("class", ["dead_button", "dead_keys"], 2),
        ("class", ["dead_button", "dead_keys", "dead_wheel"], 2),
        ("class", ["dead_button", "keyboard_guide"], 6),
    ],
)
async def test_the_feed_moves_on_by_whatever_works_and_tells_the_truth(
    browser: Browser, nav: str, faults: list[str], count: int
) -> None:
    site, platform = tiktok_site(faults=faults), TikTok()
    site.nav = nav
    async with visiting(browser, platform, site, seconds=80) as page:
        shown = await watched(page, platform, count)
        assert await page.locator('[class*="DivKeyboardGuide"]').count() == 0  # Escape closed it
    expected = [site.feed_item(number) for number in range(count)]
    assert [item.record.platform_id for item in shown] == [item and item.id for item in expected]
    for item in shown:
        if item.record.platform_id is None:
            assert (item.record.kind, item.video) == (Kind.LIVE, None)
        else:
            assert plain(item.record) == plain(site.truth[item.record.platform_id])
    if count == 16:
        kinds = [item.record.kind for item in shown]
        assert [kinds.count(kind) for kind in (Kind.AD, Kind.LIVE, Kind.PHOTO)] == [2, 1, 1]


async def test_a_neighbour_that_is_loaded_already_is_not_on_screen(browser: Browser) -> None:
    site, platform = tiktok_site(), TikTok()
    async with visiting(browser, platform, site) as page:
        (shown,) = await watched(page, platform, 1)
        assert await page.locator('[id^="xgwrapper-"]').count() > 1
        await page.locator("article").first.evaluate("one => one.style.display = 'none'")
        assert await platform.current_id(page) not in (None, shown.record.platform_id)
        await page.locator("article").nth(1).evaluate("one => one.replaceChildren()")
        assert await platform.current_id(page) is None


@pytest.mark.parametrize("canvas", [False, True])
async def test_cinema_mode_is_what_is_on_screen_and_moves_on(browser: Browser, canvas: bool) -> None:
    site, platform = tiktok_site(), TikTok()
    site.cinema, site.canvas_player, site.logged_in = True, canvas, True
    async with visiting(browser, platform, site) as page:
        shown = await watched(page, platform, 3)
        first = [site.feed_item(number) for number in range(3)]
        assert [item.record.platform_id for item in shown] == [item and item.id for item in first]
        dialog = page.locator('[role="dialog"][aria-label="Cinema mode"]')
        assert await dialog.is_visible()
        assert shown[-1].video is not None
        assert await shown[-1].video.evaluate("video => Boolean(video.closest('[role=dialog]'))")
        assert await platform.like(page, shown[-1]) == "confirmed"


@pytest.mark.parametrize("fault", ["", "dead_button"])
async def test_browse_mode_is_proved_by_address_and_player(browser: Browser, fault: str) -> None:
    site, platform = tiktok_site(faults=[fault] if fault else []), TikTok()
    site.logged_in = True
    async with visiting(browser, platform, site) as page:
        await page.goto(f"{SITE}/explore")
        cards = page.locator('[data-e2e="explore-item"] a')
        await cards.first.wait_for()
        assert await platform.current_id(page) is None  # a preview that plays in a card is no short on screen
        ids = [link.rsplit("/", 1)[-1] for link in await cards.evaluate_all("all => all.map(one => one.href)")]
        await cards.first.click()
        first = await platform._shown(page, None, 2)
        assert first is not None
        assert first.id == ids[0]
        shown = await platform._on_screen(page, first)
        assert plain(shown.record) == plain(site.truth[ids[0]])
        assert await platform.like(page, shown) == "confirmed"
        second = await platform._move_on(page, first.place)
        assert second is not None
        assert second.id == ids[1]
        await page.evaluate("id => history.replaceState({}, '', `/@_/video/${id}`)", ids[0])
        assert await platform.current_id(page) is None  # the address and the player disagree


@pytest.mark.parametrize(
    ("logged_in", "faults", "outcome"),
    [(True, [], "confirmed"), (True, ["refuse_likes"], "refused"), (False, [], "refused")],
)
async def test_a_like_counts_only_when_the_page_keeps_it(
    browser: Browser, logged_in: bool, faults: list[str], outcome: str
) -> None:
    site, platform = tiktok_site(faults=faults), TikTok()
    site.logged_in = logged_in
    async with visiting(browser, platform, site) as page:
        (shown,) = await watched(page, platform, 1)
        assert await platform.like(page, shown) == outcome
        seen = await platform.wall(page)
        assert (seen is not None and seen.wall is Wall.LOGIN) is not logged_in
    assert site.liked == ({shown.record.platform_id} if outcome == "confirmed" else set())


async def test_cookies_are_declined_and_the_page_comes(browser: Browser) -> None:
    site, platform = tiktok_site(faults=["consent"]), TikTok()
    async with visiting(browser, platform, site) as page:
        clicked = (
            "document.addEventListener('click', event => { window.clicked = event.composedPath()[0].textContent })"
        )
        await page.add_init_script(clicked)
        await page.goto(f"{SITE}/foryou")
        seen = await platform.wall(page)
        assert seen is not None
        assert (seen.wall, seen.passable) == (Wall.CONSENT, True)
        assert await platform.pass_wall(page, seen)
        assert await page.evaluate("clicked") == "Decline optional cookies"
        assert len(await watched(page, platform, 2)) == 2


@pytest.mark.parametrize(("fault", "wall"), [("captcha", Wall.CAPTCHA), ("login", Wall.LOGIN)])
async def test_walls_are_told_apart_from_pages_that_hold_their_words(browser: Browser, fault: str, wall: Wall) -> None:
    site, platform = tiktok_site(faults=[f"{fault}@2"]), TikTok()
    async with visiting(browser, platform, site) as page:
        await batches(page, platform, "kites", 1)
        assert "Drag the puzzle piece into place" in await page.content()
        assert await platform.wall(page) is None
        await page.goto(f"{SITE}/search?q=kites")
        await page.get_by_role("dialog").wait_for()
        seen = await platform.wall(page)
        assert seen is not None
        assert (seen.wall, seen.passable) == (wall, False)


async def test_a_search_that_asks_for_a_login_ends_with_what_it_showed(browser: Browser) -> None:
    site, platform = tiktok_site(faults=["login_search"]), TikTok()
    async with visiting(browser, platform, site) as page:
        found = [record for batch in await batches(page, platform, "kites", 30) for record in batch]
        lists = [record.extra["listed"]["list"] for record in found]
        assert lists.count(0) == 12
        assert lists.count(1) > 10
        await page.goto(f"{SITE}/search?q=kites")
        await page.get_by_text("Log in to see more search results").wait_for()
        assert await platform.wall(page) is None
        await page.get_by_role("button", name="Log in").last.click()
        seen = await platform.wall(page)
        assert seen is not None
        assert seen.wall is Wall.LOGIN


async def test_too_many_requests_are_a_wall_with_its_own_time(browser: Browser) -> None:
    site, platform = tiktok_site(faults=["rate_limit"]), TikTok()
    async with visiting(browser, platform, site) as page:
        with pytest.raises(Blocked) as blocked:
            await watched(page, platform, 1)
    assert (blocked.value.wall, blocked.value.retry_after) == (Wall.RATE_LIMIT, 30)


@pytest.mark.parametrize("logged_in", [False, True])
async def test_the_site_says_country_language_and_login(browser: Browser, logged_in: bool) -> None:
    site, platform = tiktok_site(), TikTok()
    site.logged_in = logged_in
    async with visiting(browser, platform, site) as page:
        assert await platform.site_facts(page) == SiteFacts(country="NL", language="en", logged_in=logged_in)
    assert not any("recommend" in asked for asked in site.asked)  # asking costs no item of the feed


async def test_shorts_of_the_feed_reach_the_corpus_as_served(tmp_path: Path) -> None:
    site = tiktok_site(faults=["consent"])
    result = await crawl(tmp_path, site, platform=["tiktok"], mode="feed", limit=8)
    assert [share.problem for share in result.platforms] == [None]
    assert stored_truth_differs(tmp_path, site, least=8) == []


async def test_shorts_of_searches_reach_the_corpus_as_served(tmp_path: Path) -> None:
    site = tiktok_site(faults=["consent"])
    result = await crawl(tmp_path, site, platform=["tiktok"], value=["hedonism", "power"], limit=8)
    assert [share.problem for share in result.platforms] == [None]
    assert stored_truth_differs(tmp_path, site, least=8) == []


# Saved pages


async def saved(path: Path) -> Found:
    return await inspect_saved(read_saved(path), TikTok())


CONTEXT = {"__DEFAULT_SCOPE__": {"webapp.app-context": {"language": "en"}, "i18n": {"a": "No results found"}}}
STATE = f'<script id="__UNIVERSAL_DATA_FOR_REHYDRATION__" type="application/json">{json.dumps(CONTEXT)}</script>'
ITEM = {"id": "7571863205253778710", "desc": "Kites", "author": "kite", "video": {"duration": 9}}
TITLE = '<h1 data-e2e="challenge-title">#kites</h1>'
CARD = '<div data-e2e="challenge-item"><a href="https://www.tiktok.com/@kite/video/7571863205253778710">x</a></div>'
HIDDEN = '<div role="dialog" style="display: none" class="captcha-verify-container">Drag the slider</div>'


@pytest.mark.parametrize(
    ("body", "wall", "items"),
    [
        (TITLE, Wall.EMPTY, 0),
        (TITLE + CARD, None, 1),
        (f"<script id='SIGI_STATE'>{json.dumps({'ItemModule': {'1': ITEM}})}</script>", None, 1),
        (f"<script>window['SIGI_STATE']={json.dumps({'ItemModule': {'1': ITEM}})};a()</script>", None, 1),
        ('<div role="dialog" class="TUXModal captcha-verify-container">Select 2 objects</div>', Wall.CAPTCHA, 0),
        ('<div class="captcha-disable-scroll">Drag</div>', Wall.CAPTCHA, 0),
        ('<div id="tiktok-verify-ele" inert aria-hidden="true"></div>' + HIDDEN + CARD, None, 1),
        ("<main>Log in to see more search results</main>" + CARD, Wall.LOGIN, 1),
        ('<div id="login-modal"><div role="dialog" data-e2e="login-modal">Log in to TikTok</div></div>', Wall.LOGIN, 0),
        ("<p id='wci' class='_wafchallengeid'></p><p>Please wait...</p>", Wall.BOT_CHECK, 0),
        ("<tiktok-cookie-banner></tiktok-cookie-banner>" + CARD, None, 1),
        ('<div data-e2e="browse-video"><div id="xgwrapper-2-7571863205253778710"></div></div>', None, 1),
    ],
)
async def test_saved_pages(tmp_path: Path, body: str, wall: Wall | None, items: int) -> None:
    (tmp_path / "page.html").write_text(f"<html lang='en'><body>{STATE}{body}</body></html>")
    found = await saved(tmp_path)
    assert (found.wall, len(found.items)) == (wall, items)
    assert all(one.platform_id == ITEM["id"] for one in found.items)


def pages() -> list[Path]:
    folder = recordings()
    return sorted((folder / "tiktok").glob("*.html")) if folder else []


WALLS = {"captcha_puzzle": Wall.CAPTCHA, "pak_login": Wall.LOGIN}


@pytest.mark.skipif(not pages(), reason="no recordings on this machine")
@pytest.mark.parametrize("file", pages(), ids=lambda file: file.name)
async def test_recorded_pages_give_their_items_and_walls(file: Path) -> None:
    found = await saved(file)
    assert found.wall == next((wall for name, wall in WALLS.items() if file.name.startswith(name)), None)
    html = file.read_text("utf-8")
    watched_id = re.search(r'"itemStruct":{"id":"(\d+)"', html)
    cards = re.findall(r'data-e2e="(?:search_top|explore|user-post)-item".*?/video/(\d+)"', html, re.DOTALL)
    players = re.findall(r'data-e2e="browse-video"[^>]*><div id="xgwrapper-\d+-(\d+)', html)
    expected = [watched_id[1]] if watched_id else cards or players
    assert [one.platform_id for one in found.items] == expected
    assert {one.kind for one in found.items} == {Kind.SHORT}
