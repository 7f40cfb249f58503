"""The decider that needs no key: watches what is near to its interest (D14). The baseline a paid model must beat."""

from agent.deciders.base import View
from retrieval.similarity import Nearness, Similarity
from storage.errors import UsageError
from storage.records import Decision, Verdict

THRESHOLD = 0.9
"""By rule, not by fit: of things at random, one in ten would be watched."""
INCOMPARABLE = "nothing to compare: no picture that can be read and no English text, or no interest in Latin script"
BLIND = "it knows nouns and sees no people, actions, moods or text in the picture"


class SimilarityDecider:
    """Yes where the short is nearer to the interest than `threshold` of a thousand things at random.

    The score is that share (see `retrieval.similarity`), 0 to 1.

    Raises:
        UsageError: the threshold is no share.
    """

    name = "similarity"

    def __init__(self, similarity: Similarity, threshold: float | None = None) -> None:
        self.threshold = THRESHOLD if threshold is None else threshold
        if not 0 <= self.threshold <= 1:
            raise UsageError(
                f"--threshold {self.threshold:g} is no share of things at random; give a number from 0 to 1"
            )
        self._similarity = similarity

    async def decide(self, view: View) -> Decision:
        """Compares the clean frame and the caption with the words of the view's interest; unreadable where nothing
        can be compared, which is no opinion (D16)."""
        short = self._similarity.vectors(view.record, view.frame.data)
        found = self._similarity.nearness(short, view.interest.words)
        if found is None:
            return Decision(verdict=Verdict.UNREADABLE, decider=self.name, reason=INCOMPARABLE)
        return Decision(
            verdict=Verdict.YES if found.rank >= self.threshold else Verdict.NO,
            decider=self.name,
            reason=_reason(found, self.threshold),
            score=found.rank,
        )


def _reason(found: Nearness, threshold: float) -> str:
    seen = "no picture" if found.seen is None else f"picture {found.seen:.2f}"
    said = "no English text" if found.said is None else f"text {found.said:.2f}"
    return (
        f"nearest to {found.word!r} ({seen}, {said}): nearer than {found.rank:.1%} of things at random, watched from "
        f"{threshold:.0%}; {BLIND}"
    )
