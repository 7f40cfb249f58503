"""Running a command within the test's own process, as its `__main__` does: for tests of many small things, where a
process each would cost more than what is tested. One test of every command runs it in a process of its own."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer

from storage import cli


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def figures(self) -> Any:
        """Standard output as the one JSON value that it must be."""
        return json.loads(self.out)


class Commands:
    """Calls commands; `monkeypatch` and `capsys` of the test at hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, app: typer.Typer, *arguments: str | Path | int, code: int = 0) -> Ended:
        """Run to the end; the exit code must be `code`, and nothing may be a traceback."""
        self._monkeypatch.setattr(sys, "argv", ["command", *map(str, arguments)])
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.run(app)
        said = self._capsys.readouterr()
        assert ended.value.code == code, said.err[-2000:]
        assert "Traceback" not in said.err
        return Ended(code=code, out=said.out, err=said.err)
