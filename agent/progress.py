"""What a person sees while a crawl runs: a live table on a terminal, one line every ten seconds elsewhere.

Everything goes to standard error: standard output belongs to the result.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from agent.clock import Clock
from retrieval.steps import LINE_EVERY, span


@dataclass
class Counts:
    """One platform's counts in this command. `new` are shorts whose picture is no duplicate."""

    platform: str
    limit: int
    already: int = 0
    """New shorts that an earlier, unfinished run of the same plan brought."""
    seen: int = 0
    new: int = 0
    duplicate: int = 0
    watched: int = 0
    scrolled: int = 0
    skipped: int = 0
    failed: int = 0
    blocked: int = 0
    cost: float | None = None
    doing: str = "starting"
    forecast: bool = True
    """Say how long it will take, by the pace since the start; False where something that knows more says it."""

    def line(self, seconds: float) -> str:
        """One line for a log or a pipe."""
        cost = "" if self.cost is None else f" cost ${self.cost:.2f}"
        return (
            f"{self.platform}: {self.new + self.already}/{self.limit} new, {self.seen} seen, "
            f"{self.duplicate} duplicate, {self.watched} watched, {self.scrolled} scrolled, {self.skipped} skipped, "
            f"{self.failed} failed, {self.blocked} blocked{cost}, {self.rate(seconds):.1f} new/min"
            f"{self._remaining(seconds)} | {self.doing}"
        )

    def rate(self, seconds: float) -> float:
        """New shorts a minute of real time."""
        return 60 * self.new / seconds if seconds > 0 else 0.0

    def _remaining(self, seconds: float) -> str:
        if self.new < 5 or not self.forecast:
            return ""
        left = max(0, self.limit - self.already - self.new) * seconds / self.new
        return f", about {span(left)} left"


class Lined(Protocol):
    """Counts that can say themselves in one line."""

    def line(self, seconds: float) -> str:
        """Seconds are those since the display began."""
        ...


C = TypeVar("C", bound=Lined)


@dataclass
class Display(ABC, Generic[C]):
    """Shows counts until it is closed: a live table, or lines. Changing the counts is enough; nobody has to call."""

    clock: Clock
    console: Console
    counts: list[C] = field(default_factory=list)

    @abstractmethod
    def _table(self) -> Group:
        """What a terminal shows now."""

    async def __aenter__(self) -> Self:
        self._began = self.clock.steady()
        self._live = (
            Live(get_renderable=self._table, console=self.console, refresh_per_second=4, transient=True)
            if self.console.is_terminal
            else None
        )
        if self._live:
            self._live.start()
        self._lines = None if self._live else asyncio.create_task(self._print_lines())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()
        if self._lines:
            self._lines.cancel()
            await asyncio.gather(self._lines, return_exceptions=True)

    @property
    def seconds(self) -> float:
        """Real seconds since the display began."""
        return self.clock.steady() - self._began

    def say(self, message: str) -> None:
        """A sentence that stays on the screen (a wall, a pause, a stop)."""
        self.console.print(message, markup=False, highlight=False, soft_wrap=True)

    async def _print_lines(self) -> None:
        said: list[str] = []
        while True:
            await self.clock.sleep(LINE_EVERY)
            for counts in self.counts:
                self.say(counts.line(self.seconds))
            more = self._more_lines()
            for line in more if more != said else []:
                self.say(line)
            said = more

    def _more_lines(self) -> list[str]:
        """What else is to be said now, after the counts."""
        return []


@dataclass
class Progress(Display[Counts]):
    """The counts of all platforms of a crawl, and how the plan that it is a part of stands."""

    standing: Callable[[], list[str]] | None = None

    def _more_lines(self) -> list[str]:
        return self.standing() if self.standing else []

    def _table(self) -> Group:
        table = Table(box=None, pad_edge=False, header_style="dim")
        table.add_column("platform")
        table.add_column("new", justify="right")
        table.add_column("", width=24)
        for name in ("seen", "duplicate", "watched", "scrolled", "skipped", "failed", "blocked", "cost", "new/min"):
            table.add_column(name, justify="right")
        for counts in self.counts:
            done = counts.new + counts.already
            table.add_row(
                counts.platform,
                f"{done}/{counts.limit}",
                ProgressBar(total=counts.limit, completed=done, width=24),
                str(counts.seen),
                str(counts.duplicate),
                str(counts.watched),
                str(counts.scrolled),
                str(counts.skipped),
                str(counts.failed),
                str(counts.blocked),
                "-" if counts.cost is None else f"${counts.cost:.2f}",
                f"{counts.rate(self.seconds):.1f}",
            )
        doing = [Text(f"{counts.platform}: {counts.doing}", style="dim", no_wrap=True) for counts in self.counts]
        plan = [Text(line, no_wrap=True) for line in self._more_lines()]
        return Group(table, *doing, *plan, Text("Ctrl-C: finish this short and stop", style="dim"))
