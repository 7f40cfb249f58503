"""Who is told of trouble, of which, and how often; and that nothing stops for it."""

import json
import shutil
import sys
from collections import namedtuple
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.clock import Stop
from agent.schedule import notify
from agent.schedule.config import Job, load_schedule
from agent.schedule.notify import Notifier
from agent.schedule.scheduler import Active
from agent.schedule.watch import Watch
from retrieval.pricing import Budget
from storage.corpus import Corpus
from storage.fires import Fires
from storage.models import Run
from storage.records import Outcome
from tests.clocks import HandClock
from tests.schedule_tools import write
from tests.storage_tools import run_spec, scene, show, specs, start

NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
NOTE = """
import json, os, sys
with open(sys.argv[1], "a") as file:
    named = {name: said for name, said in os.environ.items() if "NOTIFY" in name or "KEY" in name}
    print(json.dumps({"stdin": json.load(sys.stdin), "environment": named}), file=file)
"""


class Bench:
    """A corpus, a notifier that writes into a file, and a watch, at a moment that the test moves."""

    def __init__(self, home: Path, corpus: Corpus, clock: HandClock) -> None:
        self.out = home / "notes.jsonl"
        self.clock = clock
        self.corpus = corpus
        self.fires = Fires(corpus.database, self.clock.now)
        self.notifier = self.another()
        self.watch = Watch(database=corpus.database, notifier=self.notifier, clock=self.clock)

    def another(self, *command: str) -> Notifier:
        told = list(command) or [sys.executable, "-c", NOTE, str(self.out)]
        return Notifier(told, every=3600, fires=self.fires, clock=self.clock, corpus="corpus.sqlite")

    def wall(self, kind: str) -> None:
        self.corpus.add_event("wall", {"wall": kind, "platform": "sandbox"})

    async def notes(self) -> list[tuple[str, str]]:
        """Kind and message of every notification so far."""
        await self.notifier.close()
        return [
            (said["environment"]["VALUE_SPECTRUM_NOTIFY_KIND"], said["environment"]["VALUE_SPECTRUM_NOTIFY_MESSAGE"])
            for said in self.written()
        ]

    def written(self) -> list[dict[str, dict[str, Any]]]:
        return [json.loads(line) for line in self.out.read_text().splitlines()] if self.out.exists() else []


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    clock = HandClock(NOON)
    with Corpus(tmp_path / "corpus.sqlite", collecting=True, now=clock.now) as corpus:
        yield Bench(tmp_path, corpus, clock)


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return load_schedule(write(tmp_path, '[[job]]\nid = "one"\nevery = "1h"\n')).jobs[0]


def active(bench: Bench, job: Job, **settings: object) -> Active:
    changed = Job(
        id=job.id, timing=job.timing, settings=job.settings.model_copy(update=settings), vocabulary=job.vocabulary
    )
    return Active(job=changed, fire=bench.fires.plan_requested("one", NOON), stop=Stop())


async def test_the_facts_come_as_json_and_no_key_comes_with_them(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    bench.notifier.tell("disk", message="'; rm -rf / #", free_bytes=5)
    await bench.notifier.close()
    (said,) = bench.written()
    assert said["stdin"]["facts"] == [{"message": "'; rm -rf / #", "free_bytes": 5}]
    assert said["environment"] == {
        "VALUE_SPECTRUM_NOTIFY_KIND": "disk",
        "VALUE_SPECTRUM_NOTIFY_MESSAGE": "'; rm -rf / #",
        "VALUE_SPECTRUM_NOTIFY_CORPUS": "corpus.sqlite",
    }


async def test_one_of_a_kind_an_hour_over_restarts_and_nothing_held_back_is_lost(bench: Bench) -> None:
    bench.notifier.tell("missed", message="first")
    bench.notifier.send_due()
    bench.notifier.tell("missed", message="second")
    bench.notifier.tell("block", message="another kind")
    bench.notifier.send_due()
    bench.notifier.tell("missed", message="third")
    bench.clock.moment = NOON + 0.9 * HOUR
    assert await bench.notes() == [("missed", "first"), ("block", "another kind")]
    restarted = bench.another()
    restarted.tell("missed", message="fourth")
    await restarted.close()
    assert len(bench.written()) == 2
    bench.clock.moment = NOON + 1.1 * HOUR
    assert (await bench.notes())[2:] == [("missed", "second; third")]


async def test_a_command_that_is_missing_fails_or_hangs_costs_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notify, "TIME_LIMIT", 0.3)
    for command in (["no-such-program"], ["false"], ["sleep", "60"], ["true"]):
        notifier = bench.another(*command)
        notifier.tell(command[0], message="?")
        await notifier.close()


