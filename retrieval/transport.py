"""One request to an OpenAI-compatible endpoint, with all retries in this one layer (the SDK's own are switched off:
it draws its jitter from a running generator, waits by its own clock, and cannot pause the other calls on a 429).

    answered                                   -> Reply, whatever it says
    timeout, no connection, 408 409 425 429 5xx, no chat completion -> again; after all tries EndpointDown
    400 or 422 about a parameter               -> again in a simpler dialect, remembered
    content filter                             -> Reply, refused
    redirect, 401 403 404, any other 4xx       -> EndpointRefused
"""

import asyncio
import base64
import json
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit, urlunsplit

import openai
import structlog
from pydantic import BaseModel, ValidationError

from retrieval.address import Address
from retrieval.clock import Clock
from retrieval.completion import completion
from retrieval.lane import Lane
from retrieval.question import Question
from retrieval.reading import Reply
from storage.chance import draw
from storage.errors import EndpointDown, EndpointRefused, UsageError

FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0
LONGEST_RETRY_AFTER = 120.0
"""Seconds. An endpoint that asks for more is down for us: asking earlier than it said would be rude."""
AGAIN = frozenset({408, 409, 425, 429})
REASONING_TOKENS = 2000
"""More tokens for models that think first: they are the ones that only know max_completion_tokens, which counts the
thoughts too."""
FORMATS = ("json_schema", "json_object", "text")
DETAIL = "high"
"""How closely OpenAI's models look at a picture; the paper's predecessor code asked for the same."""
LIKELIEST = 20
"""Tokens whose log-probabilities are asked for; OpenAI gives no more."""
KEY_LIKE = re.compile(r"\bsk-[\w*-]{6,}|\bBearer\s+\S+")
HIDDEN = "[hidden]"

log = structlog.get_logger()


class RawAnswer(Protocol):
    """What the SDK gives for a raw request."""

    @property
    def text(self) -> str: ...


@dataclass(frozen=True, kw_only=True)
class Received:
    """A reply and how it was had."""

    reply: Reply
    parameters: dict[str, Any]
    """As sent, in the dialect that the endpoint understood."""
    milliseconds: int
    asked_at: datetime


@dataclass
class Dialect:
    """What this endpoint was found to understand, from the richest form down."""

    format: str = FORMATS[0]
    tokens: str = "max_tokens"
    temperature: bool = True
    seed: bool = True
    logprobs: bool = True

    @property
    def thinking(self) -> int:
        """Tokens beyond those of the answer itself."""
        return 0 if self.tokens == "max_tokens" else REASONING_TOKENS


class _Again(Exception):
    """No answer this time. `wait` is in seconds, where the endpoint named a time."""

    def __init__(self, cause: str, wait: float | None = None) -> None:
        super().__init__(cause)
        self.cause = cause
        self.wait = wait


class _Simpler(Exception):
    """The dialect was simplified; the request is to be sent again in it."""


