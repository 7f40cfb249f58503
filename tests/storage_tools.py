"""A corpus with something in it: pictures, records, runs and exposures for the tests of the storage layer."""

import io
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as PillowImage
from sqlalchemy import event

from storage.answer_record import AnswerRecord, AnswerStatus
from storage.corpus import Corpus
from storage.database import Database
from storage.exposures import NewExposure, StoredExposure
from storage.records import Action, Decision, Label, Outcome, Picture, Record, Verdict
from storage.runs import RunItem, RunSpec
from storage.tasks import TaskItem

PROJECT = Path(__file__).resolve().parent.parent
MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Spec:
    value: str | None
    keyword: str | None
    quota: int


def specs(*quotas: int, value: str | None = "power") -> list[Spec]:
    return [Spec(value=value, keyword=f"word{position}", quota=quota) for position, quota in enumerate(quotas)]


@cache
def scene(seed: int, *, quality: int = 85, width: int = 180, height: int = 320) -> bytes:
    """A JPEG of coarse seeded patches: two seeds look different, one seed at two qualities looks the same."""
    rough = np.random.default_rng(seed).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    return jpeg(PillowImage.fromarray(rough).resize((width, height), PillowImage.Resampling.BICUBIC), quality)


def jpeg(image: PillowImage.Image, quality: int = 85) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def grey(level: int = 128) -> bytes:
    return jpeg(PillowImage.new("RGB", (180, 320), (level, level, level)))


def picture(data: bytes, *, role: str = "frame", source: str = "canvas") -> Picture:
    return Picture(role=role, source=source, method="cdp", data=data, width=180, height=320, media_time=1.0)


def record(platform_id: str | None = "a", **fields: Any) -> Record:
    return replace(Record(platform="sandbox", platform_id=platform_id, caption=f"about {platform_id}"), **fields)


def run_spec(plan: list[Spec], **fields: Any) -> RunSpec:
    usual: dict[str, Any] = {
        "platform": "sandbox",
        "mode": "search",
        "plan_hash": "p" * 64,
        "seed": 1,
        "plan": plan,
        "command": ["collect"],
        "settings": {"limit": 3},
        "environment": {"browser": "1", "country": None},
        "profile_id": "profile",
    }
    return RunSpec(**{**usual, **fields})


def open_corpus(path: Path, *, collecting: bool = True, **options: Any) -> Corpus:
    return Corpus(path, collecting=collecting, now=lambda: MOMENT, **options)


def start(corpus: Corpus, *quotas: int, **fields: Any) -> tuple[RunItem, list[TaskItem]]:
    run = corpus.runs.start(run_spec(specs(*(quotas or (9,))), **fields))
    return run, corpus.tasks.of_run(run.plan_run_id)


def show(
    corpus: Corpus,
    task: TaskItem,
    platform_id: str,
    data: bytes,
    *,
    source: str = "canvas",
    verdict: Verdict = Verdict.YES,
    labels: tuple[Label, ...] = (),
    close: bool = True,
    run_id: int | None = None,
    **fields: Any,
) -> StoredExposure:
    """Store a short with this frame, and close its exposure."""
    new = NewExposure(
        run_id=run_id or task.run_id,
        task=task,
        listing=fields.pop("listing", None),
        record=record(platform_id, **fields),
        screen=picture(data, role="screen", source="crop"),
        frame=picture(data, source=source),
        decision=Decision(verdict=verdict, decider="always"),
        labels=labels,
        action=Action.WATCH if verdict is Verdict.YES else Action.SCROLL,
        late=False,
        decide_window=6.0,
        planned_dwell=1.5,
        profile_id="profile",
        shown_at=MOMENT,
    )
    stored = corpus.exposures.store(new)
    if close:
        corpus.exposures.close(
            stored.exposure_id, Outcome.DONE, seconds_on_screen=7.5, media_seconds=7.0, like=None, ended_at=MOMENT
        )
    return stored


def miss(corpus: Corpus, task: TaskItem, item: Record, outcome: Outcome, cause: str, **fields: Any) -> None:
    """Record an item that was not judged."""
    corpus.exposures.store_unseen(
        run_id=task.run_id,
        task=task,
        listing=fields.get("listing"),
        record=item,
        outcome=outcome,
        cause=cause,
        profile_id="profile",
        shown_at=MOMENT,
    )


def answer(key: str = "k" * 64, **fields: Any) -> AnswerRecord:
    usual = AnswerRecord(
        key=key,
        question="watch@1",
        run_id=None,
        platform="sandbox",
        platform_id="a",
        epoch=0,
        persona=None,
        model="model",
        model_returned="model-1",
        endpoint="localhost",
        parameters={"temperature": 0},
        image_sha256=None,
        raw='{"decision": "yes"}',
        parsed={"decision": "yes"},
        status=AnswerStatus.OK,
        prompt_tokens=10,
        completion_tokens=2,
        cost=0.5,
        milliseconds=3,
        asked_at=MOMENT,
    )
    return replace(usual, **fields)


def rows(path: Path, query: str) -> list[tuple[Any, ...]]:
    """Rows as they lie in the file, past everything that the storage layer does."""
    connection = sqlite3.connect(path)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def everything(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables, by the names of their columns in alphabetic order."""
    found = {}
    for (table,) in rows(path, "SELECT name FROM sqlite_master WHERE type = 'table' AND name != 'alembic_version'"):
        columns = sorted(row[1] for row in rows(path, f"PRAGMA table_info({table})"))
        names = ", ".join(f'"{name}"' for name in columns)
        found[table] = [tuple(columns), *rows(path, f"SELECT {names} FROM {table} ORDER BY {names}")]
    return found


@contextmanager
def full_disk(database: Database, *, pages_left: int = 0) -> Iterator[None]:
    """No more than so many further pages for every connection of an open corpus (a pragma is per connection)."""
    engine = database._engine

    def limit(connection: sqlite3.Connection, _: object) -> None:
        (count,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count={count + pages_left}")

    event.listen(engine, "connect", limit)
    engine.dispose()
    try:
        yield
    finally:
        event.remove(engine, "connect", limit)
        engine.dispose()


def python(code: str, *arguments: str | Path, **options: Any) -> subprocess.Popen[str]:
    """Another process that runs this code with the tests' helpers at hand; its arguments are `sys.argv[1:]`."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def finished(process: subprocess.Popen[str], timeout: float = 30) -> str:
    """What a process said, once it has ended well."""
    said, complaint = process.communicate(timeout=timeout)
    assert process.returncode == 0, complaint
    return said


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


def until(true: Callable[[], object], timeout: float = 15) -> None:
    """Wait for something that another process does."""
    end = time.monotonic() + timeout
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)
