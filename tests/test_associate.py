"""Words proposed by a model: what is asked, what counts as new, and what a vocabulary file looks like afterwards."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from retrieval.associate import app, associate_question
from retrieval.proposed import compare, normal, write_proposed
from retrieval.vocabulary import load_vocabulary
from storage.database import open_database
from storage.errors import UsageError
from storage.models import Answer
from tests.commands import environment, run
from tests.drawn import built_embedder
from tests.fake_openai import Asked, FakeOpenAI
from tests.in_process import Commands, Ended
from tests.storage_tools import open_corpus

OWN = """# mine
name = "mine"

[[value]]
id = "calm"   # comments stay
name = "Calm"
abbreviation = "CAL"
definition = "Rest."
[value.keywords.A]
en = ["sauna", { word = "hammock", item = "rest", why = "lying still" }]
de = ["Hängematte"]

# about the next one
[[value]]
id = "noise"
name = "Noise"
abbreviation = "NOI"
definition = "Sound."
keywords = { A = { en = ["drum"] } }
"""


def words(*said: str) -> dict[str, Any]:
    return {"words": [{"word": word, "why": f"because of {word}"} for word in said]}


def scripted(*said: str) -> Any:
    def script(asked: Asked) -> dict[str, Any]:
        return words(*said)

    return script


@pytest.fixture
def server() -> Iterator[FakeOpenAI]:
    with FakeOpenAI(
        script=scripted("Vacations", "snowball fight", "jazz concert", "concerts", "bicycle touring")
    ) as server:
        yield server


@pytest.fixture
def associate(
    tmp_path: Path, server: FakeOpenAI, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Ended]:
    """`python -m retrieval.associate` with the fake endpoint."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", server.key or "")
    commands = Commands(monkeypatch, capsys)
    return lambda *more, code=0: commands(
        app, "--value", "HED", "-n", 5, "--base-url", server.base_url, *more, code=code
    )


def test_the_command_says_which_words_are_new_and_what_the_others_repeat(tmp_path: Path, server: FakeOpenAI) -> None:
    built_embedder()
    open_corpus(tmp_path / "corpus.sqlite").close()
    done = run(
        tmp_path, "retrieval.associate", "--value", "HED", "-n", "5", "--base-url", server.base_url, "--json",
        "--corpus", "corpus.sqlite", env=environment(tmp_path, OPENAI_API_KEY=server.key or ""),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    near = {one["word"]: one["near_duplicate"] for one in figures["words"]}
    assert near["snowball fight"] is None
    assert (near["Vacations"]["word"], near["Vacations"]["kind"]) == ("vacation", "same")
    assert (near["jazz concert"]["word"], near["jazz concert"]["kind"]) == ("concert", "contains")
    assert (near["concerts"]["word"], near["concerts"]["kind"]) == ("concert", "same")
    touring = near["bicycle touring"]
    assert (touring["word"], touring["kind"], touring["value"]) == ("bike touring", "near", "self-direction")
    assert touring["cosine"] > 0.9
    assert {one["status"] for one in figures["words"]} == {"proposed"}
    (asked,) = server.requests
    assert asked.picture is None
    assert "Hedonism" in asked.prompt
    assert "5 different" in asked.prompt
    with open_database(tmp_path / "corpus.sqlite", write=False) as corpus, corpus.read() as session:
        stored = session.get_one(Answer, figures["answer_id"])
        assert (stored.question, stored.image_sha256, stored.run_id) == ("associate@1", None, None)


def test_without_a_corpus_nothing_is_kept_and_words_can_go_into_a_vocabulary_of_ones_own(
    tmp_path: Path, associate: Callable[..., Ended]
) -> None:
    built_embedder()
    figures = associate("--out", "mine.toml", "--json").figures
    assert figures["answer_id"] is None
    assert figures["written"] == ["snowball fight"]
    mine, packaged = load_vocabulary(tmp_path / "mine.toml"), load_vocabulary()
    assert [word.word for word in mine.value("HED").keywords("P")] == ["snowball fight"]
    assert "gpt-4o" in (mine.value("HED").keywords("P")[0].why or "")
    assert mine.keywords() == packaged.keywords()  # what a crawl and the benchmark use
    assert "0 of 5 are new" in associate("--out", "mine.toml").out


def test_words_of_another_language_are_compared_by_form_and_written_beside_the_others(
    tmp_path: Path, server: FakeOpenAI, associate: Callable[..., Ended]
) -> None:
    server.script = scripted("Urlaub", "Vacation", "Кино")
    figures = associate("--language", "de", "--out", "mine.toml", "--json").figures
    assert not figures["text_vectors_compared"]
    assert figures["written"] == ["Urlaub", "Кино"]
    assert "'de'" in server.requests[0].prompt
    proposed = load_vocabulary(tmp_path / "mine.toml").value("HED").keywords("P", "de")
    assert [word.word for word in proposed] == ["Urlaub", "Кино"]


@pytest.mark.parametrize("mode", ["refusal", "nonsense"])
def test_no_words_is_exit_code_5_and_one_sentence(
    server: FakeOpenAI, mode: str, associate: Callable[..., Ended]
) -> None:
    server.mode = mode
    assert "gave no words" in associate(code=5).err


def test_an_unknown_value_is_wrong_usage_before_anything_is_asked(
    server: FakeOpenAI, associate: Callable[..., Ended]
) -> None:
    assert "did you mean 'hedonism'" in associate("--value", "hedonsim", code=2).err
    assert server.requests == []


def test_the_packaged_keywords_are_not_near_duplicates_of_each_other() -> None:
    vocabulary = load_vocabulary()
    said = [(keyword.word, "") for keyword in vocabulary.keywords("B")]
    only_one = replace(vocabulary, values=(vocabulary.value("HED"),))
    found = compare(said, only_one, built_embedder(), language="en")
    assert [one.word for one in found if one.near and one.near.value != "hedonism"] == []


def test_words_are_compared_without_case_accents_marks_and_plural() -> None:
    assert normal("Crème-Brûlées") == normal("creme brulee")
    assert normal("parties") == normal("Party")
    assert normal("glass") == ("glass",)
    assert normal("  ") == ()


def test_a_file_keeps_its_comments_and_earlier_proposals(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(OWN, encoding="utf-8")
    for language, word in (("en", 'the "big" sleep'), ("de", "Liegestuhl"), ("en", "nap")):
        vocabulary = load_vocabulary(path)
        new = compare([(word, "why\nnot")], vocabulary, None, language=language)
        assert write_proposed(path, None, vocabulary.value("calm"), language, new, by="m") == [word]
    text = path.read_text(encoding="utf-8")
    assert "# comments stay" in text
    assert text.index("Liegestuhl") < text.index("# about the next one")
    value = load_vocabulary(path).value("calm")
    assert [one.word for one in value.keywords("P", "en")] == ['the "big" sleep', "nap"]
    assert [one.word for one in value.keywords("P", "de")] == ["Liegestuhl"]


def test_a_file_that_cannot_be_added_to_safely_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(OWN, encoding="utf-8")
    vocabulary = load_vocabulary(path)
    new = compare([("siren", "")], vocabulary, None, language="en")
    with pytest.raises(UsageError, match="add them by hand"):
        write_proposed(path, None, vocabulary.value("noise"), "en", new, by="m")
    assert path.read_text(encoding="utf-8") == OWN


def test_the_question_keeps_its_version() -> None:
    question = associate_question(load_vocabulary().value("HED"), 20, "en")
    assert (question.id, question.fingerprint[:12]) == ("associate@1", "29833cbce36e")
