"""The Instagram test server: the reels tab, single posts, the keyword search, likes, and the walls before them.

The weakest known of the sites: most of the DOM is `unproven` (see `PROOF`), its JSON answers are not. Pages are filled
by `pages/instagram_app.js` from the state in the page and from GraphQL answers, as on the site.
"""

import asyncio
import html
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, quote, urlsplit

from playwright.async_api import Request

from storage.chance import draw
from storage.records import Kind
from tests.sites import instagram_data as data
from tests.sites.base import Reply, Site, clip, thumbnail

PAGES = Path(__file__).parent / "pages"
RESULTS = 12
"""Items of one search answer."""
FIRST_ITEMS, NEXT_ITEMS = 2, 10
"""Items of the reels tab's first answer, and of each one after it."""
POST = re.compile(r"/(?:[\w.]+/)?(reels?|p)/([\w-]{5,})/?")
SHOWN = ("dead_button", "popup", "consent")
"""Faults that the page's script shows; the server itself does the rest."""
_WALL, _PAGE = "R: botsmaster_login_wall_sep2025.html", "R: metascraper_reel_page_jan2025.html"
_REST = "R: pgrimaud_reels_2021.json"
_FACTS = "platforms.md 3"
_CLIPS = "xdt_api__v1__clips__home__connection_v2.edges[].node.media"
UNPROVEN = "unproven"


