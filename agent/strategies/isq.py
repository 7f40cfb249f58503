"""`isq`: the Inductive Scoring Questionnaire (paper, section 4). The persona scores the picture, a formula decides.

S% = (v_a + c_s + e_e + v_e + 10 p_a + 10 a_d) / 60 x 100, watched on where S is above the threshold
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field

from agent.asking import again
from agent.personas.persona import Persona
from agent.questions import AS_DATA, strict_object
from agent.strategies.base import IN_ROLE, Conclusion, no_truth, trait_schema, with_trait
from retrieval.question import Question
from storage.records import Verdict

NAME = "isq"
VERSION = 1
"""Raised with every change of wording, schema or limits below."""
THRESHOLD = 60.0
"""Percent; the paper's example."""
SCORES = {
    "visual_appeal": "how much it pleases your eye",
    "curiosity_stimulation": "how much it makes you want to know more",
    "emotional_engagement": "how much it moves you",
    "value_expectation": "how much you expect to get out of watching on",
}
"""On 0 to 10: v_a, c_s, e_e, v_e."""
SWITCHES = {
    "preference_alignment": "1 if it matches what you like",
    "action_drive": "1 if you feel like doing something about it: watch on, share it, try it yourself",
}
"""0 or 1, weighted like the end of a scale: p_a, a_d."""
SWITCH_WEIGHT = 10
HIGHEST = 10 * len(SCORES) + SWITCH_WEIGHT * len(SWITCHES)


Score = Annotated[float, BeforeValidator(no_truth), Field(ge=0, le=10, allow_inf_nan=False)]
Switch = Annotated[int, Field(ge=0, le=1)]
"""True and false, which some models say for 1 and 0, are read as such."""


class IsqAnswer(BaseModel):
    visual_appeal: Score
    curiosity_stimulation: Score
    emotional_engagement: Score
    value_expectation: Score
    preference_alignment: Switch
    action_drive: Switch
    reason: str | None = None


def percentage(scores: Mapping[str, Any]) -> float:
    """S in percent of an answer's scores, 0 to 100."""
    total = sum(scores[name] for name in SCORES) + SWITCH_WEIGHT * sum(scores[name] for name in SWITCHES)
    return float(100 * total / HIGHEST)


class Isq:
    """Watches on where S% is above the threshold; the decision's score is S, 0 to 1. Scores that are missing or out of
    range are asked for once more."""

    name = NAME

    def __init__(self, persona: Persona, threshold: float | None = None) -> None:
        """`threshold` in percent; 60 by default."""
        self.threshold = THRESHOLD if threshold is None else threshold
        question = Question(
            name=NAME,
            version=VERSION,
            system=(
                f"You are a person with these personalities:\n{persona.listed}\n{IN_ROLE}\n"
                "You are scrolling through short videos on a social media platform. Each picture is what is on screen "
                f"now. Score it as this person would. {AS_DATA}\n"
                "Answer with one JSON object of these fields:\n"
                + "".join(f'- "{name}", a number from 0 to 10: {meaning}\n' for name, meaning in SCORES.items())
                + "".join(f'- "{name}", 0 or 1: {meaning}\n' for name, meaning in SWITCHES.items())
                + f'- "trait_num": the number (1 to {len(persona.traits)}) of the personality that the picture speaks '
                'to, or null where it speaks to none\n- "reason": one short sentence'
            ),
            text="How do you score the content of this picture?",
            schema=strict_object(
                **{name: {"type": "number"} for name in SCORES},
                **{name: {"type": "integer", "enum": [0, 1]} for name in SWITCHES},
                trait_num=trait_schema(),
                reason={"type": "string"},
            ),
            shape=with_trait(IsqAnswer, persona),
            max_tokens=300,
        )
        self.persona = persona
        self.questions = (question, again(question))

    def conclude(self, parsed: Mapping[str, Any]) -> Conclusion:
        """Yes above the threshold, not at it."""
        percent = percentage(parsed)
        return Conclusion(
            verdict=Verdict.YES if percent > self.threshold else Verdict.NO,
            reason=parsed["reason"],
            score=round(percent / 100, 6),
        )
