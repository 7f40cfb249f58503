"""TikTok on the desktop web: search, hashtag pages and For You. Each `proof` names a recording or a dated fact.

`TikTok.parse` knows an item by its structure wherever it lies: in the rehydration state, in SIGI_STATE, and in the
answers of the search, recommend, challenge, explore, related and post lists. By name it knows only `cards`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import quote, quote_plus

from playwright.async_api import Page

from agent.platforms.base import REST, RESTS, Pace, SiteFacts, Wall, WallSeen
from agent.platforms.page import Selector, Sign, State
from agent.platforms.page_data import merged
from agent.platforms.player import Shown, looking
from agent.platforms.reading import at, count, hashtags, moment, text, unique, whole
from agent.platforms.web import ANSWER_TIMEOUT, WebPlatform
from storage.records import Kind, Record

SITE = "https://www.tiktok.com"
VIDEO_ID = re.compile(r"[1-9]\d{17,19}", re.ASCII)
SNAKE = re.compile(r"(?<=[a-z])(?=[A-Z])")
CARD = re.compile(r"/@([^/?#]*)/(video|photo)/([1-9]\d{17,19})(?!\d)", re.ASCII)
LONGEST = 6 * 3600
"""Seconds; a longer video is junk (735,401 was seen)."""
PARTS = {"video": ("duration", "playAddr", "cover"), "imagePost": ("images",), "stats": ("playCount", "diggCount")}
"""An object with a video's id and one of these is an item; people, sounds and hashtags have ids, but none of these."""
UNAVAILABLE_CODES = {10204: "removed", 10216: "private", 10222: "private", 10231: "region"}
"""`statusCode` of a video page without its item. 10204 has many causes: `statusMsg` is asked first."""
UNAVAILABLE_MESSAGES = {
    "removed": r"status_(deleted|audit|review)|author_status|vigo",
    "region": r"cross_border|geo_?f",
    "age": r"content_classification",
    "private": r"(self|friend)_see|author_secret|privacy",
}
PAID: Mapping[int | None, bool] = {2: True, 0: False}
"""`adLabelVersion` of what is no advert."""
PASSING = (Wall.EMPTY, Wall.BOT_CHECK)
KEPT = ("isAd", "adLabelVersion", "adAuthorization", "brandOrganicType", "aigcLabelType", "isContentClassified")
"""Flags that `extra` keeps, as `is_ad` and so on."""

_COLUMN, _BROWSE = "metascraper_video_rendered_dec2025", "captcha_puzzle_over_browse_mode_apr2025"
_CINEMA = '[role="dialog"][aria-label="Cinema mode"]'
_KNOWN = '[aria-label="Cinema mode"], [class*="BrowserMode"], .captcha-verify-container, [data-e2e="login-modal"]'
_SHOWN = """
() => {
  const inMiddle = (one, middle) => {
    const {top, bottom, height} = one.getBoundingClientRect();
    return height > 50 && Math.abs((top + bottom) / 2 - middle) < height / 4 && one.checkVisibility();
  };
  const told = (slot, area, more) => {
    const wrapper = [...area.querySelectorAll('[id^="xgwrapper-"]')].find(one => inMiddle(one, innerHeight / 2));
    const id = wrapper?.id.match(/-(\\d{15,})$/)?.[1] ?? null, video = wrapper?.querySelector('video') ?? null;
    const {x, y, width, height} = (slot === area ? wrapper ?? area : area).getBoundingClientRect();
    if (wrapper && !(id && (video || wrapper.querySelector('canvas')))) return null;
    return {place: id, id, video, slot, box: {x, y, width, height}, ...more};
  };
  const cinema = document.querySelector('CINEMA'), stage = document.querySelector('[data-e2e="browse-video"]');
  if (cinema?.checkVisibility()) return [told(cinema, cinema, {})].find(seen => seen?.id) ?? null;
  const browse = stage?.closest('[role="dialog"], [class*="DivBrowserModeContainer"]');
  if (browse?.checkVisibility()) {  // here the address names the video
    const [, path, id] = location.pathname.match(/\\/(video|photo)\\/(\\d+)/) ?? [];
    const seen = id && told(browse, stage, {photo: path === 'photo'});
    return seen && (seen.id ?? id) === id ? {...seen, place: id, id} : null;
  }
  const column = document.querySelector('#column-list-container')?.getBoundingClientRect();
  const middle = column ? (Math.max(column.top, 0) + Math.min(column.bottom, innerHeight)) / 2 : innerHeight / 2;
  const slots = [...document.querySelectorAll('[data-e2e="recommend-list-item-container"]')];
  const slot = slots.find(one => inMiddle(one, middle)), area = slot?.querySelector('[data-e2e="feed-video"]');
  if (!area) return null;  // an empty shell: not filled yet
  const ad = [...area.querySelectorAll('p, span')].some(one => one.textContent.trim() === 'Sponsored');
  const seen = told(slot, area, {ad});
  if (!seen || seen.id) return seen;
  const live = Boolean(area.querySelector('a[href$="/live"]'));
  const photo = !live && Boolean(area.querySelector('[class*="Photo"] img, .swiper-slide img'));
  const author = slot.querySelector('[data-e2e="video-author-avatar"]')?.getAttribute('href')?.slice(2);
  return live || photo ? {...seen, place: `slot ${slots.indexOf(slot)}`, live, photo, author} : null;
}
""".replace("CINEMA", _CINEMA)
_CARDS = """
() => [...[...document.querySelectorAll('CARDS')].map(card => {
  const said = css => card.parentElement.querySelector(css)?.textContent.replace(/\\s+/g, ' ');
  return {href: card.querySelector('a[href*="/video/"], a[href*="/photo/"]')?.href, alt: card.querySelector('img')?.alt,
          caption: said('[data-e2e="search-card-video-caption"]'), views: said('[data-e2e="video-views"]'),
          likes: said('[data-e2e$="card-like-container"]'), language: document.documentElement.lang};
}), ...[...document.querySelectorAll('[data-e2e$="-video"] [id^="xgwrapper-"]')].map(player => (
  {href: `/@_/video/${player.id.split('-').pop()}`}))]
"""


