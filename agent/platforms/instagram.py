"""Instagram Reels: the weakest known of the sites (notes of facts, section 3), and nearly nothing without a login.

`Instagram.parse` knows one source by its name: `og`, the page's meta elements as a mapping. In all others (embedded
state, GraphQL, the older REST answers) a post is known by its structure, wherever it lies.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import quote_plus

from playwright.async_api import ElementHandle, Page

from agent.platforms.base import REST, RESTS, Pace, SiteFacts, Wall
from agent.platforms.page import Selector, Sign, State, meta_of, sign_on
from agent.platforms.page_data import merged
from agent.platforms.player import Shown
from agent.platforms.reading import at, count, find, first, hashtags, moment, text, whole
from agent.platforms.web import WebPlatform
from storage.records import Kind, Record

ADDRESS = "https://www.instagram.com"
CODE = re.compile(r"[\w-]{5,}", re.ASCII)
POST_PATH = re.compile(r"instagram\.com/(?:([\w.]+)/)?(p|reels?|tv)/([\w-]{5,})", re.ASCII)
POST_FIELDS = (
    *("media_type", "product_type", "video_versions", "image_versions2", "carousel_media", "clips_metadata"),
    *("video_duration", "taken_at", "taken_at_timestamp", "is_video", "display_url", "display_uri", "video_url"),
)
"""An object with a code and one of these is a post; comments, users, routes and locales have none."""
CHILDREN = "edge_sidecar_to_children"
PARTS = frozenset({"carousel_media", CHILDREN, "original_media"})
"""Pictures of one carousel and the source of a remix: parts of a post that may carry codes of their own."""
AD_MARKS = ("ad_id", "ad_action", "is_ad", "ad_metadata", "injected", "dr_ad_type")
VIEWS = ("play_count", "ig_play_count", "video_play_count", "view_count", "video_view_count")
LIKES = ("like_count", "edge_media_preview_like", "edge_liked_by")
COMMENTS = ("comment_count", "edge_media_to_parent_comment", "edge_media_to_comment")
KEPT = (
    *("pk", "product_type", "media_type", "like_and_view_counts_disabled", "comments_disabled", "has_audio"),
    *("fb_play_count", "fb_like_count", "media_repost_count"),
)
"""Flags kept in `extra`: a repost is no share, and Facebook's counts are none of Instagram's."""
RULINGS = tuple(f"xdt_async_get_ruling_for_media_content_logged_out{version}" for version in ("", "_v2"))
AGE = re.compile(r"(?<!\d)(1[2-9]|2\d)(?!\d)")
LENGTH = re.compile(r'mediaPresentationDuration="PT(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?"')
QUOTED = re.compile(r":\s*[\"“„«](.*)[\"”“»]\W*$", re.DOTALL)
DAY = re.compile(r"\b([A-Z][a-z]{2})[a-z]* (\d{1,2}), (\d{4})\b")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
SEARCHES = ("xdt_fbsearch__top_serp_graphql", "xig_logged_out_popular_search_media_info", "edge_hashtag_to_media")
FAILURES = {
    "login_required": Wall.LOGIN,
    "checkpoint_required": Wall.BOT_CHECK,
    "challenge_required": Wall.BOT_CHECK,
    "feedback_required": Wall.RATE_LIMIT,
    "rate_limit_error": Wall.RATE_LIMIT,
}
"""What an answer says that failed (Instagram-API-wiki and others)."""
ROUTES = {"/accounts/login/": Wall.LOGIN, "/challenge/": Wall.BOT_CHECK, "/accounts/suspended/": Wall.BOT_CHECK}
OLD_PAGES = {"LoginAndSignupPage": Wall.LOGIN, "Challenge": Wall.BOT_CHECK}  # `entry_data` of `_sharedData`
UNAVAILABLE = {"private": r"account is private", "removed": r"page isn.t available"}
"""Visible words of a page without its post, in English only."""
LIKED = {"Like": False, "Unlike": True}
_CONTROLS = '[aria-label="Reels navigation controls"]'
_HEART = "svg:is([aria-label='Like'], [aria-label='Unlike'])"

_SHOWN = """
() => {
  const POST = /^\\/(?:[\\w.]+\\/)?(reels?|p|tv)\\/([\\w-]{5,})\\/?$/;
  const [, path, id] = location.pathname.match(POST) ?? [];
  const video = [...document.querySelectorAll('video')].find(element => {
    const {top, bottom, height, width} = element.getBoundingClientRect();
    return height > 100 && width > 100 && top < innerHeight / 2 && bottom > innerHeight / 2 &&
      element.checkVisibility({visibilityProperty: true, opacityProperty: true});
  });
  if (!id || !video) return null;
  let slot = video.parentElement;
  for (let up = 0; up < 15 && slot && !slot.querySelector("HEART"); up++) slot = slot.parentElement;
  const isNamedIn = root => [...root.querySelectorAll('a[href]')].some(link => link.pathname.match(POST)?.[2] === id);
  if (path === 'reels' && slot && !isNamedIn(slot) && isNamedIn(document)) return null;  // it is still on its way
  const {x, y, width, height} = video.getBoundingClientRect();
  return {place: id, id, video, slot, box: {x, y, width, height}};
}
""".replace("HEART", _HEART)


class Instagram(WebPlatform):
    """Instagram on the desktop web, in a profile of one's own; in English, for its buttons are known by their names."""

    name: ClassVar[str] = "instagram"
    hosts: ClassVar[tuple[str, ...]] = ("www.instagram.com",)
    pace: ClassVar[Pace] = Pace(min_delay=6.0, views_per_hour=200, rest=REST, rests=RESTS)
    example: ClassVar[str] = f"{ADDRESS}/reel/CODE/"
    start_address: ClassVar[str] = f"{ADDRESS}/"
    feed_address: ClassVar[str] = f"{ADDRESS}/reels/"
    short_address: ClassVar[str] = ADDRESS + "/reel/{id}/"
    endpoints: ClassVar[Mapping[str, str]] = {
        "/graphql/query": "graphql",
        "/api/graphql": "graphql",
        "/api/v1/fbsearch/": "search",
        "/api/v1/clips/": "rest",
        "/api/v1/media/": "rest",
    }
    marks: ClassVar[tuple[str, ...]] = ("static.cdninstagram.com",)
    lists: ClassVar[frozenset[str]] = frozenset({"search"})
    states: ClassVar[tuple[State, ...]] = (
        State(kind="state", css='script[type="application/json"][data-sjs]', proof="R metascraper_reel_page_jan2025"),
        State(kind="state", name="_sharedData"),
    )
    signs: ClassVar[tuple[Sign, ...]] = (
        Sign(wall=Wall.LOGIN, css="#loginForm", proof="R botsmaster_login_wall_sep2025"),
        Sign(wall=Wall.LOGIN, url=r"instagram\.com/accounts/login", proof="facts 3 [R Sep 2025]"),
        Sign(wall=Wall.LOGIN, css='[role="dialog"] :is(a[href^="/accounts/login"], input[name="password"])'),
        Sign(wall=Wall.BOT_CHECK, url=r"instagram\.com/(challenge|accounts/suspended)/", proof="facts 3 [R 2020]"),
        Sign(wall=Wall.RATE_LIMIT, css="main", text=r"^\W*please wait a few minutes"),
        Sign(
            wall=Wall.CONSENT,
            css='[role="dialog"]:has(button._a9_1)',
            text="cookies",
            reject='[role="dialog"] button._a9_1',
        ),
    )
    selectors: ClassVar[Mapping[str, tuple[Selector, ...]]] = {
        "card": (Selector('main a[href*="/reel/"]'), Selector('main a[href*="/p/"]')),
        "slot": (Selector("main video"),),
        "video": (Selector("main video"), Selector("video")),
        "like": (
            Selector(f'[role="button"]:has({_HEART}):not(:has([role="button"]))', "facts 3 [6]"),
            Selector(_HEART, "facts 3 [6]"),
        ),
        "next": (
            Selector(f'{_CONTROLS} [aria-label="Navigate to next Reel"]', "facts 3 [2] 2026"),
            Selector(f'{_CONTROLS} [role="button"]:last-of-type'),
        ),
        "inside": (Selector('svg:is([aria-label^="Direct"], [aria-label^="Messenger"])', "facts 3, Aug 2026"),),
        "close": (Selector('[role="dialog"] button._a9_1'), Selector('[role="dialog"] svg[aria-label="Close"]')),
    }
    shown_script: ClassVar[str] = _SHOWN

    def search_addresses(self, keyword: str) -> Sequence[str]:
        tag = "#" + keyword.replace(" ", "")
        return [f"{ADDRESS}/explore/search/keyword/?q={quote_plus(words)}" for words in (keyword, tag)]

    @staticmethod
    def parse(raw: Any, kind: str) -> list[Record]:
        """Posts in page order, each once; one that is kept from us has no id where its data does not name it."""
        if kind == "og":
            return _from_meta(raw) if isinstance(raw, Mapping) else []
        found: dict[str, Record] = {}
        nameless: list[Record] = []
        for record in (*(_record(node, in_ad) for node, in_ad in _posts(raw)), *_kept_from_us(raw)):
            if record.platform_id is None:
                nameless.append(record)
            else:
                found[record.platform_id] = merged(record, found.get(record.platform_id))
        return [*found.values(), *nameless]

    @staticmethod
    def kind_of(raw: Any, kind: str) -> str:
        return "search" if first(raw, *SEARCHES) is not None else kind

    @staticmethod
    def ended_in(raw: Any, kind: str) -> bool:
        return at(first(raw, *SEARCHES), "page_info", "has_next_page") is False

    @staticmethod
    def wall_in(raw: Any, kind: str) -> Wall | None:
        if at(raw, "status") == "fail":
            return FAILURES.get(str(at(raw, "message"))) or (Wall.LOGIN if at(raw, "require_login") is True else None)
        address, old = str(at(first(raw, "initialRouteInfo"), "route", "url")), at(raw, "entry_data")
        if "Recaptcha" in str(at(old, "Challenge", 0, "challengeType")):
            return Wall.CAPTCHA
        told = [wall for path, wall in ROUTES.items() if address.startswith(path)]
        told += [wall for name, wall in OLD_PAGES.items() if at(old, name)]
        return told[0] if told else None

    @staticmethod
    def facts_in(raw: Any, kind: str) -> SiteFacts | None:
        said = {str(at(entry, 0)): at(entry, 2) for _, entries in find(raw, "define") for entry in _list(entries)}
        old = raw if at(raw, "entry_data") is not None else None
        viewers = ((said.get("PolarisViewer"), "data"), (at(old, "config"), "viewer"))
        inside = [at(told, name) is not None for told, name in viewers if isinstance(told, dict) and name in told]
        facts = SiteFacts(
            country=text(at(said.get("PolarisSiteData"), "country_code")) or text(at(old, "country_code")),
            language=text(at(said.get("IntlCurrentLocale"), "code")) or text(at(old, "locale")),
            logged_in=inside[0] if inside else None,
        )
        return None if facts == SiteFacts() else facts

    async def site_facts(self, page: Page) -> SiteFacts:
        facts = await super().site_facts(page)
        inside = await sign_on(page, [Sign(wall=Wall.EMPTY, css=selector.css) for selector in self.selectors["inside"]])
        return facts if inside is None else replace(facts, logged_in=True)

    async def unavailable_on(self, page: Page) -> str | None:
        for cause, words in UNAVAILABLE.items():
            if await sign_on(page, [Sign(wall=Wall.EMPTY, css="main", text=words)]):
                return cause
        return None

    async def is_liked(self, button: ElementHandle) -> bool | None:
        """By the heart's name, which is all that tells."""
        heart = await button.query_selector(_HEART)
        return LIKED.get(await (heart or button).get_attribute("aria-label") or "")

    def is_complete(self, record: Record | None) -> bool:
        if record is None or record.kind is not Kind.SHORT:
            return record is not None
        return (record.duration, record.views) != (None, None)  # a search's answer has neither

    async def _record_of(self, page: Page, shown: Shown) -> Record:
        """What the data leaves open is taken from the page's meta elements, which a login wall has too."""
        record = await super()._record_of(page, shown)
        named = (told for told in self.parse(await meta_of(page), "og") if told.platform_id == record.platform_id)
        return next((record.completed_by(told) for told in named), record)


