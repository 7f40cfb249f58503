"""The index of a corpus: one matrix a part, beside the corpus, brought up to date whenever it is opened.

The vectors themselves live in the corpus; what lies in `<corpus>.vectors/` can be deleted at any time. A folder that
cannot be written costs the file, not the search: the matrix is then built in memory.

`python -m retrieval.index` embeds what is not embedded yet.
"""

import json
import re
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
import typer
from rich.console import Console
from sqlalchemy import select

from retrieval.embedders.base import Embedder, Vectors
from retrieval.embedders.choice import AUTO, HELP, make_embedder
from retrieval.filling import Filling
from retrieval.matrix import Found, Matrix
from retrieval.matrix_file import Described, MatrixFile
from retrieval.screen_text import ScreenReader, stored_model
from retrieval.steps import Steps, span
from storage import cli
from storage.corpus import utc_now
from storage.database import Database, open_database
from storage.embeddings import Embeddings, Key, Mark, Part, ShortIds
from storage.errors import NothingFound, UsageError
from storage.models import Event
from storage.selection import Selection, select_shorts

DEFAULT_CORPUS = "data/corpus.sqlite"

app = cli.app("Embed the pictures and texts of a corpus.")


class CorpusIndex:
    """The vectors of one embedder over one corpus: `add` and `search`, exact cosine.

    Args:
        database: the corpus, open for reading at least; for writing to add.
        embedder: only vectors that it made are looked at.
        folder: where the matrices lie [`<corpus>.vectors` beside the corpus].
    """

    def __init__(self, database: Database, embedder: Embedder, *, folder: Path | None = None) -> None:
        self.embeddings = Embeddings(database, utc_now)
        self._embedder = embedder
        self._folder = folder or database.path.with_name(database.path.name + ".vectors")
        self._corpus_id = _corpus_id(database)
        self._matrices: dict[Part, Matrix] = {}

    def add(self, part: Part, vectors: Mapping[Key, npt.NDArray[np.floating]]) -> int:
        """Keep vectors in the corpus, by SHA-256 of the picture or by id of the short; see `Embeddings.add`.

        Raises:
            UsageError: a vector is not of the embedder's size.
        """
        wrong = next((vector for vector in vectors.values() if vector.shape != (self._embedder.dim,)), None)
        if wrong is not None:
            raise UsageError(
                f"vectors of {len(wrong)} numbers cannot be added to those of {self._embedder.name}, which have "
                f"{self._embedder.dim}; they are of another model"
            )
        self._matrices.pop(part, None)
        return self.embeddings.add(stored_model(self._embedder.name, part), part, vectors)

    def search(self, part: Part, query: Vectors, k: int, allowed: ShortIds | None = None) -> Found:
        """The k shorts whose vector of this part is nearest to a unit vector (dim,).

        Args:
            allowed: ids of the shorts that may be found; applied before ranking.
        """
        matrix = self.matrix(part)
        return matrix.search(query, k, None if allowed is None else np.isin(matrix.ids, allowed))

    def matrix(self, part: Part) -> Matrix:
        """All vectors of a part by short, as the corpus stood when they were first asked for.

        Raises:
            UsageError: the corpus holds vectors of another size under this embedder's name.
        """
        if part not in self._matrices:
            self._matrices[part] = self._opened(part)
        return self._matrices[part]

    def _opened(self, part: Part) -> Matrix:
        model = stored_model(self._embedder.name, part)
        file = MatrixFile(self._folder / f"{_slug(model)}-{part.value}", self._embedder.dim)
        matrix, about = file.read()
        if about == self._about(part, self.embeddings.mark(model, part), len(matrix)):
            return matrix
        try:
            with file.locked():
                return self._brought_up(file, model, part)
        except OSError:  # read-only, or full: what is not worth a file is still worth a search
            nothing = Matrix.empty(self._embedder.dim)
            _, blocks = self.embeddings.since(Mark(), model, part, self._embedder.dim)
            ids, vectors = zip((nothing.ids, nothing.rows), *blocks, strict=True)
            return Matrix(np.concatenate(ids), np.concatenate(vectors))

    def _brought_up(self, file: MatrixFile, model: str, part: Part) -> Matrix:
        """Append what is new; from the start where vectors have gone or the file is of another corpus."""
        matrix, about = file.read()
        mark, rows = Mark(**about["mark"]) if about else Mark(), len(matrix)
        if about != self._about(part, mark, rows) or not self.embeddings.holds(mark, model, part):
            mark, rows = Mark(), 0
        until, blocks = self.embeddings.since(mark, model, part, self._embedder.dim)
        for ids, vectors in blocks:
            rows = file.add(ids, vectors, after=rows)
        file.describe(self._about(part, until, rows))
        return file.read()[0]

    def _about(self, part: Part, mark: Mark, rows: int) -> Described:
        return {
            "corpus_id": self._corpus_id,
            "model": self._embedder.name,
            "part": part.value,
            "mark": asdict(mark),
            "rows": rows,
        }


def _corpus_id(database: Database) -> str:
    with database.read() as session:
        return str(session.scalars(select(Event).where(Event.kind == "created").limit(1)).one().detail["corpus_id"])


def _slug(model: str) -> str:
    return re.sub(r"[^\w.+@-]+", "_", model)


@app.command()
def main(
    corpus: Annotated[str, typer.Option(help="Path or sqlite:///PATH.")] = DEFAULT_CORPUS,
    model: Annotated[str, typer.Option(help=HELP)] = AUTO,
    ocr: Annotated[bool, typer.Option("--ocr", help="Read the text on screens as well (half a second each).")] = False,
    limit: Annotated[int | None, typer.Option(help="At most this many of each part.", min=1)] = None,
    threads: Annotated[int, typer.Option(help="Of the model; one more decodes pictures.", min=1)] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> int:
    """Embed what is not embedded yet, and bring the index up to date.

    Killed or interrupted, the same command goes on; what was embedded once is never embedded again.

    Examples:

      python -m retrieval.index

      python -m retrieval.index --model clip:openai/clip-vit-base-patch32 --ocr
    """
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    reader = ScreenReader(threads) if ocr else None
    with open_database(corpus, write=True) as database:
        chosen = make_embedder(model, threads=threads)
        console.print(chosen.why, markup=False)
        index = CorpusIndex(database, chosen.embedder)
        filling = Filling(index, chosen.embedder, reader=reader, limit=limit)
        began = time.monotonic()
        with Steps(time.monotonic, console, "embedded", filling.left) as steps:
            filled = filling.run(steps.step)
        seconds = time.monotonic() - began
        sizes = {part: len(index.matrix(part)) for part in Part}
        if not len(select_shorts(database, Selection())):
            raise NothingFound(f"{corpus} holds no picture yet; collect some with `python -m agent.collect`")
    if undecodable := filled[0].absent:
        console.print(f"{undecodable} pictures cannot be decoded; they are left out and not tried again")
    if as_json:
        parts = {
            one.part.value: {"embedded": one.embedded, "absent": one.absent, "index": sizes[one.part]} for one in filled
        }
        print(json.dumps({"model": chosen.embedder.name, "seconds": round(seconds, 2), "parts": parts}))
    else:
        print(f"{chosen.embedder.name}, {span(seconds)}")
        for one in filled:
            print(f"{one.part.value:12} {one.embedded} new, {one.absent} absent, {sizes[one.part]} shorts in the index")
    return 0


if __name__ == "__main__":
    cli.run(app)
