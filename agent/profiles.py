"""Browser profiles: what a site remembers of a visitor. Never stored in a corpus (D17).

    anonymous   a fresh logged-out context that is forgotten; search mode's default
    own         of one feed task: its feed goes on where it stopped (D4); beside the corpus
    NAME        made by hand with `agent.login`, chosen with `--profile`; in the user's configuration folder

Changing the profile after a block would be rotation: nothing here does it.
"""

import json
import os
import re
import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from storage.errors import UsageError
from storage.pseudonyms import config_folder

ANONYMOUS = "anonymous"
_NAME = re.compile(r"[\w][\w.-]{0,63}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Profile:
    """A profile's random id and where its state is kept; no path for an anonymous one."""

    id: str
    path: Path | None = None
    name: str = ANONYMOUS

    @classmethod
    def beside(cls, corpus: Path, profile_id: str) -> Self:
        """The stored profile of a task: `<corpus>.profiles/<id>.json` (folder 0700, file 0600)."""
        return cls(id=profile_id, path=beside(corpus, ".profiles") / f"{profile_id}.json", name="own")

    @classmethod
    def named(cls, platform: str, name: str) -> Self:
        """One that `agent.login` made: `<configuration>/profiles/<platform>/<name>.json`.

        Raises:
            UsageError: there is none of this name for this platform.
        """
        path = named_path(platform, name)
        if not path.exists():
            raise UsageError(
                f"there is no profile {name} for {platform}; make it with "
                f"`python -m agent.login --platform {platform} --profile {name}`"
            )
        return cls(id=_kept(path)["id"], path=path, name=name)

    @classmethod
    def new_named(cls, platform: str, name: str) -> Self:
        """The named profile, or a new one that is nowhere yet; its random id stays the same for ever."""
        path = named_path(platform, name)
        return cls(id=_kept(path)["id"] if path.exists() else str(uuid.uuid4()), path=path, name=name)

    def load(self) -> Any:
        """Playwright's storage state, or None where nothing was stored yet.

        Raises:
            UsageError: the file cannot be read.
        """
        if self.path is None or not self.path.exists():
            return None
        return _kept(self.path)["state"]

    def save(self, state: Any) -> None:
        """Replace the stored state in one step, so that a kill leaves the old or the new one."""
        if self.path is None:
            return
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.parent.chmod(0o700)
        handle, temporary = tempfile.mkstemp(dir=self.path.parent)  # mkstemp creates with 0600
        with os.fdopen(handle, "w") as file:
            json.dump({"id": self.id, "state": state}, file)
        os.replace(temporary, self.path)


def beside(corpus: Path, suffix: str) -> Path:
    """Where something that belongs to a corpus but may never be in it lies: `<corpus><suffix>`."""
    return corpus.with_name(corpus.name + suffix)


def named_path(platform: str, name: str) -> Path:
    """Where a named profile lies.

    Raises:
        UsageError: the name cannot be a file's.
    """
    if not _NAME.fullmatch(name) or name in (ANONYMOUS, "own"):
        raise UsageError(f"--profile {name!r} is no name for a profile; use letters, digits, '.', '-' and '_'")
    return config_folder() / "profiles" / platform / f"{name}.json"


def _kept(path: Path) -> dict[str, Any]:
    try:
        kept = json.loads(path.read_text())
        if not isinstance(kept["id"], str) or not isinstance(kept["state"], dict):
            raise ValueError("it holds no profile")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"the profile {path} cannot be read ({error}); make it anew with `agent.login`") from error
    return dict(kept)
