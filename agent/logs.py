"""Structured logs: one JSON object a line in a file, nothing on the terminal (the progress display has that).

Keys, cookies and addresses never reach a log: values under such names are struck out here, whoever logs them.
"""

import logging
import re
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

import structlog
from structlog.tracebacks import ExceptionDictTransformer

SECRET_NAMES = re.compile(r"(api_?key|authorization|cookie|token|password|secret)$", re.IGNORECASE)
SECRET_TEXT = re.compile(r"\b(sk-[A-Za-z0-9_-]{6,}|Bearer\s+\S+)|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)")
ADDRESS = re.compile(r"\b(?!127\.)(?:\d{1,3}\.){3}\d{1,3}\b")
HIDDEN = "[hidden]"
VERSIONS = ("version", "browser_version")
"""Fields whose four numbers with dots are no address."""


def scrub(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Strike out keys, cookies and network addresses, however deep they stand in a log event."""
    return {name: _scrubbed(name, value) for name, value in event.items()}


def _scrubbed(name: str, value: Any) -> Any:
    if isinstance(value, str):
        if SECRET_NAMES.search(name):
            return HIDDEN
        return value if name in VERSIONS else ADDRESS.sub(HIDDEN, SECRET_TEXT.sub(HIDDEN, value))
    if isinstance(value, Mapping):
        return {key: _scrubbed(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_scrubbed(name, item) for item in value]
    return value


def configure(log_file: Path | None) -> None:
    """Send all events as JSON lines to `log_file` (appended), or nowhere."""
    if log_file is None:
        structlog.configure(
            processors=[structlog.processors.JSONRenderer()],
            wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL),
            cache_logger_on_first_use=False,
        )
        return
    log_file.parent.mkdir(parents=True, exist_ok=True)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            scrub,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=log_file.open("a", encoding="utf-8", buffering=1)),
        cache_logger_on_first_use=False,
    )
