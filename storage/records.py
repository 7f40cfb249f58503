"""The nouns that travel between the packages: what a platform says of a short, what was seen, decided, labelled.

Nothing here knows SQL, a browser or a model. A missing field is None, never a guess (DESIGN, issue "platforms").
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What an item of a result list or a feed is."""

    SHORT = "short"
    AD = "ad"
    LIVE = "live"
    PHOTO = "photo"
    VIDEO = "video"
    """A long video, which result lists mix with shorts."""


class Verdict(StrEnum):
    """Four answers, counted apart (D16). Only yes and no are opinions."""

    YES = "yes"
    NO = "no"
    REFUSED = "refused"
    UNREADABLE = "unreadable"


class Action(StrEnum):
    """What the agent did with a short on screen. SKIP is for what is never judged: ads, live rooms, photo posts."""

    WATCH = "watch"
    SCROLL = "scroll"
    SKIP = "skip"


class Outcome(StrEnum):
    """How an exposure ended. OPEN is written before the action; after a kill it becomes INTERRUPTED (D4)."""

    OPEN = "open"
    DONE = "done"
    INTERRUPTED = "interrupted"
    SKIPPED = "skipped"
    UNAVAILABLE = "unavailable"
    FAILED = "failed"


class LabelKind(StrEnum):
    """What a label names: one of Schwartz's basic values, or a topic of the content."""

    VALUE = "value"
    TOPIC = "topic"


class Stance(StrEnum):
    """How a short stands to a value or topic."""

    EXPRESSES = "expresses"
    OPPOSES = "opposes"
    DEPICTS = "depicts"
    NONE = "none"
    UNSURE = "unsure"


QUERY_SOURCE = "query"
"""Label source that means *collected under*: no stance, no score, never the content's value (D15)."""
ONE_AT_A_TIME = ("check:", "person")
"""Beginnings of the names of sources that were asked about one value of a short, as value sets are checked: what they
did not name, they said nothing of. Every other source named all that a short has to do with."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """One item as the platform's own data describes it (D8). Handles are raw here and hashed when stored (D17)."""

    platform: str
    platform_id: str | None
    """None where the site gives none, as for TikTok's live rooms."""
    kind: Kind = Kind.SHORT
    url: str | None = None
    """Canonical address without handle, port or session parameters."""
    caption: str | None = None
    author: str | None = None
    hashtags: tuple[str, ...] = ()
    """Without '#', in the order of the caption."""
    duration: float | None = None
    """Seconds."""
    published: datetime | None = None
    views: int | None = None
    likes: int | None = None
    comments: int | None = None
    shares: int | None = None
    language: str | None = None
    sound: str | None = None
    paid_partnership: bool | None = None
    ai_generated: bool | None = None
    subtitles: str | None = None
    unavailable: str | None = None
    """age, private, removed or region, where the site says so."""
    extra: dict[str, Any] = field(default_factory=dict)
    """Further flags of the site, kept as they are (never handles, cookies or addresses)."""

    def completed_by(self, other: "Record") -> "Record":
        """This record with its missing fields taken from another one of the same item, e.g. from its result list.

        How the other one was found (`extra["listed"]`) stays with the list: another keyword may find the same short.
        """
        other = replace(other, extra={name: value for name, value in other.extra.items() if name != "listed"})
        missing = {
            name: getattr(other, name)
            for name in self.__dataclass_fields__
            if getattr(self, name) in (None, (), {}) and getattr(other, name) not in (None, (), {})
        }
        return replace(self, **missing)


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One encoded picture of a short and how it was taken (D6)."""

    role: str
    """`screen` (player with caption overlay) or `frame` (clean video frame)."""
    source: str
    """`canvas` (clean frame) or `crop` (cut from the screen, overlays included); a screen is always `crop`."""
    method: str
    """`canvas`, `cdp` or `page`: the call that took it."""
    data: bytes
    """JPEG."""
    width: int
    height: int
    media_time: float | None
    """Seconds of the video at which it was taken."""


@dataclass(frozen=True, kw_only=True)
class Label:
    """One statement about a short: it <stance> the value or topic <name>, says <source>."""

    kind: LabelKind
    name: str
    source: str
    stance: Stance | None = None
    score: float | None = None
    model: str | None = None
    answer_id: int | None = None


@dataclass(frozen=True, kw_only=True)
class Decision:
    """A decider's verdict on a short; YES means watch on, everything else means scroll."""

    verdict: Verdict
    decider: str
    reason: str | None = None
    score: float | None = None
    """The decider's own scale, documented by it; None where it has none."""
    answer_id: int | None = None
    """The stored model answer behind it, if a model was asked."""
    dwell: float | None = None
    """Seconds to watch on after the window, where the decider says them; else they are drawn."""
