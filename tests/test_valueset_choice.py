"""Which screenshots stand for a keyword, on scores made up for the purpose."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from retrieval.ranking import Ranked
from retrieval.valueset import BELOW_FLOOR, NO_MORE, Slot
from retrieval.valueset.choose import choose
from retrieval.vocabulary import Keyword
from storage.sampling import Candidate

NUMBER = 60


def keyword(word: str, value: str = "power") -> Keyword:
    return Keyword(word=word, value=value)


def candidate(
    short_id: int, *, platform: str | None = None, author: str | None = None, cluster: int | None = None
) -> Candidate:
    """By default three platforms in turn, an author each, and no duplicates."""
    return Candidate(
        short_id=short_id,
        platform=platform or ("tiktok", "youtube", "instagram")[short_id % 3],
        platform_id=f"p{short_id}",
        author=author or f"author{short_id}",
        decider="always",
        frame_sha256=f"frame{short_id}",
        screen_sha256=f"screen{short_id}",
        cluster=cluster or short_id,
    )


ALL = [candidate(short_id) for short_id in range(1, NUMBER + 1)]


def chosen(
    candidates: Sequence[Candidate],
    *favourites: Sequence[int],
    words: Sequence[Keyword] = (),
    shares: float = 1.0,
    floor: float = 0.5,
    k: int = 5,
) -> list[list[Slot]]:
    """Slots by keyword, where each keyword has its favourites first and then the rest in order of their ids."""
    ids = np.arange(1, NUMBER + 1)
    scores = np.zeros((len(favourites), NUMBER), np.float32)
    for row, wanted in zip(scores, favourites, strict=True):
        row[:] = np.linspace(0.2, 0.1, NUMBER)
        for place, short_id in enumerate(wanted):
            row[short_id - 1] = 0.9 - 0.01 * place
    relevance = np.where(scores > 0.5, shares, 0.6)
    keywords = list(words) or [keyword(f"word{place}") for place in range(len(favourites))]
    slots = choose(keywords, Ranked(ids=ids, scores=scores), relevance, candidates, k=k, floor=floor, seed=1)
    assert [(slot.keyword, slot.place) for slot in slots] == [
        (one.word, place) for one in keywords for place in range(1, k + 1)
    ]
    return [slots[start : start + k] for start in range(0, len(slots), k)]


def shown(slots: Sequence[Slot]) -> list[str]:
    return [slot.shown.platform_id for slot in slots if slot.shown is not None]


def test_the_nearest_stand_first_and_two_of_five_come_from_one_platform() -> None:
    (slots,) = chosen(ALL, [3, 6, 9, 12, 15, 1, 4, 2])  # five of one platform are nearest
    assert shown(slots) == ["p3", "p6", "p1", "p4", "p2"]
    assert not any(slot.shown.over_platform_share for slot in slots if slot.shown)


def test_a_platform_gives_more_where_the_others_have_nothing() -> None:
    only = [candidate(short_id, platform="tiktok") for short_id in range(1, NUMBER + 1)]
    (slots,) = chosen(only, [1, 2, 3])
    assert shown(slots) == ["p1", "p2", "p3", "p4", "p5"]
    assert [slot.shown.over_platform_share for slot in slots if slot.shown] == [False, False, True, True, True]


def test_no_author_stands_twice_in_a_keyword_and_unknown_authors_are_not_one_person() -> None:
    same = [candidate(short_id, author="one" if short_id < 20 else None) for short_id in range(1, NUMBER + 1)]
    (slots,) = chosen(same, [1, 2, 4, 5, 7])
    assert shown(slots)[0] == "p1"
    assert all(int(name[1:]) >= 20 for name in shown(slots)[1:])
    nobody = [Candidate(**{**one.__dict__, "author": None}) for one in ALL]
    (slots,) = chosen(nobody, [1, 2, 3, 4, 5])
    assert shown(slots) == ["p1", "p2", "p3", "p4", "p5"]


def test_an_author_may_stand_in_two_keywords() -> None:
    same = [candidate(short_id, author="one" if short_id in (1, 2) else None) for short_id in range(1, NUMBER + 1)]
    first, second = chosen(same, [1], [2])
    assert (shown(first)[0], shown(second)[0]) == ("p1", "p2")


def test_near_duplicates_stand_once_in_a_value_and_for_the_keyword_that_they_are_nearest_to() -> None:
    copies = [candidate(short_id, cluster=1 if short_id in (1, 2) else None) for short_id in range(1, NUMBER + 1)]
    first, second = chosen(copies, [5, 6, 1], [2, 7])
    assert "p1" not in shown(first)
    assert shown(second)[0] == "p2"
    assert len(set(shown(first) + shown(second))) == 10


def test_a_picture_may_stand_in_two_values() -> None:
    words = [keyword("gold", "power"), keyword("medal", "achievement")]
    first, second = chosen(ALL, [7], [7], words=words)
    assert shown(first)[0] == shown(second)[0] == "p7"


def test_below_the_floor_a_slot_stays_empty_and_says_so() -> None:
    (slots,) = chosen(ALL, [1, 2, 3], floor=0.9)
    assert shown(slots) == ["p1", "p2", "p3"]
    assert [slot.empty for slot in slots] == [None, None, None, BELOW_FLOOR, BELOW_FLOOR]


def test_a_slot_that_only_repeats_would_fill_says_so() -> None:
    copies = [candidate(short_id, cluster=100) for short_id in range(1, NUMBER + 1)]
    (slots,) = chosen(copies, [1])
    assert shown(slots) == ["p1"]
    assert [slot.empty for slot in slots[1:]] == [NO_MORE] * 4


def test_only_candidates_are_taken_and_the_choice_is_the_same_again() -> None:
    few = ALL[10:30]
    once = chosen(few, [1, 2, 3], [15, 16])
    assert once == chosen(few, [1, 2, 3], [15, 16])
    taken = Counter(name for slots in once for name in shown(slots))
    assert set(taken) <= {one.platform_id for one in few}
    assert max(taken.values()) == 1
