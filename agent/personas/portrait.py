"""A persona's value profile, by the model in that role: twenty short portraits, two a value, in our own wording.

After Schwartz's portrait method: a person is described by what matters to them, and the one who answers says how much
like them that person is, from 1 (not like me at all) to 6 (very much like me); values are never named. People use the
scale differently, so scores are centred per respondent, as Schwartz prescribes: the mean over a value's items minus the
mean over all items. What is above 0 matters more to this respondent than the rest.
"""

from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, create_model

from agent.asking import again, ask_until_read
from agent.personas.persona import Persona
from agent.questions import strict_object
from agent.strategies.base import IN_ROLE, no_truth
from retrieval.endpoint import Endpoint
from retrieval.question import Question, Subject
from storage.answer_record import StoredAnswer
from storage.personas import Personas

NAME = "portrait"
VERSION = 1
"""Raised with every change of wording, order, schema or limits below."""
PORTRAITS = (
    ("benevolence", "They notice when a friend needs something, and see to it that it is there."),
    ("power", "They want to be the one whose word counts in the room."),
    ("universalism", "They want strangers in far countries to be treated as fairly as their own neighbours."),
    ("security", "They feel at ease only where nothing dangerous can happen."),
    ("stimulation", "They need something new again and again, or the days become dull."),
    ("conformity", "They take care to behave in a way that nobody could object to."),
    ("self-direction", "They make up their own mind, whatever others have decided."),
    ("achievement", "They work for results that other people will look up to."),
    ("tradition", "They keep up the customs that were handed down to them."),
    ("hedonism", "They do not let a chance go by to enjoy themselves."),
    ("power", "They like to own what is expensive and shows their rank."),
    ("benevolence", "The people close to them can rely on them, whatever it costs."),
    ("conformity", "They keep to the rules even when nobody is looking."),
    ("stimulation", "They look for risk and surprise, and would rather be startled than bored."),
    ("tradition", "They are modest and do not ask for more than their place in the order of things."),
    ("universalism", "They think that plants, animals and rivers must be protected for their own sake."),
    ("achievement", "They want to show what they can do and be better at it than last time."),
    ("security", "It matters to them that their country is orderly and can defend itself."),
    ("hedonism", "They like to treat themselves to what feels, tastes or sounds good."),
    ("self-direction", "They like to invent things and to do them in a way of their own."),
)
"""(value's id, portrait), in the order in which they are asked; the two of a value are well apart."""
VALUES = tuple(sorted({value for value, _ in PORTRAITS}))
LOWEST, HIGHEST = 1, 6
KEYS = tuple(f"p{number}" for number in range(1, len(PORTRAITS) + 1))


Rating = Annotated[int, BeforeValidator(no_truth), Field(ge=LOWEST, le=HIGHEST)]
_RATINGS: dict[str, Any] = dict.fromkeys(KEYS, (Rating, ...))
PortraitAnswer = create_model("PortraitAnswer", **_RATINGS)


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What matters to a respondent."""

    ratings: dict[str, list[int]]
    """The answers of 1 to 6, by value."""
    mean: float
    """Over all answers: how this respondent uses the scale."""
    centred: dict[str, float]
    """Per value, the mean of its answers minus `mean`; they sum to 0."""


def portrait(persona: Persona) -> Question:
    """The questionnaire, put to a persona."""
    return Question(
        name=NAME,
        version=VERSION,
        system=(
            "You are a person who has certain traits. These statements describe you best, as your introduction:\n"
            f"{persona.listed}\n{IN_ROLE}\n"
            "Answer a questionnaire as this person would. Where the statements say nothing, answer as such a person "
            "most likely would.\n"
            "Answer with one JSON object that has a whole number from 1 to 6 for every portrait, as "
            '{"p1": number, "p2": number, ...}.'
        ),
        text=(
            "How much like you is each of these people? 1 is not like me at all, 2 not like me, 3 a little like me, "
            "4 somewhat like me, 5 like me, 6 very much like me.\n"
            + "\n".join(f"{key}: {text}" for key, (_, text) in zip(KEYS, PORTRAITS, strict=True))
        ),
        schema=strict_object(**{key: {"type": "integer"} for key in KEYS}),
        shape=PortraitAnswer,
        max_tokens=400,
    )


def portrait_questions(persona: Persona) -> tuple[Question, ...]:
    """The questionnaire, and once more where its answer could not be read."""
    question = portrait(persona)
    return question, again(question)


def profile_of(parsed: dict[str, Any]) -> Profile:
    """The profile that an answer in the questionnaire's shape comes to."""
    ratings: dict[str, list[int]] = {value: [] for value in VALUES}
    for key, (value, _) in zip(KEYS, PORTRAITS, strict=True):
        ratings[value].append(parsed[key])
    mean = fmean(parsed[key] for key in KEYS)
    return Profile(
        ratings=ratings,
        mean=round(mean, 4),
        centred={value: round(fmean(given) - mean, 4) for value, given in ratings.items()},
    )


async def ask_portrait(endpoint: Endpoint, persona: Persona, epoch: int) -> StoredAnswer:
    """The model's answer in the persona's role; the stored one where this epoch was asked before.

    Raises:
        BudgetSpent, EndpointDown, EndpointRefused: as `Endpoint.ask`.
    """
    return await ask_until_read(
        endpoint,
        portrait_questions(persona),
        picture=None,
        subject=Subject(run_id=None, platform=None, platform_id=f"persona:{persona.name}"),
        persona=persona.name,
        epoch=epoch,
    )


def keep_profile(personas: Personas, persona: Persona, answer: StoredAnswer) -> dict[str, Any]:
    """Keep what an answer that was read comes to beside the persona, with the answer's model, host and epoch.

    Returns:
        What is kept.
    """
    kept = {
        "model": answer.model,
        "endpoint": answer.endpoint,
        "questionnaire": answer.question,
        "epoch": answer.epoch,
        "answer_id": answer.id,
        **asdict(profile_of(answer.parsed or {})),
    }
    personas.add_profile(persona.name, f"{answer.model}@{answer.endpoint}#{answer.epoch}", kept)
    return kept