class TikTok(WebPlatform):
    """TikTok on the desktop web, logged out or in a profile of one's own."""

    name: ClassVar[str] = "tiktok"
    hosts: ClassVar[tuple[str, ...]] = ("www.tiktok.com",)
    pace: ClassVar[Pace] = Pace(min_delay=5.0, views_per_hour=300, rest=REST, rests=RESTS)
    example: ClassVar[str] = f"{SITE}/@_/video/6718335390845095173"
    start_address: ClassVar[str] = f"{SITE}/explore"
    feed_address: ClassVar[str] = f"{SITE}/foryou"
    short_address: ClassVar[str] = SITE + "/@_/video/{id}"
    endpoints: ClassVar[Mapping[str, str]] = {
        "/api/search/general/full": "search",
        "/api/search/item/full": "search",
        "/api/challenge/item_list": "challenge",
        "/api/recommend/item_list": "recommend",
        "/api/related/item_list": "related",
        "/api/explore/item_list": "explore",
        "/api/item/detail": "detail",
    }
    lists: ClassVar[frozenset[str]] = frozenset({"search", "challenge"})
    marks: ClassVar[tuple[str, ...]] = ("__UNIVERSAL_DATA_FOR_REHYDRATION__", "captcha-verify-container", "tiktok-")
    states: ClassVar[tuple[State, ...]] = (
        State(kind="state", css="script#__UNIVERSAL_DATA_FOR_REHYDRATION__", proof=f"R {_COLUMN}"),
        State(kind="state", css="script#SIGI_STATE", proof="facts 2.5 [R 2023]"),
        State(kind="state", name="SIGI_STATE", proof="facts 2.5 (old)"),
    )
    signs: ClassVar[tuple[Sign, ...]] = (
        Sign(wall=Wall.CAPTCHA, css=".captcha-verify-container, #captcha-verify-image", proof=f"R {_BROWSE}"),
        Sign(wall=Wall.CAPTCHA, css=".captcha-disable-scroll, #captcha_container iframe", proof="facts 2.7 (old)"),
        Sign(wall=Wall.LOGIN, css='[data-e2e="login-modal"]', proof="R pak_login_modal_over_video_nov2025"),
        Sign(wall=Wall.LOGIN, url=r"tiktok\.com/login"),
        Sign(wall=Wall.LOGIN, css="main", text=r"log in to see more search results", proof="facts 2.3 [3]"),
        Sign(wall=Wall.BOT_CHECK, css="body", text=r"^\W*please wait\W*$", proof="facts 2.7 (yt-dlp, Aug 2026)"),
        Sign(
            wall=Wall.CONSENT,
            css="tiktok-cookie-banner >>> button",
            reject="tiktok-cookie-banner >>> button:first-of-type:not(:last-of-type)",
            proof="facts 2.7 (shadow root); the order of its buttons: three tools' code",
        ),
        Sign(
            wall=Wall.EMPTY,
            css='body:not(:has([data-e2e="challenge-item"])) [data-e2e="challenge-title"]',
            proof="facts 2.3 [R Jul 2025]",
        ),
    )
    selectors: ClassVar[Mapping[str, tuple[Selector, ...]]] = {
        "card": (
            Selector('[data-e2e="search_top-item"]', "R trex_search_rendered_oct2022"),
            Selector('[data-e2e="search_video-item"]', "facts 2.3 [10+] Jul 2026"),
            Selector('[data-e2e="challenge-item"]', "facts 2.3 [10+] Jul 2026"),
            Selector('[data-e2e="explore-item"]', "R mryeje_explore_rendered_sep2025"),
            Selector('[data-e2e="user-post-item"]', "R metascraper_profile_rendered_dec2025"),
        ),
        "slot": (
            Selector('article[data-e2e="recommend-list-item-container"]', f"R {_COLUMN}"),
            Selector('div[data-e2e="recommend-list-item-container"]', "R trex_video_page_rendered_aug2022"),
        ),
        "video": (
            Selector('section[data-e2e="feed-video"] [id^="xgwrapper-"] video', f"R {_COLUMN}"),
            Selector('[data-e2e="browse-video"] video', f"R {_BROWSE}"),
            Selector(f"{_CINEMA} video", "facts 2.2"),
        ),
        "like": (
            Selector('button[aria-pressed]:has([data-e2e="like-icon"])', f"R {_COLUMN}"),
            Selector('button:has([data-e2e="browse-like-icon"])', f"R {_BROWSE}"),
            Selector('button[aria-label^="Like video"]', f"R {_COLUMN}"),
        ),
        "next": (
            Selector(f'{_CINEMA} button[aria-label="Next video"]', "facts 2.2"),
            Selector('[data-e2e="arrow-right"]:enabled', f"R {_BROWSE}"),
            Selector('[data-e2e="feed-navigation-next"]:not(:disabled)', "facts 2.4 [9] 2026"),
            Selector('aside [class*="DivFeedNavigationContainer"] > :last-child button:enabled', f"R {_COLUMN}"),
        ),
        "login": (Selector('[data-e2e="login-modal"]', "R pak_login_modal_over_video_nov2025"),),
        "guide": (Selector(f'[role="dialog"]:not({_KNOWN})', "facts 2.7 (small dialogs that Escape closes)"),),
    }
    shown_script: ClassVar[str] = _SHOWN
    cards_script: ClassVar[str] = _CARDS.replace("CARDS", ", ".join(card.css for card in selectors["card"]))

    def search_addresses(self, keyword: str) -> Sequence[str]:
        tag = re.sub(r"[\s#]+", "", keyword)
        return f"{SITE}/search?q={quote_plus(keyword)}", f"{SITE}/tag/{quote(tag)}"

    def address_of(self, record: Record) -> str:
        address = super().address_of(record)
        return address.replace("/video/", "/photo/") if record.kind is Kind.PHOTO else address

    @staticmethod
    def parse(raw: Any, kind: str) -> list[Record]:
        """Items in page order, each once; what a page without its item says of it has no id."""
        found: dict[str, Record] = {}
        for record in _of_cards(raw) if kind == "cards" else _records(raw):
            name = record.platform_id or f"nameless {len(found)}"
            found[name] = merged(record, found.get(name))
        return list(found.values())

    @staticmethod
    def wall_in(raw: Any, kind: str) -> Wall | None:
        if at(raw, "type") == "verify":
            return Wall.CAPTCHA
        return Wall.EMPTY if raw is None and kind in ("search", "challenge", "recommend") else None

    @staticmethod
    def ended_in(raw: Any, kind: str) -> bool:
        return any(whole(said) == 0 or said is False for said in (at(raw, "has_more"), at(raw, "hasMore")))

    @staticmethod
    def facts_in(raw: Any, kind: str) -> SiteFacts | None:
        context = at(raw, "__DEFAULT_SCOPE__", "webapp.app-context") or at(raw, "AppContext", "appContext")
        if not isinstance(context, dict):
            return None
        logged_in = bool(at(context.get("user"), "uid"))
        return SiteFacts(
            country=text(context.get("region")), language=text(context.get("language")), logged_in=logged_in
        )

    # On the page

    async def _wake(self, page: Page) -> None:
        """Move the pointer, and ask again where an error card stands in place of the list."""
        await super()._wake(page)
        again = page.get_by_role("button", name="Refresh", exact=True).first
        async for _ in looking(ANSWER_TIMEOUT):
            if await again.is_visible():
                await again.click(timeout=ANSWER_TIMEOUT * 1000)
            elif await self._visible(page, "slot") or await self._visible(page, "card") or self._data(page).ended:
                return

    async def clear_view(self, page: Page) -> None:
        if await self._visible(page, "guide"):
            await page.keyboard.press("Escape")

    async def nothing_found(self, page: Page) -> bool:
        said = page.get_by_text(re.compile(r"^No results found", re.IGNORECASE)).first
        return self._data(page).ended or await said.is_visible()

    async def wall(self, page: Page) -> WallSeen | None:
        """A list that is empty for the moment and a check that a browser passes by itself are given time to go."""
        seen, data = await super().wall(page), self._data(page)
        if seen is not None and seen.wall in PASSING:
            await super()._wake(page)
            async for _ in looking(ANSWER_TIMEOUT):
                seen = await super().wall(page)
                if seen is None or seen.wall not in PASSING or data.wall or data.ended:
                    break
        is_more = seen is not None and seen.wall is Wall.LOGIN and not await self._visible(page, "login")
        if is_more and await self._visible(page, "card"):
            data.ended, seen = True, data.wall  # only more of the list asks for a login: it ends here
        return None if seen and seen.wall is Wall.EMPTY and data.ended else seen

    async def _record_of(self, page: Page, shown: Shown) -> Record:
        """A photo post's id stands nowhere on its card: it is the one of this author among the page's data."""
        posts = [one for one in self._data(page).records.values() if one.kind is Kind.PHOTO]
        named = [one for one in posts if one.author and one.author == shown.marks.get("author")]
        if shown.id is None and shown.marks.get("photo") and len(named) == 1:
            return named[0]
        return await super()._record_of(page, shown)


