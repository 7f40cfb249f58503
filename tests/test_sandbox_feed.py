"""The feed answers to watch time as its documented formula says, and survives being killed."""

import json
from collections import Counter
from pathlib import Path

import pytest

from agent.sandbox.faults import Fault, Faults
from agent.sandbox.feed import LOOKAHEAD, Feed, Visitors, WatchEvent, visitor_id
from agent.sandbox.recommenders import DEALT, KINDS, Engagement, recommender
from agent.sandbox.state import feed_states
from agent.sandbox.world import CATALOGUE, COPY_RATE, World
from storage.errors import UsageError
from storage.records import Kind

VOCABULARY = {
    "hedonism": ["vacation", "concert", "hot tub", "picnic", "party"],
    "achievement": ["trophy", "chess", "marathon", "keynote", "startup"],
}


@pytest.fixture(scope="module")
def world() -> World:
    return World(5, VOCABULARY)


def event(short_id: str, position: int | None, seconds: float, visitor: str = "v", liked: bool = False) -> WatchEvent:
    return WatchEvent(
        visitor=visitor, id=short_id, position=position, seconds=seconds, media_seconds=seconds, liked=liked, at="t"
    )


def walk(world: World, items: int, likes: str | None, kind: str = "engagement", luck: str = "") -> list[str]:
    """Ids that a visitor meets who watches one keyword whole and scrolls past everything else."""
    feed, met = Feed(recommender(kind, world, luck)), []
    for _ in range(items):
        position, short_id = feed.ahead()[0]
        met.append(short_id)
        watched = world.short(short_id).keyword == likes
        assert feed.leave(event(short_id, position, 60.0 if watched else 0.0))
    return met


def test_watching_a_keyword_raises_its_share(world: World) -> None:
    shares = {}
    for likes in (None, "chess"):
        keywords = Counter(world.short(short_id).keyword for short_id in walk(world, 400, likes)[100:])
        shares[likes] = keywords["chess"] / 300
    assert shares[None] < 0.2
    assert shares["chess"] > 0.35


def test_the_weights_are_the_documented_formula(world: World) -> None:
    serving = Engagement(world)
    half, strength = world.id_of("chess", 3), serving.strength
    whole, whole_liked = world.id_of("trophy", 3), world.id_of("party", 3)
    for left, (short_id, watched, liked) in enumerate(
        [(half, 10.0, False), (world.id_of("picnic", 2), 5.0, False), (whole, 99.0, False), (whole_liked, 15.0, True)]
    ):
        serving.learn(short_id, watched, liked, left)
    d, even = strength.decay, strength.base / 10
    assert {world.about(one)[1] for one in (half, whole, whole_liked)} == {Kind.SHORT}
    weights = serving.weights(["trophy", None, "trophy", "party"])
    assert serving.topics == pytest.approx({"chess": 0.5 * d**3, "trophy": d, "party": 2.0})
    assert serving.values == pytest.approx({"achievement": 0.5 * d**3 + d, "hedonism": 2.0})
    shared = strength.spread * (0.5 * d**3 + d) / 5
    assert weights["startup"] == pytest.approx(even + shared)
    assert weights["trophy"] == pytest.approx((even + d + shared) * strength.fatigue**2)
    assert weights["picnic"] == pytest.approx(even + 2.0 / 5)
    assert serving.state()["topics"]["party"] == 2.0


def test_new_items_are_more_often_those_with_many_views(world: World) -> None:
    met = [one for one in walk(world, 1000, None) if world.short(one).copy_of is None]
    assert sum(world.views(one) > 30_000 for one in met) / len(met) > 0.7  # half of all shorts have more


@pytest.mark.parametrize("kind", ["chronological", "popular"])
def test_a_feed_in_one_order_takes_no_notice_of_the_visitor_and_ends(world: World, kind: str) -> None:
    met = walk(world, 100, "chess", kind)
    assert met == walk(world, 100, None, kind)
    assert len(set(met)) == len(met)
    shorts = [world.short(one) for one in met]
    order = [one.published.timestamp() if kind == "chronological" else one.popularity for one in shorts]
    assert order == sorted(order, reverse=True)
    feed = Feed(recommender(kind, world))
    while ahead := feed.ahead():
        feed.leave(event(ahead[0][1], ahead[0][0], 0.0))
    assert 0.8 < feed.position / (10 * CATALOGUE * DEALT) < 1.3


@pytest.mark.parametrize("kind", KINDS)
def test_luck_of_their_own_shows_visitors_different_shorts_the_same_way_again(world: World, kind: str) -> None:
    one, again, other = (walk(world, 40, "chess", kind, luck) for luck in ("a", "a", "b"))
    assert one == again
    assert sum(left == right for left, right in zip(one, other, strict=True)) < 20


