"""Asking once more: where an answer must be complete to mean anything, an unreadable one is given a second chance.

The second question says what was wrong, since the same words at temperature 0 would get the same answer. It has a name
of its own, so that both answers are stored and a run that goes on asks neither again (D14).
"""

from collections.abc import Sequence
from dataclasses import replace

from retrieval.endpoint import Endpoint
from retrieval.question import Question, Subject
from storage.answer_record import AnswerStatus, StoredAnswer

AGAIN = (
    "An earlier answer to this could not be read: something was missing or out of its range. Give every field that is "
    "asked for, within its range, as one JSON object and nothing else."
)


def again(question: Question) -> Question:
    """The same question put a second time, as `isq-again@1`."""
    return replace(question, name=f"{question.name}-again", text=f"{question.text}\n\n{AGAIN}")


async def ask_until_read(
    endpoint: Endpoint,
    questions: Sequence[Question],
    *,
    picture: bytes | None,
    subject: Subject,
    persona: str | None,
    epoch: int,
) -> StoredAnswer:
    """The first answer that is not unreadable, else the last one. A refusal is an answer and ends it (D16).

    Raises:
        BudgetSpent, EndpointDown, EndpointRefused: as `Endpoint.ask`.
    """
    assert questions, "nothing to ask"
    for question in questions:
        answer = await endpoint.ask(question, picture=picture, subject=subject, persona=persona, epoch=epoch)
        if answer.status is not AnswerStatus.UNREADABLE:
            break
    return answer
