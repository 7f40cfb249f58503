"""YouTube's adapter, unchanged, on YouTube's own addresses served by a test server: search, feed, walls, likes."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright

from agent.browser import find_browser
from agent.platforms import player, web
from agent.platforms.base import OnScreen, Wall
from agent.platforms.youtube import YouTube
from storage.errors import Blocked, ShortFailed, Unavailable
from storage.records import Kind, Record
from tests.sites.corpora import stored_truth_differs
from tests.sites.visiting import ARGUMENTS, FASTER, crawl, visiting
from tests.sites.youtube import YouTubeSite

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server answers at once: what does not come in a second does not come."""
    monkeypatch.setattr(web, "MOVE_TIMEOUT", 1.2)
    monkeypatch.setattr(web, "ANSWER_TIMEOUT", 2.0)
    monkeypatch.setattr(player, "BUTTON_TIMEOUT", 3.0)
    monkeypatch.setattr(YouTube, "time_scale", FASTER)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=find_browser(playwright).path, args=ARGUMENTS)
        yield running
        await running.close()


def youtube_site(**options: Any) -> YouTubeSite:
    return YouTubeSite(rate=16, **options)


async def listed(page: Page, platform: YouTube, keyword: str, most: int = 200) -> list[Record]:
    found: list[Record] = []
    async with aclosing(platform.results(page, keyword)) as batches:  # type: ignore[type-var]
        async for batch in batches:
            found += batch
            if len(found) >= most:
                break
    return found


async def watched(page: Page, platform: YouTube, count: int) -> list[OnScreen]:
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


async def test_search_lists_shorts_with_their_fields_and_notes_which_mention_the_keyword(browser: Browser) -> None:
    site, platform = youtube_site(), YouTube()
    async with visiting(browser, platform, site) as page:
        found = await listed(page, platform, "vacation", 30)
    shorts = [record for record in found if record.kind is Kind.SHORT]
    assert len(shorts) >= 20
    assert {record.platform_id for record in shorts} <= set(site.truth)
    for record in shorts:
        truth = site.truth[record.platform_id or ""]
        assert (truth.caption or "").startswith(record.caption or "-")
        assert truth.views is None or record.views is None or record.views <= truth.views
    mentions = [record.extra["listed"]["mentions"] for record in shorts]
    assert True in mentions
    assert mentions == ["vacation" in (record.caption or "").casefold() for record in shorts]


async def test_the_plain_search_is_asked_where_the_filter_finds_little(browser: Browser) -> None:
    site, platform = youtube_site(faults=["thin_filter"]), YouTube()
    async with visiting(browser, platform, site) as page:
        found = await listed(page, platform, "vacation", 40)
    lists = [record.extra["listed"]["list"] for record in found if record.kind is Kind.SHORT]
    assert lists.count(0) == 2
    assert lists.count(1) > 5
    assert any(record.kind is Kind.VIDEO for record in found)


async def test_an_upload_date_is_asked_of_the_site(browser: Browser) -> None:
    site, platform = youtube_site(), YouTube(published="week")
    async with visiting(browser, platform, site) as page:
        await listed(page, platform, "vacation", 1)
    assert any("sp=EgQIAxAJ" in asked for asked in site.asked)


async def test_a_search_that_finds_nothing_yields_nothing_and_is_no_wall(browser: Browser) -> None:
    site, platform = youtube_site(), YouTube()
    async with visiting(browser, platform, site, seconds=90) as page:
        assert await listed(page, platform, "nothingatall") == []
        assert await platform.wall(page) is None


async def test_an_opened_short_has_every_field_that_the_site_serves(browser: Browser) -> None:
    site, platform = youtube_site(), YouTube()
    async with visiting(browser, platform, site) as page:
        for short_id in [short_id for short_id in site.truth if short_id not in {*site.unavailable, *site.ads}][:4]:
            shown = await platform.open(page, Record(platform="youtube", platform_id=short_id))
            assert plain(shown.record) == plain(site.truth[short_id])
            assert shown.video is not None
            assert 100 < shown.box.width < shown.box.height < 721
            assert await platform.current_id(page) == short_id


async def test_unavailable_shorts_say_why(browser: Browser) -> None:
    site, platform = youtube_site(), YouTube()
    causes = {}
    async with visiting(browser, platform, site) as page:
        for short_id in site.unavailable:
            with pytest.raises(Unavailable) as refused:
                await platform.open(page, Record(platform="youtube", platform_id=short_id))
            causes[short_id] = refused.value.cause
    assert causes == site.unavailable


