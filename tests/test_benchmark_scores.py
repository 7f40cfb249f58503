"""Scores, intervals, variance components, reliability and bias against hand-computed and published figures."""

import math
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from agent.benchmark.bias import biases
from agent.benchmark.intervals import (
    PRIOR_CORRELATION,
    Clusters,
    bootstrap_share,
    mean_interval,
    paired_interval,
    share,
    shares,
    t_below,
    t_quantile,
    two_sided,
    variances,
    wilson,
)
from agent.benchmark.planning import alternatives, expected, keywords_needed
from agent.benchmark.records import Answer, Modality, Slot
from agent.benchmark.reliability import between_wordings, correlate, parallel_forms, retest
from agent.benchmark.scores import means_over_models, scores, spreads
from agent.benchmark.tally import Condition
from agent.benchmark.variance import nested_variances, variance_components
from storage.records import Verdict

YES, NO, REFUSED, UNREADABLE = Verdict.YES, Verdict.NO, Verdict.REFUSED, Verdict.UNREADABLE
SAID = {"y": YES, "n": NO, "r": REFUSED, "u": UNREADABLE}


def slot(value: str = "power", keyword: str = "crown", rank: int = 1, form: str = "A", **fields: object) -> Slot:
    one = Slot(
        value=value, keyword=keyword, rank=rank, picture=f"{form}{value}{keyword}{rank}", platform="x", form=form
    )
    return replace(one, **fields)  # type: ignore[arg-type]


def said(model: str, value: str, *keywords: str, wording: str = "like@1", form: str = "A") -> list[Answer]:
    """One string a keyword, one letter a picture: y, n, r(efused), u(nreadable)."""
    return [
        Answer(model=model, slot=slot(value, f"k{number}", rank, form), verdict=SAID[letter], wording=wording)
        for number, letters in enumerate(keywords)
        for rank, letter in enumerate(letters, 1)
    ]


def grouped(*keywords: tuple[float, ...], answers: float = 1) -> Clusters:
    return Clusters(
        sums=np.array([sum(one) for one in keywords]),
        sizes=np.array([float(len(one)) for one in keywords]),
        squares=np.array([sum(at**2 for at in one) for one in keywords]),
        answers=answers,
    )


@pytest.mark.parametrize(
    ("freedom", "quantile"), [(1, 12.706), (2, 4.303), (4, 2.776), (9, 2.262), (29, 2.045), (120, 1.980)]
)
def test_t_is_that_of_the_printed_tables(freedom: float, quantile: float) -> None:
    assert t_quantile(0.975, freedom) == pytest.approx(quantile, abs=5e-4)
    assert two_sided(t_quantile(0.975, freedom), freedom) == pytest.approx(0.05)
    assert t_below(-t_quantile(0.975, freedom), freedom) == pytest.approx(0.025)


def test_t_has_no_quantile_without_freedom_and_the_normal_ones_with_much() -> None:
    assert math.isinf(t_quantile(0.975, 0))
    assert t_quantile(0.975, 1e7) == pytest.approx(1.959964, abs=1e-5)


