"""An endpoint for commands that ask a model about words or about a value set, from the same settings as a crawl's."""

import logging
import os
from collections.abc import Callable
from dataclasses import fields

import structlog
from pydantic import AliasChoices, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from retrieval.clock import SystemClock
from retrieval.endpoint import Endpoint
from retrieval.pricing import Budget, price_of
from storage.answer_record import AnswerRecord, AnswerStore, StoredAnswer
from storage.errors import UsageError

SETTINGS_FILE = "value-spectrum.toml"
PREFIX = "VALUE_SPECTRUM_"
OPENAI_KEY = "OPENAI_API_KEY"


class AskingSettings(BaseSettings):
    """What an endpoint needs to know. Precedence: command line, environment, value-spectrum.toml, defaults; names as
    in a crawl's settings, whose other fields in that file are not looked at."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, toml_file=SETTINGS_FILE, extra="ignore", frozen=True, populate_by_name=True
    )

    model: str = "gpt-4o"
    base_url: str | None = Field(
        default=None, validation_alias=AliasChoices("base_url", PREFIX + "BASE_URL", "OPENAI_BASE_URL")
    )
    api_key: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("api_key", PREFIX + "API_KEY", "OPENAI_API_KEY")
    )
    max_cost: float | None = Field(default=None, ge=0)
    price: str | None = None
    seed: int = 1
    local_only: bool = False

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Command line, environment, file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def asking_settings(**given: object) -> AskingSettings:
    """Settings from the options that were really given (None means *not given*).

    Raises:
        UsageError: a value is out of range; names the option and says what is wrong.
    """
    try:
        return AskingSettings.model_validate({name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        option = "--" + str(first["loc"][0]).replace("_", "-")
        raise UsageError(f"{option}: {first['msg']} (command line, environment or {SETTINGS_FILE})") from None
    except ValueError as error:
        raise UsageError(f"{SETTINGS_FILE} cannot be read: {error}; correct it or move it away") from None


def keys_of(settings: AskingSettings) -> Callable[[str], str | None]:
    """Where keys come from: the usual one from settings, any other from its environment variable."""

    def key_of(name: str) -> str | None:
        if name == OPENAI_KEY and settings.api_key is not None:
            return settings.api_key.get_secret_value()
        return os.environ.get(name)

    return key_of


class NoStore:
    """Keeps no answers, where there is no corpus to keep them in; every answer has id 0."""

    def find(self, key: str, run_id: int | None) -> StoredAnswer | None:
        """Nothing is known."""
        return None

    def put(self, answer: AnswerRecord, picture: bytes | None) -> StoredAnswer:
        """The answer as it came."""
        return StoredAnswer(id=0, **{field.name: getattr(answer, field.name) for field in fields(AnswerRecord)})


def silence_log() -> None:
    """No log events on the terminal: a command's output is its own."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


def endpoint_of(settings: AskingSettings, store: AnswerStore) -> Endpoint:
    """The endpoint that the settings name; nothing is sent yet.

    Raises:
        NotSetUp, EndpointRefused, UsageError: as `Endpoint` does.
    """
    return Endpoint(
        settings.base_url,
        settings.api_key.get_secret_value() if settings.api_key else None,
        settings.model,
        store=store,
        budget=Budget(settings.max_cost),
        clock=SystemClock(),
        price=price_of(settings.model, settings.price),
        seed=settings.seed,
        local_only=settings.local_only,
    )
