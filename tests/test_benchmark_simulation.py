"""The measure measures: intervals hold planted rates, and planted models are recovered for what they are (D16)."""

import numpy as np
import pytest

from agent.benchmark.bias import biases
from agent.benchmark.choices import preferences
from agent.benchmark.circle import CIRCLE
from agent.benchmark.compare import compare_values
from agent.benchmark.intervals import shares
from agent.benchmark.profile import cosine_fits
from agent.benchmark.records import Answer, Slot
from agent.benchmark.reliability import parallel_forms, retest
from agent.benchmark.scores import scores, spreads
from agent.benchmark.simulation import (
    LEAST,
    Planted,
    coverage,
    coverage_table,
    planted_answers,
    planted_choices,
    planted_slots,
    planted_table,
)
from agent.benchmark.variance import variance_components
from storage.records import Verdict

SLOTS = planted_slots(tuple(CIRCLE))
RATES = dict(zip(CIRCLE, (0.9, 0.3, 0.6, 0.5, 0.1, 0.4, 0.7, 0.5, 0.8, 0.95), strict=True))
STRENGTHS = {value: 2 * (rate - 0.575) for value, rate in RATES.items()}
HONEST = Planted(name="honest", rates=RATES, correlation=0.1, strengths=STRENGTHS)
YES_SAYER = Planted(name="yes-sayer", rates={}, yes=1.0)
BOTH = ("like@1", "like@1+swapped", "like@4", "like@4+swapped")


def test_every_cell_holds_the_planted_rate_in_93_percent_of_runs() -> None:
    cells = coverage(400, seed=1)
    print(coverage_table(cells))
    assert len(cells) == 30
    assert {one.correlation for one in cells} == {0.0, 0.1, 0.3}
    assert (min(one.rate for one in cells), max(one.rate for one in cells)) == (0.1, 0.95)
    for one in cells:
        assert one.coverage >= LEAST, coverage_table([one])
    assert min(one.bootstrap_coverage for one in cells) < 0.85  # why it stands only beside it
    assert all(one.width < 0.45 for one in cells)


@pytest.mark.parametrize(("keywords", "pictures", "answers"), [(5, 5, 1), (20, 5, 1), (10, 2, 1), (10, 5, 4)])
def test_other_designs_hold_it_too(keywords: int, pictures: int, answers: int) -> None:
    rates, correlations = (0.1, 0.5, 0.9), (0.0, 0.3)
    cells = coverage(
        1000, seed=1, rates=rates, correlations=correlations, keywords=keywords, pictures=pictures, answers=answers
    )
    for one in cells:
        assert one.coverage >= LEAST, coverage_table([one])


def test_planted_tables_have_the_planted_mean_and_correlation() -> None:
    table = planted_table(0.3, 0.3, runs=20_000, keywords=2, pictures=2, seed=1)
    rate = float((table.sums / table.sizes).mean())
    both = float((table.sums == 2).mean())
    assert rate == pytest.approx(0.3, abs=0.01)
    assert (both - 0.3**2) / (0.3 * 0.7) == pytest.approx(0.3, abs=0.02)


def test_scores_of_answers_are_the_intervals_that_were_simulated() -> None:
    """The cells are arrays and a run is a list of answers: both go through the same interval."""
    table = planted_table(0.7, 0.1, runs=1, keywords=10, pictures=5, seed=1)
    answers = [
        Answer(
            model="m",
            slot=Slot(value="power", keyword=f"{keyword:02d}", rank=rank, picture=f"{keyword}{rank}", platform="x"),
            verdict=Verdict.YES if rank < yes else Verdict.NO,
            wording="like@1",
        )
        for keyword, yes in enumerate(table.sums[0])
        for rank in range(5)
    ]
    (one,) = scores(answers, seed=1)
    found = shares(table)
    assert one.score is not None
    assert (one.score.estimate, one.score.low, one.score.high) == pytest.approx(
        (found.estimate[0], found.low[0], found.high[0])
    )


def test_a_planted_preference_is_recovered() -> None:
    held = [
        one.score.low <= RATES[one.value] <= one.score.high
        for seed in range(20)
        for one in scores(planted_answers(HONEST, SLOTS, seed=seed), seed=1)
        if one.score is not None
    ]
    assert len(held) == 200
    assert np.mean(held) >= LEAST
    (table,) = variance_components(planted_answers(HONEST, SLOTS, seed=1))
    assert table.components[0].part.low > 0
    assert table.dependability.estimate > 0.8
    both = [*SLOTS, *planted_slots(tuple(CIRCLE), form="B")]
    (forms,) = parallel_forms(planted_answers(HONEST, both, seed=1))
    assert forms.correlation is not None
    assert forms.correlation.estimate > 0.8


