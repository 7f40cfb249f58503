"""The YouTube test server in a real Chromium: its pages behave as the facts say that YouTube's do."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, Page, TimeoutError

from storage.records import Kind
from tests.recordings import recordings
from tests.sites.base import serve
from tests.sites.youtube import YouTubeSite
from tests.sites.youtube_data import cut
from tests.storage_tools import PROJECT

pytestmark = pytest.mark.asyncio(loop_scope="module")

ORIGIN = "https://www.youtube.com"
ACTIVE = "ytd-reel-video-renderer:has(#shorts-player)"
LIKE = f"{ACTIVE} like-button-view-model button[aria-pressed]"
DOWN = "#navigation-button-down button"


@asynccontextmanager
async def visiting(browser: Browser, faults: Sequence[str] = ()) -> AsyncIterator[tuple[YouTubeSite, Page]]:
    """A server and a fresh page of a fresh visitor."""
    site = YouTubeSite(faults=faults)
    context = await browser.new_context(viewport={"width": 1280, "height": 720})
    context.set_default_timeout(5000)
    await serve(context, site)
    try:
        async with asyncio.timeout(20):
            yield site, await context.new_page()
    finally:
        await context.close()


def playable(site: YouTubeSite) -> str:
    """A short whose action bar comes without a movement of the mouse."""
    return next(
        short_id
        for short_id, record in site.truth.items()
        if record.kind is Kind.SHORT and not record.unavailable and sum(map(ord, short_id)) % 10 != 7
    )


async def open_short(page: Page, short_id: str) -> None:
    await page.goto(f"{ORIGIN}/shorts/{short_id}")
    await page.wait_for_function("document.querySelector('#shorts-player video')?.currentTime > 0.1")


async def active_id(page: Page) -> str:
    link = await page.get_attribute("#shorts-player a.ytp-title-link", "href")
    return (link or "").rpartition("/")[2]


def id_in(address: str) -> str:
    return address.rpartition("/shorts/")[2]


async def moves(page: Page, within: float = 1500) -> bool:
    """Whether a new id comes up in the address and then in the active reel."""
    before = await active_id(page)
    script = """old => document.querySelector('#shorts-player a.ytp-title-link').href.endsWith(location.pathname)
        && !location.pathname.endsWith(old)"""
    try:
        await page.wait_for_function(script, arg=before, timeout=within)
    except TimeoutError:
        return False
    await asyncio.sleep(0.25)
    return True


async def listed(page: Page) -> list[str]:
    links = await page.eval_on_selector_all('a[href^="/shorts/"]', "links => links.map(link => link.pathname)")
    return list(dict.fromkeys(id_in(link) for link in links))


async def test_filtered_results_are_cards_until_no_more_come(browser: Browser) -> None:
    async with visiting(browser) as (site, page):
        await page.goto(f"{ORIGIN}/results?search_query=chess&sp=EgIQCQ%253D%253D")
        cards = page.locator("grid-shelf-view-model ytm-shorts-lockup-view-model")
        assert await cards.count() == 20
        assert await cards.first.locator('a[href^="/shorts/"]').count() == 2
        while await page.locator("ytd-message-renderer").count() == 0:
            await page.mouse.wheel(0, 3000)
            await asyncio.sleep(0.05)
        found = await listed(page)
        assert sorted(found) == sorted(site.shorts)
        fitting = [site.shorts[short_id].topic == "chess" for short_id in found]
        assert sum(fitting[:20]) > sum(fitting[-20:])
        assert await page.locator("ytd-continuation-item-renderer").count() == 0
        assert await cards.first.locator("h3 a[title]").get_attribute("title") == site.shorts[found[0]].title


async def test_plain_search_mixes_long_videos_and_marked_shorts(browser: Browser) -> None:
    async with visiting(browser, ["thin_filter"]) as (site, page):
        await page.goto(f"{ORIGIN}/results?search_query=baking&sp=EgIQCQ%3D%3D")
        assert len(await listed(page)) == 2
        await page.goto(f"{ORIGIN}/results?search_query=baking")
        assert len(await listed(page)) == 15
        assert await page.locator('ytd-video-renderer:has([overlay-style="SHORTS"]) a#video-title').count() == 5
        assert await page.locator('ytd-video-renderer:has([overlay-style="DEFAULT"])').count() == 12
        assert await page.locator("ytd-ad-slot-renderer").count() == 1
        assert not site.others & set(await listed(page))


async def test_upload_date_filter_keeps_recent_shorts_only(browser: Browser) -> None:
    async with visiting(browser) as (site, page):
        await page.goto(f"{ORIGIN}/results?search_query=storm&sp=EgQIAxAJ")
        found = await listed(page)
        assert 0 < len(found) < 40
        assert all((site.now - site.shorts[short_id].published).days < 7 for short_id in found)


async def test_a_card_says_the_true_count_cut_off(browser: Browser) -> None:
    async with visiting(browser) as (site, page):
        await page.goto(f"{ORIGIN}/results?search_query=choir&sp=EgIQCQ%253D%253D")
        cards = await page.evaluate("""() => [...document.querySelectorAll('ytm-shorts-lockup-view-model')].map(card =>
            [card.querySelector('a').getAttribute('href'), card.querySelector('[class*=Subhead]').textContent])""")
        for address, words in cards:
            number, unit = re.fullmatch(r"([\d.]+|No)([KMB]?) views", words).groups()  # type: ignore[union-attr]
            said = 0 if number == "No" else round(float(number) * {"": 1, "K": 10**3, "M": 10**6, "B": 10**9}[unit])
            assert said == cut(site.truth[id_in(address)].views or 0)


async def test_nothing_found_is_said_and_an_empty_page_says_nothing(browser: Browser) -> None:
    async with visiting(browser, ["empty"]) as (_, page):
        await page.goto(f"{ORIGIN}/results?search_query=nothingatall")
        assert await page.get_by_text("No results found").is_visible()
        await page.goto(f"{ORIGIN}/results?search_query=chess")
        assert await listed(page) == []
        assert await page.locator("#contents").inner_text() == ""
        await page.goto(ORIGIN)
        assert await page.get_by_text("Try searching to get started").is_visible()


async def test_player_holds_one_active_reel_and_loaded_neighbours(browser: Browser) -> None:
    async with visiting(browser) as (site, page):
        await open_short(page, playable(site))
        await page.wait_for_function("document.querySelectorAll('ytd-reel-video-renderer video[src]').length === 2")
        for _ in range(3):
            await page.locator(DOWN).click()
            assert await moves(page)
        assert await page.locator("ytd-reel-video-renderer").count() == 10
        assert await page.locator("ytd-reel-video-renderer[is-active]").count() == 0
        assert await page.locator("#shorts-player").count() == 1
        await page.wait_for_function("document.querySelectorAll('ytd-reel-video-renderer video[src]').length === 3")
        assert await page.locator(f"{ACTIVE} video").evaluate("video => !video.paused && video.loop && video.muted")
        assert await page.evaluate("ytInitialPlayerResponse.videoDetails.videoId") == playable(site) != id_in(page.url)


async def test_address_moves_before_the_reel(browser: Browser) -> None:
    async with visiting(browser) as (site, page):
        await open_short(page, playable(site))
        seen = await page.evaluate("""async () => {
            const shown = () => document.querySelector('#shorts-player a').href.split('/').pop();
            const old = shown(), start = performance.now();
            document.querySelector('#navigation-button-down button').click();
            while (location.pathname.endsWith(old)) await new Promise(done => setTimeout(done, 5));
            const lagging = shown() === old, at = performance.now();
            while (shown() === old) await new Promise(done => setTimeout(done, 5));
            return {lagging, late: performance.now() - at};
        }""")
        assert seen["lagging"]
        assert seen["late"] > 60


async def test_button_key_wheel_and_scroll_all_move_on(browser: Browser) -> None:
    async with visiting(browser) as (site, page):
        await open_short(page, playable(site))
        shown = [await active_id(page)]
        await page.keyboard.press("ArrowDown")
        assert await moves(page)
        shown.append(await active_id(page))
        await page.mouse.move(640, 400)
        await page.mouse.wheel(0, 300)
        assert await moves(page)
        shown.append(await active_id(page))
        await page.evaluate(f"document.querySelector('{ACTIVE}').nextElementSibling.scrollIntoView()")
        assert await moves(page)
        shown.append(await active_id(page))
        await page.locator(DOWN).click()
        assert await moves(page)
        shown.append(await active_id(page))
        assert len(set(shown)) == 5
        await page.keyboard.press("ArrowDown")  # the button has the focus
        assert not await moves(page, within=400)
        assert set(shown) <= set(site.truth)


async def test_dead_ways_on_stay_dead_and_an_open_panel_swallows(browser: Browser) -> None:
    async with visiting(browser, ["dead_button", "comments_open"]) as (site, page):
        await open_short(page, playable(site))
        await page.locator(DOWN).click()
        await page.mouse.click(640, 40)
        await page.evaluate("document.activeElement.blur()")
        await page.keyboard.press("ArrowDown")
        await page.mouse.move(640, 300)
        await page.mouse.wheel(0, 300)
        assert not await moves(page, within=500)
        await page.locator('ytd-engagement-panel-section-list-renderer button[aria-label="Close"]').click()
        await page.evaluate("document.activeElement.blur()")
        await page.keyboard.press("ArrowDown")
        assert await moves(page)


async def test_action_bar_comes_late_or_never(browser: Browser) -> None:
    async with visiting(browser) as (site, page):
        await open_short(page, playable(site))
        await page.wait_for_selector(LIKE)
        assert await page.locator(f"{ACTIVE} reel-action-bar-view-model button").count() >= 3
        site.faults.add("blank_bar")
        await open_short(page, playable(site))
        await asyncio.sleep(1)
        assert await page.locator(LIKE).count() == 0


async def test_feed_entry_starts_without_id_and_holds_advertisements(browser: Browser) -> None:
    async with visiting(browser) as (site, page):
        await page.goto(f"{ORIGIN}/shorts/")
        await page.wait_for_function("/shorts.[\\w-]{11}$/.test(location.pathname)")
        assert site.truth[id_in(page.url)].kind is Kind.SHORT
        await page.wait_for_function("document.querySelectorAll('video[src]').length === 2")
        for _ in range(4):
            await page.locator(DOWN).click()
            assert await moves(page)
        assert site.truth[await active_id(page)].kind is Kind.AD
        assert await page.locator(f"{ACTIVE} ytd-ad-slot-renderer ad-button-view-model").is_visible()


async def test_a_like_is_stored_refused_or_asks_to_sign_in(browser: Browser) -> None:
    async with visiting(browser) as (site, page):
        short_id = playable(site)
        await open_short(page, short_id)
        await page.locator(LIKE).click()
        assert await page.locator("ytd-modal-with-title-and-button-renderer").is_visible()
        assert await page.get_attribute(LIKE, "aria-pressed") == "false"
        site.logged_in = True
        await open_short(page, short_id)
        label = await page.locator(LIKE).get_attribute("aria-label")
        await page.locator(LIKE).click()
        await page.wait_for_selector(f'{ACTIVE} like-button-view-model button[aria-pressed="true"]')
        assert await page.get_attribute(LIKE, "aria-label") not in (label, None)
        await asyncio.sleep(0.8)
        assert await page.get_attribute(LIKE, "aria-pressed") == "true"
        assert site.liked == {short_id}
        site.liked.clear()
        site.faults.add("refuse_likes")
        await open_short(page, short_id)
        await page.locator(LIKE).click()
        await page.wait_for_selector(f'{ACTIVE} like-button-view-model button[aria-pressed="true"]')
        await page.wait_for_selector(f'{ACTIVE} like-button-view-model button[aria-pressed="false"]')
        assert site.liked == set()


async def test_unavailable_shorts_say_why(browser: Browser) -> None:
    async with visiting(browser) as (site, page):
        reasons = {}
        for short_id, reason in site.unavailable.items():
            if reason not in reasons:
                await page.goto(f"{ORIGIN}/shorts/{short_id}")
                reasons[reason] = await page.locator(f"{ACTIVE} .ytp-error-content-wrap-reason").inner_text()
        assert reasons == {
            "private": "This video is private",
            "removed": "This video is unavailable",
            "region": "The uploader has not made this video available in your country",
            "age": "This video may be inappropriate for some users.",
        }


async def test_consent_page_lets_through_who_rejects(browser: Browser) -> None:
    async with visiting(browser, ["consent_page@2"]) as (_, page):
        await page.goto(f"{ORIGIN}/results?search_query=chess")
        assert page.url.startswith(ORIGIN)
        await page.goto(f"{ORIGIN}/results?search_query=chess&sp=EgIQCQ%253D%253D")
        await page.wait_for_url("https://consent.youtube.com/**")
        await page.locator('form[action="https://consent.youtube.com/save"] button', has_text="Reject all").click()
        await page.wait_for_url(f"{ORIGIN}/results?search_query=chess&sp=EgIQCQ%253D%253D")
        assert len(await listed(page)) == 20


async def test_consent_dialog_goes_when_rejected_and_stays_gone(browser: Browser) -> None:
    async with visiting(browser, ["consent_dialog"]) as (site, page):
        await page.goto(f"{ORIGIN}/shorts/{playable(site)}")
        assert await page.locator("ytd-consent-bump-v2-lightbox #dialog").is_visible()
        await page.get_by_label("Reject the use of cookies and other data for the purposes described").click()
        assert await page.locator("ytd-consent-bump-v2-lightbox").count() == 0
        await page.reload()
        assert await page.evaluate("JSON.stringify(ytInitialData).includes('consentBumpV2Renderer')")
        assert await page.locator("ytd-consent-bump-v2-lightbox #dialog").count() == 1
        assert not await page.locator("ytd-consent-bump-v2-lightbox #dialog").is_visible()


async def test_walls_that_nobody_passes(browser: Browser) -> None:
    async with visiting(browser, ["rate_limit@2"]) as (site, page):
        address = f"{ORIGIN}/shorts/{playable(site)}"
        answers = [await page.goto(address) for _ in range(3)]
        assert [answer.status for answer in answers if answer] == [200, 429, 200]
        assert answers[1] is not None
        assert answers[1].headers["retry-after"] == "30"
        site.faults.add("bot_check")
        await page.goto(address)
        assert "Sign in to confirm you’re not a bot" in await page.locator(f"{ACTIVE} .ytp-error").inner_text()
        site.faults = {"login"}
        await page.goto(address)
        assert await page.locator("tp-yt-paper-dialog#sign-in").is_visible()
        site.faults = {"captcha"}
        await page.goto(address)
        await page.wait_for_url("https://www.google.com/sorry/index**")
        assert await page.locator(".g-recaptcha").is_visible()
        site.faults = {"das_captcha"}
        answer = await page.goto(address)
        assert answer is not None
        assert answer.status == 429
        assert await page.locator("#captcha-page .g-recaptcha").is_visible()


async def test_every_page_holds_the_words_of_all_walls_and_the_visitors_address(browser: Browser) -> None:
    async with visiting(browser) as (site, page):
        for address in (f"{ORIGIN}/results?search_query=chess", f"{ORIGIN}/shorts/{playable(site)}"):
            await page.goto(address)
            content = await page.content()
            for words in ("Before you continue", "not a bot", "g-recaptcha", "No results found", "203.0.113.7"):
                assert words in content


NAME = re.compile(
    r"\b\w+(?:Renderer|ViewModel)\b|\b(?:yt|ytd|ytm|tp-yt|ytp)-[\w-]+|\b[a-z]+(?:-[a-z]+)*-(?:view-model|shape)\b"
)
SITES = PROJECT / "tests" / "sites"


async def test_every_element_and_renderer_that_is_emitted_has_its_proof() -> None:
    sources = [*SITES.glob("youtube*.py"), *(SITES / "pages").glob("youtube*")]
    emitted = {name for path in sources for name in NAME.findall(path.read_text()) if path.stem != "youtube_proof"}
    proven = {name for key in YouTubeSite.PROOF for name in NAME.findall(key)}
    assert {name for name in emitted - proven if "__" not in name} == set()


async def test_what_a_recording_is_said_to_prove_stands_in_it() -> None:
    folder = recordings()
    if folder is None:
        pytest.skip("the recordings are not on this machine")
    wrong = []
    for key, proof in YouTubeSite.PROOF.items():
        assert proof.startswith(("R: ", "platforms.md 1.", "unproven"))
        if proof.startswith("R: "):
            (path,) = [path for path in (folder / "youtube").glob(f"{proof[3:]}.*") if ".meta." not in path.name]
            text = path.read_text()
            wrong += [(key, name) for name in NAME.findall(key) if name not in text]
    assert wrong == []
