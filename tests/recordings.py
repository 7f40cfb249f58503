"""Where the recorded pages and screenshots are, if this machine has them; they stay out of the project."""

import os
from pathlib import Path


def recordings() -> Path | None:
    """`../shared/fixtures`, or what VALUE_SPECTRUM_FIXTURES names; None where there is none."""
    named = os.environ.get("VALUE_SPECTRUM_FIXTURES")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "fixtures"
    return folder if folder.is_dir() else None
