"""Which words of a caption count, and in which languages."""

import pytest

from retrieval.captions import caption_words, hashtag_words, is_known


@pytest.mark.parametrize(
    ("caption", "hashtags", "words"),
    [
        ("beach day #beach #SummerVibes with friends", ("beach", "SummerVibes"), "beach day with friends"),
        ("#beachday is not #beach", ("beach", "beachday"), "is not"),
        ("ask @someone.else about https://example.org/x?y=1 or www.example.org", (), "ask about or"),
        ("#only", ("only",), ""),
        (None, ("only",), ""),
        ("mail me#1 \n twice", (), "mail me#1 twice"),
    ],
)
def test_a_caption_is_its_sentence_without_tags_people_and_addresses(
    caption: str | None, hashtags: tuple[str, ...], words: str
) -> None:
    assert caption_words(caption, hashtags) == words


def test_tags_are_read_as_words() -> None:
    assert hashtag_words(("SummerVibes", "food_porn", "fyp", "top10")) == "Summer Vibes, food porn, fyp, top 10"
    assert hashtag_words(()) == ""


@pytest.mark.parametrize(
    ("language", "known", "read"),
    [
        ("en-GB", {"en"}, True),
        ("de", {"en"}, False),
        ("de", None, True),
        (None, {"en"}, True),
        ("und", {"en"}, True),
        ("", {"en"}, True),
    ],
)
def test_text_is_read_unless_it_is_stated_to_be_in_another_language(
    language: str | None, known: set[str] | None, read: bool
) -> None:
    assert is_known(language, known) is read
