"""Six personas, three strategies, two recommenders, with controls: one command, killed at random moments (issue 7)."""

import json
import subprocess
import tempfile
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

from agent.experiment.arms import Design
from agent.experiment.plan import read_plan
from agent.experiment.records import Control
from retrieval.vocabulary import load_vocabulary
from storage.database import open_database
from storage.watched import plan_runs, watched
from tests.commands import kill_group, killed_moments, leftovers, run, start, wait_until

PLAN = Path(__file__).with_name("experiment.toml")
OUT = Path("data/soak-experiment")
"""Where the report is left, to be looked at."""
KILLS = 4
LEAST, MOST = 60.0, 240.0
"""Seconds after each start in which it is killed."""
TIMEOUT = 3600


def main() -> bool:
    """Print the figures; True if every arm has its number of shorts, whatever was killed, and the report is there."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        began = time.monotonic()
        command: list[Path | str] = [PLAN, "--out", OUT.resolve()]
        killed = _killed(home, command)
        done = run(home, "agent.experiment", *command, "--json", timeout=TIMEOUT)
        took = time.monotonic() - began
        print(done.stderr[-600:])
        if done.returncode != 0:
            return False
        figures = json.loads(done.stdout)
        again = run(home, "agent.experiment", *command, "--json", timeout=TIMEOUT)
        checks = {
            **_checks(home / "data/corpus.sqlite"),
            f"killed {KILLS} times": killed == KILLS,
            "complete": figures["state"] == "complete",
            "a report": any(file.endswith(".html") and Path(file).exists() for file in figures["files"]),
            "a further run changes nothing": json.loads(again.stdout)["results"] == figures["results"],
            "nothing left running": wait_until(lambda: not leftovers(home)),
        }
        rate = figures["exposures"] / took
        print(f"{figures['arms']['all']} arms, {figures['exposures']} exposures, {took:.0f} s with {killed} kills")
        print(f"{rate:.2f} exposures a second; report {OUT / 'report.html'}")
        for what, holds in checks.items():
            print(f"  {'ok' if holds else 'NOT'}: {what}")
        return all(checks.values())


def _killed(home: Path, command: list[Path | str]) -> int:
    killed = 0
    for moment in killed_moments(7, KILLS, LEAST, MOST):
        process = start(home, "agent.experiment", *command)
        try:
            process.communicate(timeout=moment)
        except subprocess.TimeoutExpired:
            kill_group(process)
            killed += 1
    return killed


def _checks(corpus: Path) -> dict[str, bool]:
    design = Design(read_plan(PLAN), load_vocabulary())
    hashes = {design.hash_of(arm): arm for arm in design.arms}
    with open_database(corpus, write=False) as database:
        runs = plan_runs(database, list(hashes), design.plan.seed)
        shown = {hashes[mark].name: watched(database, one.plan_run_id) for mark, one in runs.items()}
    controls = Counter((arm.recommender, arm.control) for arm in design.arms)
    cells = {(arm.persona, arm.strategy, arm.recommender) for arm in design.arms if arm.control is Control.NONE}
    profiles = [one.profile_id for one in runs.values()]
    yoked = [arm for arm in design.arms if arm.control is Control.YOKED and arm.of is not None]
    return {
        "6 x 3 x 2 cells": len(cells) == 36,
        "a control of each kind for each recommender": all(
            controls[kind, control] >= 1 for kind in design.recommenders for control in Control
        ),
        "every arm has exactly its shorts": set(map(len, shown.values())) == {design.plan.shorts}
        and len(shown) == len(design.arms),
        "a profile for each arm": len(set(profiles)) == len(design.arms),
        "no short twice in a row": not any(
            one.platform_id == other.platform_id for shorts in shown.values() for one, other in pairwise(shorts)
        ),
        "yoked arms repeat theirs": all(
            [(one.verdict, one.planned_dwell) for one in shown[arm.name]]
            == [(one.verdict, one.planned_dwell) for one in shown[arm.of or ""]]
            for arm in yoked
        ),
    }
