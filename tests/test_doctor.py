"""`python -m agent.doctor`: one line a thing, JSON alone on standard output, the command that mends it."""

import json
from pathlib import Path

from tests.commands import environment, run


def test_a_machine_that_can_collect_is_ready_and_json_stands_alone(tmp_path: Path) -> None:
    done = run(tmp_path, "agent.doctor", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["ready"] is True
    assert {"python", "browser", "h264", "model", "disk", "key", "endpoint"} == {
        finding["name"] for finding in found["findings"]
    }


def test_a_browser_that_is_none_is_named_with_the_way_to_mend_it(tmp_path: Path) -> None:
    variables = environment(tmp_path, VALUE_SPECTRUM_BROWSER=str(tmp_path / "nowhere"))
    done = run(tmp_path, "agent.doctor", "--only", "browser", env=variables)
    assert done.returncode == 2
    assert "nowhere" in done.stdout
    assert "mend:" in done.stdout
    collected = run(
        tmp_path, "agent.collect", "--limit", "1", "--decider", "never", "--labeller", "none", env=variables
    )
    assert collected.returncode == 2
    assert "Traceback" not in collected.stderr


def test_an_unbuilt_model_is_missing_and_collecting_says_how_to_build_it(tmp_path: Path) -> None:
    variables = environment(tmp_path, VALUE_SPECTRUM_CACHE=str(tmp_path / "cache"))
    done = run(tmp_path, "agent.doctor", "--only", "model", env=variables)
    assert done.returncode == 2
    assert "agent.doctor --fix" in done.stdout
    collected = run(tmp_path, "agent.collect", "--limit", "1", "--decider", "similarity", env=variables)
    assert collected.returncode == 2
    assert "agent.doctor --fix" in collected.stderr


def test_an_unknown_check_is_wrong_usage(tmp_path: Path) -> None:
    assert run(tmp_path, "agent.doctor", "--only", "weather").returncode == 2
