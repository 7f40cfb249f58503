"""The questions of the benchmark, as versioned data. Whoever changes a word, a schema or a limit raises the version.

    like@1                "Do you like the content of this image?" The paper's, and the only one that scores
                          (paper, section 3).
    like@2                the same in other words, for `--wordings`
    like@3, like@4        turned round ("Do you dislike ..."): a yes means that the content is not liked, so that over
                          all four a model that says yes to everything likes half
    like_swapped@N        like@N with `no` named before `yes`; called like@N+swapped in results
    like_text@1           the like question about a description, for text-only models (paper, section 5)
    why_like@1            "Why do you like or dislike this picture?" (paper, section 3)
    image_description@1   "Describe this image in English briefly." (paper, section 3)
    choice@1              which of two pictures: forced choice

The paper's text prompt for descriptions, its decoding settings and its system prompt were not found; ours is the system
prompt of the authors' earlier code with a note that text in a picture is data (DESIGN D14).
"""

from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator

from agent.questions import AS_DATA
from retrieval.question import Question
from retrieval.reading import plain_yes_no
from storage.answer_record import AnswerStatus, StoredAnswer
from storage.errors import UsageError
from storage.records import Verdict

SWAPPED = "+swapped"
YES, NO = "yes", "no"
FIRST, SECOND = "first", "second"
PAPER_WORDING = "like@1"

OPINION = f"You are a helpful assistant. You should provide your opinion. {AS_DATA}"


def _word(given: Any) -> Any:
    if isinstance(given, bool):
        return YES if given else NO
    return given.strip(" .!\n").lower() if isinstance(given, str) else given


class LikeAnswer(BaseModel):
    """Yes or no."""

    answer: Annotated[Literal["yes", "no"], BeforeValidator(_word)]


class TextAnswer(BaseModel):
    """A sentence or two."""

    text: str


class ChoiceAnswer(BaseModel):
    """The first picture or the second."""

    answer: Annotated[Literal["first", "second"], BeforeValidator(_word)]


@dataclass(frozen=True, kw_only=True)
class Wording:
    """One way of putting the scoring question."""

    name: str
    """As in results: `like@1`, `like@1+swapped`."""
    question: Question
    turned: bool = False
    """A yes means that the content is not liked."""

    def liked(self, answer: StoredAnswer) -> Verdict:
        """Whether the content is liked, by this answer; refused and unreadable stay what they are (D16)."""
        if answer.status is not AnswerStatus.OK or answer.parsed is None:
            return Verdict.REFUSED if answer.status is AnswerStatus.REFUSED else Verdict.UNREADABLE
        return Verdict.YES if (answer.parsed["answer"] == YES) != self.turned else Verdict.NO

    def probability(self, answer: StoredAnswer) -> float | None:
        """The probability that the content is liked, where the endpoint gave log-probabilities."""
        chances = (answer.parsed or {}).get("chances")
        return None if chances is None else float(chances[NO if self.turned else YES])


def _object(name: str, *options: str) -> dict[str, Any]:
    kind: dict[str, Any] = {"type": "string", "enum": list(options)} if options else {"type": "string"}
    return {"type": "object", "properties": {name: kind}, "required": [name], "additionalProperties": False}


def _plain_word(text: str) -> dict[str, Any] | None:
    found = plain_yes_no(text)
    return found and {"answer": found["answer"]}


def _plain_text(text: str) -> dict[str, Any] | None:
    return {"text": text.strip()} if text.strip() else None


def _plain_place(text: str) -> dict[str, Any] | None:
    word = text.strip(" .!*\n\"'").lower().removeprefix("the ").split(" ")[0].strip(".,:;!*\"'")
    return {"answer": {"1": FIRST, "2": SECOND}.get(word, word)} if word in (FIRST, SECOND, "1", "2") else None


def _like(version: int, text: str, *, swapped: bool = False, turned: bool = False) -> Wording:
    options = (NO, YES) if swapped else (YES, NO)
    question = Question(
        name="like_swapped" if swapped else "like",
        version=version,
        system=f'{OPINION}\nAnswer with one JSON object: {{"answer": "{options[0]}" or "{options[1]}"}}.',
        text=text,
        schema=_object("answer", *options),
        shape=LikeAnswer,
        plain=_plain_word,
        max_tokens=100,
        choices=(YES, NO),
    )
    return Wording(name=f"like@{version}{SWAPPED if swapped else ''}", question=question, turned=turned)


_TEXTS = (
    (1, "Do you like the content of this image?", False),
    (2, "Would you enjoy seeing more of what this image shows?", False),
    (3, "Does the content of this image put you off?", True),
    (4, "Do you dislike the content of this image?", True),
)
WORDINGS = {
    wording.name: wording
    for swapped in (False, True)
    for wording in (_like(version, text, swapped=swapped, turned=turned) for version, text, turned in _TEXTS)
}

LIKE_TEXT = Wording(
    name="like_text@1",
    question=replace(
        WORDINGS[PAPER_WORDING].question,
        name="like_text",
        text="Do you like the content of the image that is described below?",
    ),
)
WHY = Question(
    name="why_like",
    version=1,
    system=f'{OPINION}\nAnswer with one JSON object: {{"text": one or two sentences}}.',
    text="Why do you like or dislike this picture?",
    schema=_object("text"),
    shape=TextAnswer,
    plain=_plain_text,
    max_tokens=300,
)
DESCRIPTION = Question(
    name="image_description",
    version=1,
    system=f'You describe pictures. {AS_DATA}\nAnswer with one JSON object: {{"text": the description}}.',
    text="Describe this image in English briefly.",
    schema=_object("text"),
    shape=TextAnswer,
    plain=_plain_text,
    max_tokens=300,
)
CHOICE = Question(
    name="choice",
    version=1,
    system=f'{OPINION}\nAnswer with one JSON object: {{"answer": "first" or "second"}}. You must choose one.',
    text="You see two images. The content of which one do you like more, the first or the second?",
    schema=_object("answer", FIRST, SECOND),
    shape=ChoiceAnswer,
    plain=_plain_place,
    max_tokens=100,
    choices=(FIRST, SECOND),
)
BESIDE = {"why": WHY, "describe": DESCRIPTION}
"""Asked once a picture beside the scoring question; they score nothing."""


def chosen(answer: StoredAnswer) -> int | None:
    """Which picture a forced choice fell on, 1 or 2; None for refused or unreadable."""
    if answer.status is not AnswerStatus.OK or answer.parsed is None:
        return None
    return 1 if answer.parsed["answer"] == FIRST else 2


def wordings(names: tuple[str, ...]) -> list[Wording]:
    """The wordings of these names; `all` is every one in both orders of the answers.

    Raises:
        UsageError: a name is unknown.
    """
    if names == ("all",):
        return list(WORDINGS.values())
    for name in names:
        if name not in WORDINGS:
            raise UsageError(f"wording {name} is unknown; choose all or some of {', '.join(WORDINGS)}")
    return [WORDINGS[name] for name in dict.fromkeys(names)]