def _posts(raw: Any) -> Iterator[tuple[Mapping[str, Any], bool]]:
    """Every post and live room in the data, in page order, and whether what it is wrapped in says advert."""
    stack: list[tuple[Any, bool]] = [(raw, False)]
    while stack:
        node, in_ad = stack.pop()
        if isinstance(node, list):
            stack += [(value, in_ad) for value in reversed(node)]
        elif isinstance(node, dict):
            is_post = _is_post(node)
            if is_post or _is_broadcast(node):
                yield node, in_ad
            in_ad = not is_post and (in_ad or _is_ad(node))
            stack += [(value, in_ad or key == "ad") for key, value in reversed(node.items()) if key not in PARTS]


def _is_post(node: Mapping[str, Any]) -> bool:
    fields = any(node.get(name) is not None for name in POST_FIELDS)
    return fields and _code(node) is not None and node.get("product_type") != "story"


def _is_broadcast(node: Mapping[str, Any]) -> bool:
    return text(node.get("broadcast_status")) is not None and isinstance(node.get("broadcast_owner"), dict)


def _code(node: Mapping[str, Any]) -> str | None:
    code = text(node.get("code")) or text(node.get("shortcode"))
    return code if code and CODE.fullmatch(code) else None


def _is_ad(node: Mapping[str, Any]) -> bool:
    return node.get("product_type") == "ad" or any(node.get(mark) for mark in AD_MARKS)


