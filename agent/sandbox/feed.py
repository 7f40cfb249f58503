"""Visitors' feeds: a function of the seed, the recommender and the visitor's watch events, nothing else (D13).

What comes next is the recommender's matter (`recommenders.py`). The LOOKAHEAD items after the one on screen are already
chosen and do not answer to it, as on sites that send items by the batch. Visitors who do the same see the same, unless
the site is `distinct`: then a visitor's id is the luck that all its draws depend on, and two visitors differ by chance.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from agent.sandbox.media import MediaWorld
from agent.sandbox.recommenders import Engagement, Recommender, recommender
from agent.sandbox.world import World

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

    def __init__(self, serving: Recommender) -> None:
        self._recommender = serving
        self._items: list[str] = []
        self._ended = False
        self.position = 0
        """Place of the item that was not left yet."""
        self._extend()

    def ahead(self) -> list[tuple[int, str]]:
        """(position, id) of the item on screen and those already chosen after it; empty at the end."""
        return list(enumerate(self._items[self.position :], start=self.position))

    def leave(self, event: WatchEvent) -> bool:
        """Take a watch event in; False for one that was known (a page reports a leave more than once)."""
        if event.position is not None:
            if event.position != self.position or self.position >= len(self._items):
                return False
            self.position += 1
        self._recommender.learn(event.id, event.media_seconds, event.liked, self.position)
        self._extend()
        return True

    def state(self) -> dict[str, Any]:
        """How far the visitor is and what the recommender has learned, for JSON."""
        return {"position": self.position, **self._recommender.state()}

    def _extend(self) -> None:
        while not self._ended and len(self._items) <= self.position + LOOKAHEAD:
            following = self._recommender.choose(self._items)
            if following is None:
                self._ended = True
            else:
                self._items.append(following)


def visitor_id(seed: int, name: str) -> str:
    """The id of a visitor that an experiment names, so that its luck is a function of the experiment's seed."""
    return hashlib.sha256(f"{seed}\x1fvisitor\x1f{name}".encode()).hexdigest()[:16]


class Feeds:
    """All visitors' feeds and likes.

    Args:
        kind: of recommender.
        distinct: visitors have luck of their own.
    """

    def __init__(self, world: World | MediaWorld, kind: str = Engagement.kind, *, distinct: bool = False) -> None:
        self.site = {"kind": "site", "seed": world.seed, "recommender": kind, "distinct": distinct}
        self._world, self._kind, self._distinct = world, kind, distinct
        self._feeds: dict[str, Feed] = {}
        self._liked: dict[str, set[str]] = {}

    def feed(self, visitor: str) -> Feed:
        """The visitor's feed; a new one for a visitor never seen."""
        if visitor not in self._feeds:
            luck = visitor if self._distinct else ""
            self._feeds[visitor] = Feed(recommender(self._kind, self._world, luck))
        return self._feeds[visitor]

    def likes(self, visitor: str, short_id: str) -> bool:
        """Whether the visitor likes the short now."""
        return short_id in self._liked.get(visitor, ())

    def replay(self, line: Mapping[str, Any]) -> None:
        """Take in one line of a state file again; those of another seed or folder, whose feed is another one, are
        passed over."""
        if line["kind"] == "site" or (line["id"] and not self._world.owns(line["id"])):
            return
        if line["kind"] == "watch":
            event = WatchEvent(**{name: value for name, value in line.items() if name != "kind"})
            self.feed(event.visitor).leave(event)
        else:
            self._set_liked(line["visitor"], line["id"], liked=line["liked"])

    def states(self) -> dict[str, Any]:
        """By visitor, see `Feed.state`."""
        return {visitor: feed.state() for visitor, feed in sorted(self._feeds.items())}

    def _set_liked(self, visitor: str, short_id: str, *, liked: bool) -> None:
        mine = self._liked.setdefault(visitor, set())
        (mine.add if liked else mine.discard)(short_id)


class Visitors(Feeds):
    """The same, kept as lines of JSON in one file that is only ever appended to.

    One write per event, so that a killed process loses nothing it had acknowledged and at most tears the last line,
    which is dropped on the next start. (Not synced to the disk: a power cut may cost the last events.) A line of kind
    `site` says of which seed and recommender the lines after it are.
    """

    def __init__(
        self, world: World | MediaWorld, state: Path, kind: str = Engagement.kind, *, distinct: bool = False
    ) -> None:
        super().__init__(world, kind, distinct=distinct)
        state.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(state, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        lines, torn = read_state(state)
        if torn:
            os.ftruncate(self._file, state.stat().st_size - torn)
        for line in lines:
            self.replay(line)
        if self.site != next((line for line in reversed(lines) if line["kind"] == "site"), None):
            self._append(self.site)

    def close(self) -> None:
        os.close(self._file)

    def watched(self, event: WatchEvent) -> None:
        """Take in and store that a visitor left a short."""
        if self.feed(event.visitor).leave(event):
            self._append({"kind": "watch", **asdict(event)})

    def like(self, visitor: str, short_id: str, *, liked: bool) -> None:
        """Store that a visitor likes a short, or not any more."""
        self._set_liked(visitor, short_id, liked=liked)
        self._append({"kind": "like", "visitor": visitor, "id": short_id, "liked": liked})

    def _append(self, event: Mapping[str, object]) -> None:
        os.write(self._file, json.dumps(event, separators=(",", ":")).encode() + b"\n")


def read_state(state: Path) -> tuple[list[dict[str, Any]], int]:
    """The lines of a state file, and how many bytes of a torn last line were left out."""
    content = state.read_bytes()
    whole = content.rfind(b"\n") + 1
    return [json.loads(line) for line in content[:whole].splitlines()], len(content) - whole
