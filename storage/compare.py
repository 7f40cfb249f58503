"""`python -m storage.compare A B`: are two corpora equal in what was collected (D4)?

Compared by (platform, task, position): id, kind, value, keyword, metadata, decision, action, planned dwell, labels
and what it is a duplicate of; hashes may differ by a few bits. Not compared: run ids, clock times, attempts, counts
that grow with time, picture bytes.

`--unordered` compares short by short, and showings by (short, value, keyword): for corpora that hold the same and came
to it in another order, as a merged one and that of one crawl. A showing that only one of them has is no difference
where the other has listed that short under that keyword and knew it already.
"""

import json
from collections.abc import Iterator
from typing import Annotated, Any

import typer
from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from storage import cli
from storage.database import Database, open_database
from storage.models import Exposure, Image, LabelRow, Listing, Observation, Run, Short, Task
from storage.records import QUERY_SOURCE

HASH_BITS = 4
"""How far apart two hashes of the same frame may be: an encoder's noise."""

Key = tuple[str, int, int, int]
"""Platform, number of the plan, position of the task, position of the exposure."""
Under = tuple[str, str, str, str]
"""Platform, id (or kind, where the site gives none), value and keyword."""
OF_SHOWING = ("kind", "cause", "decision", "action", "planned_dwell")
OF_SHORT = ("kind", "metadata", "labels", "duplicate_of", "phash")

app = cli.app("Compare what two corpora hold.")


def differences(first: Database, second: Database) -> list[str]:
    """One sentence per difference; empty where the corpora are equal."""
    with first.read() as one, second.read() as two:
        left, right = contents(one), contents(two)
    found = []
    for key in sorted({*left, *right}):
        place = f"{key[0]} plan {key[1]} task {key[2]} exposure {key[3]}"
        if key not in left or key not in right:
            found.append(_only(place, in_second=key not in left))
        else:
            found += _unlike(place, left[key], right[key])
    return found


def unordered_differences(first: Database, second: Database) -> list[str]:
    """One sentence per difference in what was collected, whatever the order; empty where there is none."""
    with first.read() as one, second.read() as two:
        left, right = by_short(one), by_short(two)
        known = {False: _known(one), True: _known(two)}
    found = []
    for key in sorted({*left[0], *right[0]}):
        place = ":".join(key)
        if key not in left[0] or key not in right[0]:
            found.append(_only(place, in_second=key not in left[0]))
        else:
            found += _unlike(place, left[0][key], right[0][key])
    for under in sorted({*left[1], *right[1]}):
        place = f"{under[0]}:{under[1]} under {under[3] or 'no keyword'} ({under[2] or 'no value'})"
        if under not in left[1] or under not in right[1]:
            in_second = under not in left[1]
            if under not in known[not in_second]:
                found.append(_only(place, in_second=in_second))
        elif left[1][under] != right[1][under]:
            shown = sorted(left[1][under], key=str), sorted(right[1][under], key=str)
            found.append(f"{place}: shown as {shown[0]} in the first corpus and {shown[1]} in the second")
    return found


def _only(place: str, *, in_second: bool) -> str:
    return f"{place}: only in the {'second' if in_second else 'first'} corpus"


def _unlike(place: str, left: dict[str, Any], right: dict[str, Any]) -> Iterator[str]:
    for field, a in left.items():
        b = right[field]
        if field == "phash" and a and b and (int(a, 16) ^ int(b, 16)).bit_count() <= HASH_BITS:
            continue
        if a != b:
            yield f"{place}: {field} is {a!r} in the first corpus and {b!r} in the second"


def by_short(session: Session) -> tuple[dict[tuple[str, str], dict[str, Any]], dict[Under, set[Any]]]:
    """What is said of each short, and how each was shown under each keyword.

    Labels of the query are left out: what a short was shown under says the same.
    """
    shorts: dict[tuple[str, str], dict[str, Any]] = {}
    shown: dict[Under, set[Any]] = {}
    for key, fields in sorted(contents(session).items(), key=lambda one: one[0][1:]):
        name = (key[0], fields["platform_id"] or fields["kind"])
        under = (*name, fields["value"] or "", fields["keyword"] or "")
        shown.setdefault(under, set()).add(tuple(fields[field] for field in OF_SHOWING))
        if fields["platform_id"] is not None:
            labels = [one for one in fields["labels"] or [] if one[0] != QUERY_SOURCE]
            shorts.setdefault(name, {field: fields[field] for field in OF_SHORT} | {"labels": labels})
    return shorts, shown


