"""The questions of a plan one by one, and which of them are answered: read by the run, the estimate and the results.

Two stages, since a text-only question needs its description first:

    PICTURES   like (every wording, every epoch), why, describe, forced choices
    TEXTS      like, about the captioner's description

Nothing is kept in memory but one chunk: a plan may hold any number of questions.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice
from typing import TypeVar

from agent.benchmark.plan import ModelPlan, Plan
from agent.benchmark.questions import BESIDE, CHOICE, DESCRIPTION, LIKE_TEXT
from agent.benchmark.records import Modality
from agent.benchmark.targets import Pair, Shot, Targets
from retrieval.question import Question, Subject, answer_key
from storage.answer_record import AnswerStatus, StoredAnswer
from storage.answers import Answers

CHUNK = 300
T = TypeVar("T")


class Stage(StrEnum):
    """What has to be asked before what."""

    PICTURES = "pictures"
    TEXTS = "texts"


class Purpose(StrEnum):
    """What an answer is for."""

    LIKE = "like"
    """Scores."""
    BESIDE = "beside"
    """Why, and descriptions."""
    CHOICE = "choice"


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One question to one model."""

    model: ModelPlan
    purpose: Purpose
    wording: str
    """Of a like question, as in results; of any other the question's id."""
    question: Question
    """With the plan's temperature and seed, and how its pictures are made."""
    shot: Shot
    second: Shot | None = None
    pair: Pair | None = None
    epoch: int = 0
    modality: Modality = Modality.IMAGE

    def subject(self, run_id: int | None) -> Subject:
        """As answers name it."""
        return Subject(
            run_id=run_id,
            platform=self.shot.platform,
            platform_id=self.shot.platform_id,
            second=None if self.second is None else self.second.name,
        )

    def key(self, run_id: int | None) -> str:
        """What its answer is found by."""
        return answer_key(
            self.question, model=self.model.name, host=self.model.host, persona=None, subject=self.subject(run_id),
            epoch=self.epoch,
        )  # fmt: skip


class Work:
    """All questions of a plan about its targets, and their answers in the corpus."""

    def __init__(self, plan: Plan, targets: Targets, answers: Answers, run_id: int | None) -> None:
        self.plan, self.targets, self.run_id = plan, targets, run_id
        self._answers = answers
        self._prepared: dict[tuple[str, int, str], Question] = {}

    def asks(self, model: ModelPlan, stage: Stage) -> Iterator[Ask]:
        """What a model is asked in a stage, in order. Of `TEXTS` only what there is a description for."""
        if stage is Stage.PICTURES:
            yield from self._about_pictures(model)
        elif Modality.CAPTION in self.plan.modality:
            yield from self._about_descriptions(model)

    def answered(self, model: ModelPlan, stage: Stage) -> Iterator[tuple[Ask, StoredAnswer]]:
        """The questions that have an answer, with it."""
        for asks in chunks(self.asks(model, stage), CHUNK):
            keys = [ask.key(self.run_id) for ask in asks]
            found = self._answers.find_many(keys, self.run_id)
            for ask, key in zip(asks, keys, strict=True):
                if key in found:
                    yield ask, found[key]

    def pending(self, model: ModelPlan, stage: Stage) -> Iterator[Ask]:
        """The questions that have none."""
        for asks in chunks(self.asks(model, stage), CHUNK):
            keys = [ask.key(self.run_id) for ask in asks]
            known = self._answers.known(keys, self.run_id)
            yield from (ask for ask, key in zip(asks, keys, strict=True) if key not in known)

    def number(self, model: ModelPlan, stage: Stage) -> int:
        """How many questions a stage has for a model; of `TEXTS` as if every picture had a description."""
        if stage is Stage.TEXTS:
            texts = Modality.CAPTION in self.plan.modality
            return len(self._described()) * self.plan.epochs if texts else 0
        return sum(1 for _ in self._about_pictures(model))

    def _about_pictures(self, model: ModelPlan) -> Iterator[Ask]:
        if not model.pictures:
            return
        plan = self.plan
        seen = Modality.IMAGE in plan.modality
        beside = [BESIDE[name] for name in plan.beside] if seen else []
        if model.name == plan.captioner and DESCRIPTION not in beside:
            beside.append(DESCRIPTION)
        for shot in self.targets.shots:
            for epoch in range(plan.epochs if seen else 0):
                for wording in plan.asked_wordings:
                    yield Ask(
                        model=model, purpose=Purpose.LIKE, wording=wording.name, shot=shot, epoch=epoch,
                        question=self._question(wording.question, epoch, shot.kind),
                    )  # fmt: skip
            for question in beside:
                yield self._beside(model, question, shot)
        for pair in self.targets.pairs:
            for epoch in range(plan.epochs):
                for first, second in ((pair.one, pair.other), (pair.other, pair.one)):
                    yield Ask(
                        model=model, purpose=Purpose.CHOICE, wording=CHOICE.id, shot=first, second=second, pair=pair,
                        epoch=epoch, question=self._question(CHOICE, epoch, first.kind),
                    )  # fmt: skip

    def _beside(self, model: ModelPlan, question: Question, shot: Shot) -> Ask:
        return Ask(
            model=model, purpose=Purpose.BESIDE, wording=question.id, shot=shot,
            question=self._question(question, 0, shot.kind),
        )  # fmt: skip

    def _described(self) -> list[Shot]:
        """The pictures whose descriptions are judged: one of each short."""
        return [shot for shot in self.targets.shots if shot.kind == self.plan.picture[0]]

    def _about_descriptions(self, model: ModelPlan) -> Iterator[Ask]:
        captioner = next(one for one in self.plan.model if one.name == self.plan.captioner)
        for shots in chunks(self._described(), CHUNK):
            for shot, text in self.descriptions(captioner, shots):
                for epoch in range(self.plan.epochs):
                    question = self._question(LIKE_TEXT.question, epoch, "").about(description=text)
                    yield Ask(
                        model=model, purpose=Purpose.LIKE, wording=LIKE_TEXT.name, shot=shot, question=question,
                        epoch=epoch, modality=Modality.CAPTION,
                    )  # fmt: skip

    def descriptions(self, captioner: ModelPlan, shots: Sequence[Shot]) -> Iterator[tuple[Shot, str]]:
        """What a model said to describe these pictures, as far as it did."""
        keys = [self._beside(captioner, DESCRIPTION, shot).key(self.run_id) for shot in shots]
        found = self._answers.find_many(keys, self.run_id)
        for shot, key in zip(shots, keys, strict=True):
            answer = found.get(key)
            if answer is not None and answer.status is AnswerStatus.OK and answer.parsed is not None:
                yield shot, str(answer.parsed["text"])

    def _question(self, question: Question, epoch: int, kind: str) -> Question:
        at = question.id, epoch, kind
        if at not in self._prepared:
            plan = self.plan
            self._prepared[at] = replace(
                question,
                temperature=plan.temperature,
                seed=plan.seed + epoch,
                shown=f"{kind}, {plan.size} px, JPEG {plan.quality}" if kind else "",
            )
        return self._prepared[at]


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """The items in lists of at most so many."""
    left = iter(items)
    while part := list(islice(left, size)):
        yield part
