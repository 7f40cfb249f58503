"""`--dry-run`: the arms of a plan, and what it takes in exposures, model calls, money and time."""

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from agent.benchmark.plan import ModelPlan
from agent.experiment.arms import Design
from agent.experiment.judge import judge_questions
from agent.experiment.plan import SANDBOX, VLM
from agent.experiment.records import Control
from agent.personas.portrait import portrait_questions
from agent.platforms import PLATFORMS
from agent.questions import describe
from agent.settings import Dwell
from retrieval.pricing import price_of
from retrieval.question import Question
from retrieval.steps import span
from retrieval.vocabulary import Vocabulary

ITEMS_PER_SHORT = 1.1
"""Assumed: of eleven items that a feed shows, ten are shorts; the others are ads, live rooms, photo posts."""
SANDBOX_SECONDS = 0.6
"""Assumed real seconds of two processor cores for one sandbox short, whatever the time scale."""
WATCHED = 0.5
"""Assumed share of shorts that are watched on."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What a plan takes. Dollars are the most that the calls can cost, seconds are real ones."""

    arms: dict[str, int]
    """By what they are for."""
    contexts: int
    """Browser contexts that are open at the same moment, at most."""
    exposures: int
    calls: dict[str, int]
    """By purpose, at most; each may be put twice where its first answer cannot be read."""
    dollars: float | None
    """None where a price is not known."""
    seconds: float

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def print(self, console: Console, design: Design) -> None:
        """For a person."""
        table = Table(box=None, header_style="dim")
        for name in ("feed", "strategy", "model", "arms"):
            table.add_column(name)
        shown = Counter(
            (f"{arm.platform} {arm.recommender or ''}".strip(), arm.strategy, arm.model, arm.control)
            for arm in design.arms
        )
        for (feed, strategy, model, control), number in shown.items():
            what = strategy if control is Control.NONE else f"{strategy}, {control}"
            table.add_row(feed, what, model, str(number))
        console.print(table)
        money = "cost unknown (give each model a price)" if self.dollars is None else f"at most ${self.dollars:.2f}"
        asked = ", ".join(f"{number} {purpose}" for purpose, number in self.calls.items() if number)
        for line in (
            f"arms          {sum(self.arms.values())} in {design.plan.replicates} replicates, {self.contexts} browser "
            "contexts at once",
            f"exposures     {self.exposures} ({design.plan.training} + {design.plan.evaluation} an arm)",
            f"model calls   at most {sum(self.calls.values())} ({asked}), {money}",
            f"time          about {span(self.seconds)}",
        ):
            console.print(line, highlight=False, soft_wrap=True)


def estimate(design: Design, vocabulary: Vocabulary) -> Estimate:
    """What the whole plan takes, from nothing."""
    plan = design.plan
    exposures = len(design.arms) * plan.shorts
    models = {model.name: model for model in plan.asked}
    work: list[tuple[str, ModelPlan, tuple[Question, ...], int]] = []
    for arm in design.arms:
        if arm.control is not Control.YOKED:
            work.append(("decisions", models[arm.model], design.strategy_of(arm).questions, plan.shorts))
        if plan.judge is not None:
            for name in design.concerned(arm):
                persona = None if name is None else design.personas[name]
                work.append(("judgements", plan.judge, judge_questions(persona), plan.evaluation))
    for persona in design.personas.values():
        work += [("questionnaires", model, portrait_questions(persona), 1) for model in plan.model]
    if plan.labeller.startswith(VLM):
        work.append(("labels", models[plan.labeller.removeprefix(VLM)], (describe(vocabulary),), exposures))
    calls: Counter[str] = Counter()
    dollars: float | None = 0.0
    for purpose, model, questions, number in work:
        calls[purpose] += number
        price = price_of(model.name, "0:0" if model.scripted else model.price)
        pictures = purpose != "questionnaires"
        if price is None or dollars is None:
            dollars = None
        else:
            dollars += number * sum(price.at_most(question, picture=pictures) for question in questions)
    return Estimate(
        arms=dict(Counter(arm.control.value for arm in design.arms)),
        contexts=sum(max(len(block.arms) for block in design.blocks(platform)) for platform in plan.platforms),
        exposures=exposures,
        calls=dict(calls),
        dollars=dollars,
        seconds=max(_seconds(design, platform) for platform in plan.platforms),
    )


def _seconds(design: Design, platform: str) -> float:
    """All arms of a platform share its pace; platforms run side by side."""
    plan = design.plan
    views = ITEMS_PER_SHORT * plan.shorts * sum(arm.platform == platform for arm in design.arms)
    pace = PLATFORMS[platform].pace
    held = (plan.decide_window + WATCHED * Dwell(plan.dwell).mean) / plan.at_once
    one = max(held, pace.min_delay, 3600 / pace.views_per_hour)
    return views * max(one / plan.time_scale, SANDBOX_SECONDS) if platform == SANDBOX else views * one
