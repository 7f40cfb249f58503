"""A vision-language model labels: out of role, without persona and without knowing the decision (D15)."""

import re
from collections.abc import Iterable

import structlog

from agent.deciders.base import View
from agent.questions import describe
from retrieval.endpoint import Endpoint
from retrieval.question import Subject
from retrieval.vocabulary import OTHER, Vocabulary
from storage.answer_record import AnswerStatus
from storage.records import Label, LabelKind, Stance

log = structlog.get_logger()


class VlmLabeller:
    """Labels from the closed lists of a vocabulary. Topics are `depicts`; values have the stance that the model gave.

    A value that an answer names twice with different stances is `unsure`; an answer without a known topic is about
    `other`, so that every short that was labelled has a label. A refusal or an unreadable answer is an
    answer without labels.
    """

    def __init__(self, endpoint: Endpoint, vocabulary: Vocabulary, source: str | None = None) -> None:
        """`source` marks the labels; by default `vlm:MODEL`."""
        self.source = source or f"vlm:{endpoint.model}"
        self.unknown = 0
        """Names and stances in answers that are in no list, dropped so far."""
        self._endpoint = endpoint
        self._question = describe(vocabulary)
        self._topics = _names((topic.id, topic.id, topic.name) for topic in vocabulary.topics)
        self._values = _names((value.id, value.id, value.name, value.abbreviation) for value in vocabulary.values)

    async def label(self, view: View) -> list[Label]:
        """Raises BudgetSpent, EndpointDown and EndpointRefused as `Endpoint.ask` does."""
        record = view.record
        answer = await self._endpoint.ask(
            self._question.about(caption=record.caption, hashtags=list(record.hashtags)),
            picture=view.screen.data,
            subject=Subject(run_id=view.run_id, platform=record.platform, platform_id=record.platform_id),
            epoch=view.epoch,
        )
        parsed = answer.parsed or {"topics": [], "values": []}
        found: dict[tuple[LabelKind, str], Stance] = {}
        for name in parsed["topics"]:
            self._add(found, LabelKind.TOPIC, self._topics, name, Stance.DEPICTS)
        for claim in parsed["values"]:
            self._add(found, LabelKind.VALUE, self._values, claim["value"], claim["stance"])
        if answer.status is AnswerStatus.OK and not any(kind is LabelKind.TOPIC for kind, _ in found):
            found[LabelKind.TOPIC, OTHER] = Stance.DEPICTS
        return [
            Label(kind=kind, name=name, source=self.source, stance=stance, model=answer.model, answer_id=answer.id)
            for (kind, name), stance in found.items()
        ]

    def _add(
        self, found: dict[tuple[LabelKind, str], Stance], kind: LabelKind, known: dict[str, str], name: str, stance: str
    ) -> None:
        key, taken = (kind, known.get(_plain(name), "")), stance.strip().lower()
        if not key[1] or taken not in set(Stance):
            self.unknown += 1
            log.warning("label_unknown", kind=str(kind), name=name[:60], stance=stance[:20], count=self.unknown)
            return
        found[key] = Stance(taken) if found.get(key, taken) == taken else Stance.UNSURE


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", " ", name).strip().casefold()


def _names(entries: Iterable[tuple[str, ...]]) -> dict[str, str]:
    """Every way to write an entry, to its id, which stands first."""
    return {_plain(name): entry[0] for entry in entries for name in entry}
