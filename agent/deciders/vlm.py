"""A vision-language model decides: it is shown the screen and asked the paper's question (D14)."""

from agent.deciders.base import View
from agent.questions import WATCH
from retrieval.endpoint import Endpoint
from retrieval.question import Question, Subject
from storage.answer_record import AnswerStatus
from storage.records import Decision, Verdict

VERDICTS = {AnswerStatus.REFUSED: Verdict.REFUSED, AnswerStatus.UNREADABLE: Verdict.UNREADABLE}


class VlmDecider:
    """Watches on for a yes. A refusal or an unreadable answer is neither yes nor no and is counted apart (D16)."""

    name = "vlm"

    def __init__(self, endpoint: Endpoint, question: Question = WATCH, *, persona: str | None = None) -> None:
        """`persona` names the role that the question's wording plays, if any."""
        self._endpoint = endpoint
        self._question = question
        self._persona = persona

    async def decide(self, view: View) -> Decision:
        """Raises BudgetSpent, EndpointDown and EndpointRefused as `Endpoint.ask` does."""
        answer = await self._endpoint.ask(
            self._question,
            picture=view.screen.data,
            subject=Subject(run_id=view.run_id, platform=view.record.platform, platform_id=view.record.platform_id),
            persona=self._persona,
            epoch=view.epoch,
        )
        verdict, reason = VERDICTS.get(answer.status), None
        if verdict is None:
            parsed = answer.parsed or {}
            verdict, reason = Verdict(parsed["answer"]), parsed["reason"]
        return Decision(verdict=verdict, decider=self.name, reason=reason, answer_id=answer.id)
