"""`python -m retrieval.valueset`: make, check and report the value sets of the benchmark."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from retrieval.asking import asking_settings, endpoint_of, silence_log
from retrieval.embedders.choice import AUTO, HELP, make_embedder
from retrieval.ranking import RankBy
from retrieval.screen_text import ScreenReader
from retrieval.valueset import ValueSet, Verdict, refuse_checker
from retrieval.valueset.build import FLOOR, MODES, RANKS, build, keywords_of, with_text_areas
from retrieval.valueset.check import check_by_hand, check_by_model, write_worksheet
from retrieval.valueset.choose import K
from retrieval.valueset.report import report, write_sheets
from retrieval.vocabulary import MAIN_FORM, load_vocabulary
from storage import cli
from storage.corpus import Corpus, utc_now
from storage.database import open_database
from storage.embeddings import Embeddings
from storage.errors import NothingFound, UsageError

PERSON = "person"
PICTURES = ("screen", "frame")
OVERLAPS = 5
"""Pairs of values that are printed, those with the most pictures in common."""

app = cli.app("Make, check and report the value sets of the benchmark.")


@app.command()
def valueset(
    corpus: Annotated[str, typer.Option(help="Path or sqlite:///PATH.")] = "data/corpus.sqlite",
    out: Annotated[Path, typer.Option(help="Manifest to write.")] = Path("data/value-set.json"),
    manifest: Annotated[
        Path | None, typer.Option(help="Check or report this set instead of making one; written to --out if given.")
    ] = None,
    value: Annotated[list[str] | None, typer.Option(help="Only these values; may be given more than once.")] = None,
    k: Annotated[int, typer.Option("-k", help="Screenshots for each keyword.", min=1, max=100)] = K,
    form: Annotated[str, typer.Option(help="Form of the keywords.")] = MAIN_FORM,
    language: Annotated[str | None, typer.Option(help="Language of the keywords (default: the file's first).")] = None,
    mode: Annotated[str, typer.Option(help=f"How candidates were shown: {', '.join(MODES)}.")] = MODES[0],
    rank: Annotated[str, typer.Option(help="picture (alone), or fused with captions.")] = RankBy.PICTURE.value,
    floor: Annotated[
        float, typer.Option(help="Least share of things at random that are less near.", min=0, max=1)
    ] = FLOOR,
    seed: Annotated[int, typer.Option(help="Order of equally near pictures.")] = 1,
    model: Annotated[str, typer.Option(help=f"Embedder. {HELP}")] = AUTO,
    vocabulary: Annotated[Path | None, typer.Option(help="Vocabulary file (default: the packaged one).")] = None,
    ocr: Annotated[bool, typer.Option("--ocr", help="Measure how much of each screen is text.")] = False,
    verify: Annotated[str | None, typer.Option(help="Ask this model to check every slot.")] = None,
    measured: Annotated[
        list[str] | None, typer.Option(help="Models that the set is to measure; none of them may check it.")
    ] = None,
    picture: Annotated[str, typer.Option(help="What the checking model sees: screen or frame.")] = PICTURES[0],
    base_url: Annotated[str | None, typer.Option(help="Any OpenAI-compatible endpoint.")] = None,
    local_only: Annotated[bool | None, typer.Option("--local-only", help="Refuse endpoints off this machine.")] = None,
    max_cost: Annotated[float | None, typer.Option(help="Stop cleanly at this many US dollars.")] = None,
    price: Annotated[str | None, typer.Option(help="IN:OUT, US dollars per million tokens.")] = None,
    worksheet: Annotated[Path | None, typer.Option(help="Write a table for a person to fill in.")] = None,
    verdicts: Annotated[Path | None, typer.Option(help="Read a filled-in worksheet.")] = None,
    by: Annotated[str, typer.Option(help="Who filled it in.")] = PERSON,
    sheets: Annotated[Path | None, typer.Option(help="Folder for a contact sheet (PNG) of every value.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> int:
    """For every keyword the k nearest screenshots that may stand beside each other, frozen as a manifest.

    Ranked by the picture alone. No near-duplicates, no author twice in a keyword, at most two of five from one
    platform where the corpus allows. Below the floor a slot stays empty. The same corpus, vocabulary, model and
    settings give the same set (its id) again; one that was checked keeps its verdicts.

    Exit code 4: the money for checking is used up; the verdicts so far are kept, the same command goes on.
    Exit code 5: no short was shown in this mode.

    Examples:

      python -m retrieval.valueset --out data/set.json --sheets data/sheets

      python -m retrieval.valueset --manifest data/set.json --verify gpt-5 --measured gpt-4o --max-cost 2

      python -m retrieval.valueset --manifest data/set.json --worksheet sheet.csv

      python -m retrieval.valueset --manifest data/set.json --verdicts sheet.csv --by person:anna --json
    """
    for option, given, known in (("--mode", mode, MODES), ("--rank", rank, RANKS), ("--picture", picture, PICTURES)):
        if given not in known:
            raise UsageError(f"{option} {given} is unknown; choose {', '.join(known)}")
    if verify is not None:
        refuse_checker(verify, [name.strip() for names in measured or [] for name in names.split(",")])
    if not (by == PERSON or by.startswith(PERSON + ":")):
        by = f"{PERSON}:{by}"
    silence_log()
    known_vocabulary = load_vocabulary(vocabulary)
    with open_database(corpus, write=False) as database:
        if manifest is not None:
            chosen = ValueSet.load(manifest)
            chosen.verify(database)
            if chosen.vocabulary["sha256"] != known_vocabulary.sha256:
                raise UsageError(f"{manifest} was made with another vocabulary file; give that one as --vocabulary")
            target = manifest if out == Path("data/value-set.json") else out
            why = f"model {chosen.model}"
        else:
            words = keywords_of(known_vocabulary, form, language, value or [])
            found = make_embedder(model, stored=Embeddings(database, utc_now).models().keys())
            target, why = out, found.why
            chosen = build(
                database, found.embedder, known_vocabulary, words,
                rank=RankBy(rank), mode=mode, k=k, floor=floor, seed=seed,
            )  # fmt: skip
            if ocr:
                chosen = with_text_areas(chosen, database, ScreenReader())
            chosen = _kept(chosen, target)
    chosen.save(target)
    console = Console(stderr=True)
    if verdicts is not None:
        with Corpus(corpus, collecting=False) as opened:
            filled_in = check_by_hand(chosen, opened, verdicts, by)
            chosen = chosen.with_verdicts(filled_in)
        chosen.save(target)
        console.print(f"{len(filled_in)} verdicts by {by} in {verdicts}", highlight=False, markup=False)
    if verify is not None:
        settings = asking_settings(
            model=verify, base_url=base_url, local_only=local_only, max_cost=max_cost, price=price
        )
        new: list[Verdict] = []
        with Corpus(corpus, collecting=False) as opened:
            endpoint = endpoint_of(settings, opened.answers)

            async def check() -> None:
                async with endpoint:
                    await check_by_model(chosen, opened, endpoint, known_vocabulary, picture=picture, keep=new.append)

            try:
                asyncio.run(check())
            finally:
                chosen = chosen.with_verdicts(new)
                chosen.save(target)
                money = f", {endpoint.budget.spent:.4f} dollars" if endpoint.price else ""
                console.print(f"{len(new)} slots checked by {verify}{money}", highlight=False, markup=False)
    if worksheet is not None:
        lines = write_worksheet(chosen.slots, worksheet)
        console.print(f"{lines} slots to judge in {worksheet}", highlight=False, markup=False)
    if sheets is not None:
        with open_database(corpus, write=False) as database:
            for path in write_sheets(chosen, database, sheets, chosen.values):
                console.print(str(path), highlight=False, markup=False)
    figures = report(chosen)
    if as_json:
        print(json.dumps({"manifest": str(target), "why": why, **figures}))
    else:
        _print(figures, target, why)
    if not chosen.filled:
        raise NothingFound(f"no picture in {corpus} is above the floor {floor:g} for any keyword; see {target}")
    return 0


def _kept(made: ValueSet, target: Path) -> ValueSet:
    """A set that stands already keeps its verdicts; another one is not overwritten."""
    if not target.exists():
        return made
    there = ValueSet.load(target)
    if there.id != made.id:
        raise UsageError(f"{target} holds another value set ({there.id[:12]}); give another --out, or move it away")
    return there


def _print(figures: dict[str, Any], target: Path, why: str) -> None:
    table = Table(title=f"value set {figures['id'][:12]}: {why}, ranked by {figures['rank']}", title_justify="left")
    for heading in ("value", "slots", "empty", "platforms", "deciders", "text area", "judged", "verified"):
        table.add_column(heading)
    for value, one in figures["values"].items():
        area, share = one["text_area"], one["verified_share"]
        table.add_row(
            value, str(one["filled"]), str(one["empty"]), _counted(one["platforms"]), _counted(one["deciders"]),
            "-" if area is None else f"{100 * area:.0f} %", str(one["judged"]),
            "-" if share is None else f"{100 * share:.0f} %",
        )  # fmt: skip
    console = Console(width=max(Console().width, 110))
    console.print(table, markup=False)
    lines = [
        f"{figures['filled']} of {figures['slots']} slots filled; {figures['pictures']} different pictures, "
        f"{figures['pictures_in_several_values']} of them in several values"
    ]
    lines += [f"  {count} slots empty: {reason}" for reason, count in figures["empty"].items()]
    if figures["over_platform_share"]:
        lines.append(f"  {figures['over_platform_share']} slots over their platform's share, for want of others")
    overlaps = sorted(figures["overlaps"], key=lambda one: -one["pictures"])
    lines += [f"  {one['pictures']} in both {' and '.join(one['values'])}" for one in overlaps[:OVERLAPS]]
    if len(overlaps) > OVERLAPS:
        lines.append(f"  fewer in {len(overlaps) - OVERLAPS} further pairs of values (--json has all)")
    lines.append(f"manifest: {target}")
    console.print("\n".join(lines), highlight=False, markup=False)


def _counted(counts: dict[str, int]) -> str:
    names: Sequence[str] = sorted(counts, key=lambda name: -counts[name])
    return ", ".join(f"{name} {counts[name]}" for name in names)


if __name__ == "__main__":
    cli.run(app)
