import asyncio
import hashlib
import io
import socket
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import structlog
from PIL import Image
from structlog.testing import capture_logs

from agent.questions import WATCH
from retrieval.endpoint import Endpoint, reachable
from retrieval.pricing import Budget, Price
from retrieval.question import Subject
from storage.answer_record import AnswerStatus, StoredAnswer
from storage.corpus import Corpus
from storage.errors import BudgetSpent, EndpointDown, EndpointRefused, NotSetUp, UsageError, ValueSpectrumError
from tests.answer_store import MemoryStore
from tests.clocks import FakeClock
from tests.fake_openai import FakeOpenAI

PRICE = Price(input=2.5, output=10.0)
SUBJECT = Subject(run_id=1, platform="sandbox", platform_id="s1")


def jpeg(colour: tuple[int, int, int] = (200, 60, 40), quality: int = 85) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (90, 160), colour).save(data, "JPEG", quality=quality)
    return data.getvalue()


class Setup:
    """A server with a client for it; the client's waits are on a clock that tests read."""

    def __init__(self, server: FakeOpenAI) -> None:
        self.server, self.clock, self.store = server, FakeClock(), MemoryStore()

    def endpoint(self, **changed: Any) -> Endpoint:
        given = {
            "store": self.store, "budget": Budget(), "clock": self.clock, "price": PRICE, "timeout": 5.0,
            "max_retries": 3, **changed,
        }  # fmt: skip
        url, key = given.pop("base_url", self.server.base_url), given.pop("api_key", self.server.key)
        return Endpoint(url, key, given.pop("model", self.server.model), **given)

    async def ask(self, subject: Subject = SUBJECT, **changed: Any) -> StoredAnswer:
        async with self.endpoint(**changed) as endpoint:
            return await endpoint.ask(WATCH, picture=jpeg(), subject=subject)


@pytest.fixture(scope="module")
def shared() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as server:
        yield server


@pytest.fixture
def setup(shared: FakeOpenAI) -> Setup:
    shared.reset("ok")
    return Setup(shared)


async def test_an_answer_is_stored_with_everything_that_led_to_it(setup: Setup) -> None:
    answer = await setup.ask()
    assert setup.store.answers == [answer]
    assert setup.store.pictures == [jpeg()] == [setup.server.requests[0].picture]
    assert (answer.status, answer.parsed) == (AnswerStatus.OK, {"answer": "yes", "reason": "the colours are warm"})
    assert answer.raw == '{"answer": "yes", "reason": "the colours are warm"}'
    assert (answer.question, answer.run_id, answer.platform_id, answer.epoch) == ("watch@1", 1, "s1", 0)
    assert (answer.model, answer.model_returned, answer.endpoint) == ("gpt-4o", "gpt-4o-2024-08-06", "127.0.0.1")
    assert answer.image_sha256 == hashlib.sha256(jpeg()).hexdigest()
    assert answer.parameters == {
        "max_tokens": 200, "temperature": 0.0, "response_format": "json_schema", "detail": "high"
    }  # fmt: skip
    assert (answer.prompt_tokens, answer.completion_tokens) == (1000, 20)
    assert answer.cost == pytest.approx((1000 * 2.5 + 20 * 10) / 1e6)
    assert answer.asked_at == setup.clock.now()
    assert answer.milliseconds >= 0


async def test_the_schema_is_sent_in_strict_form(setup: Setup) -> None:
    await setup.ask()
    sent = setup.server.requests[0].body["response_format"]["json_schema"]
    assert (sent["name"], sent["strict"], sent["schema"]) == ("watch", True, WATCH.schema)


async def test_an_answer_goes_into_a_real_corpus_with_its_picture_at_once(setup: Setup, tmp_path: Path) -> None:
    with Corpus(str(tmp_path / "c.sqlite"), collecting=True) as corpus:
        answer = await setup.ask(Subject(run_id=None, platform="sandbox", platform_id="s1"), store=corpus.answers)
    with Corpus(str(tmp_path / "c.sqlite"), collecting=False) as corpus:
        assert corpus.answers.find(answer.key, None) == answer
        assert corpus.answers.picture(answer.id) == jpeg()


