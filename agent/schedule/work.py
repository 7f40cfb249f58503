"""The work of a fire: one crawl, as `agent.collect` would do it, on the schedule's corpus."""

import sys
from pathlib import Path

import structlog
from rich.console import Console

from agent.clock import Clock
from agent.judges import Judges
from agent.schedule.config import Schedule
from agent.schedule.scheduler import Active, Ended
from agent.session import Session, SessionResult
from storage.answers import Answers
from storage.cli import INTERRUPTED
from storage.corpus import Corpus
from storage.errors import NothingFound, StorageFull, ValueSpectrumError
from storage.fires import STOPPED
from storage.summary import summarise

log = structlog.get_logger()


class Crawler:
    """Runs fires. Whatever goes wrong in one of them costs that one; only a full disk ends the schedule."""

    def __init__(self, *, schedule: Schedule, corpus: Corpus, clock: Clock, console: Console, log_file: Path) -> None:
        self._schedule = schedule
        self._corpus = corpus
        self._clock = clock
        self._console = console
        self._log_file = log_file

    async def __call__(self, active: Active) -> Ended:
        """Crawl until the fire's limit is reached, its stop is requested, or something is in the way.

        Raises:
            StorageFull: no row can be written.
        """
        with structlog.contextvars.bound_contextvars(job=active.job.id, fire=active.fire.fire_time.isoformat()):
            try:
                result = await self._session(active)
            except StorageFull:
                raise
            except ValueSpectrumError as error:
                log.warning("fire_failed", error=str(error))
                return Ended(cause=str(error), exit_code=error.exit_code)
            except Exception as error:
                log.error("unexpected", error=type(error).__name__, exc_info=error)
                return Ended(cause=f"unexpected {type(error).__name__}: see {self._log_file}", exit_code=1)
        return self._ended(result, active)

    async def _session(self, active: Active) -> SessionResult:
        job = active.job
        settings = job.fired(active.fire.fire_time)
        answers = Answers(self._corpus.database, reuse_other_runs=settings.reuse)
        async with Judges(settings, job.vocabulary, answers=answers, clock=self._clock) as judges:
            active.budget = judges.budget
            return await Session(
                settings=settings,
                vocabulary=job.vocabulary,
                command=sys.argv[1:],
                corpus=self._corpus,
                judges=judges,
                clock=self._clock,
                stop=active.stop,
                console=self._console,
                log_file=self._log_file,
                fire_id=active.fire.id,
            ).run()

    def _ended(self, result: SessionResult, active: Active) -> Ended:
        problems = [share.problem for share in result.platforms if share.problem]
        if result.label_problem is not None:
            problems.append(result.label_problem)
        if problems:
            worst = max(problems, key=lambda problem: problem.exit_code)
            return Ended(cause=" / ".join(map(str, problems)), exit_code=worst.exit_code)
        if result.interrupted:
            return Ended(cause=STOPPED, exit_code=INTERRUPTED)
        if not sum(figures.seen for figures in summarise(self._corpus.database, result.run_ids).platforms):
            return Ended(cause="nothing was found: every result list was empty", exit_code=NothingFound.exit_code)
        return Ended()
