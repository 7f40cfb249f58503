"""Personas in a corpus: the traits that a name stood for, and the value profiles that models gave in that role."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.database import Database
from storage.errors import UsageError
from storage.models import Persona


class Personas:
    """The personas of a corpus. Answers name a persona, so one name stands for the same traits for ever."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, name: str, traits: Sequence[str], *, source: str, language: str | None) -> int:
        """The id of the row with this name, made where there is none.

        Raises:
            UsageError: the corpus knows the name with other traits.
        """
        with self._database.write() as session:
            row = _row(session, name)
            if row is None:
                row = Persona(name=name, source=source, language=language, traits=list(traits), profile=None)
                session.add(row)
                session.flush()
            if row.traits != list(traits):
                raise UsageError(
                    f"this corpus knows the persona {name!r} (from {row.source}) with other traits; rename yours, or "
                    "use another --corpus"
                )
            return row.id

    def add_profile(self, name: str, key: str, profile: dict[str, Any]) -> None:
        """Keep a value profile under a key (model, host, questionnaire and epoch) beside those that are there."""
        with self._database.write() as session:
            row = _row(session, name)
            assert row is not None, "a persona is kept before its profile"
            row.profile = {**(row.profile or {}), key: profile}

    def profiles(self, name: str) -> dict[str, Any]:
        """All value profiles of a persona by key; empty where there are none or the name is not known."""
        with self._database.read() as session:
            row = _row(session, name)
            return {} if row is None else dict(row.profile or {})


def _row(session: Session, name: str) -> Persona | None:
    return session.scalars(select(Persona).where(Persona.name == name)).first()
