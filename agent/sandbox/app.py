"""The sandbox site: pages for search, feed and single shorts, and the calls behind them.

What a page shows comes from the state embedded in it and from `/api/...` answers, as on real sites (D8). What is
true of a short beyond that (its keyword, whose re-upload it is) leaves the process by no route.
"""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from agent.sandbox.faults import Fault, Faults
from agent.sandbox.feed import Visitors, WatchEvent
from agent.sandbox.media import MediaWorld
from agent.sandbox.pictures import jpeg, webm
from agent.sandbox.recommenders import Engagement
from agent.sandbox.video import VideoCache
from agent.sandbox.world import Truth, World
from storage.records import Kind

PAGES = Path(__file__).with_name("pages")
YEAR = 365 * 86_400
WALL_WORDS = {
    "consent": "Before you continue: cookies",
    "login": "Log in to continue",
    "captcha": "Drag the slider to fit",
    "rate_limit": "Too many requests",
    "bot_check": "Checking your browser",
    "empty": "No results found",
    "unavailable": "This short is not available",
    "again": "Something went wrong",
    "end": "You have seen everything",
}
"""The site's translation table: on every page, as on real sites, so that words in the HTML prove no wall."""
BODY_WALLS = ("rate_limit", "bot_check")


@dataclass(frozen=True, kw_only=True)
class Options:
    """Everything a sandbox server is told; JSON on its way to the child process."""

    seed: int = 1
    vocabulary: dict[str, list[str]] = field(default_factory=dict)
    time_scale: float = 20.0
    media: str | None = None
    faults: tuple[str, ...] = ()
    state: str = "sandbox-visitors.jsonl"
    port: int = 0
    recommender: str = Engagement.kind
    """Of the feed, one of `recommenders.KINDS`."""
    distinct: bool = False
    """Visitors have luck of their own: two who do the same see different shorts, by chance."""


def make_world(options: Options) -> World | MediaWorld:
    """The content that the options name."""
    if options.media is not None:
        return MediaWorld(options.seed, Path(options.media))
    return World(options.seed, options.vocabulary)


