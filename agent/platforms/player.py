"""The player of a page: which item it proves to show, and liking that item."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from playwright.async_api import ElementHandle, Error, Page
from playwright.async_api import TimeoutError as PlaywrightTimeout

from agent.platforms.base import Box, WallSeen

LOOK_EVERY = 0.05
CLICK_TIMEOUT = 4.0
"""Real seconds for a button to become clickable, and for its state to change."""
NEXT_SLOT_SCRIPT = """
css => {
  const slots = [...document.querySelectorAll(css)], middle = innerHeight / 2;
  const here = slots.findIndex(slot => {
    const {top, bottom, height} = slot.getBoundingClientRect();
    return height > 50 && top < middle && bottom > middle;
  });
  if (here < 0 || !slots[here + 1]) return false;
  slots[here + 1].scrollIntoView();
  return true;
}
"""
"""Brings the slot after the one in the middle into view: the last way of moving on."""
BUTTON_TIMEOUT = 10.0
"""Real seconds for a like button to come: some action bars come late, and a few never."""
WIGGLE_EVERY = 20
"""Looks between two moves of the pointer: about a second."""
_TOLD = ("place", "id", "box", "video", "slot")
LIKE_SETTLES = 1.5
"""Real seconds after which a like that the server did not keep has gone from the page again."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """The item that the page proves to be on screen.

    Attributes:
        place: tells two items apart even where a site gives no id (live rooms).
        slot: the element that holds the item with its buttons.
        marks: what else the site's script saw: `ad`, `live`, `photo` as booleans.
    """

    place: str
    id: str | None
    box: Box
    video: ElementHandle | None
    slot: ElementHandle | None
    marks: Mapping[str, Any]


async def shown_on(page: Page, script: str, before: str | None, timeout: float) -> Shown | None:
    """What is on screen, once it is something other than `before`; None if that does not come in time.

    Args:
        script: a platform's `shown_script`.
        before: the `place` of the item to be left; None: whatever is there.
        timeout: real seconds.
    """
    async for _ in looking(timeout):
        try:
            seen = await page.evaluate_handle(script)
            told = await seen.evaluate("seen => seen && {...seen, video: null, slot: null}")
        except Error as error:
            if page.is_closed() or "crash" in str(error).lower():
                raise
            continue  # the page is just being replaced by the next one
        if told is not None and told["place"] != before:
            video, slot = [(await seen.get_property(name)).as_element() for name in ("video", "slot")]
            box = Box(**{side: told["box"][side] for side in ("x", "y", "width", "height")})
            marks = {name: value for name, value in told.items() if name not in _TOLD}
            return Shown(place=told["place"], id=told["id"] or None, box=box, video=video, slot=slot, marks=marks)
    return None


async def like(
    page: Page,
    button: Callable[[], Awaitable[ElementHandle | None]],
    is_liked: Callable[[ElementHandle], Awaitable[bool | None]],
    wall: Callable[[], Awaitable[WallSeen | None]],
) -> str:
    """Read the state, click, read again, and once more when the site had time to take it back (D12).

    Args:
        page: where the item is on screen.
        button: finds the button of the item on screen.
        wall: what stands on the page; a login dialog in answer to a like is a refusal.

    Returns:
        `confirmed` or `refused`.
    """
    found = await _once_there(page, button)
    if found is None:
        return "refused"
    if await is_liked(found) is not True:
        with suppress(PlaywrightTimeout):
            await found.click(timeout=CLICK_TIMEOUT * 1000)
    async for _ in looking(CLICK_TIMEOUT):
        if await is_liked(found) or await wall() is not None:
            break
    await asyncio.sleep(LIKE_SETTLES)
    again = await button()
    kept = again is not None and await is_liked(again) is True
    return "confirmed" if kept and await wall() is None else "refused"


async def _once_there(page: Page, button: Callable[[], Awaitable[ElementHandle | None]]) -> ElementHandle | None:
    """The button, which may come late, or only once the pointer has moved over the player; None if it never does."""
    size = page.viewport_size or {"width": 1280, "height": 720}
    step = 0
    async for _ in looking(BUTTON_TIMEOUT):
        found = await button()
        if found is not None:
            return found
        if step % WIGGLE_EVERY == 0:
            await page.mouse.move(size["width"] / 2 + step // WIGGLE_EVERY % 2, size["height"] / 2)
        step += 1
    return None


async def looking(seconds: float) -> AsyncIterator[None]:
    """Once at once, then again and again until the time is up."""
    end = time.monotonic() + seconds
    while True:
        yield
        if time.monotonic() >= end:
            return
        await asyncio.sleep(LOOK_EVERY)
