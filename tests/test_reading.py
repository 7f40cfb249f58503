import json
import time

import pytest

from agent.questions import WATCH, describe
from retrieval.reading import Reply, read
from retrieval.vocabulary import load_vocabulary
from storage.answer_record import AnswerStatus

DESCRIBE = describe(load_vocabulary())


def verdict(text: str) -> str:
    """The answer to the watch question, or how it failed."""
    status, parsed = read(Reply(text=text), WATCH)
    return str(parsed["answer"]) if parsed else str(status)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"answer": "yes", "reason": "fun"}', "yes"),
        ('{"answer": "NO.", "reason": "dull", "mood": "sad"}', "no"),
        ('{"answer": true}', "yes"),
        ('```json\n{"answer": "no", "reason": "x"}\n```', "no"),
        ('Sure! {"answer": "yes", "reason": "a {brace} and \\"quotes\\""} Anything else?', "yes"),
        ('<think>{"answer": "no", "reason": "first thought"}</think>{"answer": "yes", "reason": "x"}', "yes"),
        ("Yes.", "yes"),
        ("**No**, it is dull.", "no"),
        ("Answer: yes", "yes"),
        ("The answer is no.", "no"),
        ("yes, no doubt about it", "yes"),
        ('{"answer": "no", "reason": "I don\'t have any interest in cars"}', "no"),
        ('{"answer": "no", "reason": "I\'m not comfortable with heights"}', "no"),
    ],
)
def test_an_answer_is_read_in_whatever_wrapping_it_comes(text: str, expected: str) -> None:
    assert verdict(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't assist with that request.", "I’m sorry, I can’t help with that.",
        "I cannot judge this content.", "Sorry, I am unable to view images.", "No, I can't help with that.",
        "As an AI language model, I don't have personal preferences.", "I must decline to answer.",
        "Unfortunately, I can't provide an opinion.",
        '{"answer": "no", "reason": "I\'m sorry, but I can\'t help with that."}',
    ],
)  # fmt: skip
def test_a_refusal_is_no_opinion(text: str) -> None:
    assert verdict(text) == "refused"


@pytest.mark.parametrize(
    "text",
    [
        "", "   ", "banana", "There is no dog in the picture.", "Yes and no.", "yes/no", "Maybe yes, maybe no.",
        "nope", "yesterday", '{"answer": "perhaps", "reason": "x"}', '{"answer": "yes"', "{}", "null",
        '{"reason": "yes"}', '{"answer": ["yes"]}', "Je suis désolé, je ne peux pas.", "42", "{" * 5000,
    ],
)  # fmt: skip
def test_what_is_neither_yes_nor_no_is_unreadable_and_never_guessed(text: str) -> None:
    assert verdict(text) == "unreadable"


@pytest.mark.parametrize("text", ['{"a":' * 20_000, "[" * 50_000 + "{", '{"answer": "yes", "x": ' + "[" * 90_000])
def test_deeply_nested_nonsense_is_unreadable_and_quickly_so(text: str) -> None:
    began = time.monotonic()
    assert verdict(text) == "unreadable"
    assert time.monotonic() - began < 5


def test_what_the_endpoint_marks_itself_comes_first() -> None:
    yes = '{"answer": "yes", "reason": "fun"}'
    assert read(Reply(text=yes, finish_reason="content_filter"), WATCH) == (AnswerStatus.REFUSED, None)
    assert read(Reply(text="", refusal="I can't."), WATCH) == (AnswerStatus.REFUSED, None)
    assert read(Reply(text=yes, finish_reason="length"), WATCH) == (AnswerStatus.UNREADABLE, None)
    assert Reply(text="", refusal="I can't.").raw == "I can't."


def test_half_a_surrogate_pair_in_an_answer_can_still_be_stored() -> None:
    _, parsed = read(Reply(text='{"answer": "yes", "reason": "\\ud83d!"}'), WATCH)
    assert parsed is not None
    assert parsed["reason"].encode() == b"?!"


def test_the_labelling_question_needs_json_and_takes_no_yes_or_no() -> None:
    assert read(Reply(text="Yes."), DESCRIBE)[0] is AnswerStatus.UNREADABLE
    answer = {"description": "a dog", "topics": ["animals"], "values": [{"value": "hedonism", "stance": "depicts"}]}
    assert read(Reply(text=json.dumps(answer)), DESCRIBE) == (AnswerStatus.OK, answer)


def test_a_description_that_names_what_it_cannot_tell_is_still_a_description() -> None:
    answer = {"description": "I can't identify the person, who dances.", "topics": ["dance"], "values": []}
    assert read(Reply(text=json.dumps(answer)), DESCRIBE)[0] is AnswerStatus.OK
