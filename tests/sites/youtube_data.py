"""Shorts of our own writing, and the JSON that YouTube wraps such shorts in.

Structure follows the recordings and `platforms.md`, section 1 (see `youtube_proof.PROOF`); no content is taken from
them. Counts on cards are cut off, not rounded, as in the recordings ("1.9M" for 1,966,179).
"""

import base64
import hashlib
import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote

from storage.chance import draw
from storage.records import Kind, Record

JSON = dict[str, Any]

TOPICS = ("vacation", "concert", "hot tub", "trophy", "chess", "marathon", "baking", "street dance", "choir", "storm")
TITLES = (
    "The {topic} day nobody planned #{tag}",
    "What one week of {topic} did to my mornings 🌅",
    "{topic}, but everything goes wrong #{tag} #shorts",
    "He said {topic} is easy... #funny #{tag}",
    "POV: your first {topic} of the year #été2024",
    "3 things I wish I knew about {topic} #shorts #tips",
)
DESCRIPTIONS = (
    "",
    "Filmed in one take.\n#{tag} #behindthescenes",
    "Thanks to @lena.bakes for the light!\n\nMore next Friday. #weekly",
    "Music is ours. Ask anything below 👇",
)
CHANNELS = (
    ("mara.venn", "Mara Venn"),
    ("tinyovens", "Tiny Ovens"),
    ("まち散歩", "まち散歩チャンネル"),
    ("north_of_noon", "North of Noon"),
    ("atelier-ete", "Atelier Été"),
    ("OldHarbourClub", "Old Harbour Club"),
    ("deux.pas", "Deux Pas"),
)
SOUNDS = ("Harbour lights · Mara Venn", "Original Sound", "Slow bicycle · The Deux Pas", None)
LANGUAGES = ("en", "ja", None, "fr", "en", None)
CATEGORIES = ("Entertainment", "People & Blogs", "Sports", "Music")
PACIFIC = timezone(timedelta(hours=-7))
LETTERS = {"en": ("B", "M", "K"), "en-GB": ("bn", "m", "k")}
SIZES = ((10**9, "billion"), (10**6, "million"), (10**3, "thousand"))


@dataclass(frozen=True, kw_only=True)
class Item:
    """One short, ad or long video of the server. `unavailable` is age, private, removed or region."""

    id: str
    topic: str
    title: str
    description: str
    seconds: int
    handle: str
    channel: str
    published: datetime
    views: int
    likes: int
    comments: int | None
    sound: str | None = None
    language: str | None = None
    paid: bool = False
    category: str = "Entertainment"
    kind: Kind = Kind.SHORT
    unavailable: str | None = None

    @property
    def channel_id(self) -> str:
        return "UC" + token(f"channel {self.handle}", 22)

    @property
    def at(self) -> str:
        """The channel's path, percent-encoded as YouTube writes it."""
        return "/@" + quote(self.handle)

    def record(self) -> Record:
        """What can be known of it from everything that is served: of an unavailable one, what its card says."""
        record = Record(
            platform="youtube",
            platform_id=self.id,
            url=f"https://www.youtube.com/shorts/{self.id}",
            caption=self.title,
            hashtags=hashtags(self.title),
        )
        if self.unavailable:
            return replace(record, views=cut(self.views), unavailable=self.unavailable)
        if self.kind is Kind.AD:
            return replace(record, kind=Kind.AD, duration=float(self.seconds), views=self.views)
        caption = f"{self.title}\n\n{self.description}" if self.description else self.title
        return replace(
            record,
            caption=caption,
            author=self.handle,
            hashtags=hashtags(caption),
            duration=float(self.seconds),
            published=self.published,
            views=self.views,
            likes=self.likes,
            comments=self.comments,
            language=self.language,
            sound=self.sound,
            paid_partnership=self.paid or None,
        )


def token(name: str, length: int = 11) -> str:
    """An opaque name in YouTube's alphabet, `[A-Za-z0-9_-]`."""
    return base64.urlsafe_b64encode(hashlib.sha256(name.encode()).digest()).decode()[:length]


def hashtags(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(re.findall(r"#(\w+)", text)))


