"""`python -m agent.sandbox.truth`: what the shorts of a sandbox corpus are about, as a labels file for retrieval.

The sandbox's content is a function of its seed, which the ids carry, and of the vocabulary: the truth is worked out
again, nothing is read from the site. Figures taken with it test the pipeline, never validity (D13).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import select

from agent.sandbox.sites import is_sandbox
from agent.sandbox.world import Truth, World
from retrieval.judgements import write_labels
from retrieval.vocabulary import Vocabulary, load_vocabulary
from storage import cli
from storage.database import open_database
from storage.errors import NothingFound, UsageError
from storage.models import Exposure, Run, Short

COLUMNS = ("short", "query", "relevant", "value", "says")

app = cli.app("Write what the shorts of a sandbox corpus are about.")


def truths(ids: list[str], vocabulary: Vocabulary) -> Iterator[Truth]:
    """The truth about each of these sandbox shorts, in the given order.

    Raises:
        UsageError: an id is of no world over this vocabulary (a folder's pictures, or another vocabulary's shorts).
    """
    words = {value.id: [keyword.word for keyword in value.all_keywords] for value in vocabulary.values}
    worlds: dict[int, World] = {}
    for short_id in ids:
        seed = short_id.partition("-")[0]
        if not seed.isdigit():
            raise UsageError(f"nothing is known of {short_id}: pictures of a --media folder come without a truth")
        world = worlds.setdefault(int(seed), World(int(seed), words))
        if not world.owns(short_id):
            raise UsageError(f"{short_id} is of another vocabulary; give the one that it was collected with")
        yield world.short(short_id)


@app.command()
def main(
    corpus: Annotated[str, typer.Option(help="Path or sqlite:///PATH.")] = "data/corpus.sqlite",
    out: Annotated[Path, typer.Option(help="Labels file to write.")] = Path("data/truth.csv"),
    vocabulary: Annotated[
        Path | None, typer.Option(help="Vocabulary it was collected with (default: the packaged one).")
    ] = None,
) -> int:
    """Write one judgement for each captured sandbox short: the keyword that its picture is about is relevant.

    `says` tells how its caption stands to that keyword: mentions, silent, contradicts or missing.

    Examples:

      python -m agent.sandbox.truth --corpus data/corpus.sqlite --out truth.csv

      python -m retrieval.evaluate --corpus data/corpus.sqlite --labels truth.csv
    """
    known = load_vocabulary(vocabulary)
    with open_database(corpus, write=False) as database, database.read() as session:
        sites = [name for name in session.scalars(select(Run.platform).distinct()) if is_sandbox(name)]
        runs = session.scalars(select(Run).where(Run.platform.in_(sites)))
        hashes = {run.environment.get("keyword_file_sha256") for run in runs}
        if hashes - {None, known.sha256}:
            raise UsageError(f"{corpus} was collected with another vocabulary file; give that one as --vocabulary")
        ids = list(
            session.scalars(
                select(Short.platform_id)
                .where(
                    Short.platform.in_(sites),
                    Short.id.in_(select(Exposure.short_id).where(Exposure.frame_image_id.is_not(None))),
                )
                .order_by(Short.id)
            )
        )
    if not ids:
        raise NothingFound(f"{corpus} holds no sandbox short; only the sandbox's truth is known")
    rows = (
        {"short": one.id, "query": one.keyword, "relevant": 1, "value": one.value, "says": one.says}
        for one in truths(ids, known)
    )
    print(f"{write_labels(out, rows, COLUMNS)} judgements in {out}")
    return 0


if __name__ == "__main__":
    cli.run(app)
