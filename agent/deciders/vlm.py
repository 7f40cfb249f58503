"""A vision-language model decides: it is shown the screen and asked as a strategy has it (D14)."""

from agent.asking import ask_until_read
from agent.deciders.base import View
from agent.strategies.base import Strategy
from agent.strategies.plain import Plain
from retrieval.endpoint import Endpoint
from retrieval.question import Subject
from storage.answer_record import AnswerStatus
from storage.records import Decision, Verdict

VERDICTS = {AnswerStatus.REFUSED: Verdict.REFUSED, AnswerStatus.UNREADABLE: Verdict.UNREADABLE}


class VlmDecider:
    """Watches on for a yes. A refusal or an unreadable answer is neither yes nor no and is counted apart (D16)."""

    name = "vlm"

    def __init__(self, endpoint: Endpoint, strategy: Strategy | None = None) -> None:
        """`strategy`: how it is asked, and as whom; `plain` by default."""
        self._endpoint = endpoint
        self._strategy: Strategy = strategy or Plain()

    async def decide(self, view: View) -> Decision:
        """Raises BudgetSpent, EndpointDown and EndpointRefused as `Endpoint.ask` does."""
        strategy = self._strategy
        answer = await ask_until_read(
            self._endpoint,
            strategy.questions,
            picture=view.screen.data,
            subject=Subject(run_id=view.run_id, platform=view.record.platform, platform_id=view.record.platform_id),
            persona=strategy.persona.name if strategy.persona else None,
            epoch=view.epoch,
        )
        verdict = VERDICTS.get(answer.status)
        if verdict is not None:
            return Decision(verdict=verdict, decider=self.name, answer_id=answer.id)
        concluded = strategy.conclude(answer.parsed or {})
        return Decision(
            verdict=concluded.verdict,
            decider=self.name,
            reason=concluded.reason,
            score=concluded.score,
            answer_id=answer.id,
        )
