"""`python -m agent.sandbox`: run the sandbox site to look at it oneself."""

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from agent.sandbox.app import Options
from agent.sandbox.faults import REQUEST_FAULTS, SHORT_FAULTS
from agent.sandbox.recommenders import KINDS, Engagement
from agent.sandbox.server import serve
from retrieval.vocabulary import load_vocabulary
from storage import cli
from storage.errors import UsageError

HELP = f"""Serve the sandbox: a short-video site of our own, made from a seed.

It tests the pipeline and says nothing about real shorts. Keys: arrow up and down, l to like.

Examples:

    python -m agent.sandbox --open

    python -m agent.sandbox --port 8000 --seed 7 --time-scale 1

    python -m agent.sandbox --recommender chronological --distinct

    python -m agent.sandbox --media my_pictures/

    python -m agent.sandbox --fault captcha@5 --fault rate_limit:120@9x2 --fault no_video%0.05

A fault is KIND or KIND:SECONDS, then @N (the N-th time), @NxM (from then on M times), @Nx* (from then on always),
or %RATE (a share of the shorts, the same ones after a restart).

Counted by request: {", ".join(REQUEST_FAULTS)}. Counted by short: {", ".join(SHORT_FAULTS)}.
"""

app = cli.app(HELP)


@app.command(help=HELP)
def main(
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.", min=0, max=65535)] = 8765,
    seed: Annotated[int, typer.Option(help="Seed of the content.", min=0)] = 1,
    time_scale: Annotated[float, typer.Option(help="Platform seconds per second.", min=0.1, max=100)] = 1.0,
    media: Annotated[Path | None, typer.Option(help="Serve the pictures of this folder as shorts.")] = None,
    fault: Annotated[list[str] | None, typer.Option(help="A wall or fault; may be given more than once.")] = None,
    state: Annotated[Path, typer.Option(help="File that keeps what visitors watched.")] = Path("data/sandbox.jsonl"),
    vocabulary: Annotated[Path | None, typer.Option(help="Vocabulary file; the packaged one if left out.")] = None,
    recommender: Annotated[str, typer.Option(help=f"Of the feed: {', '.join(KINDS)}.")] = Engagement.kind,
    distinct: Annotated[
        bool, typer.Option("--distinct", help="Visitors who do the same see different shorts, by chance.")
    ] = False,
    open_browser: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    if recommender not in KINDS:
        raise UsageError(f"--recommender {recommender} is unknown; choose from {', '.join(KINDS)}")
    values = load_vocabulary(vocabulary).values
    words = {value.id: [keyword.word for keyword in value.all_keywords] for value in values}
    serve(
        Options(
            seed=seed,
            vocabulary=words,
            time_scale=time_scale,
            media=str(media) if media else None,
            faults=tuple(fault or ()),
            state=str(state),
            port=port,
            recommender=recommender,
            distinct=distinct,
        ),
        announce=lambda address: _say(address, open_browser),
    )


def _say(address: str, open_browser: bool) -> None:
    typer.echo(f"sandbox at {address}  (Ctrl-C ends it)")
    if open_browser:
        webbrowser.open(address)


if __name__ == "__main__":
    cli.run(app)
