"""Taking the two pictures of a short (D6): the clean `frame` and the `screen` as a viewer sees it.

The video is paused at the first usable frame at or after the asked media time, so that both pictures show the
same moment and the model's latency does not leak into the time on screen (D10).
"""

import asyncio
import base64
import io
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from PIL import Image
from playwright.async_api import CDPSession, ElementHandle, Error, Page

from agent.platforms.base import Box
from storage.errors import CaptureFailed
from storage.hashing import is_usable
from storage.records import Picture

FRAME_HEIGHT = 320
QUALITY = 80
FRAME_QUALITY = 0.9
CAPTURE_TIMEOUT = 8.0
"""Real seconds for one screen capture: a hung page costs one short (playwright#28995)."""
RETRY_STEP = 0.7
"""Media seconds to go on when a frame is flat or covered (fade-in, loading card), at most `RETRIES` times."""
RETRIES = 3
OVERSHOOT = 0.5
"""Media seconds by which an accelerated player may be late."""

# A frame counts once it is presented, not once the clock has passed it: a busy machine shows an older picture. A
# video without frames of its own at that time (a still one) gets half a second. An accelerated player (the sandbox)
# overshoots and is set back; at normal speed nothing is ever sought.
_FRAME_SCRIPT = """
async (video, {at, timeout, height, quality, overshoot}) => {
  const mark = Symbol.for('value-spectrum');
  if (!video[mark]) {
    const seen = video[mark] = {presented: -1, last: video.currentTime, total: video.currentTime};
    seen.update = () => {
      const step = video.currentTime - seen.last;
      seen.total += step >= 0 ? step : (step + (video.duration || 0)) % (video.duration || 1);
      seen.last = video.currentTime;
      return seen.total;
    };
    const onFrame = (_, frame) => { seen.presented = frame.mediaTime; video.requestVideoFrameCallback(onFrame); };
    video.requestVideoFrameCallback(onFrame);
    video.addEventListener('timeupdate', seen.update);
    video.addEventListener('emptied', () => { seen.presented = -1; seen.last = seen.total = 0; });  // recycled element
  }
  const seen = video[mark], deadline = performance.now() + timeout, tick = () => new Promise(requestAnimationFrame);
  let late = false;
  if (video.paused && !video.ended) video.play().catch(() => {});
  while (video.readyState < 2 || !video.videoWidth || video.currentTime < at
         || (seen.presented < at && video.currentTime < at + 0.5)) {
    if (performance.now() > deadline || video.error) { late = true; break; }
    if (isFinite(video.duration) && at > video.duration) break;
    await tick();
  }
  if (video.readyState < 2 || !video.videoWidth)
    return {error: video.error ? 'the video does not play' : 'no frame came'};
  video.pause();
  if (video.playbackRate > 1 && (seen.presented < at || Math.max(seen.presented, video.currentTime) > at + overshoot)) {
    const sought = new Promise(done => {
      video.addEventListener('seeked', done, {once: true});
      setTimeout(done, deadline - performance.now());
    });
    video.currentTime = at;
    await sought;
    await tick();
    await tick();
    seen.last = video.currentTime;
  }
  const box = video.getBoundingClientRect();
  let covered = 0;
  for (const [dx, dy] of [[.5, .5], [.25, .25], [.75, .25], [.25, .7], [.75, .7]]) {
    const top = document.elementFromPoint(box.x + box.width * dx, box.y + box.height * dy);
    let near = top;
    while (near && !near.contains(video)) near = near.parentElement;
    const around = near && near.getBoundingClientRect();
    if (!near || around.width * around.height > 2.5 * box.width * box.height) covered += 1;
  }
  const width = Math.max(1, Math.round(video.videoWidth * height / video.videoHeight));
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext('2d').drawImage(video, 0, 0, width, height);
  const encode = async () => {
    const bytes = new Uint8Array(await (await canvas.convertToBlob({type: 'image/jpeg', quality})).arrayBuffer());
    let text = '';
    for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
    return btoa(text);
  };
  seen.frame = encode().catch(error => { if (error.name !== 'SecurityError') throw error; return null; });
  return {width, mediaTime: video.currentTime, late, covered: covered >= 3,
          duration: isFinite(video.duration) ? video.duration : null};
}
"""

# Fetched apart, so that the frame is encoded while the browser takes the screen.
_ENCODED_SCRIPT = "video => video[Symbol.for('value-spectrum')].frame"

_PLAY_ON_SCRIPT = """
video => {
  const seen = video[Symbol.for('value-spectrum')], watched = seen ? seen.update() : null;
  if (video.paused) video.play().catch(() => {});
  return watched;
}
"""
_WATCHED_SCRIPT = """
video => { const seen = video[Symbol.for('value-spectrum')]; return seen ? seen.update() : null; }
"""


@dataclass(frozen=True, kw_only=True)
class Capture:
    """Both pictures and what the player said while they were taken."""

    screen: Picture
    frame: Picture
    duration: float | None
    """Seconds, as the player reports it."""