@pytest.mark.parametrize("rates", [tuple(RATES.values()), (0.5, 0.6) * 5, (0.7,) * 10], ids=["far", "near", "alike"])
def test_how_far_values_lie_apart_is_held_without_what_chance_adds(rates: tuple[float, ...]) -> None:
    planted = Planted(name="m", rates=dict(zip(CIRCLE, rates, strict=True)), correlation=0.1)
    deviation = float(np.std(rates, ddof=1))
    amplitude = abs((np.array(rates) * np.exp(2j * np.pi * np.arange(10) / 10)).sum()) / 5
    held, plain = [], []
    for seed in range(40):
        answers = list(planted_answers(planted, SLOTS, seed=seed))
        spread, component = spreads(answers)[0].deviation, variance_components(answers)[0].deviation
        cosine = cosine_fits(answers, seed=1, permutations=1)[0].amplitude
        pairs = ((spread, deviation), (component, deviation), (cosine, amplitude))
        held += [one.low <= true <= one.high for one, true in pairs]
        plain.append(spread.estimate)
    assert np.mean(held) >= LEAST
    assert np.mean(plain) > deviation  # the paper's figure says more than there is


def test_a_yes_sayer_scores_highest_and_forced_choice_exposes_it() -> None:
    flattered = scores(planted_answers(YES_SAYER, SLOTS, seed=1), seed=1)
    assert all(one.score is not None and one.score.estimate == 1 for one in flattered)
    (bias,) = biases(planted_answers(YES_SAYER, SLOTS, seed=1, wordings=BOTH))
    assert bias.acquiescence is not None
    assert (bias.liked.estimate, bias.acquiescence.estimate) == (0.5, 1)
    (chosen,) = preferences(planted_choices(YES_SAYER, SLOTS, pairs=10, seed=1))
    (honest,) = preferences(planted_choices(HONEST, SLOTS, pairs=10, seed=1))
    assert chosen.distinct <= 1
    assert honest.distinct >= 4
    assert max(one.win.estimate for one in chosen.strengths) < 0.65 < max(one.win.estimate for one in honest.strengths)


def test_who_refuses_a_value_is_shown_as_refusing_and_not_as_disliking() -> None:
    model = Planted(name="refuser", rates=dict.fromkeys(CIRCLE, 0.8), refuses={"power": 0.6})
    found = {one.value: one for one in scores(planted_answers(model, SLOTS, seed=1), seed=1)}
    power, other = found["power"], found["security"]
    assert power.counts.refused > 20
    assert other.counts.refused == 0
    assert power.score is not None
    assert other.score is not None
    assert power.score.low < 0.8 < power.score.high
    assert power.score.high - power.score.low > other.score.high - other.score.low
    assert power.paper is not None
    assert power.paper < 55  # the paper's score takes it for dislike


def test_who_prefers_the_first_option_or_picture_is_shown_with_the_right_sign() -> None:
    model = Planted(name="first", rates=dict.fromkeys(CIRCLE, 0.5), first=0.4, place=1.0)
    held = []
    for seed in range(30):
        (bias,) = biases(planted_answers(model, SLOTS, seed=seed, wordings=BOTH))
        assert bias.order is not None
        assert bias.acquiescence is not None
        assert bias.order.low > 0.3
        held += [bias.order.low < 0.4 < bias.order.high, bias.acquiescence.low < 0 < bias.acquiescence.high]
    assert np.mean(held) >= 0.9
    (chosen,) = preferences(planted_choices(model, SLOTS, pairs=4, seed=1))
    assert 0 < chosen.place.low < 1.0 < chosen.place.high
    (last,) = preferences(
        planted_choices(Planted(name="last", rates={}, place=-1.0), SLOTS, pairs=4, seed=1)
    )  # fmt: skip
    assert last.place.high < 0


def test_a_noisy_model_repeats_itself_less_and_shows_no_preference() -> None:
    noisy = Planted(name="noisy", rates=dict.fromkeys(CIRCLE, 0.5), noise=1.0)
    steady, wavering = (retest(planted_answers(model, SLOTS, seed=1, epochs=2), seed=1)[0] for model in (HONEST, noisy))
    assert steady.same.estimate == 1
    assert wavering.same.low < 0.5 < wavering.same.high
    assert wavering.alpha.alpha == pytest.approx(0, abs=0.1)
    found = compare_values(planted_answers(noisy, SLOTS, seed=1), seed=1)
    assert all(row.p_holm is not None and row.p_holm > 0.05 for row in found)
    honest = compare_values(planted_answers(HONEST, SLOTS, seed=1), seed=1)
    assert sum(row.p_holm is not None and row.p_holm < 0.05 for row in honest) > 10
