"""`python -m storage.card`: the dataset card in the hub's format, with the distribution figure."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from jinja2 import Environment, PackageLoader, StrictUndefined
from sqlalchemy import select
from sqlalchemy.orm import Session

from storage import cli
from storage.card_facts import facts, shown_source
from storage.database import open_database
from storage.errors import NothingFound, UsageError
from storage.export.output import REPORT, STARTED, STATS, write_whole
from storage.export.pseudonymise import STILL_SHOWN
from storage.export.schema import COLUMNS
from storage.export.writers import FORMATS
from storage.figures import Panel, overview
from storage.models import Run
from storage.records import QUERY_SOURCE
from storage.study import TABLE, Study, read_study, study_of
from storage.tallies import tally, totals
from storage.version import code_version

TEMPLATE = "dataset_card.md.jinja"
CARD, FIGURE = "README.md", "overview"
MADE_BY = "# made by python -m storage.card"
TITLE = "Value-Spectrum screenshots"
DATASET = Path("data/dataset")
MARK = "searched for"
SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_LANGUAGE = re.compile(r"([a-z]{2,3})(?:[-_]\w+)*$")
"""A code, of which the hub wants the language alone; what else a site states stays in the table."""

app = cli.app("Write the card of a dataset.")


def render(said: Mapping[str, Any], **about: Any) -> str:
    """The card's text (YAML block and Markdown) from `storage.tallies` and `storage.card_facts`."""
    environment = Environment(
        loader=PackageLoader("storage", ""), undefined=StrictUndefined, trim_blocks=False, keep_trailing_newline=True
    )  # Markdown: what a reader sees is text, and cells are escaped one by one
    environment.filters |= {"cell": _cell, "totals": totals}
    environment.globals |= {"table": table, "by_source": by_source, "by_platform": by_platform}
    shorts = said["shorts"]
    return environment.get_template(TEMPLATE).render(
        f=said,
        size=next((name for most, name in SIZES if shorts < most), "n>1M"),
        languages=sorted({one[1] for one in map(_LANGUAGE.match, said["languages"]) if one}),
        columns={name: column for name, column in COLUMNS.items() if column.meaning},
        still_shown=STILL_SHOWN,
        **about,
    )


def by_platform(said: Mapping[str, Any]) -> Any:
    """Shorts of the dataset by platform, beside what the corpus holds."""
    return {
        name: {
            "in this dataset": said["platforms"].get(name, 0),
            "in the corpus": shorts,
            "different pictures in the corpus": said["different"].get(name, 0),
        }
        for name, shorts in said["in_corpus"].items()
    }


def by_source(labels: Mapping[str, Mapping[str, Mapping[str, int]]], alphas: Mapping[str, float | None]) -> Any:
    """Shorts by name and source, the query first, with the agreement of those that looked as the last column."""
    sources = sorted(labels, key=lambda source: (source != QUERY_SOURCE, source))
    names = sorted({name for of in labels.values() for name in of})
    counts = {source: totals(labels[source]) for source in sources}
    rows: dict[str, dict[str, Any]] = {
        name: {source: counts[source].get(name, 0) for source in sources} for name in names
    }
    if len([source for source in sources if source != QUERY_SOURCE]) > 1:
        for name, row in rows.items():
            alpha = alphas.get(name)
            row["alpha"] = "-" if alpha is None else f"{alpha:.2f}"
    return rows


def table(rows: Mapping[str, Mapping[str, Any]], head: str, empty: str = "None.") -> str:
    """Counts as a Markdown table with a column per name, in the order in which they come; a sentence for no rows."""
    if not rows:
        return empty
    columns = list(dict.fromkeys(name for counts in rows.values() for name in counts))
    lines = [[head, *columns], ["---", *["---:"] * len(columns)]]
    lines += [[name, *(_number(counts.get(column, 0)) for column in columns)] for name, counts in rows.items()]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def stored_studies(session: Session) -> list[tuple[Study, list[int]]]:
    """The blocks that runs were started with, the newest first, and the ids of those runs."""
    found: list[tuple[Study, list[int]]] = []
    for number, environment in session.execute(select(Run.id, Run.environment).order_by(Run.id.desc())):
        if isinstance(environment.get(TABLE), dict):
            study = study_of(environment[TABLE], f"run {number}")
            known = next((runs for one, runs in found if one == study), None)
            if known is None:
                found.append((study, [number]))
            else:
                known.insert(0, number)
    return found


