"""`python -m storage.card CORPUS --out FOLDER`: the dataset card in the hub's format, with the distribution figure."""

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
from storage.card_facts import facts, label_platforms, shown_source
from storage.database import open_database
from storage.errors import NothingFound, UsageError
from storage.export.output import REPORT, STARTED, STATS, write_whole
from storage.export.writers import FORMATS
from storage.figures import overview
from storage.models import Run
from storage.records import QUERY_SOURCE, LabelKind
from storage.study import TABLE, Study, read_study, study_of
from storage.version import code_version

TEMPLATE = "dataset_card.md.jinja"
CARD, FIGURE = "README.md", "overview"
MADE_BY = "# made by python -m storage.card"
TITLE = "Value-Spectrum screenshots"
SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_LANGUAGE = re.compile(r"([a-z]{2,3})(?:[-_]\w+)*$")
"""A code, of which the hub wants the language alone; what else a site states stays in the table."""

app = cli.app("Write the card of a dataset.")


def render(said: Mapping[str, Any], **about: Any) -> str:
    """The card's text (YAML block and Markdown) from the facts of `storage.card_facts`."""
    environment = Environment(
        loader=PackageLoader("storage", ""), undefined=StrictUndefined, trim_blocks=False, keep_trailing_newline=True
    )  # Markdown: what a reader sees is text, and cells are escaped one by one
    environment.filters |= {"cell": _cell, "transposed": _transposed}
    environment.globals["table"] = table
    shorts = said["shorts"]
    return environment.get_template(TEMPLATE).render(
        f=said,
        size=next((name for most, name in SIZES if shorts < most), "n>1M"),
        languages=sorted({one[1] for one in map(_LANGUAGE.match, said["languages"]) if one}),
        **about,
    )


def table(rows: Mapping[str, Mapping[str, int]], head: str, empty: str = "None.") -> str:
    """Counts as a Markdown table with a column per name; a sentence where there are none."""
    if not rows:
        return empty
    columns = _columns(rows)
    lines = [[head, *columns], ["---", *["---:"] * len(columns)]]
    lines += [[name, *(f"{counts.get(column, 0):,}" for column in columns)] for name, counts in rows.items()]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def stored_study(session: Session) -> Study | None:
    """The block that the newest run with one was started with."""
    for number, settings in session.execute(select(Run.id, Run.settings).order_by(Run.id.desc())):
        if isinstance(settings.get(TABLE), dict):
            return study_of(settings[TABLE], f"run {number}")
    return None


def figures(session: Session, said: Mapping[str, Any]) -> tuple[dict[str, bytes], dict[str, str]]:
    """The overview by suffix, and in words whose labels it shows."""
    panels, sources = {}, {}
    for kind, names in ((LabelKind.VALUE, "values"), (LabelKind.TOPIC, "topics")):
        source = shown_source(said[names])
        words = {None: "that nobody labelled", QUERY_SOURCE: "that were searched for"}
        sources[names] = words.get(source, f"as {source} sees them")
        panels[f"{names} {sources[names]}"] = {} if source is None else label_platforms(session, kind, source)
    return overview(panels), sources


def exported(out: Path) -> dict[str, Any] | None:
    """What is said of the export that the card stands in: its counts and its files by split; None where it is none."""
    started, finished = out / REPORT / STARTED, out / REPORT / STATS
    if not finished.exists():
        return None
    try:
        asked, stats = (json.loads(path.read_text(encoding="utf-8")) for path in (started, finished))
        suffix = FORMATS[asked["options"]["format"]].suffix
        files = {split: f"data/{split}-*{suffix}" if suffix else f"{split}/**" for split in stats["splits"]}
        return {"files": files, **{name: stats[name] for name in ("shorts", "splits", "skipped")}}
    except (OSError, ValueError, KeyError) as error:
        raise UsageError(f"the report of the export in {out} cannot be read ({error}); export again") from error


@app.command(name="card")
def command(
    corpus: Annotated[str, typer.Argument(help="Path or sqlite:///PATH.")],
    out: Annotated[Path, typer.Option(help="Folder, as that of an export; made where needed.")],
    study: Annotated[Path | None, typer.Option(help="TOML file with a [study] block [the newest run's].")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The card's figures as one JSON object.")] = False,
) -> int:
    """Write README.md, overview.png and overview.svg: counts, agreement, conditions, gaps, limits, the study.

    An older card of this command is replaced, any other README.md is not. Exit codes: 1 disk full, 2 wrong usage,
    5 an empty corpus.

    Example:

      python -m storage.card data/corpus.sqlite --out dataset --study study.toml
    """
    _check_place(out)
    given = None if study is None else read_study(study)
    with open_database(corpus, write=False) as database, database.read() as session:
        said = facts(session)
        if not said["shorts"]:
            raise NothingFound(f"{database.path} holds no shorts; collect some first")
        block = given or stored_study(session)
        pictures, sources = figures(session, said)
    title = (block and block.title) or TITLE
    shown = None if block is None else asdict(block)
    text = render(said, title=title, study=shown, figure=sources, code_version=code_version(), export=exported(out))
    for suffix, data in pictures.items():
        write_whole(out / f"{FIGURE}.{suffix}", lambda part, data=data: _write(part, data))  # type: ignore[misc]
    write_whole(out / CARD, lambda part: _write(part, text.encode()))
    missing = [TABLE] if block is None else block.missing()
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


def _columns(rows: Mapping[str, Mapping[str, int]]) -> list[str]:
    return sorted({name for counts in rows.values() for name in counts})


def _transposed(rows: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    return {name: {row: counts[name] for row, counts in rows.items() if name in counts} for name in _columns(rows)}


if __name__ == "__main__":
    cli.run(app)
