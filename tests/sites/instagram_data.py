"""The data of the Instagram test server: posts of our own making, and the JSON that the site would send of them.

Structure as in the recordings and `platforms.md`, section 3 (see `instagram.PROOF`); no content is taken from them.
"""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from storage.chance import draw
from storage.records import Kind, Record

JSON = dict[str, Any]
ORIGIN = "https://www.instagram.com"
CDN = "https://scontent.cdninstagram.com"
FIRST_DAY, DAYS = 1_758_000_000, 360
MAKERS = ("mara.venn", "tiny_ovens", "machi.sanpo", "north_of_noon", "atelier_ete", "old.harbour.club")
SENTENCES = (
    "The {topic} day nobody planned #{tag}",
    "What one week of {topic} did to my mornings 🌅\n.\n.\n#{tag} #daily",
    "POV: your first {topic} of the year #été2026",
    'They said "{topic} is easy" with @lena.bakes',
    "",
)
SONGS = ("Harbour lights", "Slow bicycle", None, "Paper boats")


@dataclass(frozen=True, kw_only=True)
class Item:
    """One post. `hidden` are likes that its maker does not show; `unavailable` is private or removed."""

    code: str
    kind: Kind
    author: str
    caption: str
    tags: tuple[str, ...]
    seconds: float
    created: int
    plays: int
    likes: int
    comments: int
    shares: int
    song: str | None
    paid: bool
    made_by_ai: bool
    hidden: bool
    carousel: bool
    unavailable: str | None = None

    @property
    def pk(self) -> str:
        return str(3_700_000_000_000_000_000 + int.from_bytes(self.code.encode()[:6], "big"))

    @property
    def path(self) -> str:
        return f"/{'p' if self.kind is Kind.PHOTO else 'reel'}/{self.code}/"

    def record(self) -> Record:
        """What can be known of it from everything that is served."""
        record = Record(platform="instagram", platform_id=self.code, kind=self.kind, url=ORIGIN + self.path)
        moves = self.kind is not Kind.PHOTO
        return replace(
            record,
            caption=self.caption or None,
            author=self.author,
            hashtags=self.tags,
            duration=self.seconds if moves else None,
            published=datetime.fromtimestamp(self.created, UTC),
            views=self.plays if moves else None,
            likes=None if self.hidden else self.likes,
            comments=self.comments,
            shares=self.shares,
            sound=(self.song or "Original audio") if moves else None,
            paid_partnership=self.paid,
            ai_generated=self.made_by_ai,
        )


def make(seed: int, key: str, number: int, kind: Kind = Kind.SHORT, topic: str = "harbour") -> Item:
    """The item that belongs to this key alone."""

    def among(purpose: str, count: int) -> int:
        return int(draw(seed, purpose, key) * count)

    code = "D" + urlsafe_b64encode(hashlib.sha256(f"{seed}/{key}".encode()).digest()).decode()[:10]
    tag = "".join(topic.split())
    sentence = SENTENCES[number % len(SENTENCES)]
    words = sentence.format(topic=topic, tag=tag)
    tags = tuple(word[1:] for word in words.split() if word.startswith("#"))
    likes = int(10 ** (1 + 5 * draw(seed, "likes", key)))
    return Item(
        code=code,
        kind=kind,
        author=MAKERS[among("maker", len(MAKERS))],
        caption=words,
        tags=tags,
        seconds=6 + round(2 * draw(seed, "seconds", key), 3),
        created=FIRST_DAY + among("day", DAYS) * 86_400,
        plays=likes * (3 + among("plays", 20)),
        likes=likes,
        comments=among("comments", 500),
        shares=among("shares", 90),
        song=SONGS[number % len(SONGS)],
        paid=number % 7 == 3,
        made_by_ai=number % 11 == 5,
        hidden=number % 9 == 4,
        carousel=number % 2 == 1,
    )


def media(item: Item, *, listed: bool = False) -> JSON:
    """One `XDTMediaDict`. In a search's answer (`listed`) it has neither plays nor shares nor length."""
    picture = {"candidates": [{"url": f"{CDN}/t/{item.code}.jpg", "width": 270, "height": 480}]}
    told: JSON = {
        "__typename": "XDTMediaDict",
        "pk": item.pk,
        "id": f"{item.pk}_77",
        "code": item.code,
        "ad_id": None,
        "media_type": 2,
        "product_type": "ad" if item.kind is Kind.AD else "clips",
        "taken_at": item.created,
        "user": {"pk": "77", "id": "77", "username": item.author, "is_private": False},
        "caption": {"pk": "18", "text": item.caption, "created_at": item.created} if item.caption else None,
        "image_versions2": picture,
        "like_count": 3 if item.hidden else item.likes,
        "comment_count": item.comments,
        "view_count": None,
        "like_and_view_counts_disabled": item.hidden,
        "logging_info_token": "never.kept",
    }
    if item.kind is Kind.PHOTO:
        told |= {"media_type": 1, "product_type": "feed"}
        if item.carousel:
            parts = [{"pk": f"{item.pk}{n}", "code": f"{item.code}{n}", "media_type": 1} for n in range(2)]
            told |= {"media_type": 8, "product_type": "carousel_container", "carousel_media": parts}
    if listed:
        return told
    method = "SELF_DISCLOSURE_FLOW" if item.made_by_ai else "NONE"
    told |= {
        "is_paid_partnership": item.paid,
        "reshare_count": item.shares,
        "gen_ai_detection_method": {"detection_method": method},
    }
    if item.kind is not Kind.PHOTO:
        music = {"music_asset_info": {"title": item.song, "display_artist": "The Deux Pas"}} if item.song else None
        original = None if item.song else {"original_audio_title": "Original audio", "audio_asset_id": 5}
        told |= {
            "play_count": item.plays,
            "video_duration": item.seconds,
            "video_versions": [{"type": 101, "url": f"{CDN}/v/{item.code}.mp4"}],
            "clips_metadata": {"music_info": music, "original_sound_info": original},
        }
    if item.kind is Kind.AD:
        told |= {"ad_id": "6200", "ad_action": "LEARN_MORE"}
    return told