def _records(raw: Any) -> Iterator[Record]:
    """Every item, and every refusal to show one, in page order."""
    stack = [raw]
    while stack:
        node = stack.pop()
        if isinstance(node, list):
            stack += reversed(node)
        elif isinstance(node, dict):
            cause, item = _unavailable(node), at(node, "itemInfo", "itemStruct")
            if _is_item(node):
                yield _record(node)
            elif cause is None:
                stack += reversed([_entered(key, value) for key, value in node.items()])
            elif _is_item(item):
                yield replace(_record(item), unavailable=cause)
            else:
                yield Record(platform="tiktok", platform_id=None, unavailable=cause)


def _entered(key: str, value: Any) -> Any:
    """What may hold items: of a search's entries only videos (1); and a profile's status is not about a video."""
    if key == "data" and isinstance(value, list):
        return [entry for entry in value if whole(at(entry, "type")) in (None, 1)]
    is_profile = isinstance(value, dict) and "user" in key.lower()
    return {**value, "statusCode": 0} if is_profile else value


def _is_item(node: Any) -> bool:
    if not isinstance(node, dict):
        return False
    parts = (at(node, part, name) for part, names in PARTS.items() for name in names)
    is_video = _id(node) is not None and (any(part is not None for part in parts) or _is_classified(node))
    return is_video or ("id" in node and isinstance(node.get("liveRoomInfo"), dict))


