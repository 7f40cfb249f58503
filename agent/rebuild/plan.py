"""The plan of a dataset: how many shorts, of which platforms, values and keywords, collected how.

name = "my-dataset"
target = 1000
seed = 1

[share]                         # per cent of the target; must add up to 100
youtube = 60
tiktok = 40

[crawl]                         # any setting of agent.collect, by its name there
published = "year"              # or since = 2024-01-01, until = 2024-07-01
labeller = "similarity"

[platform.tiktok]               # what is different on one platform
profile = "lab"
views_per_hour = 200            # slower than the platform's own pace, never faster

[study]                         # goes onto the dataset card
title = "..."
"""

import hashlib
import json
import tomllib
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from agent.complaint import complaint
from agent.plan import TaskSpec
from agent.platforms import platform_class
from agent.session import Share
from agent.settings import CrawlSettings, load_settings
from retrieval.vocabulary import MAIN_FORM, Value, Vocabulary, load_vocabulary
from storage.chance import draw, shuffled
from storage.errors import UsageError
from storage.quotas import PLAN
from storage.study import study_of

RESERVE_FORM = "B"
"""Form of the keywords that replace dry ones of their value."""
OF_THE_PLAN = frozenset(
    {"platform", "mode", "value", "keyword", "interest", "limit", "seed", "corpus", "retry_failed", "cause", "log_file"}
)
"""Settings of a crawl that a plan says otherwise, or not at all."""
SECRETS = frozenset({"api_key"})
OF_A_PLATFORM = (
    "profile", "published", "since", "until", "engage", "min_delay", "views_per_hour", "fault", "media",
)  # fmt: skip
"""Settings that may differ between the platforms of a plan."""


class Plan(BaseModel):
    """A dataset to be built."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1)
    about: str | None = None
    target: int = Field(ge=1)
    """New shorts whose picture is no duplicate."""
    seed: int = 1
    share: dict[str, float]
    """Per cent of the target, by platform."""
    values: tuple[str, ...] = ()
    """Empty: all of the vocabulary."""
    keywords: tuple[str, ...] = ()
    """Empty: all of form A. Those of form B are the reserve of their value."""
    vocabulary: Path | None = None
    crawl: dict[str, Any] = Field(default_factory=dict)
    platform: dict[str, dict[str, Any]] = Field(default_factory=dict)
    study: dict[str, Any] = Field(default_factory=dict)

    @field_validator("share")
    @classmethod
    def _adds_up(cls, shares: dict[str, float]) -> dict[str, float]:
        for name, share in shares.items():
            if share <= 0:
                raise ValueError(f"{name} has {share:g} %; give it a share above 0, or leave it out")
        if abs(sum(shares.values()) - 100) > 1e-6:
            raise ValueError(f"the shares add up to {sum(shares.values()):g} %, not to 100 %; correct them")
        return shares

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for name in self.share:
            try:
                platform_class(name)
            except UsageError as error:
                raise ValueError(f"share: {str(error).removeprefix('--')}") from None
        for name in sorted(OF_THE_PLAN & set(self.crawl)):
            raise ValueError(f"crawl.{name} cannot be set: a plan says it outside of [crawl], or not at all")
        for name in sorted(SECRETS & set(self.crawl)):
            raise ValueError(f"crawl.{name} does not belong into a plan, which is published; use the environment")
        for name, settings in self.platform.items():
            if name not in self.share:
                raise ValueError(f"platform.{name} has no share; give it one, or take the table out")
            for setting in settings:
                if setting not in OF_A_PLATFORM:
                    raise ValueError(
                        f"platform.{name}.{setting} cannot differ between platforms; those that can are "
                        f"{', '.join(OF_A_PLATFORM)}"
                    )
        if self.target < len(self.share):
            raise ValueError(f"target: {self.target} shorts leave a platform without one")
        study_of(self.study, "study")
        return self

    @property
    def targets(self) -> dict[str, int]:
        """New shorts by platform; they add up to the target."""
        names = list(self.share)
        dealt = largest_remainders(self.target, [self.share[name] for name in names])
        return dict(zip(names, dealt, strict=True))

    def words(self) -> Vocabulary:
        """The vocabulary that it is about.

        Raises:
            UsageError: see `retrieval.vocabulary.load_vocabulary`.
        """
        return load_vocabulary(self.vocabulary)

    def settings(self, platform: str | None = None, **given: Any) -> CrawlSettings:
        """The settings of the whole command, or of one platform; `given` on the command line comes first.

        Raises:
            UsageError: one is unknown or out of range.
        """
        own = self.platform.get(platform, {}) if platform else {}
        said = {**self.crawl, **own, **{name: value for name, value in given.items() if value not in (None, (), [])}}
        unknown = sorted(set(said) - set(CrawlSettings.model_fields))
        if unknown:
            raise UsageError(f"crawl.{unknown[0]} is no setting of agent.collect; correct it")
        return load_settings(
            **said,
            platform=(platform,) if platform else tuple(self.share),
            mode="search",
            seed=self.seed,
            limit=self.target,
            vocabulary=self.vocabulary,
            study=study_of(self.study, "study") if self.study else None,
        )

    def tasks(self, platform: str, vocabulary: Vocabulary) -> list[TaskSpec]:
        """A platform's tasks: its target dealt evenly over values, then over each value's keywords, in seeded order.

        Keywords of form B follow with a quota of 0: they take over what a dry keyword of their value leaves.

        Raises:
            UsageError: an unknown value or keyword.
        """
        asked = _asked(self, vocabulary)
        quotas = self._value_quotas(platform, len(asked))
        columns = []
        for (value, words), quota in zip(asked, quotas, strict=True):
            order = sorted(words, key=lambda word: draw(self.seed, f"keywords {platform}", f"{value.id} {word}"))
            columns.append(
                [
                    TaskSpec(value=value.id, keyword=word, quota=part)
                    for word, part in zip(order, _evenly(quota, len(order)), strict=True)
                ]
            )
        columns = shuffled(columns, self.seed, "columns")
        main = [column[row] for row in range(max(map(len, columns))) for column in columns if row < len(column)]
        return [*main, *self._reserve(asked)]

    def _value_quotas(self, platform: str, values: int) -> list[int]:
        """Each value's part of a platform; the remainders go round, so that the values are even over all platforms."""
        targets = self.targets
        names = list(targets)
        first = sum(targets[name] for name in names[: names.index(platform)]) % values
        order = shuffled(range(values), self.seed, "values")
        quotas = [0] * values
        for turn, quota in enumerate(_evenly(targets[platform], values)):
            quotas[order[(first + turn) % values]] = quota
        return quotas

    def _reserve(self, asked: Sequence[tuple[Value, Sequence[str]]]) -> list[TaskSpec]:
        words = [
            (value.id, keyword.word)
            for value, chosen in asked
            for keyword in value.keywords(RESERVE_FORM)
            if keyword.word not in chosen
        ]
        return [TaskSpec(value=value, keyword=word, quota=0) for value, word in shuffled(words, self.seed, "reserve")]

    def shares(self, vocabulary: Vocabulary, questions: list[str], **given: Any) -> dict[str, Share]:
        """What each platform has to do."""
        about = {PLAN: self.recorded()}
        found = {}
        for platform in self.share:
            settings = self.settings(platform, **given)
            identity = {
                "rebuild": self.identity(),
                "settings": {**settings.identity(), "platform": platform},
                "platform": platform,
                "vocabulary": vocabulary.sha256,
                "questions": questions,
            }
            found[platform] = Share(
                settings=settings,
                tasks=self.tasks(platform, vocabulary),
                identity=_sha256(identity),
                about=about,
            )
        return found

    def identity(self) -> dict[str, Any]:
        """What makes it another plan when it is changed: not its name, its study block or its settings, which are
        compared as the crawl has them."""
        return self.model_dump(mode="json", include={"target", "seed", "share", "values", "keywords"})

    def recorded(self) -> dict[str, Any]:
        """As it is stored with its runs."""
        plain = self.model_dump(mode="json", exclude={"study", "crawl", "platform"}, exclude_defaults=True)
        return {**plain, "targets": self.targets, "hash": _sha256({**self.identity(), "name": self.name})}


