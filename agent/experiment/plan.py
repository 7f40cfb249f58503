"""The plan of an experiment: a TOML file whose hash is stored before the first short is shown.

    personas = ["pastry-lover", "my-people.toml:anna"]
    strategies = ["simple", "isq"]          # plain, simple, isq
    platforms = ["sandbox"]
    recommenders = ["engagement", "chronological"]      # of the sandbox
    replicates = 3
    training = 50                           # the paper's first 50 shorts against its last 50
    evaluation = 50

    [[model]]
    name = "gpt-4o"

    [judge]                                 # never one that decides
    name = "claude-sonnet-4"
    base_url = "https://api.anthropic.com/v1"
    key = "ANTHROPIC_API_KEY"               # environment variable

    [controls]                              # "none", "one" for each model and feed, or "each" arm
    no_persona = "one"
    twin = "one"
    yoked = "each"

    [profiles]                              # made by hand with agent.login, one for each arm of that platform
    tiktok = ["arm-1", "arm-2"]

Every persona meets every strategy, model and feed. `plain` decides out of role; of a persona it makes an arm whose feed
is compared with that persona's.
"""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from agent.benchmark.plan import ModelPlan
from agent.complaint import complaint
from agent.platforms import PLATFORMS
from agent.settings import Dwell
from storage.errors import UsageError

SANDBOX = "sandbox"
PLAIN, ISQ = "plain", "isq"
LABELLERS = ("none", "similarity")
VLM = "vlm:"
Share = Literal["none", "one", "each"]