def _id(node: Mapping[str, Any]) -> str | None:
    given = node.get("id")
    written = str(given) if isinstance(given, str | int) else ""
    return written if VIDEO_ID.fullmatch(written) else None


def _is_classified(node: Mapping[str, Any]) -> bool:
    """Kept from the young: the item is named, but has nothing to play."""
    return node.get("isContentClassified") is True and not (at(node, "video", "playAddr") or node.get("imagePost"))


def _unavailable(node: Mapping[str, Any]) -> str | None:
    code = whole(node.get("statusCode"))
    if not code:
        return None
    message = str(node.get("statusMsg"))
    causes = (cause for cause, words in UNAVAILABLE_MESSAGES.items() if re.search(words, message))
    return next(causes, UNAVAILABLE_CODES.get(code))


def _record(node: Mapping[str, Any]) -> Record:
    video_id, room = _id(node), node.get("liveRoomInfo")
    is_photo = isinstance(node.get("imagePost"), dict)
    is_live = isinstance(room, dict) or (video_id is None and node.get("containerType") == 2)
    kinds = {Kind.AD: node.get("isAd") is True, Kind.LIVE: is_live, Kind.PHOTO: is_photo}
    caption = text(node.get("desc")) or text(at(room, "title")) or text(at(node, "imagePost", "title"))
    author = text(at(node, "author", "uniqueId")) or text(node.get("author")) or text(at(room, "ownerInfo", "uniqueId"))
    created = moment(node.get("createTime"))
    language = text(node.get("textLanguage"))
    ai_mark, ai_label = node.get("IsAigc"), whole(node.get("aigcLabelType"))
    unavailable = "private" if node.get("privateItem") is True else "age" if _is_classified(node) else None
    return Record(
        platform="tiktok",
        platform_id=video_id,
        kind=next((kind for kind, is_it in kinds.items() if is_it), Kind.SHORT),
        url=_address(author, video_id, is_photo) if video_id else None,
        caption=caption,
        author=author,
        hashtags=_hashtags(node) or hashtags(caption),
        duration=_seconds(at(node, "video", "duration")),
        published=created or moment(int(video_id or 0) >> 32),  # part of an id, at most minutes earlier
        views=_counted(node, "playCount"),
        likes=_counted(node, "diggCount"),
        comments=_counted(node, "commentCount"),
        shares=_counted(node, "shareCount"),
        language=None if language == "un" else language,
        sound=text(at(node, "music", "title")),
        paid_partnership=None if kinds[Kind.AD] else PAID.get(whole(node.get("adLabelVersion"))),
        ai_generated=True if ai_mark is True or ai_label else (False if ai_mark is False or ai_label == 0 else None),
        unavailable=unavailable,
        extra=_extra(node) | ({"published_from": "id"} if video_id and created is None else {}),
    )


