"""`python -m retrieval.associate`: further words for a value, proposed by a language model.

The paper's step "word association" (paper, section 2). What a model proposes is a proposal: it is marked as such, set
beside the words that are there already, and never collected or measured unless somebody asks for form P.
"""

import asyncio
import json
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.table import Table

from retrieval.asking import NoStore, asking_settings, endpoint_of, silence_log
from retrieval.captions import is_known
from retrieval.embedders.packaged import PackagedEmbedder
from retrieval.endpoint import Endpoint
from retrieval.proposed import PROPOSED_FORM, Proposal, compare, write_proposed
from retrieval.question import Question, Subject
from retrieval.vocabulary import Value, load_vocabulary
from storage import cli
from storage.answer_record import AnswerStatus, StoredAnswer
from storage.answers import Answers
from storage.database import open_database
from storage.errors import NothingFound, NotSetUp

TOKENS_A_WORD = 40
ENGLISH = "en"

app = cli.app("Ask a language model for further words for a value.")


class ProposedWord(BaseModel):
    """One word and why it fits."""

    word: str
    why: str = ""


class Words(BaseModel):
    """What an answer must look like."""

    words: list[ProposedWord]


def associate_question(value: Value, number: int, language: str) -> Question:
    """The question for words, `associate@1`. It names the words of the packaged kind by rule, not by example, and does
    not show those that are there: what a model says again by itself is worth knowing."""
    word = {
        "type": "object",
        "properties": {"word": {"type": "string"}, "why": {"type": "string"}},
        "required": ["word", "why"],
        "additionalProperties": False,
    }
    return Question(
        name="associate",
        version=1,
        system=(
            "You help researchers who study basic human values (Schwartz 1992) in pictures from short-video sites. "
            "You name search words. A search word is one to three everyday words that name something one can "
            "photograph, that people post short videos of, and that does not ask for shocking content. It stands for "
            "the value by itself: no name of the value, no feeling, no brand, no person.\n"
            'Answer with one JSON object: {"words": [{"word": the search word, "why": one short clause in English}]}.'
        ),
        text=(
            f"The value is {value.name}: {value.definition} Name {number} different search words that people would "
            f"associate with this value, in the language with the code '{language}'."
        ),
        schema={
            "type": "object",
            "properties": {"words": {"type": "array", "items": word}},
            "required": ["words"],
            "additionalProperties": False,
        },
        shape=Words,
        max_tokens=200 + TOKENS_A_WORD * number,
    )


async def ask_for_words(endpoint: Endpoint, value: Value, number: int, language: str) -> StoredAnswer:
    """One call; every call asks anew, as there is no short that an earlier answer could belong to.

    Raises:
        BudgetSpent, EndpointDown, EndpointRefused: as `Endpoint.ask` does.
    """
    async with endpoint:
        return await endpoint.ask(
            associate_question(value, number, language),
            picture=None,
            subject=Subject(run_id=None, platform=None, platform_id=None),
        )


