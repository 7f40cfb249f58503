"""Control: chance. It shows what a feed learns from watching that has nothing to do with content."""

from agent.deciders.base import View
from storage.chance import draw
from storage.errors import UsageError
from storage.records import Decision, Verdict


class Random:
    """Says yes with a fixed probability: a function of (seed, platform_id), whatever came before (D4).

    Args:
        probability: share of shorts that are watched, 0 to 1.

    Raises:
        UsageError: the probability is none.
    """

    name = "random"

    def __init__(self, probability: float = 0.5) -> None:
        if not 0 <= probability <= 1:
            raise UsageError(f"the decider `random` got probability {probability}; give a number from 0 to 1")
        self.probability = probability

    async def decide(self, view: View) -> Decision:
        """The draw is the decision's score: yes below the probability."""
        assert view.record.platform_id is not None, "a short without an id is never judged"
        drawn = draw(view.seed, "decide", view.record.platform_id)
        return Decision(
            verdict=Verdict.YES if drawn < self.probability else Verdict.NO,
            decider=self.name,
            reason=f"the control `random` drew {drawn:.3f} and watches below {self.probability:g}",
            score=round(drawn, 3),
        )
