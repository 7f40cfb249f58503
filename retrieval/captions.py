"""What of a caption is worth embedding: its words, without people, addresses and tags, in a language that is known."""

import re
from collections.abc import Collection, Sequence

from retrieval.question import MENTION

UNKNOWN_LANGUAGE = ("un", "und")
ADDRESS = re.compile(r"\b(?:https?://|www\.)\S+")
WORDS_IN_TAG = re.compile(r"(?<=[a-z])(?=[A-Z])|_+|(?<=[^\W\d_])(?=\d)")


def plain(text: str) -> str:
    """Without addresses and people.

    Mentions go, as a stored caption has hashes in their place (D17) and must get the same vector again.
    """
    return MENTION.sub("", ADDRESS.sub("", text)).strip()


def caption_words(caption: str | None, hashtags: Sequence[str]) -> str:
    """The sentence of a caption, without its hashtags, which are a part of their own."""
    text = caption or ""
    for tag in sorted(hashtags, key=len, reverse=True):
        text = text.replace(f"#{tag}", " ")
    return " ".join(plain(text).split())


def hashtag_words(hashtags: Sequence[str]) -> str:
    """The tags as words, `SummerVibes` in two."""
    return ", ".join(" ".join(WORDS_IN_TAG.split(tag)) for tag in hashtags)


def is_known(language: str | None, known: Collection[str] | None) -> bool:
    """Whether text in a language, as a platform states it (`pt-BR`, `und` or nothing), can be read.

    Args:
        known: primary language tags; None for any. A language that nobody states is tried.
    """
    primary = (language or "").split("-")[0].lower()
    return known is None or not primary or primary in known or primary in UNKNOWN_LANGUAGE
