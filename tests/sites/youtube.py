"""A YouTube of our own: results, the recycled Shorts player, every wall, on YouTube's own addresses."""

import asyncio
import base64
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import parse_qs, quote, unquote, urlsplit

from playwright.async_api import Request

from storage.chance import draw, shuffled
from tests.sites import youtube_pages as pages
from tests.sites import youtube_reel as reels
from tests.sites.base import Reply, Site, clip, thumbnail
from tests.sites.youtube_data import JSON, TOPICS, Item, make, make_other, reel_endpoint, shelf
from tests.sites.youtube_proof import PROOF

SHORTS_FILTER = "EgIQCQ"
DAYS = {"EgQIAhAJ": 1, "EgQIAxAJ": 7, "EgQIBBAJ": 30, "EgQIBRAJ": 365}
"""`sp` of the Shorts filter with an upload date, without padding -> days."""
NOTHING = "nothingatall"
PER_PAGE, PER_SEQUENCE = 20, 12
SCRIPTS = {
    "youtube.css": "youtube.css",
    "common.js": "youtube_common.js",
    "results.js": "youtube_results.js",
    "player.js": "youtube_player.js",
}
"""Name under /s/ -> file."""
PLAYER_FAULTS = ("dead_button", "dead_keys", "dead_wheel", "blank_bar", "comments_open", "auto_advance")
MISSING = ("private", "removed", "region", "age")