class Transport:
    """Sends questions to one model of one endpoint."""

    def __init__(
        self, address: Address, api_key: str | None, model: str, *, clock: Clock, seed: int,
        timeout: float, max_retries: int, max_concurrency: int, lane: Lane | None = None,
        key_name: str = "OPENAI_API_KEY",
    ) -> None:  # fmt: skip
        key = (api_key or "").strip()
        if not re.fullmatch(r"[!-~]*", key):
            raise UsageError(f"the API key holds blanks or letters that no key has; copy it again into {key_name}")
        self.address, self.model = address, model
        self.dialect = Dialect()
        self._key, self._clock, self._seed = key, clock, seed
        self._timeout, self._max_retries = timeout, max_retries
        self._key_name = key_name
        self._lane = lane or Lane(clock, max_concurrency)
        elsewhere = None if address.is_openai else ""  # the user's OpenAI account is nobody else's business
        url = urlsplit(address.url)
        self._client = openai.AsyncOpenAI(
            base_url=urlunsplit(url._replace(query="", fragment="")), default_query=dict(parse_qsl(url.query)),
            api_key=key or "none", organization=elsewhere, project=elsewhere, max_retries=0,
            http_client=openai.DefaultAsyncHttpxClient(
                follow_redirects=False, trust_env=not address.is_loopback, timeout=timeout
            ),
        )  # fmt: skip

    async def close(self) -> None:
        await self._client.close()

    def _hide(self, text: str) -> str:
        """The text without our key, should an endpoint echo it."""
        return text.replace(self._key, HIDDEN) if len(self._key) >= 8 else text

    async def send(self, question: Question, pictures: Sequence[bytes], chance_key: str) -> Received:
        """The endpoint's reply.

        Raises:
            EndpointDown: none after all retries.
            EndpointRefused: asking again cannot help.
        """
        failures = 0
        while True:
            try:
                return await self._once(question, pictures)
            except _Simpler:
                log.info("endpoint_dialect", host=self.address.host, **vars(self.dialect))
            except _Again as again:
                failures += 1
                if failures > self._max_retries or (again.wait or 0) > LONGEST_RETRY_AFTER:
                    raise self._down(failures, again.cause) from None
                wait = self._wait(failures, again, chance_key)
                log.warning("answer_retry", host=self.address.host, cause=again.cause, tries=failures, wait=wait)
                if again.wait is None:
                    await self._clock.sleep(wait)

    def _down(self, tries: int, cause: str) -> EndpointDown:
        counted = "1 try" if tries == 1 else f"{tries} tries"
        return EndpointDown(
            f"{self.address.host} gave no answer in {counted} ({cause}); see that it runs, then run the command again"
        )

    def _wait(self, failures: int, again: _Again, chance_key: str) -> float:
        """Seconds until the next try. A time that the endpoint names holds for all calls to it."""
        if again.wait is not None:
            self._lane.hold(again.wait)
            return again.wait
        jitter = 0.75 + 0.5 * draw(self._seed, "retry", f"{chance_key}:{failures}")
        longest: float = min(LONGEST_WAIT, FIRST_WAIT * 2 ** (failures - 1))
        return round(longest * jitter, 3)

    async def _once(self, question: Question, pictures: Sequence[bytes]) -> Received:
        async with self._lane.turn():
            used = Dialect(**vars(self.dialect))
            body, parameters = self._body(question, pictures, used)
            asked_at, started = self._clock.now(), self._clock.steady()
            try:
                text = await self._text(self._client.chat.completions.with_raw_response.create(**body))
                reply = completion(self._hide(text))
            except ValueError:
                raise _Again("what it sends is no chat completion, so --base-url may be wrong") from None
            except openai.APIStatusError as error:
                if error.status_code == 429:
                    self._lane.slow_down(started, _retry_after(error, self._clock.now))
                reply = self._status(error, used)
            self._lane.answered()
            milliseconds = round((self._clock.steady() - started) * 1000)
        return Received(reply=reply, parameters=parameters, milliseconds=milliseconds, asked_at=asked_at)

    async def _text(self, request: Awaitable[RawAnswer]) -> str:
        """The body of an answer with status 200; any other status is raised as the SDK's error."""
        try:
            async with asyncio.timeout(self._timeout):  # the SDK's limit is per read, not per answer
                return (await request).text
        except (TimeoutError, openai.APITimeoutError):
            raise _Again(f"no answer within {self._timeout:g} s") from None
        except openai.APIConnectionError as error:
            unreachable = "Connect" in type(error.__cause__).__name__
            raise _Again("it cannot be reached" if unreachable else "the connection broke off") from None

    async def models(self) -> list[str]:
        """The models that the endpoint lists, in one try and without cost; empty where it has no such list.

        Raises:
            EndpointDown: no answer.
            EndpointRefused: as for `send`.
        """
        try:
            try:
                text = await self._text(self._client.models.with_raw_response.list())
            except openai.NotFoundError:
                return []
            except openai.APIStatusError as error:
                self._status(error, self.dialect)
                return []
            return [model.id for model in _Models.model_validate_json(text).data]
        except ValidationError:
            raise self._down(1, "what it sends is no list of models") from None
        except _Again as again:
            raise self._down(1, again.cause) from None

    def _body(
        self, question: Question, pictures: Sequence[bytes], dialect: Dialect
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        parameters: dict[str, Any] = {dialect.tokens: question.max_tokens + dialect.thinking}
        if dialect.temperature and question.temperature is not None:
            parameters["temperature"] = question.temperature
        if dialect.seed and question.seed is not None:
            parameters["seed"] = question.seed
        if dialect.logprobs and question.choices:
            parameters |= {"logprobs": True, "top_logprobs": LIKELIEST}
        content: list[dict[str, Any]] = [{"type": "text", "text": question.prompt}]
        body = {
            "model": self.model,
            "messages": [{"role": "system", "content": question.system}, {"role": "user", "content": content}],
            **parameters,
        }
        if dialect.format == "json_schema":
            schema = {"name": question.name, "strict": True, "schema": question.schema}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        elif dialect.format == "json_object":
            body["response_format"] = {"type": "json_object"}
        parameters["response_format"] = dialect.format
        for picture in pictures:
            kind = "png" if picture.startswith(b"\x89PNG") else "jpeg"
            url = f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"
            content.append({"type": "image_url", "image_url": {"url": url, "detail": DETAIL}})
            parameters["detail"] = DETAIL
        return body, parameters

    def _status(self, error: openai.APIStatusError, used: Dialect) -> Reply:
        """What an answer other than 200 means: a refusal to store, or one of the exceptions."""
        status, said = error.status_code, self._said(error)
        host, model = self.address.host, self.model
        if 300 <= status < 400:
            raise EndpointRefused(
                f"{host} sends requests on to another address ({status}); give that one as --base-url if you trust it"
            )
        if error.code == "insufficient_quota" or status == 402:
            raise EndpointRefused(f"the account at {host} has no credit left ({status}); top it up or use another key")
        if status in AGAIN or status >= 500:
            raise _Again(f"it answers {status}", _retry_after(error, self._clock.now))
        if status in (401, 403):
            what = "refuses the API key" if self._key else "wants an API key"
            raise EndpointRefused(f"{host} {what} for model {model} ({status}); set {self._key_name} to a valid one")
        if status == 404:
            raise EndpointRefused(f"{host} has no model {model} at this address (404); check --model and --base-url")
        if "content_filter" in str(error.code) or "content_policy" in str(error.code):
            return Reply(text="", refusal=said or str(error.code), finish_reason="content_filter")
        if status in (400, 422):
            self._simplify(said.lower(), used)
        raise EndpointRefused(f"{host} refuses the request ({status}: {said[:200]}); check --model and --base-url")

    def _simplify(self, said: str, used: Dialect) -> None:
        """Step down to what the endpoint's message leaves.

        Raises:
            _Simpler: there is a simpler form to try.
            EndpointRefused: the model takes no pictures.
        """
        if "max_completion_tokens" in said and used.tokens == "max_tokens":
            self.dialect.tokens = "max_completion_tokens"
            raise _Simpler
        if "temperature" in said and used.temperature:
            self.dialect.temperature = False
            raise _Simpler
        if "logprobs" in said and used.logprobs:
            self.dialect.logprobs = False
            raise _Simpler
        if re.search(r"\bseed\b", said) and used.seed:
            self.dialect.seed = False
            raise _Simpler
        foreign = re.search(r"support|unknown|unrecogni[sz]ed|extra (?:inputs|fields)|not permitted|not allowed", said)
        if foreign and re.search(r"image|vision|multimodal", said):
            raise EndpointRefused(
                f"model {self.model} at {self.address.host} takes no pictures; choose a vision model with --model"
            )
        if (foreign or re.search(r"response_format|schema|json|structured", said)) and used.format != FORMATS[-1]:
            if self.dialect.format == used.format:  # another call may have stepped down meanwhile
                self.dialect.format = FORMATS[FORMATS.index(used.format) + 1]
            raise _Simpler

    def _said(self, error: openai.APIStatusError) -> str:
        body = error.body
        message = body.get("message") if isinstance(body, dict) else None
        text = message if isinstance(message, str) else json.dumps(body, default=str) if body else ""
        return KEY_LIKE.sub(HIDDEN, self._hide(" ".join(text.split())))


class _Model(BaseModel):
    id: str


class _Models(BaseModel):
    data: list[_Model]


def _retry_after(error: openai.APIStatusError, now: Callable[[], datetime]) -> float | None:
    """Seconds, from a number or a date; None where the header is missing, nonsense or in the past."""
    given = error.response.headers.get("retry-after", "").strip()
    try:
        if re.fullmatch(r"\d+(\.\d+)?", given):
            seconds = float(given)
        else:
            seconds = (parsedate_to_datetime(given) - now()).total_seconds()
    except (ValueError, TypeError):
        return None
    return seconds if seconds > 0 else None