def make(seed: int, number: int, now: datetime, topics: tuple[str, ...] = TOPICS, *, unavailable: str | None) -> Item:
    """The short of a number: a function of (seed, number), its age counted back from `now`."""
    short_id = token(f"short {seed} {number}")

    def chance(purpose: str) -> float:
        return draw(seed, purpose, short_id)

    topic = topics[number % len(topics)]
    tag = topic.replace(" ", "")
    handle, channel = CHANNELS[number % len(CHANNELS)]
    views = 0 if number == 5 else int(10 ** (2 + 5.7 * chance("views")))
    comments = int(10 ** (3.6 * chance("comments")))
    age = timedelta(hours=1 + 17000 * chance("age") ** 4)
    title = TITLES[int(chance("title") * len(TITLES))].format(topic=topic, tag=tag)
    return Item(
        id=short_id,
        topic=topic,
        title=title[0].upper() + title[1:] + f" ({number})",
        description=DESCRIPTIONS[int(chance("description") * len(DESCRIPTIONS))].format(tag=tag),
        seconds=8 + int(chance("seconds") * 50),
        handle=handle,
        channel=channel,
        published=(now - age).replace(microsecond=0),
        views=views,
        likes=int(views * (0.02 + 0.06 * chance("likes"))),
        comments=None if number % 12 == 6 else cut(comments),
        sound=SOUNDS[number % len(SOUNDS)],
        language=LANGUAGES[number % len(LANGUAGES)],
        paid=number % 9 == 4,
        category=CATEGORIES[number % len(CATEGORIES)],
        unavailable=unavailable,
    )


def make_other(seed: int, number: int, now: datetime, kind: str) -> Item:
    """An advertisement, or a long video (`kind` long)."""
    ad = kind != "long"
    return Item(
        id=token(f"{kind} {seed} {number}"),
        topic=kind,
        title=f"Boots that outlive you, part {number}" if ad else f"The whole story of a very long walk, part {number}",
        description="",
        seconds=15 if ad else 754 + number,
        handle="longwalkers",
        channel="Everlast Boots" if ad else "Long Walkers",
        published=now - timedelta(days=40 + number),
        views=12345 * (number + 1),
        likes=321,
        comments=12,
        kind=Kind.AD if ad else Kind.SHORT,
    )


def cut(number: int) -> int:
    """A count as far as its abbreviated form says it: 2,980,748 -> 2,900,000."""
    for size, _ in SIZES:
        if number >= size:
            return number // size * size if number >= 10 * size else number * 10 // size * size // 10
    return number


def abbreviated(number: int, units: tuple[str, str, str]) -> str:
    for (size, _), unit in zip(SIZES, units, strict=True):
        if number >= size:
            return f"{cut(number) / size:g}{unit}"
    return str(number)


def spelt(number: int) -> str:
    """As screen readers are told: "2.9 million"."""
    return abbreviated(number, (" billion", " million", " thousand"))


def views_text(number: int, hl: str) -> str:
    return f"{abbreviated(number, LETTERS[hl])} views" if number else "No views"


def clock(seconds: int) -> str:
    return f"{seconds // 60}:{seconds % 60:02}"


def ago(published: datetime, now: datetime) -> str:
    days = (now - published).days
    for size, unit in ((365, "year"), (30, "month"), (7, "week"), (1, "day")):
        if days >= size:
            return f"{days // size} {unit}{'s' if days // size > 1 else ''} ago"
    return f"{int((now - published).total_seconds() // 3600)} hours ago"


def runs(text: str) -> JSON:
    return {"runs": [{"text": text}]}


def label(text: str) -> JSON:
    return {"accessibilityData": {"label": text}}


def web(url: str, page: str, root: int) -> JSON:
    return {"webCommandMetadata": {"url": url, "webPageType": f"WEB_PAGE_TYPE_{page}", "rootVe": root}}


