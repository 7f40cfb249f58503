"""`--dry-run`: the plan, and what it will cost in time and money, with every assumption in the open."""

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from agent.judges import decider_name, labeller_name
from agent.plan import plan_tasks
from agent.platforms import PLATFORMS
from agent.progress import span
from agent.questions import WATCH, describe
from agent.session import shares
from agent.settings import CrawlSettings, Dwell
from retrieval.pricing import price_of
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
    labeller: str
    seconds: float
    calls: int
    dollars: float | None
    """None where no price is known, 0 where no model is asked."""

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
        console.print(f"decider       {self.decider}, labeller {self.labeller}", highlight=False)
        console.print(f"time          about {span(self.seconds)}", highlight=False)
        console.print(f"model calls   about {self.calls}, {money}", highlight=False)
        console.print(
            f"assumed       {SEEN_PER_NEW:g} items seen per new short, {WATCHED:.0%} watched, "
            f"{PAGE_SECONDS:g} s a page",
            style="dim",
            highlight=False,
        )


def forecast(settings: CrawlSettings, vocabulary: Vocabulary) -> Forecast:
    """The plan of a command and its cost.

    Raises:
        UsageError: see `agent.plan.plan_tasks`.
    """
    values: Counter[str] = Counter()
    keywords: set[str | None] = set()
    seconds = 0.0
    limits = shares(settings)
    for name, limit in limits.items():
        platform = PLATFORMS[name]
        for task in plan_tasks(settings, vocabulary, limit):
            values[task.value or "any"] += task.quota
            keywords.add(task.keyword)
        held = max(settings.decide_window, PAGE_SECONDS) + WATCHED * Dwell(settings.dwell).mean
        scale = settings.time_scale if name == "sandbox" else 1.0
        one = max(held, platform.pace.min_delay, 3600 / platform.pace.views_per_hour) / scale + PAGE_SECONDS / 2
        seconds = max(seconds, limit * SEEN_PER_NEW * one)
    decider, labeller = decider_name(settings), labeller_name(settings)
    seen = round(sum(limits.values()) * SEEN_PER_NEW)
    asked = [WATCH] * (decider == "vlm") + [describe(vocabulary)] * labeller.startswith("vlm")
    price = price_of(settings.model, settings.price)
    dollars = None if price is None else sum(seen * price.at_most(question, picture=True) for question in asked)
    return Forecast(
        platforms=limits,
        values=dict(values),
        keywords=len(keywords - {None}),
        decider=decider,
        labeller=labeller,
        seconds=seconds,
        calls=seen * len(asked),
        dollars=dollars if asked else 0.0,
    )
