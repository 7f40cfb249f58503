"""Model answers in the corpus (D14): committed when they arrive, with the picture exactly as it was sent."""

import hashlib
from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, func, select, true
from sqlalchemy.orm import Session, aliased

from storage.answer_record import AnswerRecord, AnswerStatus, StoredAnswer
from storage.database import Database
from storage.images import keep_bytes
from storage.models import Answer, ImageData, Run

_mine, _other = aliased(Run), aliased(Run)
_SCOPES = {
    "any": true(),
    "none": Answer.run_id.is_(None),
    "plan": Answer.run_id.in_(
        select(_other.id)
        .join(_mine, (_mine.plan_hash == _other.plan_hash) & (_mine.seed == _other.seed))
        .where(_mine.id == bindparam("run"))
    ),
}
"""Whose answers may be used: of any run, of no run, of the runs of one plan."""
_ASKED = Answer.key.in_(bindparam("keys", expanding=True))
_ROWS = {scope: select(Answer).where(_ASKED, allowed).order_by(Answer.id) for scope, allowed in _SCOPES.items()}
_KEYS = {scope: select(Answer.key).where(_ASKED, allowed) for scope, allowed in _SCOPES.items()}
"""Built once: a call for every question must not cost more than the statement itself."""


class Answers:
    """The `AnswerStore` of a corpus."""

    def __init__(self, database: Database, *, reuse_other_runs: bool = False) -> None:
        self._database = database
        self._reuse = reuse_other_runs

    def find(self, key: str, run_id: int | None) -> StoredAnswer | None:
        """The newest answer with this key of the same plan (continued or repeated); of any run with `--reuse`."""
        return self.find_many([key], run_id).get(key)

    def find_many(self, keys: Sequence[str], run_id: int | None) -> dict[str, StoredAnswer]:
        """What `find` gives, by key, for as many keys as one statement takes (some hundreds)."""
        with self._database.read() as session:
            found = session.scalars(_ROWS[self._scope(run_id)], {"keys": list(keys), "run": run_id})
            return {row.key: _stored(row) for row in found}

    def known(self, keys: Sequence[str], run_id: int | None) -> set[str]:
        """Those of the keys for which `find` gives an answer; as many as one statement takes."""
        with self._database.read() as session:
            return set(session.scalars(_KEYS[self._scope(run_id)], {"keys": list(keys), "run": run_id}))

    def _scope(self, run_id: int | None) -> str:
        return "any" if self._reuse else "none" if run_id is None else "plan"

    def put(self, answer: AnswerRecord, picture: bytes | None) -> StoredAnswer:
        """Keep an answer and the picture as sent; committed on return, since the answer cost money.

        Raises:
            ValueError: the answer names another picture than the one given.
        """
        if picture is not None and answer.image_sha256 != hashlib.sha256(picture).hexdigest():
            raise ValueError("the picture is not the one that the answer names")
        fields = {name: getattr(answer, name) for name in AnswerRecord.__dataclass_fields__}
        fields["status"] = answer.status.value
        with self._database.write() as session:
            if picture is not None:
                keep_bytes(session, picture)
            row = Answer(**fields)
            session.add(row)
            session.flush()
            return _stored(row)

    def picture(self, answer_id: int) -> bytes | None:
        """The picture that an answer is about, as it was sent."""
        with self._database.read() as session:
            return session.scalar(
                select(ImageData.data)
                .join(Answer, Answer.image_sha256 == ImageData.sha256)
                .where(Answer.id == answer_id)
            )

    def spent(self, run_ids: list[int]) -> float | None:
        """US dollars paid for the answers of these runs; None where no price is known."""
        with self._database.read() as session:
            return session.scalar(select(func.sum(Answer.cost)).where(Answer.run_id.in_(run_ids)))


def answer_totals(session: Session, run_ids: list[int] | None) -> dict[str, Any]:
    """Calls, tokens and cost, of some runs or of the whole corpus."""
    query = select(
        func.count(),
        func.sum(Answer.prompt_tokens),
        func.sum(Answer.completion_tokens),
        func.sum(Answer.cost),
        func.count(Answer.cost),
    )
    if run_ids is not None:
        query = query.where(Answer.run_id.in_(run_ids))
    calls, prompt, completion, cost, priced = session.execute(query).one()
    return {
        "calls": calls,
        "prompt_tokens": prompt or 0,
        "completion_tokens": completion or 0,
        "cost": cost,
        "calls_without_price": calls - priced,
    }


def _stored(row: Answer) -> StoredAnswer:
    fields = {name: getattr(row, name) for name in AnswerRecord.__dataclass_fields__}
    fields["status"] = AnswerStatus(row.status)
    return StoredAnswer(id=row.id, **fields)
