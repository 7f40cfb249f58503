"""The model client for any OpenAI-compatible endpoint (D14): ask once, keep every answer, stop at the budget.

ask -> already answered in this run? -> budget -> transport (retries) -> ok | refused | unreadable -> stored
"""

import hashlib
import math
from collections.abc import Iterable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Self

import structlog

from retrieval.address import Address, find_address
from retrieval.clock import Clock
from retrieval.lane import Lane
from retrieval.pricing import Budget, Price
from retrieval.question import Question, Subject, answer_key
from retrieval.reading import chances, read
from storage.answer_record import AnswerRecord, AnswerStore, StoredAnswer
from storage.errors import EndpointRefused, NotSetUp, UsageError

if TYPE_CHECKING:
    from retrieval.transport import Received

# `retrieval.transport` is imported where a model is asked: the SDK takes half a second, and most commands ask nobody.

log = structlog.get_logger()


class _SingleTry:
    """The clock of a call that is made once and so never waits or measures."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def steady(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        """Nothing to wait for."""


async def reachable(
    base_url: str | None,
    api_key: str | None,
    model: str,
    *,
    local_only: bool = False,
    timeout: float = 10.0,
) -> str:
    """One sentence about an endpoint that answers and has the model; asks only for its list, which costs nothing.

    Raises:
        NotSetUp, UsageError, EndpointRefused, EndpointDown: as for `Endpoint`, and where the model is not in the list.
    """
    from retrieval.transport import Transport

    address = _address(base_url, api_key, local_only=local_only)
    transport = Transport(
        address, api_key, model, clock=_SingleTry(), seed=0, timeout=timeout, max_retries=0, max_concurrency=1
    )
    try:
        listed = await transport.models()
    finally:
        await transport.close()
    if not listed:
        return f"{address.host} answers; it lists no models, so {model} is not checked"
    if not any(name == model or name.endswith("/" + model) for name in listed):
        raise EndpointRefused(
            f"{address.host} does not list model {model}; choose one of its {len(listed)} with --model"
        )
    return f"{address.host} answers and has {model}"


KEY = "OPENAI_API_KEY"


def _address(base_url: str | None, api_key: str | None, *, local_only: bool, key_name: str = KEY) -> Address:
    address = find_address(base_url, local_only=local_only)
    if address.is_openai and not (api_key or "").strip():
        raise NotSetUp(
            f"{address.host} needs an API key and none is set; set {key_name}, "
            "or --base-url to an endpoint that needs none"
        )
    return address


class Endpoint:
    """One model behind one address. Safe for many `ask` at once within one event loop."""

    def __init__(
        self,
        base_url: str | None,
        api_key: str | None,
        model: str,
        *,
        store: AnswerStore,
        budget: Budget,
        clock: Clock,
        price: Price | None = None,
        seed: int = 0,
        timeout: float = 60.0,
        max_retries: int = 5,
        max_concurrency: int = 4,
        local_only: bool = False,
        lane: Lane | None = None,
        key_name: str = KEY,
    ) -> None:
        """Check the settings; nothing is sent yet.

        Args:
            base_url: None is OpenAI's own.
            price: from `pricing.price_of`; None where it is not known.
            seed: of the jitter between retries.
            timeout: seconds for one whole answer, by the machine's clock.
            lane: turns shared with other models of the same endpoint; instead of `max_concurrency`.
            key_name: environment variable of the key, for messages.

        Raises:
            NotSetUp: OpenAI's address without a key.
            EndpointRefused: not on this machine, with `local_only`.
            UsageError: no address, no possible key, or a budget for a model whose price is not known.
        """
        from retrieval.transport import Transport

        address = _address(base_url, api_key, local_only=local_only, key_name=key_name)
        if budget.max_cost is not None and price is None:
            raise UsageError(
                f"--max-cost needs the price of {model}, which is not in the list; "
                "add --price IN:OUT (US dollars per million tokens, 0:0 for a model of your own)"
            )
        self.model, self.host = model, address.host
        self.budget, self.price = budget, price
        self.asked = 0
        """Answers that the endpoint gave since the start."""
        self.reused = 0
        """Answers taken from the store instead."""
        self._store = store
        self._transport = Transport(
            address, api_key, model, clock=clock, seed=seed,
            timeout=timeout, max_retries=max_retries, max_concurrency=max_concurrency, lane=lane,
            key_name=key_name,
        )  # fmt: skip

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()

    async def ask(
        self, question: Question, *, picture: bytes | None, subject: Subject, persona: str | None = None,
        epoch: int = 0, second: bytes | None = None,
    ) -> StoredAnswer:  # fmt: skip
        """The answer to a question about a subject: the stored one if it was answered before, else a new one, which
        is in the store before this returns. Refused and unreadable answers are answers.

        Args:
            picture: JPEG or PNG as it is sent.
            persona: name of the role that the question's wording plays, for the row and its key.
            epoch: another number asks anew.
            second: a second picture beside the first. The row keeps the first one's bytes and both hashes: a question
                that is put in both orders keeps both pictures.

        Raises:
            BudgetSpent: before the call that could exceed --max-cost.
            EndpointDown: no answer after all retries; nothing is stored.
            EndpointRefused: asking again cannot help.
        """
        key = answer_key(question, model=self.model, host=self.host, persona=persona, subject=subject, epoch=epoch)
        known = self._store.find(key, subject.run_id) if subject.platform_id is not None else None
        if known is not None:
            self.reused += 1
            log.info("answer_reused", question=question.id, platform_id=subject.platform_id, answer_id=known.id)
            return known
        thinking = self._transport.dialect.thinking
        pictures = [data for data in (picture, second) if data is not None]
        at_most = self.price.at_most(question, picture=len(pictures), thinking=thinking) if self.price else 0.0
        self.budget.reserve(at_most)
        spent = 0.0
        try:
            received = await self._transport.send(question, pictures, key)
            cost = self._cost(received)
            spent = at_most if cost is None else cost  # an endpoint that counts no tokens is not free
        finally:
            self.budget.settle(at_most, spent)
        answer = self._record(key, question, subject, persona, epoch, pictures, received, cost)
        stored = self._store.put(answer, picture)
        self.asked += 1
        log.info(
            "answer", question=question.id, platform=subject.platform, platform_id=subject.platform_id,
            status=str(stored.status), milliseconds=stored.milliseconds, cost=cost, answer_id=stored.id,
        )  # fmt: skip
        return stored

    def _cost(self, received: "Received") -> float | None:
        sent, got = received.reply.prompt_tokens, received.reply.completion_tokens
        if self.price is None or sent is None or got is None:
            return None
        cost = self.price.cost(sent, got)
        return cost if math.isfinite(cost) else None

    def _record(
        self, key: str, question: Question, subject: Subject, persona: str | None, epoch: int,
        pictures: list[bytes], received: "Received", cost: float | None,
    ) -> AnswerRecord:  # fmt: skip
        reply, parameters = received.reply, received.parameters
        status, parsed = read(reply, question)
        if parsed is not None and (shares := chances(reply, question.choices)) is not None:
            parsed = {**parsed, "chances": shares}
        hashes = [hashlib.sha256(data).hexdigest() for data in pictures]
        if question.shown:
            parameters = {**parameters, "shown": question.shown}
        if len(hashes) > 1:
            parameters = {**parameters, "pictures": hashes}
        return AnswerRecord(
            key=key,
            question=question.id,
            run_id=subject.run_id,
            platform=subject.platform,
            platform_id=subject.platform_id,
            epoch=epoch,
            persona=persona,
            model=self.model,
            model_returned=reply.model,
            endpoint=self.host,
            parameters=parameters,
            image_sha256=hashes[0] if hashes else None,
            raw=reply.raw,
            parsed=parsed,
            status=status,
            prompt_tokens=reply.prompt_tokens,
            completion_tokens=reply.completion_tokens,
            cost=cost,
            milliseconds=received.milliseconds,
            asked_at=received.asked_at,
        )


async def close_all(endpoints: Iterable[Endpoint]) -> None:
    """Close every one, whatever closing another one meets."""
    async with AsyncExitStack() as stack:
        for endpoint in endpoints:
            stack.push_async_callback(endpoint.close)
