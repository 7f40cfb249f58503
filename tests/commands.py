"""Running the project's commands as a user does, in processes of their own, and killing them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil

from storage.chance import draw

PROJECT = Path(__file__).resolve().parent.parent
FAST = ("--time-scale", "100", "--dwell", "uniform:0:4")
"""The sandbox as fast as it goes; every second of a test is a second of the suite."""


def environment(home: Path, **more: str) -> dict[str, str]:
    """No keys and no settings of whoever runs the tests; a configuration folder of the test's own."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("OPENAI_", "VALUE_SPECTRUM_"))
        or name in ("VALUE_SPECTRUM_CACHE", "VALUE_SPECTRUM_BROWSER")
    }
    return {**kept, "VALUE_SPECTRUM_CONFIG_DIR": str(home / "config"), "PYTHONPATH": str(PROJECT), **more}


def hears_interrupts() -> None:
    """For `preexec_fn`: a suite that was started in the background passes on that it ignores Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def command(module: str, *arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", module, *map(str, arguments)]


def run(
    home: Path, module: str, *arguments: str | Path, timeout: float = 300, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end in `home`."""
    return subprocess.run(
        command(module, *arguments),
        cwd=home,
        env=dict(env or environment(home)),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def collect(
    home: Path, *arguments: str | Path, code: int = 0, timeout: float = 300, key: str | None = None
) -> dict[str, Any]:
    """`python -m agent.collect ... --json` as fast as it goes; its figures."""
    variables = environment(home) if key is None else environment(home, OPENAI_API_KEY=key)
    done = run(home, "agent.collect", *FAST, *arguments, "--json", timeout=timeout, env=variables)
    assert done.returncode == code, f"exit {done.returncode}: {done.stderr[-2000:]}"
    assert "Traceback" not in done.stderr
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def start(home: Path, module: str, *arguments: str | Path) -> subprocess.Popen[str]:
    """Start a command in a process group of its own."""
    return subprocess.Popen(
        command(module, *arguments),
        cwd=home,
        env=environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def kill_group(process: subprocess.Popen[str]) -> None:
    """SIGKILL to the process and everything in its group."""
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def killed_moments(seed: int, number: int, least: float, most: float) -> Iterator[float]:
    """Seeded random moments, in seconds after a start."""
    for place in range(number):
        yield least + (most - least) * draw(seed, "kill", str(place))


def collect_with_kills(
    home: Path, arguments: list[str], *, seed: int, kills: int, least: float, most: float, timeout: float
) -> tuple[int, str]:
    """Run the same command again and again, killing it, and at last let it end.

    Returns:
        How many runs were really killed (one that ended before its moment counts as done), and the last output.
    """
    killed = 0
    for moment in killed_moments(seed, kills, least, most):
        process = start(home, "agent.collect", *arguments)
        try:
            output, _ = process.communicate(timeout=moment)
        except subprocess.TimeoutExpired:
            kill_group(process)
            killed += 1
            continue
        assert process.returncode == 0, output
        return killed, output
    done = run(home, "agent.collect", *arguments, timeout=timeout)
    assert done.returncode == 0, done.stderr[-3000:]
    return killed, done.stdout + done.stderr


def leftovers(home: Path) -> list[str]:
    """Sandbox servers and drivers of this test that are still alive."""
    found = []
    for process in psutil.process_iter(["cmdline", "environ"]):
        variables = process.info["environ"] or {}
        if variables.get("VALUE_SPECTRUM_CONFIG_DIR") == str(home / "config") and process.pid != os.getpid():
            found.append(" ".join(process.info["cmdline"] or [])[:120])
    return found


def wait_until(condition: Any, timeout: float = 60.0) -> bool:
    """Poll a condition for at most so many seconds."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.1)
    return bool(condition())
