"""Scripted models for experiments on the sandbox: no key, and a taste that is planted and therefore known.

A server on this machine speaks the OpenAI protocol, so that a trial or a test takes the way of a real model.

    scripted:persona[:RATE[:ELSE]]   in role, says yes to so large a share of the shorts that show a value which the
                                     persona was written for (.85), and of all others (.25); out of role to half
    scripted:judge[:RATE[:ELSE]]     the same taste with other errors (.95, .1), for `[judge]`

What a picture shows they do not see: they are told of which sandbox short it is, and know the sandbox's truth. Who
they are they read in the question, as any model does. An answer is a function of (model, seed, persona, short). They
test the pipeline, and say nothing about any model.
"""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agent.benchmark.plan import SCRIPTED
from agent.experiment.arms import Design
from agent.experiment.plan import SANDBOX
from agent.personas.persona import Persona
from agent.personas.portrait import KEYS, PORTRAITS
from agent.sandbox.truth import truths
from agent.serving import ThreadServer
from agent.strategies.isq import SCORES, SWITCHES
from retrieval.vocabulary import Vocabulary
from storage.chance import draw
from storage.errors import UsageError

NAME = re.compile(rf"{SCRIPTED}(?P<kind>persona|judge)(?::(?P<rate>[\d.]+))?(?::(?P<others>[\d.]+))?")
RATES = {"persona": (0.85, 0.25), "judge": (0.95, 0.1)}
ITSELF = 0.5
"""Share of yes out of role."""


@dataclass(frozen=True, kw_only=True)
class Script:
    """A planted taste."""

    model: str
    rate: float
    others: float
    seed: int

    def likes(self, persona: Persona | None, short: str, value: str | None) -> bool:
        """Whether it says yes to a short that shows this value."""
        name = persona.name if persona else ""
        rate = ITSELF if persona is None else self.rate if value in persona.values else self.others
        return draw(self.seed, f"{self.model} as {name}", short) < rate


def script(model: str, seed: int) -> Script:
    """The script that a model's name stands for.

    Raises:
        UsageError: there is no such script.
    """
    match = NAME.fullmatch(model)
    try:
        assert match is not None
        given = [float(text) if text else None for text in (match["rate"], match["others"])]
        rate, others = (
            own if own is not None else usual for own, usual in zip(given, RATES[match["kind"]], strict=True)
        )
        assert 0 <= rate <= 1
        assert 0 <= others <= 1
    except (AssertionError, ValueError):
        raise UsageError(
            f"there is no scripted model {model} for experiments; choose {SCRIPTED}persona or {SCRIPTED}judge, with "
            "shares from 0 to 1 as in scripted:persona:0.9:0.2"
        ) from None
    return Script(model=model, rate=rate, others=others, seed=seed)


def provider_of(design: Design, vocabulary: Vocabulary) -> "Provider | None":
    """The provider of a plan's scripted models; None where it has none.

    Raises:
        UsageError: no such script, or an experiment that is not on the sandbox alone.
    """
    names = [model.name for model in design.plan.asked if model.scripted]
    if not names:
        return None
    if set(design.plan.platforms) != {SANDBOX}:
        raise UsageError(f"{names[0]} knows the sandbox alone; keep to platforms = [{SANDBOX!r}] or name a real model")
    return Provider({name: script(name, design.plan.seed) for name in names}, design.personas, vocabulary)


class Provider(ThreadServer):
    """Serves scripted models in a thread of this process.

    Raises:
        NotSetUp: the server did not start.
    """

    def __init__(self, scripts: Mapping[str, Script], personas: Mapping[str, Persona], vocabulary: Vocabulary) -> None:
        super().__init__([Route("/v1/chat/completions", self._completions, methods=["POST"])])
        self.models = tuple(scripts)
        self._scripts, self._personas, self._vocabulary = scripts, tuple(personas.values()), vocabulary
        self._shorts: dict[str, str] = {}

    def told(self, picture: bytes, short: str) -> None:
        """Of which short a picture is that it will be asked about."""
        self._shorts[hashlib.sha256(picture).hexdigest()] = short

    async def _completions(self, request: Request) -> Response:
        body = await request.json()
        planted = self._scripts.get(body["model"])
        if planted is None:
            message = f"The model {body['model']} does not exist"
            return JSONResponse({"error": {"message": message, "code": "model_not_found"}}, 404)
        message_out = {"role": "assistant", "content": json.dumps(self._answer(planted, body)), "refusal": None}
        choice = {"index": 0, "finish_reason": "stop", "message": message_out}
        usage = {"prompt_tokens": 900, "completion_tokens": 40, "total_tokens": 940}
        completion = {
            "id": "scripted", "object": "chat.completion", "created": 0, "model": planted.model, "choices": [choice],
            "usage": usage,
        }  # fmt: skip
        return JSONResponse(completion)

    def _answer(self, planted: Script, body: Mapping[str, Any]) -> dict[str, Any]:
        """What the question's form asks for, filled as the taste has it."""
        system, user = body["messages"][0]["content"], body["messages"][-1]["content"]
        persona = next((one for one in self._personas if one.listed in system), None)
        fields = body["response_format"]["json_schema"]["schema"]["properties"]
        if KEYS[0] in fields:
            return dict(zip(KEYS, (_rating(persona, value) for value, _ in PORTRAITS), strict=True))
        short, value = self._seen(user)
        if "topics" in fields:
            topic = self._vocabulary.topics[int(draw(planted.seed, "topic", short) * len(self._vocabulary.topics))].id
            stance = [{"value": value, "stance": "expresses"}] if value else []
            return {"description": "A sandbox short.", "topics": [topic], "values": stance}
        yes = planted.likes(persona, short, value)
        reason = f"planted: {'likes' if yes else 'does not like'} what shows {value}"
        if next(iter(SCORES)) in fields:
            return {
                **dict.fromkeys(SCORES, 8 if yes else 3), **dict.fromkeys(SWITCHES, int(yes)), "trait_num": None,
                "reason": reason,
            }  # fmt: skip
        verdict = "yes" if yes else "no"
        return {"decision": verdict, "answer": verdict, "trait_num": None, "reason": reason}

    def _seen(self, user: Any) -> tuple[str, str | None]:
        """The short in the picture, and the value that it shows in truth."""
        urls = [part["image_url"]["url"] for part in user if part["type"] == "image_url"]
        short = self._shorts[hashlib.sha256(base64.b64decode(urls[0].partition(",")[2])).hexdigest()]
        (truth,) = truths([short], self._vocabulary)
        return short, truth.value


def _rating(persona: Persona | None, value: str) -> int:
    """Of a portrait, 1 to 6: the value that the persona was written for first, any further one, any other."""
    written = persona.values if persona else ()
    return 6 if value in written[:1] else 5 if value in written else 3
