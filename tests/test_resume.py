"""Killed at any moment, the same command goes on (D4)."""

import json
import signal
import subprocess
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

from sqlalchemy import select

from storage.compare import differences
from storage.database import open_database
from storage.models import Exposure
from storage.summary import summarise
from tests.commands import FAST, collect, collect_with_kills, leftovers, start, wait_until

PLAN = ["--decider", "random", "--labeller", "similarity", *FAST]


def test_a_search_killed_five_times_leaves_the_same_corpus_as_one_left_alone(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir()
    killed.mkdir()
    plan = [*PLAN, "--limit", "60"]
    collect(whole, *plan, timeout=240)
    # One pseudonym key, else authors would differ.
    (killed / "config").symlink_to(whole / "config")
    kills, _ = collect_with_kills(killed, plan, seed=3, kills=5, least=3.0, most=9.0, timeout=240)
    assert kills >= 3
    with (
        open_database(whole / "data/corpus.sqlite", write=False) as one,
        open_database(killed / "data/corpus.sqlite", write=False) as two,
    ):
        assert differences(one, two) == []
    assert wait_until(lambda: not leftovers(killed))


def test_a_feed_killed_three_times_loses_nothing_and_shows_nothing_twice(tmp_path: Path) -> None:
    plan = [*PLAN, "--mode", "feed", "--limit", "18"]
    kills, _ = collect_with_kills(tmp_path, plan, seed=5, kills=3, least=3.0, most=6.0, timeout=240)
    assert kills >= 2
    with open_database(tmp_path / "data/corpus.sqlite", write=False) as corpus, corpus.read() as session:
        shown = session.scalars(select(Exposure).order_by(Exposure.position)).all()
        assert [row.position for row in shown] == list(range(len(shown)))
        assert sum(row.is_new for row in shown) == 18
        assert len({row.profile_id for row in shown}) == 1
        assert "open" not in {row.outcome for row in shown}
    # The feed is a function of seed and watch events: what it served, in order, is what was recorded, in order.
    served = [json.loads(line) for line in (tmp_path / "data/corpus.sqlite.sandbox.jsonl").read_text().splitlines()]
    watched = [event["id"] for event in served if event.get("id")]
    recorded = [row.platform_id for row in shown if row.platform_id]
    assert [row for row in recorded if row in set(watched)] == watched[: len(recorded)]
    following = pairwise(recorded)
    assert not [pair for pair in following if pair[0] == pair[1]]


def test_the_same_command_after_a_finished_run_brings_further_shorts(tmp_path: Path) -> None:
    plan = ["--keyword", "vacation", "--limit", "2", "--decider", "never", "--labeller", "none"]
    first = collect(tmp_path, *plan)
    second = collect(tmp_path, *plan)
    assert first["platforms"][0]["new"] == 2
    assert second["platforms"][0]["new"] == 2
    assert second["shorts"] == 4


def test_ctrl_c_once_finishes_the_short_and_the_same_command_goes_on(tmp_path: Path) -> None:
    plan = ["--limit", "7", "--decider", "always", "--labeller", "none", *FAST, "--time-scale", "20"]
    process = start(tmp_path, "agent.collect", *plan)
    corpus = tmp_path / "data/corpus.sqlite"
    assert wait_until(lambda: _done(corpus) >= 2)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 130, output
    assert "stopping after this short" in output
    with open_database(corpus, write=False) as database, database.read() as session:
        outcomes = Counter(session.scalars(select(Exposure.outcome).where(Exposure.kind == "short")))
    assert set(outcomes) == {"done"}
    collect(tmp_path, *plan)
    with open_database(corpus, write=False) as database:
        (figures,) = summarise(database).runs
        assert (figures.state, figures.achieved) == ("finished", 7)


def test_ctrl_c_twice_stops_at_once_and_the_open_short_counts_as_seen(tmp_path: Path) -> None:
    plan = ["--limit", "3", "--decider", "always", "--labeller", "none", "--time-scale", "1", "--dwell", "fixed:30"]
    process = start(tmp_path, "agent.collect", *plan)
    corpus = tmp_path / "data/corpus.sqlite"
    assert wait_until(lambda: _exposures(corpus) == 1, timeout=40)
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 130, output
    assert time.monotonic() - began < 15  # the short had half a minute to go
    collect(tmp_path, *plan[:-4], "--dwell", "fixed:30")
    with open_database(corpus, write=False) as database, database.read() as session:
        outcomes = Counter(session.scalars(select(Exposure.outcome).where(Exposure.is_new)))
    assert outcomes == {"interrupted": 1, "done": 2}


def test_a_second_collecting_process_is_refused_in_one_sentence(tmp_path: Path) -> None:
    plan = ["--limit", "30", "--decider", "always", "--labeller", "none"]
    first = start(tmp_path, "agent.collect", *plan)
    corpus = tmp_path / "data/corpus.sqlite"
    assert wait_until(lambda: corpus.with_name("corpus.sqlite.lock").exists() and _exposures(corpus) >= 1)
    second = start(tmp_path, "agent.collect", *plan)
    output, _ = second.communicate(timeout=30)
    assert second.returncode == 2
    assert f"(pid {first.pid})" in output
    assert "Traceback" not in output
    first.send_signal(signal.SIGINT)
    first.communicate(timeout=60)


def _exposures(corpus: Path) -> int:
    return _count(corpus, Exposure.id.is_not(None))


def _done(corpus: Path) -> int:
    return _count(corpus, Exposure.outcome == "done")


def _count(corpus: Path, which: object) -> int:
    if not corpus.exists():
        return 0
    try:
        with open_database(corpus, write=False) as database, database.read() as session:
            return len(session.scalars(select(Exposure.id).where(which)).all())  # type: ignore[arg-type]
    except (subprocess.SubprocessError, Exception):
        return 0
