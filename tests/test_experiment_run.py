"""A small experiment in a real browser: killed, continued, judged, reported. One run serves all tests but one."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from agent.crawl import Crawl
from agent.experiment import arm_run
from agent.experiment.__main__ import app
from agent.experiment.arms import Design
from agent.experiment.plan import read_plan
from agent.experiment.profiles import visitor
from agent.experiment.records import Arm, Control
from agent.experiment.scripted import script
from agent.sandbox.feed import Feeds, WatchEvent
from agent.sandbox.world import World
from agent.settings import Dwell
from retrieval.vocabulary import load_vocabulary
from storage.chance import shuffled
from storage.database import Database, open_database
from storage.errors import Blocked
from storage.models import Answer, Event, Exposure, Run, Task
from storage.records import Kind, Verdict
from storage.watched import Watched, plan_runs, watched
from tests.commands import kill_group, run, start, wait_until
from tests.fake_openai import Asked, FakeOpenAI, by_colour
from tests.in_process import Commands

PLAN = """
personas = ["pastry-lover"]
strategies = ["isq"]
recommenders = ["engagement", "chronological"]
replicates = 1
training = {shorts}
evaluation = {shorts}
seed = {seed}
labeller = "none"
time_scale = 100
[controls]
yoked = "one"
[[model]]
name = "scripted:persona"
[judge]
name = "gpt-4o"
base_url = "{judge}"
"""
SHORTS, SEED = 2, 1
ISQ = "pastry-lover.isq.scripted:persona.sandbox-engagement.1"


@dataclass(kw_only=True)
class Done:
    """What the command left behind."""

    home: Path
    design: Design
    database: Database
    figures: dict[str, Any]
    said: str
    code: int
    asked: list[Asked]
    """Of the judge, by the killed command and the one that went on."""
    killed_at: int
    """Shorts that were there when it was killed."""
    shown: dict[str, list[Watched]] = field(default_factory=dict)

    def arm(self, name: str) -> Arm:
        return next(arm for arm in self.design.arms if arm.name == name)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Done]:
    home = tmp_path_factory.mktemp("experiment")
    forgetful = {"once": True}

    def judge(asked: Asked) -> dict[str, Any]:
        """Says nothing that can be read, once."""
        return {} if "would this person" in asked.prompt and forgetful.pop("once", False) else by_colour(asked)

    with FakeOpenAI(key=None, script=judge) as endpoint:
        (home / "plan.toml").write_text(PLAN.format(shorts=SHORTS, seed=SEED, judge=endpoint.base_url))
        command = ["agent.experiment", "plan.toml"]
        first = start(home, *command)
        corpus = home / "data/corpus.sqlite"
        assert wait_until(lambda: _decided(corpus) >= 8, timeout=90), first.communicate(timeout=5)
        kill_group(first)
        killed_at = _decided(corpus)
        ended = run(home, *command, "--json", timeout=200)
        assert "Traceback" not in ended.stderr
        design = Design(read_plan(home / "plan.toml"), load_vocabulary())
        with open_database(corpus, write=False) as database:
            marks = {design.hash_of(arm): arm.name for arm in design.arms}
            runs = plan_runs(database, list(marks), SEED)
            yield Done(
                home=home, design=design, database=database, figures=json.loads(ended.stdout), said=ended.stderr,
                code=ended.returncode, asked=list(endpoint.requests), killed_at=killed_at,
                shown={marks[mark]: watched(database, one.plan_run_id) for mark, one in runs.items()},
            )  # fmt: skip


def _decided(corpus: Path) -> int:
    try:
        with open_database(corpus, write=False) as database, database.read() as session:
            return len(session.scalars(select(Exposure.id).where(Exposure.decision.is_not(None))).all())
    except Exception:  # it is not there yet
        return 0


def expected(done: Done, arm: Arm) -> list[tuple[str, Verdict, float]]:
    """What the arm's feed shows and its model does, worked out in this process: as if nothing had been killed."""
    words = {value.id: [word.word for word in value.all_keywords] for value in load_vocabulary().values}
    world, plan = World(1, words), done.design.plan
    assert arm.recommender is not None
    name = visitor(done.design, arm)
    feed = Feeds(world, arm.recommender, distinct=True).feed(name)
    model, persona = script(arm.model, plan.seed), done.design.personas.get(arm.persona or "")
    found: list[tuple[str, Verdict, float]] = []
    while len(found) < plan.shorts and (ahead := feed.ahead()):
        place, short = ahead[0]
        keyword, kind = world.about(short)
        planned = 0.0
        if kind is Kind.SHORT:
            yes = model.likes(persona, short, world.value_of[keyword])
            planned = Dwell(plan.dwell).of(plan.seed, short, plan.max_dwell) if yes else 0.0
            found.append((short, Verdict.YES if yes else Verdict.NO, planned))
        feed.leave(
            WatchEvent(
                visitor=name, id=short if kind is not Kind.LIVE else "", position=place, seconds=0.0,
                media_seconds=1.0 + planned, liked=False, at="",
            )
        )  # fmt: skip
    return found


def what(shown: list[Watched]) -> list[tuple[str, Verdict, float]]:
    return [(one.platform_id, one.verdict, one.planned_dwell) for one in shown]


def test_a_killed_experiment_goes_on_to_the_result_of_one_left_alone(done: Done) -> None:
    assert 8 <= done.killed_at < sum(map(len, done.shown.values()))
    for arm in done.design.arms:
        if arm.control is not Control.YOKED:
            assert what(done.shown[arm.name]) == expected(done, arm), arm.name


