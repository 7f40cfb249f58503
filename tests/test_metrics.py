"""Ranking metrics against values worked out by hand, and intervals against what is known of them."""

from math import log2

import numpy as np
import pytest

from retrieval.metrics import (
    average_precision,
    bootstrap,
    ndcg_at,
    precision_at,
    ranking,
    recall_at,
)

RANKED = np.array([True, False, True, False, False, True])
"""Relevant at places 1, 3 and 6; a fourth relevant item was not returned."""


def test_recall_and_precision_count_what_was_never_returned() -> None:
    assert recall_at(RANKED, 4, 3) == 2 / 4
    assert recall_at(RANKED, 4, 100) == 3 / 4
    assert precision_at(RANKED, 3) == 2 / 3
    assert precision_at(RANKED[:2], 5) == 1 / 5  # three places stayed empty


def test_average_precision_is_the_mean_of_the_precisions_at_the_hits() -> None:
    assert average_precision(RANKED, 4) == pytest.approx((1 / 1 + 2 / 3 + 3 / 6 + 0) / 4)
    assert average_precision(np.array([True, True]), 2) == 1
    assert average_precision(np.array([], bool), 3) == 0


def test_ndcg_discounts_by_the_logarithm_of_the_place() -> None:
    found = 1 / log2(2) + 1 / log2(4) + 1 / log2(7)
    best = 1 / log2(2) + 1 / log2(3) + 1 / log2(4) + 1 / log2(5)
    assert ndcg_at(RANKED, 4, 10) == pytest.approx(found / best)
    assert ndcg_at(RANKED, 4, 3) == pytest.approx((1 + 1 / 2) / (1 + 1 / log2(3) + 1 / 2))
    assert ndcg_at(np.array([False, True]), 1, 10) == pytest.approx(1 / log2(3))


def test_items_without_a_score_are_not_returned_and_equal_ones_do_not_stand_in_the_collections_order() -> None:
    scores = np.array([0.5, np.nan, 0.9, *[0.1] * 50], np.float32)
    ids = [str(place) for place in range(len(scores))]
    order = ranking(scores, ids, 1).tolist()
    assert order[:2] == [2, 0]
    assert 1 not in order
    assert sorted(order[2:]) == list(range(3, 53))
    assert order[2:] != sorted(order[2:])
    assert ranking(scores, ids, 1).tolist() == order
    assert ranking(scores, ids, 2).tolist() != order


def test_an_interval_is_the_same_for_the_same_seed_and_purpose_only() -> None:
    values = np.linspace(0, 1, 40)
    one = bootstrap(values, seed=1, purpose="a")
    assert one == bootstrap(values, seed=1, purpose="a")
    assert one != bootstrap(values, seed=1, purpose="b")
    assert one != bootstrap(values, seed=2, purpose="a")
    assert one.mean == pytest.approx(0.5)
    assert one.n == 40


def test_bounds_are_about_two_standard_errors_away_and_absent_for_a_single_value() -> None:
    values = np.array([0.0, 1.0] * 200)
    found = bootstrap(values, seed=1, purpose="width")
    assert found.low == pytest.approx(0.5 - 1.96 * 0.5 / 20, abs=0.01)
    assert found.high == pytest.approx(0.5 + 1.96 * 0.5 / 20, abs=0.01)
    single = bootstrap([0.25], seed=1, purpose="one")
    assert (single.mean, single.low, single.high) == (0.25, None, None)


def test_the_interval_of_a_mean_covers_the_truth_about_as_often_as_it_says() -> None:
    chance = np.random.default_rng(5)
    covered = 0
    for place in range(300):
        found = bootstrap(chance.random(60) < 0.4, seed=1, purpose=f"cover/{place}", repeats=500)
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= 0.4 <= found.high
    assert 0.90 <= covered / 300 <= 0.985
