"""The `[study]` block: under whose name and on what ground people's posts were collected. It goes onto the card."""

import tomllib
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from storage.errors import UsageError

TABLE = "study"


@dataclass(frozen=True, kw_only=True)
class Study:
    """What an ethics board, a data protection officer or a site asks first. None where nobody has said it."""

    title: str | None = None
    institution: str | None = None
    contact: str | None = None
    ethics: str | None = None
    """Number of the approval."""
    ethics_waiver: str | None = None
    """Why none was needed."""
    legal_basis: str | None = None
    """As `GDPR Art. 6(1)(e), Art. 89`."""
    dsa_article_40: str | None = None
    """Reference of a data access request under the Digital Services Act."""
    purpose: str | None = None
    retention: str | None = None
    """Until when the data are kept, and what happens then."""

    def missing(self) -> list[str]:
        """What a reader will look for in vain; approval and waiver stand for each other."""
        said = asdict(self)
        needed = [name for name in said if name not in ("ethics", "ethics_waiver", "dsa_article_40")]
        found = [name for name in needed if not said[name]]
        return found if self.ethics or self.ethics_waiver else [*found, "ethics or ethics_waiver"]


def read_study(path: Path) -> Study:
    """The block of a TOML file.

    Raises:
        UsageError: no such file, no TOML, no block, or a key that none of ours is.
    """
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"--study {path} cannot be read ({error}); give a TOML file with a [{TABLE}] block") from error
    if not isinstance(said.get(TABLE), dict):
        raise UsageError(f"{path} has no [{TABLE}] block; add one with {', '.join(Study.__dataclass_fields__)}")
    return study_of(said[TABLE], str(path))


def study_of(said: dict[str, Any], where: str) -> Study:
    """A block as it was read; `where` it stands is for the message.

    Raises:
        UsageError: an unknown key, or a value that is no text.
    """
    names = {field.name for field in fields(Study)}
    for name, text in said.items():
        if name not in names:
            raise UsageError(f"{where}: [{TABLE}] has no {name}; its keys are {', '.join(sorted(names))}")
        if text is not None and not isinstance(text, str):
            raise UsageError(f"{where}: {name} of [{TABLE}] is no text; put it in quotes")
    return Study(**said)