@pytest.mark.parametrize(
    ("yes", "of", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_published_intervals(yes: int, of: int, low: float, high: float) -> None:
    """Newcombe 1998, Two-sided confidence intervals for the single proportion, table I, method 3."""
    found = wilson(np.asarray(yes / of), np.asarray(float(of)), 1.959964)
    assert [float(one) for one in found] == pytest.approx([low, high], abs=5e-5)


def test_variances_within_and_between_clusters_are_those_of_the_analysis_by_hand() -> None:
    # Means 1 and 0.5, grand mean 0.75: MSB = 2 * (2 * 0.25**2) = 0.25; MSW = (0 + 0.5) / 2 = 0.25.
    between, within = variances(grouped((1, 1), (1, 0)))
    assert (float(between), float(within)) == (0.0, 0.25)
    between, within = variances(grouped((1, 1), (0, 0)))
    assert (float(between), float(within)) == (0.5, 0.0)


def test_the_design_effect_is_the_drawn_correlation_times_the_other_pictures() -> None:
    # Correlation 1 by the data, weight (2 - 1) * 4 * 0.5 * 0.5 = 1, against 0.2 with weight 2.
    found = shares(grouped((1, 1, 1), (0, 0, 0)))
    correlation = (1 * 1 + PRIOR_CORRELATION * 2) / 3
    assert float(found.correlation) == pytest.approx(correlation)
    assert float(found.design_effect) == pytest.approx(1 + 2 * correlation)
    assert float(found.effective) == pytest.approx(6 / (1 + 2 * correlation))


def test_negative_correlation_makes_no_interval_narrower_than_free_draws() -> None:
    found = shares(grouped((1, 0), (1, 0), (0, 1), (1, 0), (1, 0), (1, 0), (0, 1), (1, 0), (1, 0), (0, 1)))
    assert float(found.design_effect) == 1
    assert float(found.effective) == 20


def test_one_keyword_says_nothing_of_the_others() -> None:
    one = share(grouped((1, 1, 1, 1, 1)))
    assert (one.estimate, one.low, one.high) == (1, 0, 1)
    assert bootstrap_share(grouped((1, 1)), seed=1, purpose="x") is None


def test_answers_to_one_picture_count_as_more_only_as_far_as_they_differ() -> None:
    alike = grouped(*[(1.0, 1.0, 0.0, 0.0)] * 10, answers=4)
    unlike = grouped(*[(0.5, 0.5, 0.5, 0.5)] * 9, (0.75, 0.5, 0.5, 0.25), answers=4)
    assert float(shares(alike).effective) == pytest.approx(40, rel=0.03)
    assert float(shares(unlike).effective) > 80
    assert share(unlike).high - share(unlike).low < share(alike).high - share(alike).low


def test_the_bootstrap_is_the_same_for_a_seed_and_holds_the_share() -> None:
    data = grouped((1, 1, 0), (0, 0, 0), (1, 0, 0), (1, 1, 1))
    one = bootstrap_share(data, seed=1, purpose="x")
    assert one == bootstrap_share(data, seed=1, purpose="x")
    assert one is not None
    assert one.low < one.estimate < one.high


def test_a_paired_difference_that_is_always_zero_is_not_certain() -> None:
    none = paired_interval(np.zeros(10), np.full(10, 5.0))
    assert none.estimate == 0
    assert none.low == pytest.approx(-2.2622 / 52, abs=1e-4)  # one pair for and against, each half, among 52
    assert mean_interval(np.zeros(10), np.full(10, 5.0), limits=(-1, 1)).low == 0


def test_a_mean_over_slots_has_the_t_interval_of_its_clusters() -> None:
    # Equal clusters: the mean of 0.2, 0.4, 0.6 with standard error 0.2 / sqrt(3) and t(2) = 4.3027.
    found = mean_interval(np.array([2.0, 4.0, 6.0]) / 2, np.full(3, 5.0), limits=(0, 1))
    assert found.estimate == pytest.approx(0.4)
    assert found.low == 0
    assert found.high == pytest.approx(0.4 + 4.3027 * 0.2 / math.sqrt(3), abs=1e-4)


def test_yes_no_refused_and_unreadable_are_counted_apart_and_only_the_paper_counts_them_as_no() -> None:
    (found,) = scores(said("m", "power", "yynru", "yynnn"), seed=1)
    counts = found.counts
    assert (counts.yes, counts.no, counts.refused, counts.unreadable, counts.total) == (4, 4, 1, 1, 10)
    assert found.score is not None
    assert found.score.estimate == pytest.approx(0.5)
    assert found.paper == pytest.approx(40.0)
    assert (found.slots, found.keywords) == (8, 2)


def test_a_value_that_was_only_refused_has_counts_and_no_score() -> None:
    found = scores([*said("m", "power", "rr", "ru"), *said("m", "hedonism", "yn", "yy")], seed=1)
    power = next(one for one in found if one.value == "power")
    assert (power.score, power.bootstrap, power.slots, power.paper) == (None, None, 0, 0.0)
    assert power.counts.refused == 3
    (mean,) = means_over_models(said("m", "power", "rr") + said("n", "power", "yn"))
    assert mean.models == 1


def test_a_slot_is_the_mean_of_its_wordings_before_slots_are_averaged() -> None:
    answers = [
        *said("m", "power", "yn", "nn"),
        *said("m", "power", "ny", "nn", wording="like@1+swapped"),
        *said("m", "power", "nr", "rr", wording="like@2"),
    ]
    (found,) = scores(answers, seed=1)
    assert found.score is not None
    # Slots: 1/3, 1/2, 0, 0; all answers pooled would be 2 / 9.
    assert found.score.estimate == pytest.approx((1 / 3 + 1 / 2) / 4)
    assert found.paper == pytest.approx(25.0)  # like@1 alone


def test_conditions_are_never_mixed() -> None:
    pictures = said("m", "power", "yy", "yn")
    described = [replace(one, modality=Modality.CAPTION, captioner="c", wording="like_text@1") for one in pictures[:2]]
    frames = [replace(one, picture_kind="frame") for one in pictures[:3]]
    form_b = said("m", "power", "nn", "nn", form="B")
    found = {one.condition: one for one in scores([*pictures, *described, *frames, *form_b], seed=1)}
    assert [found[one].counts.total for one in found] == [3, 4, 4, 2]
    assert found[Condition(model="m", form="B")].paper == 0
    assert found[Condition(model="m", modality=Modality.CAPTION, captioner="c")].paper == 100


def test_verified_slots_are_scored_apart_and_control_pictures_stay() -> None:
    checked = [
        replace(one, slot=replace(one.slot, verified=one.slot.rank == 1)) for one in said("m", "power", "yn", "yn")
    ]
    control = [replace(one, slot=replace(one.slot, keyword="")) for one in said("m", "", "yn", form="control")]
    every, only = (scores(checked + control, seed=1, verified=at) for at in (False, True))
    assert [one.score.estimate for one in every if one.score] == [0.5, 0.5]
    assert [one.score.estimate for one in only if one.score] == [1.0, 0.5]
    assert next(one for one in only if one.value == "").keywords == 2  # every control picture stands alone


def test_probabilities_from_log_probabilities_have_their_own_mean() -> None:
    answers = [
        replace(one, p_yes=at) for one, at in zip(said("m", "power", "yn", "yn"), (0.9, 0.2, 0.7, 0.4), strict=True)
    ]
    (found,) = scores(answers, seed=1)
    assert found.p_yes is not None
    assert found.p_yes.estimate == pytest.approx(0.55)


def test_the_mean_over_models_and_the_spread_of_a_model_are_the_papers() -> None:
    """Paper, main table: GPT-4o and Claude 3.5 Sonnet on security, 78 and 58; and GPT-4o's deviation of 10.3."""
    values = ("self-direction", "universalism", "benevolence", "stimulation", "power", "achievement", "hedonism",
              "conformity", "tradition", "security")  # fmt: skip
    printed = {
        "gpt-4o": (78, 90, 88, 56, 80, 86, 76, 86, 68, 78),
        "claude": (70, 70, 68, 34, 50, 60, 66, 58, 66, 58),
    }
    answers = [
        Answer(
            model=model, slot=slot(value, f"k{number // 5}", number % 5), verdict=YES if number < percent // 2 else NO,
            wording="like@1",
        )
        for model, row in printed.items()
        for value, percent in zip(values, row, strict=True)
        for number in range(50)
    ]  # fmt: skip
    means = {one.value: one for one in means_over_models(answers)}
    assert means["security"].paper == pytest.approx(68)
    assert means["security"].mean.estimate == pytest.approx(0.68)
    assert means["security"].mean.low < 0.68 < means["security"].mean.high
    by_model = {one.condition.model: one for one in spreads(answers)}
    assert by_model["gpt-4o"].paper == pytest.approx(10.3, abs=0.05)
    assert by_model["claude"].paper == pytest.approx(11.2, abs=0.05)
    assert 100 * by_model["gpt-4o"].deviation.estimate == pytest.approx(10.3, abs=0.05)


def test_nested_components_are_those_of_the_analysis_by_hand() -> None:
    """Two values of two keywords of two pictures: MSA = 8, MSB = 2, MSE = 0.5 by construction."""
    cells = {(0, 0): (6.0, 5.0), (0, 1): (4.0, 3.0), (1, 0): (4.0, 3.0), (1, 1): (2.0, 1.0)}
    sums, squares = (
        np.array([sum(c) for c in cells.values()]),
        np.array([sum(x * x for x in c) for c in cells.values()]),
    )
    found = nested_variances(np.array([0, 0, 1, 1]), sums, np.full(4, 2.0), squares)
    # Cell means 5.5 3.5 3.5 1.5; value means 4.5 2.5: MSA = 4 * 2 * 1 = 8, MSB = 2 * 4 * 1 / 2 = 4, MSE = 0.5.
    assert found == pytest.approx(((8 - 4) / 4, (4 - 0.5) / 2, 0.5))


def test_the_variance_table_says_where_the_answers_differ() -> None:
    by_value = said("m", "power", "yyyy", "yyyy", "yyyn") + said("m", "hedonism", "nnnn", "nnnn", "nnny")
    by_keyword = said("m", "power", "yyyy", "nnnn", "yyyy") + said("m", "hedonism", "nnnn", "yyyy", "nnnn")
    by_picture = said("m", "power", "yynn", "ynyn", "nnyy") + said("m", "hedonism", "ynyn", "nyny", "yynn")
    for answers, source in ((by_value, "values"), (by_keyword, "keywords"), (by_picture, "pictures")):
        (found,) = variance_components(answers)
        assert max(found.components, key=lambda one: one.part.estimate).source == source
        assert sum(one.part.estimate for one in found.components) == pytest.approx(1)
        for one in found.components:
            assert 0 <= one.variance.low <= one.variance.estimate <= one.variance.high
    assert variance_components(said("m", "power", "yy", "yn")) == []


def test_noise_of_answers_is_no_variance_of_pictures_and_a_wording_is_no_noise() -> None:
    steady = said("m", "power", "yyyn", "yyny", "ynyy") + said("m", "hedonism", "nnny", "nnyn", "ynnn")
    turned = [replace(one, wording="like@4", verdict=NO) for one in steady]  # a yes-sayer: no slot differs
    (found,) = variance_components(steady + [replace(one, epoch=1) for one in steady])
    assert {one.source: one.part.estimate for one in found.components}["answers"] == 0
    always = [replace(one, verdict=YES) for one in steady] + turned
    (none,) = variance_components(always)
    assert all(one.variance.estimate == pytest.approx(0, abs=1e-12) for one in none.components)


def test_parallel_forms_correlate_over_values() -> None:
    rows = {"self-direction": "yyyy", "stimulation": "yyyn", "hedonism": "yynn", "power": "ynnn", "security": "nnnn"}
    form_a = [one for value, row in rows.items() for one in said("m", value, row, row)]
    form_b = [one for value, row in rows.items() for one in said("m", value, row, row, form="B")]
    turned = [replace(one, verdict=YES if one.verdict is NO else NO) for one in form_b]
    (same,) = parallel_forms(form_a + form_b)
    (against,) = parallel_forms(form_a + turned)
    assert same.correlation is not None
    assert against.correlation is not None
    assert (same.correlation.estimate, against.correlation.estimate) == pytest.approx((1, -1))
    assert (same.difference.estimate, same.values) == (0, 5)
    assert parallel_forms(form_a) == []


def test_fishers_interval_is_the_textbooks() -> None:
    """r = 0.5 of 28 pairs: tanh(0.5493 -+ 1.96 / 5)."""
    base = np.tile([1.0, -1.0], 14)
    other = base * 0.5 + math.sqrt(0.75) * np.repeat([1.0, -1.0], 14)
    found = correlate(base.tolist(), other.tolist())
    assert found is not None
    assert (found.estimate, found.low, found.high) == pytest.approx((0.5, 0.156, 0.736), abs=5e-4)
    assert correlate([1, 1, 1, 1], [1, 2, 3, 4]) is None


def test_retest_and_wordings_tell_how_often_answers_are_the_same() -> None:
    first = said("m", "power", "yyyy", "nnnn")
    later = [replace(one, epoch=1) for one in said("m", "power", "yyyn", "nnnr")]
    (again,) = retest(first + later, seed=1)
    assert again.same.estimate == pytest.approx(6 / 8)
    assert (again.compared, again.slots) == (("0", "1"), 8)
    assert again.alpha.alpha is not None
    assert 0 < again.alpha.alpha < 1
    assert between_wordings(first + later, seed=1) == []
    (wordings,) = between_wordings(first + said("m", "power", "yyyy", "nnnn", wording="like@2"), seed=1)
    assert (wordings.same.estimate, wordings.alpha.alpha) == (1, 1)


def test_yes_bias_and_order_have_the_right_sign() -> None:
    keywords = ("yyyy", "yyyy", "yyyy")
    agrees = said("m", "power", *keywords) + said("m", "power", "nnnn", "nnnn", "nnnn", wording="like@4")
    (yes,) = biases(agrees)
    (denies,) = biases([replace(one, verdict=YES if one.verdict is NO else NO) for one in agrees])
    assert yes.acquiescence is not None
    assert denies.acquiescence is not None
    assert (yes.acquiescence.estimate, denies.acquiescence.estimate) == (1, -1)
    assert yes.order is None

    # Always the option named first: yes in the plain order, no in the other; of like@4 a yes is a dislike.
    first = [
        *said("m", "power", *keywords),
        *said("m", "power", "nnnn", "nnnn", "nnnn", wording="like@1+swapped"),
        *said("m", "power", "nnnn", "nnnn", "nnnn", wording="like@4"),
        *said("m", "power", *keywords, wording="like@4+swapped"),
    ]
    (found,) = biases(first)
    assert found.order is not None
    assert found.acquiescence is not None
    assert (found.order.estimate, found.acquiescence.estimate) == (1, 0)
    (last,) = biases([replace(one, verdict=YES if one.verdict is NO else NO) for one in first])
    assert last.order is not None
    assert last.order.estimate == -1


def test_a_plan_says_what_it_will_give_and_what_it_takes() -> None:
    found = expected(10, 5, correlation=0)
    low, high = (float(one) for one in wilson(np.asarray(0.5), np.asarray(50.0), 2.2622))
    assert found.half_width == pytest.approx((high - low) / 2, abs=1e-5)
    assert "10 keywords x 5 pictures" in str(found)
    for half_width, pictures in product((0.05, 0.1), (1, 5)):
        needed = keywords_needed(half_width, pictures)
        assert needed.half_width <= half_width < expected(needed.keywords - 1, pictures).half_width
    slots = [one.slots for one in alternatives(0.1)]
    assert slots == sorted(slots)  # more pictures a keyword cost more in all
    with pytest.raises(ValueError, match="give a larger one"):
        keywords_needed(0.0001, 5)
    with pytest.raises(ValueError, match="give a larger one"):
        keywords_needed(0, 5)
