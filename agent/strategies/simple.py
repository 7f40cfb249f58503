"""`simple`: the traits, then decision, reason and the number of the trait (paper, section 4, Simple strategy)."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator

from agent.asking import again
from agent.personas.persona import Persona
from agent.questions import AS_DATA, strict_object, yes_or_no
from agent.strategies.base import IN_ROLE, Conclusion, trait_schema, with_trait
from retrieval.question import Question
from storage.records import Verdict

NAME = "simple"
VERSION = 1
"""Raised with every change of wording, schema or limits below."""


class SimpleAnswer(BaseModel):
    decision: Annotated[Literal["yes", "no"], BeforeValidator(yes_or_no)]
    reason: str | None = None


class Simple:
    """Watches on where the model, as the persona, says yes; there is no score. An answer that is not as asked for is
    asked for once more."""

    name = NAME

    def __init__(self, persona: Persona) -> None:
        question = Question(
            name=NAME,
            version=VERSION,
            system=(
                "You are a person who has certain traits. These statements describe you best, as your introduction:\n"
                f"{persona.listed}\n{IN_ROLE}\n"
                "You are scrolling through short videos on a social media platform. Each picture is what is on screen "
                "now. Your goal is to determine whether you, as this person, are interested in the content of the "
                f"given picture. {AS_DATA}\n"
                'Answer with one JSON object: {"decision": "yes" or "no", "reason": one short sentence, "trait_num": '
                f"the number (1 to {len(persona.traits)}) of the trait that the picture speaks to, or null where it "
                "speaks to none}."
            ),
            text="Are you interested in the content of this picture?",
            schema=strict_object(
                decision={"type": "string", "enum": ["yes", "no"]},
                reason={"type": "string"},
                trait_num=trait_schema(),
            ),
            shape=with_trait(SimpleAnswer, persona),
            max_tokens=200,
        )
        self.persona = persona
        self.questions = (question, again(question))

    def conclude(self, parsed: Mapping[str, Any]) -> Conclusion:
        """The decision as it is."""
        return Conclusion(verdict=Verdict(parsed["decision"]), reason=parsed["reason"])
