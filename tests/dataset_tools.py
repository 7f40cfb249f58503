"""A corpus with everything that a dataset, a card and the care of a corpus have to deal with, made in a second."""

import hashlib
import os
import resource
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import typer

from storage import check, cli
from storage.database import open_database
from storage.records import Label, LabelKind, Stance, Verdict
from storage.tasks import TaskItem
from tests.storage_tools import Spec, answer, open_corpus, record, run_spec, scene, show

Run = Callable[..., tuple[int, str, str]]
"""A command with its arguments: exit code, standard output, standard error."""
COPIES = {"short-07": 1, "short-12": 3}
"""Near copies: the same scene as the short of this number."""
SHORTS = 24
PLAN = [Spec(value="power", keyword="boss", quota=9), Spec(value="hedonism", keyword="beach", quota=9)]


def name(number: int) -> str:
    return f"short-{number:02}"


def author(number: int) -> str:
    return f"person{number // 3}"


def fill(path: Path, numbers: range = range(SHORTS), *, platform: str = "sandbox", plan: str = "p") -> None:
    """Collect these shorts; every third one has the same author, some have the same picture."""
    with open_corpus(path) as corpus:
        run = corpus.runs.start(
            run_spec(
                PLAN, platform=platform, plan_hash=plan * 64,
                environment={"keyword_file_sha256": "k" * 64, "code_version": "0.1", "country": None},
            )
        )  # fmt: skip
        tasks: list[TaskItem] = corpus.tasks.of_run(run.plan_run_id)
        for number in numbers:
            corpus.tasks.add_listings(tasks[number % 2], [record(name(number), platform=platform)])
            listing = corpus.tasks.next_listing(tasks[number % 2])
            asked = corpus.answers.put(
                answer(
                    f"{platform}{number}".ljust(64, "k"), run_id=run.id, platform=platform, platform_id=name(number)
                ),
                None,
            )
            quality = 60 if name(number) in COPIES else 85
            stored = show(
                corpus,
                tasks[number % 2],
                name(number),
                scene(1000 + COPIES.get(name(number), number), quality=quality),
                listing=listing,
                verdict=Verdict.YES if number % 4 else Verdict.NO,
                platform=platform,
                author=author(number),
                url=f"https://example.org/@_/video/{name(number)}",
                caption=f"on {name(number)} with @{author(number)}",
                language="en" if number % 5 else "de",
                views=12345 + number,
            )
            said = Stance.EXPRESSES if number % 3 else Stance.OPPOSES
            corpus.labels.add(
                stored.short_id,
                [
                    Label(kind=LabelKind.VALUE, name="power", source="model", stance=said, answer_id=asked.id),
                    Label(kind=LabelKind.VALUE, name="power", source="similarity", stance=Stance.EXPRESSES, score=0.5),
                    Label(kind=LabelKind.TOPIC, name="travel" if number % 2 else "food", source="model"),
                ],
            )


FILES: dict[str, list[tuple[range, str]]] = {
    "corpus.sqlite": [(range(SHORTS), "p")],
    "a.sqlite": [(range(14), "p")],
    "b.sqlite": [(range(10, SHORTS), "q")],
    "one.sqlite": [(range(14), "p"), (range(10, SHORTS), "q")],
}
"""Corpora by the crawls that made them; `one` is what `a` and `b` would be as one, with four shorts met twice."""


class Shelf:
    """Corpora that are made once; a test gets a copy with the pseudonym key that they were made with."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.config = folder / "config"

    def corpus(self, file: str) -> Path:
        """The corpus itself, which nobody may write into."""
        path = self._folder / file
        if not path.exists():
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("VALUE_SPECTRUM_CONFIG_DIR", str(self.config))
                for numbers, plan in FILES[file]:
                    fill(path, numbers, plan=plan)
        return path

    def take(self, file: str, target: Path) -> Path:
        """A copy to do with as one likes."""
        source = self.corpus(file)
        shutil.copytree(self.config, os.environ["VALUE_SPECTRUM_CONFIG_DIR"], dirs_exist_ok=True)
        return Path(shutil.copyfile(source, target))


@contextmanager
def small_disk(most: int) -> Iterator[None]:
    """No file can grow beyond so many bytes meanwhile; what is written beyond them fails as on a full disk."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


def runner(app: typer.Typer, patch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command in this process, as its module does it."""

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        patch.setattr(sys, "argv", ["command", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.run(app)
        said = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        assert "Traceback" not in said.err
        return ended.value.code, said.out, said.err

    return run


def change(path: Path, *statements: str) -> None:
    """Change rows behind the storage layer's back, keys off."""
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def whole(path: Path) -> list[str]:
    with open_database(path, write=False) as database, database.read() as session:
        return check.problems(database, session)


def files(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}
