"""The answers of a plan, from the corpus: for the statistics, and as tables for others, one line a slot."""

import csv
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from agent.benchmark.questions import LIKE_TEXT, WHY, WORDINGS, Wording, chosen
from agent.benchmark.records import Answer, Choice, Modality, Slot
from agent.benchmark.summary import Remarks
from agent.benchmark.targets import Shot
from agent.benchmark.work import Ask, Purpose, Stage, Work
from storage.answer_record import StoredAnswer
from storage.errors import UsageError

COLUMNS = (
    "model", "purpose", "question", "wording", "epoch", "modality", "captioner", "picture_kind",
    "value", "keyword", "rank", "form", "verified", "platform", "platform_id", "month", "picture",
    "verdict", "p_yes",
    "second_value", "second_keyword", "second_rank", "second_platform", "second_platform_id", "second_picture",
    "chosen",
    "status", "raw", "model_returned", "endpoint", "prompt_tokens", "completion_tokens", "cost", "milliseconds",
    "asked_at", "answer_id",
)  # fmt: skip
"""Of the tables. `verdict` and `p_yes` say whether the content is liked, however the question was turned."""


@dataclass(frozen=True, kw_only=True)
class Results:
    """What the statistics need."""

    answers: list[Answer]
    choices: list[Choice]
    remarks: list[Remarks]
    """What models said in words: a line for each answer to *why* and to *describe*."""
    cost: float | None
    """US dollars of all answers; None where a price is not known."""
    last: datetime | None
    """When the last question was asked."""
    reused: int
    """Answers that another plan's run paid for (`--reuse`)."""


def results(work: Work, own_runs: Collection[int]) -> Results:
    """All answers that the corpus has for a plan.

    Args:
        own_runs: ids of the plan's runs.
    """
    answers: list[Answer] = []
    choices: list[Choice] = []
    remarks: dict[tuple[str, str], Remarks] = {}
    cost: float | None = 0.0
    last: datetime | None = None
    reused = 0
    for ask, stored in _all(work):
        cost = None if cost is None or stored.cost is None else cost + stored.cost
        reused += stored.run_id not in own_runs
        last = stored.asked_at if last is None else max(last, stored.asked_at)
        if ask.purpose is Purpose.LIKE:
            answers += [_answer(work, ask, stored, slot) for slot in ask.shot.slots]
        elif ask.purpose is Purpose.CHOICE:
            first, second = _slots_of_pair(ask)
            choices.append(
                Choice(
                    model=ask.model.name, first=first, second=second, chosen=chosen(stored), epoch=ask.epoch
                )
            )  # fmt: skip
        elif stored.parsed is not None:
            at = ask.model.name, ask.shot.sha256
            field = "why" if ask.question.name == WHY.name else "description"
            before = remarks.get(at, Remarks(model=at[0], picture=at[1]))
            remarks[at] = replace(before, **{field: str(stored.parsed["text"])})
    return Results(
        answers=answers, choices=choices, remarks=list(remarks.values()), cost=cost, last=last, reused=reused
    )  # fmt: skip


def _all(work: Work) -> Iterator[tuple[Ask, StoredAnswer]]:
    for model in work.plan.model:
        for stage in Stage:
            yield from work.answered(model, stage)


def _wording(ask: Ask) -> Wording:
    return LIKE_TEXT if ask.modality is Modality.CAPTION else WORDINGS[ask.wording]


def _answer(work: Work, ask: Ask, stored: StoredAnswer, slot: Slot) -> Answer:
    wording = _wording(ask)
    return Answer(
        model=ask.model.name,
        slot=slot,
        verdict=wording.liked(stored),
        wording=wording.name,
        epoch=ask.epoch,
        modality=ask.modality,
        captioner=work.plan.captioner if ask.modality is Modality.CAPTION else None,
        p_yes=wording.probability(stored),
        picture_kind=ask.shot.kind,
    )


def _slots_of_pair(ask: Ask) -> tuple[Slot, Slot]:
    assert ask.pair is not None
    slots = ask.pair.one_slot, ask.pair.other_slot
    return slots if ask.shot is ask.pair.one else (slots[1], slots[0])


def rows(work: Work) -> Iterator[dict[str, Any]]:
    """Every answer of a plan, once for each slot that it is about; keys as `COLUMNS`."""
    for ask, stored in _all(work):
        common = {
            "model": ask.model.name,
            "purpose": ask.purpose.value,
            "question": stored.question,
            "wording": ask.wording,
            "epoch": ask.epoch,
            "modality": ask.modality.value,
            "captioner": work.plan.captioner if ask.modality is Modality.CAPTION else None,
            "picture_kind": ask.shot.kind,
            "status": stored.status.value,
            "raw": stored.raw,
            "model_returned": stored.model_returned,
            "endpoint": stored.endpoint,
            "prompt_tokens": stored.prompt_tokens,
            "completion_tokens": stored.completion_tokens,
            "cost": stored.cost,
            "milliseconds": stored.milliseconds,
            "asked_at": stored.asked_at.isoformat(),
            "answer_id": stored.id,
        }
        for more in _about(work, ask, stored):
            yield dict.fromkeys(COLUMNS) | common | more


def _about(work: Work, ask: Ask, stored: StoredAnswer) -> Iterator[dict[str, Any]]:
    if ask.purpose is Purpose.CHOICE:
        assert ask.second is not None
        first, second = _slots_of_pair(ask)
        beside = {f"second_{name}": value for name, value in _slot(second, ask.second).items()}
        told = {name: value for name, value in beside.items() if name in COLUMNS}
        yield {**_slot(first, ask.shot), **told, "chosen": chosen(stored)}
        return
    for slot in ask.shot.slots:
        judged: dict[str, Any] = {}
        if ask.purpose is Purpose.LIKE:
            answer = _answer(work, ask, stored, slot)
            judged = {"verdict": answer.verdict.value, "p_yes": answer.p_yes}
        yield {**_slot(slot, ask.shot), **judged}


def _slot(slot: Slot, shot: Shot) -> dict[str, Any]:
    return {
        "value": slot.value,
        "keyword": slot.keyword,
        "rank": slot.rank,
        "form": slot.form,
        "verified": slot.verified,
        "platform": slot.platform,
        "platform_id": shot.platform_id,
        "month": slot.month,
        "picture": slot.picture,
    }


def write_tables(work: Work, folder: Path) -> list[Path]:
    """`answers.csv` and `answers.json` with every answer, written line by line.

    Raises:
        UsageError: the folder cannot be written.
    """
    paths = [folder / "answers.csv", folder / "answers.json"]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with paths[0].open("w", encoding="utf-8", newline="") as table, paths[1].open("w", encoding="utf-8") as array:
            _write(rows(work), table, array)
    except OSError as error:
        raise UsageError(f"{folder} cannot be written ({error.strerror}); give another --out") from error
    return paths


def _write(found: Iterator[dict[str, Any]], table: TextIO, array: TextIO) -> None:
    writer = csv.DictWriter(table, COLUMNS)
    writer.writeheader()
    array.write("[")
    for number, row in enumerate(found):
        writer.writerow(row)
        array.write((",\n" if number else "\n") + json.dumps(row, ensure_ascii=False))
    array.write("\n]\n")