def _asked(plan: Plan, vocabulary: Vocabulary) -> list[tuple[Value, list[str]]]:
    """The values of a plan, each with the keywords that are to be collected."""
    values = [vocabulary.value(name) for name in plan.values] or list(vocabulary.values)
    if not plan.keywords:
        return [(value, [keyword.word for keyword in value.keywords(MAIN_FORM)]) for value in values]
    chosen = [vocabulary.keyword(word) for word in plan.keywords]
    for keyword in chosen:
        if keyword.value not in {value.id for value in values}:
            raise UsageError(
                f"the keyword {keyword.word} belongs to the value {keyword.value}, which is none "
                "of its values; take one of the two out"
            )
    found = [(value, [one.word for one in chosen if one.value == value.id]) for value in values]
    return [(value, words) for value, words in found if words]


def _evenly(number: int, parts: int) -> list[int]:
    share, rest = divmod(number, parts)
    return [share + (place < rest) for place in range(parts)]


def largest_remainders(total: int, shares: Sequence[float]) -> list[int]:
    """Whole numbers in these proportions that add up to `total` (Hare's method); ties go to the first."""
    exact = [total * share / sum(shares) for share in shares]
    dealt = [int(part) for part in exact]
    order = sorted(range(len(exact)), key=lambda place: (dealt[place] - exact[place], place))
    for place in order[: total - sum(dealt)]:
        dealt[place] += 1
    return dealt


def shipped() -> dict[str, Path]:
    """The plans of `agent/plans/` by name."""
    folder = Path(str(resources.files("agent") / "plans"))
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def read_plan(path: Path) -> Plan:
    """A plan from its file.

    Raises:
        UsageError: it cannot be read, is no TOML, or a field is wrong; names the file and the field.
    """
    try:
        fields: Mapping[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}); give a plan, or one of {_names()}") from error
    except ValueError as error:
        raise UsageError(f"{path} is no TOML ({error}); correct it") from error
    if isinstance(fields.get("vocabulary"), str):
        fields = {**fields, "vocabulary": str(path.parent / fields["vocabulary"])}
    try:
        plan = Plan.model_validate(fields)
        words = plan.words()
        for platform in plan.share:
            plan.settings(platform)
            plan.tasks(platform, words)
    except ValidationError as error:
        raise UsageError(f"{path}: {complaint(error)}") from None
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None
    return plan


def _names() -> str:
    return ", ".join(shipped())


def _sha256(said: Any) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
