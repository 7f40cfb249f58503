"""`python -m storage.compare A B`: are two corpora equal in what was collected (D4)?

Compared by (platform, task, position): id, kind, value, keyword, metadata, decision, action, planned dwell, labels
and what it is a duplicate of; hashes may differ by a few bits. Not compared: run ids, clock times, attempts, counts
that grow with time, picture bytes.
"""

import json
from typing import Annotated, Any

import typer
from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from storage import cli
from storage.database import Database, open_database
from storage.models import Exposure, Image, LabelRow, Observation, Run, Short, Task

HASH_BITS = 4
"""How far apart two hashes of the same frame may be: an encoder's noise."""

Key = tuple[str, int, int, int]
"""Platform, number of the plan, position of the task, position of the exposure."""

app = cli.app("Compare what two corpora hold.")


def differences(first: Database, second: Database) -> list[str]:
    """One sentence per difference; empty where the corpora are equal."""
    with first.read() as one, second.read() as two:
        left, right = contents(one), contents(two)
    found = []
    for key in sorted({*left, *right}):
        place = f"{key[0]} plan {key[1]} task {key[2]} exposure {key[3]}"
        if key not in left or key not in right:
            found.append(f"{place}: only in the {'second' if key not in left else 'first'} corpus")
            continue
        for field in left[key]:
            a, b = left[key][field], right[key][field]
            if field == "phash" and a and b and (int(a, 16) ^ int(b, 16)).bit_count() <= HASH_BITS:
                continue
            if a != b:
                found.append(f"{place}: {field} is {a!r} in the first corpus and {b!r} in the second")
    return found


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
    limit: Annotated[int, typer.Option(help="How many differences to print.", min=1)] = 20,
) -> int:
    """Compare two corpora by task and position. Exit code 0 if they are equal, 1 if not.

    Example:

      python -m storage.compare data/corpus.sqlite copy/corpus.sqlite
    """
    with open_database(first, write=False) as one, open_database(second, write=False) as two:
        found = differences(one, two)
    if as_json:
        print(json.dumps({"equal": not found, "differences": found}))
    else:
        for sentence in found[:limit]:
            print(sentence)
        print(f"{len(found)} differences" if found else "the corpora are equal")
    return int(bool(found))


if __name__ == "__main__":
    cli.run(app)