def test_a_distinct_sites_visitors_keep_their_luck_over_a_restart_and_can_be_read(tmp_path: Path) -> None:
    world, state = World(5, VOCABULARY), tmp_path / "state.jsonl"
    names = [visitor_id(7, arm) for arm in ("one", "two")]
    visitors = Visitors(world, state, "engagement", distinct=True)
    for name in names:
        for _ in range(12):
            position, short_id = visitors.feed(name).ahead()[0]
            visitors.watched(event(short_id, position, 20.0, visitor=name))
    ahead = [visitors.feed(name).ahead() for name in names]
    assert ahead[0] != ahead[1]
    again = Visitors(world, state, "engagement", distinct=True)
    assert [again.feed(name).ahead() for name in names] == ahead
    states = feed_states(state, VOCABULARY)
    assert (states["seed"], states["recommender"], states["distinct"]) == (5, "engagement", True)
    assert states["visitors"] == visitors.states()
    assert states["visitors"][names[0]]["position"] == 12
    assert sum(states["visitors"][names[0]]["values"].values()) > 5


def test_two_visitors_who_do_the_same_see_the_same_and_the_next_items_are_already_chosen(world: World) -> None:
    assert walk(world, 60, "chess") == walk(world, 60, "chess")
    feed = Feed(recommender("engagement", world))
    ahead = feed.ahead()
    assert len(ahead) == 1 + LOOKAHEAD
    feed.leave(event(ahead[0][1], 0, 9.0))
    assert feed.ahead()[:LOOKAHEAD] == ahead[1:]


def test_the_feed_holds_reuploads_of_what_was_seen_and_few_repeats(world: World) -> None:
    met = walk(world, 1000, "chess")
    copies = [(place, world.short(short_id).copy_of) for place, short_id in enumerate(met)]
    known = [place for place, original in copies if original]
    assert 0.5 * COPY_RATE < len(known) / 1000 < 1.2 * COPY_RATE
    assert all(original in met[:place] for place, original in copies if original)
    assert 1 - len(set(met)) / len(met) < 0.03


def test_a_short_left_twice_counts_once(world: World) -> None:
    feed = Feed(recommender("engagement", world))
    position, short_id = feed.ahead()[0]
    assert feed.leave(event(short_id, position, 3.0))
    assert not feed.leave(event(short_id, position, 3.0))
    assert feed.position == 1


def test_events_survive_a_restart_and_a_torn_last_line_is_dropped(world: World, tmp_path: Path) -> None:
    state = tmp_path / "state.jsonl"
    visitors = Visitors(world, state)
    for _ in range(20):
        position, short_id = visitors.feed("v").ahead()[0]
        visitors.watched(event(short_id, position, 7.0))
    visitors.like("v", "5-abc", liked=True)
    expected = visitors.feed("v").ahead()
    # No close: the process is gone.
    with state.open("ab") as file:
        file.write(b'{"kind":"watch","visitor":"v","id":"5-')
    again = Visitors(world, state)
    assert again.feed("v").ahead() == expected
    assert again.feed("v").position == 20
    position, short_id = again.feed("v").ahead()[0]
    again.watched(event(short_id, position, 1.0))
    assert all(json.loads(line) for line in state.read_text().splitlines())
    assert Visitors(world, state).feed("v").position == 21
    assert Visitors(World(6, VOCABULARY), state).feed("v").position == 0


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("captcha", [1]),
        ("captcha@3", [3]),
        ("captcha@3x2", [3, 4]),
        ("slow:5@9x*", [9, 10, 11, 12]),
    ],
)
def test_a_fault_comes_when_its_specification_says(text: str, due: list[int]) -> None:
    fault = Fault.parse(text)
    assert [count for count in range(1, 13) if fault.due(count)] == due


@pytest.mark.parametrize("text", ["nonsense", "captcha@", "captcha%0.1", "slow:x", "black@1x", "", "black%2"])
def test_a_wrong_specification_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(UsageError, match="--fault"):
        Fault.parse(text)


def test_a_rate_fault_hits_the_same_shorts_after_a_restart_and_about_its_share() -> None:
    ids = [f"5-{number:010x}" for number in range(2000)]
    hit = [
        [short_id for short_id in order if Faults(("black%0.1",), 5).of_short(short_id)] for order in (ids, ids[::-1])
    ]
    assert sorted(hit[0]) == sorted(hit[1])
    assert 140 < len(hit[0]) < 260


def test_a_deadly_short_takes_the_page_down_once() -> None:
    faults = Faults(("crash@2", "hang@3"), 5)
    assert [faults.deadly(short_id) for short_id in ("a", "b", "c", "b")] == [None, "crash", "hang", "crash"]
    faults.spend("b")
    assert faults.deadly("b") is None
