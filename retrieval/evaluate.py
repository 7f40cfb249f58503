"""`python -m retrieval.evaluate`: how well retrieval finds what somebody judged relevant, and how far sources agree."""

import json
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from retrieval.agreement import Agreement, value_agreement, value_judgements
from retrieval.embedders.base import Embedder
from retrieval.embedders.choice import AUTO, HELP, make_embedder
from retrieval.judgements import Labels, read_labels
from retrieval.measuring import Collection, Measured, PictureFolder, folder_of, known_queries, measure
from retrieval.metrics import REPEATS
from retrieval.ranking import RankBy, Ranker
from retrieval.vocabulary import Vocabulary, load_vocabulary
from storage import cli
from storage.corpus import utc_now
from storage.database import Database, open_database
from storage.embeddings import Embeddings
from storage.errors import NothingFound, UsageError
from storage.sampling import short_numbers, statements

SHOWN = ("recall@10", "precision@5", "nDCG@10", "mAP")
"""Metrics of the table; the JSON has all."""
WIDTH = 132
"""Columns that the table needs."""
LEFT_OUT, IRRELEVANT = "left-out", "irrelevant"
NAMES = {RankBy.PICTURE: "picture alone", RankBy.CAPTION: "caption alone", RankBy.FUSED: "both"}

Results = dict[RankBy, Measured | None]

app = cli.app("Measure retrieval against labelled queries, and the agreement between label sources.")


@app.command()
def evaluate(
    labels: Annotated[
        Path | None, typer.Option(help="Labels file: CSV with short (or picture), query, relevant.")
    ] = None,
    corpus: Annotated[str, typer.Option(help="Path or sqlite:///PATH.")] = "data/corpus.sqlite",
    pictures: Annotated[
        Path | None, typer.Option(help="Folder of the pictures that the labels file names, instead of a corpus.")
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option(help=f"Embedder; may be given more than once [{AUTO}]. {HELP}")
    ] = None,
    unjudged: Annotated[
        str, typer.Option(help=f"What was not judged for a query: {IRRELEVANT} to it, or {LEFT_OUT} of its ranking.")
    ] = IRRELEVANT,
    least: Annotated[int, typer.Option(help="Leave out queries with fewer relevant items.", min=1)] = 1,
    agreement: Annotated[bool, typer.Option("--agreement", help="Krippendorff's alpha between label sources.")] = False,
    source: Annotated[list[str] | None, typer.Option(help="Only these label sources (default: all but query).")] = None,
    vocabulary: Annotated[Path | None, typer.Option(help="Vocabulary file (default: the packaged one).")] = None,
    seed: Annotated[int, typer.Option(help="Of the bootstrap and of ties.")] = 1,
    repeats: Annotated[int, typer.Option(help="Bootstrap samples.", min=100)] = REPEATS,
    out: Annotated[Path | None, typer.Option(help="Also write the JSON to this file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> int:
    """Rank by the picture alone, by the caption alone and by both, and compare with what was judged.

    Every figure is a mean over queries with a 95 % bootstrap interval over queries, for all and for every value (none
    where a value has one query only). A relevant item without a vector counts as missed. Labels of a sandbox corpus
    come from agent.sandbox.truth; they test the pipeline, never validity.

    Exit code 5: none of the judged items is there, nothing is relevant to any query, or fewer than two sources gave
    labels.

    Examples:

      python -m retrieval.evaluate --labels truth.csv --model packaged --model clip:./siglip2

      python -m retrieval.evaluate --labels mine.csv --pictures screenshots/ --json

      python -m retrieval.evaluate --agreement --source similarity --source vlm:gpt-4o
    """
    if unjudged not in (IRRELEVANT, LEFT_OUT):
        raise UsageError(f"--unjudged {unjudged} is unknown; choose {IRRELEVANT} or {LEFT_OUT}")
    if labels is None and not agreement:
        raise UsageError("nothing to measure; give --labels FILE, or --agreement for the sources of a corpus")
    known = load_vocabulary(vocabulary)
    read = None if labels is None else read_labels(labels)
    if read is not None and read.of_pictures and pictures is None:
        raise UsageError(f"{read.path} names picture files; give their folder as --pictures")
    figures: dict[str, Any] = {"seed": seed, "repeats": repeats}
    console = Console(width=max(Console().width, WIDTH))
    with ExitStack() as stack:
        on_pictures = read is not None and read.of_pictures
        database = stack.enter_context(open_database(corpus, write=False)) if agreement or not on_pictures else None
        said = statements(database) if agreement and database is not None else []
        compared = _compared(sorted({one.source for one in said}), source, corpus) if agreement else []
        if read is not None:
            task = _Task(read, pictures if on_pictures else None, database, known, least, unjudged == LEFT_OUT)
            figures |= {"labels": read.path.name, "unjudged": unjudged, "embedders": []}
            for name in model or [AUTO]:
                figures["embedders"].append(task.run(name, seed, repeats, None if as_json else console))
        if agreement and database is not None:
            judgements = value_judgements(said, [value.id for value in known.values], compared)
            found = value_agreement(judgements, seed=seed, repeats=repeats)
            figures |= {"sources": compared, "agreement": {value: _alphas(parts) for value, parts in found.items()}}
            if not as_json:
                console.print(_agreement_table(found), f"sources: {', '.join(compared)}", markup=False, highlight=False)
    text = json.dumps(figures, indent=None if as_json and out is None else 1)
    if out is not None:
        _write(out, text)
    if as_json:
        print(json.dumps(figures))
    return 0


def _compared(there: list[str], asked: list[str] | None, corpus: str) -> list[str]:
    """The sources that are set beside each other.

    Raises:
        UsageError: one that was asked for is not there.
        NothingFound: there are fewer than two.
    """
    known = ", ".join(there) or "nobody"
    if missing := sorted(set(asked or ()) - set(there)):
        raise UsageError(f"nothing in {corpus} is labelled by {missing[0]}; labels there are by {known}")
    compared = there if asked is None else [source for source in there if source in asked]
    if len(compared) < 2:
        raise NothingFound(
            f"agreement needs two label sources; labels in {corpus} are by {known}: add another with agent.label, or "
            "check a value set"
        )
    return compared


class _Task:
    """One labels file against one collection, for any number of embedders."""

    def __init__(
        self,
        labels: Labels,
        folder: Path | None,
        database: Database | None,
        vocabulary: Vocabulary,
        least: int,
        only_judged: bool,
    ) -> None:
        self._labels, self._folder, self._database = labels, folder, database
        self._only_judged = only_judged
        if folder is not None:
            self._contents = folder_of(labels, lambda name: _bytes(folder / name))
            numbers = {name: number for number, name in enumerate(self._contents[0])}
        else:
            assert database is not None
            numbers = short_numbers(database)
        self._items = sorted(set(numbers.values()))
        found, self._unknown = labels.queries(numbers, vocabulary)
        places = {value.id: place for place, value in enumerate(vocabulary.values)}
        enough = [query for query in found if len(query.relevant) >= least]
        self._queries = sorted(enough, key=lambda query: places.get(query.value or "", len(places)))
        self._values = tuple(places)
        self._left_out = len(found) - len(self._queries)
        if not self._queries:
            where = folder or (database.path if database else "")
            raise NothingFound(
                f"nothing in {labels.path} is relevant to any query in {where}; check that the file is about it"
            )

    def run(self, name: str, seed: int, repeats: int, console: Console | None) -> dict[str, Any]:
        """Measure one embedder; returns its figures and prints its tables."""
        stored = () if self._database is None else Embeddings(self._database, utc_now).models().keys()
        chosen = make_embedder(name, stored=stored)
        queries, unreadable = known_queries(self._queries, chosen.embedder)
        if not queries:
            raise NothingFound(f"{chosen.embedder.name} knows the script of none of the {len(self._queries)} queries")
        collection = self._collection(chosen.embedder)
        results = {
            by: measure(collection, queries, by, self._items, seed=seed, repeats=repeats, only_judged=self._only_judged)
            for by in RankBy
        }
        measured = {query.value for query in queries} - {None}
        without = [value for value in self._values if value not in measured]
        prevalence = sum(len(query.relevant) for query in queries) / len(queries) / len(self._items)
        if console is not None:
            console.print(
                f"{chosen.why}: {len(queries)} queries, {len(self._items)} items, of which "
                f"{100 * prevalence:.1f} % are relevant to a query in the mean",
                markup=False, highlight=False,
            )  # fmt: skip
            console.print(_table(results))
            if measured and without:
                console.print(f"no query that something here is relevant to: {', '.join(without)}", highlight=False)
        return {
            "model": chosen.embedder.name,
            "why": chosen.why,
            "items": len(self._items),
            "queries": len(queries),
            "queries_in_unknown_script": unreadable,
            "queries_with_too_few_relevant": self._left_out,
            "values_without_queries": without,
            "items_not_there": len(self._unknown),
            "prevalence": round(prevalence, 6),
            "by": {by.value: None if found is None else found.as_json() for by, found in results.items()},
        }

    def _collection(self, embedder: Embedder) -> Collection:
        if self._folder is not None:
            _, pictures, captions, hashtags = self._contents
            return PictureFolder(embedder, pictures, captions, hashtags)
        assert self._database is not None
        return Ranker(self._database, embedder)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}); check --pictures and the labels file") from error


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror}); give another --out") from error


