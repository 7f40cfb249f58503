"""Control: scrolls past everything. What a feed does then is what it shows without any sign of interest."""

from agent.deciders.base import View
from storage.records import Decision, Verdict


class Never:
    """Says no to every short, without looking."""

    name = "never"

    async def decide(self, view: View) -> Decision:
        return Decision(verdict=Verdict.NO, decider=self.name, reason="the control `never` scrolls past every short")
