"""What is relevant to what: a labels file, set beside the shorts of a corpus or the pictures of a folder.

A labels file is CSV (UTF-8) with a heading line and one judgement a line:

    short,query,relevant           the platform's id of a short, or platform:id where two platforms share one
    picture,query,relevant         or a picture's file name, for pictures that are in no corpus

`relevant` is 1 or 0 (yes, no, true, false). `value` names the value that the query stands for; where the column is not
there, a query that is a keyword of the vocabulary has that keyword's value. `caption` and `hashtags` (separated by
blanks) are read for pictures only: a corpus has its own. Other columns are left alone. What was not judged for a query
counts as not relevant to it, as is the custom with pooled judgements, or is left out of its ranking.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from retrieval.vocabulary import Vocabulary
from storage.errors import UsageError

TRUTH = {"1": True, "yes": True, "true": True, "0": False, "no": False, "false": False}


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """One line of a labels file."""

    item: str
    """Id of a short, or file name of a picture."""
    query: str
    relevant: bool
    value: str | None = None
    caption: str = ""
    hashtags: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class LabelledQuery:
    """A query with what was judged for it, as numbers of the collection at hand."""

    text: str
    value: str | None
    relevant: frozenset[int]
    judged: frozenset[int]


@dataclass(frozen=True, kw_only=True)
class Labels:
    """A labels file."""

    path: Path
    of_pictures: bool
    """Whether it names picture files instead of shorts."""
    rows: tuple[Judgement, ...]

    def queries(self, numbers: Mapping[str, int], vocabulary: Vocabulary) -> tuple[list[LabelledQuery], list[str]]:
        """The queries in the file's order, and the items that the collection does not have, whose judgements are
        left out. A query to which nothing in the collection is relevant has no score and is left out, too.

        Raises:
            UsageError: a query has two values, or an item was judged twice and differently.
        """
        values = {word.word.casefold(): word.value for one in vocabulary.values for word in one.all_keywords}
        named: dict[str, str | None] = {}
        judged: dict[str, dict[int, bool]] = {}
        unknown: dict[str, None] = {}
        for row in self.rows:
            value = vocabulary.value(row.value).id if row.value else values.get(row.query.casefold())
            if named.setdefault(row.query, value) != value:
                raise UsageError(f"{self.path} names two values for the query {row.query!r}; keep one")
            if (number := numbers.get(row.item)) is None:
                unknown[row.item] = None
            elif judged.setdefault(row.query, {}).setdefault(number, row.relevant) != row.relevant:
                raise UsageError(f"{self.path} judges {row.item} for {row.query!r} twice and differently; keep one")
        queries = [
            LabelledQuery(
                text=query,
                value=named[query],
                relevant=frozenset(number for number, relevant in items.items() if relevant),
                judged=frozenset(items),
            )
            for query, items in judged.items()
        ]
        return [query for query in queries if query.relevant], list(unknown)


def read_labels(path: Path) -> Labels:
    """Read and check a labels file.

    Raises:
        UsageError: it cannot be read or is no labels file; says which line and what to do.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            columns = reader.fieldnames or ()
            item = next((name for name in ("short", "picture") if name in columns), None)
            if item is None or not {"query", "relevant"} <= set(columns):
                raise UsageError(
                    f"{path} is no labels file: its first line must name the columns short (or picture), query and "
                    "relevant, separated by commas"
                )
            rows = tuple(_judgement(path, reader.line_num, row, item) for row in reader)
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}); check the path given as --labels") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path} is no CSV in UTF-8 ({error}); save it as such") from error
    if not rows:
        raise UsageError(f"{path} holds no judgement; write one line for each short and query")
    return Labels(path=path, of_pictures=item == "picture", rows=rows)


def _judgement(path: Path, line: int, row: Mapping[str, str | None], item: str) -> Judgement:
    def field(name: str) -> str:
        return (row.get(name) or "").strip()

    relevant = TRUTH.get(field("relevant").lower())
    if relevant is None or not field(item) or not field("query"):
        raise UsageError(
            f"{path}, line {line}: a judgement needs {item}, query and relevant (1 or 0); correct that line"
        )
    return Judgement(
        item=field(item),
        query=field("query"),
        relevant=relevant,
        value=field("value") or None,
        caption=field("caption"),
        hashtags=tuple(tag.lstrip("#") for tag in field("hashtags").split()),
    )


def write_labels(path: Path, rows: Iterable[Mapping[str, object]], columns: Sequence[str]) -> int:
    """Write a labels file; returns how many lines.

    Raises:
        UsageError: it cannot be written.
    """
    count = 0
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            for row in rows:
                writer.writerow(row)
                count += 1
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror}); give another --out") from error
    return count
