"""What stands in `docker/`, as far as it can be tried without an engine: read, checked, and the filter really used."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from agent.schedule.config import load_schedule
from storage.version import COMMIT_VARIABLE, code_version
from tests.storage_tools import PROJECT

FOLDER = PROJECT / "docker"
AS_NOBODY = [
    "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all,+dac_read_search",
    "--ambient-caps=+dac_read_search",
]  # fmt: skip
"""A normal user, who may read this project wherever it lies."""
BROWSE = """
import asyncio, json, os, psutil
from agent.browser import BrowserHost
from agent.profiles import Profile

async def main():
    async with BrowserHost() as host:
        page = await (await host.context(Profile(id="x"))).new_page()
        await page.goto("data:text/html,<h1>hello</h1>")
        children = psutil.Process().children(recursive=True)
        renderers = [child for child in children if "--type=renderer" in child.cmdline()]
        namespaces = {os.readlink(f"/proc/{child.pid}/ns/user") for child in renderers}
        print(json.dumps({
            "text": await page.inner_text("h1"),
            "sandboxed": bool(renderers) and os.readlink("/proc/self/ns/user") not in namespaces,
            "switched_off": any("--no-sandbox" in child.cmdline() for child in renderers),
        }))

asyncio.run(main())
"""
DANGEROUS = {
    *("add_key", "bpf", "clock_settime", "delete_module", "finit_module", "init_module", "io_uring_setup", "ioperm"),
    *(
        "iopl",
        "kexec_load",
        "keyctl",
        "mount",
        "open_by_handle_at",
        "perf_event_open",
        "pivot_root",
        "ptrace",
        "reboot",
    ),
    *("process_vm_readv", "request_key", "setdomainname", "sethostname", "settimeofday", "swapon", "syslog"),
    *("umount2", "userfaultfd"),
}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    yaml = pytest.importorskip("yaml", reason="needs PyYAML, of the dev extra")
    read: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())
    return read


@pytest.fixture(scope="module")
def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions with their arguments, continued lines joined."""
    text = re.sub(r"^\s*#.*\n", "", (FOLDER / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    split = (line.strip().partition(" ") for line in text.splitlines() if line.strip())
    return [(name, " ".join(rest.split())) for name, _, rest in split]


@pytest.mark.slow
@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("setpriv") or sys.platform != "linux", reason="needs root, to become nobody"
)
def test_chromium_starts_in_its_own_sandbox_under_the_containers_filter_as_a_normal_user() -> None:
    under = [sys.executable, "-m", "tests.under_seccomp", str(FOLDER / "seccomp.json"), sys.executable, "-c", BROWSE]
    with tempfile.TemporaryDirectory() as home:  # pytest's own folders are closed to others
        os.chown(home, 65534, 65534)
        done = subprocess.run(
            [*AS_NOBODY, *under],
            env={**os.environ, "HOME": home, "TMPDIR": home, "PYTHONPATH": str(PROJECT)},
            cwd=PROJECT,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    if done.returncode == 77:
        pytest.skip("needs libseccomp")
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout.splitlines()[-1]) == {"text": "hello", "sandboxed": True, "switched_off": False}


def test_the_filter_names_each_call_once_allows_namespaces_and_nothing_of_the_machine() -> None:
    said = json.loads((FOLDER / "seccomp.json").read_text())
    assert set(said) == {"defaultAction", "defaultErrnoRet", "archMap", "syscalls"}
    assert said["defaultAction"] == "SCMP_ACT_ERRNO"
    assert all(
        {"comment", "names", "action"} <= set(rule) <= {"comment", "names", "action", "errnoRet"}
        for rule in said["syscalls"]
    )
    names = [name for rule in said["syscalls"] for name in rule["names"]]
    assert len(names) == len(set(names))
    allowed = {name for rule in said["syscalls"] if rule["action"] == "SCMP_ACT_ALLOW" for name in rule["names"]}
    assert allowed >= {"clone", "unshare", "setns", "chroot"}
    assert not allowed & DANGEROUS


def test_the_image_runs_as_a_normal_user_with_one_volume_a_healthcheck_and_no_key(
    instructions: list[tuple[str, str]],
) -> None:
    last_stage = instructions[max(place for place, (name, _) in enumerate(instructions) if name == "FROM") :]
    said = dict(last_stage)
    assert said["USER"] == "1000:1000"
    assert [rest for name, rest in instructions if name == "VOLUME"] == ["/data"]
    assert 'CMD ["python", "-m", "agent.status", "--health"]' in said["HEALTHCHECK"]
    assert json.loads(said["ENTRYPOINT"]) == ["python", "-m"]
    assert json.loads(said["CMD"])[0] == "agent.schedule"
    text = " ".join(rest for _, rest in instructions)
    assert "--no-sandbox" not in text
    assert not re.search(r"(?i)api_key|token|password|secret", text)


def test_both_services_run_with_little_and_stop_slowly_and_only_the_schedule_comes_back(
    compose: dict[str, Any],
) -> None:
    assert set(compose["services"]) == {"schedule", "collect"}
    for name, service in compose["services"].items():
        assert service["user"] == "1000:1000"
        assert service["cap_drop"] == ["ALL"]
        assert "privileged" not in service
        options = dict(option.split(":", 1) for option in service["security_opt"])
        assert options == {"no-new-privileges": "true", "seccomp": "seccomp.json"}
        assert (FOLDER / options["seccomp"]).is_file()
        assert (FOLDER / service["build"]["context"] / service["build"]["dockerfile"]).samefile(FOLDER / "Dockerfile")
        assert service["init"] is True
        assert service["stop_grace_period"] == "2m"
        assert all("=" not in variable for variable in service["environment"]), "a key's value never stands here"
        volumes = [volume for volume in service["volumes"] if not volume.endswith(":ro")]
        assert volumes == ["data:/data"]
        assert service["restart"] == ("unless-stopped" if name == "schedule" else "no")
        module = service["command"][0]
        assert (PROJECT / module.replace(".", "/")).with_suffix(".py").exists() or (
            PROJECT / module.replace(".", "/") / "__main__.py"
        ).exists()
    assert set(compose["volumes"]) == {"data"}


def test_the_example_schedule_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    schedule = load_schedule(FOLDER / "schedule.toml")
    assert [job.id for job in schedule.jobs] == ["sandbox-hourly", "youtube-power-mornings"]


def test_what_is_private_stays_out_of_the_image() -> None:
    ignored = (PROJECT / ".dockerignore").read_text().splitlines()
    assert {".git", ".venv", "data", "*.sqlite*", "*.toml", ".env*"} <= set(ignored)


def test_a_run_in_an_image_names_its_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")  # no git
    monkeypatch.setenv(COMMIT_VARIABLE, "abc123")
    assert code_version().endswith("+abc123")
    monkeypatch.delenv(COMMIT_VARIABLE)
    assert "+" not in code_version()


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
def test_the_unit_is_one_that_systemd_understands(tmp_path: Path) -> None:
    text = (FOLDER / "value-spectrum.service").read_text()
    unit = tmp_path / "value-spectrum.service"
    unit.write_text(text.replace("/opt/value-spectrum/.venv/bin/python", sys.executable))
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert "value-spectrum" not in done.stderr, done.stderr
    assert "RestrictNamespaces=yes" not in text, "Chromium's sandbox needs them"
    assert re.search(r"^KillMode=mixed$", text, re.MULTILINE)
