"""Browser profiles: what a site remembers of a visitor. Stored beside the corpus, never in it (D17).

An anonymous profile is a fresh logged-out context that is forgotten. A feed task has a profile of its own, so that
its feed goes on where it stopped (D4).
"""

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, cast


@dataclass(frozen=True, kw_only=True)
class Profile:
    """A profile's random id and where its state is kept; no path for an anonymous one."""

    id: str
    path: Path | None = None

    @classmethod
    def beside(cls, corpus: Path, profile_id: str) -> Self:
        """The stored profile of a task: `<corpus>.profiles/<id>.json` (folder 0700, file 0600)."""
        return cls(id=profile_id, path=corpus.with_name(corpus.name + ".profiles") / f"{profile_id}.json")

    def load(self) -> Any:
        """Playwright's storage state, or None where nothing was stored yet."""
        if self.path is None or not self.path.exists():
            return None
        return json.loads(self.path.read_text())

    def save(self, state: Any) -> None:
        """Replace the stored state in one step, so that a kill leaves the old or the new one."""
        path = cast(Path, self.path)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent)  # mkstemp creates with 0600
        with os.fdopen(handle, "w") as file:
            json.dump(state, file)
        os.replace(temporary, path)
