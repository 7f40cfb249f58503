"""Scripted models: a provider of its own, with preferences that are planted and therefore known.

A server on this machine speaks the OpenAI protocol, so that a demonstration or a test takes the way of a real model.

    scripted:likes-VALUE[:RATE[:ELSE]]    likes so large a share of a value's pictures (.9), and of all others (.5)
    scripted:refuses-VALUE[:RATE]         declines to answer about so large a share of a value's pictures (1)
    scripted:yes-sayer                    says yes, whatever it is asked, and prefers nothing
    scripted:first-picture                of two pictures it always prefers the first
    scripted:noisy[:RATE]                 likes so large a share (.5), another one in every epoch and wording

What a model says is a function of its name, the seed and the picture. It measures nothing but the measure.
"""

import base64
import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agent.benchmark.plan import SCRIPTED
from agent.benchmark.questions import CHOICE, DESCRIPTION, FIRST, LIKE_TEXT, NO, SECOND, WHY, WORDINGS, YES
from agent.benchmark.targets import Targets
from agent.serving import ThreadServer
from storage.chance import draw
from storage.errors import UsageError

NAME = re.compile(
    rf"{SCRIPTED}(?P<kind>likes-|refuses-|yes-sayer|first-picture|noisy)(?P<value>[a-z-]*)"
    r"(?::(?P<rate>[\d.]+))?(?::(?P<others>[\d.]+))?"
)
NAMES = "likes-VALUE, refuses-VALUE, yes-sayer, first-picture or noisy"
RATES = {"likes-": 0.9, "refuses-": 1.0, "noisy": 0.5}
OTHERS = 0.5
SURE = 0.9
"""Probability of its answer, where log-probabilities are asked for."""
TEXTS = {wording.question.text: wording for wording in (*WORDINGS.values(), LIKE_TEXT)}
DESCRIBED = re.compile(r"Picture (\w{12}) shows (.+) \(([a-z-, ]*)\)")


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A picture as a scripted model knows it."""

    name: str
    """Start of the SHA-256 of the corpus's picture."""
    values: frozenset[str]
    keywords: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Script:
    """A planted preference."""

    model: str
    kind: str
    value: str
    rate: float
    others: float
    seed: int

    def likes(self, seen: Seen, again: str = "") -> bool | None:
        """Whether it likes a picture; None is a refusal. `again` is what may change a noisy one's mind."""
        drawn = draw(self.seed, self.model, f"{seen.name}{again if self.kind == 'noisy' else ''}")
        if self.kind == "refuses-":
            if self.value in seen.values and draw(self.seed, f"{self.model} refuses", seen.name) < self.rate:
                return None
            return drawn < self.others
        if self.kind == "noisy" or (self.kind == "likes-" and self.value in seen.values):
            return drawn < self.rate
        return drawn < self.others

    def says(self, seen: Seen, again: str, *, turned: bool) -> str | None:
        """Yes, no, or None for a refusal."""
        if self.kind == "yes-sayer":
            return YES
        liked = self.likes(seen, again)
        return None if liked is None else YES if liked != turned else NO

    def chooses(self, first: Seen, second: Seen, again: str) -> str | None:
        """Which of two pictures; None is a refusal."""
        if self.kind == "first-picture":
            return FIRST
        liked = [self.likes(seen, again) if self.kind != "yes-sayer" else False for seen in (first, second)]
        if None in liked:
            return None
        taste = [draw(self.seed, f"{self.model} taste", seen.name) for seen in (first, second)]
        return FIRST if (bool(liked[0]), taste[0]) > (bool(liked[1]), taste[1]) else SECOND


def script(model: str, seed: int, values: tuple[str, ...]) -> Script:
    """The script that a model's name stands for.

    Raises:
        UsageError: there is no such script, or no such value in the set.
    """
    match = NAME.fullmatch(model)
    if match is None or bool(match["value"]) != match["kind"].endswith("-"):
        raise UsageError(f"there is no scripted model {model}; choose {SCRIPTED} with {NAMES}")
    kind, value = match["kind"], match["value"]
    if value and value not in values:
        raise UsageError(f"{model} names {value}, which is no value of the set; choose {', '.join(values)}")
    try:
        rate, others = (float(text) if text else None for text in (match["rate"], match["others"]))
    except ValueError:
        raise UsageError(f"{model} has a rate that is no number; give a share from 0 to 1") from None
    rate, others = rate if rate is not None else RATES.get(kind, 1.0), others if others is not None else OTHERS
    if not (0 <= rate <= 1 and 0 <= others <= 1):
        raise UsageError(f"{model} has a rate that is no share; give one from 0 to 1")
    return Script(model=model, kind=kind, value=value, rate=rate, others=others, seed=seed)


