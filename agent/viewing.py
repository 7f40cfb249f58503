"""One short on screen, from its first frame to its last row (D4, D6, D10, D12).

Every short is held for the same decision window, for every decider; the video stands still meanwhile. What was
decided is committed before it is acted on.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog
from playwright.async_api import Page

from agent.capture import OVERSHOOT, Camera, Capture, media_seconds, play_on
from agent.clock import PlatformClock, Stopwatch
from agent.deciders.base import View
from agent.judges import Panel
from agent.labelling import Labelling
from agent.plan import interest_of
from agent.platforms.base import OnScreen, Platform
from agent.progress import Counts
from agent.settings import CrawlSettings, Dwell
from retrieval.vocabulary import Vocabulary
from storage.corpus import Corpus
from storage.errors import ShortFailed
from storage.exposures import NewExposure, StoredExposure
from storage.records import Action, Decision, Label, Outcome, Picture, Record, Verdict
from storage.tasks import ListingItem, TaskItem

log = structlog.get_logger()

EXACT = 0.02
"""Media seconds by which a picture that is compared with an earlier one may be late: less than a frame."""
FRAME_TIMEOUT = 20.0
"""Real seconds to wait for a video's first usable frame."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What the decider and the labeller said, and whether the decision came after the window."""

    decision: Decision
    labels: list[Label] | None
    """None while the labeller is still at work."""
    late: bool


