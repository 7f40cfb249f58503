"""An experiment's figures, worked out by hand; what is counted apart, left out, or printed without interval."""

import math
from collections.abc import Sequence
from itertools import cycle

import pytest

from agent.experiment.analysis import Analysis, analyse
from agent.experiment.intervals import Estimate, Unit, jackknife, mean, mean_of_conditions, relative_change
from agent.experiment.metrics import agreement, composition, entropy
from agent.experiment.outcomes import Condition
from agent.experiment.records import Arm, ArmRecord, Control, Experiment, Phase, Role, Showing
from agent.experiment.series import CONSISTENT, YES
from storage.records import Verdict

YES_, NO, REFUSED, UNREADABLE = Verdict.YES, Verdict.NO, Verdict.REFUSED, Verdict.UNREADABLE
EIGHT = "yynnyynn"
LETTERS = {"y": YES_, "n": NO, "r": REFUSED, "u": UNREADABLE}


def arm(
    persona: str | None, replicate: int, control: Control = Control.NONE, *, strategy: str = "isq",
    recommender: str = "engagement",
) -> Arm:  # fmt: skip
    name = ".".join([persona or "nobody", strategy, recommender, str(replicate)])
    of_another = control in (Control.YOKED, Control.TWIN)
    return Arm(
        name=f"{name}.{control}" if of_another else name, persona=persona, strategy=strategy, model="m",
        platform="sandbox", recommender=recommender, replicate=replicate, control=control,
        of=name if of_another else None,
    )  # fmt: skip


def record(
    of: Arm, judged: str, *, decided: str = EIGHT, values: Sequence[str] = ("hedonism", "power"), state: str = "done",
    out_of_role: str | None = None, judges: Sequence[str] = ("ann",),
) -> ArmRecord:  # fmt: skip
    """Half of the shorts are for training; `judged` are the evaluation shorts' verdicts, one letter each."""
    half = len(decided) // 2
    taken = cycle(values)
    showings = [
        Showing(
            position=place, phase=Phase.TRAINING if place < half else Phase.EVALUATION, platform_id=f"s{place}",
            decision=LETTERS[letter], planned_dwell=0.0, values={"truth": frozenset({next(taken)})},
            judged={} if place < half else {
                **dict.fromkeys(judges, LETTERS[judged[place - half]]),
                None: LETTERS[(out_of_role or judged)[place - half]],
            },
        )
        for place, letter in enumerate(decided)
    ]  # fmt: skip
    return ArmRecord(arm=of, showings=tuple(showings), state=state, cause="the feed ended" if state == "dry" else None)


def experiment(*arms: ArmRecord) -> Experiment:
    roles = {
        "ann": Role(name="ann", written=("hedonism",), centred={"m": {"hedonism": 2.0, "power": -1.0}}),
        "bob": Role(name="bob", written=("power",)),
    }
    return Experiment(
        name="e", seed=1, training=4, evaluation=4, judge="j", roles=roles, arms=arms, about={"plan_hash": "x"}
    )


def pairs(
    own: Sequence[str], yoked: Sequence[str], persona: str = "ann", *, strategy: str = "isq",
    recommender: str = "engagement",
) -> list[ArmRecord]:  # fmt: skip
    """One arm and its yoked one for each pair of judgements."""
    found = []
    for replicate, judged in enumerate(zip(own, yoked, strict=True), start=1):
        for control, verdicts in zip((Control.NONE, Control.YOKED), judged, strict=True):
            of = arm(persona, replicate, control, strategy=strategy, recommender=recommender)
            found.append(record(of, verdicts, judges=(persona,)))
    return found


def the(analysis: Analysis, name: str, source: str | None = None) -> Estimate:
    (row,) = analysis.measure(name, source).rows
    return row.estimate


