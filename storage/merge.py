"""`python -m storage.merge INTO FROM...`: the corpora of several machines become one."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from storage import cli
from storage.corpus import Corpus, utc_now
from storage.database import Database, corpus_path, open_database
from storage.errors import CorpusUnusable, UsageError
from storage.forget import forget_rows, wipe
from storage.merging import Merging
from storage.models import Event, Listing, Short
from storage.pseudonyms import Pseudonyms
from storage.recompute import recompute
from storage.removals import FILE, Removals, add_removals, tombstones_of
from storage.sampling import CREATED

MERGE = "merge"
"""Kind of the event that says what was merged."""

app = cli.app("Make one corpus of several.")


def merge(into: Corpus, sources: Sequence[Database], console: Console) -> list[dict[str, Any]]:
    """Add corpora to one that is open with the collecting lock, each in one transaction, in the given order.

    Returns:
        Of each: its id and how many rows came in by table.

    Raises:
        UsageError: a corpus with other author hashes, or one that is in already; nothing is changed then.
        StorageFull: those that were added before stay, of the one at hand nothing.
    """
    _refuse(into.database, sources)
    said = [_add(into.database, source) for source in sources]
    columns = (TextColumn("looking at frames"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task("frames", total=None)
        recompute(into.database, utc_now, lambda done, of: progress.update(bar, completed=done, total=of))
    if any(one["forgotten"] for one in said):
        wipe(into.database.path)
    return said


def _refuse(into: Database, sources: Sequence[Database]) -> None:
    """Everything that can be wrong is found before the first row is written."""
    keys, ids = _created(into)
    for source in sources:
        other_keys, other_ids = _created(source)
        if other_keys != keys:
            raise UsageError(
                f"{source.path} was written with another pseudonym key, so one author would be two; corpora can be "
                "merged only if every machine used one key file"
            )
        if ids & other_ids:
            raise UsageError(
                f"{source.path} is in {into.path} already (or is a copy of it); to merge newer states of corpora, "
                "merge them all into a new corpus"
            )
        ids |= other_ids


def _created(database: Database) -> tuple[str, set[str]]:
    """Fingerprint of the pseudonym key, and the ids of a corpus and of all that were merged into it."""
    with database.read() as session:
        created = session.scalars(select(Event).where(Event.kind == CREATED)).first()
        if created is None:
            raise CorpusUnusable(f"{database.path} was never collected into; leave it out")
        merged = session.scalars(select(Event).where(Event.kind == MERGE))
        ids = {str(created.detail["corpus_id"]), *(str(event.detail["corpus_id"]) for event in merged)}
    return str(created.detail["pseudonym_key"]), ids


def _add(into: Database, source: Database) -> dict[str, Any]:
    with source.read() as other, into.write() as session:
        created = other.scalars(select(Event).where(Event.kind == CREATED)).one()
        rows = Merging(other, session).copy()
        forgotten = _obey(session, into.path)
        said = {"corpus_id": created.detail["corpus_id"], "rows": dict(sorted(rows.items())), "forgotten": forgotten}
        session.add(Event(kind=MERGE, detail={**said, "created": created.detail}, at=utc_now()))
    return {"corpus": str(source.path), **said}


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

    Corpora are added in the given order, as if crawled one after the other. Exit codes: 1 disk full, 2 in use, other
    author hashes, or merged already. A merge that was stopped while it looked at frames is ended by
    `python -m storage.dedupe --recompute`.

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
        keys = {_created(source)[0] for source in opened}
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
            print(f"{one['corpus']}: {', '.join(f'{count} {table}' for table, count in one['rows'].items())}")
    return 0


if __name__ == "__main__":
    cli.run(app)
