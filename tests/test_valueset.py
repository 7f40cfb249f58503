"""The value sets of the benchmark as a user makes them: frozen, checked by a model or a person, reported, shown."""

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import select

from retrieval.valueset import Shows, ValueSet, Verdict, same_model
from retrieval.valueset.__main__ import app
from retrieval.valueset.check import check_question
from retrieval.vocabulary import load_vocabulary
from storage.database import open_database
from storage.errors import UsageError
from storage.models import Answer, LabelRow
from storage.records import Stance
from tests.commands import run
from tests.drawn import built_embedder
from tests.drawn_corpus import collect_drawn, embed
from tests.fake_openai import Asked, FakeOpenAI
from tests.in_process import Commands, Ended
from tests.storage_tools import open_corpus

WORDS = ("vacation", "concert", "dessert", "trophy", "medal", "marathon")
PLATFORMS = ("tiktok", "youtube", "instagram")
OWN = {"hedonism": WORDS[:3], "achievement": WORDS[3:]}
"""Two values with three keywords each: thirty slots."""
JUDGE = "gpt-5"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty-four shorts: on each of three platforms one of every word, from searches, and six from a feed."""
    path = tmp_path_factory.mktemp("sampled") / "corpus.sqlite"
    embedder = built_embedder()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VALUE_SPECTRUM_CONFIG_DIR", str(path.parent / "config"))
        for platform in PLATFORMS:
            collect_drawn(path, WORDS, 1, platform=platform)
        collect_drawn(path, WORDS, 1, platform="sandbox", mode="feed")
    embed(path, embedder)
    return path


def vocabulary(path: Path, language: str, words: Mapping[str, Sequence[str]]) -> Path:
    """A vocabulary file with these keywords by value."""
    values = "".join(
        f'[[value]]\nid = "{value}"\nname = "{value}"\nabbreviation = "{value[:3]}"\ndefinition = "x"\n'
        f"[value.keywords.A]\n{language} = {json.dumps(list(keywords), ensure_ascii=False)}\n"
        for value, keywords in words.items()
    )
    path.write_text('name = "own"\n' + values, encoding="utf-8")
    return path


@pytest.fixture
def valueset(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Ended]:
    """`python -m retrieval.valueset` over two values of three keywords, with no floor unless told otherwise."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VALUE_SPECTRUM_CONFIG_DIR", str(corpus.parent / "config"))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789")
    commands = Commands(monkeypatch, capsys)
    own = vocabulary(tmp_path / "own.toml", "en", OWN)

    def call(*more: str | Path | int, code: int = 0, make: bool = True) -> Ended:
        making = ("--model", "packaged", "--floor", 0, "--out", "set.json") if make else ()
        return commands(app, "--corpus", corpus, "--vocabulary", own, *making, *more, code=code)

    return call


def judged(asked: Asked) -> dict[str, Any]:
    """Vacations are shown and express the value; everything else is not shown."""
    if "'vacation'" in asked.prompt:
        return {"shows": "yes", "value": "expresses", "reason": "a beach"}
    return {"shows": "no", "value": "unrelated", "reason": "something else"}


@pytest.fixture
def judge() -> Iterator[FakeOpenAI]:
    with FakeOpenAI(script=judged, models=(JUDGE, "gpt-4o")) as server:
        yield server


def test_the_command_freezes_five_hundred_slots(corpus: Path, tmp_path: Path) -> None:
    done = run(tmp_path, "retrieval.valueset", "--corpus", corpus, "--model", "packaged", "--json", "--out", "one.json")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert (figures["slots"], figures["k"], figures["mode"], figures["rank"]) == (500, 5, "search", "picture")
    assert figures["filled"] + sum(figures["empty"].values()) == 500
    assert len(figures["values"]) == 10
    made = ValueSet.load(tmp_path / "one.json")
    assert made.id == figures["id"]
    assert made.vocabulary["sha256"] == load_vocabulary().sha256
    with open_database(corpus, write=False) as database:
        made.verify(database)


