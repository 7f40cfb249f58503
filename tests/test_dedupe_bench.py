"""The duplicate benchmark itself: its intervals, its rivals, and a small run of the whole."""

import json
import os
import subprocess
import sys
from math import exp

import imagehash
import numpy as np
import pytest

from storage.dedupe import LEAST_LIGHT, THRESHOLD
from tests.bench import negatives, rivals
from tests.bench.edits import ALL, edited
from tests.bench.statistics import tail, upper_bound, wilson
from tests.storage_tools import PROJECT


def test_intervals_are_those_of_the_textbooks() -> None:
    assert wilson(10, 10) == pytest.approx((0.7225, 1.0), abs=1e-3)
    assert wilson(50, 100) == pytest.approx((0.4038, 0.5962), abs=1e-3)
    assert wilson(0, 0) == (0.0, 1.0)
    assert upper_bound(0, 1000) == pytest.approx(0.003)
    assert upper_bound(5, 1) == pytest.approx(10.51, abs=0.05)  # Poisson, 95 % one-sided


def test_a_tail_is_extrapolated_to_what_it_holds() -> None:
    """An exponential one, and one that ends: quantiles of both, so that nothing is left to chance."""
    places = (np.arange(20_000) + 0.5) / 20_000
    endless = tail(list(0.1 - 0.02 * np.log(places)), 0.35)
    true = 20_000 * exp(-(0.35 - 0.1) / 0.02)
    assert endless.expected == pytest.approx(true, rel=1.0)
    assert endless.exponential == pytest.approx(true, rel=1.0)
    assert abs(endless.shape) < 0.15
    assert endless.expected < endless.high
    assert endless.level < 0.35
    ending = tail(list(0.5 - 0.4 * places**0.5), 0.52)
    assert ending.shape < -0.2
    assert ending.expected == 0.0
    assert ending.expected <= ending.high < ending.exponential
    with pytest.raises(ValueError, match="at least 20 scores"):
        tail([0.1] * 5, 0.5)


def test_the_rivals_are_what_they_are_called_and_their_threshold_is_safe() -> None:
    image = negatives.scene(1, 1)
    whole = rivals.RIVALS["imagehash phash 64"](image)
    assert int(np.bitwise_count(whole).sum()) == int(imagehash.phash(image).hash.sum())
    hashes = np.array([[0], [0b111], [0b1111111]], np.uint64)
    assert rivals.safe_threshold(hashes) == 2
    assert list(rivals.distances(hashes[0], hashes)) == [0, 3, 7]


@pytest.mark.parametrize("edit", ALL)
def test_an_edit_changes_the_picture_and_is_the_same_every_time(edit: str) -> None:
    data = negatives.frame(1, 3)
    assert edited(edit, data, 1, "a") == edited(edit, data, 1, "a") != data


def test_a_small_run_of_the_benchmark_prints_recall_false_merges_and_times() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.dedupe", "--pictures", "100", "--queries", "4", "--no-million", "--json"],
        cwd=PROJECT,
        env={**os.environ, "VALUE_SPECTRUM_FIXTURES": "/nowhere"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode in (0, 1), done.stderr
    answer = json.loads(done.stdout)
    assert answer["goals"]["no false merge"] is True
    assert answer["means"]["ours"] > 0.9
    text = "\n".join(answer["lines"])
    assert f"thresholds {THRESHOLD} and {LEAST_LIGHT}" in text
    for part in ("false merges: 0", "expected at a million", "crop 10 %", "mirror", "mean of 13", "ms a new picture"):
        assert part in text
