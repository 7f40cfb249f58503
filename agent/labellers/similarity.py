"""Labels by nearness to the vocabulary's words: a guess about what is shown, never about a stance (D15)."""

from agent.deciders.base import View
from retrieval.similarity import Similarity
from retrieval.vocabulary import OTHER, Vocabulary
from storage.records import Label, LabelKind, Stance

LEVEL = 0.95
"""By rule: of things at random, one in twenty would get the label."""
MOST = 3


class SimilarityLabeller:
    """At most three values and three topics whose words a short is near to; `other` where no topic is.

    The score is the share of things at random that are less near. A topic is `depicts`. A value is `unsure`: a noun
    that stands for a value does not say whether the short is for it, against it, or about something else.
    """

    def __init__(self, similarity: Similarity, vocabulary: Vocabulary, *, source: str | None = None) -> None:
        self.source = source or "similarity"
        self._similarity = similarity
        self._values = {value.id: [word.word for word in value.keywords()] for value in vocabulary.values}
        self._topics = {topic.id: list(topic.words["en"]) for topic in vocabulary.topics if topic.words.get("en")}

    async def label(self, view: View) -> list[Label]:
        """From the clean frame and the caption."""
        short = self._similarity.vectors(view.record, view.frame.data)
        groups = (
            (LabelKind.VALUE, self._values, Stance.UNSURE),
            (LabelKind.TOPIC, self._topics, Stance.DEPICTS),
        )
        found = [
            Label(kind=kind, name=name, source=self.source, stance=stance, score=near.rank, model=self._similarity.name)
            for kind, words, stance in groups
            for name, near in self._similarity.ranked(short, words)[:MOST]
            if near.rank >= LEVEL
        ]
        if not any(label.kind is LabelKind.TOPIC for label in found):
            model = self._similarity.name
            found.append(Label(kind=LabelKind.TOPIC, name=OTHER, source=self.source, stance=Stance.UNSURE, model=model))
        return found