def search_answer(items: Sequence[Item], cursor: int, *, more: bool) -> JSON:
    """What the keyword search answers: a grid's rows of three."""
    rows = [items[place : place + 3] for place in range(0, len(items), 3)]
    units = [
        {"__typename": "XDTTopSerpMediaGridUnit", "items": [media(item, listed=True) for item in row]} for row in rows
    ]
    page = {"has_next_page": more, "end_cursor": str(cursor)}
    return {
        "data": {"xdt_fbsearch__top_serp_graphql": {"edges": [{"node": unit} for unit in units], "page_info": page}}
    }


def feed_answer(items: Sequence[Item], cursor: int) -> JSON:
    """What the reels tab asks for again and again."""
    edges = [{"node": {"media": media(item), "__typename": "XDTClipsItemDict"}, "cursor": ""} for item in items]
    page = {"has_next_page": True, "end_cursor": str(cursor)}
    return {"data": {"xdt_api__v1__clips__home__connection_v2": {"edges": edges, "page_info": page}}}


def background_answer(item: Item) -> JSON:
    """The visitor's own timeline, which other pages load as well."""
    return {"data": {"xdt_api__v1__feed__timeline__connection": {"edges": [{"node": {"media": media(item)}}]}}}


def post_state(item: Item, *, logged_in: bool) -> JSON:
    """The post page's query; it fails for a visitor without a login."""
    if logged_in and item.unavailable is None:
        return {"data": {"xdt_api__v1__media__shortcode__web_info": {"items": [media(item)]}}}
    path = ["xdt_api__v1__media__shortcode__web_info"]
    return {"data": None, "errors": [{"message": "execution error", "severity": "CRITICAL", "path": path}]}


def route(url: str, code: str | None, policy: str) -> JSON:
    """How the page's own address is routed."""
    told = {"tracePolicy": policy, "url": url, "params": {"shortcode": code}, "rootView": {"props": {}}}
    return {"initialRouteInfo": {"route": told}}


def defines(*, logged_in: bool) -> list[Any]:
    """What the page says of itself and of its visitor."""
    viewer = {"id": "78", "username": "our.own.visitor"} if logged_in else None
    return [
        ["IntlCurrentLocale", [], {"code": "en_US"}, 5954],
        ["PolarisViewer", [], {"data": viewer, "id": viewer and viewer["id"]}, 5000],
        ["PolarisSiteData", [], {"country_code": "AT", "device_id": "never.kept"}, 3614],
    ]


def server_js(*, define: Sequence[Any] = (), require: Sequence[Any] = ()) -> JSON:
    """The content of one `data-sjs` script."""
    inner = {"define": list(define), "require": list(require)}
    return {"require": [["ScheduledServerJS", "handle", None, [{"__bbox": inner}, {"__bbox": None}]]]}


def prefetched(name: str, result: JSON) -> list[Any]:
    """A query's answer that came with the page."""
    answer = [f"adp_{name}RelayPreloader_1", {"__bbox": {"complete": True, "result": result, "sequence_number": 0}}]
    return ["RelayPrefetchedStreamCache", "next", [], answer]


def meta(item: Item) -> dict[str, str]:
    """The meta elements of a post's page; counts are cut, the time is a day."""
    day = datetime.fromtimestamp(item.created, UTC)
    likes = "" if item.hidden else f"{brief(item.likes)} likes, "
    said = f"{likes}{brief(item.comments)} comments - {item.author} on {day:%B} {day.day}, {day.year}"
    kind = "photo" if item.kind is Kind.PHOTO else "reel"
    quoted = f': "{item.caption}"' if item.caption else ""
    return {
        "og:type": "article",
        "og:site_name": "Instagram",
        "og:title": f"Somebody on Instagram{quoted}",
        "og:description": f"{said}{quoted}. " if quoted else said,
        "og:url": f"{ORIGIN}/{item.author}{item.path}",
        "twitter:title": f"Somebody (@{item.author}) • Instagram {kind}",
        "description": f"{said}{quoted}. " if quoted else said,
    }


def brief(number: int) -> str:
    """A count as the meta elements write it: `152K`."""
    for size, letter in ((10**6, "M"), (10**3, "K")):
        if number >= 10 * size:
            return f"{number // size}{letter}"
    return f"{number:,}"
