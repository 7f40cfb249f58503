"""`python -m storage.check`: is a corpus whole? The file, its keys, its pictures' bytes, and rows that must agree."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Annotated, Any

import typer
from rich.console import Console
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from storage import cli
from storage.database import Database, open_database
from storage.errors import UsageError
from storage.images import looks_like_picture
from storage.models import Short
from storage.removals import Removals
from storage.steps import Steps

MOST_SHOWN = 5
"""Rows named in one problem; the others are counted."""
RECOUNTED = ("recompute", "merge", "forget")
"""Events after which a task's count of new shorts is history, not a sum of rows: what was filled stays filled."""

app = cli.app("Check that a corpus is whole.")

ORPHANS = {
    "pictures' bytes that nothing points at": """
        SELECT substr(sha256, 1, 12) FROM image_data WHERE sha256 NOT IN (SELECT sha256 FROM images)
        AND sha256 NOT IN (SELECT image_sha256 FROM answers WHERE image_sha256 IS NOT NULL)""",
    "shorts that were never shown": """
        SELECT platform || ':' || platform_id FROM shorts
        WHERE id NOT IN (SELECT short_id FROM exposures WHERE short_id IS NOT NULL)""",
    "shorts without an observation": """
        SELECT platform || ':' || platform_id FROM shorts WHERE id NOT IN (SELECT short_id FROM observations)""",
    "pictures that no exposure shows": """
        SELECT '#' || id FROM images WHERE id NOT IN (
            SELECT screen_image_id FROM exposures WHERE screen_image_id IS NOT NULL
            UNION SELECT frame_image_id FROM exposures WHERE frame_image_id IS NOT NULL)""",
    "looks of pictures that are no frames": """
        SELECT DISTINCT '#' || image_id FROM looks
        WHERE image_id NOT IN (SELECT id FROM images WHERE role = 'frame')""",
    "vectors of neither a picture nor a short": """
        SELECT id FROM embeddings WHERE (image_sha256 IS NULL) = (short_id IS NULL)""",
}
DISAGREEMENTS = {
    "exposures whose pictures are another short's": """
        SELECT exposures.id FROM exposures JOIN images ON images.id IN (screen_image_id, frame_image_id)
        WHERE images.short_id IS NOT exposures.short_id""",
    "exposures whose id is not their short's": """
        SELECT exposures.id FROM exposures JOIN shorts ON shorts.id = short_id
        WHERE shorts.platform_id != exposures.platform_id""",
    "exposures whose answer is about another short": """
        SELECT exposures.id FROM exposures JOIN answers ON answers.id = answer_id
        WHERE answers.platform_id IS NOT NULL AND answers.platform_id != exposures.platform_id""",
    "exposures whose screen is a frame, or the other way round": """
        SELECT exposures.id FROM exposures JOIN images ON images.id IN (screen_image_id, frame_image_id)
        WHERE (images.role = 'screen') != (images.id = screen_image_id)""",
    "exposures that count as new and show a duplicate": """
        SELECT exposures.id FROM exposures JOIN images ON images.id = frame_image_id
        WHERE is_new AND duplicate_of IS NOT NULL""",
    "exposures in a run of another plan than their task": """
        SELECT exposures.id FROM exposures JOIN tasks ON tasks.id = task_id JOIN runs ON runs.id = exposures.run_id
        WHERE runs.plan_run_id != tasks.run_id""",
    "duplicates of a picture that is itself a duplicate, or later": """
        SELECT '#' || one.id FROM images one JOIN images other ON other.id = one.duplicate_of
        WHERE other.duplicate_of IS NOT NULL OR other.id >= one.id""",
    "pictures that are duplicates and not said by what, or the other way round": """
        SELECT '#' || id FROM images WHERE (duplicate_of IS NULL) != (duplicate_by IS NULL)""",
    "frames with a hash and without looks": """
        SELECT '#' || id FROM images WHERE role = 'frame' AND phash IS NOT NULL
        AND id NOT IN (SELECT image_id FROM looks)""",
    "labels of the query with a stance or a score": """
        SELECT id FROM labels WHERE source = 'query' AND (stance IS NOT NULL OR score IS NOT NULL)""",
    "tasks that are done with less than their quota": """
        SELECT id FROM tasks WHERE state = 'done' AND taken < quota""",
    "listings that count as known or opened, of shorts that the corpus does not have": """
        SELECT listings.id FROM listings WHERE state IN ('known', 'opened') AND platform_id IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM shorts WHERE shorts.platform = listings.platform
                        AND shorts.platform_id = listings.platform_id)""",
    "listings that count as opened and were not shown in their task": """
        SELECT listings.id FROM listings WHERE state = 'opened' AND platform_id IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM exposures WHERE exposures.task_id = listings.task_id
                        AND exposures.platform_id = listings.platform_id)""",
    "listings of another platform than their task": """
        SELECT listings.id FROM listings JOIN tasks ON tasks.id = task_id WHERE tasks.platform != listings.platform""",
    "runs without a plan": "SELECT id FROM runs WHERE plan_run_id IS NULL",
    "vectors of unequal length in one model": """
        SELECT model || ' ' || part FROM embeddings WHERE length(vector) > 0
        GROUP BY model, part HAVING count(DISTINCT length(vector)) > 1""",
}
COUNTS = """
    SELECT tasks.id FROM tasks LEFT JOIN exposures ON exposures.task_id = tasks.id AND exposures.is_new
    GROUP BY tasks.id HAVING count(exposures.id) != tasks.taken"""


