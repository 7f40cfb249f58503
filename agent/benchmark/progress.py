"""What a person sees while a benchmark runs: a table on a terminal, one line every ten seconds elsewhere.

Everything goes to standard error: standard output belongs to the result.
"""

from collections.abc import Callable
from dataclasses import dataclass

from rich.console import Group
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from agent.progress import Display
from retrieval.steps import span
from storage.answer_record import AnswerStatus, StoredAnswer

BAR = 10
"""Characters; so that a line fits into 80."""


@dataclass
class Counts:
    """One model's answers in this command."""

    model: str
    total: int = 0
    already: int = 0
    """Answered before this command."""
    answered: int = 0
    refused: int = 0
    unreadable: int = 0
    cost: float = 0.0
    priced: bool = False
    stopped: str | None = None
    """Why no more is asked."""

    def count(self, answer: StoredAnswer) -> None:
        """One more answer came."""
        self.answered += 1
        self.refused += answer.status is AnswerStatus.REFUSED
        self.unreadable += answer.status is AnswerStatus.UNREADABLE
        self.cost += answer.cost or 0.0

    @property
    def left(self) -> int:
        return max(0, self.total - self.already - self.answered)

    @property
    def expected(self) -> float | None:
        """US dollars that this command will have cost in the end, going on as so far."""
        if not self.priced or not self.answered:
            return None
        return self.cost * (1 + self.left / self.answered)

    def line(self, seconds: float) -> str:
        """One line for a log or a pipe."""
        parts = [f"{self.model}: {self.already + self.answered}/{self.total} answered"]
        if self.already:
            parts.append(f"{self.already} before")
        parts += [f"{self.refused} refused", f"{self.unreadable} unreadable"]
        if self.priced:
            parts.append(f"${self.cost:.4f}" + ("" if self.expected is None else f" of about ${self.expected:.2f}"))
        if self.answered and self.left:
            parts.append(f"about {span(self.left * seconds / self.answered)} left")
        if self.stopped:
            parts.append("stopped")
        return ", ".join(parts)


@dataclass
class Progress(Display[Counts]):
    """The counts of all models of a benchmark."""

    note: Callable[[], str] = lambda: ""
    """A line below, such as how many calls are under way."""

    def _table(self) -> Group:
        table = Table(box=None, pad_edge=False, header_style="dim")
        table.add_column("model", overflow="fold")
        table.add_column("answered", justify="right", no_wrap=True)
        table.add_column("", width=BAR)
        for name in ("refused", "unread", "cost", "in all", "left"):
            table.add_column(name, justify="right", no_wrap=True)
        for one in self.counts:
            done = one.already + one.answered
            left = span(one.left * self.seconds / one.answered) if one.answered and one.left else "-"
            table.add_row(
                one.model,
                f"{done}/{one.total}",
                ProgressBar(total=max(1, one.total), completed=done, width=BAR),
                str(one.refused),
                str(one.unreadable),
                f"${one.cost:.4f}" if one.priced else "-",
                "-" if one.expected is None else f"${one.expected:.2f}",
                "stopped" if one.stopped else left,
            )
        return Group(table, Text(self.note(), style="dim"), Text("Ctrl-C: stop; the same command goes on", style="dim"))
