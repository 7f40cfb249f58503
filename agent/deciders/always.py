"""Control: watches everything. What a feed does then is the baseline for every selective decider."""

from agent.deciders.base import View
from storage.records import Decision, Verdict


class Always:
    """Says yes to every short, without looking."""

    name = "always"

    async def decide(self, view: View) -> Decision:
        return Decision(verdict=Verdict.YES, decider=self.name, reason="the control `always` watches every short")
