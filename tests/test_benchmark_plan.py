"""What a benchmark is made of before anything is asked: plans, pictures in order, pairs, controls, questions."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agent.benchmark.control import draw_control
from agent.benchmark.paper import beside, paper
from agent.benchmark.plan import Plan, make_plan, plan_hash, read_plan_file
from agent.benchmark.questions import BESIDE, CHOICE, LIKE_TEXT, WORDINGS, chosen
from agent.benchmark.records import Slot
from agent.benchmark.scripted import Seen, script
from agent.benchmark.targets import Shot, Targets, dealt, draw_pairs
from retrieval.reading import Reply, read
from retrieval.valueset import ValueSet
from retrieval.vocabulary import load_vocabulary
from storage.answer_record import AnswerStatus, StoredAnswer
from storage.errors import UsageError
from storage.records import Verdict
from storage.sampling import Candidate

MODEL = {"name": "m"}
VALUES = ("power", "hedonism", "tradition")


def plan(**fields: Any) -> Plan:
    return make_plan({"manifest": "set.json", "model": [MODEL], **fields}, "test")


def a_set(**fields: Any) -> ValueSet:
    usual: dict[str, Any] = {
        "corpus_id": "c", "vocabulary": {}, "model": "e", "rank": "picture", "mode": "search", "k": 5, "floor": 0.0,
        "seed": 1, "code_version": "1", "slots": (),
    }  # fmt: skip
    return ValueSet(**{**usual, **fields})


def shot(name: str, *slots: tuple[str, str, int], kind: str = "screen") -> Shot:
    made = tuple(
        Slot(value=value, keyword=keyword, rank=rank, picture=name, platform="p") for value, keyword, rank in slots
    )
    return Shot(platform="p", platform_id=name, kind=kind, sha256=name, slots=made)


SHOTS = [shot(f"{value}{n}", (value, f"{value} {n % 3}", n)) for value in VALUES for n in range(9)]


def said(answer: dict[str, Any] | None, status: AnswerStatus = AnswerStatus.OK) -> StoredAnswer:
    return StoredAnswer(
        id=1, key="k", question="q@1", run_id=1, platform="p", platform_id="a", epoch=0, persona=None, model="m",
        model_returned=None, endpoint="h", parameters={}, image_sha256=None, raw="", parsed=answer, status=status,
        prompt_tokens=None, completion_tokens=None, cost=None, milliseconds=1,
        asked_at=datetime(2026, 1, 1, tzinfo=UTC),
    )  # fmt: skip


def test_the_hash_of_a_plan_changes_with_what_is_asked_and_declared_and_with_nothing_else() -> None:
    found = a_set()

    def hashed(**fields: Any) -> str:
        return plan_hash(plan(**fields).analysis(found, None))

    same: list[dict[str, Any]] = [
        {}, {"manifest": "elsewhere.json"},
        {"model": [{**MODEL, "at_once": 3, "price": "1:2", "per_minute": 9, "key": "K"}]},
    ]  # fmt: skip
    other: list[dict[str, Any]] = [
        {"seed": 2}, {"epochs": 2}, {"temperature": 1.0}, {"wordings": ["all"]}, {"picture": ["frame"]}, {"size": 512},
        {"quality": 80}, {"control": 5}, {"pairs": 1}, {"beside": []}, {"family": {"values": [["power", "hedonism"]]}},
        {"family": {"modality": False}}, {"model": [{"name": "n"}]},
        {"model": [{**MODEL, "base_url": "http://example.org/v1"}]},
    ]  # fmt: skip
    assert len({hashed(**fields) for fields in same}) == 1
    assert len({hashed(**fields) for fields in [{}, *other]}) == len(other) + 1
    assert plan_hash(plan().analysis(a_set(k=3), None)) != hashed()


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"epoch": 2}, "epoch"),
        ({"model": []}, "model"),
        ({"model": [{"name": "m", "url": "x"}]}, "url"),
        ({"wordings": ["like@9"]}, "unknown"),
        ({"wordings": []}, "at least one"),
        ({"captioner": "x", "modality": ["caption"]}, "none of the models"),
        ({"model": [{"name": "m", "pictures": False}]}, "takes no pictures"),
        ({"family": {"models": [["m", "n"]]}}, "n is none of the models"),
    ],
)
def test_a_plan_with_a_mistake_is_told_where(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        plan(**fields)


def test_a_declared_value_that_the_set_does_not_have_is_told() -> None:
    with pytest.raises(UsageError, match="beauty"):
        plan(family={"values": [["power", "beauty"]]}).check_values(VALUES)


def test_paths_in_a_plan_file_are_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text('manifest = "set.json"\n[[model]]\nname = "m"\n', encoding="utf-8")
    assert make_plan(read_plan_file(tmp_path / "plan.toml"), "x").manifest == tmp_path / "set.json"
    (tmp_path / "plan.toml").write_text("model = ", encoding="utf-8")
    with pytest.raises(UsageError, match="no TOML"):
        read_plan_file(tmp_path / "plan.toml")


def test_the_key_of_openai_goes_to_openai_and_to_no_other_address_by_itself() -> None:
    here, there, script_ = plan(
        model=[{"name": "a"}, {"name": "b", "base_url": "https://example.org/v1"}, {"name": "scripted:noisy"}]
    ).model
    assert (here.key_name, there.key_name, script_.key_name) == ("OPENAI_API_KEY", None, None)
    assert (here.host, there.host, script_.host) == ("api.openai.com", "example.org", "127.0.0.1")


def test_pictures_are_dealt_one_of_every_value_in_turn_and_in_an_order_of_the_seed() -> None:
    order = dealt(SHOTS, 1)
    for start in range(0, len(order), 3):
        assert {one.slots[0].value for one in order[start : start + 3]} == set(VALUES)
    assert dealt(list(reversed(SHOTS)), 1) == order != dealt(SHOTS, 2)
    frames = [replace(one, kind="frame") for one in order]
    limited = Targets(shots=(*order, *frames), pairs=()).limited(3)
    assert Counter(one.kind for one in limited.shots) == {"screen": 3, "frame": 3}


def test_pairs_are_as_many_for_every_two_values_and_never_twice_or_of_one_picture() -> None:
    pairs = draw_pairs(SHOTS, VALUES, 5, 1)
    values = Counter(frozenset((pair.one_slot.value, pair.other_slot.value)) for pair in pairs)
    assert set(values.values()) == {5}
    assert len(values) == 3
    assert len({(pair.one.name, pair.other.name) for pair in pairs}) == 15
    assert Counter(pair.one.name for pair in pairs).most_common(1)[0][1] <= 2
    assert len(draw_pairs(SHOTS, VALUES, 1000, 1)) == 3 * 81
    shared = [shot("x", ("power", "w", 1), ("hedonism", "w", 1))]
    assert draw_pairs(shared, VALUES, 5, 1) == []
    firsts = pairs[:3]
    assert len({frozenset((pair.one_slot.value, pair.other_slot.value)) for pair in firsts}) == 3


def candidate(number: int, platform: str, cluster: int | None = None) -> Candidate:
    return Candidate(
        short_id=number, platform=platform, platform_id=f"{platform}{number}", author=None, decider=None,
        frame_sha256=f"f{number}", screen_sha256=f"s{number}", cluster=number if cluster is None else cluster,
    )  # fmt: skip


def test_the_control_set_has_the_value_sets_mix_of_platforms_and_months_and_none_of_its_pictures() -> None:
    every = [candidate(number, platform) for platform in ("tiktok", "youtube") for number in range(100)]
    months = {
        (one.platform, one.platform_id): None if one.short_id > 90 else f"2026-0{one.short_id % 3 + 1}" for one in every
    }
    shown = [(one.platform, one.platform_id) for one in every if one.short_id < 30 and one.platform == "tiktok"]
    shown += [(one.platform, one.platform_id) for one in every if one.short_id % 3 == 0 and one.platform == "youtube"][
        :10
    ]
    drawn = draw_control(20, shown, every, months, 7)
    taken = [(one.platform, one.platform_id) for one in drawn.drawn]
    assert len(set(taken)) == 20
    assert not set(taken) & set(shown)
    assert Counter(platform for platform, _ in taken) == {"tiktok": 15, "youtube": 5}
    assert {months[one] for one in taken if one[0] == "youtube"} == {"2026-01"}
    assert Counter(months[one] for one in taken if one[0] == "tiktok") == dict.fromkeys(
        ("2026-01", "2026-02", "2026-03"), 5
    )
    assert drawn.short_by == {}
    assert draw_control(20, shown, list(reversed(every)), months, 7) == drawn
    assert draw_control(20, shown, every, months, 8) != drawn


def test_a_control_set_that_the_corpus_cannot_fill_says_what_is_missing_and_takes_no_near_duplicate() -> None:
    every = [
        candidate(1, "tiktok"),
        candidate(2, "tiktok", cluster=1),
        candidate(3, "tiktok"),
        candidate(4, "tiktok", 3),
    ]
    drawn = draw_control(5, [("tiktok", "tiktok1")], every, {}, 1)
    assert [one.short_id in (3, 4) for one in drawn.drawn] == [True]
    assert drawn.short_by == {("tiktok", None): 4}
    assert draw_control(5, [], every, {}, 1).drawn == ()


def test_a_turned_question_and_swapped_answers_say_whether_the_content_is_liked() -> None:
    yes = said({"answer": "yes", "chances": {"yes": 0.8, "no": 0.2}})
    assert {name for name, one in WORDINGS.items() if one.liked(yes) is Verdict.NO} == {
        f"like@{number}{swapped}" for number in (3, 4) for swapped in ("", "+swapped")
    }
    assert {one.probability(yes) for one in WORDINGS.values() if one.turned} == {0.2}
    assert WORDINGS["like@1+swapped"].question.schema["properties"]["answer"]["enum"] == ["no", "yes"]
    assert WORDINGS["like@1"].probability(said({"answer": "no"})) is None
    for status, verdict in ((AnswerStatus.REFUSED, Verdict.REFUSED), (AnswerStatus.UNREADABLE, Verdict.UNREADABLE)):
        assert WORDINGS["like@4"].liked(said(None, status)) is verdict
        assert chosen(said(None, status)) is None
    assert [chosen(said({"answer": answer})) for answer in ("first", "second")] == [1, 2]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("First.", "first"), ("The second one, since it is warm", "second"), ("**2**", "second"), ("1", "first"),
        ('{"answer": "Second"}', "second"), ("Both are nice", None), ("Neither", None), ("", None),
    ],
)  # fmt: skip
def test_a_choice_is_read_from_json_or_from_its_first_word_and_never_guessed(text: str, answer: str | None) -> None:
    _, parsed = read(Reply(text=text), CHOICE)
    assert (parsed or {}).get("answer") == answer


def test_a_changed_wording_needs_a_new_version() -> None:
    """Whoever changes a question raises its version and writes the new fingerprint here."""
    asked = [*(one.question for one in WORDINGS.values()), LIKE_TEXT.question, *BESIDE.values(), CHOICE]
    assert len({question.id for question in asked}) == len(asked)
    assert {question.id: question.fingerprint[:8] for question in asked} == FINGERPRINTS


FINGERPRINTS = {
    "like@1": "4ce1a5c6",
    "like@2": "91b3e2ef",
    "like@3": "7230a6ef",
    "like@4": "87ac4cba",
    "like_swapped@1": "365d2d4d",
    "like_swapped@2": "bedc0772",
    "like_swapped@3": "ca6a98b9",
    "like_swapped@4": "e585d524",
    "like_text@1": "32305fcc",
    "why_like@1": "393d55b7",
    "image_description@1": "3fff5453",
    "choice@1": "ac3d3f9c",
}


def seen(name: str, *values: str) -> Seen:
    return Seen(name=name, values=frozenset(values))


def test_a_planted_rate_is_met_and_is_the_same_for_the_same_picture() -> None:
    model = script("scripted:likes-hedonism:0.8:0.3", 1, VALUES)
    liked = {value: [model.likes(seen(f"{value}{n}", value)) for n in range(2000)] for value in VALUES}
    assert sum(map(bool, liked["hedonism"])) / 2000 == pytest.approx(0.8, abs=0.03)
    assert sum(map(bool, liked["power"])) / 2000 == pytest.approx(0.3, abs=0.03)
    assert model.says(seen("a"), "x", turned=True) != model.says(seen("a"), "x", turned=False)
    noisy = script("scripted:noisy", 1, VALUES)
    assert len({noisy.likes(seen("a"), str(epoch)) for epoch in range(20)}) == 2
    yes = script("scripted:yes-sayer", 1, VALUES)
    assert {yes.says(seen("a"), "", turned=turned) for turned in (True, False)} == {"yes"}
    refuser = script("scripted:refuses-power", 1, VALUES)
    assert refuser.likes(seen("a", "power")) is None
    assert refuser.chooses(seen("a", "power"), seen("b"), "") is None


def test_a_script_chooses_what_it_likes_in_either_order_and_the_first_picture_one_does_not() -> None:
    model = script("scripted:likes-hedonism:1:0", 1, VALUES)
    liked, other = seen("a", "hedonism"), seen("b", "power")
    assert (model.chooses(liked, other, ""), model.chooses(other, liked, "")) == ("first", "second")
    yes = script("scripted:yes-sayer", 1, VALUES)
    assert yes.chooses(liked, other, "") != yes.chooses(other, liked, "")
    first = script("scripted:first-picture", 1, VALUES)
    assert {first.chooses(liked, other, ""), first.chooses(other, liked, "")} == {"first"}


def test_the_published_tables_are_those_of_the_fact_sheet() -> None:
    known = paper()
    assert (len(known.models), len(known.modality)) == (8, 12)
    assert set(known.means_printed) == {value.id for value in load_vocabulary().values}
    found = beside({one.name: one.scores for one in known.models})
    assert all(abs(one.run - one.published) <= 0.11 for one in found.values)
    assert found.rank_correlation == pytest.approx(1.0)
    stds = {one.model: (one.std_run, one.std_published) for one in found.models}
    off = {name for name, (ours, theirs) in stds.items() if ours is None or abs(ours - theirs) > 0.06}
    assert off == {"CogVLM2"}  # printed 6.99; its printed scores give 5.87
    tables = [one.scores for one in known.models] + [one.scores for one in known.modality]
    assert all(score % 2 == 0 for scores in tables for score in scores.values())


def test_a_run_is_set_beside_the_models_of_the_same_name() -> None:
    found = beside({"claude-3-5-sonnet-20241022": {"power": 60.0, "hedonism": 66.0}, "other": {"power": 40.0}})
    assert [(one.model, one.published) for one in found.models] == [("claude-3-5-sonnet-20241022", "Claude 3.5 Sonnet")]
    assert found.models[0].differences == {"power": 10.0, "hedonism": 0.0}
    assert [(one.value, one.run) for one in found.values] == [("hedonism", 66.0), ("power", 50.0)]
    assert found.rank_correlation is None
