"""Personas: the packaged ones, files of others, and the value profile that a model gives in a persona's role."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from agent import persona as persona_command
from agent.personas.loading import find_persona, load_personas, shipped
from agent.personas.persona import Persona
from agent.personas.portrait import KEYS, PORTRAITS, VALUES, portrait, profile_of
from agent.questions import question_versions
from retrieval.vocabulary import load_vocabulary
from storage.database import open_database
from storage.errors import UsageError
from storage.models import Answer
from storage.models import Persona as PersonaRow
from storage.personas import Personas
from tests.commands import environment, run
from tests.fake_openai import Asked, FakeOpenAI
from tests.in_process import Commands

OPPOSED = (
    ({"self-direction", "stimulation", "hedonism"}, {"conformity", "tradition", "security"}),
    ({"power", "achievement", "hedonism"}, {"universalism", "benevolence"}),
)
"""Schwartz's higher-order groups: openness against conservation, self-enhancement against self-transcendence; hedonism
stands between openness and self-enhancement."""
PERSONA_CHAT = """\
1 your persona: i like to ski.
2 your persona: my  wife does not like me anymore .
3 hi , how are you ?\tgreat , you ?\t\ta|b|c
4 i am not in a persona: good\tyes
1 your persona: i own a boat.
2 your persona: i am a 70 year old man.
3 partner's persona: i deal cards.
4 partner's persona: i have 3 kids.
5 hello\thi
1 your persona: i am a 70 year old man.
2 your persona: i own a boat.
3 hello again\thi
1 your persona: i like to ski.
2 hello\thi
"""
TRAITS = [
    ("i like to ski.", "my wife does not like me anymore ."), ("i own a boat.", "i am a 70 year old man."),
    ("i deal cards.", "i have 3 kids."), ("i like to ski.",),
]  # fmt: skip


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Commands:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    return Commands(monkeypatch, capsys)


@pytest.fixture
def model() -> Iterator[FakeOpenAI]:
    with FakeOpenAI(key=None, script=angler) as server:
        yield server


def angler(asked: Asked) -> dict[str, Any]:
    """Sixes for self-direction, a five and a four for security, ones for power, threes for the rest."""
    said = {"self-direction": [6, 6], "security": [5, 4], "power": [1, 1]}
    return {key: said.get(value, [3, 3]).pop() if value in said else 3 for key, (value, _) in _asked()}


def _asked() -> list[tuple[str, tuple[str, str]]]:
    return list(zip(KEYS, PORTRAITS, strict=True))


def test_the_package_has_five_personas_for_each_of_the_ten_values() -> None:
    personas = shipped()
    known = {value.id for value in load_vocabulary().values}
    assert Counter(persona.values[0] for persona in personas) == dict.fromkeys(known, 5)
    assert len({persona.name for persona in personas}) == 50
    for persona in personas:
        assert set(persona.values) <= known
        assert 3 <= len(persona.traits) <= 5
        assert (persona.language, persona.source) == ("en", "value-spectrum")
        assert all(trait.endswith(".") for trait in persona.traits)
    assert len({trait for persona in personas for trait in persona.traits}) == sum(len(p.traits) for p in personas)


def test_one_packaged_persona_of_each_value_contradicts_itself() -> None:
    torn = [persona for persona in shipped() if len(persona.values) > 1]
    assert Counter(persona.values[0] for persona in torn) == dict.fromkeys(VALUES, 1)
    for persona in torn:
        one, other = persona.values
        assert any({one, other} & left and {one, other} & right for left, right in OPPOSED), persona.name


def test_persona_chats_text_gives_every_person_once(tmp_path: Path) -> None:
    path = tmp_path / "train both.txt"
    path.write_text(PERSONA_CHAT)
    personas = load_personas(path)
    assert [persona.traits for persona in personas] == TRAITS
    assert [persona.name for persona in personas] == [f"train-both-{number}" for number in (1, 2, 3, 4)]
    assert {(persona.source, persona.language, persona.values) for persona in personas} == {
        ("train both.txt", "en", ())
    }
    assert find_persona(f"{path}:3") == find_persona(f"{path}:train-both-3") == personas[2]


@pytest.mark.parametrize("form", ["splits", "list", "lines"])
def test_persona_chats_json_is_read_in_its_forms(tmp_path: Path, form: str) -> None:
    records = [{"personality": list(traits), "utterances": [{"history": ["hi"]}]} for traits in (*TRAITS, TRAITS[0])]
    content = {
        "splits": json.dumps({"train": records[:2], "valid": records[2:]}),
        "list": json.dumps(records),
        "lines": "\n".join(json.dumps(record) for record in records),
    }[form]
    path = tmp_path / ("p.jsonl" if form == "lines" else "p.json")
    path.write_text(content)
    assert [persona.traits for persona in load_personas(path)] == TRAITS


def test_a_file_of_ones_own_reads_like_the_packaged_one(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(
        'language = "de"\n[[persona]]\nname = "anna"\nvalues = ["power"]\ntraits = ["Ich\\n  segle."]\n'
        '[[persona]]\nname = "bob"\nlanguage = "en"\ntraits = ["I sail."]\n'
    )
    anna, bob = load_personas(path)
    assert anna == Persona(name="anna", traits=("Ich segle.",), source="own.toml", language="de", values=("power",))
    assert (bob.language, bob.values) == ("en", ())


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.toml", '[[persona]]\nname = "x"\ntraits = []\n', "'x' in a.toml is empty"),
        ("a.toml", '[[persona]]\nname = "x"\n', "is empty"),
        ("a.toml", '[[persona]]\nname = "x"\ntraits = ["I sail.", "  "]\n', "empty trait"),
        ("a.toml", '[[persona]]\nname = "x"\ntraits = ["a"]\n' * 2, "two personas in .*'x'; rename"),
        ("a.toml", '[[persona]]\nname = "x y"\ntraits = ["a"]\n', "rename"),
        ("a.toml", '[[persona]]\ntraits = ["a"]\n', "needs a name"),
        ("a.toml", '[[persona]]\nname = "x"\ntraits = "a"\n', "no list of texts"),
        ("a.toml", '[[persona]]\nname = "x"\ntrait = ["a"]\n', "has trait; known are"),
        ("a.toml", "persona = 3\n", r"write \[\[persona\]\]"),
        ("a.toml", "persona = [3]\n", "persona 1 in"),
        ("a.toml", "name = = 3", "not valid TOML"),
        ("a.toml", '[[persona]]\nname = "x"\ntraits = ["' + "a" * 301 + '"]\n', "301 characters"),
        ("a.txt", "nothing of that kind\n", "holds no persona"),
        ("a.txt", "1 your persona:   \n", "empty"),
        ("a.json", "{", "not valid JSON"),
        ("a.json", "3", "holds no persona"),
        ("a.json", '[{"personality": [3]}]', "personality of record 1"),
        ("a.json", '[{"personality": []}]', "empty"),
    ],
)
def test_a_file_that_is_no_good_is_one_sentence(tmp_path: Path, name: str, content: str, says: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(UsageError, match=says) as caught:
        load_personas(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read_and_a_name_that_is_not_there_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "latin.txt").write_bytes(b"1 your persona: caf\xe9\n")
    (tmp_path / "good.txt").write_text(PERSONA_CHAT)
    for asked, says in (
        ("latin.txt:1", "not UTF-8"), ("none.txt:1", "check the path"), ("good.txt:9", "no persona '9'"),
    ):  # fmt: skip
        with pytest.raises(UsageError, match=says):
            find_persona(f"{tmp_path}/{asked}")
    with pytest.raises(UsageError, match="did you mean 'map-maker'"):
        find_persona("map-makr")


def test_the_questionnaire_has_two_portraits_a_value_far_apart_that_name_no_value() -> None:
    names = {value.name.lower() for value in load_vocabulary().values}
    assert set(VALUES) == {value.id for value in load_vocabulary().values}
    for value in VALUES:
        first, second = (number for number, (of, _) in enumerate(PORTRAITS) if of == value)
        assert second - first >= 6
    assert not any(name in text.lower() for _, text in PORTRAITS for name in names)
    question = portrait(find_persona("tea-host"))
    assert "tradition" not in question.system + question.prompt
    assert question_versions("vlm", None, [portrait(Persona(name="x", traits=("a",), source="t"))]) == [
        "portrait@1:3ce7f887848c"
    ]


def test_a_profile_is_centred_per_respondent() -> None:
    found = profile_of(angler(Asked(body={}, headers={})))
    # By hand: 12 + 9 + 2 for three values and 7 x 6 for the others are 65; 65 / 20 = 3.25.
    assert found.mean == 3.25
    assert found.centred == {
        **dict.fromkeys(VALUES, -0.25), "self-direction": 2.75, "security": 1.25, "power": -2.25,
    }  # fmt: skip
    assert sum(found.centred.values()) == pytest.approx(0)
    assert profile_of(dict.fromkeys(KEYS, 6)).centred == dict.fromkeys(VALUES, 0)


def test_list_and_show_print_packaged_and_own_personas(commands: Commands, tmp_path: Path) -> None:
    listed = commands(persona_command.app, "list", "--json").figures
    assert len(listed) == 50
    assert "ridge-runner" in commands(persona_command.app, "list").out
    (tmp_path / "chat.txt").write_text(PERSONA_CHAT)
    assert "chat-4" in commands(persona_command.app, "list", "chat.txt").out
    shown = commands(persona_command.app, "show", "chat.txt:2")
    assert "  2. i am a 70 year old man.\n" in shown.out
    assert commands(persona_command.app, "show", "map-maker", "--json").figures in listed
    assert "did you mean 'tea-host'" in commands(persona_command.app, "show", "tea-hots", code=2).err


def test_a_profile_is_asked_for_in_role_once_and_kept_with_its_answer(tmp_path: Path, model: FakeOpenAI) -> None:
    asked = ("agent.persona", "profile", "map-maker", "--base-url", model.base_url, "--json")
    done = run(tmp_path, *asked, env=environment(tmp_path))
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["centred"]["self-direction"] == 2.75
    assert told["written_for"] == ["self-direction"]
    assert find_persona("map-maker").listed in model.requests[0].system
    assert model.requests[0].picture is None
    assert all(text in model.requests[0].prompt for _, text in PORTRAITS)
    with open_database(tmp_path / "data/corpus.sqlite", write=False) as corpus:
        (profile,) = Personas(corpus).profiles("map-maker").values()
        assert {**profile, "persona": "map-maker", "written_for": ["self-direction"]} == told
        with corpus.read() as session:
            answer = session.get_one(Answer, profile["answer_id"])
            assert (answer.persona, answer.question, answer.status) == ("map-maker", "portrait@1", "ok")
            assert answer.parsed == angler(model.requests[0])


def test_a_profile_is_paid_for_once_per_epoch_and_older_ones_stay(
    commands: Commands, model: FakeOpenAI, tmp_path: Path
) -> None:
    asked = ("profile", "tea-host", "--base-url", model.base_url)
    first = commands(persona_command.app, *asked)
    assert "+2.75  self-direction\n" in first.out
    assert "-0.25  tradition  (written for)\n" in first.out
    assert commands(persona_command.app, *asked).out == first.out
    assert len(model.requests) == 1
    model.script = lambda asked: dict.fromkeys(KEYS, 2)
    assert commands(persona_command.app, *asked, "--epoch", 1, "--json").figures["mean"] == 2
    with open_database(tmp_path / "data/corpus.sqlite", write=False) as corpus:
        assert [profile["mean"] for profile in Personas(corpus).profiles("tea-host").values()] == [3.25, 2]
        assert Personas(corpus).profiles("nobody") == {}


@pytest.mark.parametrize("bad", [0, 7, 3.5, True, None])
def test_ratings_off_the_scale_are_asked_for_once_more_and_then_no_profile(
    commands: Commands, model: FakeOpenAI, tmp_path: Path, bad: object
) -> None:
    model.script = lambda asked: angler(asked) | {"p7": bad}
    ended = commands(persona_command.app, "profile", "tea-host", "--base-url", model.base_url, code=5)
    assert "unreadable" in ended.err
    assert len(model.requests) == 2
    with open_database(tmp_path / "data/corpus.sqlite", write=False) as corpus, corpus.read() as session:
        assert session.scalars(select(PersonaRow)).one().profile is None
        assert len(session.scalars(select(Answer)).all()) == 2


def test_a_refused_questionnaire_is_no_profile_and_is_not_asked_again(commands: Commands, model: FakeOpenAI) -> None:
    model.mode = "refusal"
    ended = commands(persona_command.app, "profile", "tea-host", "--base-url", model.base_url, code=5)
    assert "refused" in ended.err
    assert len(model.requests) == 1
