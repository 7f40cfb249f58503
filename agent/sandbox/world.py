"""The sandbox's content: any number of shorts, all pure functions of a seed, none stored (D13).

A short's id carries the seed and, scrambled, which short it is:

    7-3fa09c12de  =  seed 7, keyword slot (16 bits), copy (4 bits; 0 is an original), number (20 bits)

so `short(id)` rebuilds everything about it. The keyword's slot is a hash of the word: adding a keyword to the
vocabulary leaves the other shorts as they are. Proportions follow `platforms.md` 2.6 where it counted something;
figures marked *ours* are stated, not measured. None of this says anything about real shorts: the sandbox tests the
pipeline, never validity.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from math import exp, log

from agent.sandbox import words
from storage.chance import draw
from storage.records import Kind

AD_RATE = 0.030
LIVE_RATE = 0.017
PHOTO_RATE = 0.02
"""Ours: photo posts were not counted in the recordings; rare enough to be no content of the crawl, often enough that
a run of a hundred shorts meets some."""
COPY_RATE = 0.06
"""Ours: share of result-list and feed items that are re-uploads of an earlier item."""
STRAY_RATE = 0.06
"""Ours: share of a keyword's results that are about another keyword, as real search mixes them in."""
PAGE_SIZE = 12
LEAST_RESULTS, MOST_RESULTS = 30, 90
CATALOGUE = 150
"""Ours: shorts of a keyword that feeds in one order for everybody are made from, re-uploads not counted."""
MEDIAN_DURATION = 18.0
"""Seconds, ours: real feeds have 73 s; ours are shorter (5-60 s) so that a video is cheap and can be watched whole."""
SHORTEST, LONGEST = 5.0, 60.0
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
"""Every short was published in the 700 days before this moment."""

