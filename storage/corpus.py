"""A corpus and its parts, opened together: the queue, runs, exposures, answers and labels of one SQLite file."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from sqlalchemy import select

from storage.answers import Answers
from storage.database import Database, open_database
from storage.errors import UsageError
from storage.exposures import Exposures
from storage.labels import Labels
from storage.looks import RECIPE
from storage.models import Event
from storage.pseudonyms import CONFIG_VARIABLE, Pseudonyms
from storage.records import Record
from storage.removals import Removals
from storage.revisits import Revisits
from storage.runs import Runs, release_dead
from storage.tasks import Now, TaskQueue, release_active

CREATED = "created"


def utc_now() -> datetime:
    """The wall clock, as every moment of a corpus is kept."""
    return datetime.now(UTC)


class Corpus:
    """A corpus open for writing.

    Args:
        location: path, or `sqlite:///PATH`.
        collecting: take the collecting lock, create or upgrade the corpus where needed, and free what a dead
            process held. Without it the corpus must exist and be of this version (for answers and labels).
        new_id: makes the corpus's id.
        reuse_answers: model answers of other runs may be used again (`--reuse`).

    Raises:
        CorpusInUse, CorpusUnusable: see `storage.database.open_database`.
        UsageError: the corpus was written with another pseudonym key than this user's.
    """

    def __init__(
        self,
        location: str | Path,
        *,
        collecting: bool,
        now: Now = utc_now,
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
        reuse_answers: bool = False,
    ) -> None:
        self._now = now
        self.database: Database = open_database(location, write=True, lock=collecting)
        try:
            pseudonyms = Pseudonyms.of_user()
            self._check_key(pseudonyms)
            if collecting:
                self._settle(pseudonyms, now, new_id)
            with self.database.read() as session:
                self.removals = Removals.of(session, self.database.path)
            self.tasks = TaskQueue(self.database, pseudonyms, self.removals, now)
            self.runs = Runs(self.database, now)
            self.exposures = Exposures(self.database, pseudonyms, now)
            self.answers = Answers(self.database, reuse_other_runs=reuse_answers)
            self.labels = Labels(self.database, now)
            self.revisits = Revisits(self.database, pseudonyms, self.removals, now)
        except BaseException:
            self.database.close()
            raise

    def _settle(self, pseudonyms: Pseudonyms, now: Now, new_id: Callable[[], str]) -> None:
        with self.database.write() as session:
            release_active(session)
            release_dead(session)
            if session.scalar(select(Event.id).where(Event.kind == CREATED)) is None:
                detail = {
                    "corpus_id": new_id(),
                    "hash_recipe": RECIPE,
                    "pseudonym_key": pseudonyms.fingerprint,
                }
                session.add(Event(kind=CREATED, detail=detail, at=now()))

    def _check_key(self, pseudonyms: Pseudonyms) -> None:
        with self.database.read() as session:
            created = session.scalars(select(Event).where(Event.kind == CREATED)).first()
        if created is not None and created.detail["pseudonym_key"] != pseudonyms.fingerprint:
            raise UsageError(
                f"{self.database.path} was written with another pseudonym key: copy that user's key file to this "
                f"configuration folder (or name its folder with {CONFIG_VARIABLE}), or start a new corpus"
            )

    def has_forgotten(self, record: Record) -> bool:
        """True if the short was removed on request, itself or with its author: it is not to come back."""
        return self.removals.cover(record.platform, record.platform_id, record.author)

    def add_event(self, kind: str, detail: dict[str, Any], *, run_id: int | None = None) -> None:
        """Append to the corpus's history (D5)."""
        with self.database.write() as session:
            session.add(Event(kind=kind, detail=detail, run_id=run_id, at=self._now()))

    def close(self) -> None:
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
