"""Settings of a crawl. Precedence: command line, environment (VALUE_SPECTRUM_...), value-spectrum.toml, defaults."""

import re
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, ValidationError, field_validator, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from agent.sandbox.sites import is_sandbox
from retrieval.asking import PREFIX, SETTINGS_FILE, AskingSettings
from storage.chance import draw
from storage.errors import UsageError
from storage.study import Study, read_study, study_of

SECRET_FIELDS = frozenset({"api_key"})
PLACE_FIELDS = frozenset(
    {
        "corpus",
        "log_file",
        "headless",
        "retry_failed",
        "cause",
        "max_cost",
        "reuse",
        "price",
        "time_scale",
        "recycle_after",
        "local_only",
        "base_url",
        "api_key",
        "vocabulary",
        "min_delay",
        "views_per_hour",
    }
)
"""Fields that change where or how fast a crawl runs, but not what it collects: not part of a plan's identity."""


def _study(given: Any) -> Any:
    """The block itself, as the settings file holds it, or a file that holds it."""
    if isinstance(given, dict):
        return study_of(given, SETTINGS_FILE)
    return read_study(Path(given)) if isinstance(given, str | Path) else given


PUBLISHED_DAYS = {"today": 1, "week": 7, "month": 31, "year": 366}


class Dwell:
    """How long a short is watched after the decision window, drawn per short (D10).

    Written as `uniform:LOW:HIGH` (the paper's agents drew 0-15 s) or `fixed:SECONDS`; seconds of platform time.
    """

    def __init__(self, text: str) -> None:
        match = re.fullmatch(r"(uniform):([\d.]+):([\d.]+)|(fixed):([\d.]+)", text.strip())
        if match is None:
            raise ValueError(f"dwell {text!r} is neither uniform:LOW:HIGH nor fixed:SECONDS")
        low, high = (match[2], match[3]) if match[1] else (match[5], match[5])
        self.text = text.strip()
        self.low, self.high = float(low), float(high)
        if self.high < self.low:
            raise ValueError(f"dwell {text!r} ends before it begins")

    @property
    def mean(self) -> float:
        return (self.low + self.high) / 2

    def of(self, seed: int, platform_id: str, cap: float) -> float:
        """Seconds for this short: a function of seed and id, at most `cap`."""
        seconds = self.low + (self.high - self.low) * draw(seed, "dwell", platform_id)
        return round(min(cap, seconds), 3)


