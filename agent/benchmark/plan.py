"""The plan of a benchmark: what is asked of which models, and which comparisons were declared before the first call.

A plan is a TOML file, or the same fields as options of the command. Its hash is stored in the corpus before the first
call; a comparison that it does not declare is *exploratory* wherever it is shown.

    manifest = "data/value-set.json"
    parallel = "data/value-set-b.json"      # form B, for parallel-form reliability
    wordings = ["all"]                      # every wording, both answer orders
    pairs = 4                               # forced choice: picture pairs for each pair of values, both orders
    modality = ["image", "caption"]
    captioner = "gpt-4o"

    [[model]]
    name = "gpt-4o"
    at_once = 16
    per_minute = 500

    [[model]]
    name = "claude-sonnet-4"
    base_url = "https://api.anthropic.com/v1"
    key = "ANTHROPIC_API_KEY"               # environment variable
    price = "3:15"

    [family]
    values = [["hedonism", "power"]]        # or "all", or "none"
    models = "all"
"""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from agent.benchmark.questions import BESIDE, CHOICE, LIKE_TEXT, PAPER_WORDING, Wording, wordings
from agent.benchmark.records import Modality
from agent.complaint import complaint
from retrieval.asking import OPENAI_KEY
from retrieval.valueset import ValueSet
from storage.errors import UsageError

SCRIPTED = "scripted:"
Pairs = Literal["all", "none"] | tuple[tuple[str, str], ...]