def test_the_same_command_gives_the_same_set_and_a_contact_sheet_of_every_value(
    tmp_path: Path, valueset: Callable[..., Ended]
) -> None:
    first = valueset("-k", 1, "--json").figures["id"]
    (tmp_path / "set.json").unlink()
    assert valueset("-k", 1, "--json", "--sheets", "sheets").figures["id"] == first
    assert sorted(path.name for path in (tmp_path / "sheets").iterdir()) == ["achievement.png", "hedonism.png"]
    with Image.open(tmp_path / "sheets" / "hedonism.png") as sheet:
        assert sheet.height > 3 * 320


def test_the_rules_of_a_set_hold_on_a_real_corpus(tmp_path: Path, valueset: Callable[..., Ended]) -> None:
    figures = valueset("--json").figures
    made = ValueSet.load(tmp_path / "set.json")
    for word in {slot.keyword for slot in made.slots}:
        of_word = [slot.shown for slot in made.filled if slot.keyword == word and slot.shown is not None]
        assert len(of_word) == 5
        assert max(Counter(one.platform for one in of_word if not one.over_platform_share).values()) <= 2
        assert [one.score for one in of_word] == sorted((one.score for one in of_word), reverse=True)
    for value in made.values:
        frames = [slot.shown.frame_sha256 for slot in made.of_value(value) if slot.shown]
        assert len(set(frames)) == len(frames)
    assert {slot.shown.platform for slot in made.filled if slot.shown} == set(PLATFORMS)  # none was shown in a feed
    assert set(figures["values"]["hedonism"]["platforms"]) <= set(PLATFORMS)
    assert figures["values"]["hedonism"]["text_area"] is None
    overlap = sum(one["pictures"] for one in figures["overlaps"])
    assert overlap == figures["pictures_in_several_values"] == len(made.filled) - figures["pictures"]


def test_other_modes_ranks_and_floors_are_named_in_the_set(tmp_path: Path, valueset: Callable[..., Ended]) -> None:
    valueset("--mode", "feed", "--rank", "fused", "--out", "feed.json", "-k", 1)
    feed = ValueSet.load(tmp_path / "feed.json")
    assert (feed.mode, feed.rank, feed.k) == ("feed", "fused", 1)
    assert {slot.shown.platform for slot in feed.filled if slot.shown} == {"sandbox"}
    ended = valueset("--floor", 1, "--out", "empty.json", "--json", code=5)
    assert ended.figures["filled"] == 0
    assert ended.figures["empty"] == {"below the floor": 30}
    assert len(ended.figures["keywords_with_empty_slots"]) == 6
    assert "another value set" in valueset("--seed", 2, code=0).err + valueset("--seed", 3, code=2).err


def test_a_set_that_was_changed_by_hand_or_is_of_another_corpus_is_refused(
    corpus: Path, tmp_path: Path, valueset: Callable[..., Ended]
) -> None:
    valueset()
    content = json.loads((tmp_path / "set.json").read_text())
    content["frozen"]["slots"][0]["keyword"] = "yacht"
    (tmp_path / "changed.json").write_text(json.dumps(content))
    assert "its content is another" in valueset("--manifest", "changed.json", make=False, code=2).err
    other = vocabulary(tmp_path / "other.toml", "en", {"hedonism": ["vacation"]})
    said = valueset("--manifest", "set.json", "--vocabulary", other, make=False, code=2).err
    assert "another vocabulary" in said
    (tmp_path / "none.json").write_text("{}")
    assert "is no value set" in valueset("--manifest", "none.json", make=False, code=2).err
    open_corpus(tmp_path / "other.sqlite").close()
    with open_database(tmp_path / "other.sqlite", write=False) as empty, pytest.raises(UsageError, match="made from"):
        ValueSet.load(tmp_path / "set.json").verify(empty)


