"""Telling somebody: a command of the user's own, without a shell, the facts as JSON on its standard input.

At most once per kind and so many seconds, over restarts too; what is held back comes with the next one. Whatever the
command does, no crawl stops for it.
"""

import asyncio
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import structlog

from agent.clock import Clock
from agent.logs import SECRET_NAMES
from storage.fires import Fires

log = structlog.get_logger()

TIME_LIMIT = 60.0
"""Real seconds that the command may take."""
PREFIX = "VALUE_SPECTRUM_NOTIFY_"


class Notifier:
    """Gathers facts by kind and runs the command for each kind that is due. Does nothing without a command."""

    def __init__(self, command: list[str], *, every: float, fires: Fires, clock: Clock, corpus: str) -> None:
        self._command = command
        self._every = every
        self._fires = fires
        self._clock = clock
        self._corpus = corpus
        self._last = fires.last_notified()
        self._held: dict[str, list[dict[str, Any]]] = {}
        self._running: set[asyncio.Task[None]] = set()

    def tell(self, kind: str, **facts: Any) -> None:
        """Something that somebody should know; `message` among the facts is one sentence."""
        log.warning("notify", kind=kind, **facts)
        if self._command:
            self._held.setdefault(kind, []).append(facts)

    def send_due(self) -> None:
        """Run the command for every kind that has waited long enough."""
        now = self._clock.now()
        for kind in list(self._held):
            last = self._last.get(kind)
            if last is not None and (now - last).total_seconds() < self._every:
                continue
            self._last[kind] = now
            self._fires.notified(kind)
            said = {"kind": kind, "at": now.isoformat(), "corpus": self._corpus, "facts": self._held.pop(kind)}
            task = asyncio.create_task(self._run(kind, said))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def close(self) -> None:
        """Wait for commands under way."""
        self.send_due()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _run(self, kind: str, said: Mapping[str, Any]) -> None:
        message = "; ".join(str(facts.get("message", kind)) for facts in said["facts"])
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                env=_without_secrets(os.environ)
                | {PREFIX + "KIND": kind, PREFIX + "MESSAGE": message, PREFIX + "CORPUS": str(said["corpus"])},
                start_new_session=True,  # a Ctrl-C is the schedule's, not the command's
            )
        except (OSError, ValueError) as error:
            log.warning("notify_failed", command=self._command[0], error=str(error))
            return
        try:
            async with asyncio.timeout(TIME_LIMIT):
                await process.communicate(json.dumps(said).encode())
        except (TimeoutError, asyncio.CancelledError, OSError) as error:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            log.warning("notify_failed", command=self._command[0], error=type(error).__name__)
            if isinstance(error, asyncio.CancelledError):
                raise
        else:
            log.info("notified", kind=kind, exit_code=process.returncode)


def _without_secrets(variables: Mapping[str, str]) -> dict[str, str]:
    return {name: said for name, said in variables.items() if not SECRET_NAMES.search(name)}