class Site:
    """One running site. `now` is the clock that counts and ages follow."""

    def __init__(self, options: Options, now: Callable[[], datetime]) -> None:
        self.options = options
        self.now = now
        self.world = make_world(options)
        self.faults = Faults(options.faults, options.seed)
        self.visitors = Visitors(self.world, Path(options.state), options.recommender, distinct=options.distinct)
        self.videos = VideoCache(self._encode)
        self._templates = Environment(loader=FileSystemLoader(PAGES), autoescape=True)

    def app(self) -> Starlette:
        """The ASGI application."""

        @asynccontextmanager
        async def lifespan(_: Starlette) -> AsyncIterator[None]:
            yield
            self.videos.close()
            self.visitors.close()

        return Starlette(
            lifespan=lifespan,
            routes=[
                Route("/", lambda request: RedirectResponse("/feed")),
                Route("/search", self.search),
                Route("/feed", self.feed),
                Route("/short/{id}", self.short),
                Route("/api/search", self.api_search),
                Route("/api/feed", self.api_feed),
                Route("/api/watch", self.api_watch, methods=["POST"]),
                Route("/api/like", self.api_like, methods=["POST"]),
                Route("/api/down", self.api_down, methods=["POST"]),
                Route("/video/{id}.webm", self.video),
                Route("/photo/{id}.jpg", self.photo),
                Mount("/static", StaticFiles(directory=PAGES / "static")),
            ],
        )

    # Pages

    async def search(self, request: Request) -> Response:
        query = request.query_params.get("q", "")
        return await self._page(request, "search", self._results(query, 0), {"query": query})

    async def feed(self, request: Request) -> Response:
        visitor, _ = _visitor(request)
        return await self._page(request, "feed", self._feed(visitor), {})

    async def short(self, request: Request) -> Response:
        short_id = request.path_params["id"]
        visitor, _ = _visitor(request)
        if not self.world.owns(short_id):
            state: dict[str, Any] = {"status": "removed", "id": short_id}
        else:
            truth = self.world.short(short_id)
            if truth.kind is Kind.LIVE:
                raise HTTPException(404)
            state = {"status": "ok", "item": self._item(truth, visitor, opened=True)}
            if state["item"].get("unavailable"):
                state = {"status": state["item"]["unavailable"], "id": short_id}
        return await self._page(request, "short", state, {})

    async def _page(self, request: Request, name: str, state: dict[str, Any], values: dict[str, Any]) -> Response:
        faults = self.faults.of_request()
        await self._delay(faults)
        visitor, is_new = _visitor(request)
        if "empty_answer" in faults:
            return Response(b"", media_type="text/html")
        if "empty" in faults:
            state = {"items": [], "hasMore": False} if name != "short" else {"status": "again"}
        text = json.dumps(state, ensure_ascii=False).replace("</", "<\\/")
        if "broken" in faults:
            text = text[: len(text) // 2]
        wall: str | None = next((kind for kind in ("login", "captcha") if kind in faults), None)
        if "consent" in faults and request.cookies.get("consent") is None:
            wall = "consent"
        body_wall = next((kind for kind in BODY_WALLS if kind in faults), None)
        html = self._templates.get_template("wall.html" if body_wall else f"{name}.html").render(
            name=name,
            state=text,
            wall=body_wall or wall,
            words=WALL_WORDS,
            time_scale=self.options.time_scale,
            language="en",
            **values,
        )
        headers = {"Cache-Control": "no-store"}
        if "rate_limit" in faults:
            headers["Retry-After"] = str(round(faults["rate_limit"].seconds or 60))
        response = HTMLResponse(html, 429 if "rate_limit" in faults else 200, headers)
        if is_new:
            response.set_cookie("visitor", visitor, max_age=YEAR, httponly=True, samesite="lax")
        return response

    # Calls

    async def api_search(self, request: Request) -> Response:
        query, cursor = request.query_params.get("q", ""), int(request.query_params.get("cursor", "0"))
        return await self._answer(lambda: self._results(query, cursor))

    async def api_feed(self, request: Request) -> Response:
        visitor, _ = _visitor(request)
        return await self._answer(lambda: self._feed(visitor))

    async def _answer(self, make: Callable[[], dict[str, Any]]) -> Response:
        faults = self.faults.of_request()
        await self._delay(faults)
        if "rate_limit" in faults:
            seconds = round(faults["rate_limit"].seconds or 60)
            return JSONResponse({"wall": "rate_limit"}, 429, {"Retry-After": str(seconds)})
        wall = next((kind for kind in ("login", "captcha", "bot_check") if kind in faults), None)
        if wall is not None:
            return JSONResponse({"wall": wall})
        if "empty_answer" in faults:
            return Response(b"", media_type="application/json")
        state = {"items": [], "hasMore": False} if "empty" in faults else make()
        text = json.dumps(state)
        return Response(text[: len(text) // 2] if "broken" in faults else text, media_type="application/json")

    async def api_watch(self, request: Request) -> Response:
        visitor, _ = _visitor(request)
        try:
            told = json.loads(await request.body())
            position = told["position"]
            event = WatchEvent(
                visitor=visitor,
                id=str(told["id"]),
                position=None if position is None else int(position),
                seconds=max(0.0, float(told["seconds"])),
                media_seconds=max(0.0, float(told["media_seconds"])),
                liked=bool(told["liked"]),
                at=self.now().isoformat(timespec="milliseconds"),
            )
        except (ValueError, KeyError, TypeError):
            raise HTTPException(400) from None
        self.visitors.watched(event)
        return JSONResponse({"position": self.visitors.feed(visitor).position})

    async def api_like(self, request: Request) -> Response:
        visitor, _ = _visitor(request)
        told = json.loads(await request.body())
        if "no_like" not in self.faults.of_short(told["id"]):
            self.visitors.like(visitor, told["id"], liked=bool(told["liked"]))
        return JSONResponse({"status": 0, "liked": self.visitors.likes(visitor, told["id"])})

    async def api_down(self, request: Request) -> Response:
        """A page tells that it is about to go down with a short (`crash`, `hang`), so that it happens once."""
        self.faults.spend(json.loads(await request.body())["id"])
        return JSONResponse({})

    # Media

    async def video(self, request: Request) -> Response:
        short_id = request.path_params["id"]
        if not self.world.owns(short_id) or "no_video" in self.faults.of_short(short_id):
            raise HTTPException(404)
        data = await asyncio.wrap_future(self.videos.get(short_id))
        return _ranged(request, data, "video/webm")

    async def photo(self, request: Request) -> Response:
        short_id = request.path_params["id"]
        if not self.world.owns(short_id):
            raise HTTPException(404)
        data = await asyncio.to_thread(jpeg, self.world, short_id)
        return Response(data, media_type="image/jpeg", headers={"Cache-Control": "max-age=3600"})

    def _encode(self, short_id: str) -> bytes:
        return webm(self.world, short_id, black="black" in self.faults.of_short(short_id))

    # State

    def _results(self, query: str, page: int) -> dict[str, Any]:
        pages = self.world.pages(query)
        items = [self._item(self.world.short(found), None) for found in self.world.search(query, page)]
        more = page + 1 < pages
        return {"items": items, "cursor": page + 1, "hasMore": more}

    def _feed(self, visitor: str) -> dict[str, Any]:
        items = []
        ahead = self.visitors.feed(visitor).ahead()
        for position, short_id in ahead[:4]:
            item = self._item(self.world.short(short_id), visitor, opened=True)
            items.append({**item, "position": position})
            if item.get("video"):
                self.videos.get(short_id)
        return {"items": items, "hasMore": len(ahead) > 1, "end": not ahead}

    def _item(self, truth: Truth, visitor: str | None, *, opened: bool = False) -> dict[str, Any]:
        """An item as the site's data shows it. `opened`: it will be on screen, so its faults come true."""
        counts = truth.counts(self.now())
        item: dict[str, Any] = {
            "id": truth.id,
            "type": "photo" if truth.kind is Kind.PHOTO else "video",
            "desc": truth.caption or "",
            "author": {"handle": truth.author},
            "hashtags": list(truth.hashtags),
            "duration": truth.duration,
            "createTime": int(truth.published.timestamp()),
            "language": truth.language,
            "sound": truth.sound,
            "subtitles": truth.subtitles,
            "paidPartnership": truth.paid_partnership,
            "aiGenerated": truth.ai_generated,
            "stats": {
                "views": counts.views,
                "likes": counts.likes,
                "comments": counts.comments,
                "shares": counts.shares,
            },
        }
        if truth.media_file is not None:
            item["mediaFile"] = truth.media_file
        if truth.kind is Kind.LIVE:
            return {"id": "", "type": "live", "desc": truth.caption or "", "author": item["author"]}
        if truth.kind is Kind.AD:
            item["isAd"] = True
        item["photo" if truth.kind is Kind.PHOTO else "video"] = (
            f"/photo/{truth.id}.jpg" if truth.kind is Kind.PHOTO else f"/video/{truth.id}.webm"
        )
        if opened and truth.kind is Kind.SHORT:
            if "unavailable" in self.faults.of_short(truth.id):
                return {"id": truth.id, "type": "video", "unavailable": self.faults.cause(truth.id)}
            if deadly := self.faults.deadly(truth.id):
                item["fault"] = deadly
        if opened and item.get("video"):
            self.videos.get(truth.id)
        item["liked"] = visitor is not None and self.visitors.likes(visitor, truth.id)
        return item

    async def _delay(self, faults: dict[str, Fault]) -> None:
        if "slow" in faults:
            await asyncio.sleep((faults["slow"].seconds or 30.0) / self.options.time_scale)


def _visitor(request: Request) -> tuple[str, bool]:
    """The visitor's id from the cookie, or a new one (True)."""
    known = request.cookies.get("visitor")
    if known:
        return known, False
    fresh = getattr(request.state, "visitor", None)
    if fresh is None:
        fresh = request.state.visitor = secrets.token_hex(8)
    return fresh, True


def _ranged(request: Request, data: bytes, media_type: str) -> Response:
    """The bytes, or the one range of them that was asked for (RFC 9110, 14)."""
    headers = {"Accept-Ranges": "bytes", "Cache-Control": "no-store"}
    unit, _, asked = request.headers.get("range", "").partition("=")
    first, _, last = asked.partition("-")
    if unit != "bytes" or "," in asked or not (first.isdigit() or last.isdigit()):
        return Response(data, media_type=media_type, headers=headers)
    start = int(first) if first else max(0, len(data) - int(last))
    end = min(len(data) - 1, int(last)) if first and last else len(data) - 1
    if start > end:
        return Response(status_code=416, headers={"Content-Range": f"bytes */{len(data)}"})
    headers["Content-Range"] = f"bytes {start}-{end}/{len(data)}"
    return Response(data[start : end + 1], 206, headers, media_type)