class Camera:
    """Captures shorts of any page; keeps one devtools session per page, since opening one costs a round trip."""

    def __init__(self) -> None:
        self._sessions: WeakKeyDictionary[Page, CDPSession] = WeakKeyDictionary()

    async def capture(
        self, page: Page, video: ElementHandle, box: Box, *, at: float, timeout: float, overshoot: float = OVERSHOOT
    ) -> Capture:
        """Wait for media time `at` (seconds), pause there, and take both pictures.

        Args:
            timeout: real seconds to wait for the first usable frame.
            overshoot: media seconds beyond `at` from which an accelerated player is set back.

        Raises:
            CaptureFailed: no frame came (`no_frame`), it stayed flat (`flat`) or covered (`covered`).
        """
        cause = "no_frame"
        for attempt in range(RETRIES + 1):
            try:
                async with asyncio.timeout(timeout + CAPTURE_TIMEOUT):
                    seen = await video.evaluate(
                        _FRAME_SCRIPT,
                        {
                            "at": at + attempt * RETRY_STEP,
                            "timeout": timeout * 1000,
                            "height": FRAME_HEIGHT,
                            "quality": FRAME_QUALITY,
                            "overshoot": overshoot,
                        },
                    )
            except TimeoutError:
                raise CaptureFailed("the page did not answer while a frame was waited for", "page_hung") from None
            if "error" in seen:
                raise CaptureFailed(f"no picture: {seen['error']}", "no_frame")
            try:
                async with asyncio.timeout(2 * CAPTURE_TIMEOUT):
                    screen, encoded = await asyncio.gather(
                        self.screen(page, box, seen["mediaTime"]), video.evaluate(_ENCODED_SCRIPT)
                    )
            except TimeoutError:
                raise CaptureFailed("the page did not answer while its picture was taken", "page_hung") from None
            frame = _canvas_frame(encoded, seen) if encoded else crop(screen, seen["mediaTime"])
            if seen["covered"]:
                cause = "covered"
            elif not is_usable(frame.data):
                cause = "flat"
            else:
                return Capture(screen=screen, frame=frame, duration=seen["duration"])
            if seen["late"]:
                break
        raise CaptureFailed(f"no usable picture of the short: it stayed {cause}", cause)

    async def screen(self, page: Page, box: Box, media_time: float | None = None) -> Picture:
        """The player's rectangle as JPEG: devtools clip first, Playwright's own clip second.

        Raises:
            CaptureFailed: neither answered in time (`page_hung`).
        """
        clip = {"x": box.x, "y": box.y, "width": box.width, "height": box.height}
        try:
            try:
                async with asyncio.timeout(CAPTURE_TIMEOUT):
                    session = await self._session(page)
                    answer = await session.send(
                        "Page.captureScreenshot", {"format": "jpeg", "quality": QUALITY, "clip": {**clip, "scale": 1}}
                    )
                data, method = base64.b64decode(answer["data"]), "cdp"
            except (Error, TimeoutError):
                self._sessions.pop(page, None)
                async with asyncio.timeout(CAPTURE_TIMEOUT):
                    data = await page.screenshot(clip=clip, type="jpeg", quality=QUALITY)  # type: ignore[arg-type]
                method = "page"
        except (Error, TimeoutError) as error:
            raise CaptureFailed("the page did not answer while its picture was taken", "page_hung") from error
        with Image.open(io.BytesIO(data)) as image:
            width, height = image.size
        return Picture(
            role="screen", source="crop", method=method, data=data, width=width, height=height, media_time=media_time
        )

    async def _session(self, page: Page) -> CDPSession:
        session = self._sessions.get(page)
        if session is None:
            session = self._sessions[page] = await page.context.new_cdp_session(page)
        return session


async def play_on(video: ElementHandle) -> float | None:
    """Let the video run again after the decision; the seconds of it that were played so far."""
    played: float | None = await video.evaluate(_PLAY_ON_SCRIPT)
    return played


async def media_seconds(video: ElementHandle) -> float | None:
    """Seconds of the video that were played since it came up, loops counted."""
    watched: float | None = await video.evaluate(_WATCHED_SCRIPT)
    return watched


def crop(screen: Picture, media_time: float | None) -> Picture:
    """The frame where the page gives none (tainted canvas, canvas player): the screen at frame height.

    Its overlays are still in it, which `source` says: it is never merged with a clean frame on a hash alone.
    """
    with Image.open(io.BytesIO(screen.data)) as image:
        width = max(1, round(image.width * FRAME_HEIGHT / image.height))
        small = image.convert("RGB").resize((width, FRAME_HEIGHT), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    small.save(out, "JPEG", quality=round(FRAME_QUALITY * 100))
    return Picture(
        role="frame",
        source="crop",
        method=screen.method,
        data=out.getvalue(),
        width=width,
        height=FRAME_HEIGHT,
        media_time=media_time,
    )


def _canvas_frame(encoded: str, seen: dict[str, Any]) -> Picture:
    return Picture(
        role="frame",
        source="canvas",
        method="canvas",
        data=base64.b64decode(encoded),
        width=seen["width"],
        height=FRAME_HEIGHT,
        media_time=seen["mediaTime"],
    )
