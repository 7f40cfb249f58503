"""Turns at an endpoint, and the probabilities it gives: what many calls at once rest on."""

import asyncio
import json
import math
from dataclasses import replace
from typing import Any

import pytest

from agent.benchmark.questions import CHOICE, WORDINGS
from retrieval.completion import completion
from retrieval.endpoint import Endpoint
from retrieval.lane import Lane
from retrieval.pricing import Budget
from retrieval.question import Subject, answer_key
from retrieval.reading import chances
from tests.answer_store import MemoryStore
from tests.clocks import FakeClock
from tests.fake_openai import Asked, FakeOpenAI, _error
from tests.storage_tools import scene

LIKE = WORDINGS["like@1"].question


async def test_no_more_calls_are_under_way_than_allowed_and_each_gets_its_turn_in_order() -> None:
    lane = Lane(FakeClock(), 3)
    under_way, most, order = 0, 0, []

    async def call(number: int) -> None:
        nonlocal under_way, most
        async with lane.turn():
            under_way += 1
            most = max(most, under_way)
            order.append(number)
            await asyncio.sleep(0)
            under_way -= 1

    await asyncio.gather(*(call(number) for number in range(20)))
    assert (most, order) == (3, list(range(20)))


async def test_a_429_halves_what_is_allowed_once_for_calls_that_were_under_way_together() -> None:
    clock = FakeClock()
    lane = Lane(clock, 16)
    clock.seconds = 10.0
    for _ in range(5):
        lane.slow_down(began=9.0, wait=None)
    assert (lane.allowed, lane.too_many) == (8.0, 5)
    clock.seconds = 11.0
    lane.slow_down(began=10.5, wait=None)
    assert lane.allowed == 4.0
    for _ in range(4):
        lane.answered()
    assert 4.9 < lane.allowed < 5.1
    for _ in range(1000):
        lane.answered()
    assert lane.allowed == 16.0
    for second in range(20, 40):
        clock.seconds = second
        lane.slow_down(began=second, wait=None)
    assert lane.allowed == 1.0


async def test_retry_after_holds_back_every_call_of_the_lane_and_no_longer_than_asked() -> None:
    clock = FakeClock()
    lane = Lane(clock, 4)
    lane.slow_down(began=0.0, wait=7.0)
    began = []

    async def call() -> None:
        async with lane.turn():
            began.append(clock.seconds)

    await asyncio.gather(call(), call())
    assert began == [7.0, 7.0]


async def test_calls_a_minute_are_spread_over_the_minute() -> None:
    clock = FakeClock()
    lane = Lane(clock, 2, per_minute=30)
    began = []
    for _ in range(4):
        async with lane.turn():
            began.append(clock.seconds)
    assert began == [0.0, 2.0, 4.0, 6.0]


