"""What is asked once the feeds are watched: labels, questionnaires and the judge. Nothing here moves a feed.

Every answer is stored when it comes; the same command asks what is not answered yet.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from rich.console import Console

from agent.asking import ask_until_read
from agent.clock import Clock
from agent.deciders.base import Labeller, View
from agent.experiment.arms import Design
from agent.experiment.deciding import Models, Told
from agent.experiment.judge import EPOCH, Judgements, judge_questions, to_judge
from agent.experiment.plan import VLM
from agent.labellers.similarity import SimilarityLabeller
from agent.labellers.vlm import VlmLabeller
from agent.labelling import label_stored
from agent.personas.portrait import ask_portrait, keep_profile
from retrieval.embedders.packaged import PackagedEmbedder
from retrieval.endpoint import Endpoint
from retrieval.question import Subject
from retrieval.similarity import Similarity
from retrieval.steps import Steps
from retrieval.vocabulary import Vocabulary
from storage.answer_record import AnswerStatus
from storage.corpus import Corpus
from storage.personas import Personas
from storage.records import Label
from storage.runs import RunItem
from storage.watched import PlanRun, Watched, watched

T = TypeVar("T")

AT_ONCE = 16
"""Questions that are prepared together; each endpoint has its own limit of calls."""
PORTRAIT_EPOCH = 0


class Afterwards:
    """The questions after the feeds, for one experiment."""

    def __init__(
        self,
        design: Design,
        corpus: Corpus,
        vocabulary: Vocabulary,
        models: Models,
        run: RunItem,
        clock: Clock,
        console: Console,
        told: Told | None,
    ) -> None:
        """`run` is the experiment's own."""
        self._design, self._corpus, self._vocabulary = design, corpus, vocabulary
        self._models, self._run, self._clock, self._console, self._told = models, run, clock, console, told

    async def run(self, runs: Mapping[str, PlanRun]) -> None:
        """Ask everything that is not answered yet.

        Args:
            runs: of the arms, by name.

        Raises:
            BudgetSpent, EndpointDown, EndpointRefused, NotSetUp: what came is stored.
        """
        shown = {name: watched(self._corpus.database, run.plan_run_id) for name, run in runs.items()}
        await self._label(shown)
        await self._portraits()
        await self._judge(shown)

    async def _label(self, shown: Mapping[str, Sequence[Watched]]) -> None:
        labeller = self._labeller()
        if labeller is None:
            return
        mine = {short.short_id for shorts in shown.values() for short in shorts}
        missing = [short for short in self._corpus.labels.without(labeller.source) if short in mine]
        if missing:
            with self._steps("labelled", len(missing)) as steps:
                await label_stored(
                    self._corpus, labeller, missing, run_id=self._run.id, labelled=lambda _: steps.step()
                )

    def _labeller(self) -> Labeller | None:
        name = self._design.plan.labeller
        if name == "none":
            return None
        if name == "similarity":
            return SimilarityLabeller(Similarity(PackagedEmbedder()), self._vocabulary)
        labeller: Labeller = VlmLabeller(self._models[name.removeprefix(VLM)], self._vocabulary)
        return labeller if self._told is None else _Telling(labeller, self._told)

    async def _portraits(self) -> None:
        """Each persona's value questionnaire by each model that plays it."""
        personas, plan = Personas(self._corpus.database), self._design.plan
        for persona in self._design.personas.values():
            for model in plan.model:
                answer = await ask_portrait(self._models[model.name], persona, PORTRAIT_EPOCH)
                if answer.status is AnswerStatus.OK:
                    keep_profile(personas, persona, answer)

    async def _judge(self, shown: Mapping[str, Sequence[Watched]]) -> None:
        judge = self._design.plan.judge
        if judge is None:
            return
        names = {short.short_id: short.platform_id for shorts in shown.values() for short in shorts}
        asked = to_judge(self._design, shown)
        known = Judgements(self._design, self._corpus.answers, self._run.id).find(
            [(platform, names[short], persona) for platform, short, persona in asked]
        )
        left = [one for one in asked if (one[0], names[one[1]], one[2]) not in known]
        if not left:
            return
        with self._steps("judged", len(left)) as steps:

            async def one(asking: tuple[str, int, str | None]) -> None:
                await self._verdict(self._models[judge.name], *asking)
                steps.step()

            await _workers(left, one)

    async def _verdict(self, endpoint: Endpoint, platform: str, short_id: int, persona: str | None) -> None:
        short = self._corpus.labels.short(short_id)
        assert short.record.platform_id is not None
        if self._told is not None:
            self._told(short.screen.data, short.record.platform_id)
        await ask_until_read(
            endpoint,
            judge_questions(None if persona is None else self._design.personas[persona]),
            picture=short.screen.data,
            subject=Subject(run_id=self._run.id, platform=platform, platform_id=short.record.platform_id),
            persona=persona,
            epoch=EPOCH,
        )

    def _steps(self, what: str, total: int) -> Steps:
        return Steps(self._clock.steady, self._console, what, total)


class _Telling:
    """A labeller whose model is told of which short each picture is."""

    def __init__(self, labeller: Labeller, told: Told) -> None:
        self.source = labeller.source
        self._labeller, self._told = labeller, told

    async def label(self, view: View) -> list[Label]:
        assert view.record.platform_id is not None
        self._told(view.screen.data, view.record.platform_id)
        return await self._labeller.label(view)


async def _workers(work: Sequence[T], do: Callable[[T], Awaitable[None]]) -> None:
    """All of it, some at a time; the first failure ends it."""
    left = iter(work)

    async def worker() -> None:
        for one in left:
            await do(one)

    jobs = [asyncio.create_task(worker()) for _ in range(min(AT_ONCE, len(work)))]
    try:
        await asyncio.gather(*jobs)
    finally:
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)
