"""The camera in a real Chromium, on a small page of our own."""

import asyncio
import io
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from PIL import Image
from playwright.async_api import ElementHandle, Page, Route

from agent.browser import BrowserHost
from agent.capture import FRAME_HEIGHT, Camera, Capture, media_seconds, play_on
from agent.platforms.base import Box
from agent.profiles import Profile
from agent.sandbox.scenes import HEIGHT, WIDTH
from agent.sandbox.video import FADE_STEP, STILL_FROM, encode
from storage.errors import CaptureFailed
from storage.records import Picture

pytestmark = pytest.mark.asyncio(loop_scope="module")

HERE, ELSEWHERE = "http://shorts.test", "http://media.test"
BOX = Box(x=400, y=40, width=360, height=640)
DURATION = 3.0
FADES, SLIDES = 0.1, 0.7
"""Entrances: out of the dark, and in from the right."""
MAGENTA = (255, 0, 255)


def scene() -> Image.Image:
    """Bright fields of different colours: nothing in it is dark or magenta."""
    colours = [[(250, 220, 90), (120, 200, 250)], [(240, 140, 110), (150, 230, 150)], [(230, 230, 240), (180, 150, 90)]]
    return Image.fromarray(np.array(colours, np.uint8)).resize((WIDTH, HEIGHT), Image.Resampling.NEAREST)


VIDEOS: dict[str, Callable[[], bytes]] = {
    "/fading.webm": lambda: encode(scene(), DURATION, FADES),
    "/sliding.webm": lambda: encode(scene(), DURATION, SLIDES),
    "/flat.webm": lambda: encode(Image.new("RGB", (WIDTH, HEIGHT), (90, 90, 90)), DURATION, FADES),
    "/broken.webm": lambda: b"this is no video",
}


@cache
def video(path: str) -> bytes:
    return VIDEOS[path]()


async def answer(route: Route) -> None:
    """The page, and the videos from both hosts without any CORS header; `/never.webm` is not answered."""
    path = route.request.url.partition(".test")[2].partition("?")[0]
    if path == "/":
        page = Path(__file__).with_name("pages") / "short.html"
        await route.fulfill(content_type="text/html", body=page.read_text())
    elif path in VIDEOS:
        data, asked = video(path), route.request.headers.get("range", "bytes=0-")
        first = int(asked.removeprefix("bytes=").partition("-")[0])
        headers = {"Content-Type": "video/webm", "Accept-Ranges": "bytes"}
        headers["Content-Range"] = f"bytes {first}-{len(data) - 1}/{len(data)}"
        await route.fulfill(status=206, headers=headers, body=data[first:])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def host() -> AsyncIterator[BrowserHost]:
    async with BrowserHost() as host:
        yield host


@asynccontextmanager
async def showing(host: BrowserHost, video: str, options: str = "") -> AsyncIterator[tuple[Page, ElementHandle]]:
    context = await host.context(Profile(id=""))
    try:
        page = await context.new_page()
        await page.route("**/*", answer)
        await page.goto(f"{HERE}/?video={video}{options}", wait_until="domcontentloaded")
        element = await page.query_selector("video")
        assert element is not None
        async with asyncio.timeout(30):
            yield page, element
    finally:
        await context.close()


async def capture(host: BrowserHost, video: str, at: float, options: str = "", timeout: float = 5.0) -> Capture:
    async with showing(host, video, options) as (page, element):
        return await Camera().capture(page, element, BOX, at=at, timeout=timeout)


def pixels(picture: Picture) -> np.ndarray:
    """Shape (height, width, 3)."""
    with Image.open(io.BytesIO(picture.data)) as image:
        assert image.format == "JPEG"
        assert image.size == (picture.width, picture.height)
        return np.asarray(image.convert("RGB"), np.float32)


def difference(picture: Picture, expected: Image.Image) -> float:
    """Mean grey levels per channel."""
    return float(np.abs(pixels(picture) - np.asarray(expected.resize((picture.width, picture.height)))).mean())


def magenta(picture: Picture) -> float:
    """Share of the picture that has the caption's colour."""
    return float((np.abs(pixels(picture) - MAGENTA).max(axis=2) < 60).mean())


def media_time(shot: Capture) -> float:
    assert shot.frame.media_time is not None
    return shot.frame.media_time


async def test_both_pictures_are_of_the_asked_moment_and_the_video_stands_still(host: BrowserHost) -> None:
    async with showing(host, "/fading.webm") as (page, video):
        shot = await Camera().capture(page, video, BOX, at=1.0, timeout=5)
        paused_at = await video.evaluate("video => video.paused && video.currentTime")
        assert 1.0 <= paused_at < 2.0
        assert shot.frame.media_time == shot.screen.media_time == paused_at
        assert shot.duration == pytest.approx(DURATION, abs=0.05)
        assert difference(shot.frame, scene()) < 6
        await asyncio.sleep(0.3)
        assert await video.evaluate("video => video.currentTime") == paused_at


async def test_the_frame_is_clean_and_the_screen_shows_the_caption(host: BrowserHost) -> None:
    shot = await capture(host, "/fading.webm", 1.0)
    assert (shot.frame.role, shot.frame.source, shot.frame.method) == ("frame", "canvas", "canvas")
    assert (shot.screen.role, shot.screen.source, shot.screen.method) == ("screen", "crop", "cdp")
    assert (shot.frame.height, shot.frame.width) == (FRAME_HEIGHT, round(FRAME_HEIGHT * WIDTH / HEIGHT))
    assert (shot.screen.width, shot.screen.height) == (BOX.width, BOX.height)
    assert magenta(shot.frame) == 0
    assert magenta(shot.screen) == pytest.approx(80 / 640, abs=0.02)


