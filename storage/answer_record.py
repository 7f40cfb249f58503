"""One model call as it is kept (D14), and what a store of answers must do. The fields mirror the table `answers`."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol


class AnswerStatus(StrEnum):
    """How an answer came out. All three are results and final; a call without an answer is never stored."""

    OK = "ok"
    REFUSED = "refused"
    """The model or its provider declined to answer."""
    UNREADABLE = "unreadable"
    """Empty, cut off, or not what was asked for."""


@dataclass(frozen=True, kw_only=True)
class AnswerRecord:
    """One question put to a model and what came back."""

    key: str
    """SHA-256 (hex) of everything that can change the answer except the picture's bytes."""
    question: str
    """Name and version, as `watch@1`."""
    run_id: int | None
    platform: str | None
    platform_id: str | None
    epoch: int
    persona: str | None
    model: str
    """As asked for."""
    model_returned: str | None
    """As the endpoint names it in its answer."""
    endpoint: str
    """Host only."""
    parameters: dict[str, Any]
    image_sha256: str | None
    """SHA-256 (hex) of the picture exactly as sent; None for a question without a picture."""
    raw: str
    """The answer's text as it came; a refusal's text where the endpoint gives it apart."""
    parsed: dict[str, Any] | None
    """Validated against the question's schema; None unless status is ok."""
    status: AnswerStatus
    prompt_tokens: int | None
    completion_tokens: int | None
    cost: float | None
    """US dollars; None where tokens or price are not known."""
    milliseconds: int
    """Of the request that was answered, without waits and failed tries."""
    asked_at: datetime


@dataclass(frozen=True, kw_only=True)
class StoredAnswer(AnswerRecord):
    """An answer that is in the corpus."""

    id: int


class AnswerStore(Protocol):
    """Where answers are kept. Whether other runs' answers may be reused (`--reuse`) is the store's own setting."""

    def find(self, key: str, run_id: int | None) -> StoredAnswer | None:
        """The newest answer with this key, of this run or one that it continues; None if there is none."""
        ...

    def put(self, answer: AnswerRecord, picture: bytes | None) -> StoredAnswer:
        """Keep an answer and the picture as sent. Committed on return, since the answer cost money."""
        ...