@app.command()
def associate(
    value: Annotated[str, typer.Option(help="Id, name or abbreviation of a value.")],
    number: Annotated[int, typer.Option("-n", "--number", help="How many words to ask for.", min=1, max=200)] = 20,
    language: Annotated[str, typer.Option(help="Language of the words, as a code.")] = ENGLISH,
    model: Annotated[str | None, typer.Option(help="The model that is asked (default: gpt-4o).")] = None,
    base_url: Annotated[str | None, typer.Option(help="Any OpenAI-compatible endpoint.")] = None,
    corpus: Annotated[
        str | None, typer.Option(help="Corpus that keeps the answer; without it, it is not kept.")
    ] = None,
    vocabulary: Annotated[
        Path | None, typer.Option(help="Vocabulary file to compare with (default: the packaged one).")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Vocabulary file to add the new words to, as form P; made from --vocabulary if missing."),
    ] = None,
    local_only: Annotated[bool | None, typer.Option("--local-only", help="Refuse endpoints off this machine.")] = None,
    max_cost: Annotated[float | None, typer.Option(help="Refuse a call that may cost more US dollars.")] = None,
    price: Annotated[str | None, typer.Option(help="IN:OUT, US dollars per million tokens.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> int:
    """Ask for words, and say which of them are new.

    A word is set beside every keyword of the vocabulary: the same word in another form (case, accents, plural), a word
    that contains it, or one whose text vector is as near as no two of the packaged keywords are. Text vectors are
    compared in languages that the text model knows.

    Exit code 5: the model refused, or named nothing that could be read.

    Examples:

      python -m retrieval.associate --value hedonism -n 20

      python -m retrieval.associate --value POW --language de --out my-values.toml

      python -m retrieval.associate --value security --model llama3 --base-url http://localhost:11434/v1 --json
    """
    silence_log()
    settings = asking_settings(model=model, base_url=base_url, local_only=local_only, max_cost=max_cost, price=price)
    source = out if out is not None and out.exists() else vocabulary
    known = load_vocabulary(source)
    asked_for = known.value(value)
    with ExitStack() as stack:
        store = NoStore() if corpus is None else Answers(stack.enter_context(open_database(corpus, write=True)))
        endpoint = endpoint_of(settings, store)
        answer = asyncio.run(ask_for_words(endpoint, asked_for, number, language))
    if answer.status is not AnswerStatus.OK or answer.parsed is None or not answer.parsed["words"]:
        raise NothingFound(
            f"{settings.model} gave no words ({answer.status}): {answer.raw[:120]!r}; ask again or another --model"
        )
    try:
        embedder = PackagedEmbedder() if is_known(language, PackagedEmbedder.languages) else None
    except NotSetUp as error:
        embedder = None
        Console(stderr=True).print(f"text vectors are not compared: {error}", markup=False, highlight=False)
    said = [(entry["word"], entry["why"]) for entry in answer.parsed["words"]]
    proposals = compare(said, known, embedder, language=language)
    written: list[str] | None = None
    if out is not None:
        new = [proposal for proposal in proposals if proposal.near is None]
        written = write_proposed(out, source, asked_for, language, new, by=settings.model)
    if as_json:
        print(json.dumps(_as_json(asked_for, language, answer, proposals, embedder is not None, out, written)))
    else:
        _print(asked_for, language, settings.model, proposals, embedder is not None, out, written)
    return 0


def _as_json(
    value: Value, language: str, answer: StoredAnswer, proposals: Sequence[Proposal], vectors: bool,
    out: Path | None, written: list[str] | None,
) -> dict[str, Any]:  # fmt: skip
    return {
        "value": value.id,
        "language": language,
        "model": answer.model,
        "question": answer.question,
        "answer_id": answer.id or None,
        "status": "proposed",
        "text_vectors_compared": vectors,
        "words": [proposal.as_json() for proposal in proposals],
        "written_to": str(out) if out else None,
        "written": written,
    }


def _print(
    value: Value, language: str, model: str, proposals: Sequence[Proposal], vectors: bool,
    out: Path | None, written: list[str] | None,
) -> None:  # fmt: skip
    table = Table(title=f"{value.name} ({language}): proposed by {model}, form {PROPOSED_FORM}", title_justify="left")
    for heading in ("word", "", "why"):
        table.add_column(heading)
    for one in proposals:
        table.add_row(one.word, "new" if one.near is None else str(one.near), one.why)
    console = Console()
    console.print(table, markup=False)
    new = sum(one.near is None for one in proposals)
    how = "" if vectors else "; compared by form only, not by text vector"
    console.print(f"{new} of {len(proposals)} are new{how}", highlight=False)
    if out is not None:
        words = ", ".join(written or []) or "nothing"
        console.print(f"written to {out} as form {PROPOSED_FORM}: {words}", markup=False, highlight=False)


if __name__ == "__main__":
    cli.run(app)
