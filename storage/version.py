"""Which code ran: part of every run's record and of every frozen value set."""

import importlib.metadata
import subprocess
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent


def code_version() -> str:
    """The package's version, with the commit where the code is a checkout."""
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
        return version
    return f"{version}+{described.stdout.strip()}"
