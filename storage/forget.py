"""`python -m storage.forget`: an author or a short goes out of a corpus for good (D17).

First what lies beside the corpus, then its rows in one transaction, then the file itself: a command that was stopped
does the whole again. A keyed tombstone stays, in the corpus's events and in `removals.jsonl` beside it, which every
export and merge obeys.
"""

import errno
import json
import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy import select
from sqlalchemy.orm import Session

from storage import cli
from storage.corpus import Corpus, utc_now
from storage.database import corpus_path, translated
from storage.errors import CorpusInUse, CorpusUnusable, NothingFound, StorageFull, UsageError
from storage.forgetting import Pair, known, of_author, remove
from storage.models import Event, Run
from storage.pseudonyms import PREFIX, Pseudonyms
from storage.removals import FILE, FORGET, Tombstone, Tombstones, add_removals, tombstones_of
from storage.traces import Names, remove_traces, remove_vectors, strike_logs, strike_profiles

EXPORT = "export"
WAIT = 5_000
"""Milliseconds for readers to end, before the write-ahead log is cut."""
OUT_OF_REACH = "backups, copies, merged corpora, value sets and reports are yours to clear"

app = cli.app("Take an author or a short out of a corpus for good.")


@dataclass(kw_only=True)
class Forgotten:
    """What a command took away."""

    shorts: list[Pair]
    rows: Counter[str]
    beside: Counter[str]
    exports: list[str] = field(default_factory=list)
    """Exports that this corpus was made into and that still may hold it."""


def forget(
    corpus: Corpus,
    pseudonyms: Pseudonyms,
    *,
    author: str | None = None,
    short: Pair | None = None,
    shorts: Sequence[Pair] = (),
) -> Forgotten:
    """Take an author's shorts, one short or several out of a corpus and of what lies beside it.

    Args:
        corpus: open with the collecting lock.
        author: handle, or its hash as the corpus holds it.

    Raises:
        NothingFound: neither the corpus nor anything beside it names them, and no earlier command took them away.
        CorpusInUse: everything is removed, but a reader keeps the old pages in the write-ahead log.
        StorageFull: see `storage.errors`.
    """
    path, makes, now = corpus.database.path, Tombstones(pseudonyms), utc_now()
    hashed = None if author is None else pseudonyms.handle(author)
    with corpus.database.read() as session:
        pairs = [short] if short else list(shorts) or of_author(session, hashed or "")
        there = any(known(session, pair) for pair in pairs)
        marks = {one.mark for one in tombstones_of(session)}
        exports = list(dict.fromkeys(str(event.detail["out"]) for event in _events(session, EXPORT)))
        logs = {Path(said["log_file"]) for said in session.scalars(select(Run.settings)) if said.get("log_file")}
    new = [makes.of_short(*pair, now) for pair in pairs]
    new += [] if hashed is None else [makes.of_author(hashed, now)]
    plain = [author.lstrip("@")] if author and not author.startswith(PREFIX) else []
    ids = [pair[1] for pair in pairs] + ([hashed.removeprefix(PREFIX)] if hashed else [])
    names = Names(ids=ids, handles=plain)
    try:
        beside = remove_traces(path, names)
        beside["log lines"] += strike_logs(logs, names)
        beside["profiles"] += strike_profiles(path, names)
        beside = +beside
        if not there and not beside and marks.isdisjoint(one.mark for one in new):
            raise NothingFound(
                f"nothing in {path} or beside it is of {author or ':'.join(short or ())}; check the name"
            )
        add_removals(path.with_name(FILE), new)
        remove_vectors(path)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise StorageFull(f"no space left beside {path}; make space and run the same command again") from error
        raise UsageError(f"{error.filename or path.parent} cannot be changed ({error.strerror}); mend that") from error
    with corpus.database.write() as session:
        rows = forget_rows(session, pairs, [hashed] if hashed else [], [one for one in new if one.mark not in marks])
    wipe(path)
    return Forgotten(shorts=pairs, rows=rows, beside=beside, exports=exports)


def forget_rows(
    session: Session, pairs: Sequence[Pair], authors: Sequence[str], tombstones: Sequence[Tombstone]
) -> Counter[str]:
    """The part of it that is a transaction: the rows go, the tombstones stay."""
    rows = remove(session, pairs, authors)
    if tombstones:
        detail = {"tombstones": [one.to_json() for one in tombstones], "rows": dict(rows)}
        session.add(Event(kind=FORGET, detail=detail, at=utc_now()))
    return rows


def wipe(path: Path) -> None:
    """Leave no old page of a corpus: the file is written anew, its write-ahead log is cut to nothing.

    Raises:
        CorpusInUse: a reader still needs the old pages.
        StorageFull: there is no space to write it anew; the rows are gone and overwritten.
    """
    with translated(path), closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA busy_timeout={WAIT}")
        connection.execute("PRAGMA secure_delete=ON")
        connection.execute("VACUUM")
        busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    if busy:
        raise CorpusInUse(
            f"the rows are removed, but somebody still reads {path}, so old pages stay in its -wal file; end that "
            "process and run the same command again"
        )


def _events(session: Session, kind: str) -> list[Event]:
    return list(session.scalars(select(Event).where(Event.kind == kind).order_by(Event.id)))


@app.command(name="forget")
def command(
    corpus: Annotated[str, typer.Option(help="Path or sqlite:///PATH.")] = "data/corpus.sqlite",
    author: Annotated[str | None, typer.Option(help="A handle, or its hash as the corpus holds it.")] = None,
    short: Annotated[str | None, typer.Option(metavar="PLATFORM:ID", help="One short.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> int:
    """Remove rows, pictures, vectors, answers, evidence and log lines of an author or a short.

    Prints, once, the ids that went: send them to whoever has an export, since this command cannot reach those.
    Exit codes: 1 disk full, 2 the corpus is in use or none, 5 nothing of that name.

    Examples:

      python -m storage.forget --author @somebody

      python -m storage.forget --short tiktok:7301234567890123456
    """
    if (author is None) == (short is None):
        raise UsageError("say what to forget: either --author HANDLE or --short PLATFORM:ID")
    platform, colon, platform_id = (short or "").partition(":")
    if short is not None and not (platform and colon and platform_id):
        raise UsageError(f"--short {short} is no PLATFORM:ID; give it as youtube:dQw4w9WgXcQ")
    if author is not None and not author.strip(" @"):
        raise UsageError("--author is empty; give a handle")
    if not corpus_path(corpus).is_file():  # the lock's holder would make an empty one
        raise CorpusUnusable(f"there is no corpus {corpus}; give its path with --corpus")
    with Corpus(corpus, collecting=True) as opened:
        gone = forget(opened, Pseudonyms.of_user(), author=author, short=(platform, platform_id) if short else None)
    said: dict[str, Any] = {
        "shorts": [":".join(pair) for pair in gone.shorts],
        "rows": dict(sorted(gone.rows.items())),
        "beside": dict(sorted(gone.beside.items())),
        "exports_out_of_reach": gone.exports,
    }
    if as_json:
        print(json.dumps(said))
        return 0
    took = ", ".join(f"{count} {what}" for what, count in [*said["rows"].items(), *said["beside"].items()]) or "nothing"
    print(f"gone: {took}")
    print("\n".join(["shorts:", *(f"  {one}" for one in said["shorts"])]))
    print(
        "\n".join(
            ["exports that cannot be reached from here:", *(f"  {out}" for out in gone.exports or ["none known"])]
        )
    )
    print(OUT_OF_REACH)
    return 0


if __name__ == "__main__":
    cli.run(app)
