"""`python -m storage.export`: a dataset out of a corpus."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from sqlalchemy.orm import Session

from storage import cli
from storage.corpus import utc_now
from storage.database import Database, open_database
from storage.errors import CorpusUnusable, NothingFound, StorageFull, UsageError
from storage.export.output import Folder, size, write_whole
from storage.export.plan import Options, Plan, Shard, plan
from storage.export.pseudonymise import STILL_SHOWN, Veil
from storage.export.rows import Row, Sample, samples
from storage.export.schema import MANIFEST
from storage.export.writers import FORMATS
from storage.models import Event
from storage.pseudonyms import Pseudonyms
from storage.records import QUERY_SOURCE, LabelKind, Verdict
from storage.selection import Selection, label_names, label_sources
from storage.steps import Steps
from storage.tallies import tally

DATES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]
DATASET, MANIFEST_FILE = Path("data/dataset"), Path("data/manifest")
EXPORT = "export"
"""Kind of the event that says that an export was made, and where."""

app = cli.app("Make a dataset out of a corpus.")


class Mode(StrEnum):
    """How a short was shown."""

    SEARCH = "search"
    FEED = "feed"


class Shown(StrEnum):
    """Which of a short's two pictures."""

    SCREEN = "screen"
    FRAME = "frame"


@app.command()
def export(
    format: Annotated[str, typer.Option("--format", help=", ".join(FORMATS))] = "parquet",
    out: Annotated[
        Path | None,
        typer.Option(help=f"Folder to make (default: {DATASET}), or a file ({MANIFEST_FILE}.*)."),
    ] = None,
    corpus: Annotated[str, typer.Option(help="Path or sqlite:///PATH.")] = "data/corpus.sqlite",
    platform: Annotated[list[str] | None, typer.Option(help="Only this platform; may be repeated.")] = None,
    value: Annotated[str | None, typer.Option(help="Only shorts with this value (as self-direction).")] = None,
    topic: Annotated[str | None, typer.Option(help="Only shorts with this topic.")] = None,
    source: Annotated[
        str | None,
        typer.Option(help="Who says value and topic (default: all but query, which means collected under)."),
    ] = None,
    since: Annotated[
        datetime | None, typer.Option(help="First seen at this time (UTC) or later.", formats=DATES)
    ] = None,
    until: Annotated[datetime | None, typer.Option(help="First seen before this time (UTC).", formats=DATES)] = None,
    decision: Annotated[Verdict | None, typer.Option(help="Only shorts that were so decided.")] = None,
    mode: Annotated[Mode | None, typer.Option(help="Only shorts that were shown so.")] = None,
    distinct: Annotated[
        bool, typer.Option("--distinct/--with-duplicates", help="One short per picture, or all of them.")
    ] = True,
    picture: Annotated[Shown, typer.Option(help="As a viewer saw it, or the clean frame.")] = Shown.SCREEN,
    no_images: Annotated[bool, typer.Option("--no-images", help="The manifest: ids, labels and hashes alone.")] = False,
    pseudonymise: Annotated[bool, typer.Option("--pseudonymise", help="Name neither short nor author.")] = False,
    test: Annotated[float, typer.Option(help="Share of the test split.", min=0, max=1)] = 0.1,
    seed: Annotated[int, typer.Option(help="Of the split.")] = 1,
    shard: Annotated[int, typer.Option(help="Most shorts of a file.", min=1)] = 1000,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> int:
    """Make a dataset; the same corpus and options give the same bytes, and the same command again goes on.

    No author and no near copy stands in train and test both. `storage.card` then writes the dataset's card. Exit codes:
    1 disk full (run it again), 2 wrong usage, 5 nothing to export.

    Examples:

      python -m storage.export --format parquet

      python -m storage.export --format webdataset --out hedonism --value hedonism --source similarity

      python -m storage.export --no-images --out manifest.parquet
    """
    out = out or (MANIFEST_FILE.with_suffix(f".{format}") if no_images else DATASET)
    options = Options(
        format=format,
        selection=Selection(
            platforms=tuple(sorted(platform or ())),
            value=value,
            topic=topic,
            source=source,
            since=since and since.replace(tzinfo=UTC),
            until=until and until.replace(tzinfo=UTC),
            decision=decision and decision.value,
            mode=mode and mode.value,
        ),
        picture=picture.value,
        pictures=not no_images,
        pseudonymise=pseudonymise,
        with_duplicates=not distinct,
        test_share=test,
        seed=seed,
        shard=shard,
    )
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    check(options, out)
    with open_database(corpus, write=False) as database:
        options = replace(options, selection=in_the_corpus(database, options.selection))
        for note in notes(database, options):
            console.print(note, markup=False)
        said = make(database, options, out, console)
    if as_json:
        print(json.dumps(said))
    else:
        skipped = ", ".join(f"{count} {reason}" for reason, count in said["skipped"].items()) or "none"
        splits = ", ".join(f"{count} {split}" for split, count in said["splits"].items())
        print(f"{said['shorts']} shorts ({splits}) in {out}; left out: {skipped}")
    return 0


def check(options: Options, out: Path) -> None:
    """Refuse what cannot be asked for.

    Raises:
        UsageError: an unknown format, a manifest in a format that has none or without ids.
    """
    if options.format not in FORMATS:
        raise UsageError(f"--format {options.format} is not known; give one of {', '.join(FORMATS)}")
    if options.pictures:
        return
    if FORMATS[options.format].manifest is None:
        able = ", ".join(name for name, one in FORMATS.items() if one.manifest)
        raise UsageError(f"--no-images has no pictures to put into {options.format}; give one of {able} as --format")
    if options.pseudonymise:
        raise UsageError("--no-images is a list of ids, which --pseudonymise takes away; leave one of them out")
    if out.exists():
        raise UsageError(f"{out} exists; give another --out, or delete it first")


def in_the_corpus(database: Database, selection: Selection) -> Selection:
    """The selection with value and topic written as the corpus has them (`Self Direction` is `self-direction`).

    Raises:
        NothingFound: no short is labelled so; names those that there are.
    """
    for kind in LabelKind:
        asked = getattr(selection, kind.value)
        if asked is not None:
            names = label_names(database, kind)
            plain = "-".join(asked.casefold().replace("_", " ").split())
            found = next((name for name in names if plain in (name, name.casefold())), None)
            if found is None:
                there = ", ".join(names) or "nothing"
                raise NothingFound(f"no short of {database.path} has the {kind.value} {asked}; there is {there}")
            written: dict[str, Any] = {kind.value: found}
            selection = replace(selection, **written)
    return selection


def notes(database: Database, options: Options) -> list[str]:
    """What a user has to know of what was asked for: who says the labels, what stays identifying."""
    found = []
    for kind, name in ((LabelKind.VALUE, options.selection.value), (LabelKind.TOPIC, options.selection.topic)):
        if name is not None:
            there = label_sources(database, kind, name)
            asked = options.selection.source or ", ".join(one for one in there if one != QUERY_SOURCE) or "nobody"
            found.append(f"{kind.value} {name}, says {asked}")
    if options.pictures and not FORMATS[options.format].pictures:
        found.append(f"{options.format} holds no pictures; parquet, webdataset and imagefolder do")
    if options.pseudonymise:
        found.append(STILL_SHOWN)
    return found


def make(database: Database, options: Options, out: Path, console: Console) -> dict[str, Any]:
    """Write the export, or what is missing of it; returns its counts.

    Raises:
        NothingFound: the filters leave nothing.
        StorageFull, UsageError: see `storage.export.output`.
    """
    veil = Veil(Pseudonyms.of_user()) if options.pseudonymise else None
    with database.read() as session:  # one state of the corpus, whatever a crawl adds meanwhile
        whole = plan(database, session, options, None if veil is None else veil.name)
        if not whole.chosen:
            raise NothingFound(f"nothing to export from {database.path} with these filters; loosen them")
        if not options.pictures:
            _record(database, whole, out, console)
            return _manifest(session, whole, out, console)
        folder = Folder(out, FORMATS[options.format].suffix)
        new = not folder.begun
        if not folder.begin(whole):
            if new:  # before the first picture is in it: one that is cut is out of reach of a removal, too
                _record(database, whole, out, console)
            _shards(session, whole, folder, veil, console)
            folder.finish(whole, tally(session, {one.short_id for one in whole.chosen}))
        return folder.stats() | {"out": str(out), "shards_kept": folder.kept}


def _manifest(session: Session, whole: Plan, out: Path, console: Console) -> dict[str, Any]:
    write = FORMATS[whole.options.format].manifest
    assert write is not None

    def rows() -> Iterator[Row]:
        for one in samples(session, whole.chosen, whole.options.picture, pictures=False):
            steps.step()
            yield {name: one.row[name] for name in MANIFEST}

    with Steps(time.monotonic, console, "writing rows", len(whole.chosen)) as steps:
        write_whole(out, lambda part: write(rows(), part))
    return whole.stats() | {"shards": 1, "bytes": size(out), "out": str(out), "shards_kept": 0}


def _shards(session: Session, whole: Plan, folder: Folder, veil: Veil | None, console: Console) -> None:
    chosen_format = FORMATS[whole.options.format]

    def content(shard: Shard) -> Iterator[Sample]:
        for one in samples(session, shard.rows, whole.options.picture, pictures=chosen_format.pictures):
            yield one if veil is None else veil.sample(one)
            steps.step()

    with Steps(time.monotonic, console, "writing shorts", len(whole.chosen)) as steps:
        for shard in whole.shards():
            if not folder.shard(shard, lambda part, shard=shard: chosen_format.write(content(shard), part)):  # type: ignore[misc]
                steps.step(len(shard.rows))


def _record(database: Database, whole: Plan, out: Path, console: Console) -> None:
    """Say in the corpus that it is exported, so that `storage.forget` can name what it cannot reach."""
    stats = whole.stats()
    counts = {name: stats[name] for name in ("shorts", "splits", "skipped")}
    detail = {"out": str(out.resolve()), "options": whole.options.to_json(), **counts}
    try:
        writable = open_database(database.path, write=True)
        try:
            with writable.write() as session:
                session.add(Event(kind=EXPORT, detail=detail, at=utc_now()))
        finally:
            writable.close(fold=False)
    except (CorpusUnusable, StorageFull) as error:
        console.print(f"the export is not in the corpus's history, so forget will not list it: {error}", markup=False)


if __name__ == "__main__":
    cli.run(app)
