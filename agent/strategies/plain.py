"""`plain`: no persona, the paper's browsing question, the model's own opinion."""

from collections.abc import Mapping
from typing import Any

from agent.questions import WATCH
from agent.strategies.base import Conclusion
from storage.records import Verdict


class Plain:
    """Watches on for a yes. Asked once: a refusal or an unreadable answer is final (D14)."""

    name = "plain"
    persona = None
    questions = (WATCH,)

    def conclude(self, parsed: Mapping[str, Any]) -> Conclusion:
        """The answer as it is."""
        return Conclusion(verdict=Verdict(parsed["answer"]), reason=parsed["reason"])
