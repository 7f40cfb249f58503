"""The feed's recommenders: which short a visitor gets next. One documented model each, seeded, without a clock.

    engagement      interest weights per topic and value, learned from dwell time and likes; the default
    popular         most viewed first, the same order for everybody
    chronological   newest first, likewise

The last two take no notice of the visitor beyond showing nothing twice, so whatever an agent does has no effect on
them. A topic is a keyword of the vocabulary, whose value the vocabulary says. Every draw is a function of (the world's
seed, the visitor's luck, the place in the feed): the same luck and the same watch events give the same feed, and
without luck of their own all visitors have the same.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from agent.sandbox.media import MediaWorld
from agent.sandbox.world import COPY_RATE, MOST_NUMBERS, MOST_RESULTS, World
from storage.chance import draw, shuffled
from storage.records import Kind

DEALT = 0.1
"""Share of the catalogue that a visitor of `popular` or `chronological` meets; which one is a matter of luck."""
KNOWN_RATE = 0.05
"""Of `engagement`: share of items that search shows too and that may come again."""


class Recommender(ABC):
    """Serves one visitor."""

    kind: ClassVar[str]

    @abstractmethod
    def choose(self, chosen: Sequence[str]) -> str | None:
        """The id of the next item after those that were chosen so far, left or not; None where the feed ends.

        Asked once for every place, in order.
        """

    @abstractmethod
    def learn(self, short_id: str, watched: float, liked: bool, left: int) -> None:
        """The visitor left an item after `watched` seconds of its video.

        Args:
            left: how many items of the feed it has left by now.
        """

    def state(self) -> dict[str, Any]:
        """Everything it has learned and goes by, for JSON."""
        return {"kind": self.kind}


class Indifferent(Recommender):
    """Takes no notice of what a visitor does."""

    def learn(self, short_id: str, watched: float, liked: bool, left: int) -> None:
        """Nothing."""


class Ranked(Indifferent):
    """The site's catalogue in one order for everybody; of it, each visitor meets a share `DEALT`, and each item once.

    The feed ends with the catalogue (some 1,600 items of 100 keywords).
    """

    def __init__(self, world: World, luck: str = "") -> None:
        self._world, self._luck = world, luck
        self._left = self._dealt()

    @abstractmethod
    def order(self, world: World) -> Sequence[str]:
        """The catalogue, first shown first."""

    def choose(self, chosen: Sequence[str]) -> str | None:
        return next(self._left, None)

    def state(self) -> dict[str, Any]:
        return {**super().state(), "parameters": {"dealt": DEALT}}

    def _dealt(self) -> Iterator[str]:
        for short_id in self.order(self._world):
            if draw(self._world.seed, "feed-dealt", f"{self._luck}/{short_id}") < DEALT:
                yield short_id


class Chronological(Ranked):
    """Newest first."""

    kind = "chronological"

    def order(self, world: World) -> Sequence[str]:
        return world.newest


class Popular(Ranked):
    """Most viewed in the long run first."""

    kind = "popular"

    def order(self, world: World) -> Sequence[str]:
        return world.most_viewed


@dataclass(frozen=True, kw_only=True)
class Strength:
    """The parameters of `engagement`."""

    glance: float = 5.0
    """Seconds of a video that say nothing yet: who scrolls on has seen them as well."""
    long: float = 10.0
    """Seconds beyond `glance` that count as whole interest."""
    decay: float = 0.97
    """What is left of all that was learned with every further item."""
    explore: float = 0.2
    """Share of items whose topic is drawn from all alike."""
    base: float = 1.0
    """Weight dealt evenly to all topics, in items of whole interest."""
    spread: float = 1.0
    """Interest in a value that its topics share evenly, beside what each has learned."""
    fatigue: float = 0.9
    """A topic's weight is multiplied by it for each of its items among the last `recent`."""
    recent: int = 8
    popularity: float = 0.5
    """Of the shorts at hand one is drawn in proportion to views ** popularity."""
    at_hand: int = 4
    """New shorts of the topic that are to be chosen from."""


