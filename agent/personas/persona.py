"""One persona: who an agent pretends to be. Its traits are data; they can change an answer, nothing else (D14)."""

import json
import re
from dataclasses import dataclass

from retrieval.question import writable
from storage.errors import UsageError

MOST_TRAITS = 20
LONGEST_TRAIT = 300
"""Characters. Persona-Chat's longest are under 200."""
NAME = re.compile(r"[\w.-]{1,100}")


@dataclass(frozen=True, kw_only=True)
class Persona:
    """A name and what the person says of themselves; the name stands for the traits wherever answers are stored.

    Raises:
        UsageError: no traits, too many or too long ones, or a name that is no single word.
    """

    name: str
    traits: tuple[str, ...]
    """Short sentences in the first person, numbered from 1 where a question lists them."""
    source: str
    """Whose writing it is: `value-spectrum`, or the name of the user's file."""
    language: str | None = None
    values: tuple[str, ...] = ()
    """Ids of the values it was written for, the main one first; empty where nobody said."""

    def __post_init__(self) -> None:
        where = f"the persona {self.name!r} in {self.source}"
        if not NAME.fullmatch(self.name):
            raise UsageError(f"{where} needs a name of letters, digits, points and hyphens; rename it")
        if not self.traits or not all(trait.strip() for trait in self.traits):
            raise UsageError(f"{where} is empty or has an empty trait; give it at least one sentence, or remove it")
        if len(self.traits) > MOST_TRAITS or max(map(len, self.traits)) > LONGEST_TRAIT:
            raise UsageError(
                f"{where} has {len(self.traits)} traits, the longest of {max(map(len, self.traits))} characters; "
                f"keep to {MOST_TRAITS} traits of {LONGEST_TRAIT} characters"
            )

    @property
    def listed(self) -> str:
        """The traits as a question lists them: numbered, each a JSON string on a line of its own, so that no trait can
        end its quotation or begin a line."""
        return "\n".join(
            f"{number}. {json.dumps(writable(trait), ensure_ascii=False)}"
            for number, trait in enumerate(self.traits, start=1)
        )


def plain(trait: str) -> str:
    """A trait as it is kept: white space of any kind is one blank. Persona-Chat's are in lower case, with blanks before
    points, and stay so."""
    return " ".join(trait.split())