@pytest.mark.parametrize("at", [0.3, 0.5])
async def test_the_picture_shows_the_time_that_it_names(host: BrowserHost, at: float) -> None:
    shot = await capture(host, "/sliding.webm", at)
    assert media_time(shot) >= at
    arrived = float((pixels(shot.frame).max(axis=2) > 60).mean())
    step = FADE_STEP / STILL_FROM
    assert min(media_time(shot) * 1000 / STILL_FROM, 1) - 2 * step < arrived
    assert arrived > at * 1000 / STILL_FROM - 1.2 * step


async def test_a_dark_start_is_waited_out(host: BrowserHost) -> None:
    shot = await capture(host, "/fading.webm", 0.0)
    assert media_time(shot) >= 0.1
    assert pixels(shot.frame).std() > 20


async def test_an_accelerated_video_is_set_back_to_the_asked_moment(host: BrowserHost) -> None:
    async with showing(host, "/fading.webm", "&rate=4") as (page, video):
        await video.evaluate(
            """async video => {
              video.play();
              while (video.currentTime < 1.8) await new Promise(requestAnimationFrame);
              video.pause();
            }"""
        )
        shot = await Camera().capture(page, video, BOX, at=1.0, timeout=5)
    assert 1.0 <= media_time(shot) <= 1.5
    assert difference(shot.frame, scene()) < 6


async def test_a_video_that_stays_plain_fails_as_flat(host: BrowserHost) -> None:
    with pytest.raises(CaptureFailed, match="stayed flat") as failed:
        await capture(host, "/flat.webm", 0.2)
    assert failed.value.cause == "flat"


async def test_a_dialog_over_the_page_fails_as_covered_however_colourful_it_is(host: BrowserHost) -> None:
    with pytest.raises(CaptureFailed, match="stayed covered") as failed:
        await capture(host, "/fading.webm", 0.2, "&dialog")
    assert failed.value.cause == "covered"


async def test_a_dialog_that_goes_away_costs_a_moment_and_not_the_short(host: BrowserHost) -> None:
    async with showing(host, "/fading.webm", "&dialog") as (page, video):
        await page.evaluate("setTimeout(() => document.getElementById('dialog').remove(), 900)")
        shot = await Camera().capture(page, video, BOX, at=0.2, timeout=5)
    assert media_time(shot) >= 0.9
    assert magenta(shot.screen) > 0.1


async def test_a_video_that_never_loads_fails_within_its_limit(host: BrowserHost) -> None:
    async with showing(host, "/never.webm") as (page, video):
        began = time.monotonic()
        with pytest.raises(CaptureFailed, match="no frame came") as failed:
            await Camera().capture(page, video, BOX, at=1.0, timeout=0.7)
        assert 0.6 < time.monotonic() - began < 4
    assert failed.value.cause == "no_frame"


async def test_a_video_that_cannot_be_decoded_fails_at_once(host: BrowserHost) -> None:
    async with showing(host, "/broken.webm") as (page, video):
        began = time.monotonic()
        with pytest.raises(CaptureFailed, match="does not play") as failed:
            await Camera().capture(page, video, BOX, at=1.0, timeout=20)
        assert time.monotonic() - began < 8
    assert failed.value.cause == "no_frame"


async def test_a_video_of_another_host_is_cut_from_the_screen_and_says_so(host: BrowserHost) -> None:
    shot = await capture(host, f"{ELSEWHERE}/fading.webm", 1.0)
    assert (shot.frame.role, shot.frame.source, shot.frame.method) == ("frame", "crop", "cdp")
    assert shot.frame.height == FRAME_HEIGHT
    assert shot.frame.media_time == shot.screen.media_time
    assert magenta(shot.frame) > 0.1


async def test_watched_seconds_count_loops_and_stand_still_while_paused(host: BrowserHost) -> None:
    async with showing(host, "/fading.webm") as (page, video):
        assert await media_seconds(video) is None
        shot = await Camera().capture(page, video, BOX, at=0.9, timeout=5)
        await asyncio.sleep(0.3)
        assert await media_seconds(video) == pytest.approx(media_time(shot), abs=0.01)
        await play_on(video)
        await video.evaluate(
            """async video => {
              video.playbackRate = 3;
              for (let loops = 0, last = video.currentTime; loops < 2; last = video.currentTime) {
                await new Promise(requestAnimationFrame);
                if (video.currentTime < last) loops += 1;
              }
              video.pause();
            }"""
        )
        now = await video.evaluate("video => video.currentTime")
        assert await media_seconds(video) == pytest.approx(2 * DURATION + now, abs=0.1)


async def test_a_recycled_player_starts_counting_anew(host: BrowserHost) -> None:
    async with showing(host, "/fading.webm") as (page, video):
        camera = Camera()
        await camera.capture(page, video, BOX, at=2.0, timeout=5)
        await video.evaluate("video => { video.src = '/sliding.webm'; }")
        shot = await camera.capture(page, video, BOX, at=1.0, timeout=5)
        assert 1.0 <= media_time(shot) < 2.0
        assert await media_seconds(video) == pytest.approx(media_time(shot), abs=0.1)


async def test_the_second_way_takes_the_screen_where_devtools_fails(host: BrowserHost) -> None:
    async with showing(host, "/fading.webm") as (page, video):
        camera = Camera()
        first = await camera.capture(page, video, BOX, at=1.0, timeout=5)
        await (await camera._session(page)).detach()
        second = await camera.screen(page, BOX, 1.0)
        third = await camera.screen(page, BOX, 1.0)
    assert [picture.method for picture in (first.screen, second, third)] == ["cdp", "page", "cdp"]
    assert np.abs(pixels(first.screen) - pixels(second)).mean() < 4
