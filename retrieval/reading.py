"""From a model's words to one of three outcomes: ok, refused, unreadable (D16). Pure; never guesses.

Order: what the endpoint itself marks (refusal, content filter, cut off), then JSON, then a refusal in words, then what
the question can read from plain text. Everything else is unreadable.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from retrieval.question import Question, writable
from storage.answer_record import AnswerStatus

REFUSAL = re.compile(
    r"""^\W*(?:(?:I['’]?m|I\ am)\ (?:very\ |really\ |so\ )?sorry\b\W*|sorry\b\W*|unfortunately\b\W*|no\b\W+)*
    (?:but\ |as\ an?\ (?:\w+\ ){0,2}(?:AI|language\ model|assistant)[^,.]*,?\ )*
    (?:
        I\ (?:can['’]?t|cannot|can\ not|won['’]?t|will\ not|must)\ (?:\w+ly\ )?
            (?:help|assist|comply|provide|answer|fulfill|engage|describe|analy[sz]e|discuss|identify|judge|evaluate
              |decline|refuse|view|do\ that|make\ (?:a\ )?(?:judg|decision))
      | I(?:['’]?m|\ am)\ (?:unable|not\ able|not\ allowed)\ to\b
      | I\ (?:do\ not|don['’]?t)\ have\ (?:any\ )?(?:personal\ )(?:opinions?|preferences?|feelings?|interests?)\b
      | I\ (?:decline|refuse)\b
      | this\ (?:content|request|image|picture)\ (?:violates|goes\ against)\b
    )""",
    re.IGNORECASE | re.VERBOSE,
)
"""Ways in which models decline, at the beginning of what they say. English only: a refusal in another language that is
no valid answer counts as unreadable, never as a no."""

REASON = "reason"
"""The field of an answer that says why."""
MOST_OBJECTS = 32
"""Places in a text at which a JSON object is looked for."""
THINKING = re.compile(r"<think>.*?(?:</think>|\Z)", re.DOTALL)
YES_NO = re.compile(
    r"""^\W*(?:(?:my\ |the\ )?(?:answer|decision)\b(?:\ is)?\W*)?
    (yes|no)\b(?!\W*(?:and|or|/)\W*(?:yes|no)\b)[\s.,:;!—–*_-]*""",
    re.IGNORECASE | re.VERBOSE,
)
"""A text that begins with its answer. A yes or no further on may belong to anything ("there is no dog")."""


@dataclass(frozen=True, kw_only=True)
class Token:
    """A token of an answer and what else could have stood there."""

    text: str
    probabilities: Mapping[str, float]
    """Of the likeliest tokens at this place, by text."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What an endpoint sent back, as far as it concerns us."""

    text: str
    refusal: str | None = None
    finish_reason: str | None = None
    model: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    tokens: tuple[Token, ...] = ()
    """Where the endpoint gives log-probabilities."""

    @property
    def raw(self) -> str:
        """The text to keep: the answer, or the refusal where that is all there is."""
        return self.text or self.refusal or ""


def read(reply: Reply, question: Question) -> tuple[AnswerStatus, dict[str, Any] | None]:
    """The outcome and, if it is ok, the answer as the question's shape has it."""
    if reply.refusal or reply.finish_reason == "content_filter":
        return AnswerStatus.REFUSED, None
    if reply.finish_reason == "length":
        return AnswerStatus.UNREADABLE, None
    text = THINKING.sub("", reply.text).strip()
    parsed = _from_json(text, question.shape)
    if parsed is not None:
        if REFUSAL.match(str(parsed.get(REASON) or "")):
            return AnswerStatus.REFUSED, None  # a strict schema leaves a model no other way to decline
        return AnswerStatus.OK, parsed
    if REFUSAL.match(text):
        return AnswerStatus.REFUSED, None
    if question.plain is not None and "{" not in text:
        parsed = question.plain(text)
    return (AnswerStatus.UNREADABLE, None) if parsed is None else (AnswerStatus.OK, parsed)


def chances(reply: Reply, choices: Sequence[str]) -> dict[str, float] | None:
    """The probability of each choice, of all that the model gave to any of them; None where it is not known.

    Read at the token that is the answer: the last choice said in JSON (a model may think before), the first in plain
    text (it may explain after).
    """
    said = [token for token in reply.tokens if _bare(token.text) in choices]
    if not said:
        return None
    token = said[-1] if "{" in reply.text else said[0]
    shares = dict.fromkeys(choices, 0.0)
    for text, probability in token.probabilities.items():
        if (word := _bare(text)) in shares:
            shares[word] += probability
    total = sum(shares.values())
    return {choice: round(share / total, 6) for choice, share in shares.items()} if total > 0 else None


def _bare(token: str) -> str:
    return token.strip(" \t\n\"'`*.,:;{}").lower()


def plain_yes_no(text: str) -> dict[str, Any] | None:
    """`Yes, because ...` or `Answer: no`; None where the text begins with neither."""
    first = YES_NO.match(text)
    return {"answer": first[1].lower(), REASON: text[first.end() :].strip() or None} if first else None


def _from_json(text: str, shape: type[BaseModel]) -> dict[str, Any] | None:
    """The last object in the text that has the shape: models think before they answer, and fence what they say."""
    found = None
    for candidate in _objects(text):
        try:
            found = shape.model_validate(candidate).model_dump(mode="json")
        except ValidationError:
            continue
    return found


def _objects(text: str) -> Iterator[Any]:
    decoder = json.JSONDecoder()
    at = text.find("{")
    for _ in range(MOST_OBJECTS):
        if at < 0:
            return
        try:
            candidate, end = decoder.raw_decode(text, at)
            yield json.loads(writable(json.dumps(candidate, ensure_ascii=False)))
        except (ValueError, RecursionError):
            end = at + 1
        at = text.find("{", end)