class _Fields(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Controls(_Fields):
    """How many controls there are in each replicate: none, one for each model and feed, or one for each arm."""

    no_persona: Literal["none", "one"] = "one"
    twin: Share = "one"
    yoked: Share = "each"


class Plan(_Fields):
    """Everything that decides which arms there are and what each of them does."""

    name: str | None = Field(default=None, min_length=1)
    personas: tuple[str, ...] = ()
    """NAME of packaged ones, or FILE:NAME with the file's path relative to the plan."""
    strategies: tuple[Literal["plain", "simple", "isq"], ...] = Field(default=("simple", "isq"), min_length=1)
    isq_threshold: float | None = Field(default=None, ge=0, lt=100)
    """Percent."""
    model: tuple[ModelPlan, ...] = Field(min_length=1)
    platforms: tuple[str, ...] = Field(default=(SANDBOX,), min_length=1)
    recommenders: tuple[str, ...] | None = None
    """The sandbox's kinds; `engagement` by default."""
    replicates: int = Field(default=3, ge=1, le=100)
    training: int = Field(default=50, ge=1)
    evaluation: int = Field(default=50, ge=1)
    seed: int = 1
    controls: Controls = Controls()
    judge: ModelPlan | None = None
    labeller: str = "similarity"
    """Who says afterwards what the shorts show: none, similarity, or `vlm:MODEL` with a model of this plan."""
    profiles: dict[str, tuple[str, ...]] = {}
    """By platform: names of profiles, one for each of its arms; fresh logged-out ones where none are named."""
    decide_window: float = Field(default=6.0, ge=0, le=120)
    dwell: str = "uniform:0:15"
    max_dwell: float = Field(default=30.0, ge=0, le=600)
    sandbox_seed: int = 1
    fault: tuple[str, ...] = ()
    """The sandbox's, as in `agent.collect --fault`."""
    time_scale: float = Field(default=20.0, gt=0, le=100)
    at_once: int = Field(default=4, ge=1, le=64)
    """Arms of one platform that have a short on screen at the same moment; the others wait with theirs paused."""

    @field_validator("personas", "strategies", "platforms", "recommenders")
    @classmethod
    def _each_once(cls, given: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if given is not None and (twice := next((one for one in given if given.count(one) > 1), None)):
            raise ValueError(f"{twice} stands twice")
        return given

    @field_validator("platforms")
    @classmethod
    def _known_platforms(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := next((one for one in given if one not in PLATFORMS), None):
            raise ValueError(f"{unknown} is unknown; choose from {', '.join(PLATFORMS)}")
        return given

    @field_validator("dwell")
    @classmethod
    def _check_dwell(cls, given: str) -> str:
        return Dwell(given).text

    @model_validator(mode="after")
    def _fits(self) -> Self:
        names = [model.name for model in self.model]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"model {twice} stands twice")
        if self.judge is not None and self.judge.name in names:
            raise ValueError(f"judge: {self.judge.name} decides in this plan, so it cannot judge; name another model")
        if not self.personas and set(self.strategies) != {PLAIN}:
            raise ValueError("personas is empty; name at least one, or keep to the strategy plain")
        if self.isq_threshold is not None and ISQ not in self.strategies:
            raise ValueError("isq_threshold says nothing without the strategy isq; leave it out, or add isq")
        if self.recommenders is not None and SANDBOX not in self.platforms:
            raise ValueError("recommenders are the sandbox's, which is none of the platforms; leave them out")
        if self.fault and SANDBOX not in self.platforms:
            raise ValueError("fault is the sandbox's, which is none of the platforms; leave it out")
        if self.recommenders == ():
            raise ValueError("recommenders is empty; name at least one, or leave it out")
        if wrong := next((name for name in self.profiles if name not in self.platforms or name == SANDBOX), None):
            raise ValueError(f"profiles: {wrong} is no real site among the platforms")
        takers = [*names, *([self.judge.name] if self.judge else [])]
        if self.labeller not in LABELLERS and self.labeller.removeprefix(VLM) not in takers:
            raise ValueError(f"labeller {self.labeller} is none of none, similarity and vlm: with a model of this plan")
        if blind := next((model.name for model in self.asked if not model.pictures), None):
            raise ValueError(f"{blind} takes no pictures and would be asked about nothing else")
        return self

    @property
    def asked(self) -> tuple[ModelPlan, ...]:
        """All models: those that decide, then the judge."""
        return (*self.model, *((self.judge,) if self.judge else ()))

    @property
    def shorts(self) -> int:
        """Shorts that every arm sees and decides on."""
        return self.training + self.evaluation

    def design(self) -> dict[str, Any]:
        """What makes an experiment this one: neither who judges and labels it, nor where and how fast it runs."""
        fields = self.model_dump(
            mode="json", exclude={"name", "model", "judge", "labeller", "profiles", "time_scale", "at_once"}
        )
        return {**fields, "models": [{"name": one.name, "host": one.host} for one in self.model]}


def digest(content: Any) -> str:
    """SHA-256 (hex) of what can be said in JSON."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def read_plan(path: Path, **given: Any) -> Plan:
    """The plan of a file; options that were given (not None) go before what it says.

    Raises:
        UsageError: it cannot be read, is no TOML, or a field is unknown, missing, out of range or contradicts another.
    """
    try:
        fields = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}); give the path of a plan file") from error
    except ValueError as error:
        raise UsageError(f"{path} is no TOML ({error}); see python -m agent.experiment --help for a plan") from error
    fields |= {name: value for name, value in given.items() if value is not None}
    if isinstance(fields.get("personas"), list):
        fields["personas"] = [_beside(path, one) if isinstance(one, str) else one for one in fields["personas"]]
    return make_plan({"name": path.stem, **fields}, str(path))


def make_plan(fields: Mapping[str, Any], where: str) -> Plan:
    """A plan from its fields; `where` says where they stood.

    Raises:
        UsageError: as `read_plan`.
    """
    try:
        return Plan.model_validate(fields)
    except ValidationError as error:
        raise UsageError(f"{where}: {complaint(error)}") from None


def _beside(plan: Path, persona: str) -> str:
    place, colon, name = persona.rpartition(":")
    return f"{plan.parent / place}:{name}" if colon else persona
