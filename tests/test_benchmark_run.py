"""`python -m agent.benchmark` as a user runs it, over real HTTP: what is asked, kept, and not asked again."""

import io
import json
import signal
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import select

from agent.benchmark.questions import DESCRIPTION, LIKE_TEXT, WHY, WORDINGS
from retrieval.valueset import ValueSet
from storage.database import open_database
from storage.models import Event, Run
from storage.summary import summarise
from tests.benchmark_tools import CONTROL, PER_MODEL, SLOTS, Ground, configuration, of, opinion, stored, table
from tests.commands import command, environment, hears_interrupts, run, wait_until
from tests.fake_openai import Asked, FakeOpenAI, _error
from tests.in_process import Ended

pytest_plugins = ("tests.benchmark_fixtures",)

PLANTED = ("scripted:likes-hedonism:1:0.4", "scripted:refuses-power", "scripted:first-picture")


def models(*names: str) -> list[str]:
    return [part for name in names for part in ("--model", name)]


def test_three_scripted_models_over_http_and_a_second_run_that_asks_nothing(made: Ground) -> None:
    home = made.corpus.parent
    arguments = (
        "--corpus", made.corpus, "--manifest", made.manifest, *models(*PLANTED), "--control", CONTROL,
         "--pairs", 2, "--wordings", "--out", home / "out", "--json",
    )  # fmt: skip
    env = environment(home, VALUE_SPECTRUM_CONFIG_DIR=str(configuration()))
    done = run(home, "agent.benchmark", *map(str, arguments), env=env)
    assert done.returncode == 0, done.stderr[-2000:]
    figures = json.loads(done.stdout)
    asked = (SLOTS + CONTROL) * (8 + 2) + 3 * 2 * 2
    assert {one["answered"] for one in figures["models"].values()} == {asked}
    assert figures["models"][PLANTED[1]]["refused"] > 0
    assert figures["state"] == "complete"
    rows = table(home / "out")
    assert len(rows) == 3 * asked  # every picture fills one slot here
    assert json.loads((home / "out" / "answers.json").read_text())[0]["model"] == PLANTED[0]
    liked = [row for row in rows if row["model"] == PLANTED[0] and row["purpose"] == "like"]
    assert {row["verdict"] for row in liked if row["value"] == "hedonism"} == {"yes"}
    assert {row["verdict"] for row in liked if row["value"] == "power"} == {"yes", "no"}
    assert {row["p_yes"] for row in liked if row["verdict"] == "yes"} == {"0.9"}
    refused = {row["value"] for row in rows if row["verdict"] == "refused"}
    assert refused == {"power"}
    first = [row for row in rows if row["model"] == PLANTED[2] and row["purpose"] == "choice"]
    assert {row["chosen"] for row in first} == {"1"}
    again = run(home, "agent.benchmark", *map(str, arguments), env=env)
    assert json.loads(again.stdout)["calls"] == 0
    assert table(home / "out") == rows
    assert len(stored(made.corpus)) == 3 * asked


def test_every_question_is_asked_once_with_the_picture_at_the_stated_size(
    made: Ground, server: FakeOpenAI, benchmark: Callable[..., Ended]
) -> None:
    figures = benchmark(*of(server, "--size", 80)).figures
    assert figures["calls"] == len(server.requests) == PER_MODEL
    texts = Counter(asked.prompt for asked in server.requests)
    assert texts == dict.fromkeys((WORDINGS["like@1"].question.text, WHY.text, DESCRIPTION.text), SLOTS + CONTROL)
    for asked in server.requests:
        assert asked.picture is not None
        assert max(Image.open(io.BytesIO(asked.picture)).size) == 80
    assert {answer.parameters["shown"] for answer in stored(made.corpus)} == {"screen, 80 px, JPEG 90"}
    assert {answer.parameters["seed"] for answer in stored(made.corpus)} == {1}
    server.requests.clear()
    assert benchmark(*of(server, "--size", 80)).figures["calls"] == 0
    assert server.requests == []
    assert benchmark(*of(server, "--size", 64)).figures["calls"] == PER_MODEL  # another plan


def test_the_plan_is_stored_before_the_first_call_and_once(
    made: Ground, server: FakeOpenAI, benchmark: Callable[..., Ended]
) -> None:
    server.mode = "down"
    benchmark(*of(server, "--retries", 0), code=1)
    server.mode = "ok"
    figures = benchmark(*of(server)).figures
    with open_database(made.corpus, write=False) as database, database.read() as session:
        events = list(session.scalars(select(Event).where(Event.kind == "analysis_plan")))
        runs = list(session.scalars(select(Run).where(Run.mode == "benchmark")))
        platforms = [one.platform for one in summarise(database).platforms]
    assert platforms == ["sandbox"]  # that the corpus was collected from; a benchmark opens no site
    assert [event.detail["hash"] for event in events] == [figures["plan_hash"]]
    assert events[0].at <= stored(made.corpus)[0].asked_at
    assert events[0].detail["plan"]["questions"]["like@1"] == WORDINGS["like@1"].question.fingerprint
    assert "sk-test" not in json.dumps([event.detail for event in events] + [row.settings for row in runs])
    assert [row.state for row in runs] == ["finished"]  # the run that got no answer was continued


