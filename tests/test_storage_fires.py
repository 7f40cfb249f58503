"""Fires as rows: upgraded from a corpus before them, linked to runs, merged, read while a schedule writes."""

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from rich.console import Console
from sqlalchemy.exc import IntegrityError

from storage import merge
from storage.database import alembic_config, is_collecting, open_database, upgrade
from storage.fires import Fires, fires, known_jobs
from storage.models import Event
from storage.operations import (
    Block,
    blocks,
    costs_by_day,
    last_wall,
    queue,
    rates,
    recent_views,
    run_rates,
    walls_by_day,
)
from storage.records import Outcome
from tests.storage_tools import MOMENT, answer, miss, open_corpus, record, rows, run_spec, scene, show, specs, start

HOUR = timedelta(hours=1)


def test_a_corpus_from_before_schedules_keeps_its_runs(tmp_path: Path) -> None:
    path = tmp_path / "old.sqlite"
    upgrade(path, alembic_config(), "0002_looks")
    values = {
        "platform": "'sandbox'", "mode": "'search'", "plan_hash": "'p'", "seed": "7", "state": "'finished'",
        "command": "'[]'", "settings": "'{}'", "environment": "'{}'", "profile_exposures": "0",
        "started_at": "'2026-01-01 00:00:00.000000'",
    }  # fmt: skip
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"INSERT INTO runs ({', '.join(values)}) VALUES ({', '.join(values.values())})")
        connection.execute("UPDATE runs SET plan_run_id = id")
        connection.execute("INSERT INTO image_data VALUES ('a', 'image/jpeg', x'ff')")
        connection.commit()
    with open_corpus(path) as corpus:
        assert corpus.runs.chain(1) == [1]
        fire = Fires(corpus.database, lambda: MOMENT).plan("one", MOMENT)
        run = corpus.runs.start(run_spec(specs(1), fire_id=fire.id))
    assert rows(path, "SELECT id, seed, fire_id FROM runs") == [(1, 7, None), (run.id, 1, fire.id)]
    assert rows(path, "SELECT data FROM image_data") == [(b"\xff",)]
    assert rows(path, "PRAGMA foreign_key_check") == []


def test_a_fire_time_of_a_job_has_one_row_and_a_failed_write_leaves_none(tmp_path: Path) -> None:
    with open_corpus(tmp_path / "c.sqlite") as corpus:
        kept = Fires(corpus.database, lambda: MOMENT)
        kept.plan("one", MOMENT)
        kept.plan("two", MOMENT)
        with pytest.raises(IntegrityError):
            kept.plan("one", MOMENT, missed=[(MOMENT - HOUR, "asleep")])
        assert len(rows(corpus.database.path, "SELECT * FROM fires")) == 2


def test_what_a_killed_process_left_open_ended_when_it_was_last_seen_at_work(tmp_path: Path) -> None:
    with open_corpus(tmp_path / "c.sqlite") as corpus:
        kept = Fires(corpus.database, lambda: MOMENT - HOUR)
        begun, waiting = kept.begin(kept.plan("one", MOMENT - HOUR)), kept.plan("two", MOMENT - HOUR)
        _, (task,) = start(corpus, fire_id=begun.id)
        show(corpus, task, "a", scene(1))
        kept.release_dead()
        assert [(fire.job, fire.state, fire.ended_at) for fire in kept.interrupted()] == [
            ("one", "partial", MOMENT),
            ("two", "missed", None),
        ]
        assert kept.read(waiting).cause == "killed"


def test_merged_fires_keep_their_runs_and_the_schedule_stays_where_it_is(tmp_path: Path) -> None:
    for name in ("a", "b"):
        with open_corpus(tmp_path / f"{name}.sqlite", new_id=lambda name=name: f"corpus-{name}") as corpus:
            kept = Fires(corpus.database, lambda: MOMENT)
            kept.describe("one", {"every": 3600}, MOMENT)
            kept.pause("one")
            fire = kept.begin(kept.plan("one", MOMENT))
            _, (task,) = start(corpus, fire_id=fire.id)
            show(corpus, task, name, scene(ord(name)))
    with open_corpus(tmp_path / "a.sqlite") as into, open_database(tmp_path / "b.sqlite", write=False) as source:
        merge.merge(into, [source], Console(quiet=True))
        with into.database.read() as session:
            assert {fire.job for fire in fires(session)} == {"one", "one@corpus-b"}
            assert len(known_jobs(session)) == 1
    linked = "SELECT job, platform_id FROM fires JOIN runs ON fire_id = fires.id JOIN exposures ON run_id = runs.id"
    assert rows(tmp_path / "a.sqlite", linked) == [("one", "a"), ("one@corpus-b", "b")]


def test_an_operators_figures_add_up_and_are_read_beside_a_writer(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    assert not is_collecting(path)
    with open_corpus(path) as corpus, open_database(path, write=False) as reading:
        assert is_collecting(path)
        run, (first, second) = start(corpus, 2, 3)
        corpus.tasks.add_listings(second, [record("x"), record("y")])
        show(corpus, first, "a", scene(1))
        show(corpus, first, "b", scene(1))
        miss(corpus, second, record("c"), Outcome.FAILED, "capture")
        corpus.answers.put(answer(run_id=run.id), None)
        for wall in ("captcha", "captcha", "rate_limit"):
            corpus.add_event("wall", {"wall": wall, "platform": "sandbox"})
        with reading.read() as session:
            (rate,) = rates(session, MOMENT + HOUR / 2)
            assert (rate.last_hour, rate.new_last_hour, rate.last_shown) == (2, 1, MOMENT)
            assert rates(session, MOMENT + 2 * HOUR)[0].last_hour == 0
            assert run_rates(session, [run.id], MOMENT + HOUR / 2) == {run.id: 2.0}
            (left,) = queue(session)
            assert left == {"platform": "sandbox", "tasks": 2, "shorts_wanted": 4, "listings_waiting": 2}
            day = {"2026-01-02": {"sandbox": {"captcha": 2, "rate_limit": 1}}}
            assert walls_by_day(session, MOMENT - HOUR) == day
            assert walls_by_day(session, MOMENT + HOUR) == {}
            assert costs_by_day(session, MOMENT - HOUR) == {"2026-01-02": {"calls": 1, "cost": 0.5}}
            assert blocks(session) == [], "a wall at the moment of the last short is no block"
            assert last_wall(session, "sandbox") is None
            assert recent_views(session, "sandbox", MOMENT - HOUR) == [MOMENT] * 3
            assert recent_views(session, "sandbox", MOMENT) == recent_views(session, "youtube", MOMENT - HOUR) == []
        corpus.runs.finish(run, "finished")
        kept = Fires(corpus.database, lambda: MOMENT)
        fire = kept.begin(kept.plan("one", MOMENT))
        blocked, _ = start(corpus, 7, plan_hash="f" * 64, fire_id=fire.id)
        with reading.read() as session:
            assert queue(session)[0]["shorts_wanted"] == 7
        corpus.runs.finish(blocked, "stopped")
        kept.end(fire, "partial", "captcha")
        with corpus.database.write() as session:
            for minute, wall in ((1, "rate_limit"), (2, "bot_check")):
                detail = {"wall": wall, "platform": "sandbox"}
                session.add(Event(kind="wall", detail=detail, run_id=None, at=MOMENT + minute * HOUR / 60))
        with reading.read() as session:
            assert queue(session) == []
            assert last_wall(session, "sandbox") == ("bot_check", MOMENT + HOUR / 30)
            assert blocks(session) == [Block(platform="sandbox", since=MOMENT + HOUR / 60, wall="rate_limit")]
