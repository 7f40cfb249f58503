"""Differences of values, models, modalities and the control set, and profiles on the circle, by hand and planted."""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from agent.benchmark.circle import CIRCLE
from agent.benchmark.compare import (
    Kind,
    compare_control,
    compare_modalities,
    compare_models,
    compare_values,
    control_weights,
    holm,
    keywords_permuted,
    log_odds,
    newcombe,
    signs_changed,
)
from agent.benchmark.intervals import Clusters
from agent.benchmark.profile import cosine_fits
from agent.benchmark.records import Answer, Interval, Modality, Slot
from agent.benchmark.simulation import Planted, planted_answers, planted_slots
from storage.records import Verdict

VALUES = ("hedonism", "power", "security")
SLOTS = planted_slots(VALUES)
CONTROL = planted_slots([""], keywords=1, pictures=100, form="control")
FOND = Planted(name="fond", rates={"hedonism": 0.9, "power": 0.3, "security": 0.3}, correlation=0.1)


def keywords(*sums: float, size: float = 5) -> Clusters:
    return Clusters(sums=np.array(sums), sizes=np.full(len(sums), size), squares=np.array(sums))


def shot(platform: str, month: str | None, number: int, value: str = "") -> Slot:
    return Slot(value=value, keyword="", rank=1, picture=f"{platform}{month}{number}", platform=platform, month=month)


def test_holm_is_the_textbooks() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_a_difference_has_newcombes_published_interval() -> None:
    """Newcombe 1998, Interval estimation for the difference between independent proportions: 56/70 less 48/80,
    method 10 gives 0.0524 to 0.3339."""
    one = Interval(estimate=0.8, low=0.6918, high=0.8772)
    other = Interval(estimate=0.6, low=0.4904, high=0.7003)
    found = newcombe(one, other)
    assert (found.estimate, found.low, found.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=2e-4)


@pytest.mark.parametrize(("one", "other"), [((5, 4, 4), (1, 2, 3)), ((5, 4), (0, 2, 3, 4, 1))])
def test_permuting_keywords_gives_the_exact_p_of_all_deals(one: tuple[int, ...], other: tuple[int, ...]) -> None:
    total, left, right = sum((*one, *other)), len(one), len(other)
    every = [abs(sum(part) / left - (total - sum(part)) / right) for part in combinations((*one, *other), left)]
    exact = np.mean(np.array(every) >= abs(sum(one) / left - sum(other) / right) - 1e-9)
    found = keywords_permuted(keywords(*one), keywords(*other), seed=1)
    assert found == pytest.approx(exact, abs=0.01)
    assert found == pytest.approx(keywords_permuted(keywords(*other), keywords(*one), seed=1), abs=0.01)


def test_a_p_of_permutations_is_never_zero() -> None:
    one, other = keywords(*[5] * 10), keywords(*[0] * 10)
    assert keywords_permuted(one, other, seed=1, permutations=9) == pytest.approx(1 / 10)
    assert signs_changed(np.ones(30), seed=1, permutations=9) == pytest.approx(1 / 10)


def test_changing_signs_gives_the_exact_p_of_all_signs() -> None:
    differences = np.array([3.0, 2.0, 2.0, 1.0])  # only all plus or all minus are as far: 2 of 16
    assert signs_changed(differences, seed=1) == pytest.approx(2 / 16, abs=0.01)
    assert signs_changed(np.zeros(4), seed=1) == 1


def test_planted_differences_between_values_are_found_and_others_are_not() -> None:
    found = {(row.one, row.other): row for row in compare_values(planted_answers(FOND, SLOTS, seed=3), seed=1)}
    liked, alike = found["hedonism", "power"], found["power", "security"]
    assert liked.p_holm is not None
    assert liked.p_holm < 0.01
    assert 0 < liked.difference.low < 0.6 < liked.difference.high
    assert alike.difference.low < 0 < alike.difference.high
    assert alike.p_holm is not None
    assert alike.p_holm > 0.05


def test_under_no_difference_one_in_twenty_is_below_five_percent() -> None:
    flat = Planted(name="flat", rates=dict.fromkeys(VALUES, 0.6), correlation=0.3)
    chances = [
        row.p
        for seed in range(80)
        for row in compare_values(planted_answers(flat, SLOTS, seed=seed), seed=1, permutations=999)
        if row.one == "hedonism" and row.other == "power"
    ]
    assert 0 <= np.mean(np.array(chances) <= 0.05) <= 0.13  # 4 of 80 expected
    assert np.mean(chances) == pytest.approx(0.5, abs=0.12)


def test_only_declared_comparisons_are_corrected_and_only_for_each_other() -> None:
    answers = list(planted_answers(FOND, SLOTS, seed=3))
    found = {(row.one, row.other): row for row in compare_values(answers, seed=1, pairs=[("power", "hedonism")])}
    declared = found.pop(("hedonism", "power"))
    assert declared.p_holm == declared.p
    assert all(row.p_holm is None for row in found.values())


