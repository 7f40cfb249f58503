"""Plans of whole datasets: what they say, how they are dealt, and what is wrong with them in one sentence."""

import json
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from agent.pace import slowed
from agent.platforms import platform_class
from agent.platforms.youtube import YouTube
from agent.rebuild.__main__ import app
from agent.rebuild.plan import largest_remainders, read_plan, shipped
from agent.sandbox.sites import is_sandbox
from storage.errors import UsageError
from storage.study import Study
from tests.in_process import Commands

GOOD = """
name = "p"
target = 100
[share]
sandbox-1 = 60
sandbox-2 = 40
"""


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Commands:
    return Commands(monkeypatch, capsys)


def plan_file(folder: Path, text: str) -> Path:
    path = folder / "plan.toml"
    path.write_text(text)
    return path


def test_the_plan_of_the_paper_has_its_target_its_shares_and_balanced_values_and_keywords() -> None:
    plan = read_plan(shipped()["paper"])
    targets = plan.targets
    assert sum(targets.values()) == plan.target == 50_191
    assert {name: round(100 * target / 50_191) for name, target in targets.items()} == {
        "instagram": 32,
        "youtube": 29,
        "tiktok": 39,
    }
    words = plan.words()
    values: Counter[str | None] = Counter()
    for platform, target in targets.items():
        tasks = plan.tasks(platform, words)
        asked = [task for task in tasks if task.quota]
        assert sum(task.quota for task in tasks) == target
        assert len(asked) == len(tasks) - len(asked) == 100  # form A is asked for, form B stands by
        assert max(task.quota for task in asked) - min(task.quota for task in asked) <= 1
        for task in asked:
            values[task.value] += task.quota
    assert len(values) == 10
    assert max(values.values()) - min(values.values()) <= 1


@pytest.mark.parametrize("name", sorted(shipped()))
def test_every_plan_that_comes_with_the_project_says_what_it_would_do(commands: Commands, name: str) -> None:
    said = commands(app, name, "--dry-run", "--json").figures
    assert sum(one["target"] for one in said["platforms"].values()) == said["target"]
    assert sum(said["values"].values()) == said["target"]
    if name == "paper":
        # The slowest platform: 16,061 from Instagram, of which no more than 200 an hour are opened.
        assert said["seconds"] > 16_061 / 200 * 3600
    people = commands(app, name, "--dry-run").out
    assert "of running" in people
    assert "assumed" in people


def test_a_changed_study_or_pace_is_the_same_plan_and_a_changed_target_is_another(tmp_path: Path) -> None:
    def identity(text: str) -> str:
        plan = read_plan(plan_file(tmp_path, text))
        return plan.shares(plan.words(), [])["sandbox-1"].identity

    same = identity(GOOD)
    assert identity(GOOD + '[study]\ntitle = "t"\n') == same
    assert identity(GOOD + "[platform.sandbox-1]\nviews_per_hour = 5\n") == same
    assert identity(GOOD + "[crawl]\ntime_scale = 3\n") == same
    assert identity(GOOD.replace("100", "101")) != same
    assert identity(GOOD + "[crawl]\nsince = 2024-01-01\n") != same


def test_a_study_goes_with_the_runs_and_a_key_does_not(tmp_path: Path) -> None:
    plan = read_plan(plan_file(tmp_path, GOOD + '[study]\ntitle = "Feeds"\n'))
    share = plan.shares(plan.words(), [])["sandbox-2"]
    assert share.settings.study == Study(title="Feeds")
    assert share.about["plan"]["targets"] == {"sandbox-1": 60, "sandbox-2": 40}
    assert json.dumps(share.about)
    with pytest.raises(UsageError, match="published"):
        read_plan(plan_file(tmp_path, GOOD + '[crawl]\napi_key = "sk-0"\n'))