def test_a_model_checks_every_slot_once_and_its_verdicts_are_answers_labels_and_part_of_the_manifest(
    corpus: Path, tmp_path: Path, judge: FakeOpenAI, valueset: Callable[..., Ended]
) -> None:
    before = valueset("--json").figures["id"]
    checking = ("--verify", JUDGE, "--base-url", judge.base_url, "--measured", "gpt-4o", "--json")
    figures = valueset("--manifest", "set.json", *checking, make=False).figures
    assert len(judge.requests) == 30
    assert figures["id"] == before  # verdicts are not frozen
    assert figures["checked_by"] == [f"check:{JUDGE}"]

    hedonism, achievement = figures["values"]["hedonism"], figures["values"]["achievement"]
    assert (hedonism["judged"], hedonism["verified"], hedonism["verified_share"]) == (15, 5, 0.3333)
    assert (hedonism["shows"], achievement["shows"]) == ({"yes": 5, "no": 10}, {"no": 15})
    checked = ValueSet.load(tmp_path / "set.json")
    assert {key[1] for key in checked.verified()} == {"vacation"}
    with open_database(corpus, write=False) as database, database.read() as session:
        answers = {row.id: row for row in session.scalars(select(Answer).where(Answer.question == "check_slot@1"))}
        labels = session.scalars(select(LabelRow).where(LabelRow.source == f"check:{JUDGE}")).all()
    screens = {slot.key: slot.shown.screen_sha256 for slot in checked.filled if slot.shown}
    for verdict in checked.verdicts:
        assert verdict.answer_id is not None
        assert answers[verdict.answer_id].image_sha256 == screens[verdict.key]
    assert len(labels) == 30  # no picture stands twice in a value
    assert Counter(label.stance for label in labels) == {"expresses": 5, "none": 25}
    judge.requests.clear()
    valueset("--manifest", "set.json", *checking, make=False)
    assert judge.requests == []
    (tmp_path / "set.json").unlink()
    assert valueset(*checking).figures["values"]["hedonism"]["verified"] == 5  # a new set of the same corpus:
    assert judge.requests == []  # what was answered is not asked again


def test_a_model_that_is_measured_may_not_check_and_one_that_checked_may_not_be_measured(
    tmp_path: Path, judge: FakeOpenAI, valueset: Callable[..., Ended]
) -> None:
    said = valueset(
        "--verify", "gpt-4o", "--measured", "llama3,openai/gpt-4o-2024-08-06", "--base-url", judge.base_url, code=2
    ).err
    assert "cannot check its own value set" in said
    assert judge.requests == []
    assert not (tmp_path / "set.json").exists()
    valueset("--value", "hedonism", "-k", 1)
    slot = ValueSet.load(tmp_path / "set.json").filled[0]
    verdict = Verdict(
        value=slot.value, keyword=slot.keyword, place=1, by="check:gpt-4o", model="gpt-4o", shows=Shows.YES
    )  # fmt: skip
    with pytest.raises(UsageError, match="has checked this value set"):
        ValueSet.load(tmp_path / "set.json").with_verdicts([verdict]).refuse_measured(["claude-4", "openai/gpt-4o"])


def test_model_names_are_compared_without_provider_and_date() -> None:
    assert same_model("openai/gpt-4o-2024-08-06", "GPT-4o")
    assert not same_model("gpt-4o", "gpt-4o-mini")


def test_money_that_is_used_up_keeps_the_verdicts_so_far_and_the_same_command_goes_on(
    tmp_path: Path, judge: FakeOpenAI, valueset: Callable[..., Ended]
) -> None:
    # Never answered before: another wording would be needed to ask again, so another model is asked.
    checking = ("--verify", "gpt-4o", "--base-url", judge.base_url, "--picture", "frame")
    valueset(*checking, "--max-cost", "0.05", code=4)
    some = len(ValueSet.load(tmp_path / "set.json").verdicts)
    assert 0 < some == len(judge.requests) < 30
    valueset(*checking)
    assert len(ValueSet.load(tmp_path / "set.json").verdicts) == 30 == len(judge.requests)


@pytest.mark.parametrize(("mode", "status"), [("refusal", "refused"), ("nonsense", "unreadable")])
def test_a_refused_or_unreadable_check_is_no_verdict_on_the_slot(
    tmp_path: Path, judge: FakeOpenAI, valueset: Callable[..., Ended], mode: str, status: str
) -> None:
    judge.reset(mode, models=(mode,), script=judged)
    valueset("--value", "hedonism", "-k", 1, "--verify", mode, "--base-url", judge.base_url, "--json")
    checked = ValueSet.load(tmp_path / "set.json")
    assert {(one.status, one.shows, one.stance) for one in checked.verdicts} == {(status, None, None)}
    assert not checked.verified()


