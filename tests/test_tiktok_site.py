"""The TikTok test server in a real Chromium: its three layouts, its lists, likes, walls and faults."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Browser, Page

from storage.records import Kind
from tests.sites.base import serve
from tests.sites.tiktok import PAGES, TikTokSite
from tests.sites.tiktok_proof import PROOF

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOME = "https://www.tiktok.com"
CENTRED = """
() => {
  const middle = innerHeight / 2, articles = [...document.querySelectorAll('article[data-scroll-index]')];
  const article = articles.find(one => {
    const box = one.getBoundingClientRect();
    return box.top < middle - 300 && box.bottom > middle + 300;
  });
  return article?.querySelector('[id^="xgwrapper-"]')?.id.split('-')[2] ?? null;
}
"""
PLAYING = "() => [...document.querySelectorAll('video')].filter(one => !one.paused).map(one => one.closest('[id]').id)"
LIT = """
() => {
  const canvas = document.querySelector('.cinema canvas');
  return canvas.getContext('2d').getImageData(0, 0, 270, 480).data.some((value, place) => place % 4 < 3 && value > 60);
}
"""
FILLED = "() => [...document.querySelectorAll('article')].filter(one => one.childElementCount).length"
LIKE = 'article[data-scroll-index="0"] button:has([data-e2e="like-icon"])'
NEXT = 'aside [class*="DivFeedNavigationContainer"] div:nth-child(2) > button'


@asynccontextmanager
async def visiting(browser: Browser, site: TikTokSite, path: str = "") -> AsyncIterator[Page]:
    context = await browser.new_context(viewport={"width": 1280, "height": 720})
    context.set_default_timeout(5_000)
    try:
        await serve(context, site)
        page = await context.new_page()
        async with asyncio.timeout(30):
            if path:
                await page.goto(HOME + path)
            yield page
    finally:
        await context.close()


async def state(page: Page) -> dict[str, Any]:
    source = await page.locator("#__UNIVERSAL_DATA_FOR_REHYDRATION__").text_content()
    found: dict[str, Any] = json.loads(source or "")["__DEFAULT_SCOPE__"]
    return found


async def moved(page: Page, before: str | None, tries: int = 80) -> str | None:
    """The id in the middle once it is another one; the old one if it stays for so many tenths of a second."""
    for _ in range(tries):
        if (now := await page.evaluate(CENTRED)) not in (None, before):
            return str(now)
        await asyncio.sleep(0.1)
    return before


async def on_feed(page: Page) -> str:
    await page.locator(f"{NEXT}:enabled").wait_for()
    await page.locator("article").nth(12).wait_for(state="attached")
    first = await page.evaluate(CENTRED)
    assert first
    return str(first)


async def test_search_lists_cards_from_api_answers_and_more_on_scrolling(browser: Browser) -> None:
    site = TikTokSite(size=30)
    async with visiting(browser, site, "/search?q=kites") as page:
        cards = page.locator('[data-e2e="search_top-item"]')
        await cards.nth(11).wait_for()
        links = await cards.locator("a").evaluate_all("all => all.map(one => one.href)")
        ids = [link.rsplit("/", 1)[-1] for link in links]
        assert [site.truth[one].url for one in ids if site.truth[one].kind is Kind.SHORT] == [
            link for link in links if "/video/" in link
        ]
        assert set(site.unavailable) & set(ids)
        assert sum("kites" in (site.truth[one].caption or "") for one in ids) > 5
        for _ in range(3):
            await page.locator("main").evaluate("main => main.scrollTo(0, main.scrollHeight)")
            await asyncio.sleep(0.3)
        assert await cards.count() in (29, 30)
        assert await page.get_by_text("No more results").is_visible()


@pytest.mark.parametrize(
    ("path", "card"),
    [("/search/video?q=kites", "search_video-item"), ("/tag/kites", "challenge-item"), ("/explore", "explore-item")],
)
async def test_each_list_opens_browse_mode_and_its_arrow_moves_on(browser: Browser, path: str, card: str) -> None:
    site = TikTokSite()
    async with visiting(browser, site, path) as page:
        link = page.locator(f'[data-e2e="{card}"] a[href*="/video/"]').first
        address = await link.get_attribute("href")
        await link.click()
        video = page.locator('[role=dialog][class*="DivBrowserModeContainer"] [data-e2e="browse-video"] video')
        await video.wait_for()
        assert page.url == address
        await page.wait_for_function("() => document.querySelector('[data-e2e=browse-video] video')?.currentTime > 0.2")
        await page.locator('[data-e2e="arrow-right"]').click()
        assert page.url != address
        second = site.truth[page.url.rsplit("/", 1)[-1]]
        assert await page.locator('[data-e2e="browse-video-desc"]').inner_text() == (second.caption or "")
        await page.locator('[data-e2e="browse-close"]').click()
        await page.wait_for_url(HOME + path)
        assert await video.count() == 0


async def test_the_feed_has_empty_shells_and_plays_only_what_is_in_the_middle(browser: Browser) -> None:
    site = TikTokSite()
    async with visiting(browser, site, "/foryou") as page:
        first = await on_feed(page)
        assert 13 <= await page.locator("article").count() <= 16
        assert await page.evaluate(FILLED) == 2
        assert (await state(page))["webapp.updated-items"][0]["id"] == first
        await page.wait_for_function(f"async () => ({PLAYING})().length == 1")
        assert await page.evaluate(PLAYING) == [f"xgwrapper-0-{first}"]
        await page.keyboard.press("ArrowDown")
        second = await moved(page, first)
        await page.wait_for_function(f"() => ({PLAYING})().includes('xgwrapper-0-{second}')")
        assert await page.evaluate(PLAYING) == [f"xgwrapper-0-{second}"]
        assert await page.evaluate(FILLED) == 3


async def test_every_way_to_move_on_changes_the_id_in_the_middle(browser: Browser) -> None:
    async with visiting(browser, TikTokSite(), "/foryou") as page:
        seen = [await on_feed(page)]
        await page.locator(NEXT).click()
        seen.append(await moved(page, seen[-1]) or "")
        await page.keyboard.press("ArrowDown")
        seen.append(await moved(page, seen[-1]) or "")
        await page.mouse.move(640, 360)
        await page.mouse.wheel(0, 720)
        seen.append(await moved(page, seen[-1]) or "")
        await asyncio.sleep(0.4)  # the browser itself snaps a while after the wheel
        await page.locator('article[data-scroll-index="4"]').evaluate("one => one.scrollIntoView()")
        seen.append(await moved(page, seen[-1]) or "")
        assert len(set(seen)) == 5
        await asyncio.sleep(0.4)
        await page.keyboard.press("ArrowUp")
        assert await moved(page, seen[4]) == seen[3]


async def test_dead_controls_do_nothing(browser: Browser) -> None:
    site = TikTokSite(faults=["dead_button", "dead_keys", "dead_wheel"])
    async with visiting(browser, site, "/foryou") as page:
        first = await on_feed(page)
        await page.locator(NEXT).click()
        await page.keyboard.press("ArrowDown")
        await page.mouse.move(640, 360)
        await page.mouse.wheel(0, 720)
        assert await moved(page, first, tries=20) == first


async def test_the_feed_goes_on_past_adverts_live_rooms_and_photos(browser: Browser) -> None:
    site = TikTokSite()
    site.nav = "e2e"
    kinds = set()
    async with visiting(browser, site, "/foryou") as page:
        await on_feed(page)
        for place in range(1, 16):
            article = page.locator(f'article[data-scroll-index="{place}"]')
            await article.evaluate("one => one.scrollIntoView()")
            await article.locator("section").first.wait_for()
            if await article.get_by_text("LIVE", exact=True).count():
                kinds.add("live")
            elif await article.get_by_text("Sponsored").count():
                kinds.add("ad")
            elif await article.locator("video").count() == 0:
                kinds.add("photo")
        assert kinds == {"live", "ad", "photo"}
        assert await page.locator("article").count() > 20
        assert await page.evaluate(FILLED) == 3
        assert await page.locator('[data-e2e="feed-navigation-next"]').is_enabled()


async def test_a_video_page_shows_its_video_under_any_user_name(browser: Browser) -> None:
    site = TikTokSite()
    wanted = next(one for one in site.truth.values() if one.caption and one.kind is Kind.SHORT and one.hashtags)
    async with visiting(browser, site, f"/@_/video/{wanted.platform_id}") as page:
        assert await on_feed(page) == wanted.platform_id
        item = (await state(page))["webapp.video-detail"]["itemInfo"]["itemStruct"]
        assert (item["desc"], item["author"]["uniqueId"]) == (wanted.caption, wanted.author)
        assert tuple(one["hashtagName"] for one in item["textExtra"] if one["type"] == 1) == wanted.hashtags
        assert len(item["id"]) == 19
        assert str(int(item["id"]) >> 32) == item["createTime"]
        assert await page.locator("article [data-e2e=video-desc]").first.inner_text() == wanted.caption


async def test_unavailable_videos_say_why_in_the_state_alone(browser: Browser) -> None:
    site = TikTokSite()
    async with visiting(browser, site) as page:
        codes = []
        for item_id in site.unavailable:
            await page.goto(f"{HOME}/@_/video/{item_id}")
            codes.append((await state(page))["webapp.video-detail"]["statusCode"])
            assert await page.locator("article").count() == 0
        assert codes == [10204, 10216, 10222]
        assert list(site.unavailable.values()) == ["removed", "private", "private"]


async def test_a_like_needs_a_login_and_may_be_taken_back(browser: Browser) -> None:
    site = TikTokSite()
    async with visiting(browser, site, "/foryou") as page:
        first = await on_feed(page)
        await page.locator(LIKE).click()
        assert await page.locator("[role=dialog][aria-modal=true][data-e2e=login-modal]").is_visible()
        assert await page.title() == "Log in | TikTok"
        await page.locator('[data-e2e="modal-close-inner-button"]').click()
        assert await page.locator(LIKE).get_attribute("aria-pressed") == "false"
        site.logged_in = True
        await page.goto(f"{HOME}/@_/video/{first}")
        await page.locator(LIKE).click()
        assert await page.locator(f"{LIKE}[aria-pressed=true]").is_visible()
        await asyncio.sleep(0.8)
        assert await page.locator(LIKE).get_attribute("aria-pressed") == "true"
        assert site.liked == {first}
        site.faults.add("refuse_likes")
        await page.goto(f"{HOME}/@_/video/{list(site.truth)[1]}")
        await page.locator(LIKE).click()
        assert await page.locator(LIKE).get_attribute("aria-pressed") == "true"
        await page.locator(f"{LIKE}[aria-pressed=false]").wait_for()
        assert site.liked == {first}


async def test_walls_are_seen_from_their_page_on_and_their_words_always(browser: Browser) -> None:
    site = TikTokSite(faults=["captcha@2", "login@3", "rate_limit@4"])
    async with visiting(browser, site) as page:
        await page.goto(f"{HOME}/search?q=kites")
        await page.locator('[data-e2e="search_top-item"]').first.wait_for()
        assert "Drag the puzzle piece into place" in await page.content()
        assert await page.locator("[role=dialog]").count() == 0
        assert not await page.get_by_text("Drag the puzzle piece into place").is_visible()
        await page.goto(f"{HOME}/search?q=kites")
        await page.locator(".captcha-verify-container #captcha-verify-image").wait_for()
        await page.goto(f"{HOME}/foryou")
        await page.locator("#loginModalContentContainer").wait_for()
        answer = await page.goto(f"{HOME}/foryou")
        assert answer is not None
        assert (answer.status, answer.headers["retry-after"]) == (429, "30")
        answer = await page.goto(f"{HOME}/foryou")
        assert answer is not None
        assert answer.status == 200


async def test_consent_is_asked_in_a_shadow_root_until_declined(browser: Browser) -> None:
    async with visiting(browser, TikTokSite(faults=["consent"]), "/foryou") as page:
        decline = page.get_by_role("button", name="Decline optional cookies")
        await decline.click()
        assert not await decline.is_visible()
        await page.reload()
        await on_feed(page)
        assert await page.locator("tiktok-cookie-banner").count() == 1
        assert not await decline.is_visible()


async def test_lists_that_stay_empty(browser: Browser) -> None:
    site = TikTokSite(faults=["needs_mouse"])
    card = "[data-e2e=challenge-item], [data-e2e=search_top-item]"
    async with visiting(browser, site, "/tag/kites") as page:
        await asyncio.sleep(0.4)
        assert await page.locator(card).count() == 0
        await page.mouse.move(300, 300)
        await page.locator(card).first.wait_for()
        for fault in ("empty", "verify"):
            site.faults = {fault}
            await page.goto(f"{HOME}/tag/kites", wait_until="networkidle")
            assert await page.locator('[data-e2e="challenge-title"]').is_visible()
            assert await page.locator(card).count() == 0
            assert not await page.get_by_text("No results found").is_visible()
        site.faults = set()
        await page.goto(f"{HOME}/search?q=nothingatall")
        await page.get_by_text("No results found").wait_for()
        assert await page.locator(card).count() == 0
        site.faults = {"login_search"}
        await page.goto(f"{HOME}/search?q=kites")
        await page.get_by_text("Log in to see more search results").wait_for()
        assert await page.locator(card).count() > 5


async def test_an_error_card_and_a_guide_go_away(browser: Browser) -> None:
    site = TikTokSite(faults=["error_card", "keyboard_guide"])
    async with visiting(browser, site, "/foryou") as page:
        await page.get_by_text("Something went wrong").wait_for()
        await page.get_by_role("button", name="Refresh").click()
        now: str | None = await on_feed(page)
        for _ in range(3):
            await page.keyboard.press("ArrowDown")
            now = await moved(page, now)
        await page.locator('[role=dialog][class*="DivKeyboardGuide"]').wait_for()
        await page.keyboard.press("ArrowDown")
        assert await moved(page, now, tries=20) == now
        await page.keyboard.press("Escape")
        await page.keyboard.press("ArrowDown")
        assert await moved(page, now) != now


async def test_cinema_mode_covers_the_feed_and_a_canvas_may_hold_the_picture(browser: Browser) -> None:
    site = TikTokSite()
    site.cinema = site.canvas_player = True
    async with visiting(browser, site, "/foryou") as page:
        first = await on_feed(page)
        inside = page.locator('[role=dialog][aria-label="Cinema mode"]')
        await inside.locator(f'[id$="-{first}"] canvas').wait_for()
        assert not await inside.locator("video").is_visible()
        await page.wait_for_function(LIT)
        await inside.get_by_role("button", name="Next video").click()
        second = await moved(page, first)
        assert second != first
        await inside.locator(f'[id$="-{second}"]').wait_for()


async def test_everything_emitted_is_in_the_proof_table() -> None:
    listed = " ".join(PROOF)
    source = "".join(file.read_text("utf-8") for file in PAGES.glob("tiktok_*") if file.suffix in (".js", ".html"))
    emitted = set(re.findall(r'data-e2e="([\w-]+)"', source)) | set(re.findall(r"actionButton\('(\w+)'", source))
    assert len(emitted) > 30
    assert {name for name in emitted if name not in listed} == set()
