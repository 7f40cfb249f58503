"""`--dry-run`: the plan, and what it will cost in time and money, with every assumption in the open."""

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from agent.judges import decider_name, labeller_name, strategy_of
from agent.pace import slowed
from agent.plan import plan_tasks
from agent.platforms import platform_class
from agent.questions import describe
from agent.sandbox.sites import is_sandbox
from agent.session import shares
from agent.settings import CrawlSettings, Dwell
from retrieval.pricing import price_of
from retrieval.steps import span
from retrieval.vocabulary import Vocabulary

SEEN_PER_NEW = 1.25
"""Assumed: of five items seen, four are new shorts; the others are ads, live rooms, duplicates and failures."""
WATCHED = 0.5
"""Assumed share of shorts that are watched on."""
PAGE_SECONDS = 2.0
"""Assumed real seconds for a page to come and a picture to be taken."""


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """What a command would do. Seconds are real ones; dollars are the most that the calls can cost."""

    platforms: dict[str, int]
    values: dict[str, int]
    keywords: int
    decider: str
    strategy: str | None
    """How a model is asked; None where none decides."""
    persona: str | None
    labeller: str
    seconds: float
    calls: int
    dollars: float | None
    """Every question that a strategy may ask twice counts twice. None where no price is known, 0 where no model is
    asked."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def print(self, console: Console) -> None:
        """For a person."""
        table = Table(box=None, header_style="dim")
        table.add_column("value")
        table.add_column("new shorts", justify="right")
        for value, quota in self.values.items():
            table.add_row(value, str(quota))
        console.print(table)
        shorts = ", ".join(f"{limit} on {name}" for name, limit in self.platforms.items())
        money = "unknown (give --price IN:OUT)" if self.dollars is None else f"at most ${self.dollars:.2f}"
        console.print(f"new shorts    {shorts}, under {self.keywords} keywords", highlight=False)
        role = f" ({self.strategy} as {self.persona})" if self.persona else ""
        console.print(f"decider       {self.decider}{role}, labeller {self.labeller}", highlight=False)
        console.print(f"time          about {span(self.seconds)}", highlight=False)
        console.print(f"model calls   about {self.calls}, {money}", highlight=False)
        console.print(
            f"assumed       {SEEN_PER_NEW:g} items seen per new short, {WATCHED:.0%} watched, "
            f"{PAGE_SECONDS:g} s a page",
            style="dim",
            highlight=False,
        )


def seconds_an_item(settings: CrawlSettings, platform: str) -> float:
    """Real seconds that one item seen is assumed to take at a platform's stated pace."""
    pace = slowed(platform_class(platform).pace, settings)
    held = max(settings.decide_window, PAGE_SECONDS) + WATCHED * Dwell(settings.dwell).mean
    scale = settings.time_scale if is_sandbox(platform) else 1.0
    return max(held, pace.min_delay, 3600 / pace.views_per_hour) / scale + PAGE_SECONDS / 2


def forecast(settings: CrawlSettings, vocabulary: Vocabulary) -> Forecast:
    """The plan of a command and its cost.

    Raises:
        UsageError: see `agent.plan.plan_tasks` and `agent.judges.strategy_of`.
    """
    values: Counter[str] = Counter()
    keywords: set[str | None] = set()
    seconds = 0.0
    limits = shares(settings)
    for name, limit in limits.items():
        for task in plan_tasks(settings, vocabulary, limit):
            values[task.value or "any"] += task.quota
            keywords.add(task.keyword)
        seconds = max(seconds, limit * SEEN_PER_NEW * seconds_an_item(settings, name))
    decider, labeller = decider_name(settings), labeller_name(settings)
    seen = round(sum(limits.values()) * SEEN_PER_NEW)
    strategy = strategy_of(settings) if decider == "vlm" else None
    labels = [describe(vocabulary)] if labeller.startswith("vlm") else []
    asked = [*(strategy.questions if strategy else ()), *labels]
    price = price_of(settings.model, settings.price)
    dollars = None if price is None else sum(seen * price.at_most(question, picture=True) for question in asked)
    return Forecast(
        platforms=limits,
        values=dict(values),
        keywords=len(keywords - {None}),
        decider=decider,
        strategy=strategy.name if strategy else None,
        persona=strategy.persona.name if strategy and strategy.persona else None,
        labeller=labeller,
        seconds=seconds,
        calls=seen * (len(labels) + (strategy is not None)),
        dollars=dollars if asked else 0.0,
    )
