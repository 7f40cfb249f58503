"""A small server in a thread of this process, for scripted models."""

import threading
import time
from collections.abc import Sequence
from types import TracebackType

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route

from storage.errors import NotSetUp

START_TIMEOUT = 10.0


class ThreadServer:
    """`with ThreadServer(routes) as address:` serves on a port of its own; the address ends in `/v1`.

    Raises:
        NotSetUp: the server did not start.
    """

    def __init__(self, routes: Sequence[Route]) -> None:
        config = uvicorn.Config(
            Starlette(routes=list(routes)), host="127.0.0.1", port=0, log_level="critical", lifespan="off",
            timeout_graceful_shutdown=1,
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, name="scripted models", daemon=True)

    def __enter__(self) -> str:
        self._thread.start()
        deadline = time.monotonic() + START_TIMEOUT
        while not self._server.started:
            if time.monotonic() > deadline or not self._thread.is_alive():
                raise NotSetUp("the server of the scripted models did not start; run the command again")
            time.sleep(0.005)
        return f"http://127.0.0.1:{self._server.servers[0].sockets[0].getsockname()[1]}/v1"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(START_TIMEOUT)
