"""`python -m agent.doctor`: one line a thing, JSON alone on standard output, the command that mends it."""

import json
from pathlib import Path

import pytest

from agent import collect, doctor
from tests.commands import run
from tests.in_process import Commands


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Commands:
    monkeypatch.chdir(tmp_path)
    return Commands(monkeypatch, capsys)


def test_a_machine_that_can_collect_is_ready_and_json_stands_alone(tmp_path: Path) -> None:
    done = run(tmp_path, "agent.doctor", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["ready"] is True
    assert {"python", "browser", "h264", "model", "disk", "key", "endpoint"} == {
        finding["name"] for finding in found["findings"]
    }


def test_a_browser_that_is_none_is_named_with_the_way_to_mend_it(
    tmp_path: Path, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VALUE_SPECTRUM_BROWSER", str(tmp_path / "nowhere"))
    said = commands(doctor.app, "--only", "browser", code=2).out
    assert "nowhere" in said
    assert "mend:" in said
    commands(collect.app, "--limit", 1, "--decider", "never", "--labeller", "none", code=2)


def test_an_unbuilt_model_is_missing_and_collecting_says_how_to_build_it(
    tmp_path: Path, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VALUE_SPECTRUM_CACHE", str(tmp_path / "cache"))
    assert "agent.doctor --fix" in commands(doctor.app, "--only", "model", code=2).out
    assert "agent.doctor --fix" in commands(collect.app, "--limit", 1, "--decider", "similarity", code=2).err


def test_an_unknown_check_is_wrong_usage(commands: Commands) -> None:
    commands(doctor.app, "--only", "weather", code=2)