_SLOT_BITS, _COPY_BITS, _NUMBER_BITS = 16, 4, 20
_HALF_BITS = (_SLOT_BITS + _COPY_BITS + _NUMBER_BITS) // 2
_HALF_MASK = (1 << _HALF_BITS) - 1
MOST_NUMBERS = 1 << _NUMBER_BITS
EDITS = ("reencode", "rescale", "crop")


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Public counts of a short at one moment."""

    views: int
    likes: int
    comments: int
    shares: int


@dataclass(frozen=True, kw_only=True)
class Truth:
    """Everything about one short, what the site shows and what it does not. For tests only: no route serves it."""

    id: str
    kind: Kind
    keyword: str | None
    """What the picture is really about; None in media mode."""
    value: str | None
    caption: str | None
    says: str
    """How the caption stands to the keyword: mentions, silent, contradicts (names another one), missing."""
    author: str
    hashtags: tuple[str, ...]
    duration: float
    """Seconds; 0 for photo posts and live rooms."""
    published: datetime
    language: str
    sound: str | None
    subtitles: str | None
    paid_partnership: bool = False
    ai_generated: bool = False
    copy_of: str | None = None
    edits: tuple[str, ...] = ()
    """What a re-upload changed in the picture: some of `EDITS`, always with another author and caption."""
    media_file: str | None = None
    popularity: float = field(default=1.0, repr=False)
    """Views it tends to, in the long run."""

    def counts(self, at: datetime) -> Counts:
        """Counts at a moment: they grow for ever, ever slower, and never fall."""
        age = max(0.0, (at - self.published).total_seconds() / 86_400)
        views = int(self.popularity * (1 - exp(-age / 30)) + self.popularity * age / 3650)
        return Counts(views=views, likes=views // 19, comments=views // 640, shares=views // 410)


def popularity(seed: int, short_id: str) -> float:
    """Long-run views, log-uniform from 200 to 5 million."""
    return float(200 * exp(draw(seed, "popularity", short_id) * log(25_000)))


def published(seed: int, short_id: str) -> datetime:
    """Publishing time to the second."""
    return EPOCH - timedelta(seconds=int(draw(seed, "published", short_id) * 700 * 86_400))


class World:
    """All shorts of one seed over one vocabulary.

    Args:
        seed: any non-negative number.
        vocabulary: keywords by value id; a keyword belongs to the first value that names it.
    """

    finite = False

    def __init__(self, seed: int, vocabulary: Mapping[str, Sequence[str]]) -> None:
        self.seed = seed
        self.value_of: dict[str, str] = {}
        for value, keywords in vocabulary.items():
            for keyword in keywords:
                self.value_of.setdefault(_plain(keyword), value)
        if not self.value_of:
            raise ValueError("a sandbox needs at least one keyword")
        self.keywords: tuple[str, ...] = tuple(self.value_of)
        self._slots: dict[int, str] = {}
        for keyword in sorted(self.keywords):
            slot = int.from_bytes(hashlib.sha256(keyword.encode()).digest()[:2], "big")
            while slot in self._slots:
                slot = (slot + 1) % (1 << _SLOT_BITS)
            self._slots[slot] = keyword
        self._slot_of = {keyword: slot for slot, keyword in self._slots.items()}

    def id_of(self, keyword: str, number: int, copy: int = 0) -> str:
        """The id of a keyword's short."""
        plain = ((self._slot_of[keyword] << _COPY_BITS | copy) << _NUMBER_BITS) | number
        return f"{self.seed}-{self._scramble(plain):010x}"

    def owns(self, short_id: str) -> bool:
        """Whether the id is one of this world's."""
        return self._parts(short_id) is not None

    def short(self, short_id: str) -> Truth:
        """The truth about a short.

        Raises:
            KeyError: no short of this world.
        """
        parts = self._parts(short_id)
        if parts is None:
            raise KeyError(short_id)
        keyword, copy, number = parts
        original = self.id_of(keyword, number) if copy else None
        return self._truth(short_id, keyword, self._kind(original or short_id), original)

    def about(self, short_id: str) -> tuple[str, Kind]:
        """A short's keyword and kind, without the rest of its truth.

        Raises:
            KeyError: no short of this world.
        """
        parts = self._parts(short_id)
        if parts is None:
            raise KeyError(short_id)
        return parts[0], self._kind(self.id_of(parts[0], parts[2]) if parts[1] else short_id)

    def views(self, short_id: str) -> float:
        """Views that the short tends to, in the long run."""
        return popularity(self.seed, short_id)

    @cached_property
    def newest(self) -> tuple[str, ...]:
        """The first `CATALOGUE` shorts of every keyword and a share COPY_RATE of re-uploads, newest first."""
        return tuple(sorted(self._catalogue, key=lambda one: published(self.seed, one), reverse=True))

    @cached_property
    def most_viewed(self) -> tuple[str, ...]:
        """The same shorts, most viewed first."""
        return tuple(sorted(self._catalogue, key=self.views, reverse=True))

    @cached_property
    def _catalogue(self) -> list[str]:
        found = [self.id_of(keyword, number) for keyword in self.keywords for number in range(CATALOGUE)]
        chances = [draw(self.seed, "catalogue-copy", one) for one in found]
        copies = (
            self.copy_of(one, chance / COPY_RATE)
            for one, chance in zip(found, chances, strict=True)
            if chance < COPY_RATE
        )
        return found + [copy for copy in copies if copy is not None]

    def copy_of(self, short_id: str, which: float) -> str | None:
        """A re-upload of an original video; None of anything else. `which` in [0, 1) picks one of fifteen."""
        parts = self._parts(short_id)
        if parts is None or parts[1] or self._kind(short_id) is not Kind.SHORT:
            return None
        return self.id_of(parts[0], parts[2], 1 + int(which * ((1 << _COPY_BITS) - 1)))

    def search(self, query: str, page: int) -> list[str]:
        """Ids of one result page (from 0) in rank order; empty past the end. Independent of time and visitor."""
        return self._results(query)[page * PAGE_SIZE : (page + 1) * PAGE_SIZE]

    def pages(self, query: str) -> int:
        """How many result pages a query has."""
        return -(-len(self._results(query)) // PAGE_SIZE)

    def _results(self, query: str) -> list[str]:
        keyword = _plain(query)
        if keyword not in self.value_of:
            return self._loose_results(keyword)
        total = LEAST_RESULTS + int(draw(self.seed, "results", keyword) * (MOST_RESULTS - LEAST_RESULTS + 1))
        own = [self.id_of(keyword, rank) for rank in range(MOST_RESULTS)]
        found: list[str] = []
        for rank in range(total):
            chance, which = (draw(self.seed, purpose, f"{keyword}/{rank}") for purpose in ("result", "which"))
            candidate: str | None = None
            if chance < COPY_RATE and found:
                candidate = self.copy_of(found[int(which * len(found))], chance / COPY_RATE)
            elif chance > 1 - STRAY_RATE:
                candidate = self.stray(f"{keyword}/{rank}")
            if candidate is None or candidate in found or candidate in own:
                candidate = own[rank]
            found.append(candidate)
        return found

    def _loose_results(self, query: str) -> list[str]:
        """A few shorts of keywords that share a word with the query; else often none, sometimes a few strays."""
        asked = set(query.split())
        related = [keyword for keyword in self.keywords if asked & set(keyword.split())]
        if not asked or (not related and draw(self.seed, "unknown", query) < 0.5):
            return []
        total = 3 + int(draw(self.seed, "loose", query) * 7)
        ids = [
            self.id_of(related[rank % len(related)], rank) if related else self.stray(f"{query}/{rank}")
            for rank in range(total)
        ]
        return list(dict.fromkeys(ids))

    def stray(self, key: str) -> str:
        """A short of any keyword, out of those that its own search shows first."""
        keyword = self.keywords[int(draw(self.seed, "stray", key) * len(self.keywords))]
        return self.id_of(keyword, int(draw(self.seed, "stray-number", key) * LEAST_RESULTS))

    def _kind(self, short_id: str) -> Kind:
        chance = draw(self.seed, "kind", short_id) * (1 - COPY_RATE)  # copies are videos: keep the overall shares
        for kind, rate in ((Kind.AD, AD_RATE), (Kind.LIVE, LIVE_RATE), (Kind.PHOTO, PHOTO_RATE)):
            if chance < rate:
                return kind
            chance -= rate
        return Kind.SHORT

    def _truth(self, short_id: str, keyword: str, kind: Kind, original: str | None) -> Truth:
        def chance(purpose: str) -> float:
            return draw(self.seed, purpose, short_id)

        value = self.value_of[keyword]
        other = self._opposite(short_id, value)
        text = words.caption(chance, keyword, other, ad=kind is Kind.AD)
        edits = tuple(edit for edit in EDITS[1:] if chance(edit) < 0.4)
        spoken = words.subtitles(chance, keyword) if kind in (Kind.SHORT, Kind.AD) else None
        return Truth(
            id=short_id,
            kind=kind,
            keyword=keyword,
            value=value,
            caption=text.caption,
            says=text.says,
            author=words.handle(chance),
            hashtags=text.hashtags,
            duration=self._duration(original or short_id) if kind in (Kind.SHORT, Kind.AD) else 0.0,
            published=published(self.seed, short_id),
            language=text.language,
            sound=words.sound(chance),
            subtitles=spoken,
            paid_partnership=kind is Kind.SHORT and chance("paid") < 0.006,
            ai_generated=kind is Kind.SHORT and chance("aigc") < 0.006,
            copy_of=original,
            edits=(EDITS[0], *edits) if original else (),
            popularity=popularity(self.seed, short_id),
        )

    def _opposite(self, short_id: str, value: str) -> str:
        """A keyword of another value, for a caption that contradicts the picture."""
        others = [keyword for keyword in self.keywords if self.value_of[keyword] != value] or list(self.keywords)
        return others[int(draw(self.seed, "opposite", short_id) * len(others))]

    def _duration(self, short_id: str) -> float:
        """Log-logistic around the median, cut to 5-60 s."""
        chance = min(0.999, max(0.001, draw(self.seed, "duration", short_id)))
        seconds = MEDIAN_DURATION * float((chance / (1 - chance)) ** 0.4)
        return round(min(LONGEST, max(SHORTEST, seconds)), 2)

    def _parts(self, short_id: str) -> tuple[str, int, int] | None:
        match = re.fullmatch(r"(\d+)-([0-9a-f]{10})", short_id)
        if match is None or int(match[1]) != self.seed:
            return None
        plain = self._scramble(int(match[2], 16), backwards=True)
        keyword = self._slots.get(plain >> (_COPY_BITS + _NUMBER_BITS))
        if keyword is None:
            return None
        return keyword, plain >> _NUMBER_BITS & ((1 << _COPY_BITS) - 1), plain & (MOST_NUMBERS - 1)

    def _scramble(self, number: int, *, backwards: bool = False) -> int:
        """A keyed permutation (Feistel network, four rounds), so that an id tells nothing of keyword or order."""
        left, right = number >> _HALF_BITS, number & _HALF_MASK
        if backwards:
            for turn in (3, 2, 1, 0):
                left, right = right ^ self._mix(turn, left), left
        else:
            for turn in (0, 1, 2, 3):
                left, right = right, left ^ self._mix(turn, right)
        return left << _HALF_BITS | right

    def _mix(self, turn: int, half: int) -> int:
        return int(draw(self.seed, f"id-{turn}", str(half)) * (_HALF_MASK + 1))


def _plain(keyword: str) -> str:
    return " ".join(keyword.lower().split())
