"""The nouns of an experiment. Where they come from (a corpus, a simulation) and what is made of them are elsewhere.

An arm is one agent with one fresh profile on one feed; it sees `training` shorts and then `evaluation` shorts. The arm
is the unit of every interval and test: what one feed shows in a row is no independent sample (issue of autocorrelated
feeds; shorts taken as independent give 15-37 % false alarms).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from storage.records import Verdict


class Control(StrEnum):
    """What an arm is for. Only `NONE` is an arm of the design itself."""

    NONE = "none"
    NO_PERSONA = "no_persona"
    """Decides by itself, out of role (`plain`)."""
    TWIN = "twin"
    """Identical to the arm it is `of`, in a profile of its own (A/A): the two differ by chance alone."""
    YOKED = "yoked"
    """Repeats the watch, skip and dwell sequence of the arm it is `of`, whatever its own feed shows."""


class Phase(StrEnum):
    """The paper's first and last shorts of an arm."""

    TRAINING = "training"
    EVALUATION = "evaluation"


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One agent on one feed."""

    name: str
    """Unique within the experiment, e.g. `pastry-lover.isq.gpt-4o.sandbox-engagement.2.yoked`."""
    persona: str | None
    """As whom it decides; the persona of the arm it is `of` for a yoked one. A `plain` arm decides as itself: the
    persona is the one that its feed is compared with. None for an agent without persona."""
    strategy: str
    """plain, simple, isq."""
    model: str
    platform: str
    recommender: str | None
    """The sandbox's kind (`chronological`, `popular`, `engagement`); None on sites whose workings nobody told us."""
    replicate: int
    """From 1. The arms of one replicate advance in lockstep and make a block."""
    control: Control = Control.NONE
    of: str | None = None
    """Name of the arm that a twin or a yoked one belongs to."""

    @property
    def condition(self) -> tuple[str | None, str, str, str, str | None, Control]:
        """What replicates of an arm have in common."""
        return (self.persona, self.strategy, self.model, self.platform, self.recommender, self.control)


@dataclass(frozen=True, kw_only=True)
class Showing:
    """One short that an arm's feed showed and the agent decided on."""

    position: int
    """Order within the arm, from 0, ads and failures left out."""
    phase: Phase
    platform_id: str
    decision: Verdict
    """The arm's own; for a yoked arm the one it repeats."""
    planned_dwell: float
    """Seconds beyond the decision window."""
    values: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Ids of the values that the short expresses, by label source; a source that said nothing of it is absent."""
    topics: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Likewise its topics."""
    judged: Mapping[str | None, Verdict] = field(default_factory=dict)
    """What the judge, who is not the decider and does not know the arm, says: by persona, None once without."""


@dataclass(frozen=True, kw_only=True)
class ArmRecord:
    """An arm and what it saw. `state` is done, dry (the feed ended), blocked, failed or unfinished."""

    arm: Arm
    showings: tuple[Showing, ...]
    state: str = "done"
    cause: str | None = None


@dataclass(frozen=True, kw_only=True)
class Role:
    """What is known of a persona's values."""

    name: str
    written: tuple[str, ...]
    """The values it was written for, the main one first; empty where nobody said."""
    centred: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """By model: its questionnaire profile, centred per respondent; above 0 matters more than the rest."""


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """Everything that an analysis is made from."""

    name: str
    seed: int
    training: int
    evaluation: int
    judge: str | None
    """The judge's model; None where nothing was judged."""
    arms: tuple[ArmRecord, ...]
    roles: Mapping[str, Role] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)
    """What a report says of its making: plan hash, code version, corpus id, thresholds, recommender states."""