def test_a_platform_can_be_slowed_and_never_hurried(tmp_path: Path) -> None:
    slow = read_plan(plan_file(tmp_path, GOOD + "[platform.sandbox-1]\nviews_per_hour = 5\nmin_delay = 9\n"))
    pace = slowed(YouTube.pace, slow.settings("sandbox-1"))
    assert (pace.views_per_hour, pace.min_delay) == (5, 9)
    fast = read_plan(plan_file(tmp_path, GOOD + "[platform.sandbox-1]\nviews_per_hour = 90000\nmin_delay = 0.1\n"))
    assert slowed(YouTube.pace, fast.settings("sandbox-1")) == YouTube.pace
    assert slowed(YouTube.pace, slow.settings("sandbox-2")) == YouTube.pace


def test_a_sandbox_site_carries_its_seed_in_its_name() -> None:
    assert platform_class("sandbox-2").name == "sandbox-2"
    assert platform_class("sandbox-2") is platform_class("sandbox-2")
    assert is_sandbox("sandbox")
    assert is_sandbox("sandbox-12")
    assert not is_sandbox("sandbox-02")
    assert not is_sandbox("tiktok")
    with pytest.raises(UsageError, match="unknown"):
        platform_class("sandbox-x")


def test_largest_remainders_add_up() -> None:
    assert largest_remainders(10, [1, 1, 1]) == [4, 3, 3]
    assert largest_remainders(50_191, [32, 29, 39]) == [16_061, 14_555, 19_575]
    for total in range(40):
        assert sum(largest_remainders(total, [32, 29, 39])) == total


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (GOOD.replace("= 60", "= 61"), "add up to 101 %"),
        (GOOD.replace("= 60", "= -60"), "above 0"),
        (GOOD.replace("sandbox-1", "myspace"), "myspace is unknown"),
        (GOOD.replace("target = 100", "target = 0"), "target"),
        (GOOD.replace("target = 100", "target = 1"), "without one"),
        (GOOD.replace("target = 100", "goal = 100"), "target"),
        (GOOD + "[crawl]\nlimit = 5\n", "crawl.limit"),
        (GOOD + "[crawl]\nspeed = 5\n", "crawl.speed"),
        (GOOD + '[crawl]\ndwell = "long"\n', "dwell"),
        (GOOD + "[crawl]\nsince = 2024-02-01\nuntil = 2024-01-01\n", "not before"),
        (GOOD + "[platform.tiktok]\nmin_delay = 5\n", "has no share"),
        (GOOD + "[platform.sandbox-1]\ndwell = 'fixed:1'\n", "cannot differ"),
        (GOOD + "[study]\ncolour = 'red'\n", "colour"),
        (GOOD.replace('"p"', '"p"\nvalues = ["greed"]'), "greed"),
        (GOOD.replace('"p"', '"p"\nvalues = ["power"]\nkeywords = ["vacation"]'), "none of its values"),
        ("name = ", "no TOML"),
    ],
)  # fmt: skip
def test_a_plan_that_cannot_be_is_one_sentence_and_leaves_no_corpus(
    tmp_path: Path, commands: Commands, text: str, says: str
) -> None:
    path = plan_file(tmp_path, text)
    ended = commands(app, path, "--corpus", tmp_path / "c.sqlite", code=2)
    assert says in ended.err
    assert str(path) in ended.err
    assert len(ended.err.strip().splitlines()) == 1
    assert not (tmp_path / "c.sqlite").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "--recheck"),
        (("nowhere.toml",), "nowhere.toml"),
        (("nowhere.parquet",), "there is no nowhere.parquet"),
        (("paper", "--older-than", "30d"), "belong to --recheck"),
        (("paper", "--out", "r.csv"), "belong to a list"),
        (("paper", "--recheck"), "leave paper out"),
        (("--recheck", "--older-than", "soon"), "12h, 30d or 4w"),
        (("--recheck", "--drop-gone"), "--yes"),
        (("--recheck", "--corpus", "nowhere.sqlite"), "there is no corpus"),
    ],
)
def test_wrong_usage_is_one_sentence(commands: Commands, arguments: tuple[str, ...], says: str) -> None:
    ended = commands(app, *arguments, code=2)
    assert says in ended.err
    assert len(ended.err.strip().splitlines()) == 1


def test_the_plans_are_toml_that_a_person_can_read() -> None:
    for path in shipped().values():
        text = path.read_text()
        assert text.startswith("# ")
        assert tomllib.loads(text)["name"] == path.stem
