"""The feed and its recommender: a function of the seed and the visitor's watch events, nothing else (D13).

How it recommends, completely. Each item that a visitor leaves counts for its keyword with

    interest = min(1, seconds on screen / duration) + (1 if liked)

Scores fade: with every item left, all scores are multiplied by DECAY, then the item's keyword gains its interest.
The keyword of a new item is drawn with probability EXPLORE from all keywords alike, else in proportion to

    BASE / number of keywords  +  score of the keyword  +  SPREAD x mean score of the keywords of its value

A share COPY_RATE of the items are re-uploads of items this visitor has left, a share KNOWN_RATE are shorts that
search shows too and may come again (so fewer than KNOWN_RATE are repeats); all others are new. The LOOKAHEAD items
after the one on screen are already chosen and do not answer to it, as on sites that send items by the batch. Two
visitors who do the same see the same. It has no end; a media folder's feed is each picture once, in seeded order.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from agent.sandbox.media import MediaWorld
from agent.sandbox.world import COPY_RATE, MOST_NUMBERS, MOST_RESULTS, World
from storage.chance import draw
from storage.records import Kind

DECAY = 0.97
EXPLORE = 0.3
BASE = 2.0
SPREAD = 0.25
KNOWN_RATE = 0.05
LOOKAHEAD = 3


@dataclass(frozen=True, kw_only=True)
class WatchEvent:
    """A visitor left a short."""

    visitor: str
    id: str
    """Empty for items without id (live rooms)."""
    position: int | None
    """Place in the visitor's feed; None for a short opened by its address."""
    seconds: float
    """Platform seconds on screen."""
    media_seconds: float
    liked: bool
    at: str
    """ISO time, UTC."""


class Feed:
    """One visitor's feed. Replaying the same events gives the same feed."""

    def __init__(self, world: World | MediaWorld) -> None:
        self._world = world
        self._scores: dict[str, float] = {}
        self._items: list[str] = []
        self.position = 0
        """Place of the item that was not left yet."""
        self._extend()

    def ahead(self) -> list[tuple[int, str]]:
        """(position, id) of the item on screen and those already chosen after it; empty at the end."""
        return list(enumerate(self._items))[self.position :]

    def leave(self, event: WatchEvent) -> bool:
        """Take a watch event in; False for one that was known (a page reports a leave more than once)."""
        if event.position is not None:
            if event.position != self.position or self.position >= len(self._items):
                return False
            self.position += 1
        if isinstance(self._world, World):
            self._learn(self._world, event)
        self._extend()
        return True

    def _learn(self, world: World, event: WatchEvent) -> None:
        for keyword in self._scores:
            self._scores[keyword] *= DECAY
        if not world.owns(event.id):
            return
        truth = world.short(event.id)
        if truth.kind is Kind.SHORT and truth.keyword is not None:
            interest = min(1.0, event.seconds / truth.duration) + event.liked
            self._scores[truth.keyword] = self._scores.get(truth.keyword, 0.0) + interest

    def _extend(self) -> None:
        if isinstance(self._world, MediaWorld):
            self._items = self._world.ids
            return
        while len(self._items) <= self.position + LOOKAHEAD:
            self._items.append(self._choose(self._world, len(self._items)))

    def _choose(self, world: World, position: int) -> str:
        key = str(position)
        turn = draw(world.seed, "feed-turn", key)
        if turn < COPY_RATE and self.position:
            left = self._items[int(draw(world.seed, "feed-copied", key) * self.position)]
            copy = world.copy_of(left, draw(world.seed, "feed-copy", key))
            if copy is not None:
                return copy
        keyword = self._keyword(world, key)
        if turn > 1 - KNOWN_RATE:
            return world.id_of(keyword, int(draw(world.seed, "feed-known", key) * MOST_RESULTS))
        return world.id_of(keyword, (MOST_RESULTS + position) % MOST_NUMBERS)

    def _keyword(self, world: World, key: str) -> str:
        chance = draw(world.seed, "feed-keyword", key)
        if not self._scores or draw(world.seed, "feed-explore", key) < EXPLORE:
            return world.keywords[int(chance * len(world.keywords))]
        weights = keyword_weights(world, self._scores)
        rest = chance * sum(weights.values())
        for keyword, weight in weights.items():
            rest -= weight
            if rest < 0:
                return keyword
        return world.keywords[-1]


def keyword_weights(world: World, scores: Mapping[str, float]) -> dict[str, float]:
    """The recommender's weight of every keyword, in the vocabulary's order (see the module's text)."""
    totals: dict[str, float] = {}
    sizes: dict[str, int] = {}
    for keyword, value in world.value_of.items():
        totals[value] = totals.get(value, 0.0) + scores.get(keyword, 0.0)
        sizes[value] = sizes.get(value, 0) + 1
    return {
        keyword: BASE / len(world.keywords) + scores.get(keyword, 0.0) + SPREAD * totals[value] / sizes[value]
        for keyword, value in world.value_of.items()
    }


class Visitors:
    """All visitors' feeds and likes, kept as lines of JSON in one file that is only ever appended to.

    One write per event, so that a killed process loses nothing it had acknowledged and at most tears the last line,
    which is dropped on the next start. (Not synced to the disk: a power cut may cost the last events.)
    """

    def __init__(self, world: World | MediaWorld, state: Path) -> None:
        self._world = world
        self._feeds: dict[str, Feed] = {}
        self._liked: dict[str, set[str]] = {}
        state.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(state, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._replay(state)

    def close(self) -> None:
        os.close(self._file)

    def feed(self, visitor: str) -> Feed:
        """The visitor's feed; a new one for a visitor never seen."""
        if visitor not in self._feeds:
            self._feeds[visitor] = Feed(self._world)
        return self._feeds[visitor]

    def watched(self, event: WatchEvent) -> None:
        """Take in and store that a visitor left a short."""
        if self.feed(event.visitor).leave(event):
            self._append({"kind": "watch", **asdict(event)})

    def like(self, visitor: str, short_id: str, *, liked: bool) -> None:
        """Store that a visitor likes a short, or not any more."""
        self._set_liked(visitor, short_id, liked=liked)
        self._append({"kind": "like", "visitor": visitor, "id": short_id, "liked": liked})

    def likes(self, visitor: str, short_id: str) -> bool:
        """Whether the visitor likes the short now."""
        return short_id in self._liked.get(visitor, ())

    def _set_liked(self, visitor: str, short_id: str, *, liked: bool) -> None:
        mine = self._liked.setdefault(visitor, set())
        (mine.add if liked else mine.discard)(short_id)

    def _append(self, event: Mapping[str, object]) -> None:
        os.write(self._file, json.dumps(event, separators=(",", ":")).encode() + b"\n")

    def _replay(self, state: Path) -> None:
        content = state.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            os.ftruncate(self._file, whole)
        for line in content[:whole].splitlines():
            event = json.loads(line)
            kind, foreign = event.pop("kind"), event["id"] and not self._world.owns(event["id"])
            if foreign:  # of another seed or folder: its feed is another one
                continue
            if kind == "watch":
                self.feed(event["visitor"]).leave(WatchEvent(**event))
            else:
                self._set_liked(event["visitor"], event["id"], liked=event["liked"])