def test_a_try_is_balanced_and_its_answers_count_in_the_full_run(
    made: Ground, server: FakeOpenAI, benchmark: Callable[..., Ended]
) -> None:
    few = benchmark(*of(server, "--limit", 4)).figures
    assert few["calls"] == 4 * 3
    assert Counter(row["value"] for row in table() if row["purpose"] == "like") == dict.fromkeys(
        ("hedonism", "power", "tradition", ""), 1
    )
    full = benchmark(*of(server)).figures
    assert (full["calls"], full["plan_hash"]) == (PER_MODEL - 12, few["plan_hash"])
    assert len({answer.key for answer in stored(made.corpus)}) == len(server.requests) == PER_MODEL


def test_killed_and_run_again_asks_nothing_twice_that_was_answered(made: Ground, server: FakeOpenAI) -> None:
    server.delay = 0.1
    home = made.corpus.parent
    arguments = (
        "--corpus", made.corpus, "--manifest", made.manifest, *of(server, "--at-once", 4), "--control", CONTROL,
        "--json",
    )  # fmt: skip
    env = environment(home, VALUE_SPECTRUM_CONFIG_DIR=str(configuration()), OPENAI_API_KEY="sk-test-0123456789")
    process = subprocess.Popen(
        command("agent.benchmark", *map(str, arguments)),
        cwd=home,
        env=env,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert wait_until(lambda: len(server.requests) > 15)
    process.kill()
    process.wait()
    before = len(stored(made.corpus))
    assert 0 < before < PER_MODEL
    server.delay = 0.0
    done = run(home, "agent.benchmark", *map(str, arguments), env=env)
    figures = json.loads(done.stdout)
    assert (figures["calls"], figures["models"]["gpt-4o"]["answered_before"]) == (PER_MODEL - before, before)
    assert len({answer.key for answer in stored(made.corpus)}) == len(stored(made.corpus)) == PER_MODEL
    assert len(server.requests) <= PER_MODEL + 4


def test_interrupted_by_hand_it_says_so_and_the_run_is_left_to_be_continued(made: Ground, server: FakeOpenAI) -> None:
    server.delay = 0.2
    home = made.corpus.parent
    env = environment(home, VALUE_SPECTRUM_CONFIG_DIR=str(configuration()), OPENAI_API_KEY="sk-test-0123456789")
    arguments = ("--corpus", made.corpus, "--manifest", made.manifest, *of(server))
    process = subprocess.Popen(
        command("agent.benchmark", *map(str, arguments)),
        cwd=home,
        env=env,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=hears_interrupts,
    )
    assert wait_until(lambda: len(server.requests) > 8)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 130, said
    assert "interrupted" in said
    with open_database(made.corpus, write=False) as database, database.read() as session:
        row = session.scalars(select(Run).where(Run.mode == "benchmark")).one()
    assert (row.state, row.cause) == ("stopped", "interrupted")


def test_money_that_is_used_up_stops_cleanly_and_a_higher_limit_goes_on(
    made: Ground, server: FakeOpenAI, benchmark: Callable[..., Ended]
) -> None:
    ended = benchmark(*of(server, "--max-cost", 0.05, "--at-once", 2), code=4)
    assert "--max-cost 0.05 is used up" in ended.err
    assert ended.figures["state"] == "stopped"
    answers = stored(made.corpus)
    assert 0 < len(answers) == len(server.requests) < PER_MODEL
    spent = sum(answer.cost or 0 for answer in answers)
    assert 0.02 < spent <= 0.05
    assert not Path("out").exists()
    assert "is used up" in benchmark(*of(server, "--max-cost", 0.05), code=4).err  # what was spent counts
    benchmark(*of(server, "--max-cost", 5))
    assert len(server.requests) == PER_MODEL
    assert "needs the price" in benchmark(*of(server, "--max-cost", 5, model="unheard-of"), code=2).err


class Crowded(FakeOpenAI):
    """Answers 429 to whoever comes when so many calls are under way."""

    capacity = 3
    turned_away = 0

    def _fault(self, asked: Asked) -> Any:
        if self.under_way > self.capacity:
            self.turned_away += 1
            return _error(429, "slow down", "rate_limit_exceeded", {"retry-after": "0.2"})
        return super()._fault(asked)


def test_many_calls_at_once_settle_below_the_endpoints_limit(benchmark: Callable[..., Ended]) -> None:
    with Crowded(script=opinion, delay=0.02) as crowded:
        figures = benchmark(*of(crowded, "--at-once", 16)).figures
        assert figures["models"]["gpt-4o"]["answered"] == PER_MODEL
        assert figures["too_many_requests"] == crowded.turned_away > 0
        assert crowded.turned_away < PER_MODEL / 2  # not every call is turned away first


def test_a_dry_run_says_what_it_will_take_and_writes_nothing(
    made: Ground, server: FakeOpenAI, benchmark: Callable[..., Ended]
) -> None:
    figures = benchmark(*of(server, "--dry-run", "--at-once", 4, "--price", "10:10")).figures
    assert (figures["calls"], figures["pictures"]) == (PER_MODEL, SLOTS + CONTROL)
    assert figures["seconds"] == pytest.approx(PER_MODEL * 2 / 4)
    assert figures["cost_at_most"] > PER_MODEL * 1500 * 10 / 1e6
    assert server.requests == []
    with open_database(made.corpus, write=False) as database, database.read() as session:
        assert session.scalars(select(Run).where(Run.mode == "benchmark")).all() == []
    benchmark(*of(server, "--price", "10:10"))
    after = benchmark(*of(server, "--dry-run", "--price", "10:10")).figures
    assert (after["calls"], after["cost_at_most"]) == (0, 0)
    spent = sum(answer.cost or 0 for answer in stored(made.corpus))
    assert spent < figures["cost_at_most"]


def test_descriptions_by_one_model_are_judged_by_others_without_the_picture(
    made: Ground, server: FakeOpenAI, benchmark: Callable[..., Ended]
) -> None:
    server.models = ("gpt-4o", "reader")
    first = next(iter(ValueSet.load(made.manifest).filled)).shown
    assert first is not None
    silent: list[str] = []

    def says(asked: Asked) -> dict[str, Any]:
        if asked.prompt == DESCRIPTION.text and not silent:
            silent.append("once")
            return {"text": 5}  # unreadable: this picture gets no description
        return opinion(asked)

    server.script = says
    Path("plan.toml").write_text(
        'modality = ["image", "caption"]\ncaptioner = "gpt-4o"\nbeside = []\n'
        f'[[model]]\nname = "gpt-4o"\nbase_url = "{server.base_url}"\nkey = "OPENAI_API_KEY"\n'
        f'[[model]]\nname = "reader"\nbase_url = "{server.base_url}"\nkey = "OPENAI_API_KEY"\npictures = false\n',
        encoding="utf-8",
    )
    figures = benchmark("plan.toml").figures
    shown = SLOTS + CONTROL
    assert figures["models"]["gpt-4o"]["answered"] == 2 * shown + shown - 1
    assert figures["models"]["reader"]["answered"] == shown - 1
    texts = [asked for asked in server.requests if asked.prompt.startswith(LIKE_TEXT.question.text)]
    assert all(asked.picture is None for asked in texts)
    described = {
        answer.parsed["text"] for answer in stored(made.corpus) if answer.question == DESCRIPTION.id and answer.parsed
    }
    assert {json.loads(asked.prompt.splitlines()[-1])["description"] for asked in texts} == described
    captions = [row for row in table() if row["modality"] == "caption"]
    assert {(row["captioner"], row["wording"]) for row in captions} == {("gpt-4o", LIKE_TEXT.name)}
    server.requests.clear()
    assert benchmark("plan.toml").figures["calls"] == 0


def test_screen_and_frame_epochs_and_refusals_are_answers_of_their_own_and_final(
    made: Ground, server: FakeOpenAI, benchmark: Callable[..., Ended]
) -> None:
    server.mode = "refusal"
    asked = of(server, "--picture", "screen,frame", "--epochs", 2, "--temperature", 0.7, "--control", 0)
    figures = benchmark(*asked).figures
    assert figures["calls"] == 2 * SLOTS * (2 + 2)
    assert figures["models"]["gpt-4o"]["refused"] == figures["calls"]
    rows = [row for row in table() if row["purpose"] == "like"]
    assert Counter((row["picture_kind"], row["epoch"]) for row in rows) == dict.fromkeys(
        [("screen", "0"), ("screen", "1"), ("frame", "0"), ("frame", "1")], SLOTS
    )
    assert {row["verdict"] for row in rows} == {"refused"}
    seeds = {
        (answer.epoch, answer.parameters["seed"], answer.parameters["temperature"]) for answer in stored(made.corpus)
    }
    assert seeds == {(0, 1, 0.7), (1, 2, 0.7)}
    server.mode = "ok"
    assert benchmark(*asked).figures["calls"] == 0


def test_answers_of_another_plan_are_reused_only_when_asked_for(
    server: FakeOpenAI, benchmark: Callable[..., Ended]
) -> None:
    benchmark(*of(server))
    server.requests.clear()
    more = of(server, "--pairs", 1)
    figures = benchmark(*more, "--reuse").figures
    assert figures["calls"] == len(server.requests) == 3 * 2  # the pairs alone
    assert figures["reused"] == PER_MODEL
    figures = benchmark(*more, "--no-calls").figures
    assert (figures["state"], figures["reused"]) == ("incomplete", 0)
