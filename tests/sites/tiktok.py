"""The TikTok test server: three player layouts, the lists behind them, likes, unavailable videos and every wall.

Feed column on `/foryou` and `/@USER/video/ID`, browse mode over `/search`, `/tag` and `/explore`, cinema mode over
the feed. Pages are filled by scripts (`pages/tiktok_*.js`) from the state in the page and from API answers, as on
the site. Results and feeds are made as they are asked for, so that `truth` grows.
"""

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from playwright.async_api import Request

from storage.chance import draw
from storage.records import Kind
from tests.sites import tiktok_data as data
from tests.sites.base import Reply, Site, clip, thumbnail
from tests.sites.tiktok_proof import PROOF

PAGES = Path(__file__).parent / "pages"
STATIC = "/ttwstatic/"
RESULTS = 12
"""Items of one search answer."""
FIRST_ITEMS = 3
"""Items in the state of the feed page."""
TITLE = "TikTok - Make Your Day"
NOTHING = "nothingatall"
"""The query that finds nothing."""
USER = {"uid": "7", "uniqueId": "our.own.visitor", "nickName": "Visitor"}
WAITING = ("needs_mouse", "dead_button", "dead_keys", "dead_wheel", "keyboard_guide")
LASTING = (*WAITING, "captcha", "login", "login_search", "empty", "consent", "error_card")
"""Faults that the page's scripts show; the server itself does the rest."""
ONCE = ("rate_limit", "error_card")
LIKE = re.compile(r"/api/commit/item/digg/")
VIDEO = re.compile(r"/@[^/]*/(?:video|photo)/(\d+)")
MEDIA = re.compile(r"/(video/tos/|obj/)(\d+)(?:\.jpeg)?")
LISTS = {
    "/api/search/general/full/": (data.search_all, "keyword", "cursor"),
    "/api/search/item/full/": (data.search_videos, "keyword", "cursor"),
    "/api/challenge/item_list/": (data.item_list, "challengeName", "cursor"),
}