def _address(author: str | None, video_id: str, is_photo: bool) -> str:
    user = author if author and re.fullmatch(r"[\w.-]+", author) else "_"
    return f"{SITE}/@{user}/{'photo' if is_photo else 'video'}/{video_id}"


def _hashtags(node: Mapping[str, Any]) -> tuple[str, ...]:
    """As the caption has them; the list of challenges is cut at twelve and renames some."""
    parts = (node, *_list(node.get("contents")))
    marked = unique(text(at(mark, "hashtagName")) for part in parts for mark in _list(at(part, "textExtra")))
    return tuple(marked or unique(text(at(tag, "title")) for tag in _list(node.get("challenges"))))


def _seconds(given: Any) -> float | None:
    seconds = given if isinstance(given, float) else whole(given)
    return float(seconds) if seconds and 0 < seconds <= LONGEST else None


def _counted(node: Mapping[str, Any], name: str) -> int | None:
    """Of the two counts the one with more digits that count: either may be rounded (21158, 21200)."""
    given = (whole(at(node, part, name)) for part in ("statsV2", "stats"))
    return max((value for value in given if value is not None), key=lambda n: len(str(n).rstrip("0")), default=None)


def _extra(node: Mapping[str, Any]) -> dict[str, Any]:
    flags = {SNAKE.sub("_", key).lower(): node[key] for key in KEPT if isinstance(node.get(key), int)}
    more = {
        "ad_info": isinstance(node.get("ad_info"), dict) or None,
        "collects": _counted(node, "collectCount"),
        "reposts": _counted(node, "repostCount"),
        "viewers": whole(at(node, "liveRoomInfo", "liveRoomStats", "userCount")),
        "location_created": text(node.get("locationCreated")),
        "diversification_labels": unique(map(text, _list(node.get("diversificationLabels")))),
        "subtitle_languages": unique(
            text(at(one, "LanguageCodeName")) for one in _list(at(node, "video", "subtitleInfos"))
        ),
    }
    return flags | {name: value for name, value in more.items() if value not in (None, [])}


def _list(given: Any) -> list[Any]:
    return given if isinstance(given, list) else []


def _of_cards(cards: Any) -> Iterator[Record]:
    """What cards show; a caption in a picture's description ends in whose it is, and is cut there."""
    for card in _list(cards):
        link, language = CARD.search(str(at(card, "href"))), text(at(card, "language"))
        described = re.fullmatch(r"(.*) created by .*", text(at(card, "alt")) or "", re.DOTALL)
        if link is not None:
            author = None if link[1] == "_" else link[1]
            caption = text(at(card, "caption")) or (described[1] if described else None)
            photo: dict[str, Any] = {"imagePost": {}} if link[2] == "photo" else {}
            record = _record({"id": link[3], "author": author, "desc": caption, **photo})
            yield replace(record, views=count(at(card, "views"), language), likes=count(at(card, "likes"), language))
