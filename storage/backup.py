"""`python -m storage.backup OUT`: a copy of a corpus, also while a crawl writes into it.

In one step (`pages=-1`): a copy in steps begins again whenever somebody writes, and beside a crawl it never ends.
"""

import json
import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Annotated

import typer

from storage import cli
from storage.database import BUSY_TIMEOUT, corpus_path, open_database, translated
from storage.errors import CorpusUnusable, StorageFull, UsageError

app = cli.app("Copy a corpus.")


def backup(corpus: str | Path, out: Path) -> int:
    """Copy a corpus as it is at one moment; the copy gets its name when it is whole and checked.

    Returns:
        Its size in bytes.

    Raises:
        UsageError: there is something at `out`, or it cannot be written.
        CorpusUnusable: no corpus, or a damaged one.
        StorageFull: no space; nothing of the copy is left then.
    """
    path = corpus_path(corpus)
    if out.exists():
        raise UsageError(f"{out} exists; give another path for the copy, or move that file away first")
    with open_database(corpus, write=False):
        pass  # is it one?
    part = out.with_name(f".{out.name}.part")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        _copy(path, part)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(part, out)
    except (OSError, CorpusUnusable) as error:
        if isinstance(error, CorpusUnusable):
            raise
        raise UsageError(f"{out} cannot be written ({error.strerror}); give another path") from error
    finally:
        for suffix in ("", "-journal", "-wal", "-shm"):
            with suppress(OSError):
                part.with_name(part.name + suffix).unlink(missing_ok=True)
    return out.stat().st_size


def _copy(path: Path, part: Path) -> None:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as source:
        source.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT}")
        try:
            with translated(part), closing(sqlite3.connect(part)) as target:
                source.backup(target, pages=-1)
                said = target.execute("PRAGMA quick_check(1)").fetchone()[0]
        except StorageFull as error:
            raise StorageFull(f"no space left for the copy {part.parent}; make space and run it again") from error
    if said != "ok":
        raise CorpusUnusable(f"{path} is damaged ({said}), so it was not copied; bring back an older backup")


@app.command(name="backup")
def command(
    out: Annotated[Path, typer.Argument(help="The copy to make.")],
    corpus: Annotated[str, typer.Option(help="Path or sqlite:///PATH.")] = "data/corpus.sqlite",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> int:
    """Copy a corpus while a crawl may run. Exit codes: 1 disk full, 2 no corpus, a damaged one, or OUT exists.

    Example:

      python -m storage.backup backups/monday.sqlite
    """
    size = backup(corpus, out)
    print(json.dumps({"out": str(out), "bytes": size}) if as_json else f"{out}: {size:,} bytes, checked")
    return 0


if __name__ == "__main__":
    cli.run(app)
