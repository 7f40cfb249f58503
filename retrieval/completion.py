"""What an OpenAI-compatible endpoint sends back, as a `Reply`. Lenient where an endpoint may leave things out."""

import json
import math
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from retrieval.reading import Reply, Token


class _Part(BaseModel):
    text: str = ""


class _Message(BaseModel):
    content: str | list[_Part] | None = None
    refusal: str | None = None


class _Alternative(BaseModel):
    token: str
    logprob: float


class _Place(_Alternative):
    top_logprobs: list[_Alternative] = []


class _Logprobs(BaseModel):
    content: list[_Place] | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None
    logprobs: Any = None


class _Usage(BaseModel):
    prompt_tokens: int | None = Field(default=None, ge=0)
    completion_tokens: int | None = Field(default=None, ge=0)


class _Completion(BaseModel):
    model: str | None = None
    choices: list[_Choice] = Field(min_length=1)
    usage: _Usage | None = None


def completion(text: str) -> Reply:
    """The reply in the body of an answer.

    Raises:
        ValueError: it is no chat completion.
    """
    try:
        # Half a surrogate pair is legal in JSON and cannot be stored: written out and replaced.
        clean = json.dumps(json.loads(text), ensure_ascii=False).encode("utf-8", "replace")
        read = _Completion.model_validate_json(clean)
    except (ValidationError, ValueError, RecursionError):
        raise ValueError("no chat completion") from None
    choice, usage = read.choices[0], read.usage or _Usage()
    content = choice.message.content or ""
    return Reply(
        text=content if isinstance(content, str) else "".join(part.text for part in content),
        refusal=choice.message.refusal, finish_reason=choice.finish_reason, model=read.model,
        prompt_tokens=usage.prompt_tokens, completion_tokens=usage.completion_tokens,
        tokens=_tokens(choice.logprobs),
    )  # fmt: skip


def _tokens(logprobs: Any) -> tuple[Token, ...]:
    """The answer's tokens; none where the endpoint sends none, or something else: the answer is one all the same."""
    try:
        places = _Logprobs.model_validate(logprobs or {}).content or []
    except ValidationError:
        return ()
    return tuple(
        Token(
            text=place.token,
            probabilities={one.token: math.exp(min(0.0, one.logprob)) for one in (place, *place.top_logprobs)},
        )
        for place in places
    )
