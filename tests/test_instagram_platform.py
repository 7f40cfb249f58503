"""Instagram's platform in a real Chromium, on the test server: search, opening, the reels tab, walls, likes."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page

from agent.platforms import web
from agent.platforms.base import SiteFacts, Wall
from agent.platforms.instagram import Instagram
from storage.errors import Blocked, ShortFailed, Unavailable
from storage.records import Kind, Record
from tests.recordings import recordings
from tests.sites.base import serve
from tests.sites.instagram import InstagramSite
from tests.sites.visiting import batches, plain, watched

pytestmark = pytest.mark.asyncio(loop_scope="module")

ARGUMENTS = ["--no-sandbox", "--mute-audio", "--autoplay-policy=no-user-gesture-required"]
PLAYS = (
    "async video => { while (video.currentTime < 0.5) await new Promise(requestAnimationFrame); return !video.paused; }"
)
FOLDER = recordings()


@asynccontextmanager
async def visiting(browser: Browser, site: InstagramSite) -> AsyncIterator[tuple[Instagram, Page]]:
    """A platform and a fresh page that sees the site."""
    context = await browser.new_context(viewport={"width": 1280, "height": 720})
    platform = Instagram()
    try:
        await serve(context, site)
        page = await context.new_page()
        platform.attach(page)
        async with asyncio.timeout(40):
            yield platform, page
    finally:
        await context.close()


def reel(site: InstagramSite, number: int = 0) -> Record:
    """What a list would know of the n-th reel."""
    return Record(platform="instagram", platform_id=site.feed_item(number).code)


async def test_a_search_yields_its_items_in_rank_order_and_nothing_else_that_the_page_loads(browser: Browser) -> None:
    site = InstagramSite(size=30)
    async with visiting(browser, site) as (platform, page):
        pages = await batches(platform, page, "hot tub")
        found = [record for records in pages for record in records]
        words, tag = site.results("hot tub", 0, 30), site.results("hottub", 0, 30)
        ranked = [*words, *(item for item in tag if item not in words)]
        assert [record.platform_id for record in found] == [item.code for item in ranked]
        assert [record.kind for record in found] == [item.kind for item in ranked]
        assert {record.kind for record in found} == {Kind.SHORT, Kind.PHOTO}
        for record, item in zip(found, ranked, strict=True):
            truth = item.record()
            assert (record.caption, record.likes, record.url) == (truth.caption, truth.likes, truth.url)
            assert (record.views, record.duration, record.shares) == (None, None, None)
            assert record.extra["listed"]["list"] == int(item not in words)
            assert not any(secret in str(record.extra) for secret in ("never.kept", item.author, "http"))


async def test_opened_shorts_hold_what_the_site_serves_and_play(browser: Browser) -> None:
    site = InstagramSite()
    async with visiting(browser, site) as (platform, page):
        for item in [item for item in site.results("chess", 0, 12) if item.kind is Kind.SHORT and not item.unavailable][
            :4
        ]:
            shown = await platform.open(page, Record(platform="instagram", platform_id=item.code))
            assert plain(shown.record) == site.truth[item.code]
            assert shown.video is not None
            assert await shown.video.evaluate(PLAYS)
            assert shown.box.height > 600
            assert await platform.current_id(page) == item.code


async def test_without_a_login_a_reel_is_told_by_its_meta_elements(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "ANSWER_TIMEOUT", 0.5)
    site = InstagramSite(logged_in=False)
    item = site.feed_item(0)
    async with visiting(browser, site) as (platform, page):
        shown = await platform.open(page, reel(site))
        assert (shown.record.caption, shown.record.hashtags, shown.record.author) == (
            item.caption,
            item.tags,
            item.author,
        )
        assert (shown.record.kind, shown.record.views, shown.record.duration) == (Kind.SHORT, None, None)
        assert shown.record.likes is not None
        assert item.likes * 0.9 <= shown.record.likes <= item.likes
        assert shown.record.published == datetime.fromtimestamp(item.created // 86_400 * 86_400, UTC)
        assert await platform.site_facts(page) == SiteFacts(country="AT", language="en_US", logged_in=False)


@pytest.mark.parametrize("cause", ["private", "removed"])
async def test_an_unavailable_short_says_why(browser: Browser, cause: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "SHOWN_TIMEOUT", 0.5)
    site = InstagramSite()
    code = next(code for code, said in site.unavailable.items() if said == cause)
    async with visiting(browser, site) as (platform, page):
        with pytest.raises(Unavailable) as caught:
            await platform.open(page, Record(platform="instagram", platform_id=code))
        assert caught.value.cause == cause


async def test_a_record_without_an_id_cannot_be_opened(browser: Browser) -> None:
    async with visiting(browser, InstagramSite()) as (platform, page):
        with pytest.raises(ShortFailed):
            await platform.open(page, Record(platform="instagram", platform_id=None, kind=Kind.LIVE))


@pytest.mark.parametrize("fault", [None, "dead_button", "popup"])
async def test_the_feed_goes_on_from_reel_to_reel(
    browser: Browser, fault: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "MOVE_TIMEOUT", 1.0)
    site = InstagramSite(faults=[fault] if fault else [])
    count = 9 if fault is None else 3
    async with visiting(browser, site) as (platform, page):
        shown = await watched(platform, page, count)
        assert [one.record.platform_id for one in shown] == [site.feed_item(number).code for number in range(count)]
        assert [plain(one.record) for one in shown] == [site.truth[one.record.platform_id or ""] for one in shown]
        if fault is None:
            assert [place for place, one in enumerate(shown) if one.record.kind is Kind.AD] == [3, 6]
            assert shown[-1].video is not None
            assert await shown[-1].video.evaluate(PLAYS)
            assert await platform.site_facts(page) == SiteFacts(country="AT", language="en_US", logged_in=True)


async def test_the_address_alone_is_no_proof_while_the_reel_is_on_its_way(browser: Browser) -> None:
    site = InstagramSite()
    async with visiting(browser, site) as (platform, page):
        await watched(platform, page, 2)
        await page.evaluate("code => history.replaceState(null, '', `/reels/${code}/`)", site.feed_item(2).code)
        assert await platform.current_id(page) is None
        await page.evaluate("code => history.replaceState(null, '', `/reels/${code}/`)", site.feed_item(1).code)
        assert await platform.current_id(page) == site.feed_item(1).code


@pytest.mark.parametrize(
    ("given", "wall", "after"),
    [
        ({"logged_in": False}, Wall.LOGIN, None),
        ({"faults": ["login"]}, Wall.LOGIN, None),
        ({"faults": ["challenge"]}, Wall.BOT_CHECK, None),
        ({"faults": ["rate_limit"]}, Wall.RATE_LIMIT, 30.0),
    ],
)
async def test_a_wall_stops_search_and_feed(
    browser: Browser, given: dict[str, Any], wall: Wall, after: float | None
) -> None:
    for mode in ("search", "feed"):
        async with visiting(browser, InstagramSite(**given)) as (platform, page):
            with pytest.raises(Blocked) as caught:
                await (batches(platform, page, "chess") if mode == "search" else watched(platform, page, 1))
            assert (caught.value.wall, caught.value.retry_after) == (wall, after)


async def test_a_wall_in_mid_crawl_stops_and_a_rate_limit_passes(browser: Browser) -> None:
    site = InstagramSite(faults=["rate_limit@2", "login@4"])
    async with visiting(browser, site) as (platform, page):
        await platform.open(page, reel(site, 0))
        with pytest.raises(Blocked) as caught:
            await platform.open(page, reel(site, 1))
        assert caught.value.wall is Wall.RATE_LIMIT
        await platform.open(page, reel(site, 1))
        with pytest.raises(Blocked) as caught:
            await platform.open(page, reel(site, 2))
        assert caught.value.wall is Wall.LOGIN


async def test_cookies_are_declined_as_a_person_may(browser: Browser) -> None:
    site = InstagramSite(faults=["consent"])
    async with visiting(browser, site) as (platform, page):
        shown = await platform.open(page, reel(site))
        assert plain(shown.record) == site.truth[site.feed_item(0).code]
        assert site.cookies == "declined"


async def test_a_search_without_items_is_an_empty_page(browser: Browser) -> None:
    async with visiting(browser, InstagramSite(faults=["empty"])) as (platform, page):
        assert await batches(platform, page, "chess") == [[]]


@pytest.mark.parametrize(("faults", "answer"), [([], "confirmed"), (["refuse_likes"], "refused")])
async def test_a_like_counts_only_when_the_site_kept_it(browser: Browser, faults: Sequence[str], answer: str) -> None:
    site = InstagramSite(faults=faults)
    async with visiting(browser, site) as (platform, page):
        shown = (await watched(platform, page, 2))[-1]
        assert await platform.like(page, shown) == answer
        assert site.liked == ({shown.record.platform_id} if answer == "confirmed" else set())
        if answer == "confirmed":
            assert await platform.like(page, shown) == "confirmed"  # and does not take it back
            assert site.liked == {shown.record.platform_id}


async def test_a_short_is_complete_with_what_a_search_leaves_out(browser: Browser) -> None:
    site = InstagramSite()
    item = site.results("chess", 0, 1)[0]
    async with visiting(browser, site) as (platform, page):
        async with aclosing(platform.results(page, "chess")) as pages:  # type: ignore[type-var]
            (listed, *_) = await anext(pages)
        assert not platform.is_complete(listed)
        shown = await platform.open(page, listed)
        assert platform.is_complete(shown.record)
        assert replace(plain(shown.record), extra={}) == site.truth[item.code]


@pytest.mark.skipif(FOLDER is None, reason="no recordings on this machine")
@pytest.mark.parametrize("path", sorted((FOLDER or Path()).glob("instagram/*.html")), ids=lambda path: path.stem)
async def test_the_recorded_wall_is_recognised_and_the_normal_page_is_not(browser: Browser, path: Path) -> None:
    context = await browser.new_context(java_script_enabled=False)
    platform = Instagram()
    try:
        await context.route("**/*", lambda route: route.abort())
        await context.route(
            "https://saved.example/", lambda route: route.fulfill(body=path.read_bytes(), content_type="text/html")
        )
        page = await context.new_page()
        await page.goto("https://saved.example/", wait_until="domcontentloaded")
        seen = await platform.wall(page)
        assert (seen and seen.wall) == (Wall.LOGIN if "login_wall" in path.name else None)
    finally:
        await context.close()