async def test_a_call_that_is_given_up_while_it_waits_passes_its_turn_on() -> None:
    lane = Lane(FakeClock(), 1)
    release = asyncio.Event()

    async def hold() -> None:
        async with lane.turn():
            await release.wait()

    async def short() -> bool:
        async with lane.turn():
            return True

    holding = asyncio.create_task(hold())
    await asyncio.sleep(0)
    waiting = [asyncio.create_task(short()) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    release.set()
    await asyncio.sleep(0)
    waiting[1].cancel()  # it may just have been given its turn
    await asyncio.wait_for(asyncio.gather(holding, *waiting, return_exceptions=True), 5)
    assert waiting[2].result()


def body(text: str, places: list[dict[str, Any]]) -> str:
    choice = {"message": {"role": "assistant", "content": text}, "logprobs": {"content": places}}
    return json.dumps({"choices": [choice]})


def place(token: str, **shares: float) -> dict[str, Any]:
    likely = [{"token": other, "logprob": math.log(share)} for other, share in shares.items()]
    return {"token": token, "logprob": math.log(shares.get(token, 1.0)), "top_logprobs": likely}


def test_the_probability_of_yes_is_its_share_of_all_that_went_to_yes_or_no() -> None:
    places = [place('{"answer": "'), place("yes", yes=0.6, Yes=0.1, no=0.2, maybe=0.1), place('"}')]
    found = chances(completion(body('{"answer": "yes"}', places)), ("yes", "no"))
    assert found is not None
    assert found["yes"] == pytest.approx(0.7 / 0.9, abs=1e-5)
    assert sum(found.values()) == pytest.approx(1, abs=1e-5)


def test_the_answer_is_read_where_it_is_given_not_where_it_is_thought_about_or_explained() -> None:
    thought = [place("no", no=1.0), place('{"answer": "'), place("yes", yes=0.8, no=0.2)]
    explained = [place("Yes", Yes=0.8, No=0.2), place("no", no=1.0)]
    for text, places in (('no? {"answer": "yes"}', thought), ("Yes, no doubt", explained)):
        assert chances(completion(body(text, places)), ("yes", "no")) == {"yes": 0.8, "no": 0.2}


@pytest.mark.parametrize("given", [None, {}, {"content": None}, {"content": [{"token": 3}]}, "nonsense", [1]])
def test_an_answer_without_readable_probabilities_is_an_answer_all_the_same(given: Any) -> None:
    choice = {"message": {"content": "yes"}, "logprobs": given}
    reply = completion(json.dumps({"choices": [choice]}))
    assert (reply.text, reply.tokens, chances(reply, ("yes", "no"))) == ("yes", (), None)


class Plain(FakeOpenAI):
    """Knows neither log-probabilities nor seeds, and says so."""

    def _fault(self, asked: Asked) -> Any:
        for name in ("logprobs", "seed"):
            if name in asked.body:
                return _error(400, f"Unrecognized request argument supplied: {name}")
        return super()._fault(asked)


async def test_an_endpoint_that_knows_no_probabilities_and_no_seed_is_asked_without_them() -> None:
    store = MemoryStore()
    with Plain(script=lambda asked: {"answer": "yes"}) as server:
        async with Endpoint(
            server.base_url, server.key, server.model, store=store, budget=Budget(), clock=FakeClock()
        ) as endpoint:
            for name in ("a", "b"):
                subject = Subject(run_id=1, platform="p", platform_id=name)
                answer = await endpoint.ask(replace(LIKE, seed=7), picture=scene(1), subject=subject)
    assert answer.parsed == {"answer": "yes"}
    assert not {"logprobs", "seed"} & set(answer.parameters)
    assert len(server.requests) == 4  # twice refused, and then remembered


async def test_two_pictures_are_sent_in_order_and_both_named_in_the_row() -> None:
    store = MemoryStore()
    subject = Subject(run_id=1, platform="p", platform_id="a", second="p:b")
    with FakeOpenAI(script=lambda asked: {"answer": "second"}) as server:
        async with Endpoint(
            server.base_url, server.key, server.model, store=store, budget=Budget(), clock=FakeClock()
        ) as endpoint:
            answer = await endpoint.ask(CHOICE, picture=scene(1), second=scene(2), subject=subject)
    parts = server.requests[0].body["messages"][-1]["content"]
    assert [part["type"] for part in parts] == ["text", "image_url", "image_url"]
    assert answer.parameters["pictures"][0] == answer.image_sha256
    assert len(set(answer.parameters["pictures"])) == 2
    assert answer.parsed == {"answer": "second"}


def test_the_key_of_an_answer_tells_a_second_picture_a_seed_and_how_pictures_are_made() -> None:
    def key(question: Any, second: str | None = None) -> str:
        subject = Subject(run_id=1, platform="p", platform_id="a", second=second)
        return answer_key(question, model="m", host="h", persona=None, subject=subject, epoch=0)

    asked = [
        LIKE,
        replace(LIKE, seed=1),
        replace(LIKE, seed=2),
        replace(LIKE, shown="screen"),
        replace(LIKE, choices=()),
    ]
    assert len({key(question) for question in asked} | {key(LIKE, "p:b"), key(LIKE, "p:c")}) == 7
