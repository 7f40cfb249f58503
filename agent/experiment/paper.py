"""The paper's persona results, which stand beside an experiment's."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, kw_only=True)
class PublishedBars:
    """One model under one strategy."""

    strategy: str
    """simple or isq."""
    model: str
    changes: Mapping[str, float]
    """I_avg in percent, by platform."""


@dataclass(frozen=True, kw_only=True)
class PublishedChanges:
    """All bars of the figure, with where they were read."""

    citation: str
    source: str
    unit: str
    notes: tuple[str, ...]
    bars: tuple[PublishedBars, ...]


@cache
def published() -> PublishedChanges:
    """The bars that are shipped in `paper.toml`."""
    read = tomllib.loads(files("agent.experiment").joinpath("paper.toml").read_text(encoding="utf-8"))
    return PublishedChanges(
        **{**read, "notes": tuple(read["notes"]), "bars": tuple(PublishedBars(**one) for one in read["bars"])}
    )
