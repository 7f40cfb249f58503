"""Progress of work whose length is known. Everything goes to standard error: standard output belongs to the result."""

from collections.abc import Callable
from typing import Self

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress

LINE_EVERY = 10.0
"""Seconds between two lines where there is no terminal."""


def span(seconds: float) -> str:
    """`90` -> `1 min 30 s`; hours without seconds."""
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 60} min {whole % 60} s" if whole >= 60 else f"{whole} s"


class Steps:
    """A bar on a terminal, one line every ten seconds elsewhere.

    Args:
        steady: a clock that only goes forward, in seconds.
    """

    def __init__(self, steady: Callable[[], float], console: Console, what: str, total: int) -> None:
        self._steady = steady
        self._console = console
        self._what = what
        self._total = total
        self._done = 0
        self._bar: Progress | None = None

    def __enter__(self) -> Self:
        self._began = self._said = self._steady()
        if self._console.is_terminal:
            self._bar = Progress(*Progress.get_default_columns(), MofNCompleteColumn(), console=self._console)
            self._bar.start()
            self._task = self._bar.add_task(self._what, total=self._total)
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar:
            self._bar.stop()

    def step(self, number: int = 1) -> None:
        """So many more are done."""
        self.reach(self._done + number, self._total)

    def reach(self, done: int, total: int) -> None:
        """So many are done, of as many as it now turns out to be."""
        self._done, self._total = done, total
        now = self._steady()
        if self._bar:
            self._bar.update(self._task, completed=done, total=total)
        elif now - self._said >= LINE_EVERY:
            self._said = now
            left = (self._total - self._done) * (now - self._began) / self._done
            self._console.print(
                f"{self._what}: {self._done}/{self._total}, about {span(left)} left", highlight=False, soft_wrap=True
            )
