"""The data of the TikTok test server: items of our own making, and the JSON that the site would send of them.

Structure as in the recordings of `itemStruct`, `item_list` and search answers (see `tiktok_proof.PROOF`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from storage.chance import draw
from storage.records import Kind, Record

ORIGIN = "https://www.tiktok.com"
FIRST_DAY, DAYS = 1_758_000_000, 360
"""Uploads lie between September 2025 and September 2026."""
STATUS = {"removed": 10204, "private": 10216, "private account": 10222}
"""`statusCode` of a video page that has no item."""
# fmt: off
WORDS = (
    "lantern", "meadow", "harbour", "orchard", "kettle", "violin", "granite", "ribbon", "saddle", "compass",
    "thicket", "glacier", "pepper", "canvas", "sparrow", "cinder", "marble", "lagoon", "velvet", "bramble",
    "anchor", "pillow", "copper", "willow", "engine",
)
# fmt: on
LANGUAGES = ("en", "es", "en", "de", "un", "id", "en", "pt")
WALL_WORDS = {
    "no_results": "No results found",
    "search_nomoreresults_text": "No more results",
    "nonloggedinsearch_popup_header_v1": "Log in to see more search results",
    "pcWeb_guestLogin_guest": "Continue as guest",
    "continue_without_login": "Continue without login",
    "server_error_title": "Something went wrong",
    "err_vid": "This video is unavailable. Visit TikTok to discover more trending videos.",
    "err_user_private": "This account is private.",
    "login_title": "Log in to TikTok",
    "captcha_title": "Drag the puzzle piece into place",
    "cookie_decline": "Decline optional cookies",
}
"""The translation table of every page: the trap for whoever looks for words in raw HTML (platforms.md 2.7)."""


@dataclass(frozen=True, kw_only=True)
class Item:
    """One item of a list. `counts` are digg, share, comment, play, collect; exact."""

    id: str
    kind: Kind
    author: str
    created: int
    parts: tuple[str, ...]
    """The caption's pieces: words, `#hashtag`, `@mention`."""
    duration: int
    counts: tuple[int, int, int, int, int]
    language: str
    sound: str
    paid: bool
    made_by_ai: bool
    spoken: bool
    """Whether it has subtitles (as addresses only)."""

    @property
    def caption(self) -> str:
        return " ".join(self.parts)

    @property
    def hashtags(self) -> tuple[str, ...]:
        return tuple(part[1:] for part in self.parts if part.startswith("#"))