def _kind(node: Mapping[str, Any], in_ad: bool) -> Kind:
    """A carousel is a short as soon as one of its parts moves; an object that says nothing of its kind is a reel."""
    if in_ad or _is_ad(node):
        return Kind.AD
    if node.get("product_type") == "live" or _is_broadcast(node):
        return Kind.LIVE
    children = [at(edge, "node") for edge in _list(at(node, CHILDREN, "edges"))]
    parts = (node, *_list(node.get("carousel_media")), *children)
    types = [(whole(at(part, "media_type")), f"{at(part, '__typename')} {at(part, 'product_type')}") for part in parts]
    moves = any(number == 2 or re.search(r"Video|clips|igtv", named) for number, named in types) or any(
        at(part, name) for part in parts for name in ("is_video", "video_versions", "video_url", "video_duration")
    )
    rests = any(number in (1, 8) or re.search(r"Image|Photo|Sidecar|arousel|feed", named) for number, named in types)
    pictures = ("image_versions2", "display_url", "display_uri", "carousel_media")
    return Kind.PHOTO if not moves and (rests or any(node.get(name) for name in pictures)) else Kind.SHORT


def _record(node: Mapping[str, Any], in_ad: bool) -> Record:
    code, kind, caption = _code(node), _kind(node, in_ad), _caption(node)
    hidden = node.get("like_and_view_counts_disabled") is True
    owners = (node.get("user"), node.get("owner"), node.get("broadcast_owner"))
    method = node.get("gen_ai_detection_method")
    detected = text(at(method, "detection_method")) or text(method)
    marked, paid = node.get("is_ai_generated"), node.get("is_paid_partnership")
    sponsored = node.get("sponsor_tags") or _list(at(node, "edge_media_to_sponsor_user", "edges"))
    clips = node.get("clips_metadata")
    return Record(
        platform="instagram",
        platform_id=code,
        kind=kind,
        url=_url(code, kind),
        caption=caption,
        author=next((name for owner in owners if (name := text(at(owner, "username")))), None),
        hashtags=hashtags(caption),
        duration=_duration(node),
        published=moment(node.get("taken_at")) or moment(node.get("taken_at_timestamp")),
        views=(_counted(node, VIEWS) or None) if hidden else _counted(node, VIEWS),
        likes=None if hidden else _counted(node, LIKES),
        comments=_counted(node, COMMENTS),
        shares=whole(node.get("reshare_count")),
        sound=text(at(clips, "music_info", "music_asset_info", "title"))
        or text(at(clips, "original_sound_info", "original_audio_title"))
        or text(at(node, "clips_music_attribution_info", "song_name")),
        paid_partnership=paid if isinstance(paid, bool) else (True if sponsored else None),
        ai_generated=marked if isinstance(marked, bool) else (detected != "NONE" if detected else None),
        extra={name: node[name] for name in KEPT if isinstance(node.get(name), str | int)},
    )