def reel_endpoint(item_id: str, *, ad: bool = False) -> JSON:
    """Command that opens a short; also one entry of a watch sequence."""
    endpoint: JSON = {
        "videoId": item_id,
        "playerParams": "8AEByAMy",
        "thumbnail": {
            "thumbnails": [{"url": f"https://i.ytimg.com/vi/{item_id}/frame0.jpg", "width": 1080, "height": 1920}],
            "isOriginalAspectRatio": True,
        },
        "overlay": {
            "reelPlayerOverlayRenderer": {
                "style": "REEL_PLAYER_OVERLAY_STYLE_SHORTS",
                "reelPlayerNavigationModel": "REEL_PLAYER_NAVIGATION_MODEL_UNSPECIFIED",
            }
        },
        "params": "CBQwAg",
        "ustreamerConfig": "CAw=",
    }
    if ad:
        endpoint["adClientParams"] = {"isAd": True}
    return {"commandMetadata": web(f"/shorts/{item_id}", "SHORTS", 37414), "reelWatchEndpoint": endpoint}


def lockup(item: Item, place: int, hl: str) -> JSON:
    """A card of a Shorts shelf: title and abbreviated views, neither channel nor age."""
    spoken = f"{spelt(item.views)} views" if item.views else "No views"
    thumbnail = {"url": f"https://i.ytimg.com/vi/{item.id}/oar2.jpg?sqp=-oaymwE", "width": 405, "height": 720}
    return {
        "shortsLockupViewModel": {
            "entityId": f"shorts-shelf-item-{item.id}",
            "accessibilityText": f"{item.title}, {spoken} – play Short",
            "onTap": {"innertubeCommand": reel_endpoint(item.id)},
            "inlinePlayerData": {
                "onVisible": {
                    "innertubeCommand": {
                        "commandMetadata": web(f"/watch?v={item.id}&pp=YAHI", "WATCH", 3832),
                        "watchEndpoint": {"videoId": item.id},
                    }
                }
            },
            "indexInCollection": place,
            "menuOnTapA11yLabel": "More actions",
            "overlayMetadata": {
                "primaryText": {"content": item.title},
                "secondaryText": {"content": views_text(item.views, hl)},
            },
            "thumbnailViewModel": {"thumbnailViewModel": {"image": {"sources": [thumbnail]}}},
            "stackedFrameData": {},
        }
    }


def shelf(items: list[Item], hl: str) -> JSON:
    return {
        "gridShelfViewModel": {
            "contents": [lockup(item, place, hl) for place, item in enumerate(items)],
            "header": {"sectionHeaderViewModel": {"headline": {"content": "Shorts"}}},
            "contentAspectRatio": "GRID_SHELF_CONTENT_ASPECT_RATIO_TWO_BY_THREE",
            "enableVerticalExpansion": True,
            "minCollapsedItemCount": 10,
        }
    }


def video(item: Item, hl: str, now: datetime, *, short: bool) -> JSON:
    """A line of the plain search: a long video, or a short that only its overlay style and address give away."""
    owner = {
        "runs": [
            {
                "text": item.channel,
                "navigationEndpoint": {
                    "commandMetadata": web(item.at, "CHANNEL", 3611),
                    "browseEndpoint": {"browseId": item.channel_id, "canonicalBaseUrl": item.at},
                },
            }
        ]
    }
    time_text = {"accessibility": label(f"{item.seconds} seconds"), "simpleText": clock(item.seconds)}
    mark = {"accessibility": label("Shorts"), "simpleText": "SHORTS"} if short else time_text
    watch = {
        "commandMetadata": web(f"/watch?v={item.id}&pp=ygUG", "WATCH", 3832),
        "watchEndpoint": {"videoId": item.id, "params": "qgMG"},
    }
    return {
        "videoRenderer": {
            "videoId": item.id,
            "thumbnail": {"thumbnails": [{"url": f"https://i.ytimg.com/vi/{item.id}/hq720.jpg", "width": 360}]},
            "title": {**runs(item.title), "accessibility": label(f"{item.title} {item.seconds} seconds")},
            "longBylineText": owner,
            "publishedTimeText": {"simpleText": ago(item.published, now)},
            "lengthText": time_text,
            "viewCountText": {"simpleText": f"{item.views:,} views" if item.views else "No views"},
            "navigationEndpoint": reel_endpoint(item.id) if short else watch,
            "ownerText": owner,
            "shortBylineText": owner,
            "shortViewCountText": {
                "accessibility": label(f"{spelt(item.views)} views"),
                "simpleText": views_text(item.views, hl),
            },
            "thumbnailOverlays": [
                {"thumbnailOverlayTimeStatusRenderer": {"text": mark, "style": "SHORTS" if short else "DEFAULT"}}
            ],
        }
    }
