"""The vocabulary: what the packaged file promises, looking things up, and a user's own file."""

import hashlib
from collections import Counter
from pathlib import Path

import pytest

from retrieval.vocabulary import OTHER, Vocabulary, load_vocabulary
from storage.errors import UsageError

OWN = """
name = "mine"
[[value]]
id = "calm"
name = "Calm"
abbreviation = "CAL"
definition = "Rest."
[value.keywords.A]
en = ["sauna", { word = "hammock", item = "rest", why = "lying still" }]
de = ["Hängematte"]
"""


@pytest.fixture(scope="module")
def packaged() -> Vocabulary:
    return load_vocabulary()


def own(folder: Path, text: str = OWN) -> Path:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_packaged_values_stand_in_the_order_and_abbreviations_of_the_papers_table(packaged: Vocabulary) -> None:
    assert " ".join(value.abbreviation for value in packaged.values) == "SEL UNI BEN STI POW ACH HED CON TRA SEC"
    assert packaged.value("HED").definition == "Pleasure and sensuous gratification."


def test_every_packaged_value_has_ten_keywords_and_ten_in_reserve_and_no_word_stands_twice(
    packaged: Vocabulary,
) -> None:
    for value in packaged.values:
        assert (len(value.keywords("A")), len(value.keywords("B"))) == (10, 10), value.id
    words = [keyword.word.casefold() for form in "AB" for keyword in packaged.keywords(form)]
    assert len(set(words)) == 200


def test_each_reserve_keyword_is_motivated_by_the_same_survey_item_as_the_one_it_stands_in_for(
    packaged: Vocabulary,
) -> None:
    main, reserve = packaged.keywords("A"), packaged.keywords("B")
    assert [(one.value, one.item) for one in main] == [(one.value, one.item) for one in reserve]
    assert all(keyword.item and keyword.why for keyword in (*main, *reserve))


def test_exactly_the_six_keywords_that_the_paper_names_are_marked(packaged: Vocabulary) -> None:
    named = {(word.word, word.value) for value in packaged.values for word in value.all_keywords if word.named_by_paper}
    assert named == {
        ("vacation", "hedonism"), ("comedy", "hedonism"), ("concert", "hedonism"),
        ("equality", "universalism"), ("globe", "universalism"), ("handshake", "universalism"),
    }  # fmt: skip


def test_an_item_of_the_survey_belongs_to_one_value_only(packaged: Vocabulary) -> None:
    homes = Counter(item for item, _ in {(word.item, word.value) for word in packaged.keywords()})
    assert homes
    assert set(homes.values()) == {1}


def test_the_topics_are_a_closed_list_with_the_papers_six_and_other(packaged: Vocabulary) -> None:
    ids = [topic.id for topic in packaged.topics]
    assert {"family", "health", "hobbies", "society", "technology", "lifestyle", OTHER} <= set(ids)
    assert len(set(ids)) == len(ids)
    assert all(bool(topic.words["en"]) != (topic.id == OTHER) for topic in packaged.topics)


@pytest.mark.parametrize("text", ["self-direction", "SEL", "sel", "Self-Direction", " SELF-DIRECTION "])
def test_a_value_is_found_by_id_abbreviation_and_name_in_any_case(packaged: Vocabulary, text: str) -> None:
    assert packaged.value(text).id == "self-direction"


def test_a_keyword_is_found_in_any_case_and_form_and_knows_its_value(packaged: Vocabulary) -> None:
    assert (packaged.keyword("VACATION").value, packaged.keyword("cruise").form) == ("hedonism", "B")


def test_unknown_names_are_refused_with_the_nearest_known_one(packaged: Vocabulary) -> None:
    with pytest.raises(UsageError, match=r"'hedonsm'.*did you mean 'hedonism'"):
        packaged.value("hedonsm")
    with pytest.raises(UsageError, match=r"'vacaton'.*did you mean 'vacation'"):
        packaged.keyword("vacaton")
    with pytest.raises(UsageError, match=r"'musik'.*did you mean 'music'"):
        packaged.topic("musik")
    with pytest.raises(UsageError, match="known are self-direction, universalism"):
        packaged.value("zzz")


def test_an_own_file_may_have_any_count_language_and_plain_words(tmp_path: Path) -> None:
    path = own(tmp_path)
    mine = load_vocabulary(path)
    assert mine.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert [word.word for word in mine.keywords()] == ["sauna", "hammock"]
    assert [word.word for word in mine.keywords(language="de")] == ["Hängematte"]
    assert (mine.keyword("hammock").item, mine.keyword("sauna").item) == ("rest", None)
    assert mine.value("cal").keywords("B") == ()


def test_an_own_file_without_topics_takes_the_packaged_ones(tmp_path: Path, packaged: Vocabulary) -> None:
    assert load_vocabulary(own(tmp_path)).topics == packaged.topics


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[[value]]", "[[value", "not valid TOML"),
        ("[[value]]", "[value]", "write each one as [[value]]"),
        ('id = "calm"', "", "value 1 (without id) has no id"),
        ('name = "mine"', "", "the top level has no name"),
        ('definition = "Rest."', "", "value 1 (calm) has no definition"),
        ("keywords.A", "keywords.B", "has no keywords of form A"),
        ("[value.keywords.A]", "[value.keyword.A]", "unknown field 'keyword'"),
        ('en = ["sauna"', 'en = ["hammock"', "repeats 'hammock'"),
        ('["Hängematte"]', "[7]", "holds 7"),
        ('["Hängematte"]', '"Hängematte"', "is no list"),
        ('item = "rest"', 'itm = "rest"', "unknown field 'itm'"),
        ('why = "lying still"', "named_by_paper = 1", "neither true nor false"),
        ('name = "mine"', 'name = "mine"\nversion = "two"', "no whole number"),
        ('name = "mine"', 'name = "mine"\ntopic = [{ id = "a", name = "A", definition = "a" }]', "has no 'other'"),
    ],
)
def test_a_mistake_in_an_own_file_is_one_sentence_with_file_and_place(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    assert old in OWN
    with pytest.raises(UsageError) as caught:
        load_vocabulary(own(tmp_path, OWN.replace(old, new, 1)))
    message = str(caught.value)
    assert said in message
    assert "mine.toml" in message
    assert "\n" not in message


def test_a_file_that_is_missing_a_folder_or_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    for path, said in ((tmp_path / "none.toml", "No such file"), (tmp_path, "cannot be read"),
                       (tmp_path / "binary.toml", "not UTF-8")):  # fmt: skip
        with pytest.raises(UsageError, match=said):
            load_vocabulary(path)