def test_models_are_paired_by_picture() -> None:
    """One model dislikes one picture of each keyword that the other likes; both are otherwise alike."""
    base = list(planted_answers(replace(FOND, name="a", rates=dict.fromkeys(VALUES, 1.0)), SLOTS, seed=1))
    fewer = [
        replace(one, model="b", verdict=Verdict.NO if one.slot.rank == 1 else one.verdict)
        for one in base
        if one.slot.rank < 5
    ]
    (found,) = compare_models(base + fewer, seed=1)
    assert (found.kind, found.one, found.other, found.slots) == (Kind.MODELS, "a", "b", 120)
    assert found.difference.estimate == pytest.approx(0.25)
    assert found.difference.low > 0.2  # every keyword says the same
    assert found.p < 0.001
    each = compare_models(base + fewer, seed=1, each_value=True)
    assert sorted(row.value or "" for row in each) == sorted(VALUES)
    assert all(row.p_holm is not None and row.p <= row.p_holm for row in each)


def test_a_model_against_its_own_like_differs_by_nothing() -> None:
    base = list(planted_answers(FOND, SLOTS, seed=1))
    (found,) = compare_models([*base, *(replace(one, model="twin") for one in base)], seed=1)
    assert (found.difference.estimate, found.p) == (0, 1)
    assert found.difference.low < 0 < found.difference.high


def test_pictures_and_descriptions_are_paired_within_a_model() -> None:
    pictures = list(planted_answers(FOND, SLOTS, seed=1))
    described = [
        replace(one, modality=Modality.CAPTION, captioner="c", wording="like_text@1", verdict=Verdict.YES)
        for one in pictures
    ]
    (found,) = compare_modalities(pictures + described, seed=1)
    assert (found.one, found.other) == ("image", "caption by c")
    liked = sum(one.verdict is Verdict.YES for one in pictures) / len(pictures)
    assert found.difference.estimate == pytest.approx(liked - 1)
    assert found.difference.high < 0
    (exploratory,) = compare_modalities(pictures + described, seed=1, declared=False)
    assert exploratory.p_holm is None


def test_the_control_set_takes_the_platforms_and_months_of_the_value() -> None:
    control = [shot("x", "1", 0), shot("x", "1", 1), shot("x", "2", 2), shot("y", "1", 3)]
    wanted = [shot("x", "1", 10), shot("x", "1", 11), shot("x", "2", 12), shot("x", "2", 13)]
    weights, matched = control_weights(wanted, control)
    assert weights == pytest.approx([0.25, 0.25, 0.5, 0])
    assert matched == 1
    weights, matched = control_weights([shot("y", "7", 14), shot("z", "1", 15)], control)
    assert weights == pytest.approx([0.125, 0.125, 0.125, 0.625])  # y's own; all four for z
    assert matched == 0


def test_log_odds_of_none_and_all_are_finite() -> None:
    assert log_odds(0.5, 20) == pytest.approx((0, 2 / 10.5))
    none, variance = log_odds(0.0, 10)
    assert none == pytest.approx(math.log(0.5 / 10.5))
    assert variance == pytest.approx(2 + 1 / 10.5)


def test_values_against_control_are_in_log_odds_and_have_the_planted_sign() -> None:
    model = Planted(name="m", rates={"hedonism": 0.95, "power": 0.7, "security": 0.3, "": 0.7})
    answers = [*planted_answers(model, SLOTS, seed=2), *planted_answers(model, CONTROL, seed=2)]
    found = {row.one: row for row in compare_control(answers)}
    assert found["hedonism"].difference.low > 0
    assert found["security"].difference.high < 0
    assert (
        found["security"].difference.low < math.log(0.3 / 0.7) - math.log(0.7 / 0.3) < found["security"].difference.high
    )
    assert found["power"].difference.low < 0 < found["power"].difference.high
    assert found["security"].p < 0.01 < found["power"].p
    assert compare_control(planted_answers(model, SLOTS, seed=2)) == []


def profile(scores: Sequence[float] | np.ndarray) -> list[Answer]:
    """Two hundred pictures a value, of which so large a share is liked."""
    return [
        Answer(
            model="m",
            slot=Slot(value=value, keyword=f"{value}{rank % 4}", rank=rank, picture=f"{value}{rank}", platform="x"),
            verdict=Verdict.YES if rank < round(200 * share) else Verdict.NO,
            wording="like@1",
        )
        for value, share in zip(CIRCLE, scores, strict=True)
        for rank in range(200)
    ]


def test_a_profile_that_is_a_cosine_is_found_with_its_peak() -> None:
    angles = np.arange(10) * math.tau / 10
    (found,) = cosine_fits(profile(0.5 + 0.4 * np.cos(angles - angles[8])), seed=1)
    assert found.towards == "benevolence"
    assert found.peak == pytest.approx(8, abs=0.05)
    assert found.amplitude.estimate == pytest.approx(0.4, abs=0.02)
    assert found.fit > 0.98
    assert found.p < 0.001


def test_a_profile_that_ignores_the_circle_is_no_cosine_and_a_flat_one_has_no_fit() -> None:
    (found,) = cosine_fits(profile([0.9, 0.1] * 5), seed=1)
    assert found.fit == pytest.approx(0, abs=1e-9)
    assert found.p > 0.9
    assert cosine_fits(profile([0.5] * 10), seed=1) == []
