"""From words to screenshots: `python -m retrieval.search "vacation"`."""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from retrieval.embedders.base import Embedder
from retrieval.embedders.choice import AUTO, HELP, make_embedder
from retrieval.index import DEFAULT_CORPUS
from retrieval.ranking import WEIGHTS, RankBy, Ranker, Weights
from retrieval.sheet import Tile, contact_sheet
from retrieval.vocabulary import load_vocabulary
from storage import cli
from storage.corpus import utc_now
from storage.database import Database, open_database
from storage.embeddings import Embeddings, Part
from storage.errors import NothingFound, UsageError
from storage.records import QUERY_SOURCE, LabelKind, Verdict
from storage.selection import Selection, ShortCard, describe_shorts, label_sources, select_shorts

DATES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]
PIPE_WIDTH = 160
"""Columns of a table that goes to a file or another command."""
EVERYTHING = Selection()

app = cli.app("Find shorts by a text.")


class Mode(StrEnum):
    """How a short came on screen."""

    SEARCH = "search"
    FEED = "feed"


@dataclass(frozen=True, kw_only=True)
class Hit:
    """A short that was found."""

    rank: int
    """From 1."""
    score: float
    """What it is ranked by: the cosine of the picture, or the joined standard score (see `retrieval.ranking`)."""
    cosines: dict[Part, float]
    """Of each part that it has, whatever it is ranked by."""
    card: ShortCard


class Search:
    """Search in one corpus with one embedder.

    Args:
        database: the corpus, open for reading at least.
        embedder: must be the one that made the vectors; others are never looked at.
        weights: of the parts, for `RankBy.CAPTION` and `RankBy.FUSED`.
    """

    def __init__(
        self, database: Database, embedder: Embedder, *, weights: Weights = WEIGHTS, folder: Path | None = None
    ) -> None:
        self.ranker = Ranker(database, embedder, weights=weights, folder=folder)
        self._database = database

    def search(
        self, text: str, *, k: int = 5, by: RankBy = RankBy.PICTURE, selection: Selection = EVERYTHING
    ) -> list[Hit]:
        """The k nearest shorts, the nearest first; the selection is applied before ranking.

        Raises:
            NothingFound: the corpus is empty, or no short with such a part is in the selection.
            UsageError: no vectors are there, of another size, or the text is in a script the model does not know.
        """
        ranked = self.ranker.rank([text], by)
        found = ranked.best(0, k, select_shorts(self._database, selection))
        if not len(found.ids):
            raise NothingFound(f"no short of {self._database.path} with {by.value} vectors passes the filters")
        cards = describe_shorts(self._database, found.ids.tolist())
        cosines = self.ranker.cosines_of(text, found.ids.tolist())
        return [
            Hit(rank=rank, score=round(float(score), 4), cosines=parts, card=card)
            for rank, (score, parts, card) in enumerate(zip(found.scores, cosines, cards, strict=True), start=1)
        ]


def sheet_of(database: Database, hits: Sequence[Hit], title: str) -> tuple[bytes, int]:
    """The contact sheet of some hits, as their viewers saw them; see `retrieval.sheet.contact_sheet`."""
    pictures = Embeddings(database, utc_now).pictures([hit.card.screen_sha256 for hit in hits])
    tiles = [
        Tile(
            picture=picture,
            words=(f"{hit.rank}. {hit.score:.2f}  {hit.card.platform}", hit.card.caption or "(no caption)"),
        )
        for hit, picture in zip(hits, pictures, strict=True)
    ]
    return contact_sheet(tiles, title)


