"""Evidence (D9): what a page looked like when a wall, a changed layout or unreadable data was met.

One folder each, once per kind and hour: the page, its picture, the last answers and the end of the log. Scrubbed of
what belongs to the visitor: cookies, tokens, network addresses. It still shows other people's posts: it stays on the
machine, and `agent.inspect` reads it.
"""

import json
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from playwright.async_api import Error, Page

from agent.clock import Clock
from agent.logs import ADDRESS, HIDDEN
from agent.platforms.base import Received

log = structlog.get_logger()

EVERY = timedelta(hours=1)
LOG_LINES = 200
TIMEOUT = 8_000
STAMP = "%Y%m%dT%H%M%SZ"
SHORTEST_SECRET = 8
"""A cookie's value below this length is no secret, and striking it out would hit other text."""

_SECRETS = (
    r"remote_?host|visitor_?data|visitor_?id|delegated_?session|datasync_?id|[\w-]*token[\w-]*|[\w-]*csrf[\w-]*"
    r"|[\w-]*xsrf[\w-]*|[\w-]*cookie[\w-]*|[\w-]*session_?id[\w-]*|api_?key|innertube_api_key|ip|ip_?address|client_?ip"
    r"|(?:s|h|ss|ap|sap)isid|sid|socs|ttwid|odin_?id|ms_?token|web_?id|wid|device_?id|did|install_?id|verify_?fp"
    r"|machine_?id|fb_dtsg|lsd|jazoest|ds_user_id|mid|nonce|signature|sig|lsig|x-bogus|x-gnarly|_signature|hash_?id"
    r"|user_?agent|email|phone|rollout_?token|app_?install_?data|cold_?config_?data|cold_?hash_?data|hot_?hash_?data"
)
_IN_JSON = re.compile(rf'("(?:{_SECRETS})"\s*:\s*")(?:[^"\\]|\\.)*(?=")', re.IGNORECASE)
_IN_TEXT_OF_JSON = re.compile(rf'(\\"(?:{_SECRETS})\\"\s*:\s*\\")(?:[^"\\]|\\(?!"))*', re.IGNORECASE)
_IN_ADDRESS = re.compile(rf"((?:[?&;]|\\u0026|%26|&amp;)(?:{_SECRETS})(?:=|%3D))[^&\"'\s\\<>;]+", re.IGNORECASE)
_ADDRESS_6 = re.compile(r"(?<![\w:])(?:[0-9a-f]{1,4}:){4,7}[0-9a-f]{1,4}(?![\w:])", re.IGNORECASE)
_MAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]{2,}")


def scrubbed(text: str, values: Iterable[str] = ()) -> str:
    """A page, an answer or an address without its visitor's secrets.

    Args:
        values: of the visitor's cookies; struck out wherever they stand.
    """
    for value in sorted({value for value in values if len(value) >= SHORTEST_SECRET}, key=len, reverse=True):
        text = text.replace(value, HIDDEN)
    for pattern in (_IN_JSON, _IN_TEXT_OF_JSON, _IN_ADDRESS):
        text = pattern.sub(lambda match: match[1] + HIDDEN, text)
    return _MAIL.sub(HIDDEN, ADDRESS.sub(HIDDEN, _ADDRESS_6.sub(HIDDEN, text)))


class Evidence:
    """Keeps evidence of one platform beside a corpus.

    Args:
        folder: holds one folder per piece of evidence; made when needed (0700).
        log_file: whose last lines are kept; None: none.
    """

    def __init__(self, folder: Path, platform: str, clock: Clock, log_file: Path | None = None) -> None:
        self.folder = folder
        self._platform = platform
        self._clock = clock
        self._log_file = log_file

    async def keep(
        self, kind: str, page: Page | None, answers: Sequence[Received] = (), about: dict[str, Any] | None = None
    ) -> Path | None:
        """Keep what the page is now; the folder, or None if this kind was kept within the last hour.

        A page that hangs or is gone costs its part only.
        """
        now = self._clock.now()
        if self._kept_since(kind, now - EVERY):
            return None
        target = self.folder / f"{self._platform}-{kind}-{now.strftime(STAMP)}"
        target.mkdir(mode=0o700, parents=True)
        secrets: list[str] = []
        told: dict[str, Any] = {"platform": self._platform, "kind": kind, "at": now.isoformat(), **(about or {})}
        if page is not None and not page.is_closed():
            with suppress(Error):
                secrets = [cookie.get("value", "") for cookie in await page.context.cookies()]
            told["address"] = scrubbed(page.url, secrets)
            with suppress(Error):
                await page.screenshot(path=target / "screen.jpg", type="jpeg", quality=70, timeout=TIMEOUT)
            with suppress(Error):
                (target / "page.html").write_text(scrubbed(await page.content(), secrets), encoding="utf-8")
        for place, answer in enumerate(answers):
            suffix = "json" if answer.body.lstrip()[:1] in ("{", "[") else "txt"
            (target / f"answer-{place:02}-{answer.kind}.{suffix}").write_text(
                scrubbed(answer.body, secrets), encoding="utf-8"
            )
        (target / "about.json").write_text(json.dumps(told, indent=2, ensure_ascii=False), encoding="utf-8")
        if self._log_file is not None and self._log_file.exists():
            lines = self._log_file.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES:]
            (target / "log.jsonl").write_text(scrubbed("\n".join(lines) + "\n", secrets), encoding="utf-8")
        log.info("evidence", kind=kind, folder=str(target))
        return target

    def _kept_since(self, kind: str, since: datetime) -> bool:
        for path in self.folder.glob(f"{self._platform}-{kind}-*Z"):
            with suppress(ValueError):
                kept = datetime.strptime(path.name.rpartition("-")[2], STAMP).replace(tzinfo=since.tzinfo)
                if kept > since:
                    return True
        return False
