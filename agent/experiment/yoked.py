"""The decider of a yoked arm: repeats what another arm did, place by place, whatever its own feed shows.

What its feed becomes is what watching for that long does by itself; the other arm's feed differs from it by *what* it
watched.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agent.deciders.base import View
from storage.records import Decision, Verdict


@dataclass(frozen=True, kw_only=True)
class Step:
    """What an arm did at one place."""

    verdict: Verdict
    dwell: float
    """Seconds of watching after the decision window."""


class Yoked:
    """Says at every place what the other arm said there, and for how long to watch.

    Args:
        steps: of the other arm, in order.
        place: how many shorts this arm has decided on.
    """

    name = "yoked"

    def __init__(self, source: str, steps: Sequence[Step], place: Callable[[], int]) -> None:
        self._source, self._steps, self._place = source, steps, place

    async def decide(self, view: View) -> Decision:
        """Without looking."""
        place = self._place()
        step = self._steps[place]
        reason = f"repeats {self._source} at its place {place}"
        return Decision(verdict=step.verdict, decider=self.name, reason=reason, dwell=step.dwell)