@app.command()
def main(
    text: Annotated[str, typer.Argument(help="What to look for.")],
    k: Annotated[int, typer.Option("-k", help="At most this many.", min=1)] = 5,
    by: Annotated[RankBy, typer.Option("--rank", help="What a short is ranked by.")] = RankBy.PICTURE,
    corpus: Annotated[str, typer.Option(help="Path or sqlite:///PATH.")] = DEFAULT_CORPUS,
    model: Annotated[str, typer.Option(help=HELP)] = AUTO,
    platform: Annotated[list[str] | None, typer.Option(help="Only this platform; may be repeated.")] = None,
    value: Annotated[str | None, typer.Option(help="Only shorts with this value (name or abbreviation).")] = None,
    topic: Annotated[str | None, typer.Option(help="Only shorts with this topic.")] = None,
    source: Annotated[
        str | None,
        typer.Option(help="Who says value and topic (default: anybody but query, which is: collected under)."),
    ] = None,
    since: Annotated[
        datetime | None, typer.Option(help="First seen at this time (UTC) or later.", formats=DATES)
    ] = None,
    until: Annotated[datetime | None, typer.Option(help="First seen before this time (UTC).", formats=DATES)] = None,
    decision: Annotated[Verdict | None, typer.Option(help="Only shorts that were so decided.")] = None,
    mode: Annotated[Mode | None, typer.Option(help="Only shorts that were shown so.")] = None,
    distinct: Annotated[bool, typer.Option("--distinct", help="No duplicates of another short's picture.")] = False,
    vocabulary: Annotated[Path | None, typer.Option(help="A values.toml of your own.")] = None,
    sheet: Annotated[Path | None, typer.Option(help="Write a contact sheet (PNG) here.")] = None,
    show: Annotated[bool, typer.Option("--open", help="Show a contact sheet in this machine's viewer.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON list on standard output.")] = False,
) -> int:
    """Find the shorts whose picture (or caption) is nearest to a text.

    Filters apply before ranking. Exit code 5 where nothing is found.

    Examples:

      python -m retrieval.search "vacation" --value HED -k 10 --sheet vacation.png

      python -m retrieval.search "street food" --rank fused --mode feed --decision yes --distinct --json
    """
    if not text.strip():
        raise UsageError("there is nothing to look for; give a word or a sentence")
    if source is not None and value is None and topic is None:
        raise UsageError(f"--source {source} says whose values or topics count; give --value or --topic with it")
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    words = load_vocabulary(vocabulary)
    selection = Selection(
        platforms=tuple(platform or ()),
        value=words.value(value).id if value else None,
        topic=words.topic(topic).id if topic else None,
        source=source,
        since=since and since.replace(tzinfo=UTC),
        until=until and until.replace(tzinfo=UTC),
        decision=decision and decision.value,
        mode=mode and mode.value,
        distinct=distinct,
    )
    with open_database(corpus, write=False) as database:
        chosen = make_embedder(model, stored=Embeddings(database, utc_now).models())
        console.print(chosen.why, markup=False)
        for note in label_notes(database, selection):
            console.print(note, markup=False)
        if left := len(Embeddings(database, utc_now).missing_pictures(chosen.embedder.name, Part.PICTURE)):
            console.print(f"{left} pictures are not in the index yet; `python -m retrieval.index` adds them")
        hits = Search(database, chosen.embedder).search(text, k=k, by=by, selection=selection)
        if show and sheet is None:
            sheet = Path(tempfile.mkdtemp(prefix="value-spectrum-"), "sheet.png")
        if sheet is not None:
            picture, undecodable = sheet_of(database, hits, f"{text}, by {by.value}")
            _write(sheet, picture)
            console.print(f"contact sheet in {sheet}", markup=False)
            if undecodable:
                console.print(f"{undecodable} pictures cannot be decoded; their places on the sheet are empty")
    if as_json:
        print(json.dumps([_plain(hit) for hit in hits], ensure_ascii=False))
    else:
        _print_table(hits, by)
    if show and sheet is not None and typer.launch(str(sheet), wait=True) != 0:
        console.print(f"no viewer can be opened here; the sheet is {sheet}", markup=False)
    return 0


def label_notes(database: Database, selection: Selection) -> list[str]:
    """Who says a selection's value and topic, in a sentence each: every filter by labels names its source (D15)."""
    notes = []
    for kind, name in ((LabelKind.VALUE, selection.value), (LabelKind.TOPIC, selection.topic)):
        if name is not None:
            there = label_sources(database, kind, name)
            asked = [selection.source] if selection.source else [one for one in there if one != QUERY_SOURCE]
            by = ", ".join(asked) or "nobody"
            others = sorted(set(there) - set(asked))
            notes.append(f"{kind.value} {name}, says {by}" + (f" (not asked: {', '.join(others)})" if others else ""))
    return notes


def _print_table(hits: Sequence[Hit], by: RankBy) -> None:
    parts = [part for part in Part if any(part in hit.cosines for hit in hits)]
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("", by.value, *(f"cos {part.value}" for part in parts)):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("platform", "id", "decided", "caption"):
        table.add_column(name, no_wrap=True, ratio=1 if name == "caption" else None)
    for hit in hits:
        card = hit.card
        cosines = [f"{hit.cosines[part]:.2f}" if part in hit.cosines else "-" for part in parts]
        caption, decided = " ".join((card.caption or "-").split()), " ".join(card.decisions) or "-"
        words = map(escape, (card.platform, card.platform_id, decided, caption))
        table.add_row(str(hit.rank), f"{hit.score:.2f}", *cosines, *words)
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    console.print(table)


def _plain(hit: Hit) -> dict[str, Any]:
    card = hit.card
    return {
        "rank": hit.rank,
        "score": hit.score,
        "cosines": {part.value: cosine for part, cosine in hit.cosines.items()},
        "platform": card.platform,
        "platform_id": card.platform_id,
        "url": card.url,
        "caption": card.caption,
        "language": card.language,
        "first_seen": card.first_seen.isoformat(),
        "screen_sha256": card.screen_sha256,
        "frame_sha256": card.frame_sha256,
        "duplicate": card.duplicate_of is not None,
        "decisions": list(card.decisions),
        "labels": [{"kind": kind, "name": name, "source": source} for kind, name, source in card.labels],
    }


def _write(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise UsageError(f"the contact sheet {path} cannot be written ({reason}); give another --sheet") from error


if __name__ == "__main__":
    cli.run(app)
