"""What the parts of the benchmark hand to each other: slots of a value set, and answers about them.

    value set (retrieval) ──> questions ──> answers (corpus) ──> scores, comparisons ──> report

Nothing here knows SQL, a browser or a model.
"""

from dataclasses import dataclass
from enum import StrEnum

from storage.records import Verdict


class Modality(StrEnum):
    """What the model under test was shown: the picture, or another model's description of it (paper, section 5)."""

    IMAGE = "image"
    CAPTION = "caption"


@dataclass(frozen=True, kw_only=True)
class Slot:
    """One picture of the value set under one keyword of one value. The same picture may stand in several slots."""

    value: str
    """Value id, e.g. `hedonism`; empty for the control set."""
    keyword: str
    rank: int
    """1 is the best of its keyword."""
    picture: str
    """SHA-256 of the picture's bytes in the corpus."""
    platform: str
    month: str | None = None
    """Of publication, `2026-03`; None where the site did not say."""
    form: str = "A"
    """Keyword form: A, B (parallel form) or control."""
    verified: bool | None = None
    """A check said that the slot shows its keyword and expresses its value; None: nobody checked."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One model's answer to the scoring question about one slot."""

    model: str
    slot: Slot
    verdict: Verdict
    wording: str
    """Version of the question, e.g. `like@1`; `+swapped` where the answer options stand in the other order."""
    epoch: int = 0
    modality: Modality = Modality.IMAGE
    captioner: str | None = None
    p_yes: float | None = None
    """From the endpoint's log-probabilities, where it gives them."""
    picture_kind: str = "screen"
    """screen or frame."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One model's answer to *which of two pictures*, in one order of presentation."""

    model: str
    first: Slot
    second: Slot
    chosen: int | None
    """1 or 2; None for refused or unreadable."""
    epoch: int = 0


@dataclass(frozen=True, kw_only=True)
class Interval:
    """An estimate with its confidence interval; all three are shares in [0, 1] unless the holder says otherwise."""

    estimate: float
    low: float
    high: float
    level: float = 0.95
