"""One platform as all its arms share it: its servers where it is the sandbox, its pace, its clock."""

from pathlib import Path
from types import TracebackType
from typing import Self

from agent.clock import Clock, PlatformClock, Stop
from agent.experiment.arms import Design
from agent.experiment.plan import SANDBOX, Plan
from agent.experiment.records import Arm
from agent.pace import Pacer
from agent.platforms import PLATFORMS, make_platform
from agent.platforms.base import Platform
from agent.settings import CrawlSettings
from retrieval.vocabulary import Vocabulary


def settings_of(plan: Plan, platform: str, recommender: str | None, *, headless: bool) -> CrawlSettings:
    """A crawl's settings for the arms of one feed; everything that stands in no plan is as if never set."""
    feed = {} if recommender is None else {"recommender": recommender, "distinct_visitors": True}
    return CrawlSettings.model_validate(
        {
            "platform": (platform,), "mode": "feed", "value": (), "keyword": (), "interest": None, "published": None,
            "limit": plan.shorts, "seed": plan.seed, "decider": "vlm", "labeller": "none", "engage": False,
            "media": None, "decide_window": plan.decide_window, "dwell": plan.dwell, "max_dwell": plan.max_dwell,
            "time_scale": plan.time_scale, "sandbox_seed": plan.sandbox_seed, "fault": plan.fault,
            "headless": headless, **feed,
        }
    )  # fmt: skip


class Site:
    """A platform's feeds. The sandbox has one server for each recommender, a real site has one feed."""

    def __init__(
        self,
        name: str,
        design: Design,
        vocabulary: Vocabulary,
        corpus: Path,
        *,
        clock: Clock,
        stop: Stop,
        headless: bool,
    ) -> None:
        kinds = design.recommenders if name == SANDBOX else (None,)
        self.settings = {kind: settings_of(design.plan, name, kind, headless=headless) for kind in kinds}
        """By recommender."""
        self._feeds: dict[str | None, Platform] = {
            kind: make_platform(name, settings, vocabulary, corpus) for kind, settings in self.settings.items()
        }
        first = next(iter(self._feeds.values()))
        self.clock = PlatformClock(clock, first.time_scale)
        self.pacer = Pacer(PLATFORMS[name].pace, self.clock, stop)
        """Of all arms together: they come from one address."""

    def feed(self, arm: Arm) -> Platform:
        """Where the arm looks."""
        return self._feeds[arm.recommender]

    async def __aenter__(self) -> Self:
        for platform in self._feeds.values():
            await platform.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for platform in self._feeds.values():
            await platform.close()
