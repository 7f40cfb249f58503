"""Labels beside the crawl and after it (D15). A slow labeller never changes how long a short is on screen."""

import asyncio
from collections.abc import Callable

import structlog

from agent.deciders.base import Interest, Labeller, View
from storage.corpus import Corpus
from storage.errors import BudgetSpent, EndpointDown, ValueSpectrumError
from storage.labels import StoredShort
from storage.records import Label

log = structlog.get_logger()


class Labelling:
    """Label calls under way. Those that end after their short was stored are written when they end."""

    def __init__(self, corpus: Corpus, run_id: int) -> None:
        self._corpus = corpus
        self._run_id = run_id
        self._under_way: dict[str, asyncio.Task[list[Label]]] = {}
        self._writing: set[asyncio.Task[None]] = set()
        self._problem: ValueSpectrumError | None = None

    def begin(self, view: View, labeller: Labeller) -> asyncio.Task[list[Label]]:
        """Ask for a short's labels; the answer is fetched with `take`, or written with `deliver_later`."""
        assert view.record.platform_id is not None
        task = asyncio.create_task(_labels(labeller, view))
        self._under_way[view.record.platform_id] = task
        return task

    def take(self, view: View) -> list[Label]:
        """The labels of a call that has ended; none where it failed (they can be made later, the short cannot)."""
        assert view.record.platform_id is not None
        return self._result(self._under_way.pop(view.record.platform_id))

    def deliver_later(self, platform_id: str, short_id: int) -> None:
        """Write the labels of a stored short as soon as they come."""

        async def deliver(labels: asyncio.Task[list[Label]]) -> None:
            await asyncio.wait({labels})
            if found := self._result(labels):
                self._corpus.labels.add(short_id, found, run_id=self._run_id)

        writing = asyncio.create_task(deliver(self._under_way.pop(platform_id)))
        self._writing.add(writing)
        writing.add_done_callback(self._writing.discard)

    def raise_problem(self) -> None:
        """Raises what a labeller met that no further short will cure: spent budget, a refusing endpoint."""
        if self._problem is not None:
            raise self._problem

    async def finish(self) -> None:
        """Wait for all labels that are still to come; asked for nothing more when it is cancelled."""
        for task in self._under_way.values():
            task.cancel()
        while self._writing:
            await asyncio.wait(set(self._writing))

    def _result(self, task: asyncio.Task[list[Label]]) -> list[Label]:
        try:
            return task.result()
        except EndpointDown as error:
            log.warning("labels_missing", error=str(error))
        except ValueSpectrumError as error:
            self._problem = error
        except asyncio.CancelledError:
            pass
        return []


async def label_stored(
    corpus: Corpus,
    labeller: Labeller,
    short_ids: list[int],
    *,
    run_id: int | None,
    concurrency: int = 4,
    labelled: Callable[[int], None] = lambda count: None,
) -> int:
    """Label stored shorts from their stored pictures; each one's labels are committed as they come.

    Args:
        run_id: run that the labels and answers belong to; None for a labelling of its own.
        labelled: called with the number of labels after each short (for progress).

    Returns:
        Shorts labelled. Interrupted or failed, the rest is simply still without this source.

    Raises:
        BudgetSpent, EndpointDown, EndpointRefused: from the labeller; what is done is committed.
    """
    slots = asyncio.Semaphore(concurrency)
    done = 0

    async def one(short_id: int) -> None:
        nonlocal done
        async with slots:
            found = await labeller.label(_view(corpus.labels.short(short_id), run_id))
            corpus.labels.add(short_id, found, run_id=run_id)
            done += 1
            labelled(len(found))

    try:
        async with asyncio.TaskGroup() as group:
            for short_id in short_ids:
                group.create_task(one(short_id))
    except* ValueSpectrumError as failures:
        leaves = [error for error in failures.exceptions if isinstance(error, ValueSpectrumError)]
        raise next((error for error in leaves if isinstance(error, BudgetSpent)), leaves[0]) from None
    return done


def _view(short: StoredShort, run_id: int | None) -> View:
    """A stored short as a labeller sees it: without interest, which is the decider's affair."""
    return View(run_id=run_id, record=short.record, screen=short.screen, frame=short.frame, interest=Interest(), seed=0)


async def _labels(labeller: Labeller, view: View) -> list[Label]:
    return await labeller.label(view)
