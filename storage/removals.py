"""Tombstones: who and what must not come back after `storage.forget`, kept so that nobody can read whom they name.

A tombstone is an HMAC with the user's pseudonym key. It stands in the corpus's events and in `removals.jsonl` beside
the corpus, so that it is obeyed by whatever works in that folder, also after the corpus itself was replaced.
"""

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.errors import UsageError
from storage.models import Event
from storage.pseudonyms import CONFIG_VARIABLE, PREFIX, Pseudonyms

FORGET = "forget"
"""Kind of the event that holds tombstones."""
FILE = "removals.jsonl"


@dataclass(frozen=True, kw_only=True)
class Tombstone:
    """What is gone: a short or an author, readable only to whoever knows both its name and the key."""

    kind: str
    """`short` or `author`."""
    mark: str
    """32 hex digits."""
    key: str
    """Fingerprint of the pseudonym key that made the mark."""
    at: str
    """When it was asked for, ISO 8601."""

    def to_json(self) -> dict[str, str]:
        """As events and `removals.jsonl` hold it."""
        return {"kind": self.kind, "mark": self.mark, "key": self.key, "at": self.at}


class Tombstones:
    """Makes and recognises tombstones with one user's key."""

    def __init__(self, pseudonyms: Pseudonyms) -> None:
        self._pseudonyms = pseudonyms

    def of_short(self, platform: str, platform_id: str, at: datetime) -> Tombstone:
        """The tombstone of one short."""
        return self._made("short", self._short(platform, platform_id), at)

    def of_author(self, author: str, at: datetime) -> Tombstone:
        """The tombstone of everything that an author made; `author` as the corpus holds it (D17)."""
        return self._made("author", self._author(author), at)

    def names(self, platform: str, platform_id: str | None, author: str | None) -> set[str]:
        """The marks that a short would have, by itself and through its author."""
        found = set() if platform_id is None else {self._short(platform, platform_id)}
        return found if author is None else found | {self._author(author)}

    def _made(self, kind: str, mark: str, at: datetime) -> Tombstone:
        return Tombstone(kind=kind, mark=mark, key=self._pseudonyms.fingerprint, at=at.isoformat())

    def _short(self, platform: str, platform_id: str) -> str:
        return self._mark(f"short {platform} {platform_id}")

    def _author(self, author: str) -> str:
        return self._mark(f"author {self._pseudonyms.handle(author)}")

    def _mark(self, text: str) -> str:
        # In hex, since handles are hashed without regard to case, and ids differ by it.
        return self._pseudonyms.handle(f"forgotten {text.encode().hex()}").removeprefix(PREFIX)


class Removals:
    """The tombstones that hold for a corpus, as a question: is this short gone?"""

    def __init__(self, tombstones: Sequence[Tombstone], pseudonyms: Pseudonyms | None) -> None:
        self._marks = {one.mark for one in tombstones}
        self._makes = None if pseudonyms is None else Tombstones(pseudonyms)

    @classmethod
    def of(cls, session: Session, corpus: Path) -> "Removals":
        """From a corpus's events and the file beside it; the user's key is needed only where there are some.

        Raises:
            UsageError: they were made with another key, so that nobody here can tell whom they name; or the file
                cannot be read.
        """
        found = [*tombstones_of(session), *read_removals(corpus.with_name(FILE))]
        if not found:
            return cls([], None)
        pseudonyms = Pseudonyms.of_user()
        strange = {one.key for one in found} - {pseudonyms.fingerprint}
        if strange:
            raise UsageError(
                f"{corpus} has removals made with another pseudonym key ({', '.join(sorted(strange))}), so they cannot "
                f"be obeyed here: copy that user's key file, or name its folder with {CONFIG_VARIABLE}"
            )
        return cls(found, pseudonyms)

    def __len__(self) -> int:
        return len(self._marks)

    def cover(self, platform: str, platform_id: str | None, author: str | None) -> bool:
        """True if this short was forgotten, itself or with its author."""
        return self._makes is not None and not self._marks.isdisjoint(self._makes.names(platform, platform_id, author))


def tombstones_of(session: Session) -> list[Tombstone]:
    """The tombstones in a corpus's history."""
    events = session.scalars(select(Event).where(Event.kind == FORGET).order_by(Event.id))
    return [Tombstone(**fields) for event in events for fields in event.detail["tombstones"]]


def read_removals(path: Path) -> list[Tombstone]:
    """The tombstones of a `removals.jsonl`; none where there is no such file.

    Raises:
        UsageError: it cannot be read as one. Going on would bring back what somebody asked to be gone.
    """
    if not path.exists():
        return []
    found = []
    try:
        for line in path.read_text(encoding="utf-8").splitlines():
            fields: dict[str, Any] = json.loads(line)
            found.append(Tombstone(**{name: str(fields[name]) for name in Tombstone.__dataclass_fields__}))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path} cannot be read as removals ({error}); mend the file: it is obeyed whole") from error
    return found


def add_removals(path: Path, new: Iterable[Tombstone]) -> int:
    """Add what is not there yet; the file is replaced whole, so that a full disk cannot cut it.

    Returns:
        How many were new.
    """
    known = read_removals(path)
    marks = {one.mark for one in known}
    fresh = [one for one in new if one.mark not in marks]
    if fresh:
        part = path.with_name(path.name + ".part")
        lines = [json.dumps(one.to_json()) + "\n" for one in [*known, *fresh]]
        with part.open("w", encoding="utf-8") as file:
            file.writelines(lines)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    return len(fresh)
