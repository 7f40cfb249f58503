"""`python -m agent.label`: label a corpus again, beside the older sources (D15)."""

import asyncio
import json
from typing import Annotated

import typer
from rich.console import Console

from agent import logs
from agent.clock import SystemClock
from agent.judges import Judges
from agent.labelling import label_stored
from agent.questions import describe
from agent.settings import load_settings
from retrieval.embedders.packaged import PackagedEmbedder
from retrieval.embedders.stored import StoredEmbedder
from retrieval.pricing import price_of
from retrieval.steps import Steps
from retrieval.vocabulary import load_vocabulary
from storage import cli
from storage.corpus import Corpus
from storage.database import corpus_path
from storage.embeddings import Embeddings
from storage.errors import NothingFound

app = cli.app("Label the shorts of a corpus again.")


@app.command()
def label(
    corpus: Annotated[str | None, typer.Option(help="Path or sqlite:///PATH (default: data/corpus.sqlite).")] = None,
    labeller: Annotated[str, typer.Option(help="vlm or similarity.")] = "vlm",
    model: Annotated[str | None, typer.Option(help="The model that is asked (default: gpt-4o).")] = None,
    source: Annotated[
        str | None, typer.Option(help="Name of the labels' source (default: vlm:MODEL or similarity).")
    ] = None,
    base_url: Annotated[str | None, typer.Option(help="Any OpenAI-compatible endpoint.")] = None,
    local_only: Annotated[bool | None, typer.Option("--local-only", help="Refuse endpoints off this machine.")] = None,
    max_cost: Annotated[float | None, typer.Option(help="Stop cleanly at this many US dollars.")] = None,
    price: Annotated[str | None, typer.Option(help="IN:OUT, US dollars per million tokens.")] = None,
    limit: Annotated[int | None, typer.Option(help="At most this many shorts.", min=1)] = None,
    unanswered: Annotated[bool, typer.Option("--unanswered", help="Only shorts without a model's answer.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print how many shorts, and the cost.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> int:
    """Ask a labeller about every captured short that its source has not labelled yet.

    Interrupted, the same command goes on. Labels of other sources stay as they are. The score of `similarity` is the
    share of things at random that are less near to the name's words: it labels from 0.95 on, so that one unrelated
    short in twenty gets a given label.

    Examples:

      python -m agent.label --model gpt-4o --source second-opinion --dry-run

      python -m agent.label --labeller similarity --unanswered
    """
    wanted = f"vlm:{model}" if labeller == "vlm" and model else labeller
    settings = load_settings(
        corpus=corpus,
        labeller=wanted,
        decider="never",
        model=model,
        base_url=base_url,
        local_only=local_only,
        max_cost=max_cost,
        price=price,
    )
    vocabulary = load_vocabulary(settings.vocabulary)
    console, clock = Console(stderr=True), SystemClock()
    with Corpus(settings.corpus, collecting=False) as opened:
        path = corpus_path(settings.corpus)
        logs.configure(settings.log_file or path.with_name(path.name + ".log.jsonl"))
        embeddings = Embeddings(opened.database, clock.now)
        embedder = StoredEmbedder(PackagedEmbedder(), embeddings) if labeller == "similarity" else None
        judges = Judges(settings, vocabulary, answers=opened.answers, clock=clock, source=source, embedder=embedder)
        assert judges.labeller is not None
        shorts = opened.labels.without(judges.labeller.source, limit=limit, unanswered=unanswered)
        per_call = price_of(settings.model, settings.price) if labeller == "vlm" else None
        cost = None if per_call is None else len(shorts) * per_call.at_most(describe(vocabulary), picture=True)
        money = "" if labeller != "vlm" else ", cost unknown" if cost is None else f", at most ${cost:.2f}"
        if not shorts and not dry_run:
            raise NothingFound(f"{settings.corpus} has no short that {judges.labeller.source} has not labelled")
        console.print(f"{len(shorts)} shorts to label as {judges.labeller.source}{money}", highlight=False)
        done = 0
        if not dry_run:
            opened.add_event("relabel", {"source": judges.labeller.source, "shorts": len(shorts)})
            with Steps(clock.steady, console, "labelled", len(shorts)) as steps:
                done = asyncio.run(_label(opened, judges, shorts, steps))
    if as_json:
        print(json.dumps({"source": judges.labeller.source, "shorts": len(shorts), "labelled": done, "cost": cost}))
    return 0


async def _label(corpus: Corpus, judges: Judges, shorts: list[int], steps: Steps) -> int:
    assert judges.labeller is not None
    async with judges:
        return await label_stored(corpus, judges.labeller, shorts, run_id=None, labelled=lambda _: steps.step())


if __name__ == "__main__":
    cli.run(app)
