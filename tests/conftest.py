"""What holds for every test."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def own_configuration(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test reads or makes the pseudonym key of whoever runs it."""
    folder = tmp_path_factory.mktemp("configuration") / "value-spectrum"
    monkeypatch.setenv("VALUE_SPECTRUM_CONFIG_DIR", str(folder))
    return folder