def _url(code: str | None, kind: Kind) -> str | None:
    return f"{ADDRESS}/{'p' if kind is Kind.PHOTO else 'reel'}/{code}/" if code else None


def _caption(node: Mapping[str, Any]) -> str | None:
    given = node.get("caption")
    old = at(_list(at(node, "edge_media_to_caption", "edges")), 0, "node", "text")
    return text(given) or text(at(given, "text")) or text(old)


def _counted(node: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    """The first count under one of these names, bare or as the `count` of an older answer's edge."""
    given = (whole(value.get("count") if isinstance(value, dict) else value) for value in map(node.get, names))
    return next((value for value in given if value is not None), None)


def _duration(node: Mapping[str, Any]) -> float | None:
    """Seconds, as given or as the video's DASH manifest says."""
    given = node.get("video_duration")
    if isinstance(given, int | float) and not isinstance(given, bool) and 0 < given < 10**6:
        return float(given)
    match = LENGTH.search(f"{node.get('video_dash_manifest')} {at(node, 'dash_info', 'video_dash_manifest')}")
    try:
        hours, minutes, seconds = (float(part or 0) for part in match.groups()) if match else (0.0, 0.0, 0.0)
    except ValueError:
        return None
    return hours * 3600 + minutes * 60 + seconds or None


def _list(values: Any) -> list[Any]:
    return values if isinstance(values, list) else []


def _kept_from_us(raw: Any) -> Iterator[Record]:
    """What the state says of a post that it does not show, with the post's id where the page's route is there too.

    An error page alone says nothing: visitors without a login get it for posts that are there.
    """
    route = at(first(raw, "initialRouteInfo"), "route")
    props, ruling = at(route, "rootView", "props"), first(raw, *RULINGS)
    cause = None
    if at(route, "tracePolicy") == "polaris.privatePostPage":
        cause = "private"
    elif at(props, "failure_reason") == "MA" and whole(at(props, "restricted_age")):
        cause = "age"
    elif isinstance(ruling, dict):  # its words are in the page's language, its age is a number
        words = f"{ruling.get('title')} {ruling.get('description')}"
        by_age = "AGE" in str(ruling.get("blocks_logging_data")).split("_") or AGE.search(words)
        cause = "age" if by_age else None
    if cause is not None:
        code = text(at(route, "params", "shortcode"))
        yield Record(platform="instagram", platform_id=code, url=_url(code, Kind.SHORT), unavailable=cause)


def _from_meta(meta: Mapping[str, Any]) -> list[Record]:
    """The post that a page's meta elements describe; its counts are rounded, and its time is a day.

    `13M likes, 57K comments - NAME on January 2, 2025: "CAPTION"`. Hidden likes leave the comments alone.
    """
    addresses = (POST_PATH.search(str(meta.get(name))) for name in ("og:url", "al:android:url", "al:web:url"))
    address = next((match for match in addresses if match), None)
    if address is None:
        return []
    told = [text(meta.get(name)) or "" for name in ("og:description", "description", "og:title")]
    caption = next((text(quoted[1]) for words in told if (quoted := QUOTED.search(words))), None)
    head = QUOTED.sub("", told[0] or told[1])
    *counted, rest = re.split(r" [-–—] ", head, maxsplit=1)
    parts = counted[0].split(", ") if counted else []
    likes = parts[0] if len(parts) == 2 or (len(parts) == 1 and "like" in parts[0]) else None
    comments = parts[-1] if len(parts) == 2 or (len(parts) == 1 and "comment" in parts[0]) else None
    named = re.search(r"\(@([\w.]+)\)", str(meta.get("twitter:title")), re.ASCII) or re.match(r"([\w.]+) ", rest)
    said = f"{meta.get('og:type')} {meta.get('twitter:title')} {[name for name in meta if 'og:video' in str(name)]}"
    moves = address[2] != "p" or re.search(r"\b(video|reel)\b", said)
    kind = Kind.SHORT if moves else Kind.PHOTO
    language = text(meta.get("og:locale"))
    return [
        Record(
            platform="instagram",
            platform_id=address[3],
            kind=kind,
            url=_url(address[3], kind),
            caption=caption,
            author=address[1] or (named[1] if named else None),
            hashtags=hashtags(caption),
            published=_day(rest),
            likes=count(likes, language),
            comments=count(comments, language),
        )
    ]


def _day(words: str) -> datetime | None:
    """A day that is written in English."""
    for month, day, year in DAY.findall(words):
        if month in MONTHS:
            return moment(f"{year}-{MONTHS.index(month) + 1:02}-{int(day):02}")
    return None
