"""What the test servers share: shorts whose truth is known, videos that really play, and the way into a browser.

A site answers requests for its own hosts, so that an adapter runs unchanged on the real addresses. Whatever a site
emits (JSON paths, selectors) stands in its `PROOF` table with the recording or line of the facts that proves it.
"""

import functools
import io
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar
from urllib.parse import urlsplit

from PIL import Image, ImageDraw
from playwright.async_api import BrowserContext, Request, Route

from agent.sandbox.scenes import HEIGHT, WIDTH
from agent.sandbox.video import encode
from storage.chance import draw
from storage.records import Record


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One HTTP answer."""

    body: bytes | str = b""
    status: int = 200
    content_type: str = "text/html; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)


class Site(ABC):
    """One site's server.

    Attributes:
        truth: what a corpus should hold of each item that has an id, by id (author and caption raw, as served).
        faults: names of what is to go wrong; each site documents its own.
        asked: paths (with query) of all requests so far, in order.
        rate: playback speed that its pages give every video, so that a test does not wait in real time.
    """

    hosts: ClassVar[tuple[str, ...]]
    PROOF: ClassVar[Mapping[str, str]]
    """Selector or JSON path -> recording or `platforms.md` line that proves it; `unproven` where there is none."""

    def __init__(self, *, size: int = 80, faults: Sequence[str] = (), rate: float = 8.0, seed: int = 1) -> None:
        self.size = size
        self.faults = set(faults)
        self.rate = rate
        self.seed = seed
        self.asked: list[str] = []
        self.truth: dict[str, Record] = {}

    @abstractmethod
    async def answer(self, request: Request) -> Reply | None:
        """The answer to one request of its hosts; None is a 404."""


async def serve(context: BrowserContext, *sites: Site) -> None:
    """Route the sites' hosts of a context to them; every other address fails, as without network."""

    async def handle(route: Route) -> None:
        parts = urlsplit(route.request.url)
        site = next((site for site in sites if parts.hostname in site.hosts), None)
        if site is None:
            await route.abort("internetdisconnected")
            return
        site.asked.append(parts.path + (f"?{parts.query}" if parts.query else ""))
        try:
            reply = await site.answer(route.request) or Reply(status=404)
        except ConnectionError:  # how a test takes the network away
            await route.abort("internetdisconnected")
            return
        await route.fulfill(
            status=reply.status,
            body=reply.body,
            headers={"content-type": reply.content_type, **reply.headers},
        )

    await context.route("**/*", handle)


@functools.cache
def clip(short_id: str, seconds: float = 8.0) -> bytes:
    """A WebM (VP8, 270 x 480) whose picture belongs to this id alone: coloured blocks, far apart for any two ids."""
    image = Image.new("RGB", (WIDTH, HEIGHT))
    pen = ImageDraw.Draw(image)
    columns, rows = 6, 8
    for place in range(columns * rows):
        x, y = place % columns * WIDTH // columns, place // columns * HEIGHT // rows
        colour = tuple(int(draw(place, f"colour-{part}", short_id) * 256) for part in "rgb")
        pen.rectangle((x, y, x + WIDTH // columns + 1, y + HEIGHT // rows + 1), fill=colour)
    return encode(image, seconds, 0.2)


@functools.cache
def thumbnail(short_id: str) -> bytes:
    """A small JPEG for a card."""
    out = io.BytesIO()
    colour = tuple(int(draw(0, f"card-{part}", short_id) * 256) for part in "rgb")
    Image.new("RGB", (54, 96), colour).save(out, "JPEG")
    return out.getvalue()