class TikTokSite(Site):
    """TikTok as far as the facts describe it.

    Faults, each `name` or `name@N` (from the N-th page on, N from 1; `rate_limit` and `error_card` on that page only):
        captcha, login, login_search, consent, error_card: what the visitor sees.
        rate_limit: HTTP 429 with `Retry-After: 30`.
        verify: list answers are `{"type": "verify"}` and, each second time, empty.
        empty: search and tag pages have a header and no items, and do not say why.
        needs_mouse: lists stay empty until the mouse has moved.
        keyboard_guide: after three moves in the feed a dialog takes the keys; Escape closes it.
        dead_button, dead_keys, dead_wheel: this way to move on does nothing.
        refuse_likes: a like is answered with `status_code 0`, not stored, and taken back 600 ms later.

    Attributes:
        logged_in: a visitor with an account. Without one, a like opens the login dialog.
        cinema: the feed page is covered by cinema mode.
        canvas_player: frames are drawn on a canvas over a hidden `video`.
        nav: `class` (Dec 2025) or `e2e` (newer): how the feed's two arrows can be told.
        liked: ids of the likes that were stored.
        unavailable: reason by id. They are listed in every search as if they could be seen.
        documents: pages asked for so far.
    """

    hosts = ("www.tiktok.com",)
    PROOF = PROOF

    def __init__(self, *, size: int = 80, faults: Sequence[str] = (), rate: float = 8.0, seed: int = 1) -> None:
        super().__init__(size=size, faults=faults, rate=rate, seed=seed)
        self.logged_in = False
        self.cinema = False
        self.canvas_player = False
        self.nav = "class"
        self.liked: set[str] = set()
        self.documents = 0
        self._items: dict[str, data.Item] = {}
        self._position = 0
        self._answers = 0
        self._status: dict[str, int] = {}
        for number in range(size):
            self.feed_item(number)
        for place, status in enumerate(data.STATUS.values()):
            self._status[self._item(f"gone/{place}", 3 * place).id] = status
        self.unavailable = {
            item_id: "removed" if status == data.STATUS["removed"] else "private"
            for item_id, status in self._status.items()
        }

    def failing(self, name: str) -> bool:
        """Whether this fault is on now."""
        for fault in self.faults:
            known, _, since = fault.partition("@")
            late = self.documents - int(since or 1)
            if known == name and (late == 0 or (late > 0 and name not in ONCE)):
                return True
        return False

    def _item(self, key: str, number: int, kind: Kind = Kind.SHORT, topic: str | None = None) -> data.Item:
        item = data.make(self.seed, key, number, kind, topic)
        self._items[item.id] = item
        self.truth[item.id] = data.record(item)
        return item

    def feed_item(self, number: int) -> data.Item | None:
        """The n-th item of the feed that never ends; None for a live room. Of 20 items two are adverts (in a row),
        one is a live room and one a photo post."""
        kind = {5: Kind.AD, 6: Kind.AD, 11: Kind.LIVE, 14: Kind.PHOTO}.get(number % 20, Kind.SHORT)
        return None if kind is Kind.LIVE else self._item(f"feed/{number}", number, kind)

    def results(self, source: str, topic: str, first: int, count: int) -> list[data.Item]:
        """Items of a result list (`source` and `topic` name it): most speak of the topic, some are in every list
        (those that are unavailable), some in the feed too, and some are photo posts."""
        gone = dict(zip((4, 9, 15), self._status, strict=True))
        found = []
        for place in range(first, first + count):
            if source != "explore" and place in gone:
                found.append(self._items[gone[place]])
            elif place % 10 == 6 and (shared := self._shared(f"{topic}/{place}")):
                found.append(shared)
            else:
                kind = Kind.PHOTO if place % 11 == 8 else Kind.SHORT
                found.append(self._item(f"{source}/{topic}/{place}", place, kind, topic))
        return list({item.id: item for item in found}.values())

    def _shared(self, key: str) -> data.Item | None:
        number = int(draw(self.seed, "shared", key) * self.size)
        item = self.feed_item(number)
        return item if item and item.kind is Kind.SHORT else None

    async def answer(self, request: Request) -> Reply | None:
        parts = urlsplit(request.url)
        path = unquote(parts.path)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        if path.startswith(STATIC):
            return self._script(path.removeprefix(STATIC))
        if media := MEDIA.fullmatch(path):
            return await self._media(media[1], media[2])
        if LIKE.match(path):
            return self._like(query)
        if path.startswith("/api/"):
            return self._list(path, query)
        return self._document(path, query)

    def _script(self, name: str) -> Reply | None:
        file = PAGES / name
        if file.parent != PAGES or not file.is_file():
            return None
        kind = "text/css" if file.suffix == ".css" else "text/javascript"
        return Reply(body=file.read_bytes(), content_type=f"{kind}; charset=utf-8")

    async def _media(self, folder: str, item_id: str) -> Reply | None:
        item = self._items.get(item_id)
        if item is None:
            return None
        if folder == "obj/":
            return Reply(body=thumbnail(item_id), content_type="image/jpeg")
        if item_id in self._status or not item.duration:
            return None
        return Reply(body=await asyncio.to_thread(clip, item_id, float(item.duration)), content_type="video/webm")

    def _like(self, query: Mapping[str, str]) -> Reply:
        item_id, wanted = query.get("aweme_id", ""), query.get("type") == "1"
        if not self.logged_in:
            return _json({"status_code": 8, "status_msg": "Login expired"})
        if not self.failing("refuse_likes"):
            (self.liked.add if wanted else self.liked.discard)(item_id)
        return _json({"status_code": 0, "is_digg": int(item_id in self.liked)})

    def _list(self, path: str, query: Mapping[str, str]) -> Reply | None:
        if self.failing("verify"):
            self._answers += 1
            return _json({"type": "verify"}) if self._answers % 2 else Reply(content_type="application/json")
        if path in ("/api/recommend/item_list/", "/api/related/item_list/"):
            count = 10 + int(draw(self.seed, "answer", str(self._position)) * 4)
            items = self._next(count)
            return _json(data.item_list(items, len(items), more=True))
        if path == "/api/explore/item_list/":
            first = int(query.get("cursor", 0))
            shown = self._structs(self.results("explore", "explore", first, RESULTS))
            return _json(data.item_list(shown, first + RESULTS, more=True))
        if path not in LISTS:
            return None
        build, topic_name, cursor_name = LISTS[path]
        topic, first = query.get(topic_name, "").strip(), int(query.get(cursor_name, 0))
        if self.failing("empty"):
            return _json(build([], first, more=True))
        size = 0 if topic == NOTHING else self.size
        count = max(0, min(RESULTS, size - first))
        source = "tag" if "challenge" in path else "search"
        shown = self._structs(self.results(source, topic.casefold(), first, count))
        return _json(build(shown, first + count, more=first + count < size))

    def _structs(self, items: Sequence[data.Item], *, page: bool = False) -> list[dict[str, Any]]:
        return [data.struct(item, page=page, liked=item.id in self.liked) for item in items]

    def _next(self, count: int, *, page: bool = False) -> list[dict[str, Any]]:
        """The next items of the feed as JSON; a feed never shows them again."""
        shown = []
        for number in range(self._position, self._position + count):
            item = self.feed_item(number)
            shown += self._structs([item], page=page) if item else [data.live_room(self.seed, number)]
        self._position += count
        return shown

    def _document(self, path: str, query: Mapping[str, str]) -> Reply | None:
        video = VIDEO.fullmatch(path)
        tag = re.fullmatch(r"/tag/([^/]+)", path)
        if not (video or tag or path in ("/", "/foryou", "/search", "/search/video", "/explore")):
            return None
        self.documents += 1
        if self.failing("rate_limit"):
            return Reply(status=429, body="Too many requests", headers={"retry-after": "30"})
        if video:
            return self._video_page(video[1])
        if tag:
            return self._cards("challenge", tag[1], title=f"#{tag[1]} | TikTok")
        if path == "/explore":
            return self._cards("explore", "", title="Explore - Find your favourite videos on TikTok")
        if path.startswith("/search"):
            topic = query.get("q", "")
            kind = "search_video" if path.endswith("/video") else "search_top"
            return self._cards(kind, topic, title=f"Find '{topic}' on TikTok | TikTok Search")
        states = {"updated_items": self._next(FIRST_ITEMS, page=True)}
        return self._page("tiktok_feed.html", {"layout": "feed", "cinema": self.cinema}, TITLE, states)

    def _video_page(self, item_id: str) -> Reply:
        item = self._items.get(item_id)
        status = self._status.get(item_id, 0 if item else data.STATUS["removed"])
        if item is None or status:
            states = {"video_detail": data.detail(None, status)}
            return self._page("tiktok_unavailable.html", {"layout": "none"}, TITLE, states)
        states = {"video_detail": data.detail(item, liked=item_id in self.liked)}
        config = {"layout": "video", "cinema": self.cinema}
        return self._page("tiktok_feed.html", config, f"{item.author} on TikTok | TikTok", states)

    def _cards(self, kind: str, topic: str, *, title: str) -> Reply:
        return self._page("tiktok_cards.html", {"layout": "cards", "list": kind, "topic": topic}, title, {})

    def _page(self, main: str, config: Mapping[str, Any], title: str, states: Mapping[str, Any]) -> Reply:
        settings = {
            **config,
            "rate": self.rate,
            "logged_in": self.logged_in,
            "canvas_player": self.canvas_player,
            "nav": self.nav,
            "nothing": NOTHING,
            "faults": [name for name in LASTING if self.failing(name)],
        }
        body = (PAGES / "tiktok_page.html").read_text("utf-8")
        values = {
            "main": (PAGES / main).read_text("utf-8"),
            "title": title.replace("&", "&amp;").replace("<", "&lt;"),
            "state": _script_json(data.scope(USER if self.logged_in else None, **states)),
            "config": _script_json(settings),
        }
        for name, value in values.items():
            body = body.replace("{{" + name + "}}", value)
        return Reply(body=body)


def _json(value: Any) -> Reply:
    return Reply(body=json.dumps(value, ensure_ascii=False), content_type="application/json; charset=utf-8")


def _script_json(value: Any) -> str:
    """JSON that may stand inside a script element."""
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")
