"""Keys, cookies and addresses never reach a log."""

import json
from pathlib import Path

import pytest
import structlog

from agent import logs


@pytest.fixture
def log_file(tmp_path: Path) -> Path:
    path = tmp_path / "crawl.log.jsonl"
    logs.configure(path)
    return path


def test_every_line_is_one_json_object_with_time_and_level(log_file: Path) -> None:
    structlog.get_logger().info("short", short="abc", new=True)
    (line,) = log_file.read_text().splitlines()
    event = json.loads(line)
    assert event["event"] == "short"
    assert event["level"] == "info"
    assert event["timestamp"].endswith("Z")


def test_secrets_are_struck_out_wherever_they_stand(log_file: Path) -> None:
    log = structlog.get_logger()
    log.error("refused", api_key="sk-abcdef123456", text="key sk-abcdef123456 at https://me:hunter2@host/v1")
    log.error("seen", cookie="SID=topsecret", note="visitor 203.0.113.9, Bearer abc.def")
    try:
        raise RuntimeError("with sk-abcdef123456 in it")
    except RuntimeError as error:
        log.error("unexpected", exc_info=error)
    text = log_file.read_text()
    for secret in ("sk-abcdef123456", "hunter2", "topsecret", "203.0.113.9", "abc.def"):
        assert secret not in text, secret
