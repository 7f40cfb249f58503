"""From the rows of a corpus to the records of an experiment, whatever became of an arm."""

import json
from pathlib import Path

import pytest
from rich.console import Console

from agent.clock import Stop, SystemClock
from agent.experiment.__main__ import app
from agent.experiment.arms import Design
from agent.experiment.loading import TRUTH, load
from agent.experiment.plan import read_plan
from agent.experiment.records import Arm, Phase
from agent.experiment.run import Work, problems
from agent.sandbox.world import World
from retrieval.vocabulary import load_vocabulary
from storage.corpus import Corpus
from storage.errors import NothingFound
from storage.records import Label, LabelKind, Stance, Verdict
from storage.tasks import TaskItem
from tests.in_process import Commands
from tests.storage_tools import Spec, open_corpus, run_spec, scene, show

PLAN = """
personas = ["pastry-lover"]
strategies = ["simple"]
replicates = 1
training = 1
evaluation = 1
labeller = "none"
controls = {no_persona = "one", twin = "none", yoked = "one"}
model = [{name = "scripted:persona"}]
"""
WORDS = {value.id: [word.word for word in value.all_keywords] for value in load_vocabulary().values}
SHORTS = [World(1, WORDS).id_of(word, 7) for word in ("vacation", "sailing")]


def work(design: Design, corpus: Corpus) -> Work:
    return Work(
        design, corpus, load_vocabulary(), clock=SystemClock(), stop=Stop(), console=Console(), key_of=lambda name: None
    )


@pytest.fixture
def design(tmp_path: Path) -> Design:
    (tmp_path / "plan.toml").write_text(PLAN)
    return Design(read_plan(tmp_path / "plan.toml"), load_vocabulary())


def begin(corpus: Corpus, design: Design, arm: Arm) -> TaskItem:
    run = corpus.runs.start(
        run_spec(
            [Spec(value=None, keyword=None, quota=2)], mode="feed", plan_hash=design.hash_of(arm), profile_id=arm.name
        )
    )
    (task,) = corpus.tasks.of_run(run.plan_run_id)
    return task


def test_a_feed_that_ran_dry_marks_its_arm_and_keeps_its_yoked_one_from_beginning(
    design: Design, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bare, arm, yoked = design.arms
    with open_corpus(tmp_path / "corpus.sqlite") as corpus:
        with pytest.raises(NothingFound, match="without --report-only"):
            load(work(design, corpus))
        task = begin(corpus, design, arm)
        show(corpus, task, SHORTS[0], scene(1), verdict=Verdict.NO)
        corpus.tasks.dry(corpus.tasks.reload(task))
        run = corpus.runs.unfinished("sandbox", design.hash_of(arm), 1)
        assert run is not None
        corpus.runs.finish(run, "finished", "dry")
        found = {one.arm.name: one for one in load(work(design, corpus)).arms}
        said = problems(design, work(design, corpus).runs())
    assert (found[arm.name].state, found[arm.name].cause) == ("dry", "its feed ended after 1 of 2 shorts")
    assert found[bare.name].state == found[yoked.name].state == "unfinished"
    assert said[arm.name] == "its feed ended after 1 of 2 shorts"
    assert said[yoked.name] == f"was not begun, since {arm.name} did not get its number of shorts"
    figures = Commands(monkeypatch, capsys)(
        app, tmp_path / "plan.toml", "--corpus", tmp_path / "corpus.sqlite", "--out", tmp_path / "out",
        "--report-only", "--json",
    ).figures  # fmt: skip
    assert figures["arms"] == {"all": 3, "unfinished": 2, "dry": 1}
    assert figures["state"] == "incomplete"
    assert json.loads((tmp_path / "out/summary.json").read_text())["left_out"][0]["state"] == "unfinished"


def test_showings_hold_what_each_source_says_and_who_takes_no_stand_says_nothing_of_values(
    design: Design, tmp_path: Path
) -> None:
    _, arm, _ = design.arms
    labels = (
        Label(kind=LabelKind.VALUE, name="power", source="vlm:one", stance=Stance.EXPRESSES),
        Label(kind=LabelKind.VALUE, name="security", source="vlm:one", stance=Stance.DEPICTS),
        Label(kind=LabelKind.TOPIC, name="travel", source="vlm:one", stance=Stance.DEPICTS),
        Label(kind=LabelKind.VALUE, name="power", source="similarity", stance=Stance.UNSURE),
        Label(kind=LabelKind.TOPIC, name="food", source="similarity", stance=Stance.DEPICTS),
    )
    silent = (Label(kind=LabelKind.TOPIC, name="other", source="vlm:one", stance=Stance.DEPICTS),)
    with open_corpus(tmp_path / "corpus.sqlite") as corpus:
        task = begin(corpus, design, arm)
        show(corpus, task, SHORTS[0], scene(1), verdict=Verdict.YES, labels=labels)
        show(corpus, task, SHORTS[1], scene(2), verdict=Verdict.REFUSED, labels=silent)
        (record,) = [one for one in load(work(design, corpus)).arms if one.arm == arm]
    first, second = record.showings
    assert (first.phase, second.phase) == (Phase.TRAINING, Phase.EVALUATION)
    assert (first.decision, second.decision) == (Verdict.YES, Verdict.REFUSED)
    assert first.values == {"vlm:one": {"power"}, TRUTH: {"hedonism"}}
    assert second.values == {"vlm:one": set(), TRUTH: {"self-direction"}}
    assert first.topics == {"vlm:one": {"travel"}, "similarity": {"food"}, TRUTH: {"vacation"}}