async def test_a_block_is_told_after_an_hour_and_once_until_shorts_come_again(bench: Bench) -> None:
    _, tasks = start(bench.corpus, 3)
    show(bench.corpus, tasks[0], "a", scene(1))
    for minute in (0, 30):
        bench.clock.moment = NOON + timedelta(minutes=minute)
        bench.wall("rate_limit")
    for hours in (0.9, 1.1, 1.5, 2.0):
        bench.clock.moment = NOON + hours * HOUR
        bench.watch.look([])
        assert len(await bench.notes()) == (hours > 1)
    assert await bench.notes() == [("block", "sandbox is blocked (rate_limit) since 2026-06-01 12:00 UTC")]
    stored = show(bench.corpus, tasks[0], "b", scene(2), close=False)
    bench.corpus.exposures.close(
        stored.exposure_id, Outcome.DONE, seconds_on_screen=7.0, media_seconds=7.0, like=None, ended_at=NOON + 3 * HOUR
    )
    bench.clock.moment = NOON + 4 * HOUR
    bench.watch.look([])
    bench.clock.moment = NOON + 5 * HOUR
    bench.wall("captcha")
    bench.clock.moment = NOON + 7 * HOUR
    bench.watch.look([])
    assert (await bench.notes())[1:] == [("block", "sandbox is blocked (captcha) since 2026-06-01 17:00 UTC")]


async def test_a_login_wall_is_a_logout_only_for_a_profile_that_was_logged_in(bench: Bench, job: Job) -> None:
    bench.wall("login")
    bench.watch.look([active(bench, job)])
    assert await bench.notes() == []
    one = active(bench, job, profile="arm-1")
    bench.wall("login")
    bench.watch.look([one])
    bench.watch.look([one])
    ((kind, message),) = await bench.notes()
    assert kind == "logout"
    assert "agent.login --platform sandbox --profile arm-1" in message


async def test_fallen_coverage_is_told_of_runs_pooled_until_they_say_something(bench: Bench) -> None:
    for place in range(12):
        run = bench.corpus.runs.start(run_spec(specs(9), seed=place))
        bench.corpus.runs.finish(run, "finished")
        with bench.corpus.database.write() as session:
            views = 1.0 if place < 6 else 0.25
            session.get_one(Run, run.id).field_coverage = {"shorts": 4, "fields": {"url": 1.0, "views": views}}
        if place == 5:
            bench.watch.look([])
            assert await bench.notes() == []
    bench.clock.moment = NOON + timedelta(minutes=2)
    bench.watch.look([])
    ((kind, message),) = await bench.notes()
    assert kind == "coverage"
    assert "fills views in 25%" in message


async def test_a_full_disk_and_a_cost_near_its_limit_are_told(
    bench: Bench, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(100, 91, 9))
    one = active(bench, job)
    one.budget = Budget(2.0, spent=1.59)
    bench.watch.look([one])
    one.budget.spent = 1.61
    bench.watch.look([one])
    bench.watch.look([one])
    assert {kind for kind, _ in await bench.notes()} == {"disk", "cost"}
    assert len(bench.written()) == 2


async def test_missed_times_are_told_together(bench: Bench, job: Job) -> None:
    bench.watch.missed(job, [(NOON, "the schedule was not running"), (NOON + HOUR, "the schedule was not running")])
    bench.watch.look([])
    assert await bench.notes() == [
        ("missed", "one missed 2, the last of 2026-06-01 13:00:00 UTC: the schedule was not running")
    ]