def _known(session: Session) -> set[Under]:
    """What result lists held that the corpus had already."""
    rows = session.execute(
        select(Listing.platform, Listing.platform_id, Task.value, Task.keyword)
        .join(Task, Task.id == Listing.task_id)
        .where(Listing.state == "known", Listing.platform_id.is_not(None))
    )
    return {(row[0], str(row[1]), row[2] or "", row[3] or "") for row in rows}


def contents(session: Session) -> dict[Key, dict[str, Any]]:
    """Everything that two equal corpora share, by task and position."""
    plans = {
        plan: number
        for number, plan in enumerate(session.scalars(select(Run.id).where(Run.id == Run.plan_run_id).order_by(Run.id)))
    }
    labels: dict[int, list[list[str | None]]] = {}
    statement = (LabelRow.source, LabelRow.kind, LabelRow.name, LabelRow.stance)
    for short_id, *said_of_it in session.execute(select(LabelRow.short_id, *statement).order_by(*statement)):
        labels.setdefault(short_id, []).append(said_of_it)
    said = {row.short_id: row for row in session.scalars(select(Observation).order_by(Observation.id.desc()))}
    original, owner = aliased(Image), aliased(Short)
    rows = session.execute(
        select(Exposure, Task, Short, Image, owner.platform_id)
        .join(Task, Task.id == Exposure.task_id)
        .outerjoin(Short, Short.id == Exposure.short_id)
        .outerjoin(Image, Image.id == Exposure.frame_image_id)
        .outerjoin(original, original.id == Image.duplicate_of)
        .outerjoin(owner, owner.id == original.short_id)
    )
    found: dict[Key, dict[str, Any]] = {}
    for exposure, task, short, image, duplicate_of in rows:
        key = (task.platform, plans[task.run_id], task.position, exposure.position)
        found[key] = {
            "platform_id": exposure.platform_id,
            "kind": exposure.kind,
            "value": task.value,
            "keyword": task.keyword,
            "cause": exposure.cause,
            "metadata": _metadata(short, said.get(short.id)) if short else _without_counts(exposure.record or {}),
            "decision": exposure.decision,
            "action": exposure.action,
            "planned_dwell": exposure.planned_dwell,
            "labels": labels.get(short.id, []) if short else None,
            "duplicate_of": duplicate_of,
            "phash": image.phash if image else None,
        }
    return found


def _metadata(short: Short, said: Observation | None) -> dict[str, Any]:
    names = (
        "kind",
        "url",
        "author",
        "duration",
        "published",
        "language",
        "sound",
        "paid_partnership",
        "ai_generated",
        "subtitles",
        "extra",
    )
    fields = {name: getattr(short, name) for name in names}
    return {**fields, "caption": said.caption if said else None, "hashtags": said.hashtags if said else None}


def _without_counts(record: dict[str, Any]) -> dict[str, Any]:
    return {name: said for name, said in record.items() if name not in ("views", "likes", "comments", "shares")}


@app.command()
def compare(
    first: Annotated[str, typer.Argument(help="A corpus.")],
    second: Annotated[str, typer.Argument(help="Another corpus.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
    unordered: Annotated[bool, typer.Option("--unordered", help="Whatever the order, as for merged corpora.")] = False,
    limit: Annotated[int, typer.Option(help="How many differences to print.", min=1)] = 20,
) -> int:
    """Compare two corpora by task and position, or short by short. Exit code 0 if they are equal, 1 if not.

    Examples:

      python -m storage.compare data/corpus.sqlite copy/corpus.sqlite

      python -m storage.compare --unordered all.sqlite data/corpus.sqlite
    """
    with open_database(first, write=False) as one, open_database(second, write=False) as two:
        found = (unordered_differences if unordered else differences)(one, two)
    if as_json:
        print(json.dumps({"equal": not found, "differences": found}))
    else:
        for sentence in found[:limit]:
            print(sentence)
        print(f"{len(found)} differences" if found else "the corpora are equal")
    return int(bool(found))


if __name__ == "__main__":
    cli.run(app)
