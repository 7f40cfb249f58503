"""Ctrl-C and SIGTERM: finish what is at hand, or stop at once."""

import asyncio
import signal

from rich.console import Console

from agent.clock import Stop


def listen_to_signals(stop: Stop, console: Console) -> None:
    """Once: finish the short and stop. Twice: stop now, as if killed; what is committed is safe either way.

    Called within the task that is the command's work.
    """
    loop = asyncio.get_running_loop()
    work = asyncio.current_task()
    assert work is not None

    def on_signal() -> None:
        if stop.requested:
            work.cancel()
            return
        stop.request()
        console.print("stopping after this short; once more stops at once", style="yellow")

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)
