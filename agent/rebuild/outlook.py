"""`--dry-run`: what would be collected, and how long it takes at the platforms' stated paces."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from agent.forecast import SEEN_PER_NEW, seconds_an_item
from agent.pace import slowed
from agent.platforms import platform_class
from agent.rebuild.plan import Plan
from retrieval.steps import span


@dataclass(frozen=True, kw_only=True)
class PlatformOutlook:
    """One platform's part."""

    target: int
    keywords: int
    reserve: int
    """Keywords that stand by for dry ones."""
    views_per_hour: int
    seconds: float
    """Real seconds at its stated pace, without walls and breaks."""


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """What a plan would do."""

    name: str
    target: int
    platforms: dict[str, PlatformOutlook]
    values: dict[str, int]

    @property
    def seconds(self) -> float:
        """Of all platforms, side by side."""
        return max(one.seconds for one in self.platforms.values())

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "seconds": self.seconds}

    def print(self, console: Console) -> None:
        """For a person."""
        table = Table(box=None, header_style="dim")
        for name in ("platform", "new shorts", "keywords", "reserve", "views an hour", "time at that pace"):
            table.add_column(name, justify="left" if name == "platform" else "right")
        for name, one in self.platforms.items():
            table.add_row(
                name,
                str(one.target),
                str(one.keywords),
                str(one.reserve),
                f"<= {one.views_per_hour}",
                span(one.seconds),
            )
        console.print(table)
        console.print(
            "values    " + ", ".join(f"{name} {quota}" for name, quota in self.values.items()), soft_wrap=True
        )
        console.print(
            f"time      at least {span(self.seconds)} of running, all platforms side by side", highlight=False
        )
        console.print(
            f"assumed   {SEEN_PER_NEW:g} items seen per new short; no walls, no breaks, no dry keywords", style="dim"
        )


def outlook(plan: Plan, given: Mapping[str, Any]) -> Outlook:
    """The plan without a site.

    Raises:
        UsageError: see `agent.rebuild.plan`.
    """
    vocabulary = plan.words()
    platforms, values = {}, {value.id: 0 for value in vocabulary.values}
    for name, target in plan.targets.items():
        settings = plan.settings(name, **given)
        tasks = plan.tasks(name, vocabulary)
        for task in tasks:
            values[task.value or ""] += task.quota
        platforms[name] = PlatformOutlook(
            target=target,
            keywords=sum(task.quota > 0 for task in tasks),
            reserve=sum(task.quota == 0 for task in tasks),
            views_per_hour=slowed(platform_class(name).pace, settings).views_per_hour,
            seconds=target * SEEN_PER_NEW * seconds_an_item(settings, name),
        )
    return Outlook(
        name=plan.name,
        target=plan.target,
        platforms=platforms,
        values={value: quota for value, quota in values.items() if quota},
    )