class Viewing:
    """Handles one short after the other; knows nothing of queues, walls or addresses."""

    def __init__(
        self,
        *,
        corpus: Corpus,
        run_id: int,
        platform: Platform,
        clock: PlatformClock,
        judges: Panel,
        labelling: Labelling,
        settings: CrawlSettings,
        vocabulary: Vocabulary,
        counts: Counts,
        profile: Callable[[], str],
        count_all: bool = False,
    ) -> None:
        """`count_all`: every short that is judged counts towards the quota, not the corpus's new ones alone."""
        self._corpus = corpus
        self.run_id = run_id
        self._platform = platform
        self._clock = clock
        self._judges = judges
        self._labelling = labelling
        self._settings = settings
        self._dwell = Dwell(settings.dwell)
        self._vocabulary = vocabulary
        self._counts = counts
        self._profile = profile
        self._count_all = count_all
        self._camera = Camera()

    async def show(
        self,
        page: Page,
        task: TaskItem,
        shown: OnScreen,
        turn: Stopwatch,
        listing: ListingItem | None = None,
        at: float | None = None,
    ) -> tuple[StoredExposure, Picture]:
        """Capture, decide, commit, act, close.

        Args:
            turn: splits this turn's time for the log.
            at: media second of the picture, where it is not that of the settings (see `capture`).

        Returns:
            What became of it, and the frame.

        Raises:
            ShortFailed: no picture, or the short was no longer the one on screen when it was taken.
            BudgetSpent, EndpointDown, EndpointRefused: from the decider; nothing of the short is stored then.
        """
        settings, clock, record = self._settings, self._clock, shown.record
        self._labelling.raise_problem()
        short_id = record.platform_id
        began, shown_at = clock.steady(), clock.now()
        if shown.video is None or short_id is None:
            raise ShortFailed("the short has no video to look at", "no_video")
        capture = await self.capture(page, shown, turn, at)
        if record.duration is None:
            record = replace(record, duration=capture.duration)
        view = View(
            run_id=self.run_id,
            record=record,
            screen=capture.screen,
            frame=capture.frame,
            seed=settings.seed,
            interest=interest_of(task.value, task.keyword, settings.interest, self._vocabulary),
            epoch=self._corpus.exposures.times_shown(task, short_id),
        )
        judged = await turn.waits(self._judge(view, began + settings.decide_window))
        watch = judged.decision.verdict is Verdict.YES
        planned = self._planned(judged.decision, short_id)
        await turn.waits(clock.sleep(began + settings.decide_window - clock.steady()))

        stored = self._corpus.exposures.store(
            NewExposure(
                run_id=self.run_id,
                task=task,
                listing=listing,
                record=record,
                screen=self._as_sent(judged.decision, capture.screen),
                frame=capture.frame,
                decision=judged.decision,
                labels=tuple(judged.labels or ()),
                action=Action.WATCH if watch else Action.SCROLL,
                late=judged.late,
                decide_window=settings.decide_window,
                planned_dwell=planned,
                profile_id=self._profile(),
                shown_at=shown_at,
                counted=self._count_all,
            )
        )
        if judged.labels is None:
            self._labelling.deliver_later(short_id, stored.short_id)
        watched = await turn.waits(play_on(shown.video))
        if planned > 0:
            await turn.waits(clock.sleep(planned))
            watched = await turn.waits(media_seconds(shown.video))
        await turn.waits(self._platform.dwelt(page, settings.decide_window + planned, settings.at + planned))
        like = await turn.waits(self._like(page, shown)) if watch and settings.engage else None
        self._corpus.exposures.close(
            stored.exposure_id,
            Outcome.DONE,
            seconds_on_screen=clock.steady() - began,
            media_seconds=watched,
            like=like,
            ended_at=clock.now(),
        )
        self._count(stored.is_new, watch)
        log.info(
            "short",
            short=record.platform_id,
            new=stored.is_new,
            decision=judged.decision.verdict,
            action="watch" if watch else "scroll",
            late=judged.late,
            duplicate_of=stored.duplicate_of,
            seconds=round(clock.steady() - began, 2),
            own_ms=round(1000 * turn.own, 1),
        )
        return stored, capture.frame

    async def capture(self, page: Page, shown: OnScreen, turn: Stopwatch, at: float | None = None) -> Capture:
        """Both pictures of the short on screen.

        Args:
            at: media second to be met exactly, also by an accelerated player; by default that of the settings.

        Raises:
            ShortFailed: no picture, or the short was no longer the one on screen when it was taken.
        """
        if shown.video is None:
            raise ShortFailed("the short has no video to look at", "no_video")
        overshoot, at = (OVERSHOOT, self._settings.at) if at is None else (EXACT, at)
        capture = await turn.waits(
            self._camera.capture(page, shown.video, shown.box, at=at, timeout=FRAME_TIMEOUT, overshoot=overshoot)
        )
        if await turn.waits(self._platform.current_id(page)) != shown.record.platform_id:
            raise ShortFailed("another short came up while this one was captured", "moved_on")
        return capture

    async def again(self, page: Page, shown: OnScreen, planned: float) -> None:
        """A feed that is opened again begins with the short that was judged last: its site never learned how long it
        was watched, so it gets its time on screen once more, and no second decision.

        Args:
            planned: seconds to watch after the decision window.
        """
        if shown.video is not None:
            await play_on(shown.video)
        settings = self._settings
        await self._clock.sleep(settings.decide_window + planned)
        await self._platform.dwelt(page, settings.decide_window + planned, settings.at + planned)

    def _planned(self, decision: Decision, short_id: str) -> float:
        """Seconds of watching after the window."""
        if decision.dwell is not None:
            return min(decision.dwell, self._settings.max_dwell)
        watch = decision.verdict is Verdict.YES
        return self._dwell.of(self._settings.seed, short_id, self._settings.max_dwell) if watch else 0.0

    async def _judge(self, view: View, until: float) -> Judged:
        """Ask decider and labeller side by side; the labeller has until the window ends, then it delivers later."""
        labels = self._labelling.begin(view, self._judges.labeller) if self._judges.labeller else None
        try:
            decision = await self._judges.decider.decide(view)
        except BaseException:
            if labels:
                labels.cancel()
            raise
        late = self._clock.steady() > until
        if labels is None:
            return Judged(decision=decision, labels=[], late=late)
        left = max(0.0, until - self._clock.steady()) / self._clock.scale
        await asyncio.wait({labels}, timeout=left)
        return Judged(decision=decision, labels=self._labelling.take(view) if labels.done() else None, late=late)

    def _as_sent(self, decision: Decision, screen: Picture) -> Picture:
        """The picture that the model saw: another one where its answer was kept before a kill (D4)."""
        if decision.answer_id is None:
            return screen
        sent = self._corpus.answers.picture(decision.answer_id)
        return screen if sent is None or sent == screen.data else replace(screen, data=sent)

    async def _like(self, page: Page, shown: OnScreen) -> str:
        outcome = await self._platform.like(page, shown)
        log.info("like", short=shown.record.platform_id, outcome=outcome)
        return outcome

    def skip(
        self, task: TaskItem, record: Record, listing: ListingItem | None = None, cause: str | None = None
    ) -> None:
        """An ad, live room, photo post or long video, or what `cause` says: recorded, never judged."""
        self._store_unseen(task, record, Outcome.SKIPPED, cause or record.kind.value, listing)
        self._counts.skipped += 1

    def failed(
        self, task: TaskItem, record: Record, outcome: Outcome, cause: str, listing: ListingItem | None = None
    ) -> None:
        """A short that could not be shown or captured: recorded with its cause."""
        self._store_unseen(task, record, outcome, cause, listing)
        if outcome is Outcome.UNAVAILABLE:
            self._counts.skipped += 1
        else:
            self._counts.failed += 1
        log.warning("short_failed", short=record.platform_id, outcome=outcome, cause=cause)

    def _store_unseen(
        self, task: TaskItem, record: Record, outcome: Outcome, cause: str, listing: ListingItem | None
    ) -> None:
        self._corpus.exposures.store_unseen(
            run_id=self.run_id,
            task=task,
            listing=listing,
            record=record,
            outcome=outcome,
            cause=cause,
            profile_id=self._profile(),
            shown_at=self._clock.now(),
        )
        self._counts.seen += 1

    def _count(self, is_new: bool, watch: bool) -> None:
        counts = self._counts
        counts.seen += 1
        counts.new += is_new
        counts.duplicate += not is_new
        counts.watched += watch
        counts.scrolled += not watch
        counts.cost = self._judges.spent
