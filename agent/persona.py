"""`python -m agent.persona`: the personas, one persona's traits, and its value profile by a model in that role."""

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from agent import logs
from agent.clock import SystemClock
from agent.personas.loading import find_persona, load_personas, shipped
from agent.personas.persona import Persona
from agent.personas.portrait import Profile, ask_portrait, keep_profile, profile_of
from agent.settings import CrawlSettings, load_settings
from retrieval.endpoint import Endpoint
from retrieval.pricing import Budget, price_of
from storage import cli
from storage.answer_record import AnswerStatus, StoredAnswer
from storage.corpus import Corpus
from storage.database import corpus_path
from storage.errors import NothingFound
from storage.personas import Personas

app = cli.app("The roles that an agent can play with agent.collect --persona.")

AsJson = Annotated[bool, typer.Option("--json", help="One JSON value on standard output.")]
Name = Annotated[str, typer.Argument(help="NAME of a packaged persona, or FILE:NAME.")]


@app.command("list")
def list_personas(
    file: Annotated[Path | None, typer.Argument(help="Your own .toml, or a file of Persona-Chat.")] = None,
    as_json: AsJson = False,
) -> int:
    """All personas of the package, or of a file.

    Examples:

      python -m agent.persona list

      python -m agent.persona list train_self_original.txt
    """
    personas = shipped() if file is None else load_personas(file)
    if as_json:
        print(json.dumps([asdict(persona) for persona in personas], indent=2))
        return 0
    console = Console(highlight=False, soft_wrap=True)
    width = max(len(persona.name) for persona in personas)
    for persona in personas:
        about = ", ".join(persona.values) or persona.traits[0]
        console.print(f"{persona.name:<{width}}  {len(persona.traits)} traits  {about}", markup=False)
    return 0


@app.command()
def show(name: Name, as_json: AsJson = False) -> int:
    """One persona's traits.

    Examples:

      python -m agent.persona show ridge-runner

      python -m agent.persona show train_self_original.txt:12
    """
    persona = find_persona(name)
    if as_json:
        print(json.dumps(asdict(persona), indent=2))
        return 0
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{persona.name}  from {persona.source}, language {persona.language or 'unknown'}", markup=False)
    if persona.values:
        console.print(f"written for {', '.join(persona.values)}", style="dim", markup=False)
    for number, trait in enumerate(persona.traits, start=1):
        console.print(f"  {number}. {trait}", markup=False)
    return 0


@app.command()
def profile(
    name: Name,
    corpus: Annotated[str | None, typer.Option(help="Path or sqlite:///PATH (default: data/corpus.sqlite).")] = None,
    model: Annotated[str | None, typer.Option(help="The model that answers in role (default: gpt-4o).")] = None,
    base_url: Annotated[str | None, typer.Option(help="Any OpenAI-compatible endpoint.")] = None,
    local_only: Annotated[bool | None, typer.Option("--local-only", help="Refuse endpoints off this machine.")] = None,
    max_cost: Annotated[float | None, typer.Option(help="Stop cleanly at this many US dollars.")] = None,
    price: Annotated[str | None, typer.Option(help="IN:OUT, US dollars per million tokens.")] = None,
    epoch: Annotated[int, typer.Option(help="Another number asks anew.", min=0)] = 0,
    as_json: AsJson = False,
) -> int:
    """Put a short value questionnaire to a model in a persona's role, and keep the profile in the corpus.

    Twenty portraits, two for each of Schwartz's ten values, rated from 1 to 6 and centred per respondent. Asked once
    per model and epoch; an answer that cannot be read is asked for once more.

    Exit codes: 0 done, 1 unexpected, 2 wrong usage, 4 budget spent, 5 no profile (refused or unreadable).

    Examples:

      python -m agent.persona profile ridge-runner --model gpt-4o

      python -m agent.persona profile train_self_original.txt:12 --base-url http://localhost:8000/v1 --json
    """
    persona = find_persona(name)
    settings = load_settings(
        corpus=corpus, model=model, base_url=base_url, local_only=local_only, max_cost=max_cost, price=price
    )
    path = corpus_path(settings.corpus)
    with Corpus(settings.corpus, collecting=not path.exists()) as opened:
        logs.configure(settings.log_file or path.with_name(path.name + ".log.jsonl"))
        personas = Personas(opened.database)
        personas.keep(persona.name, persona.traits, source=persona.source, language=persona.language)
        answer = asyncio.run(_ask(settings, opened, persona, epoch))
        if answer.status is not AnswerStatus.OK or answer.parsed is None:
            raise NothingFound(
                f"{settings.model} gave no profile of {persona.name}: its answer is {answer.status} (answer "
                f"{answer.id} in {path}); ask anew with --epoch {epoch + 1}, or ask another model"
            )
        found = profile_of(answer.parsed)
        kept = keep_profile(personas, persona, answer)
    if as_json:
        print(json.dumps({"persona": persona.name, "written_for": list(persona.values), **kept}, indent=2))
    else:
        _print(persona, settings.model, found)
    return 0


async def _ask(settings: CrawlSettings, corpus: Corpus, persona: Persona, epoch: int) -> StoredAnswer:
    async with Endpoint(
        settings.base_url,
        settings.api_key.get_secret_value() if settings.api_key else None,
        settings.model,
        store=corpus.answers,
        budget=Budget(settings.max_cost),
        clock=SystemClock(),
        price=price_of(settings.model, settings.price),
        seed=settings.seed,
        local_only=settings.local_only,
    ) as endpoint:
        return await ask_portrait(endpoint, persona, epoch)


def _print(persona: Persona, model: str, found: Profile) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{persona.name} by {model}: what matters more (+) and less (-) than the rest", markup=False)
    for value, score in sorted(found.centred.items(), key=lambda entry: (-entry[1], entry[0])):
        console.print(f"  {score:+.2f}  {value}{'  (written for)' if value in persona.values else ''}", markup=False)
    console.print(f"mean of all answers {found.mean:.2f} on 1 to 6, which is 0 above", style="dim")


if __name__ == "__main__":
    cli.run(app)