class YouTubeSite(Site):
    """The server.

    `truth` holds every short and every advertisement of the feed, by id, from the start; long videos and the results'
    advertisements are no items of a corpus and stand in `others`.

    Faults of pages: `thin_filter` (two hits under the Shorts filter), `dead_button`, `dead_keys`, `dead_wheel`,
    `blank_bar` (no action bar ever), `comments_open` (an open panel swallows keys and wheel), `auto_advance` (the
    player moves on at the end of a video), `refuse_likes` (a like flips back after 600 ms), `app_answers` (no
    microformat after in-page moves: the date is in the description panel only, without a time).
    Walls, `name@N` from the N-th document request on (N is 1 where not named), until taken out of `faults`:
    `consent_page`, `consent_dialog` (both until the visitor has chosen), `captcha` (google.com/sorry), `das_captcha`
    (YouTube's own page), `rate_limit` (one request, then it is spent), `bot_check`, `login`, `empty`.

    Attributes:
        logged_in: whether visitors are logged in, so that likes are accepted.
        liked: ids whose like the server has stored.
        unavailable: id -> age, private, removed, region.
        others: ids of long videos and of advertisements among results.
        documents: how many document requests of www.youtube.com there were.
        now: the moment from which ages are counted; upload-date filters use it.
    """

    hosts: ClassVar[tuple[str, ...]] = ("www.youtube.com", "consent.youtube.com", "www.google.com", "i.ytimg.com")
    PROOF: ClassVar[Mapping[str, str]] = PROOF

    def __init__(
        self,
        *,
        size: int = 80,
        faults: Sequence[str] = (),
        rate: float = 8.0,
        seed: int = 1,
        topics: Sequence[str] = TOPICS,
        logged_in: bool = False,
        hl: str = "en",
        gl: str = "US",
        now: datetime = datetime(2026, 11, 23, 12, tzinfo=UTC),
    ) -> None:
        super().__init__(size=size, faults=faults, rate=rate, seed=seed)
        self.logged_in, self.hl, self.gl, self.now = logged_in, hl, gl, now
        self.documents = 0
        self.liked: set[str] = set()
        gone = [MISSING[number // 10 % 4] if number % 10 == 7 else None for number in range(size)]
        made = [make(seed, number, now, tuple(topics), unavailable=gone[number]) for number in range(size)]
        self.shorts = {item.id: item for item in made}
        self.unavailable = {item.id: item.unavailable for item in made if item.unavailable}
        self.ads = {item.id: item for item in (make_other(seed, number, now, "ad") for number in range(6))}
        self.truth = {item.id: item.record() for item in (*made, *self.ads.values())}
        self.long = [make_other(seed, number, now, "long") for number in range(80)]
        self.result_ads = [make_other(seed, number, now, "result ad") for number in range(8)]
        self.others = {item.id for item in (*self.long, *self.result_ads)}

    async def answer(self, request: Request) -> Reply | None:
        parts = urlsplit(request.url)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        if parts.hostname == "i.ytimg.com":
            return Reply(body=thumbnail(parts.path.split("/")[2]), content_type="image/jpeg")
        if parts.hostname == "consent.youtube.com":
            return self._consent(parts.path, query, request)
        if parts.hostname == "www.google.com":
            sorry = parts.path.startswith("/sorry/")
            return Reply(status=429, body=pages.sorry_page(query.get("continue", ""))) if sorry else None
        if request.method == "POST":
            return self._call(parts.path.removeprefix("/youtubei/v1/"), json.loads(request.post_data or "{}"))
        if parts.path.startswith("/s/"):
            return _script(parts.path.removeprefix("/s/"))
        if parts.path == "/videoplayback":
            return await self._video(query.get("id", ""))
        if request.resource_type == "document":
            self.documents += 1
            return await self._document(parts.path, query, request)
        return None

    # Documents and walls

    def _walled(self, wall: str) -> bool:
        """Whether a wall stands at the document request that is counted last."""
        named = (fault.partition("@") for fault in self.faults)
        return any(name == wall and self.documents >= int(first or 1) for name, _, first in named)

    async def _document(self, path: str, query: JSON, request: Request) -> Reply | None:
        if self._walled("rate_limit"):
            self.faults = {fault for fault in self.faults if fault.partition("@")[0] != "rate_limit"}
            headers = {"Retry-After": "30"}
            return Reply(status=429, body="Too Many Requests", content_type="text/plain", headers=headers)
        if self._walled("captcha"):
            address = f"https://www.google.com/sorry/index?continue={quote(request.url, safe='')}&q=EgTL"
            return Reply(status=429, body=pages.elsewhere(address))
        if self._walled("das_captcha"):
            return Reply(status=429, body=pages.captcha_page(path))
        asks = (self._walled("consent_page") or self._walled("consent_dialog")) and not await _has_chosen(request)
        if asks and self._walled("consent_page") and "ucbcb" not in query:
            address = f"https://consent.youtube.com/m?continue={quote(request.url, safe='')}&gl={self.gl}&m=0&pc=yt"
            return Reply(body=pages.elsewhere(address))
        if path == "/":
            return self._page("results", "YouTube", pages.home_data(), asks=asks)
        if path == "/results":
            words = query.get("search_query", "")
            return self._page("results", f"{words} - YouTube", self._results(words, query.get("sp", "")), asks=asks)
        if path.rstrip("/") == "/shorts":
            return self._page("player", "YouTube", {"responseContext": reels.response_context()}, asks=asks)
        if path.startswith("/shorts/"):
            return self._short(path.split("/")[2], asks=asks)
        return None

    def _page(
        self, script: str, title: str, data: JSON, *, asks: bool, player: JSON | None = None, item: Item | None = None
    ) -> Reply:
        """A document. One in two carries the consent dialog hidden, where it is not asked for at all."""
        walls = [name for name, stands in (("consent_dialog", asks), ("login", self._walled("login"))) if stands]
        flags = {"test_rate": self.rate, "test_faults": [*walls, *(name for name in PLAYER_FAULTS if self._has(name))]}
        data["topbar"] = pages.topbar(self.gl, consent=asks or self.documents % 2 == 0)
        cfg = pages.ytcfg(hl=self.hl, gl=self.gl, logged_in=self.logged_in, test=flags)
        return Reply(body=pages.shell(script, title, cfg, data, player=player, item=item))

    def _has(self, fault: str) -> bool:
        return fault in self.faults

    def _consent(self, path: str, query: JSON, request: Request) -> Reply | None:
        if path == "/save" and request.method == "POST":
            form = parse_qs(request.post_data or "")
            choice = "CAESFggDEgk" if form.get("set_eom") == ["true"] else "CAISFggDEgk"
            cookie = f"SOCS={choice}; domain=.youtube.com; path=/; secure"
            return Reply(body=pages.elsewhere(form["continue"][0], cookie))
        return Reply(body=pages.consent_page(query.get("continue", "https://www.youtube.com/")))

    def _short(self, short_id: str, *, asks: bool) -> Reply:
        player, data = self._playable(short_id), self._reel(short_id, short_id, 0)
        item = self._item(short_id) if data else None
        title = f"{item.title} - YouTube" if item else "YouTube"
        data = data or {"responseContext": reels.response_context()}
        return self._page("player", title, data, asks=asks, player=player, item=item)

    # Search

    def _hits(self, words: str, sp: str) -> list[Item]:
        """All shorts for a query, those of its topic rather early; only those of the last days under a date filter."""
        days = DAYS.get(sp)
        kept = [item for item in self.shorts.values() if days is None or (self.now - item.published).days < days]

        def rank(item: Item) -> float:
            return draw(self.seed, f"rank {words}", item.id) - 0.6 * (item.topic in words.lower())

        hits = sorted(kept, key=rank)
        return hits[:2] if self._has("thin_filter") and _filtered(sp) else hits

    def _results(self, words: str, sp: str) -> JSON:
        if words == NOTHING:
            return pages.results_data([pages.no_results()], None, estimated=0)
        if self._walled("empty"):
            return pages.results_data([], None, estimated=0)
        contents, following, count = self._result_page(words, _clean(sp), 0)
        return pages.results_data(contents, following, estimated=count)

    def _result_page(self, words: str, sp: str, number: int) -> tuple[list[JSON], str | None, int]:
        """Contents of a page, the token of the next one, and how many hits there are."""
        hits = self._hits(words, sp)
        size = PER_PAGE if _filtered(sp) else PER_PAGE - 5
        chunk = hits[number * size : (number + 1) * size]
        if not chunk:
            return [pages.no_more()], None, len(hits)
        ad = self.result_ads[number % len(self.result_ads)]
        following = pages.token_of([words, sp, number + 1])
        if _filtered(sp):
            return pages.shorts_page(chunk, ad, self.hl), following, len(hits)
        long = [self.long[(number * 12 + place) % len(self.long)] for place in range(12)]
        contents = pages.plain_page(chunk, long, ad, words, self.hl, self.now)
        if number:  # a short may be listed again further down
            contents.append(shelf(hits[:1], self.hl))
        return contents, following, len(hits)

    # InnerTube

    def _call(self, name: str, body: JSON) -> Reply | None:
        if name == "search":
            words, sp, number = _read(body["continuation"])
            contents, following, count = self._result_page(words, sp, number)
            return _json(pages.next_results(contents, following, estimated=count))
        if name == "reel/reel_item_watch":
            return _json(self._item_watch(body))
        if name == "reel/reel_watch_sequence":
            start, position = _read(body.get("sequenceParams") or body.get("continuation")) or ("", 0)
            upcoming = range(position, position + PER_SEQUENCE)
            entries = [self._entry(start, place) for place in upcoming]
            return _json(reels.watch_sequence(entries, pages.token_of([start, upcoming.stop])))
        if name in ("like/like", "like/removelike"):
            return self._like(body["target"]["videoId"], name == "like/like")
        return None

    def _item(self, item_id: str) -> Item | None:
        return self.shorts.get(item_id) or self.ads.get(item_id)

    def _playable(self, item_id: str, *, microformat: bool = True) -> JSON:
        item = self._item(item_id)
        reason = "bot_check" if self._walled("bot_check") else self.unavailable.get(item_id)
        if reason or item is None:
            return reels.unplayable(reason or "removed")
        return reels.player_response(item, microformat=microformat)

    def _reel(self, item_id: str, start: str, position: int) -> JSON | None:
        """What stands over a short that plays; None for one that does not."""
        item = self._item(item_id)
        if item is None or item_id in self.unavailable or self._walled("bot_check"):
            return None
        sequence = pages.token_of([start, position])
        liked = self.logged_in and item_id in self.liked
        return reels.reel(item, self.now, sequence=sequence, logged_in=self.logged_in, liked=liked)

    def _item_watch(self, body: JSON) -> JSON:
        seedless = body.get("inputType") == "REEL_WATCH_INPUT_TYPE_SEEDLESS"
        item_id = self._entry("", 0)["reelWatchEndpoint"]["videoId"] if seedless else body["playerRequest"]["videoId"]
        if self._item(item_id) is None:
            return {}
        start, position = ("", 1) if seedless else (item_id, 0)
        player = self._playable(item_id, microformat=not self._has("app_answers"))
        return {**(self._reel(item_id, start, position) or {}), "playerResponse": player}

    def _entry(self, start: str, position: int) -> JSON:
        """What comes at a place of the feed that begins at a short: one place in six an advertisement, no end."""
        if position % 6 == 4:
            return reel_endpoint(list(self.ads)[position // 6 % len(self.ads)], ad=True)
        shown = [item_id for item_id in self.shorts if item_id not in self.unavailable and item_id != start]
        lap, place = divmod(position - (position + 1) // 6, len(shown))
        return reel_endpoint(shuffled(shown, self.seed, f"feed {start} {lap}")[place])

    def _like(self, item_id: str, likes: bool) -> Reply:
        if not self.logged_in or self._has("refuse_likes"):
            return Reply(status=403, body="{}", content_type="application/json")
        (self.liked.add if likes else self.liked.discard)(item_id)
        return _json({"responseContext": reels.response_context()})

    async def _video(self, item_id: str) -> Reply | None:
        item = self._item(item_id)
        if item is None:
            return None
        data = await asyncio.to_thread(clip, item.id, float(item.seconds))
        return Reply(body=data, content_type="video/webm")


async def _has_chosen(request: Request) -> bool:
    """Whether this visitor has accepted or rejected cookies."""
    cookies = await request.frame.page.context.cookies("https://www.youtube.com/")
    return any(cookie.get("name") == "SOCS" for cookie in cookies)


def _clean(sp: str) -> str:
    """A filter without its double encoding and padding."""
    return unquote(sp).rstrip("=")


def _filtered(sp: str) -> bool:
    return sp == SHORTS_FILTER or sp in DAYS


def _read(token: str | None) -> Any:
    return json.loads(base64.urlsafe_b64decode(unquote(token))) if token else None


def _json(value: JSON) -> Reply:
    return Reply(body=json.dumps(value, ensure_ascii=False), content_type="application/json; charset=UTF-8")


def _script(name: str) -> Reply | None:
    if name not in SCRIPTS:
        return None
    kind = "text/css" if name.endswith(".css") else "text/javascript"
    return Reply(body=(pages.PAGES / SCRIPTS[name]).read_text(), content_type=kind)
