"""Krippendorff's alpha against his own worked examples (Krippendorff 2011, Computing Krippendorff's
Alpha-Reliability), and what counts as a judgement."""

import pytest

from retrieval.agreement import agreement, value_agreement, value_judgements
from storage.reliability import krippendorff_alpha
from storage.sampling import Statement

VALUES = ("power", "hedonism")


def units(*observers: str) -> list[list[str]]:
    """One string of judgements an observer; a dot is a gap."""
    return [[one for one in unit if one != "."] for unit in zip(*observers, strict=True)]


def said(short_id: int, source: str, name: str, stance: str | None, score: float | None = None) -> Statement:
    return Statement(short_id=short_id, source=source, kind="value", name=name, stance=stance, score=score)


@pytest.mark.parametrize(
    ("observers", "alpha"),
    [
        (("0100000010", "1110010000"), 0.095),  # A: binary data, two observers, no gaps
        (("aabbdcccedda", "babbbccceddd"), 0.692),  # B: nominal data, two observers, no gaps
        (("123321412...", "1233224125.3", ".3332342251.", "12332441251."), 0.743),  # C: four observers, gaps
    ],
    ids="ABC",
)
def test_the_published_examples_come_out(observers: tuple[str, ...], alpha: float) -> None:
    assert krippendorff_alpha(units(*observers)) == pytest.approx(alpha, abs=0.0005)


def test_agreement_is_one_chance_is_about_zero_and_no_variation_is_undefined() -> None:
    assert krippendorff_alpha(units("abcabc", "abcabc")) == 1
    assert krippendorff_alpha(units("aaaa", "aaaa")) is None
    assert krippendorff_alpha(units("ab..", "..ab")) is None
    assert krippendorff_alpha([]) is None
    contradiction = krippendorff_alpha(units("abab", "baba"))
    assert contradiction is not None
    assert contradiction < 0


def test_the_interval_holds_alpha_narrows_with_more_units_and_repeats() -> None:
    few = agreement(units("0100000010" * 4, "1110010000" * 4), seed=1, purpose="x")
    many = agreement(units("0100000010" * 60, "1110010000" * 60), seed=1, purpose="x")
    assert few == agreement(units("0100000010" * 4, "1110010000" * 4), seed=1, purpose="x")
    for one in (few, many):
        assert one.alpha is not None
        assert one.low is not None
        assert one.high is not None
        assert one.low < one.alpha < one.high
    assert (many.high or 0) - (many.low or 0) < ((few.high or 0) - (few.low or 0)) / 2
    assert (few.units, few.judgements) == (40, 80)


def test_who_labelled_a_short_and_did_not_name_a_value_said_none_of_it() -> None:
    found = value_judgements(
        [
            said(1, "vlm:a", "power", "expresses"),
            said(1, "check:b", "power", "opposes"),
            said(2, "vlm:a", "other", None),
        ],
        VALUES,
    )
    assert found["power"] == {1: {"vlm:a": "expresses", "check:b": "opposes"}, 2: {"vlm:a": "none"}}
    assert found["hedonism"] == {1: {"vlm:a": "none"}, 2: {"vlm:a": "none"}}  # check:b was not asked about it


def test_a_topic_label_alone_shows_that_a_source_looked() -> None:
    topic = Statement(short_id=1, source="vlm:a", kind="topic", name="food", stance="depicts", score=None)
    assert value_judgements([topic], ("power",))["power"] == {1: {"vlm:a": "none"}}


def test_only_the_named_sources_are_compared() -> None:
    both = [said(1, "vlm:a", "power", "expresses"), said(1, "vlm:b", "power", "none")]
    assert value_judgements(both, ("power",), ["vlm:b"])["power"] == {1: {"vlm:b": "none"}}


def test_a_similarity_knows_whether_but_not_how_a_short_stands_to_a_value() -> None:
    statements = [
        one
        for short_id in range(8)
        for one in (
            said(short_id, "vlm:a", "power", "expresses" if short_id % 2 else "none"),
            said(short_id, "similarity", "power", "unsure", 0.97) if short_id % 2
            else said(short_id, "similarity", "hedonism", "unsure", 0.96),
            said(short_id, "vlm:b", "power", "unsure"),
        )
    ]  # fmt: skip
    found = value_agreement(value_judgements(statements, ("power",)), seed=1, repeats=200)["power"]
    assert found["concerned"].alpha == 1
    assert found["concerned"].judgements == 16  # two sources; the third was not sure of any
    assert found["stance"].judgements == 8  # of the shorts that similarity said `none` of