def _table(results: Results) -> Table:
    """For each group one line for each way of ranking; the share of the collection that can be ranked so beside it."""
    table = Table(show_edge=False)
    for heading in ("group", "queries", "ranked by", "has one", *SHOWN):
        table.add_column(heading, no_wrap=True)
    first = next(found for found in results.values() if found is not None)
    for group in first.groups:
        about = [group, str(first.groups[group]["mAP"].n)]
        for by, found in results.items():
            if found is not None:
                cells = [str(found.groups[group][metric]) for metric in SHOWN]
                table.add_row(*about, NAMES[by], f"{100 * found.coverage:.0f} %", *cells)
                about = ["", ""]
        table.add_section()
    return table


def _alphas(parts: Mapping[str, Agreement]) -> dict[str, Any]:
    def rounded(number: float | None) -> float | None:
        return None if number is None else round(number, 4)

    return {
        part: {
            "alpha": rounded(one.alpha), "low": rounded(one.low), "high": rounded(one.high),
            "units": one.units, "judgements": one.judgements,
        }
        for part, one in parts.items()
    }  # fmt: skip


def _agreement_table(found: Mapping[str, Mapping[str, Agreement]]) -> Table:
    table = Table(title="agreement between label sources (Krippendorff's alpha, nominal)", title_justify="left")
    for heading in ("value", "about it at all", "stance", "shorts judged twice"):
        table.add_column(heading)
    for value, parts in found.items():
        table.add_row(value, *map(_alpha, parts.values()), str(max(one.units for one in parts.values())))
    return table


def _alpha(one: Agreement) -> str:
    if one.alpha is None:
        return "not defined"
    bounds = "" if one.low is None or one.high is None else f" [{one.low:.2f}, {one.high:.2f}]"
    return f"{one.alpha:.2f}{bounds}"


if __name__ == "__main__":
    cli.run(app)