class InstagramSite(Site):
    """Instagram as far as the facts describe it.

    Faults, each `name` or `name@N` (from the N-th page on, N from 1; `rate_limit` on that page only):
        login: the login form, with the state and the meta elements of what was asked for still in the page.
        challenge: the checkpoint of an account under suspicion.
        rate_limit: HTTP 429 with `Retry-After: 30`.
        empty: searches answer without items and do not say why.
        refuse_likes: a like is answered and not stored, and taken back 600 ms later.
        dead_button: the button for the next reel does nothing.
        popup: a dialog about notifications takes keys and clicks until it is dismissed.
        consent: a dialog about cookies does, on every page until they are declined or allowed.

    Attributes:
        logged_in: a visitor with an account. Without one only a post's own page is served, without its state.
        liked: codes of the likes that were stored.
        cookies: what the visitor chose about cookies, if asked: declined or allowed.
        unavailable: reason by code. They are listed in every search as if they could be seen.
        documents: pages asked for so far.
    """

    hosts = ("www.instagram.com", "scontent.cdninstagram.com")
    PROOF: ClassVar[Mapping[str, str]] = {
        # JSON
        'script[type="application/json"][data-sjs]': _WALL,
        "data-sjs: RelayPrefetchedStreamCache .. __bbox.result.data": _WALL,
        "data-sjs: define PolarisViewer {data, id}, PolarisSiteData.country_code, IntlCurrentLocale.code": _PAGE,
        "data-sjs: initialRouteInfo.route {url, params.shortcode, tracePolicy}": _PAGE,
        "tracePolicy polaris.privatePostPage": f"{UNPROVEN} (several projects' code)",
        "xdt_api__v1__media__shortcode__web_info.items[], and its errors without a login": f"{_FACTS} [R]",
        "POST /graphql/query PolarisClipsTabDesktopPaginationQuery": f"{_FACTS}, June 2026",
        f"{_CLIPS}: code, caption.text, like_count, play_count, user.username": f"{_FACTS}, June 2026",
        f"{_CLIPS}: taken_at, video_duration, product_type": f"{_FACTS}, June 2026",
        "xdt_fbsearch__top_serp_graphql.edges[].node.items[], view_count null": f"{_FACTS} [3] 2026",
        "code, pk, taken_at, media_type, product_type, comment_count, like_and_view_counts_disabled": _REST,
        "is_paid_partnership, clips_metadata.original_sound_info.original_audio_title": _REST,
        "clips_metadata.music_info.music_asset_info.title, reshare_count, gen_ai_detection_method": UNPROVEN,
        'product_type "ad", ad_action': f"{_FACTS} [3]",
        "POST /api/graphql usePolarisLikeMediaXIGLikeMutation": UNPROVEN,
        # Addresses and meta elements
        "/explore/search/keyword/?q=": f"{_FACTS} [3] 2026",
        "/reels/ -> /reels/CODE/; /reel/CODE/; /p/CODE/": f"{_FACTS} [5]",
        "meta og:title, og:description, og:url, twitter:title, description": _WALL,
        "/accounts/login/?next=, #loginForm, state and meta elements still there": _WALL,
        "/challenge/": f"{_FACTS} [R 2020 page]",
        # DOM
        '[aria-label="Reels navigation controls"] [aria-label="Navigate to next Reel"]': f"{_FACTS} [2] 2026",
        '[role="button"] svg[aria-label="Like"] / "Unlike"': f"{_FACTS} [6]",
        'svg[aria-label^="Direct"], svg[aria-label^="Messenger"]': f"{_FACTS}, Aug 2026",
        "main video (one for each reel, in a column that scrolls)": UNPROVEN,
        'main a[href^="/reel/"], a[href^="/p/"] (a search\'s grid)': UNPROVEN,
        'a[href^="/reels/CODE/"] in a reel': UNPROVEN,
        '[role="dialog"] button._a9_1 (the second button of a dialog, also of the one about cookies)': UNPROVEN,
        "main: Sorry, this page isn't available. / This account is private": UNPROVEN,
    }

    def __init__(
        self,
        *,
        size: int = 80,
        faults: Sequence[str] = (),
        rate: float = 8.0,
        seed: int = 1,
        logged_in: bool = True,
    ) -> None:
        super().__init__(size=size, faults=faults, rate=rate, seed=seed)
        self.logged_in = logged_in
        self.liked: set[str] = set()
        self.cookies: str | None = None
        self.documents = 0
        self.unavailable: dict[str, str] = {}
        self._items: dict[str, data.Item] = {}
        self._position = 0
        for cause in ("private", "removed"):
            item = self._item(data.make(seed, f"gone/{cause}", 0), cause)
            self.unavailable[item.code] = cause
        for number in range(size):
            self.feed_item(number)

    def failing(self, name: str) -> bool:
        """Whether this fault is on now."""
        for fault in self.faults:
            known, _, since = fault.partition("@")
            late = self.documents - int(since or 1)
            if known == name and (late == 0 or (late > 0 and name != "rate_limit")):
                return True
        return False

    def _item(self, item: data.Item, unavailable: str | None = None) -> data.Item:
        item = replace(item, unavailable=unavailable)
        self._items[item.code] = item
        self.truth[item.code] = replace(item.record(), unavailable=unavailable)
        return item

    def feed_item(self, number: int) -> data.Item:
        """The n-th reel of the feed that never ends; two of 20 are adverts."""
        kind = Kind.AD if number % 20 in (3, 6) else Kind.SHORT
        return self._item(data.make(self.seed, f"feed/{number}", number, kind))

    def results(self, topic: str, first: int, count: int) -> list[data.Item]:
        """Items of a search: most speak of the topic, some are in the feed too, some are pictures, two are gone."""
        gone = dict(zip((4, 9), self.unavailable, strict=True))
        found = []
        for place in range(first, first + count):
            if place in gone:
                found.append(self._items[gone[place]])
            elif place % 10 == 6:
                number = int(draw(self.seed, "shared", f"{topic}/{place}") * self.size)
                found.append(self.feed_item(number))
            else:
                kind = Kind.PHOTO if place % 11 == 8 else Kind.SHORT
                found.append(self._item(data.make(self.seed, f"{topic}/{place}", place, kind, topic)))
        return list({item.code: item for item in found if item.kind is not Kind.AD}.values())

    async def answer(self, request: Request) -> Reply | None:
        parts = urlsplit(request.url)
        if parts.hostname == "scontent.cdninstagram.com":
            return await self._media(parts.path)
        if parts.path.startswith("/rsrc/"):
            return self._script(parts.path.removeprefix("/rsrc/"))
        if request.method == "POST" and parts.path in ("/graphql/query", "/api/graphql"):
            form = {name: values[-1] for name, values in parse_qs(request.post_data or "").items()}
            return self._query(form.get("fb_api_req_friendly_name", ""), json.loads(form.get("variables", "{}")))
        return self._document(parts.path, parse_qs(parts.query).get("q", [""])[-1])

    async def _media(self, path: str) -> Reply | None:
        item = self._items.get(Path(path).stem)
        if item is None or item.unavailable:
            return None
        open_to_all = {"access-control-allow-origin": "*"}
        if path.startswith("/t/"):
            return Reply(body=thumbnail(item.code), content_type="image/jpeg", headers=open_to_all)
        body = await asyncio.to_thread(clip, item.code, item.seconds)
        return Reply(body=body, content_type="video/webm", headers=open_to_all)

    def _script(self, name: str) -> Reply | None:
        file = PAGES / name
        if file.parent != PAGES or not file.is_file():
            return None
        return Reply(body=file.read_bytes(), content_type="text/javascript; charset=utf-8")

    def _query(self, name: str, variables: Mapping[str, Any]) -> Reply | None:
        if name == "PolarisClipsTabDesktopPaginationQuery":
            return _json(data.feed_answer(self._next(NEXT_ITEMS), self._position))
        if name == "PolarisKeywordSearchExplorePageRelayQuery":
            return self._search(str(variables["query"]), int(variables["after"] or 0))
        if name == "PolarisFeedTimelineRootV2Query":
            return _json(data.background_answer(self.feed_item(self.size - 1)))
        if name == "chosen_cookies":
            self.cookies = str(variables["choice"])
            self.faults = {fault for fault in self.faults if not fault.startswith("consent")}
            return _json({"data": {}})
        if name == "usePolarisLikeMediaXIGLikeMutation":
            code = str(variables["code"])
            if not self.failing("refuse_likes"):
                (self.liked.add if variables["like"] else self.liked.discard)(code)
            return _json({"data": {"media": {"has_liked": code in self.liked}}})
        return None

    def _search(self, words: str, first: int) -> Reply:
        if self.failing("empty"):
            return _json(data.search_answer([], 0, more=False))
        count = max(0, min(RESULTS, self.size - first))
        found = self.results(words.casefold().lstrip("#"), first, count)
        return _json(data.search_answer(found, first + count, more=first + count < self.size))

    def _next(self, count: int) -> list[data.Item]:
        """The next reels of the feed, which never shows them again."""
        self._position += count
        return [self.feed_item(number) for number in range(self._position - count, self._position)]

    def _document(self, path: str, words: str) -> Reply | None:
        post = POST.fullmatch(path)
        if not (post or path in ("/", "/reels/", "/explore/search/keyword/")):
            return None
        self.documents += 1
        if self.failing("rate_limit"):
            return Reply(status=429, body="Please wait a few minutes", headers={"retry-after": "30"})
        item = self._items.get(post[2]) if post else None
        single = post is not None and post[1] in ("reel", "p")
        if self.failing("challenge"):
            return self._page(path, "challenge", moved="/challenge/")
        if self.failing("login") or not (self.logged_in or single):
            return self._page(path, "login", item, moved="/accounts/login/")
        if single:
            return self._page(path, "post", item) if item and not item.unavailable else self._gone(path, item)
        if path == "/":
            return self._page(path, "home")
        if path == "/explore/search/keyword/":
            return self._page(path, "search", words=words)
        reels = [*([item] if item else []), *self._next(FIRST_ITEMS)]
        prefetched = data.prefetched("PolarisClipsTabDesktopContainerQuery", data.feed_answer(reels, self._position))
        return self._page(path, "reels", require=[prefetched])

    def _gone(self, path: str, item: data.Item | None) -> Reply:
        if item is not None and item.unavailable == "private":
            words, policy = "This account is private", "polaris.privatePostPage"
        else:
            words, policy = "Sorry, this page isn't available.", "polaris.httpErrorPage"
        return self._page(path, "gone", code=item.code if item else None, words=words, policy=policy)

    def _page(
        self,
        path: str,
        view: str,
        item: data.Item | None = None,
        *,
        code: str | None = None,
        words: str = "",
        policy: str = "polaris.page",
        moved: str = "",
        require: Sequence[Any] = (),
    ) -> Reply:
        config = {
            "view": view,
            "words": words,
            "rate": self.rate,
            "logged_in": self.logged_in and view != "login",
            "moved": f"{moved}?next={quote(path, safe='')}" if moved else "",
            "faults": [name for name in SHOWN if self.failing(name)],
        }
        if item is not None:
            code = item.code
            result = data.post_state(item, logged_in=bool(config["logged_in"]))
            require = [*require, data.prefetched("PolarisPostRootQuery", result)]
            config["item"] = data.media(item)  # what the page plays; a visitor without a login gets it by other ways
        # A login that was asked for instead of the page keeps the page's own route (R: botsmaster_login_wall_sep2025).
        routed = ["CometPlatformRootClient", "init", [], [data.route(path, code, policy)]]
        states = [
            data.server_js(define=data.defines(logged_in=bool(config["logged_in"])), require=[routed]),
            *(data.server_js(require=[one]) for one in require),
        ]
        scripts = "".join(f'<script type="application/json" data-sjs>{_inside(state)}</script>' for state in states)
        given = data.meta(item) if item else {}
        metas = "".join(f'<meta property="{name}" content="{html.escape(said)}">' for name, said in given.items())
        title = "Login • Instagram" if view == "login" else "Instagram"
        return Reply(
            body=f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>{metas}'
            '<link rel="icon" href="data:,"></head><body><div id="mount"></div>'
            f'<script id="site-config" type="application/json">{_inside(config)}</script>{scripts}'
            '<script src="/rsrc/instagram_app.js"></script></body></html>'
        )


def _json(value: Any) -> Reply:
    return Reply(body=json.dumps(value, ensure_ascii=False), content_type="application/json; charset=utf-8")


def _inside(value: Any) -> str:
    """JSON that may stand inside a script element."""
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")
