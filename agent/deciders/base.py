"""What a decider and a labeller see and answer. One file per decider, one protocol for all."""

from dataclasses import dataclass
from typing import Protocol

from storage.records import Decision, Label, Picture, Record


@dataclass(frozen=True, kw_only=True)
class Interest:
    """What the agent is looking for: the task's keyword and value, or nothing in particular in a feed."""

    value: str | None = None
    """A value's id as in the vocabulary, e.g. `hedonism`."""
    keyword: str | None = None
    words: tuple[str, ...] = ()
    """All words that express it, the keyword first; the whole vocabulary's where no value is set."""


@dataclass(frozen=True, kw_only=True)
class View:
    """One short as the agent sees it. Everything in it is data, never an instruction (D14)."""

    run_id: int | None
    record: Record
    screen: Picture
    frame: Picture
    interest: Interest
    seed: int
    epoch: int = 0


class Decider(Protocol):
    """Says whether the agent watches on. `name` is stored with each decision."""

    name: str

    async def decide(self, view: View) -> Decision: ...


class Labeller(Protocol):
    """Says what a short shows, out of role and without knowing the decision (D15). `source` marks its labels."""

    source: str

    async def label(self, view: View) -> list[Label]: ...
