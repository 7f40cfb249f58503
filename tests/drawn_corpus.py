"""A corpus of sandbox shorts without the browser: the pictures, captions and authors that the sandbox would serve,
written as a search crawl leaves them."""

import io
from collections.abc import Sequence
from pathlib import Path

from agent.sandbox.pictures import picture as drawn_picture
from agent.sandbox.world import World
from retrieval.embedders.base import Embedder
from retrieval.filling import Filling
from retrieval.index import CorpusIndex
from retrieval.vocabulary import load_vocabulary
from storage.database import open_database
from storage.records import Kind
from tests.storage_tools import Spec, open_corpus, run_spec, show


def sandbox_world(seed: int = 1) -> World:
    """The world that `agent.collect` serves with the packaged vocabulary."""
    values = load_vocabulary().values
    return World(seed, {value.id: [keyword.word for keyword in value.all_keywords] for value in values})


def collect_drawn(
    path: Path, keywords: Sequence[str], each: int, *, seed: int = 1, platform: str = "sandbox", mode: str = "search"
) -> list[str]:
    """Collect the first videos of each keyword, as many as wanted; ids in the order of collection.

    A platform of another name gets its own shorts (another part of each keyword's numbers).
    """
    world = sandbox_world(seed)
    plan = [Spec(value=world.value_of[word.lower()], keyword=word, quota=each) for word in keywords]
    ids: list[str] = []
    with open_corpus(path) as corpus:
        run = corpus.runs.start(
            run_spec(
                plan, platform=platform, mode=mode, plan_hash=f"{platform}{mode}".ljust(64, "p"),
                environment={"keyword_file_sha256": load_vocabulary().sha256},
            )
        )  # fmt: skip
        for task in corpus.tasks.of_run(run.plan_run_id):
            assert task.keyword is not None
            number = sum(map(ord, platform)) % 97 * 1000
            taken = 0
            while taken < each:
                short_id, number = world.id_of(task.keyword.lower(), number), number + 1
                truth = world.short(short_id)
                if truth.kind is not Kind.SHORT:
                    continue
                out = io.BytesIO()
                drawn_picture(world, short_id).save(out, "JPEG", quality=85)
                show(
                    corpus, task, short_id, out.getvalue(), platform=platform, caption=truth.caption,
                    author=truth.author, hashtags=truth.hashtags, language=truth.language,
                )  # fmt: skip
                ids.append(short_id)
                taken += 1
    return ids


def embed(path: Path, embedder: Embedder) -> None:
    """Embed pictures, captions and hashtags, as `python -m retrieval.index` does."""
    with open_database(path, write=True) as database:
        Filling(CorpusIndex(database, embedder), embedder).run()