class CrawlSettings(AskingSettings):
    """Everything a crawl can be told; of the model's endpoint as every command that asks one."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, toml_file=SETTINGS_FILE, extra="forbid", frozen=True, populate_by_name=True
    )

    platform: Annotated[tuple[str, ...], NoDecode] = ("sandbox",)
    mode: Literal["search", "feed"] = "search"
    value: Annotated[tuple[str, ...], NoDecode] = ()
    keyword: Annotated[tuple[str, ...], NoDecode] = ()
    interest: str | None = None
    published: Literal["today", "week", "month", "year"] | None = None
    since: date | None = None
    """Search: shorts published on this day (UTC) or later."""
    until: date | None = None
    """Search: shorts published before this day (UTC)."""
    profile: str = "anonymous"
    limit: int = Field(default=100, ge=1)
    corpus: str = "data/corpus.sqlite"
    vocabulary: Path | None = None

    decider: Literal["auto", "vlm", "similarity", "always", "never", "random"] = "auto"
    threshold: float | None = Field(default=None, ge=0, le=1)
    probability: float = Field(default=0.5, ge=0, le=1)
    persona: str | None = None
    """NAME of a packaged one, or FILE:NAME."""
    strategy: Literal["plain", "simple", "isq"] = "plain"
    isq_threshold: float | None = Field(default=None, ge=0, lt=100)
    """Percent; watched above it."""
    labeller: str = "auto"
    """auto (the decider's model, else similarity), similarity, vlm, vlm:MODEL, none."""

    reuse: bool = False

    at: float = Field(default=1.0, ge=0, le=30)
    decide_window: float = Field(default=6.0, ge=0, le=120)
    dwell: str = "uniform:0:15"
    max_dwell: float = Field(default=30.0, ge=0, le=600)
    engage: bool = False
    min_delay: float | None = Field(default=None, gt=0)
    """Seconds between two views; the platform's own pace where that is slower (D11)."""
    views_per_hour: int | None = Field(default=None, ge=1)
    headless: bool = True
    recycle_after: int = Field(default=250, ge=1)

    time_scale: float = Field(default=20.0, gt=0, le=100)
    media: Path | None = None
    fault: Annotated[tuple[str, ...], NoDecode] = ()
    sandbox_seed: int = 1
    recommender: Literal["chronological", "popular", "engagement"] = "engagement"
    distinct_visitors: bool = False
    """Sandbox: two who do the same see different shorts, by chance (experiments)."""

    retry_failed: bool = False
    cause: str | None = None
    log_file: Path | None = None
    study: Annotated[Study | None, NoDecode, BeforeValidator(_study)] = None
    """Kept with each run (`storage.study`); it decides nothing."""

    @field_validator("platform", "value", "keyword", "fault", mode="before")
    @classmethod
    def _split_commas(cls, given: Any) -> Any:
        """`--platform youtube,tiktok` and `--platform youtube --platform tiktok` are the same."""
        texts = [given] if isinstance(given, str) else list(given)
        return tuple(part.strip() for text in texts for part in str(text).split(",") if part.strip())

    @field_validator("dwell")
    @classmethod
    def _check_dwell(cls, given: str) -> str:
        return Dwell(given).text

    @model_validator(mode="after")
    def _check_media(self) -> Self:
        if self.media is not None and not self.media.is_dir():
            raise ValueError(f"--media {self.media} is no folder")
        return self

    @model_validator(mode="after")
    def _check_dates(self) -> Self:
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise ValueError(f"since {self.since} is not before until {self.until}")
        return self

    @model_validator(mode="after")
    def _check_recommender(self) -> Self:
        if "recommender" in self.model_fields_set:
            if not any(map(is_sandbox, self.platform)):
                raise ValueError("--recommender is for the sandbox: no other site lets anybody choose; leave it out")
            if self.media is not None:
                raise ValueError("--recommender cannot be had with --media: a folder's pictures come once each")
        return self

    def oldest(self, now: datetime) -> datetime | None:
        """The moment before which a short is too old for `published` or `since`; None without them."""
        ends = [] if self.published is None else [now - timedelta(days=PUBLISHED_DAYS[self.published])]
        ends += [] if self.since is None else [_midnight(self.since)]
        return max(ends, default=None)

    @property
    def newest(self) -> datetime | None:
        """The moment from which on a short is too new; None without `until`."""
        return None if self.until is None else _midnight(self.until)

    def recorded(self) -> dict[str, Any]:
        """The resolved settings as stored with a run: never a key, of the endpoint's address the host alone.

        The study stands beside them, among the run's conditions: another one begins another run.
        """
        recorded = self.model_dump(mode="json", exclude={*SECRET_FIELDS, "study"})
        if self.base_url:
            recorded["base_url"] = urlsplit(self.base_url).hostname
        return recorded

    def identity(self) -> dict[str, Any]:
        """The settings that decide what is collected: two commands with the same ones have the same plan."""
        return {name: value for name, value in self.recorded().items() if name not in PLACE_FIELDS}


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)


def load_settings(**given: Any) -> CrawlSettings:
    """Settings from the options that were really given (None means *not given*), environment, file, defaults.

    Raises:
        UsageError: a value is out of range or unknown; names the option and says what is wrong.
    """
    try:
        return CrawlSettings(**{name: value for name, value in given.items() if value not in (None, [], ())})
    except ValidationError as error:
        first = error.errors()[0]
        option = "--" + str(first["loc"][0]).replace("_", "-") if first["loc"] else "settings"
        message = str(first["msg"]).removeprefix("Value error, ")
        raise UsageError(f"{option}: {message} (from the command line, the environment or {SETTINGS_FILE})") from None
    except ValueError as error:  # a settings file that is no TOML
        raise UsageError(f"{SETTINGS_FILE} cannot be read: {error}; correct it or move it away") from None
