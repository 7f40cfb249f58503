"""Forced choice: Bradley-Terry strengths by hand, published, planted, and where one value always wins."""

import math
from collections.abc import Mapping

import numpy as np
import pytest

from agent.benchmark.choices import dyadic_variance, fit, preferences
from agent.benchmark.records import Choice, Slot
from agent.benchmark.simulation import Planted, planted_choices, planted_slots

VALUES = ("achievement", "hedonism", "power", "security")
SLOTS = planted_slots(VALUES)
BASEBALL = {
    ("Milwaukee", "Detroit"): (7, 6), ("Milwaukee", "Toronto"): (9, 4), ("Milwaukee", "New York"): (7, 6),
    ("Milwaukee", "Boston"): (7, 6), ("Milwaukee", "Cleveland"): (9, 4), ("Milwaukee", "Baltimore"): (11, 2),
    ("Detroit", "Toronto"): (7, 6), ("Detroit", "New York"): (5, 8), ("Detroit", "Boston"): (11, 2),
    ("Detroit", "Cleveland"): (9, 4), ("Detroit", "Baltimore"): (9, 4), ("Toronto", "New York"): (7, 6),
    ("Toronto", "Boston"): (7, 6), ("Toronto", "Cleveland"): (8, 5), ("Toronto", "Baltimore"): (12, 1),
    ("New York", "Boston"): (6, 7), ("New York", "Cleveland"): (7, 6), ("New York", "Baltimore"): (10, 3),
    ("Boston", "Cleveland"): (7, 6), ("Boston", "Baltimore"): (12, 1), ("Cleveland", "Baltimore"): (6, 7),
}  # fmt: skip
"""Wins and losses, American League, eastern division, 1987 (Agresti, Categorical Data Analysis, section 10.6)."""


def slot(value: str, number: int) -> Slot:
    return Slot(value=value, keyword=f"{value}{number % 5}", rank=1, picture=f"{value}{number}", platform="x")


def put(one: str, other: str, number: int, chosen: tuple[int | None, int | None]) -> list[Choice]:
    """One pair of pictures in both orders."""
    left, right = slot(one, number), slot(other, number)
    return [
        Choice(model="m", first=left, second=right, chosen=chosen[0], epoch=number),
        Choice(model="m", first=right, second=left, chosen=chosen[1], epoch=number),
    ]


def strengths(model: Planted, *, pairs: int, seed: int = 1) -> Mapping[str, tuple[float, float, float]]:
    (found,) = preferences(planted_choices(model, SLOTS, pairs=pairs, seed=seed))
    return {
        one.value: (one.strength.low, one.strength.estimate, one.strength.high) for one in found.strengths
    }  # fmt: skip


def test_without_a_ridge_the_published_strengths_come_out() -> None:
    teams = sorted({team for pair in BASEBALL for team in pair} - {"Baltimore"})
    rows, outcome = [], []
    for (one, other), (won, lost) in BASEBALL.items():
        row = [float(team == one) - float(team == other) for team in teams]
        rows += [row] * (won + lost)
        outcome += [1.0] * won + [0.0] * lost
    found, _ = fit(np.array(rows), np.array(outcome), ridge=0.0)
    published = {"Milwaukee": 1.581, "Detroit": 1.436, "Toronto": 1.294, "New York": 1.248, "Boston": 1.108,
                 "Cleveland": 0.684}  # fmt: skip
    assert dict(zip(teams, found.tolist(), strict=True)) == pytest.approx(published, abs=2e-3)


def test_two_values_by_hand() -> None:
    """60 of 80 choices for one: its strength is half the log-odds of 3 to 1, less what the ridge takes."""
    choices = [one for n in range(30) for one in put("power", "security", n, (1, 2))]
    choices += [one for n in range(30, 40) for one in put("power", "security", n, (2, 1))]
    (found,) = preferences(choices)
    by_value = {one.value: one for one in found.strengths}
    assert by_value["power"].strength.estimate == pytest.approx(math.log(3) / 2, rel=0.01)
    assert by_value["security"].strength.estimate == pytest.approx(-math.log(3) / 2, rel=0.01)
    assert by_value["power"].win.estimate == pytest.approx(3**0.5 / (1 + 3**0.5), abs=0.002)
    assert (by_value["power"].chosen, by_value["power"].choices) == (60, 80)
    assert found.place.estimate == pytest.approx(0, abs=1e-9)
    assert (found.choices, found.pairs, found.undecided, found.refused) == (80, 40, 0, 0)


