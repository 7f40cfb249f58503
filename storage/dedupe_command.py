"""The command behind `python -m storage.dedupe`: recompute, explain, report, clusters."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from sqlalchemy.orm import Session

from storage import cli
from storage.clusters import REPRESENTATIVES, clusters
from storage.corpus import utc_now
from storage.database import corpus_path, open_database
from storage.dedupe_report import report
from storage.errors import CorpusUnusable, UsageError
from storage.explain import explain, find
from storage.recompute import recompute

app = cli.app("Which pictures of a corpus are the same.")


@app.command()
def dedupe(
    corpus: Annotated[str, typer.Option(help="The corpus.")] = "data/corpus.sqlite",
    again: Annotated[bool, typer.Option("--recompute", help="Move the corpus to the present recipe.")] = False,
    pair: Annotated[
        tuple[str, str] | None,
        typer.Option("--explain", metavar="A B", help="Two platform ids, image ids as #12, or picture files."),
    ] = None,
    page: Annotated[
        Path | None, typer.Option("--report", metavar="PATH", help="Write a page of the closest and farthest pairs.")
    ] = None,
    representative: Annotated[
        str | None, typer.Option("--clusters", help="List the clusters by their earliest or sharpest picture.")
    ] = None,
    limit: Annotated[int, typer.Option(help="Pairs of each kind on the page.", min=1)] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> int:
    """Recompute, explain, report or list duplicates; one of them at a time.

    A recompute that was stopped goes on where it stopped. It needs the corpus to itself.

    Examples:

      python -m storage.dedupe --recompute

      python -m storage.dedupe --explain dQw4w9WgXcQ '#812'

      python -m storage.dedupe --report duplicates.html
    """
    asked = (again, pair is not None, page is not None, representative is not None)
    if sum(asked) != 1:
        raise UsageError("say what to do: one of --recompute, --explain A B, --report PATH or --clusters earliest")
    if again:
        said = _recompute(corpus)
    else:
        with open_database(corpus, write=False) as database, database.read() as session:
            if pair is not None:
                said = explain(find(session, pair[0]), find(session, pair[1]))
            elif page is not None:
                said = _write(page, report(session, limit))
            else:
                said = _clusters(session, str(representative))
    if as_json:
        print(json.dumps(said))
    else:
        print(_plain(said))
    return 0


def _recompute(corpus: str) -> dict[str, Any]:
    columns = (TextColumn("looking at frames"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    if not corpus_path(corpus).is_file():  # the lock's holder would make an empty one
        raise CorpusUnusable(f"there is no corpus {corpus}; give its path with --corpus")
    with (
        open_database(corpus, write=True, lock=True) as database,
        Progress(*columns, console=Console(stderr=True)) as progress,
    ):
        bar = progress.add_task("frames", total=None)
        figures = recompute(database, utc_now, lambda done, of: progress.update(bar, completed=done, total=of))
    return {"recomputed": vars(figures)}


def _write(path: Path, text: str) -> dict[str, Any]:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror}); give another path to --report") from error
    return {"report": str(path)}


def _clusters(session: Session, representative: str) -> dict[str, Any]:
    if representative not in REPRESENTATIVES:
        raise UsageError(f"--clusters {representative} is not known; give one of {', '.join(REPRESENTATIVES)}")
    found = clusters(session, representative)
    several = [{"representative": one.representative, "members": list(one.members)} for one in found if one.members[1:]]
    return {"pictures": len(found), "clusters": several}


def _plain(said: dict[str, Any]) -> str:
    if "report" in said:
        return f"written to {said['report']}"
    if "recomputed" in said:
        counts = said["recomputed"]
        if not counts["frames"]:
            return "every frame has the present recipe already"
        return (
            f"{counts['frames']} frames looked at, {counts['merged']} equal an earlier one, {counts['changed']} marks "
            f"changed, {counts['refused']} no pictures"
        )
    if "clusters" in said:
        lines = [f"#{one['representative']}: {', '.join(f'#{m}' for m in one['members'])}" for one in said["clusters"]]
        return "\n".join([*lines, f"{said['pictures']} different pictures, {len(lines)} of them more than once"])
    lines = [f"{'the same' if said['same'] else 'not the same'}: {said['because']}"]
    for one in said["compared"]:
        regions = ", ".join(f"{name} {bits}" for name, bits in one["regions"][:6])
        scores = ", ".join(
            f"{name} {one[name]}" for name in ("correlation", "small", "frames", "light") if one.get(name)
        )
        lines.append(f"  views {one['views'][0]} and {one['views'][1]}: {scores or 'no correlation'}; bits: {regions}")
    return "\n".join([*lines, f"  recipe {said['recipe']}, thresholds {said['thresholds']}"])


def main() -> None:
    """Run the command."""
    cli.run(app)
