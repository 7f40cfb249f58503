"""How every command of the project ends: one sentence for a known error, its exit code, and never a traceback.

Exit codes: 0 done, 1 unexpected, 2 wrong usage, 3 blocked by the site, 4 budget spent, 5 nothing found,
130 interrupted (see `storage.errors`).
"""

import asyncio
import os
import sys
from typing import Any

import structlog
import typer
from rich.console import Console

from storage.errors import ValueSpectrumError

INTERRUPTED = 130

log = structlog.get_logger()


def app(help_text: str) -> typer.Typer:
    """A typer application with the project's conventions (no shell-completion options, plain exceptions)."""
    return typer.Typer(
        help=help_text,
        add_completion=False,
        no_args_is_help=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
    )


def run(application: typer.Typer) -> None:
    """Run a command and exit with its documented code; the details of an unexpected error go to the log only."""
    try:
        result: Any = application(standalone_mode=False)
        code = result if isinstance(result, int) else 0
    except ValueSpectrumError as error:
        code = _fail(str(error), error.exit_code)
    except (KeyboardInterrupt, asyncio.CancelledError, typer.Abort):
        code = _fail("interrupted; the same command goes on where it stopped", INTERRUPTED)
    except BrokenPipeError:
        # The reader (head, less) is gone: nothing to say and nobody to say it to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except Exception as error:
        code = _unexpected(error)
    sys.exit(code)


def _unexpected(error: Exception) -> int:
    show = getattr(error, "show", None)
    if callable(show) and hasattr(error, "exit_code"):  # click's own usage errors print themselves
        show()
        return int(error.exit_code)
    if not structlog.is_configured():  # a command without a log would print the details
        return _fail(f"unexpected {type(error).__name__}: {error}; please report it with the command", 1)
    log.error("unexpected", error=type(error).__name__, exc_info=error)
    return _fail(f"unexpected {type(error).__name__}: {error}; please report it with the log file", 1)


def _fail(message: str, code: int) -> int:
    Console(stderr=True, soft_wrap=True).print(f"error: {message}", style="red", markup=False, highlight=False)
    return code