def test_planted_strengths_and_place_are_recovered() -> None:
    planted = dict(zip(VALUES, (0.9, 0.3, -0.3, -0.9), strict=True))
    model = Planted(name="m", rates={}, strengths=planted, place=0.6)
    (found,) = preferences(planted_choices(model, SLOTS, pairs=60, seed=1))
    for one in found.strengths:
        assert one.strength.low < planted[one.value] < one.strength.high
        assert one.strength.estimate == pytest.approx(planted[one.value], abs=0.3)
    assert found.place.low > 0
    assert found.place.low < 0.6 < found.place.high
    assert found.first.low > 0.5
    assert found.distinct >= 3


def test_nineteen_in_twenty_intervals_hold_what_was_planted() -> None:
    planted = dict(zip(VALUES, (0.9, 0.3, -0.3, -0.9), strict=True))
    model = Planted(name="m", rates={}, strengths=planted)
    held = [
        low <= planted[value] <= high
        for seed in range(60)
        for value, (low, _, high) in strengths(model, pairs=8, seed=seed).items()
    ]
    assert np.mean(held) >= 0.93


def test_a_value_that_always_wins_has_a_finite_strength() -> None:
    choices = [
        one
        for number in range(20)
        for other in ("security", "hedonism")
        for one in put("power", other, number, (1, 2))
    ]  # fmt: skip
    (found,) = preferences(choices)
    best = next(one for one in found.strengths if one.value == "power")
    assert best.chosen == best.choices == 80
    assert 0 < best.strength.low < best.strength.estimate < best.strength.high < 20
    assert best.win.high <= 1


@pytest.mark.parametrize(("chosen", "sign"), [(1, 1), (2, -1)])
def test_who_always_takes_one_place_prefers_no_value_and_is_shown_as_such(chosen: int, sign: int) -> None:
    choices = [
        one
        for number in range(10)
        for pair in (("power", "security"), ("power", "hedonism"), ("security", "hedonism"))
        for one in put(*pair, number, (chosen, chosen))
    ]
    (found,) = preferences(choices)
    assert found.place.estimate * sign > 2
    assert found.place.low * sign > 0
    assert found.first.estimate == (1 if sign > 0 else 0)
    assert (found.undecided, found.pairs, found.distinct) == (30, 30, 0)
    assert all(one.strength.estimate == pytest.approx(0, abs=1e-6) for one in found.strengths)


def test_refused_choices_are_counted_and_carry_no_strength() -> None:
    whole = [one for n in range(10) for one in put("power", "security", n, (1, 2))]
    refused = [one for n in range(10, 14) for one in put("power", "security", n, (None, None))]
    half = put("power", "security", 20, (1, None))
    (found,) = preferences(whole + refused + half)
    assert (found.choices, found.refused, found.pairs) == (21, 9, 10)
    assert preferences(refused) == []
    one_value = [Choice(model="m", first=slot("power", 1), second=slot("power", 2), chosen=1)]
    assert preferences(one_value) == []


def test_choices_of_one_keyword_count_less_than_as_many_of_several() -> None:
    """Half of the keywords of a value always win, the others always lose: the strength is as unsure as two keywords."""

    def choices(spread: int) -> list[Choice]:
        return [
            one
            for number in range(60)
            for one in put("power", "security", number, (1, 2) if number % spread < spread / 2 else (2, 1))
        ]  # fmt: skip

    widths = []
    for spread in (5, 4):  # keywords are number % 5: the first follows them, the second cuts across
        (found,) = preferences(choices(spread))
        widths.append(found.strengths[0].strength.high - found.strengths[0].strength.low)
    assert widths[0] > 1.5 * widths[1]


def test_dyads_that_share_no_member_add_up_as_if_free() -> None:
    moves = np.array([[1.0], [2.0], [-1.0]])
    apart = dyadic_variance(moves, np.array([[0, 1], [2, 3], [4, 5]]))
    assert apart == pytest.approx((1 + 4 + 1) * 6 / 5)
    # The first two share member 0 and move together: their product counts twice.
    together = dyadic_variance(moves, np.array([[0, 1], [0, 3], [4, 5]]))
    assert together == pytest.approx((1 + 4 + 1 + 2 * 2) * 6 / 5)