def test_the_outcome_is_the_own_feed_less_the_yoked_one_with_t_over_pairs_of_arms() -> None:
    analysis = analyse(experiment(*pairs(["yyyn", "yyyy", "yynn"], ["ynnn", "yynn", "ynnn"])), 1)
    found = the(analysis, "outcome")
    differences = [0.5, 0.5, 0.25]
    middle = sum(differences) / 3
    spread = math.sqrt(sum((one - middle) ** 2 for one in differences) / 2 / 3)
    assert found.estimate == pytest.approx(middle)
    assert (found.low, found.high) == pytest.approx((middle - 4.302653 * spread, middle + 4.302653 * spread))
    assert found.arms == 3
    assert the(analysis, "own-feed").estimate == pytest.approx(0.75)
    assert the(analysis, "yoked-feed").estimate == pytest.approx(1 / 3)


def test_out_of_role_is_an_outcome_of_its_own() -> None:
    own = [record(arm("ann", one), "yyyy", out_of_role="ynnn") for one in (1, 2, 3)]
    yoked = [record(arm("ann", one, Control.YOKED), "nnnn", out_of_role="yynn") for one in (1, 2, 3)]
    analysis = analyse(experiment(*own, *yoked), 1)
    assert the(analysis, "outcome").estimate == 1.0
    assert the(analysis, "outcome-out-of-role").estimate == -0.25


def test_below_three_replicates_there_is_an_estimate_and_no_interval() -> None:
    found = the(analyse(experiment(*pairs(["yyyn", "yyyy"], ["ynnn", "ynnn"])), 1), "outcome")
    assert found == Estimate(estimate=0.625, arms=2)


def test_refused_and_unreadable_are_counted_apart_and_never_as_no() -> None:
    analysis = analyse(experiment(*pairs(["yrun", "yrun", "yrun"], ["yyyn"] * 3)), 1)
    assert the(analysis, "outcome").estimate == pytest.approx(0.5 - 0.75)
    (answers,) = analysis.answers
    counts = answers.judged
    assert (counts.yes, counts.no, counts.refused, counts.unreadable) == (3, 3, 3, 3)


def test_arms_that_did_not_come_to_their_end_give_no_number_and_are_named() -> None:
    dry = record(arm("ann", 4), "yyyy", state="dry")
    analysis = analyse(experiment(*pairs(["yyyn"] * 3, ["ynnn"] * 3), dry), 1)
    assert the(analysis, "own-feed").arms == 3
    (left,) = [one for one in analysis.arms if one.state != "done"]
    assert (left.arm.name, left.cause, left.shorts, dict(left.figures)) == (
        "ann.isq.engagement.4", "the feed ended", 8, {},
    )  # fmt: skip


def test_i_avg_is_the_agents_own_change_in_points_and_relative() -> None:
    arms = [
        record(arm("ann", one), "yyyy", decided=decided)
        for one, decided in enumerate(["ynnnyynn", "yynnyyyn", "ynnnyyyn"], start=1)
    ]
    analysis = analyse(experiment(*arms), 1)
    assert the(analysis, "i-avg").estimate == pytest.approx(1 / 3)
    relative = the(analysis, "i-avg-relative")
    assert relative.estimate == pytest.approx(1.0)
    assert relative.low is not None
    assert relative.low < 1.0


def test_over_personas_each_counts_the_same_and_variances_are_their_own() -> None:
    one = pairs(["yyyn", "yyyy", "yynn"], ["nnnn"] * 3)
    two = pairs(["ynnn", "ynnn", "yynn", "nnnn"], ["nnnn"] * 4, persona="bob")
    (row,) = analyse(experiment(*one, *two), 1).measure("outcome").pooled
    assert (row.condition.persona, row.condition.pooled, row.conditions, row.estimate.arms) == (None, True, 2, 7)
    assert row.estimate.estimate == pytest.approx((0.75 + 0.25) / 2)
    errors = [0.0625 / 3 / 4, (0.125 / 3) / 4 / 4]
    freedom = sum(errors) ** 2 / (errors[0] ** 2 / 2 + errors[1] ** 2 / 3)
    assert 3 < freedom < 5
    assert row.estimate.high is not None
    half = row.estimate.high - row.estimate.estimate
    assert 2.571 < half / math.sqrt(sum(errors)) < 3.182  # Student's t of 5 and of 3 degrees of freedom


