"""A corpus of a few pictures and value sets frozen from it, without an embedder; a fake model; what is there after."""

import csv
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select

from agent.benchmark.questions import CHOICE, DESCRIPTION, WHY
from retrieval.valueset import Shown, Slot, ValueSet
from storage.database import open_database
from storage.models import Answer
from storage.sampling import candidates, corpus_id
from tests.fake_openai import Asked, FakeOpenAI
from tests.storage_tools import open_corpus, scene, show, start

VALUES = ("hedonism", "power", "tradition")
MONTHS = (datetime(2026, 3, 5, tzinfo=UTC), datetime(2026, 4, 5, tzinfo=UTC))
PLATFORMS = ("youtube", "tiktok")
SLOTS, CONTROL = 12, 6
PER_MODEL = 3 * (SLOTS + CONTROL)
"""Like, why and describe about every picture of form A and of the control set."""


@dataclass(frozen=True, kw_only=True)
class Ground:
    """A corpus, a value set of form A and one of form B."""

    corpus: Path
    manifest: Path
    parallel: Path


def collected(path: Path, number: int, *, width: int = 90, height: int = 160) -> None:
    """So many shorts, in turns from two platforms and two months; every picture looks different."""
    with open_corpus(path) as corpus:
        _, (task,) = start(corpus, number)
        for place in range(number):
            show(
                corpus, task, f"s{place:03}", scene(place, width=width, height=height), platform=PLATFORMS[place % 2],
                published=MONTHS[place // 2 % 2], author=f"author{place}",
            )  # fmt: skip


def value_set(path: Path, *, keywords: int, k: int, form: str = "A", values: Sequence[str] = VALUES) -> ValueSet:
    """A set of the corpus's first shorts; form B takes those that follow."""
    with open_corpus(path, collecting=False) as corpus:
        there = candidates(corpus.database, None)
        size = len(values) * keywords * k
        drawn = iter(there[:size] if form == "A" else there[size : 2 * size])
        slots = []
        for value in values:
            for number in range(keywords):
                for place in range(1, k + 1):
                    one = next(drawn)
                    shown = Shown(
                        platform=one.platform, platform_id=one.platform_id, frame_sha256=one.frame_sha256,
                        screen_sha256=one.screen_sha256, score=1 / place, share=1.0, decider="always",
                    )  # fmt: skip
                    slots.append(Slot(value=value, keyword=f"{value} {form}{number}", place=place, shown=shown))
        return ValueSet(
            corpus_id=corpus_id(corpus.database),
            vocabulary={"name": "test", "version": 1, "sha256": "0", "form": form, "keywords_sha256": form},
            model="test", rank="picture", mode="search", k=k, floor=0.0, seed=1, code_version="test",
            slots=tuple(slots),
        )  # fmt: skip


def ground(folder: Path, *, keywords: int = 2, k: int = 2, more: int = 12) -> Ground:
    """A corpus with both sets and `more` shorts that stand in neither."""
    path = folder / "corpus.sqlite"
    collected(path, 2 * len(VALUES) * keywords * k + more)
    manifests = {form: folder / f"set-{form}.json" for form in "AB"}
    for form, manifest in manifests.items():
        value_set(path, keywords=keywords, k=k, form=form).save(manifest)
    return Ground(corpus=path, manifest=manifests["A"], parallel=manifests["B"])


def opinion(asked: Asked) -> dict[str, Any]:
    """A fake model's answer to any question of the benchmark; it likes half of all pictures."""
    text = asked.prompt.partition("\n\n")[0]
    if text in (WHY.text, DESCRIPTION.text):
        return {"text": f"picture {hashlib.sha256(asked.picture or b'').hexdigest()[:8]}"}
    if text == CHOICE.text:
        return {"answer": "first"}
    return {"answer": "yes" if hashlib.sha256(asked.picture or b"").digest()[0] % 2 else "no"}


def of(server: FakeOpenAI, *more: str | float, model: str = "gpt-4o") -> tuple[str, ...]:
    return ("--model", model, "--base-url", server.base_url, *map(str, more))


def stored(path: Path) -> list[Answer]:
    with open_database(path, write=False) as database, database.read() as session:
        return list(session.scalars(select(Answer).order_by(Answer.id)))


def table(folder: Path = Path("out")) -> list[dict[str, str]]:
    with (folder / "answers.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def configuration() -> str:
    """The folder with the key that the corpus was written with."""
    return os.environ["VALUE_SPECTRUM_CONFIG_DIR"]