class _Fields(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelPlan(_Fields):
    """One model under test and how its endpoint may be asked."""

    name: str = Field(min_length=1)
    base_url: str | None = None
    """Any OpenAI-compatible endpoint; None is OpenAI's own."""
    key: str | None = None
    """Environment variable that holds the key; `OPENAI_API_KEY` for OpenAI's own address, none for any other."""
    at_once: int = Field(default=8, ge=1, le=512)
    per_minute: float | None = Field(default=None, gt=0)
    price: str | None = None
    """IN:OUT, US dollars per million tokens."""
    pictures: bool = True
    """False: takes text only, and is asked about descriptions alone."""

    @property
    def scripted(self) -> bool:
        return self.name.startswith(SCRIPTED) and self.base_url is None

    @property
    def key_name(self) -> str | None:
        return self.key or (OPENAI_KEY if self.base_url is None and not self.scripted else None)

    @property
    def host(self) -> str:
        """As answers name it."""
        if self.scripted:
            return "127.0.0.1"
        return "api.openai.com" if self.base_url is None else urlsplit(self.base_url).hostname or ""


class Family(_Fields):
    """The comparisons that count as declared; p-values are corrected within them (Holm)."""

    values: Pairs = "all"
    """Pairs of value ids."""
    models: Pairs = "all"
    """Pairs of model names."""
    modality: bool = True
    """Each model's picture answers against its answers to descriptions."""
    control: bool = True
    """Each value against the control set."""


class Plan(_Fields):
    """Everything that decides which answers there will be and how they are compared."""

    manifest: Path
    parallel: Path | None = None
    model: tuple[ModelPlan, ...] = Field(min_length=1)
    epochs: int = Field(default=1, ge=1, le=1000)
    temperature: float | None = Field(default=0.0, ge=0, le=2)
    seed: int = 1
    """Of all draws, and sent to endpoints that know a seed (plus the epoch)."""
    wordings: tuple[str, ...] = (PAPER_WORDING,)
    beside: tuple[Literal["why", "describe"], ...] = ("why", "describe")
    """The paper's second and third question, once a picture."""
    modality: tuple[Modality, ...] = (Modality.IMAGE,)
    captioner: str | None = None
    picture: tuple[Literal["screen", "frame"], ...] = ("screen",)
    size: int = Field(default=768, ge=64, le=4096)
    """Longest side of a picture as sent, in pixels; smaller ones are not enlarged."""
    quality: int = Field(default=90, ge=1, le=100)
    """Of the JPEG as sent."""
    control: int = Field(default=100, ge=0)
    """Pictures of the control set."""
    pairs: int = Field(default=0, ge=0)
    """Forced choice: pairs of pictures for each pair of values."""
    family: Family = Family()

    @field_validator("wordings")
    @classmethod
    def _known_wordings(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        try:
            return tuple(wording.name for wording in wordings(names))
        except UsageError as error:
            raise ValueError(str(error)) from None

    @field_validator("wordings", "modality", "picture")
    @classmethod
    def _at_least_one(cls, given: tuple[Any, ...]) -> tuple[Any, ...]:
        if not given:
            raise ValueError("give at least one")
        return tuple(dict.fromkeys(given))

    @model_validator(mode="after")
    def _fits(self) -> Self:
        names = [model.name for model in self.model]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"model {min(twice)} stands twice")
        if Modality.CAPTION in self.modality:
            if self.captioner is None:
                raise ValueError(
                    "captioner is missing: name the model that describes the pictures for modality caption"
                )
            if self.captioner not in names:
                raise ValueError(f"captioner {self.captioner} is none of the models; list it as one")
        elif self.captioner is not None:
            raise ValueError("captioner is given and modality caption is not")
        takers = [model.name for model in self.model if model.pictures]
        if not takers or (self.captioner is not None and self.captioner not in takers):
            raise ValueError(f"{self.captioner or names[0]} takes no pictures and would be asked about some")
        blind = [model.name for model in self.model if not model.pictures]
        if blind and Modality.CAPTION not in self.modality:
            raise ValueError(f"{blind[0]} takes no pictures and would be asked about nothing without modality caption")
        for pair in self.family.models if isinstance(self.family.models, tuple) else ():
            if unknown := set(pair) - set(names):
                raise ValueError(f"family: {min(unknown)} is none of the models")
        return self

    @property
    def asked_wordings(self) -> list[Wording]:
        return wordings(self.wordings)

    def check_values(self, values: tuple[str, ...]) -> None:
        """That the declared family names values of the set.

        Raises:
            UsageError: it does not.
        """
        for pair in self.family.values if isinstance(self.family.values, tuple) else ():
            if unknown := set(pair) - set(values):
                raise UsageError(f"the plan's family names {min(unknown)}, which is no value of {self.manifest}")

    def analysis(self, value_set: ValueSet, parallel: ValueSet | None) -> dict[str, Any]:
        """What the hash is of: no path, price or speed, but the sets' ids and every question's wording."""
        fields = self.model_dump(mode="json", exclude={"manifest", "parallel", "model"})
        asked = [*(one.question for one in self.asked_wordings), *(BESIDE[name] for name in self.beside)]
        asked += [CHOICE] if self.pairs else []
        asked += [LIKE_TEXT.question, BESIDE["describe"]] if self.captioner else []
        return {
            **fields,
            "value_set": value_set.id,
            "parallel_set": None if parallel is None else parallel.id,
            "models": [{"name": one.name, "host": one.host, "pictures": one.pictures} for one in self.model],
            "questions": {question.id: question.fingerprint for question in asked},
        }


def plan_hash(analysis: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of an analysis plan."""
    return hashlib.sha256(json.dumps(analysis, sort_keys=True).encode()).hexdigest()


def read_plan_file(path: Path) -> dict[str, Any]:
    """The fields of a plan file; paths in it are relative to the file.

    Raises:
        UsageError: it cannot be read or is no TOML.
    """
    try:
        fields = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}); give the path of a plan file") from error
    except ValueError as error:
        raise UsageError(f"{path} is no TOML ({error}); see python -m agent.benchmark --help for a plan") from error
    for name in ("manifest", "parallel"):
        if isinstance(fields.get(name), str):
            fields[name] = str(path.parent / fields[name])
    return fields


def make_plan(fields: Mapping[str, Any], where: str) -> Plan:
    """A plan from a file's fields and options.

    Raises:
        UsageError: a field is unknown, missing or out of range; `where` says where it stood.
    """
    try:
        return Plan.model_validate(fields)
    except ValidationError as error:
        raise UsageError(f"{where}: {complaint(error)}") from None