class Engagement(Recommender):
    """Learns from what a visitor watches. Completely:

    An item that a visitor leaves after `watched` seconds of its video has the interest

        min(1, max(0, watched - glance) / long)  +  (1 if liked)

    With every item left, all weights of topics and values are multiplied by `decay`; then the item's topic and its
    value each gain its interest (ads, live rooms and photo posts give none). The topic of the next item is drawn with
    probability `explore` from all n topics alike, else in proportion to

        (base / n  +  weight of the topic  +  spread x weight of its value / topics of the value)
        x fatigue ** (its items among the last `recent` chosen)

    A share COPY_RATE of the items are re-uploads of items that the visitor has left. A share KNOWN_RATE are shorts of
    the topic that search shows too and that may come again. All others are new: of the next `at_hand` shorts of the
    topic one is drawn in proportion to views ** popularity, the others never come. It has no end.
    """

    kind = "engagement"

    def __init__(self, world: World, luck: str = "", strength: Strength | None = None) -> None:
        self._world, self._luck = world, luck
        self.strength = strength or Strength()
        self.topics: dict[str, float] = {}
        """Learned weights; topics without one are left out. Likewise `values`."""
        self.values: dict[str, float] = {}
        self._sizes = Counter(world.value_of.values())
        self._recent: list[str | None] = []
        self._position = 0

    def learn(self, short_id: str, watched: float, liked: bool, left: int) -> None:
        for weights in (self.topics, self.values):
            for name in weights:
                weights[name] *= self.strength.decay
        self._position = left
        if not self._world.owns(short_id):
            return
        topic, kind = self._world.about(short_id)
        interest = min(1.0, max(0.0, watched - self.strength.glance) / self.strength.long) + liked
        if kind is Kind.SHORT and interest:
            value = self._world.value_of[topic]
            self.topics[topic] = self.topics.get(topic, 0.0) + interest
            self.values[value] = self.values.get(value, 0.0) + interest

    def weights(self, recent: Sequence[str | None] = ()) -> dict[str, float]:
        """Every topic's weight in the draw, in the vocabulary's order.

        Args:
            recent: topics of the items that were chosen last.
        """
        strength, topics, values = self.strength, self.topics, self.values
        even = strength.base / len(self._world.keywords)
        shared = {value: strength.spread * weight / self._sizes[value] for value, weight in values.items()}
        found = {
            topic: even + topics.get(topic, 0.0) + shared.get(value, 0.0)
            for topic, value in self._world.value_of.items()
        }
        for topic in recent:
            if topic is not None:
                found[topic] *= strength.fatigue
        return found

    def choose(self, chosen: Sequence[str]) -> str | None:
        world, place = self._world, len(chosen)
        turn = self._draw("feed-turn", place)
        if turn < COPY_RATE and self._position:
            left = chosen[int(self._draw("feed-copied", place) * self._position)]
            copy = world.copy_of(left, self._draw("feed-copy", place))
            if copy is not None:
                self._note(None)
                return copy
        topic = self._topic(place)
        self._note(topic)
        if turn > 1 - KNOWN_RATE:
            return world.id_of(topic, int(self._draw("feed-known", place) * MOST_RESULTS))
        return self._new(topic, place)

    def state(self) -> dict[str, Any]:
        def rounded(weights: Mapping[str, float]) -> dict[str, float]:
            return {name: round(weight, 6) for name, weight in sorted(weights.items())}

        learned = {"topics": rounded(self.topics), "values": rounded(self.values)}
        return {**super().state(), "parameters": asdict(self.strength), **learned}

    def _draw(self, purpose: str, place: int) -> float:
        return draw(self._world.seed, purpose, f"{self._luck}/{place}" if self._luck else str(place))

    def _note(self, topic: str | None) -> None:
        self._recent = [*self._recent, topic][-self.strength.recent :]

    def _topic(self, place: int) -> str:
        chance, keywords = self._draw("feed-keyword", place), self._world.keywords
        if not self.topics or self._draw("feed-explore", place) < self.strength.explore:
            return keywords[int(chance * len(keywords))]
        return _drawn(self.weights(self._recent), chance)

    def _new(self, topic: str, place: int) -> str:
        first = MOST_RESULTS + self.strength.at_hand * place
        ids = [self._world.id_of(topic, (first + more) % MOST_NUMBERS) for more in range(self.strength.at_hand)]
        return _drawn(
            {one: self._world.views(one) ** self.strength.popularity for one in ids}, self._draw("feed-which", place)
        )


class Once(Indifferent):
    """The feed of a `--media` folder: each picture once, in seeded order."""

    kind = "once"

    def __init__(self, world: MediaWorld, luck: str = "") -> None:
        self._order = shuffled(world.ids, world.seed, f"media-feed/{luck}") if luck else world.ids

    def choose(self, chosen: Sequence[str]) -> str | None:
        return self._order[len(chosen)] if len(chosen) < len(self._order) else None


KINDS: Mapping[str, type[Ranked] | type[Engagement]] = {one.kind: one for one in (Chronological, Popular, Engagement)}


def recommender(kind: str, world: World | MediaWorld, luck: str = "") -> Recommender:
    """A new visitor's recommender; a folder of pictures has only `Once`.

    Args:
        kind: one of `KINDS`.
        luck: what the visitor's draws depend on beside the seed and the place.
    """
    return Once(world, luck) if isinstance(world, MediaWorld) else KINDS[kind](world, luck)


def _drawn(weights: Mapping[str, float], chance: float) -> str:
    """One of the names, in proportion to its weight."""
    rest = chance * sum(weights.values())
    for name, weight in weights.items():
        rest -= weight
        if rest < 0:
            return name
    return next(reversed(list(weights)))
