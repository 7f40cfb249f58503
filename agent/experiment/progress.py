"""What a person sees while the arms run: a line for each block, that is one replicate on one platform."""

from collections.abc import Callable
from dataclasses import dataclass, field

from rich.console import Group
from rich.progress_bar import ProgressBar
from rich.table import Table

from agent.progress import Counts, Display
from retrieval.steps import span


@dataclass
class BlockCounts:
    """The counts of one block in this command."""

    name: str
    shorts: int
    """That all its arms are to decide on."""
    already: int
    """Decided on before this command."""
    left: int
    """Arms that were still to run when it began."""
    say: Callable[[str], None]
    round: Callable[[], int]
    done: int = 0
    """Arms that reached their number in this command."""
    arms: list[Counts] = field(default_factory=list)

    @property
    def decided(self) -> int:
        return self.already + self.now

    @property
    def now(self) -> int:
        """Decided on in this command."""
        return sum(one.watched + one.scrolled for one in self.arms)

    def line(self, seconds: float) -> str:
        """One line for a log or a pipe."""
        watched, skipped, failed = (
            sum(getattr(one, name) for one in self.arms) for name in ("watched", "skipped", "failed")
        )
        left = self.shorts - self.decided
        more = f", about {span(left * seconds / self.now)} left" if self.now >= 5 and left else ""
        return (
            f"{self.name}: {self.decided}/{self.shorts} shorts, round {self.round()}, {self.done} of {self.left} arms "
            f"done, {watched} watched, {skipped} skipped, {failed} failed{more}"
        )


class Progress(Display[BlockCounts]):
    """The blocks that are under way."""

    def _table(self) -> Group:
        table = Table(box=None, pad_edge=False, header_style="dim")
        for name in ("block", "shorts", "", "round", "arms done"):
            table.add_column(name)
        for one in self.counts:
            table.add_row(
                one.name,
                f"{one.decided}/{one.shorts}",
                ProgressBar(total=one.shorts, completed=one.decided, width=24),
                str(one.round()),
                f"{one.done}/{one.left}",
            )
        return Group(table)