@pytest.mark.parametrize(
    ("mode", "status"),
    [
        ("refusal", AnswerStatus.REFUSED), ("refusal_text", AnswerStatus.REFUSED),
        ("content_filter", AnswerStatus.REFUSED), ("filtered_request", AnswerStatus.REFUSED),
        ("nonsense", AnswerStatus.UNREADABLE), ("empty", AnswerStatus.UNREADABLE),
        ("truncated", AnswerStatus.UNREADABLE),
        ("fenced", AnswerStatus.OK), ("plain", AnswerStatus.OK), ("thinking", AnswerStatus.OK),
        ("parts", AnswerStatus.OK), ("injected", AnswerStatus.OK),
    ],
)  # fmt: skip
async def test_every_answer_is_a_result_and_asked_for_once(setup: Setup, mode: str, status: AnswerStatus) -> None:
    setup.server.mode = mode
    first, second = await setup.ask(), await setup.ask()
    assert first.status is status
    assert (first.parsed is None) == (status is not AnswerStatus.OK)
    assert second == first
    assert len(setup.server.requests) == 1
    if status is AnswerStatus.OK:
        assert first.parsed is not None
        assert first.parsed["answer"] == "yes"


async def test_an_answer_is_reused_for_new_jpeg_bytes_of_the_same_short_and_for_nothing_else(setup: Setup) -> None:
    async with setup.endpoint() as endpoint:
        await endpoint.ask(WATCH, picture=jpeg(), subject=SUBJECT)
        await endpoint.ask(WATCH, picture=jpeg(quality=40), subject=SUBJECT)
        assert (endpoint.asked, endpoint.reused) == (1, 1)
        others: list[dict[str, Any]] = [
            {"subject": replace(SUBJECT, platform_id="s2")}, {"subject": replace(SUBJECT, platform="youtube")},
            {"subject": replace(SUBJECT, run_id=2)}, {"epoch": 1}, {"persona": "angler"},
        ]  # fmt: skip
        for other in others:
            await endpoint.ask(WATCH, **{"picture": jpeg(), "subject": SUBJECT, **other})
        await endpoint.ask(replace(WATCH, text="Do you like it?"), picture=jpeg(), subject=SUBJECT)
        await endpoint.ask(replace(WATCH, temperature=1.0), picture=jpeg(), subject=SUBJECT)
        assert (endpoint.asked, endpoint.reused) == (8, 1)
    setup.server.models = ("gpt-4o", "other")
    await setup.ask(model="other")
    assert len(setup.server.requests) == 9


@pytest.mark.parametrize(("mode", "sent"), [("no_schema", "json_object"), ("no_json", "text")])
async def test_an_endpoint_without_schemas_is_asked_in_a_form_it_knows_and_that_is_remembered(
    setup: Setup, mode: str, sent: str
) -> None:
    setup.server.mode = mode
    async with setup.endpoint() as endpoint:
        first = await endpoint.ask(WATCH, picture=jpeg(), subject=SUBJECT)
        tried = len(setup.server.requests)
        await endpoint.ask(WATCH, picture=jpeg(), subject=replace(SUBJECT, platform_id="s2"))
    assert (first.status, first.parameters["response_format"]) == (AnswerStatus.OK, sent)
    assert len(setup.server.requests) == tried + 1
    assert (await setup.ask()).id == first.id, "what the endpoint knows is no part of the key"


async def test_parameters_that_an_endpoint_does_not_know_are_left_out_or_renamed(setup: Setup) -> None:
    setup.server.mode = "no_temperature"
    assert "temperature" not in (await setup.ask()).parameters
    setup.server.mode = "new_tokens"
    answer = await setup.ask(replace(SUBJECT, platform_id="s2"))
    assert "max_tokens" not in answer.parameters
    assert answer.parameters["max_completion_tokens"] > WATCH.max_tokens, "thoughts need room beside the answer"


async def test_server_errors_are_asked_again_with_growing_waits_that_a_seed_repeats(setup: Setup) -> None:
    setup.server.mode = "server_errors"
    assert (await setup.ask()).status is AnswerStatus.OK
    first, second = setup.clock.slept
    assert 0.375 <= first <= 0.625
    assert 0.75 <= second <= 1.25
    waits = []
    for seed in (0, 7):
        setup.server.reset("server_errors")
        again = Setup(setup.server)
        await again.ask(seed=seed)
        waits.append(again.clock.slept)
    assert waits[0] == [first, second]
    assert waits[1] != waits[0]


@pytest.mark.parametrize(("header", "waits"), [("7", [7, 7]), ("Thu, 01 Jan 2026 00:00:09 GMT", [9])])
async def test_retry_after_is_obeyed_in_seconds_and_as_a_date(setup: Setup, header: str, waits: list[int]) -> None:
    setup.server.reset("rate_limited", failures=len(waits), retry_after=header)
    await setup.ask()
    assert setup.clock.slept == waits


async def test_a_429_without_a_time_is_asked_again_with_our_own_waits(setup: Setup) -> None:
    setup.server.reset("rate_limited", retry_after=None)
    await setup.ask()
    assert len(setup.clock.slept) == 2