def make(seed: int, key: str, number: int, kind: Kind = Kind.SHORT, topic: str | None = None) -> Item:
    """The item with this key; everything but its kind and topic is drawn.

    Args:
        key: names the item for ever.
        number: place in its list; rare properties (no caption, paid partnership, AI mark) come at fixed distances.
        topic: what the caption and first hashtag speak of, for results that fit a query.
    """

    def pick(purpose: str, below: int) -> int:
        return int(draw(seed, purpose, key) * below)

    created = FIRST_DAY + pick("created", DAYS * 86400)
    word, other = WORDS[pick("word", len(WORDS))], WORDS[pick("other", len(WORDS))]
    tag = "".join(topic.split()) if topic else word + other
    parts: tuple[str, ...] = (
        f"{topic or word} and a {other} 🌿",
        f"#{tag}",
        f"@{word}.friend",
        "see you",
        f"#{other}",
        "#fyp",
    )
    if number % 19 == 8:
        parts = ()
    elif number % 6 == 1 or kind is Kind.AD:
        parts = (f"{topic or word} with no tags, only a {other}",)
    plays = 50 + pick("plays", 4_000) ** 2 // (1 + pick("fame", 9))
    likes = plays * (2 + pick("likes", 18)) // 100
    return Item(
        id=str(created << 32 | pick("id", 1 << 32)),
        kind=kind,
        author=f"{word}.{other}{pick('author', 900)}",
        created=created,
        parts=parts,
        duration=0 if kind is Kind.PHOTO else 5 + pick("duration", 40),
        counts=(likes, likes // 31, likes // 57, plays, likes // 13),
        language=LANGUAGES[pick("language", len(LANGUAGES))],
        sound=f"original sound - {word}{other}",
        paid=kind is Kind.SHORT and number % 13 == 2,
        made_by_ai=kind is Kind.SHORT and number % 17 == 3,
        spoken=number % 4 != 0,
    )


def record(item: Item) -> Record:
    """What a corpus should hold of it. A photo post's duration is 0 in the data, which is none."""
    known = item.kind is not Kind.AD
    digg, share, comment, play, _ = item.counts
    return Record(
        platform="tiktok",
        platform_id=item.id,
        kind=item.kind,
        url=f"{ORIGIN}/@{item.author}/{'photo' if item.kind is Kind.PHOTO else 'video'}/{item.id}",
        caption=item.caption or None,
        author=item.author,
        hashtags=item.hashtags,
        duration=float(item.duration) or None,
        published=datetime.fromtimestamp(item.created, UTC),
        views=play,
        likes=digg,
        comments=comment,
        shares=share,
        language=item.language if known and item.language != "un" else None,
        sound=item.sound,
        paid_partnership=item.paid or None,
        ai_generated=item.made_by_ai or None,
    )


def struct(item: Item, *, page: bool = False, liked: bool = False) -> dict[str, Any]:
    """The item as JSON. On a page some numbers are strings; in an API answer they are integers."""
    digg, share, comment, play, collect = item.counts
    exact = {"diggCount": digg, "shareCount": share, "commentCount": comment, "playCount": play}
    rounded = {name: _round(count) for name, count in exact.items()}
    given: dict[str, Any] = {
        "id": item.id,
        "desc": item.caption,
        "createTime": str(item.created) if page else item.created,
        "author": person(item.author) | {"signature": "nothing here yet"},
        "music": {"id": str(int(item.id) + 7), "title": item.sound, "authorName": item.author, "original": True},
        "stats": rounded | {"collectCount": str(collect) if page else _round(collect)},
        "statsV2": {name: str(count) for name, count in exact.items()} | {"collectCount": str(collect)},
        "video": _video(item),
        "digged": liked,
        "itemCommentStatus": 0,
        "privateItem": False,
        "secret": False,
        "forFriend": False,
        "shareEnabled": True,
    }
    if item.kind is Kind.AD:
        return given | {"isAd": True, "ad_info": {"ad_id": int(item.id) // 9, "button_text": "Order now"}}
    given |= {
        "challenges": [{"id": str(100 + place), "title": tag, "desc": ""} for place, tag in enumerate(item.hashtags)],
        "textExtra": _marks(item),
        "contents": [{"desc": item.caption, "textExtra": _marks(item)}],
        "textLanguage": item.language,
        "textTranslatable": True,
        "AIGCDescription": "",
        "CategoryType": 120,
    }
    if page:
        given["isAd"] = False
    if item.paid:
        given |= {"adLabelVersion": 2, "adAuthorization": True}
    if item.made_by_ai:
        given |= {"IsAigc": True, "aigcLabelType": 1}
    if item.kind is Kind.PHOTO:
        given["imagePost"] = {
            "title": item.caption,
            "images": [
                {"imageURL": {"urlList": [f"{ORIGIN}/obj/{item.id}.jpeg"]}, "imageWidth": 54, "imageHeight": 96}
            ],
        }
    return given


def _round(count: int) -> int:
    """As the site rounds: 21158 to 21200."""
    return count if count < 10_000 else round(count, 3 - len(str(count)))


def _video(item: Item) -> dict[str, Any]:
    cover = f"{ORIGIN}/obj/{item.id}.jpeg"
    subtitles = [
        {
            "Format": "webvtt",
            "LanguageCodeName": name,
            "LanguageID": str(place),
            "Source": source,
            "Url": f"https://v16-webapp.tiktokcdn-eu.com/{item.id}/{source}/",
        }
        for place, (name, source) in enumerate((("eng-US", "ASR"), ("spa-ES", "MT")))
    ]
    return {
        "id": item.id,
        "width": 576,
        "height": 1024,
        "duration": item.duration,
        "ratio": "540p",
        "format": "mp4",
        "cover": cover,
        "dynamicCover": cover,
        "originCover": cover,
        "playAddr": "" if item.kind is Kind.PHOTO else f"{ORIGIN}/video/tos/{item.id}",
        "subtitleInfos": subtitles if item.spoken else [],
    }


def person(name: str) -> dict[str, Any]:
    """An account as items show it."""
    return {"id": str(10**18 + len(name)), "uniqueId": name, "nickname": name.title(), "verified": False}


def _marks(item: Item) -> list[dict[str, Any]]:
    """`textExtra`: hashtags and mentions with their places in the caption."""
    marks: list[dict[str, Any]] = []
    start = 0
    for part in item.parts:
        place = {"start": start, "end": start + len(part), "awemeId": "", "isCommerce": False, "subType": 0}
        if part.startswith("#"):
            marks.append(place | {"hashtagName": part[1:], "type": 1})
        elif part.startswith("@"):
            marks.append(place | {"hashtagName": "", "type": 0, "userUniqueId": part[1:], "userId": "7"})
        start += len(part) + 1
    return marks


def live_room(seed: int, number: int) -> dict[str, Any]:
    """A live room in a feed: no id, no video."""
    owner = WORDS[int(draw(seed, "live", str(number)) * len(WORDS))]
    return {
        "id": "",
        "desc": "",
        "createTime": 0,
        "containerType": 2,
        "digged": False,
        "liveRoomInfo": {
            "roomID": str(7 * 10**18 + number),
            "title": f"{owner} is on air",
            "ownerInfo": person(f"{owner}.live"),
            "liveRoomStats": {"userCount": 5 + number},
            "likeCount": 12,
            "status": 2,
        },
    }


def scope(user: Mapping[str, Any] | None, **states: Any) -> dict[str, Any]:
    """The rehydration state: what every page has, and `states` of this one (`a_b` is `webapp.a-b`)."""
    context: dict[str, Any] = {
        "language": "en",
        "region": "NL",
        "appId": 1233,
        "appType": "m",
        "botType": "others",
        "host": "www.tiktok.com",
    }
    if user is not None:
        context["user"] = dict(user)
    given = {
        "webapp.app-context": context,
        "webapp.biz-context": {"os": "linux"},
        "webapp.i18n-translation": {"Webapp": WALL_WORDS},
    }
    given |= {"webapp." + name.replace("_", "-"): state for name, state in states.items()}
    return {"__DEFAULT_SCOPE__": given}


def detail(item: Item | None, status: int = 0, *, liked: bool = False) -> dict[str, Any]:
    """`webapp.video-detail`; without an item it holds the reason only."""
    if item is None:
        return {"statusCode": status, "statusMsg": "item doesn't exist" if status == STATUS["removed"] else ""}
    shared = {"title": f"{item.author} on TikTok", "desc": item.caption}
    return {
        "itemInfo": {"itemStruct": struct(item, page=True, liked=liked)},
        "shareMeta": shared,
        "statusCode": 0,
        "statusMsg": "",
    }


def item_list(items: Sequence[Mapping[str, Any]], cursor: int, *, more: bool) -> dict[str, Any]:
    """The answer of the recommend, related, challenge and explore lists."""
    return {
        "itemList": list(items),
        "cursor": str(cursor),
        "hasMore": more,
        "statusCode": 0,
        "status_code": 0,
        "status_msg": "",
        "extra": {"fatal_item_ids": [], "now": 1_790_000_000_000},
        "log_pb": {"impr_id": "0"},
    }


def search_videos(items: Sequence[Mapping[str, Any]], cursor: int, *, more: bool) -> dict[str, Any]:
    """The answer of the search for videos."""
    answer = {"status_code": 0, "item_list": list(items), "cursor": cursor, "has_more": int(more)}
    return answer | {"log_pb": {"impr_id": "0"}}


def search_all(items: Sequence[Mapping[str, Any]], cursor: int, *, more: bool) -> dict[str, Any]:
    """The answer of the search over everything: videos are type 1; a list of accounts and a question between them."""
    data: list[dict[str, Any]] = [{"type": 1, "item": item, "common": {"doc_id_str": item["id"]}} for item in items]
    if data:
        data.insert(1, {"type": 4, "user_list": [{"user_info": person("someone.else")}]})
        data.append({"type": 14, "common": {"doc_id_str": "0"}, "related_word_list": ["more of it"]})
    return {
        "status_code": 0,
        "data": data,
        "qc": "",
        "cursor": cursor,
        "has_more": int(more),
        "ad_info": {},
        "extra": {"fatal_item_ids": [], "now": 1_790_000_000_000},
        "log_pb": {"impr_id": "0"},
        "global_doodle_config": {},
        "backtrace": "",
    }
