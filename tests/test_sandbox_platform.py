"""The sandbox platform in a real Chromium: paging, opening, the feed, walls, faults, likes."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.async_api import Browser, Error, Page

from agent.platforms.base import Platform, Wall, WallSeen
from agent.platforms.sandbox import Sandbox
from agent.sandbox.world import World
from storage.errors import Blocked, PageHung, ShortFailed, Unavailable
from storage.records import Kind, Record

pytestmark = pytest.mark.asyncio(loop_scope="module")

VOCABULARY = {"hedonism": ["vacation", "concert", "hot tub"], "achievement": ["trophy", "chess", "marathon"]}
WORLD = World(1, VOCABULARY)
REACHED = """
async (video, at) => {
  while (video.currentTime < at || video.readyState < 2) await new Promise(done => requestAnimationFrame(done));
  const canvas = new OffscreenCanvas(27, 48), context = canvas.getContext('2d');
  context.drawImage(video, 0, 0, 27, 48);
  const parts = context.getImageData(0, 0, 27, 48).data.filter((_, place) => place % 4 < 3);
  return {at: video.currentTime, most: Math.max(...parts)};
}
"""


@asynccontextmanager
async def visiting(
    browser: Browser, state: Path, faults: Sequence[str] = (), media: Path | None = None
) -> AsyncIterator[tuple[Sandbox, Page]]:
    """A started platform and a fresh page of a fresh visitor."""
    platform = Sandbox(vocabulary=VOCABULARY, state=state, faults=faults, media=media)
    await platform.start()
    context = await browser.new_context(viewport={"width": 1280, "height": 720})
    try:
        page = await context.new_page()
        platform.attach(page)
        async with asyncio.timeout(30):
            yield platform, page
    finally:
        await context.close()
        await platform.close()


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state.jsonl"


async def first_of_feed(platform: Platform, page: Page, count: int) -> list[Record]:
    shown = []
    async with aclosing(platform.feed(page)) as items:  # type: ignore[type-var]
        async for item in items:
            shown.append(item.record)
            if len(shown) == count:
                break
    return shown


async def appears(platform: Platform, page: Page, wall: Wall) -> bool:
    """Whether the wall comes up within the time that a background answer takes."""
    for _ in range(10):
        seen = await platform.wall(page)
        if seen is not None:
            return seen.wall is wall
        await asyncio.sleep(0.02)
    return False


async def goes_down(page: Page, platform: Platform, short: Record) -> bool:
    """Whether opening the short takes the page with it."""
    try:
        async with asyncio.timeout(4):
            await platform.open(page, short)
            await asyncio.sleep(0.3)
            await page.evaluate("1")
    except (Error, PageHung, TimeoutError):
        return True
    return False


def a_video(number: int = 0) -> str:
    ids = [WORLD.id_of("chess", place) for place in range(60)]
    return [short_id for short_id in ids if WORLD.short(short_id).kind is Kind.SHORT][number]


def record(short_id: str) -> Record:
    return Record(platform="sandbox", platform_id=short_id)


async def test_search_yields_every_page_in_rank_order(browser: Browser, state: Path) -> None:
    async with visiting(browser, state) as (platform, page):
        batches = [batch async for batch in platform.results(page, "chess")]
        expected = [WORLD.short(i) for number in range(WORLD.pages("chess")) for i in WORLD.search("chess", number)]
        records = [item for batch in batches for item in batch]
        assert len(batches) == WORLD.pages("chess") > 2
        assert [item.platform_id for item in records] == [i.id if i.kind is not Kind.LIVE else None for i in expected]
        assert [item.kind for item in records] == [short.kind for short in expected]
        told = next(item for item in records if item.kind is Kind.SHORT and item.caption and item.hashtags)
        truth = WORLD.short(told.platform_id or "")
        assert (told.caption, told.author, told.hashtags) == (truth.caption, truth.author, truth.hashtags)
        assert (told.duration, told.published) == (truth.duration, truth.published)
        assert told.url == f"https://sandbox.invalid/short/{truth.id}"
        assert await platform.wall(page) is None


async def test_search_goes_on_after_the_tab_was_used_for_something_else(browser: Browser, state: Path) -> None:
    async with visiting(browser, state) as (platform, page):
        found = []
        async for batch in platform.results(page, "vacation"):
            found += [item.platform_id for item in batch]
            await platform.open(page, next(item for item in batch if item.kind is Kind.SHORT))
        assert len(found) == sum(len(WORLD.search("vacation", number)) for number in range(WORLD.pages("vacation")))


async def test_nothing_found_ends_at_once_and_is_no_wall(browser: Browser, state: Path) -> None:
    word = next(word for word in ("qwxz", "zebra", "quartz", "lamp", "spoon") if not WORLD.search(word, 0))
    async with visiting(browser, state) as (platform, page):
        assert [batch async for batch in platform.results(page, word)] == []
        assert await platform.wall(page) is None


async def test_open_proves_the_short_and_plays_it(browser: Browser, state: Path) -> None:
    async with visiting(browser, state) as (platform, page):
        shown = await platform.open(page, record(a_video()))
        assert shown.record.platform_id == a_video() == await platform.current_id(page)
        assert shown.video
        reached: dict[str, Any] = await shown.video.evaluate(REACHED, 1.0)
        assert reached["at"] >= 1.0
        assert reached["most"] > 60
        assert shown.box.height > 600
        assert shown.box.width / shown.box.height == pytest.approx(9 / 16, abs=0.01)
        facts = await platform.site_facts(page)
        assert (facts.language, facts.logged_in) == ("en", False)
        with pytest.raises(Unavailable) as caught:
            await platform.open(page, record("1-ffffffffff"))
        assert caught.value.cause == "removed"
        with pytest.raises(ShortFailed):
            await platform.open(page, Record(platform="sandbox", platform_id=None, kind=Kind.LIVE))


async def test_the_feed_shows_one_new_item_after_the_other_with_its_own_data(browser: Browser, state: Path) -> None:
    async with visiting(browser, state) as (platform, page):
        seen: list[str | None] = []
        async for shown in platform.feed(page):
            assert await platform.current_id(page) == shown.record.platform_id
            assert await page.locator('article[data-active="true"]').count() == 1
            if shown.record.kind is Kind.SHORT:
                truth = WORLD.short(shown.record.platform_id or "")
                assert (shown.record.caption, shown.record.author) == (truth.caption, truth.author)
                assert shown.video
                assert (await shown.video.evaluate("video => video.currentSrc")).endswith(f"/{truth.id}.webm")
                await shown.video.evaluate(REACHED, 0.9)
            seen.append(shown.record.platform_id)
            if len(seen) == 14:
                break
        assert len(set(seen)) > 11


async def test_the_feed_goes_on_with_the_short_that_was_not_left(browser: Browser, state: Path) -> None:
    async with visiting(browser, state) as (platform, page):
        first = await first_of_feed(platform, page, 4)
        cookies = await page.context.cookies()
        fresh = await browser.new_context(viewport={"width": 1280, "height": 720})
        await fresh.add_cookies([{"name": c["name"], "value": c["value"], "url": platform.base_url} for c in cookies])
        other = await fresh.new_page()
        platform.attach(other)
        again = await first_of_feed(platform, other, 2)
        await fresh.close()
        assert again[0].platform_id == first[3].platform_id
        assert again[1].platform_id not in [item.platform_id for item in first]


@pytest.mark.parametrize("broken_way", ["button", "button and key", "button, key and wheel"])
async def test_the_feed_moves_on_when_a_way_of_moving_is_gone(browser: Browser, state: Path, broken_way: str) -> None:
    async with visiting(browser, state) as (platform, page):
        items = platform.feed(page)
        first = await anext(items)
        await page.evaluate("document.getElementById('next').onclick = null")
        if "key" in broken_way:
            await page.evaluate("addEventListener('keydown', event => event.stopImmediatePropagation(), true)")
        if "wheel" in broken_way:
            await page.evaluate("addEventListener('wheel', event => event.preventDefault(), {passive: false})")
        assert (await anext(items)).record.platform_id != first.record.platform_id


async def test_a_like_counts_only_when_the_page_shows_it(browser: Browser, state: Path) -> None:
    async with visiting(browser, state) as (platform, page):
        shown = await platform.open(page, record(a_video()))
        assert await platform.like(page, shown) == "confirmed"
        await platform.open(page, record(a_video()))
        assert await page.locator("button.like").get_attribute("aria-pressed") == "true"
        assert await platform.like(page, shown) == "confirmed"
    async with visiting(browser, state, ["no_like@1x*"]) as (platform, page):
        assert await platform.like(page, await platform.open(page, record(a_video()))) == "refused"


@pytest.mark.parametrize("wall", ["login", "captcha", "bot_check", "empty"])
async def test_a_wall_is_seen_and_the_page_after_it_is_none(browser: Browser, state: Path, wall: str) -> None:
    async with visiting(browser, state, [f"{wall}@2"]) as (platform, page):
        seen = []
        for _ in range(3):
            async with aclosing(platform.results(page, "chess")) as batches:  # type: ignore[type-var]
                await anext(batches, None)
                seen.append(await platform.wall(page))
        assert seen == [None, WallSeen(wall=Wall(wall)), None]


@pytest.mark.parametrize("wall", ["login", "captcha", "bot_check"])
async def test_a_wall_in_the_middle_of_the_feed_is_seen(browser: Browser, state: Path, wall: str) -> None:
    async with visiting(browser, state, [f"{wall}@4"]) as (platform, page):
        shown = 0
        async for _ in platform.feed(page):
            shown += 1
            if await appears(platform, page, Wall(wall)):
                break
        assert 2 <= shown <= 5


async def test_rate_limiting_is_raised_with_its_time_on_pages_and_on_answers(browser: Browser, state: Path) -> None:
    async with visiting(browser, state, ["rate_limit:120@1", "rate_limit:90@3"]) as (platform, page):
        with pytest.raises(Blocked) as caught:
            await anext(platform.results(page, "chess"))
        assert (caught.value.wall, caught.value.retry_after) == (Wall.RATE_LIMIT, 120)
        seen = await platform.wall(page)
        assert seen
        assert (seen.wall, seen.retry_after) == (Wall.RATE_LIMIT, 120)
        with pytest.raises(Blocked) as caught:
            assert [batch async for batch in platform.results(page, "chess")] == []
        assert caught.value.retry_after == 90


async def test_a_consent_dialog_is_passed_and_stays_away(browser: Browser, state: Path) -> None:
    async with visiting(browser, state, ["consent@1x*"]) as (platform, page):
        async with aclosing(platform.results(page, "chess")) as batches:  # type: ignore[type-var]
            assert await anext(batches)
        seen = await platform.wall(page)
        assert seen
        assert (seen.wall, seen.passable) == (Wall.CONSENT, True)
        assert await platform.pass_wall(page, seen)
        await platform.open(page, record(a_video()))
        assert await platform.wall(page) is None


async def test_a_broken_page_has_no_items_and_a_broken_answer_does_not_stop_the_feed(
    browser: Browser, state: Path
) -> None:
    async with visiting(browser, state, ["broken@1", "broken@4", "empty_answer@6"]) as (platform, page):
        assert [batch async for batch in platform.results(page, "chess")] == [[]]
        records = await first_of_feed(platform, page, 8)
        assert len({item.platform_id for item in records if item.platform_id}) >= 7


async def test_faults_of_single_shorts(browser: Browser, state: Path) -> None:
    async with visiting(browser, state, ["unavailable@1", "black@2", "no_video@3"]) as (platform, page):
        with pytest.raises(Unavailable) as caught:
            await platform.open(page, record(a_video(0)))
        assert caught.value.cause in ("private", "removed", "age", "region")
        dark = await platform.open(page, record(a_video(1)))
        assert dark.video
        assert (await dark.video.evaluate(REACHED, 1.0))["most"] < 20
        lost = await platform.open(page, record(a_video(2)))
        assert lost.video
        await page.wait_for_function("document.querySelector('video').error !== null")


async def test_a_short_that_crashes_or_hangs_the_page_does_so_once(browser: Browser, state: Path) -> None:
    async with visiting(browser, state, ["crash@1", "hang@2"]) as (platform, page):
        crashed = asyncio.Event()
        page.on("crash", lambda _: crashed.set())
        assert await goes_down(page, platform, record(a_video(0)))
        assert crashed.is_set()
        second = await page.context.new_page()
        platform.attach(second)
        assert not await goes_down(second, platform, record(a_video(0)))
        assert await goes_down(second, platform, record(a_video(1)))
        third = await page.context.new_page()
        platform.attach(third)
        assert not await goes_down(third, platform, record(a_video(1)))


async def test_a_media_folder_is_searched_shown_and_ends(browser: Browser, tmp_path: Path) -> None:
    folder = tmp_path / "media"
    folder.mkdir()
    for number in range(5):
        Image.effect_noise((144, 256), 30 + number).convert("RGB").save(folder / f"{number}.jpg")
    async with visiting(browser, tmp_path / "state.jsonl", media=folder) as (platform, page):
        found = [item async for batch in platform.results(page, "anything") for item in batch]
        names = [item.extra["media_file"] for item in found]
        assert sorted(names) == [f"{number}.jpg" for number in range(5)]
        shown = await platform.open(page, found[0])
        assert shown.record.extra == {"media_file": names[0]}
        records = [item.record async for item in platform.feed(page)]
        assert sorted(item.extra["media_file"] for item in records) == sorted(names)