@pytest.mark.parametrize(
    "faults", [[], ["dead_button"], ["dead_button", "dead_keys"], ["comments_open", "dead_button"]]
)
async def test_the_feed_moves_on_by_whatever_works_and_tells_the_truth(browser: Browser, faults: list[str]) -> None:
    site, platform = youtube_site(faults=faults), YouTube()
    async with visiting(browser, platform, site, seconds=80) as page:
        shown = await watched(page, platform, 8 if not faults else 3)
    ids = [item.record.platform_id for item in shown]
    assert len(set(ids)) == len(ids)
    for item in shown:
        assert plain(item.record) == plain(site.truth[item.record.platform_id or ""])
    if not faults:
        assert [item.record.kind for item in shown].count(Kind.AD) == 1


async def test_a_short_without_an_action_bar_is_no_error(browser: Browser) -> None:
    site, platform = youtube_site(faults=["blank_bar"]), YouTube()
    async with visiting(browser, platform, site) as page:
        (shown,) = await watched(page, platform, 1)
        assert await platform.like(page, shown) == "refused"


@pytest.mark.parametrize(
    ("logged_in", "faults", "outcome"),
    [(True, [], "confirmed"), (True, ["refuse_likes"], "refused"), (False, [], "refused")],
)
async def test_a_like_counts_only_when_the_page_keeps_it(
    browser: Browser, logged_in: bool, faults: list[str], outcome: str
) -> None:
    site, platform = youtube_site(logged_in=logged_in, faults=faults), YouTube()
    async with visiting(browser, platform, site) as page:
        (shown,) = await watched(page, platform, 1)
        assert await platform.like(page, shown) == outcome
    assert site.liked == ({shown.record.platform_id} if outcome == "confirmed" else set())


@pytest.mark.parametrize("fault", ["consent_page", "consent_dialog"])
async def test_cookies_are_rejected_and_the_page_comes(browser: Browser, fault: str) -> None:
    site, platform = youtube_site(faults=[fault]), YouTube()
    async with visiting(browser, platform, site) as page:
        assert len(await listed(page, platform, "vacation", 5)) >= 5
        cookies = {cookie["name"]: cookie["value"] for cookie in await page.context.cookies()}
    assert cookies["SOCS"].startswith("CAE")  # what the site sets for *reject*


@pytest.mark.parametrize(
    ("fault", "wall"),
    [
        ("captcha", Wall.CAPTCHA),
        ("das_captcha", Wall.CAPTCHA),
        ("rate_limit", Wall.RATE_LIMIT),
        ("bot_check", Wall.BOT_CHECK),
        ("login", Wall.LOGIN),
    ],
)
async def test_walls_are_told_apart_and_nothing_is_done_about_them(browser: Browser, fault: str, wall: Wall) -> None:
    site, platform = youtube_site(faults=[fault]), YouTube()
    async with visiting(browser, platform, site) as page:
        with pytest.raises(Blocked) as blocked:
            await watched(page, platform, 1)
    assert blocked.value.wall == wall
    if wall is Wall.RATE_LIMIT:
        assert blocked.value.retry_after == 30


async def test_a_page_without_items_or_a_word_about_it_is_an_empty_list(browser: Browser) -> None:
    site, platform = youtube_site(faults=["empty"]), YouTube()
    async with visiting(browser, platform, site, seconds=90) as page:
        assert await listed(page, platform, "vacation") == []


async def test_another_short_than_the_asked_one_is_a_failure(browser: Browser) -> None:
    site, platform = youtube_site(), YouTube()
    async with visiting(browser, platform, site) as page:
        with pytest.raises((ShortFailed, Unavailable)):
            await platform.open(page, Record(platform="youtube", platform_id="AAAAAAAAAAA"))


async def test_the_site_says_country_language_and_login(browser: Browser) -> None:
    site, platform = youtube_site(gl="KR", logged_in=True), YouTube()
    async with visiting(browser, platform, site) as page:
        facts = await platform.site_facts(page)
    assert (facts.country, facts.language, facts.logged_in) == ("KR", "en", True)


async def test_shorts_of_the_feed_reach_the_corpus_as_served(tmp_path: Path) -> None:
    site = youtube_site(faults=["consent_dialog"])
    result = await crawl(tmp_path, site, platform=["youtube"], mode="feed", limit=20)
    assert [share.problem for share in result.platforms] == [None]
    assert stored_truth_differs(tmp_path, site, least=20) == []


async def test_shorts_of_searches_reach_the_corpus_as_served(tmp_path: Path) -> None:
    site = youtube_site(faults=["consent_page"])
    result = await crawl(tmp_path, site, platform=["youtube"], value=["hedonism", "power"], limit=20)
    assert [share.problem for share in result.platforms] == [None]
    assert stored_truth_differs(tmp_path, site, least=20) == []