def figures(said: Mapping[str, Any]) -> tuple[dict[str, bytes], dict[str, str]]:
    """The overview by suffix, and in words whose labels it shows."""
    panels, sources = [], {}
    for names, others in (("values", "topics"), ("topics", "values")):
        source = shown_source(said[names], said[others])
        words = {None: "that nobody labelled", QUERY_SOURCE: "that were searched for"}
        sources[names] = words.get(source, f"as {source} sees them")
        searched = {} if source == QUERY_SOURCE else totals(said[names].get(QUERY_SOURCE, {}))
        counts = {} if source is None else said[names][source]
        panels.append(Panel(title=f"{names} {sources[names]}", counts=counts, marks=searched))
    return overview(panels, MARK), sources


def exported(out: Path) -> dict[str, Any] | None:
    """What is said of the export that the card stands in: its counts and its files by split; None where it is none."""
    started, finished = out / REPORT / STARTED, out / REPORT / STATS
    if not finished.exists():
        return None
    try:
        asked, stats = (json.loads(path.read_text(encoding="utf-8")) for path in (started, finished))
        suffix = FORMATS[asked["options"]["format"]].suffix
        files = {split: f"data/{split}-*{suffix}" if suffix else f"{split}/**" for split in stats["splits"]}
        return {"files": files, "options": asked["options"], "corpus": asked["corpus"], **stats}
    except (OSError, ValueError, KeyError) as error:
        raise UsageError(f"the report of the export in {out} cannot be read ({error}); export again") from error


@app.command(name="card")
def command(
    corpus: Annotated[str, typer.Option(help="Path or sqlite:///PATH.")] = "data/corpus.sqlite",
    out: Annotated[Path, typer.Option(help="Folder, as that of an export; made where needed.")] = DATASET,
    study: Annotated[
        Path | None, typer.Option(help="TOML file with a study block (default: what the runs were started with).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The card's figures as one JSON object.")] = False,
) -> int:
    """Write README.md, overview.png and overview.svg: counts, agreement, conditions, gaps, limits, the study.

    In the folder of an export it counts what is in that export, elsewhere the whole corpus. An older card of this
    command is replaced, any other README.md is not. Exit codes: 1 disk full, 2 wrong usage, 5 an empty corpus.

    Examples:

      python -m storage.card

      python -m storage.card --corpus data/corpus.sqlite --out data/dataset --study study.toml
    """
    _check_place(out)
    given = None if study is None else read_study(study)
    export = exported(out)
    with open_database(corpus, write=False) as database, database.read() as session:
        said = facts(session) | (tally(session) if export is None else export["counts"])
        if export is not None and export["corpus"] != said["corpus_id"]:
            raise UsageError(f"{out} holds an export of another corpus than {database.path}; name that one as --corpus")
        if not said["shorts"]:
            raise NothingFound(f"{database.path} holds no shorts; collect some first")
        studies = [(given, None)] if given else stored_studies(session)
    pictures, sources = figures(said)
    text = render(
        said,
        title=next((one.title for one, _ in studies if one.title), TITLE),
        studies=[(asdict(one), runs) for one, runs in studies],
        figure=sources,
        code_version=code_version(),
        export=export,
    )
    for suffix, data in pictures.items():
        write_whole(out / f"{FIGURE}.{suffix}", lambda part, data=data: _write(part, data))  # type: ignore[misc]
    write_whole(out / CARD, lambda part: _write(part, text.encode()))
    missing = sorted({name for one, _ in studies for name in one.missing()}) if studies else [TABLE]
    if as_json:
        print(json.dumps({"card": str(out / CARD), "study_missing": missing, **said}))
    else:
        print(f"{out / CARD}: {said['shorts']} shorts")
        if missing:
            print(f"not stated in the study: {', '.join(missing)}")
    return 0


def _check_place(out: Path) -> None:
    card = out / CARD
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is no folder; give another --out")
    if card.exists() and MADE_BY not in card.read_text(encoding="utf-8", errors="replace"):
        raise UsageError(f"{card} was not written by this command; move it away or give another --out")


def _write(part: Path, data: bytes) -> None:
    part.write_bytes(data)


def _cell(said: Any) -> str:
    """Text that cannot end a cell or a row of a Markdown table, or begin a tag."""
    return " ".join(str(said).replace("|", "\\|").replace("<", "&lt;").split())


def _number(said: Any) -> str:
    return f"{said:,}" if isinstance(said, int) else str(said)


if __name__ == "__main__":
    cli.run(app)