def problems(database: Database, session: Session, step: Callable[[], None] = lambda: None) -> list[str]:
    """One sentence per kind of problem; empty where the corpus is whole.

    Args:
        step: called after each picture whose bytes were read, which is what takes long.
    """
    found: list[str] = []
    of_pictures, of_forgotten = partial(_bytes, step=step), partial(_forgotten, database=database)
    for part in (_file, _keys, _orphans, _disagreements, _counts, of_pictures, _history, of_forgotten):
        try:
            found += part(session)
        except DatabaseError as error:  # a damaged page: say so, and look at the rest
            found.append(f"the file is damaged ({error.orig}); bring back a backup")
    return list(dict.fromkeys(found))


def counts(session: Session) -> dict[str, int]:
    """Rows of each table."""
    names = session.scalars(
        text("SELECT name FROM sqlite_master WHERE type = 'table' AND name != 'alembic_version' ORDER BY name")
    ).all()
    return {name: int(session.scalar(text(f'SELECT count(*) FROM "{name}"')) or 0) for name in names}


def _file(session: Session) -> Iterator[str]:
    for (said,) in session.execute(text("PRAGMA integrity_check")):
        if said != "ok":
            yield f"the file is damaged ({' '.join(said.split())}); bring back a backup"


def _keys(session: Session) -> Iterator[str]:
    for table, row, parent, _ in session.execute(text("PRAGMA foreign_key_check")):
        yield f"{table} row {row} points at a row of {parent} that is not there"


def _orphans(session: Session) -> Iterator[str]:
    yield from _listed(session, ORPHANS)


def _disagreements(session: Session) -> Iterator[str]:
    yield from _listed(session, DISAGREEMENTS)


def _counts(session: Session) -> Iterator[str]:
    recounted = session.execute(
        text("SELECT 1 FROM events WHERE kind IN (:one, :two, :three)"),
        dict(zip(("one", "two", "three"), RECOUNTED, strict=True)),
    ).first()
    if recounted is None:
        yield from _listed(session, {"tasks whose count is not that of their new shorts": COUNTS})


def _bytes(session: Session, *, step: Callable[[], None]) -> Iterator[str]:
    read: Callable[[str], Any] = session.connection().exec_driver_sql
    changed, empty, strange = [], [], []
    for sha256, data in read("SELECT sha256, data FROM image_data"):
        step()
        if not data:
            empty.append(sha256[:12])
        elif hashlib.sha256(data).hexdigest() != sha256:
            changed.append(sha256[:12])
        elif not looks_like_picture(data):
            strange.append(sha256[:12])
    yield from _said("pictures without bytes", empty)
    yield from _said("pictures whose bytes are not those of their hash", changed)
    yield from _said("pictures whose bytes are no picture's", strange)


def _history(session: Session) -> Iterator[str]:
    created = session.scalar(text("SELECT count(*) FROM events WHERE kind = 'created'"))
    if created != 1:
        yield f"{created} events say that the corpus was created, instead of one"


def _forgotten(session: Session, *, database: Database) -> Iterator[str]:
    try:
        removals = Removals.of(session, database.path)
    except UsageError as error:  # another user's key, or no removals at all
        yield str(error)
        return
    if not len(removals):
        return
    rows = session.execute(select(Short.platform, Short.platform_id, Short.author))
    if gone := sum(removals.cover(*row) for row in rows):
        yield f"{gone} shorts that were forgotten and are here; run storage.forget for them again"


def _listed(session: Session, questions: dict[str, str]) -> Iterator[str]:
    for what, query in questions.items():
        yield from _said(what, [str(row[0]) for row in session.execute(text(query))])


def _said(what: str, names: list[str]) -> Iterator[str]:
    if names:
        more = f" and {len(names) - MOST_SHOWN} more" if len(names) > MOST_SHOWN else ""
        yield f"{what}: {', '.join(names[:MOST_SHOWN])}{more}"


@app.command()
def check(
    corpus: Annotated[str, typer.Option(help="Path or sqlite:///PATH.")] = "data/corpus.sqlite",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> int:
    """Check that a corpus is whole; also while a crawl writes. Exit code 1 if something is wrong, with the list.

    Example:

      python -m storage.check --corpus data/corpus.sqlite
    """
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    with open_database(corpus, write=False) as database, database.read() as session:
        pictures = session.scalar(text("SELECT count(*) FROM image_data")) or 0
        with Steps(time.monotonic, console, "looking at pictures", pictures) as steps:
            found = problems(database, session, steps.step)
        held = {} if found else counts(session)
    if as_json:
        print(json.dumps({"whole": not found, "problems": found, "rows": held}))
    elif found:
        print("\n".join([*found, f"{len(found)} problems"]))
    else:
        print(f"{corpus} is whole: {', '.join(f'{count} {name}' for name, count in held.items())}")
    return int(bool(found))


if __name__ == "__main__":
    cli.run(app)
