"""`python -m storage.merge INTO FROM...`: the corpora of several machines become one."""

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from storage import cli
from storage.corpus import Corpus, utc_now
from storage.database import Database, corpus_path, open_database
from storage.errors import CorpusUnusable, UsageError
from storage.forget import forget_rows, wipe
from storage.merging import COPIED, Merging
from storage.models import Event, Exposure, Listing, Run, Short, Task
from storage.pseudonyms import Pseudonyms
from storage.recompute import recompute
from storage.removals import FILE, Removals, add_removals, tombstones_of
from storage.sampling import CREATED
from storage.steps import Steps

MERGE = "merge"
"""Kind of the event that says what was merged."""

app = cli.app("Make one corpus of several.")


@dataclass(frozen=True, kw_only=True)
class Known:
    """What tells a corpus and its states apart."""

    corpus_id: str
    key: str
    """Fingerprint of the pseudonym key."""
    state: str
    """Hash of how many rows there are and how far they are."""
    merged: dict[str, str]
    """The corpora that were merged into it, by id, and their states then."""


def merge(into: Corpus, sources: Sequence[Database], console: Console) -> list[dict[str, Any]]:
    """Add corpora to one that is open with the collecting lock, each in one transaction, in the given order.

    What is in already, as it is now, is passed over, so that the same command goes on where it was stopped.

    Returns:
        Of each: its id, how many rows came in by table, and whether it was there already.

    Raises:
        UsageError: a corpus with other author hashes, or an older state of which is in; nothing is changed then.
        StorageFull: those that were added before stay, of the one at hand nothing.
    """
    there = _refuse(into.database, sources)
    said = [
        {"corpus": str(source.path), "rows": {}, "forgotten": 0, "already": True} if skip else _add(into, source)
        for source, skip in zip(sources, there, strict=True)
    ]
    with Steps(time.monotonic, console, "looking at frames", 0) as steps:
        recompute(into.database, utc_now, steps.reach)
    if any(one["forgotten"] for one in said):
        wipe(into.database.path)
    return said


def _refuse(into: Database, sources: Sequence[Database]) -> list[bool]:
    """Everything that can be wrong is found before the first row is written; which ones are in already."""
    target = known(into)
    ids = {target.corpus_id: "", **target.merged}
    there = []
    for source in sources:
        other = known(source)
        if other.key != target.key:
            raise UsageError(
                f"{source.path} was written with another pseudonym key, so one author would be two; corpora can be "
                "merged only if every machine used one key file"
            )
        there.append(ids.get(other.corpus_id) == other.state)
        if not there[-1] and ids.keys() & {other.corpus_id, *other.merged}:
            raise UsageError(
                f"another state of {source.path} is in {into.path} already (or it is a copy of that); to merge newer "
                "states of corpora, merge them all into a new corpus"
            )
        ids |= {other.corpus_id: other.state, **other.merged}
    return there


def known(database: Database) -> Known:
    """How a corpus is told from others.

    Raises:
        CorpusUnusable: it was never collected into.
    """
    with database.read() as session:
        created = session.scalars(select(Event).where(Event.kind == CREATED)).first()
        if created is None:
            raise CorpusUnusable(f"{database.path} was never collected into; leave it out")
        merged = session.scalars(select(Event).where(Event.kind == MERGE))
        return Known(
            corpus_id=str(created.detail["corpus_id"]),
            key=str(created.detail["pseudonym_key"]),
            state=_state(session),
            merged={str(event.detail["corpus_id"]): str(event.detail.get("state")) for event in merged},
        )


def _state(session: Session) -> str:
    counted: list[Any] = [func.count(Exposure.ended_at), func.sum(Task.taken), func.max(Run.ended_at)]
    tables = [table for table in COPIED if table is not Event]  # an export of it changes nothing
    said = [session.scalar(select(func.count()).select_from(table)) for table in tables]
    said += [session.scalar(select(column)) for column in counted]
    return hashlib.sha256(" ".join(map(str, said)).encode()).hexdigest()


def _add(into: Corpus, source: Database) -> dict[str, Any]:
    about = known(source)
    with source.read() as other, into.database.write() as session:
        created = other.scalars(select(Event).where(Event.kind == CREATED)).one()
        rows = Merging(other, session).copy()
        forgotten = _obey(session, into.database.path)
        said = {"corpus_id": about.corpus_id, "rows": dict(sorted(rows.items())), "forgotten": forgotten}
        detail = {**said, "state": about.state, "created": created.detail}
        session.add(Event(kind=MERGE, detail=detail, at=utc_now()))
    return {"corpus": str(source.path), **said, "already": False}


def _obey(session: Session, path: Path) -> int:
    """What was forgotten in one of them goes from all before anybody sees it; returns how many shorts that were."""
    add_removals(path.with_name(FILE), tombstones_of(session))
    removals = Removals.of(session, path)
    named = _named(session)
    gone = sorted({row[:2] for row in named if removals.cover(*row)})
    authors = sorted({row[2] for row in named if row[2] and removals.cover(row[0], None, row[2])})
    if gone:
        forget_rows(session, gone, authors, [])
    return len(gone)


def _named(session: Session) -> list[tuple[str, str, str | None]]:
    """Platform, id and author of every short that was captured or listed."""
    captured = select(Short.platform, Short.platform_id, Short.author)
    author = func.json_extract(Listing.record, "$.author")
    listed = select(Listing.platform, Listing.platform_id, author).where(Listing.platform_id.is_not(None))
    return [(row[0], row[1], row[2]) for query in (captured, listed) for row in session.execute(query)]


@app.command(name="merge")
def command(
    into: Annotated[str, typer.Argument(metavar="INTO", help="A corpus, or a new file.")],
    sources: Annotated[list[str], typer.Argument(metavar="FROM...", help="Corpora; they are only read.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> int:
    """Add corpora to another one; duplicates across them are found, and what one of them forgot is gone from all.

    Corpora are added in the given order, as if crawled one after the other. Stopped at any moment, the same command
    goes on; what is in already is passed over. Exit codes: 1 disk full (run it again), 2 in use, other author hashes,
    or an older state of a corpus is in already.

    Example:

      python -m storage.merge all.sqlite machine-a.sqlite machine-b.sqlite
    """
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    paths = [corpus_path(source) for source in sources]
    if len({corpus_path(into), *paths}) != 1 + len(paths):
        raise UsageError(f"a corpus is named twice among {into} and {', '.join(sources)}; name each once")
    opened: list[Database] = []
    new = not Path(corpus_path(into)).exists()
    try:
        opened += [open_database(path, write=False) for path in paths]
        keys = {known(source).key for source in opened}
        if new and keys != {Pseudonyms.of_user().fingerprint}:
            raise UsageError(
                "the corpora were written with another pseudonym key than this user's, or with several; copy that "
                "key file to this configuration folder, or merge into one of them"
            )
        with Corpus(into, collecting=True) as target:
            said = merge(target, opened, console)
    finally:
        for source in opened:
            source.close()
    if as_json:
        print(json.dumps({"into": str(corpus_path(into)), "merged": said}))
    else:
        for one in said:
            rows = ", ".join(f"{count} {table}" for table, count in one["rows"].items())
            print(f"{one['corpus']}: {'is in already' if one['already'] else rows}")
    return 0


if __name__ == "__main__":
    cli.run(app)
