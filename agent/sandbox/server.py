"""The sandbox's server as a child process that cannot outlive its parent.

The child reads its options from the first line of standard input and serves until that pipe ends, which it does
even when the parent is killed with SIGKILL; on Linux the kernel is asked for a signal as well.
"""

import asyncio
import ctypes
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

import uvicorn

from agent.sandbox.app import Options, Site
from storage.errors import NotSetUp, UsageError

START_TIMEOUT = 30.0
"""Real seconds a server may take until it says its port."""
_PR_SET_PDEATHSIG = 1


class SandboxServer:
    """`async with SandboxServer(options) as base_url:` runs a server and ends it.

    Raises:
        UsageError: an option cannot be used.
        NotSetUp: the server did not start; the message holds the last line it said.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> str:
        self._process = process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "agent.sandbox.server",
            env={**os.environ, "PYTHONPATH": _python_path()},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the crawl, which still has a short to finish
        )
        assert process.stdin
        assert process.stdout
        process.stdin.write(json.dumps(asdict(self._options)).encode() + b"\n")
        try:
            async with asyncio.timeout(START_TIMEOUT):
                line = await process.stdout.readline()
        except TimeoutError:
            line = b""
        if not line:
            await self._end()
            assert process.stderr
            said = (await process.stderr.read()).decode(errors="replace").strip().splitlines()
            raise NotSetUp(f"the sandbox's server did not start: {said[-1] if said else 'no answer'}")
        answer = json.loads(line)
        if "error" in answer:
            await self._end()
            raise UsageError(answer["error"])
        return str(answer["address"])

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._end()

    @property
    def pid(self) -> int | None:
        """Process id of the running server."""
        return self._process.pid if self._process else None

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        assert process.stdin
        process.stdin.close()
        try:
            async with asyncio.timeout(3):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


def serve(options: Options, announce: Callable[[str], None]) -> None:
    """Serve on 127.0.0.1 until the process is told to end; `announce` gets the address. Port 0 takes a free one.

    Raises:
        UsageError: a fault or media folder that cannot be used, or a port that is taken.
    """
    site = Site(options, lambda: datetime.now(UTC))
    try:
        listening = socket.create_server(("127.0.0.1", options.port))
    except OSError as error:
        raise UsageError(f"--port {options.port} cannot be used ({error.strerror}); choose another") from None
    announce(f"http://127.0.0.1:{listening.getsockname()[1]}")
    config = uvicorn.Config(
        site.app(), log_level="warning", access_log=False, timeout_keep_alive=600, timeout_graceful_shutdown=1
    )
    uvicorn.Server(config).run(sockets=[listening])


def _python_path() -> str:
    """This project first, so that the child is found from any working directory."""
    return os.pathsep.join(filter(None, (str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH"))))


def _die_with_parent() -> None:
    if sys.platform == "linux":
        with suppress(OSError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

    def watch() -> None:
        while sys.stdin.buffer.read(4096):
            pass
        os._exit(0)  # nothing is buffered: events are written as they come

    threading.Thread(target=watch, daemon=True).start()


def main() -> None:
    """The child: options from standard input, address on standard output."""
    options = json.loads(sys.stdin.buffer.readline())
    _die_with_parent()
    try:
        serve(Options(**{**options, "faults": tuple(options["faults"])}), lambda address: _say(address=address))
    except UsageError as error:
        _say(error=str(error))


def _say(**answer: str) -> None:
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