async def test_a_429_holds_back_all_calls_to_the_endpoint(setup: Setup) -> None:
    setup.server.reset("rate_limited", failures=1, retry_after="7")
    async with setup.endpoint(max_concurrency=1) as endpoint:
        subjects = [replace(SUBJECT, platform_id=str(number)) for number in range(4)]
        await asyncio.gather(*(endpoint.ask(WATCH, picture=None, subject=subject) for subject in subjects))
    assert setup.clock.slept == [7]
    assert all(answer.asked_at >= FakeClock().now() for answer in setup.store.answers)
    assert len({answer.asked_at for answer in setup.store.answers}) == 1, "none was asked before the seven seconds"


async def test_an_endpoint_that_asks_for_an_hour_is_down_at_once(setup: Setup) -> None:
    setup.server.mode = "rate_limited_long"
    with pytest.raises(EndpointDown):
        await setup.ask()
    assert (setup.clock.slept, len(setup.server.requests)) == ([], 1)


@pytest.mark.parametrize("mode", ["down", "cut", "not_json"])
async def test_an_endpoint_that_never_answers_is_down_after_all_tries_and_nothing_is_stored(
    setup: Setup, mode: str
) -> None:
    setup.server.mode = mode
    with pytest.raises(EndpointDown) as raised:
        await setup.ask()
    assert_sentence(raised.value)
    assert len(setup.server.requests) == 4
    assert setup.store.answers == []


@pytest.mark.parametrize("mode", ["hang", "slow_body"])
async def test_an_answer_that_takes_too_long_is_given_up_even_if_bytes_keep_coming(setup: Setup, mode: str) -> None:
    setup.server.mode = mode
    with pytest.raises(EndpointDown, match=r"no answer within 0\.3 s"):
        await setup.ask(timeout=0.3, max_retries=1)
    assert len(setup.server.requests) == 2


async def test_a_host_without_a_server_is_down_in_one_sentence(setup: Setup) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    with pytest.raises(EndpointDown) as raised:
        await setup.ask(base_url=url)
    assert_sentence(raised.value)


@pytest.mark.parametrize(
    ("mode", "changed", "says"),
    [
        ("ok", {"api_key": "sk-wrong-9876543210"}, "OPENAI_API_KEY"), ("ok", {"api_key": None}, "OPENAI_API_KEY"),
        ("echo_key", {"api_key": "sk-wrong-9876543210"}, "OPENAI_API_KEY"),
        ("ok", {"model": "gpt-9"}, "--model"), ("no_pictures", {}, "takes no pictures"), ("quota", {}, "no credit"),
        ("redirect", {}, "another address"), ("ok", {"base_url": "http://127.0.0.1:PORT/v7"}, "--base-url"),
    ],
)  # fmt: skip
async def test_what_asking_again_cannot_help_is_refused_at_once_in_one_sentence(
    setup: Setup, mode: str, changed: dict[str, Any], says: str
) -> None:
    setup.server.mode = mode
    if "base_url" in changed:
        changed = {"base_url": setup.server.base_url.replace("/v1", "/v7")}
    with pytest.raises(EndpointRefused, match=says) as raised:
        await setup.ask(**changed)
    assert_sentence(raised.value)
    assert len(setup.server.requests) + len(setup.server.paths) <= 2
    assert (setup.clock.slept, setup.store.answers) == ([], [])


def assert_sentence(error: ValueSpectrumError) -> None:
    assert "\n" not in str(error)
    assert len(str(error)) < 400
    assert "sk-" not in str(error)


@pytest.mark.parametrize("mode", ["ok", "rate_limited", "echo_key", "down", "refusal_text"])
async def test_the_key_is_in_no_log_no_error_and_no_row(setup: Setup, mode: str) -> None:
    setup.server.mode = mode
    setup.server.script = lambda asked: {"answer": "yes", "reason": asked.headers["authorization"]}
    structlog.reset_defaults()
    with capture_logs() as logs:
        try:
            answer = await setup.ask(base_url=setup.server.base_url + "?token=hush-hush")
            said = repr(asdict(answer))
        except ValueSpectrumError as error:
            said = repr(error)
    assert len(setup.server.requests) == {"ok": 1, "rate_limited": 3, "echo_key": 1, "down": 4, "refusal_text": 1}[mode]
    for secret in (str(setup.server.key), "hush-hush"):
        assert secret not in said + repr(logs)


