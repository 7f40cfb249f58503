"""Which code ran: part of every run's record and of every frozen value set."""

import importlib.metadata
import os
import subprocess
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
COMMIT_VARIABLE = "VALUE_SPECTRUM_COMMIT"
"""Names the commit where there is no checkout: in a container image."""


def code_version() -> str:
    """The package's version, with the commit where the code is a checkout or an image."""
    version = importlib.metadata.version("value-spectrum")
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        named = os.environ.get(COMMIT_VARIABLE)
        return f"{version}+{named}" if named else version
    return f"{version}+{described.stdout.strip()}"
