"""Plans of experiments: which arms they come to, and what is wrong with a wrong one."""

import json
from collections import Counter
from pathlib import Path

import pytest

from agent.experiment.__main__ import app
from agent.experiment.arms import Design
from agent.experiment.plan import Plan, make_plan, read_plan
from agent.experiment.profiles import profile_of, refuse_known, visitor
from agent.experiment.records import Control
from agent.experiment.scripted import provider_of, script
from agent.profiles import Profile, named_path
from retrieval.vocabulary import load_vocabulary
from storage.errors import UsageError
from tests.in_process import Commands
from tests.storage_tools import open_corpus, scene, show, start

SOAK = Path(__file__).with_name("soak") / "experiment.toml"
EXAMPLE = Path(__file__).parent.parent / "agent/experiment/example.toml"
FIELDS = {"personas": ["pastry-lover"], "model": [{"name": "scripted:persona"}], "judge": {"name": "scripted:judge"}}


def plan(**more: object) -> Plan:
    return make_plan({**FIELDS, **more}, "plan.toml")


def design(**more: object) -> Design:
    return Design(plan(**more), load_vocabulary())


def test_every_persona_meets_every_strategy_and_feed_with_its_controls() -> None:
    made = Design(read_plan(SOAK), load_vocabulary())
    (first, *_) = (arm for arm in made.arms if arm.control is Control.NONE)
    assert first.name == "pastry-lover.plain.scripted:persona.sandbox-engagement.1"
    assert Counter(arm.control for arm in made.arms) == {
        Control.NONE: 6 * 3 * 2, Control.NO_PERSONA: 2, Control.TWIN: 2, Control.YOKED: 2,
    }  # fmt: skip
    assert len({arm.name for arm in made.arms}) == len({made.hash_of(arm) for arm in made.arms}) == len(made.arms)
    twin = next(arm for arm in made.arms if arm.control is Control.TWIN)
    assert twin.of == "pastry-lover.simple.scripted:persona.sandbox-engagement.1"  # the first that plays a role


def test_yoked_arms_make_a_block_of_their_own_after_their_replicate() -> None:
    blocks = design(replicates=2).blocks("sandbox")
    assert [(block.replicate, {arm.control is Control.YOKED for arm in block.arms}) for block in blocks] == [
        (1, {False}), (1, {True}), (2, {False}), (2, {True}),
    ]  # fmt: skip


def test_who_judges_labels_or_pays_makes_no_other_experiment_and_a_longer_training_does() -> None:
    hashes = {
        design(**more).hash
        for more in (
            {}, {"judge": None}, {"labeller": "none"}, {"time_scale": 50}, {"name": "another"}, {"at_once": 2},
            {"model": [{"name": "scripted:persona", "price": "1:1"}]},
        )
    }  # fmt: skip
    assert len(hashes) == 1
    assert design(training=51).hash not in hashes
    assert design(personas=["ridge-runner"]).hash not in hashes


WRONG: dict[str, tuple[dict[str, object], str]] = {
    "judge is a decider": ({"judge": {"name": "scripted:persona"}}, "cannot judge"),
    "threshold without isq": ({"strategies": ["simple"], "isq_threshold": 60}, "isq_threshold"),
    "threshold out of range": ({"isq_threshold": 100}, "isq_threshold"),
    "no persona": ({"personas": []}, "personas is empty"),
    "persona twice": ({"personas": ["pastry-lover", "pastry-lover"]}, "twice"),
    "unknown persona": ({"personas": ["nobody-there"]}, "nobody-there"),
    "unknown platform": ({"platforms": ["vimeo"]}, "vimeo is unknown"),
    "unknown recommender": ({"recommenders": ["psychic"]}, "psychic is unknown"),
    "recommender of a real site": ({"platforms": ["youtube"], "recommenders": ["popular"]}, "recommenders"),
    "unknown field": ({"persona": "pastry-lover"}, "persona"),
    "no model": ({"model": []}, "model"),
    "no shorts": ({"training": 0}, "training"),
    "labeller of no model": ({"labeller": "vlm:gpt-4o"}, "labeller"),
    "dwell backwards": ({"dwell": "uniform:9:1"}, "dwell"),
    "too few profiles": ({"platforms": ["tiktok"], "profiles": {"tiktok": ["arm-1"]}}, "agent.login"),
    "text-only decider": ({"model": [{"name": "llama", "base_url": "http://l/v1", "pictures": False}]}, "no pictures"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_plan_is_refused_in_one_sentence(case: str) -> None:
    fields, said = WRONG[case]
    with pytest.raises(UsageError) as refused:
        design(**fields)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_an_empty_persona_in_a_file_of_ones_own_is_refused(tmp_path: Path) -> None:
    (tmp_path / "people.toml").write_text('name = "p"\nversion = 1\n[[persona]]\nname = "anna"\ntraits = []\n')
    (tmp_path / "plan.toml").write_text('personas = ["people.toml:anna"]\n[[model]]\nname = "scripted:persona"\n')
    with pytest.raises(UsageError, match=r"anna.*empty"):
        Design(read_plan(tmp_path / "plan.toml"), load_vocabulary())  # found beside the plan


def test_scripted_models_are_of_the_sandbox_alone() -> None:
    with pytest.raises(UsageError, match="sandbox alone"):
        provider_of(design(platforms=["sandbox", "youtube"]), load_vocabulary())
    with pytest.raises(UsageError, match="scripted:likes-power"):
        script("scripted:likes-power", 1)
    with pytest.raises(UsageError, match="shares from 0 to 1"):
        script("scripted:persona:3", 1)


def test_a_used_profile_is_refused_as_a_fresh_arm(tmp_path: Path) -> None:
    Profile(id="profile", path=named_path("tiktok", "a"), name="a").save({"cookies": [], "origins": []})
    made = design(platforms=["tiktok"], profiles={"tiktok": ["a"]}, strategies=["simple"], replicates=1,
                  controls={"no_persona": "none", "twin": "none", "yoked": "none"}, model=[{"name": "gpt-4o"}],
                  judge=None)  # fmt: skip
    (arm,) = made.arms
    with open_corpus(tmp_path / "corpus.sqlite") as corpus:
        assert profile_of(made, arm, corpus.database, None).id == "profile"
        show(corpus, start(corpus)[1][0], "a", scene(1))
        with pytest.raises(UsageError, match=r"has seen 1 shorts.*agent\.login"):
            profile_of(made, arm, corpus.database, None)


def test_a_sandbox_that_remembers_an_arm_is_refused(tmp_path: Path) -> None:
    made = design()
    state = tmp_path / "corpus.sqlite.sandbox.jsonl"
    refuse_known(made, list(made.arms), state)
    state.write_text(json.dumps({"kind": "watch", "visitor": visitor(made, made.arms[0])}, separators=(",", ":")))
    with pytest.raises(UsageError, match="unused profile"):
        refuse_known(made, list(made.arms), state)


def test_a_dry_run_says_what_it_takes(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    command = Commands(monkeypatch, capsys)
    figures = command(app, SOAK, "--dry-run", "--json").figures
    assert sum(figures["arms"].values()) == 42
    assert figures["exposures"] == 42 * 40
    assert figures["calls"]["decisions"] == 40 * 40
    assert figures["calls"]["questionnaires"] == 6
    assert figures["contexts"] == 40
    assert figures["dollars"] == 0.0
    assert "8 browser contexts at once" in command(app, EXAMPLE, "--dry-run").out
    missing = command(app, "nowhere.toml", code=2).err
    assert "nowhere.toml cannot be read" in missing