def test_strategies_and_feeds_are_compared_over_the_personas_that_both_have() -> None:
    arms = [
        *pairs(["yyyy", "yyyn", "yyyn"], ["nnnn"] * 3),
        *pairs(["ynnn", "yynn", "ynnn"], ["nnnn"] * 3, strategy="simple"),
        *pairs(["ynnn", "ynnn", "nnnn"], ["nnnn"] * 3, recommender="popular"),
        *pairs(["nnnn", "nnnn", "nnnn"], ["yyyy"] * 3, persona="bob"),
    ]
    contrasts = analyse(experiment(*arms), 1).measure("outcome").contrasts
    found = {(one.factor, one.one, one.other): one for one in contrasts}
    assert set(found) == {
        ("strategy", "isq", "simple"),
        ("feed", "sandbox (engagement)", "sandbox (popular)"),
    }
    assert found["strategy", "isq", "simple"].estimate.estimate == pytest.approx(0.5)
    assert found["strategy", "isq", "simple"].estimate.arms == 6
    assert all(one.p_holm == one.estimate.p for one in contrasts)  # families of one


def test_agents_without_persona_are_set_against_every_persona() -> None:
    both = ("ann", "bob")
    arms = [
        *(record(arm("ann", one), "yyyn") for one in (1, 2, 3)),
        *(record(arm("bob", one), "yynn", judges=("bob",)) for one in (1, 2, 3)),
        *(record(arm(None, one, Control.NO_PERSONA, strategy="plain"), "ynnn", judges=both) for one in (1, 2, 3)),
    ]
    found = {one.condition.persona: one for one in analyse(experiment(*arms), 1).no_persona}
    assert {name: one.estimate.estimate for name, one in found.items()} == pytest.approx(
        {"ann": 0.5, "bob": 0.25, None: 0.375}
    )
    assert found[None].condition.pooled
    assert found[None].estimate.arms == 9


def test_twins_differences_are_by_chance_and_their_noise_is_their_root_mean_square() -> None:
    arms = [record(arm("ann", one), judged) for one, judged in enumerate(["yyyn", "yynn", "yynn"], start=1)]
    twins = [
        record(arm("ann", one, Control.TWIN), judged) for one, judged in enumerate(["yynn", "yyyn", "yynn"], start=1)
    ]
    of_condition, together = analyse(experiment(*arms, *twins), 1).twins
    assert of_condition.judged is not None
    assert of_condition.judged.estimate == 0.0
    assert of_condition.judged.p == 1.0
    assert of_condition.noise == pytest.approx(math.sqrt(2 / 3) / 4)
    assert (together.condition, together.conditions, together.differ) == (None, 1, 0)


def test_decisions_about_the_same_short_are_paired_within_and_across_arms_of_one_decider() -> None:
    arms = [
        record(arm("ann", 1), "yyyy", decided="yyyynnnn"),
        record(arm("ann", 2), "yyyy", decided="yyyynnnn"),
        record(arm("ann", 3), "yyyy", decided="nyyynnnr"),
        record(arm("ann", 1, Control.YOKED), "yyyy", decided="nnnnnnnn"),
    ]
    (found,) = analyse(experiment(*arms), 1).repeats
    assert (found.shorts, found.pairs) == (8, 3 * 7 + 1)
    assert found.same.estimate == pytest.approx(20 / 22)
    assert found.same.low is not None
    assert found.same.low < 20 / 22


def test_agreement_is_the_area_under_the_curve_and_half_by_chance() -> None:
    shown = record(arm("ann", 1), "yyyy", decided="ynynynnn").showings  # hedonism is watched three times of four
    written = agreement(shown, "truth", {"hedonism": 1.0})
    assert written is not None
    assert written.value == pytest.approx(1 - 1 / 5 / 2)
    turned = agreement(shown, "truth", {"hedonism": -1.0, "power": 2.0})
    assert turned is not None
    assert turned.value == pytest.approx(1 / 5 / 2)
    assert agreement(record(arm("ann", 1), "yyyy", decided="yyyyyyyy").showings, "truth", {"hedonism": 1.0}) is None
    assert agreement(shown, "another source", {"hedonism": 1.0}) is None