async def test_every_answer_and_every_retry_is_an_event(setup: Setup) -> None:
    setup.server.mode = "rate_limited"
    structlog.reset_defaults()
    with capture_logs() as logs:
        await setup.ask()
    assert [event["event"] for event in logs] == ["answer_retry", "answer_retry", "answer"]
    assert {"question", "status", "milliseconds", "cost", "platform_id"} <= logs[-1].keys()


async def test_a_budget_stops_before_the_call_that_could_pass_it(setup: Setup) -> None:
    budget = Budget(max_cost=0.03)
    async with setup.endpoint(budget=budget) as endpoint:
        outcomes = [
            await asyncio.gather(
                endpoint.ask(WATCH, picture=jpeg(), subject=replace(SUBJECT, platform_id=str(number))),
                return_exceptions=True,
            )
            for number in range(20)
        ]
    stopped = outcomes[-1][0]
    assert isinstance(stopped, BudgetSpent)
    assert_sentence(stopped)
    costs = [answer.cost or 0 for answer in setup.store.answers]
    assert budget.spent == pytest.approx(sum(costs))
    at_most = PRICE.at_most(WATCH, picture=True)
    assert 0.03 - at_most < sum(costs) <= 0.03
    assert len(setup.server.requests) == len(costs)


async def test_calls_under_way_together_keep_to_the_budget_too(setup: Setup) -> None:
    setup.server.delay = 0.05
    at_most = PRICE.at_most(WATCH, picture=False)
    async with setup.endpoint(budget=Budget(max_cost=3 * at_most), max_concurrency=8) as endpoint:
        outcomes = await asyncio.gather(
            *(endpoint.ask(WATCH, picture=None, subject=replace(SUBJECT, platform_id=str(n))) for n in range(8)),
            return_exceptions=True,
        )
    assert sum(isinstance(outcome, BudgetSpent) for outcome in outcomes) == 5
    assert len(setup.server.requests) == 3


async def test_answers_without_token_counts_are_charged_at_their_most(setup: Setup) -> None:
    setup.server.mode = "no_usage"
    budget = Budget(max_cost=1.0)
    answer = await setup.ask(budget=budget)
    assert (answer.cost, answer.prompt_tokens) == (None, None)
    assert budget.spent == pytest.approx(PRICE.at_most(WATCH, picture=True))


async def test_failed_calls_give_their_reservation_back(setup: Setup) -> None:
    setup.server.mode = "down"
    budget = Budget(max_cost=1.0)
    with pytest.raises(EndpointDown):
        await setup.ask(budget=budget)
    assert (budget.spent, budget.reserved) == (0, 0)


async def test_no_more_calls_than_allowed_are_under_way_at_once(setup: Setup) -> None:
    setup.server.delay = 0.03
    async with setup.endpoint(max_concurrency=3) as endpoint:
        subjects = [replace(SUBJECT, platform_id=str(number)) for number in range(12)]
        await asyncio.gather(*(endpoint.ask(WATCH, picture=None, subject=subject) for subject in subjects))
    assert setup.server.most_at_once == 3


async def test_reachable_says_what_it_found(setup: Setup) -> None:
    server = setup.server
    assert await reachable(server.base_url, server.key, "gpt-4o") == "127.0.0.1 answers and has gpt-4o"
    with pytest.raises(EndpointRefused, match="does not list model gpt-9"):
        await reachable(server.base_url, server.key, "gpt-9")
    with pytest.raises(EndpointRefused, match="refuses the API key"):
        await reachable(server.base_url, "sk-wrong-9876543210", "gpt-4o")
    for mode in ("down", "not_json"):
        server.mode = mode
        with pytest.raises(EndpointDown):
            await reachable(server.base_url, server.key, "gpt-4o")
    assert server.requests == [], "it costs nothing"


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"base_url": None, "api_key": None}, NotSetUp),
        ({"api_key": "sk-with\nline end"}, UsageError),
        ({"base_url": "https://api.openai.com/v1", "local_only": True}, EndpointRefused),
        ({"budget": Budget(max_cost=1.0), "price": None}, UsageError),
    ],
)
def test_settings_that_cannot_work_are_refused_before_anything_is_sent(
    setup: Setup, changed: dict[str, Any], error: type[ValueSpectrumError]
) -> None:
    with pytest.raises(error) as raised:
        setup.endpoint(**changed)
    assert_sentence(raised.value)


async def test_nothing_for_this_machine_goes_through_a_proxy(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert (await setup.ask()).status is AnswerStatus.OK


async def test_openai_account_names_are_told_to_no_other_host(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-1")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-1")
    await setup.ask()
    assert not {"org-1", "proj-1"} & set(setup.server.requests[0].headers.values())