def test_a_person_fills_in_a_table(corpus: Path, tmp_path: Path, valueset: Callable[..., Ended]) -> None:
    valueset("--worksheet", "sheet.csv")
    with (tmp_path / "sheet.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 30
    for row in rows[:10]:
        row |= {"shows": "Yes", "stance": "expresses"}
    rows[0]["stance"] = "opposes"
    written = io.StringIO()
    writer = csv.DictWriter(written, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    (tmp_path / "sheet.csv").write_text(written.getvalue(), encoding="utf-8")
    ended = valueset("--manifest", "set.json", "--verdicts", "sheet.csv", "--by", "anna", "--json", make=False)
    assert "10 verdicts by person:anna in sheet.csv" in ended.err
    (value,) = {row["value"] for row in rows[:10]}
    assert ended.figures["values"][value]["judged"] == 10
    assert ended.figures["values"][value]["verified"] == 9
    with open_database(corpus, write=False) as database, database.read() as session:
        stances = Counter(session.scalars(select(LabelRow.stance).where(LabelRow.source == "person:anna")))
    assert stances == {"expresses": 9, "opposes": 1}


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("hedonism,vacation,1,perhaps,expresses", "line 2"),
        ("hedonism,vacation,1,yes,depicts", "the stance is depicts"),
        ("hedonism,vacation,9,yes,expresses", "shows nothing"),
    ],
)
def test_a_table_with_a_mistake_changes_nothing(
    tmp_path: Path, valueset: Callable[..., Ended], line: str, complaint: str
) -> None:
    (tmp_path / "sheet.csv").write_text(f"value,keyword,place,shows,stance\n{line}\n", encoding="utf-8")
    assert complaint in valueset("--verdicts", "sheet.csv", code=2).err
    assert ValueSet.load(tmp_path / "set.json").verdicts == ()


def test_a_source_that_contradicts_another_takes_the_mark_away(tmp_path: Path, valueset: Callable[..., Ended]) -> None:
    valueset("-k", 1)
    made = ValueSet.load(tmp_path / "set.json")
    value, word, place = made.filled[0].key

    def said(by: str, shows: Shows | None, stance: Stance | None) -> Verdict:
        return Verdict(value=value, keyword=word, place=place, by=by, shows=shows, stance=stance)

    one = made.with_verdicts([said("a", Shows.YES, Stance.EXPRESSES), said("b", None, None)])
    assert one.verified() == {made.filled[0].key}
    assert one.with_verdicts([said("c", Shows.YES, Stance.OPPOSES)]).verified() == frozenset()
    assert one.with_verdicts([said("a", Shows.NO, Stance.NONE)]).verified() == frozenset()
    assert one.with_verdicts([said("a", Shows.YES, Stance.EXPRESSES)]).verdicts == one.verdicts


def test_wrong_settings_are_told_before_anything_is_written(tmp_path: Path, valueset: Callable[..., Ended]) -> None:
    for option, wrong in (("--mode", "browse"), ("--rank", "caption"), ("--picture", "video"), ("--form", "C")):
        assert "choose" in valueset(option, wrong, code=2).err
    russian = vocabulary(tmp_path / "ru.toml", "ru", {"hedonism": ["отпуск"], "achievement": ["победа"]})
    said = valueset("--vocabulary", russian, "--out", "r.json", code=2).err
    assert "knows the script or language of none of the 2 keywords" in said
    assert list(tmp_path.glob("*.json")) == []


def test_keywords_that_the_model_does_not_know_leave_their_slots_empty_and_the_rest_goes_on(
    tmp_path: Path, valueset: Callable[..., Ended]
) -> None:
    mixed = vocabulary(tmp_path / "mixed.toml", "en", {"hedonism": ["отпуск", "vacation"], "achievement": ["medal"]})
    figures = valueset("--vocabulary", mixed, "--json").figures
    assert (figures["filled"], figures["keywords_with_empty_slots"]) == (10, ["отпуск"])
    assert list(figures["empty"]) == ["the keyword is in a script or language that the model does not know"]


def test_the_question_keeps_its_version_and_never_depends_on_a_caption() -> None:
    question = check_question(load_vocabulary().value("HED"), "vacation")
    assert (question.id, question.fingerprint[:12]) == ("check_slot@1", "aa66b227675c")