def test_every_arm_has_exactly_its_number_of_shorts(done: Done) -> None:
    assert done.code == 0, done.said
    assert done.figures["arms"] == {"all": 8, "done": 8}
    assert done.figures["exposures"] == 8 * 2 * SHORTS
    assert {name: len(shown) for name, shown in done.shown.items()} == dict.fromkeys(
        (arm.name for arm in done.design.arms), 2 * SHORTS
    )


def test_arms_advance_one_short_each_a_round_in_shuffled_order(done: Done) -> None:
    names = sorted(arm.name for arm in done.design.arms if arm.control is not Control.YOKED)
    with done.database.read() as session:
        rows = session.execute(
            select(Run.settings, Exposure.shown_at)
            .join(Task, Task.id == Exposure.task_id)
            .join(Run, Run.id == Task.run_id)
            .where(Exposure.decision.is_not(None))
            .order_by(Exposure.shown_at)
        )
        order = [row[0]["arm"]["name"] for row in rows if row[0]["arm"]["control"] != "yoked"]
    counts: Counter[str] = Counter()
    for name in order:
        others = [counts[one] for one in names if counts[one] < len(done.shown[one])]
        assert counts[name] == min(others)  # nobody is ahead of an arm that still goes on
        counts[name] += 1
    assert len({tuple(shuffled(names, SEED, f"round {number}")) for number in range(2 * SHORTS)}) > 2


def test_every_arm_has_a_fresh_profile_of_its_own_and_says_which_arm_it_is(done: Done) -> None:
    with done.database.read() as session:
        runs = [one for one in session.scalars(select(Run)) if one.platform == "sandbox"]
        own = session.scalars(select(Run).where(Run.platform == "experiment")).all()
        (event,) = session.scalars(select(Event).where(Event.kind == "experiment_plan"))
    begun = [one for one in runs if one.continues_run_id is None]
    assert len({one.profile_id for one in runs}) == len(begun) == 8
    assert {one.profile_exposures for one in begun} == {0}
    assert {one.settings["experiment"] for one in runs} == {done.design.hash} == {one.plan_hash for one in own}
    assert {one.settings["arm"]["name"] for one in runs} == set(done.shown)
    assert event.detail["hash"] == done.design.hash


def test_a_yoked_arm_repeats_its_arm_on_its_own_feed(done: Done) -> None:
    source, yoked = done.shown[ISQ], done.shown[ISQ + ".yoked"]
    assert [one[1:] for one in what(yoked)] == [one[1:] for one in what(source)]
    assert [one.platform_id for one in yoked] != [one.platform_id for one in source]


def test_a_judge_that_never_decides_judges_each_short_once_for_each_persona(done: Done) -> None:
    last = {one.platform_id: arm.persona for arm in done.design.arms for one in done.shown.get(arm.name, [])[SHORTS:]}
    with done.database.read() as session:
        rows = session.execute(
            select(Answer.platform_id, Answer.persona, Answer.question).where(Answer.model == "gpt-4o")
        )
        judged = Counter((short, who, question) for short, who, question in rows)
        unread = session.scalars(select(Answer).where(Answer.status == "unreadable")).all()
    assert set(judged.values()) == {1}
    assert {(short, who) for short, who, question in judged if "again" not in question} == {
        (short, who) for short in last for who in (None, "pastry-lover")
    }
    assert len(done.asked) == len(judged)
    assert [one.question for one in unread] == ["verdict@1"]  # asked again once, and then it was read
    assert sum("again" in question for _, _, question in judged) == 1
    for asked in done.asked:
        text = asked.system + asked.prompt
        assert asked.body["model"] == "gpt-4o"
        assert not [word for word in ("arm", "isq", "engagement", "yoked", "twin") if f" {word}" in text]


def test_the_questionnaire_is_kept_and_a_finished_experiment_asks_nothing_more(done: Done) -> None:
    before = len(done.asked)
    with FakeOpenAI(key=None) as other:
        again = run(done.home, "agent.experiment", "plan.toml", "--json", timeout=100)
        assert (again.returncode, len(other.requests)) == (0, 0)
    assert json.loads(again.stdout)["results"] == done.figures["results"]
    assert len(done.asked) == before
    with done.database.read() as session:
        (portrait,) = session.scalars(select(Answer).where(Answer.question == "portrait@1"))
    assert portrait.persona == "pastry-lover"


def test_a_report_can_be_had_without_a_call(done: Done) -> None:
    command = ["agent.experiment", "plan.toml", "--report-only", "--json"]
    ended = run(done.home, *command, timeout=100)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["results"] == done.figures["results"]
    html = [Path(file) for file in done.figures["files"] if file.endswith(".html")]
    assert html
    assert all((done.home / file).exists() for file in html)


def test_an_arm_before_a_wall_is_marked_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Walled(Crawl):
        """Meets a wall at once where there is no persona."""

        async def run(self) -> None:
            if self.counts.platform.endswith("no_persona"):
                raise Blocked("the sandbox put up a wall (captcha)", "captcha")
            await super().run()

    text = PLAN.format(shorts=1, seed=SEED, judge="").partition("[judge]")[0]
    text = text.replace(', "chronological"', "").replace('yoked = "one"', 'yoked = "none"\ntwin = "none"')
    (tmp_path / "plan.toml").write_text(text)
    command, where = Commands(monkeypatch, capsys), ["--corpus", tmp_path / "c.sqlite", "--out", tmp_path / "out"]
    with monkeypatch.context() as patched:
        patched.setattr(arm_run, "Crawl", Walled)
        ended = command(app, tmp_path / "plan.toml", *where, "--json", code=3)
    assert ended.figures["arms"] == {"all": 2, "done": 1, "blocked": 1}
    assert "stopped after 0 of 2 shorts: captcha" in ended.err
    again = command(app, tmp_path / "plan.toml", *where, "--json", "--retry")
    assert again.figures["arms"] == {"all": 2, "done": 2}