def seen_pictures(targets: Targets) -> dict[str, Seen]:
    """What a scripted model knows of the pictures of a value set, by their SHA-256 in the corpus."""
    return {
        shot.sha256: Seen(
            name=shot.sha256[:12],
            values=frozenset(slot.value for slot in shot.slots if slot.value),
            keywords=tuple(dict.fromkeys(slot.keyword for slot in shot.slots if slot.keyword)),
        )
        for shot in targets.shots
    }


class ScriptedProvider(ThreadServer):
    """Serves scripted models in a thread of this process: `with ScriptedProvider(...) as address:`.

    Args:
        scripts: by model name.
        seen: by SHA-256 of the corpus's picture.
        source: that SHA-256 by the one of the picture as sent.

    Raises:
        NotSetUp: the server did not start.
    """

    def __init__(self, scripts: Mapping[str, Script], seen: Mapping[str, Seen], source: Mapping[str, str]) -> None:
        self._scripts, self._seen, self._source = scripts, seen, source
        super().__init__([Route("/v1/chat/completions", self._completions, methods=["POST"])])

    async def _completions(self, request: Request) -> Response:
        body = await request.json()
        planted = self._scripts.get(body["model"])
        if planted is None:
            message = f"The model {body['model']} does not exist"
            return JSONResponse({"error": {"message": message, "code": "model_not_found"}}, 404)
        name, said = self._answer(planted, _Asked(body))
        refusal = "I'm sorry, I can't judge that." if said is None else None
        content = None if said is None else json.dumps({name: said})
        message_out = {"role": "assistant", "content": content, "refusal": refusal}
        choice: dict[str, Any] = {"index": 0, "finish_reason": "stop", "message": message_out}
        if body.get("logprobs") and said in (YES, NO, FIRST, SECOND):
            choice["logprobs"] = {"content": _logprobs(name, said)}
        usage = {"prompt_tokens": 500, "completion_tokens": 10, "total_tokens": 510}
        completion = {
            "id": "scripted", "object": "chat.completion", "created": 0, "model": planted.model, "choices": [choice],
            "usage": usage,
        }  # fmt: skip
        return JSONResponse(completion)

    def _answer(self, planted: Script, asked: "_Asked") -> tuple[str, str | None]:
        """The field of the answer and what it says; None is a refusal."""
        pictures = [self._known(picture) for picture in asked.pictures]
        if asked.text == CHOICE.text:
            return "answer", planted.chooses(pictures[0], pictures[1], asked.again)
        if asked.text in TEXTS:
            seen = pictures[0] if pictures else _described(asked.rest)
            return "answer", planted.says(seen, asked.again, turned=TEXTS[asked.text].turned)
        if asked.text == DESCRIPTION.text:
            seen = pictures[0]
            about = " and ".join(seen.keywords) or "something"
            return "text", f"Picture {seen.name} shows {about} ({', '.join(sorted(seen.values))})."
        if asked.text == WHY.text:
            liked = planted.likes(pictures[0], asked.again)
            return "text", None if liked is None else f"I was told to {'like' if liked else 'dislike'} it."
        return "text", None

    def _known(self, picture: bytes) -> Seen:
        sent = hashlib.sha256(picture).hexdigest()
        source = self._source.get(sent, sent)
        return self._seen.get(source, Seen(name=source[:12], values=frozenset()))


def _described(text: str) -> Seen:
    """The picture that a description of ours is about; of another model's, what the text itself is."""
    if found := DESCRIBED.search(text):
        return Seen(name=found[1], values=frozenset(filter(None, found[3].split(", "))))
    return Seen(name=hashlib.sha256(text.encode()).hexdigest()[:12], values=frozenset())


def _logprobs(name: str, said: str) -> list[dict[str, Any]]:
    other = {YES: NO, NO: YES, FIRST: SECOND, SECOND: FIRST}[said]
    places = [(f'{{"{name}": "', 1.0, {}), (said, SURE, {said: SURE, other: 1 - SURE}), ('"}', 1.0, {})]
    log: Callable[[float], float] = math.log
    return [
        {
            "token": token,
            "logprob": log(probability),
            "top_logprobs": [{"token": text, "logprob": log(share)} for text, share in rivals.items()],
        }
        for token, probability, rivals in places
    ]


class _Asked:
    """One request, as far as a script looks at it."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        parts = body["messages"][-1]["content"]
        prompt = "\n".join(part["text"] for part in parts if part["type"] == "text")
        self.text, _, self.rest = prompt.partition("\n\n")
        urls = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
        self.pictures = [base64.b64decode(url.partition(",")[2]) for url in urls]
        self.again = f" {body.get('seed')} {self.text}"