def test_entropy_is_nought_for_one_value_and_a_bit_for_two_alike() -> None:
    one, two = (record(arm("ann", 1), "yyyy", values=values).showings for values in (("power",), ("power", "x")))
    alike = [entropy(shown, "truth") for shown in (one, two)]
    assert [unit and unit.value for unit in alike] == [0.0, 1.0]
    several = Showing(
        position=0, phase=Phase.TRAINING, platform_id="s", decision=YES_, planned_dwell=0.0,
        values={"truth": frozenset({"power", "x"})},
    )  # fmt: skip
    assert composition([*one[:1], several], "truth") == {"power": 0.75, "x": 0.25}


def test_what_a_short_was_searched_by_is_not_what_it_expresses() -> None:
    one = record(arm("ann", 1), "yyyy")
    other = [
        Showing(**{**vars(shown), "values": {**shown.values, "query": frozenset({"power"})}}) for shown in one.showings
    ]
    analysis = analyse(experiment(ArmRecord(arm=one.arm, showings=tuple(other))), 1)
    assert analysis.sources == ("truth",)


def test_windows_do_not_reach_over_a_phases_end_and_lines_are_means_over_arms() -> None:
    arms = [record(arm("ann", one), "yyyy", decided=decided) for one, decided in ((1, "yynnyyyy"), (2, "nnnnyyyy"))]
    analysis = analyse(experiment(*arms), 1)
    assert [(one.first, one.last, one.phase) for one in analysis.windows] == [
        (0, 3, Phase.TRAINING), (4, 7, Phase.EVALUATION),
    ]  # fmt: skip
    lines = {(one.kind, one.condition.persona): one for one in analysis.lines}
    yes, consistent = lines[YES, "ann"], lines[CONSISTENT, "ann"]
    assert [point and point.estimate for point in yes.points] == [0.25, 1.0]
    assert sorted(yes.arms) == [(0.0, 1.0), (0.5, 1.0)]
    assert [point and point.estimate for point in consistent.points] == [0.5, 0.5]
    (feed,) = analysis.compositions
    assert feed.shares == ({"hedonism": 0.5, "power": 0.5}, {"hedonism": 0.5, "power": 0.5})
    assert feed.condition == Condition(
        persona=None, strategy="isq", model="m", platform="sandbox", recommender="engagement", pooled=True
    )


def test_arms_that_are_all_alike_are_as_sure_as_their_steps_are_fine() -> None:
    coarse, fine = (mean([Unit(value=0.5, step=step)] * 3) for step in (0.25, 0.05))
    assert coarse.low is not None
    assert fine.low is not None
    assert coarse.low == pytest.approx(0.5 - 4.302653 * 0.25 / 6)
    assert coarse.low < fine.low < 0.5
    assert mean_of_conditions([[Unit(value=0.0)] * 3]).p == 1.0


def test_a_relative_change_from_nought_is_none() -> None:
    assert relative_change([[(0.0, 0.5), (0.0, 0.25)]]) is None
    found = relative_change([[(0.5, 0.5), (0.25, 0.5)]])
    assert found is not None
    assert found.estimate == pytest.approx(1 / 3)
    assert (found.low, found.arms) == (None, 2)


def test_a_jackknife_of_a_mean_is_students_interval() -> None:
    values = {"a": 1.0, "b": 2.0, "c": 6.0}
    found = jackknife(values, lambda of: sum(known := list(of)) / len(known), (-100.0, 100.0))
    plain = mean([Unit(value=value) for value in values.values()])
    assert found is not None
    assert (found.estimate, found.low, found.high) == pytest.approx((plain.estimate, plain.low, plain.high))
