"""Who decides and who labels, from the settings: deciders, labellers and the endpoints behind them."""

from types import TracebackType
from typing import Protocol, Self

from agent.deciders.always import Always
from agent.deciders.base import Decider, Labeller
from agent.deciders.never import Never
from agent.deciders.random import Random
from agent.deciders.similarity import SimilarityDecider
from agent.deciders.vlm import VlmDecider
from agent.labellers.similarity import SimilarityLabeller
from agent.labellers.vlm import VlmLabeller
from agent.personas.loading import find_persona
from agent.personas.persona import Persona
from agent.questions import question_versions
from agent.settings import CrawlSettings
from agent.strategies.base import Strategy
from agent.strategies.isq import Isq
from agent.strategies.plain import Plain
from agent.strategies.simple import Simple
from retrieval.clock import Clock
from retrieval.embedders.base import Embedder
from retrieval.embedders.packaged import PackagedEmbedder
from retrieval.endpoint import Endpoint, close_all
from retrieval.pricing import Budget, price_of
from retrieval.similarity import Similarity
from retrieval.vocabulary import Vocabulary
from storage.answer_record import AnswerStore
from storage.errors import UsageError

NO_LABELLER = "none"


class Panel(Protocol):
    """Who decides on a short and who labels it, and what both have cost so far (US dollars)."""

    @property
    def decider(self) -> Decider: ...
    @property
    def labeller(self) -> Labeller | None: ...
    @property
    def spent(self) -> float | None: ...


class Judges:
    """The decider and the labeller of one command. Closes its endpoints at the end.

    Raises:
        NotSetUp: the packaged model is not built, or OpenAI's address has no key.
        EndpointRefused, UsageError: see `retrieval.endpoint.Endpoint` and `strategy_of`.
    """

    def __init__(
        self,
        settings: CrawlSettings,
        vocabulary: Vocabulary,
        *,
        answers: AnswerStore,
        clock: Clock,
        source: str | None = None,
        embedder: Embedder | None = None,
    ) -> None:
        """`source` names the labels' source, by default the labeller's own name; `embedder` is what similarity
        compares with, by default the packaged one."""
        self._embedder = embedder
        self._settings = settings
        self._vocabulary = vocabulary
        self._answers = answers
        self._clock = clock
        self._source = source
        self._endpoints: dict[str, Endpoint] = {}
        self._similarity: Similarity | None = None
        self.budget = Budget(settings.max_cost)
        self._strategy = strategy_of(settings) if decider_name(settings) == "vlm" else None
        self.decider: Decider = self._decider(decider_name(settings))
        self.labeller: Labeller | None = self._labeller(labeller_name(settings))

    @property
    def questions(self) -> list[str]:
        """Versions of the questions that models are asked; none where no model is."""
        asked = self._strategy.questions if self._strategy else ()
        return question_versions(decider_name(self._settings), labeller_name(self._settings), asked)

    @property
    def persona(self) -> Persona | None:
        """As whom the decider decides; None out of role."""
        return self._strategy.persona if self._strategy else None

    @property
    def spent(self) -> float | None:
        """US dollars so far; None where no model is asked."""
        return self.budget.spent if self._endpoints else None

    def _decider(self, name: str) -> Decider:
        settings = self._settings
        if name == "vlm":
            return VlmDecider(self._endpoint(settings.model), self._strategy)
        if name == "similarity":
            return SimilarityDecider(self._shared_similarity(), threshold=settings.threshold)
        controls: dict[str, Decider] = {"always": Always(), "never": Never(), "random": Random(settings.probability)}
        return controls[name]

    def _labeller(self, name: str) -> Labeller | None:
        if name == NO_LABELLER:
            return None
        if name == "similarity":
            return SimilarityLabeller(self._shared_similarity(), self._vocabulary, source=self._source)
        if name == "vlm" or name.startswith("vlm:"):
            return VlmLabeller(
                self._endpoint(name.partition(":")[2] or self._settings.model), self._vocabulary, self._source
            )
        raise UsageError(f"--labeller {name} is unknown; choose auto, vlm, vlm:MODEL, similarity or none")

    def _shared_similarity(self) -> Similarity:
        if self._similarity is None:
            self._similarity = Similarity(self._embedder or PackagedEmbedder())
        return self._similarity

    def _endpoint(self, model: str) -> Endpoint:
        if model not in self._endpoints:
            settings = self._settings
            self._endpoints[model] = Endpoint(
                settings.base_url,
                settings.api_key.get_secret_value() if settings.api_key else None,
                model,
                store=self._answers,
                budget=self.budget,
                clock=self._clock,
                price=price_of(model, settings.price),
                seed=settings.seed,
                local_only=settings.local_only,
            )
        return self._endpoints[model]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await close_all(self._endpoints.values())


def decider_name(settings: CrawlSettings) -> str:
    """What `auto` stands for: a model where a key or an endpoint is set, else `similarity`."""
    if settings.decider != "auto":
        return settings.decider
    return "vlm" if settings.api_key is not None or settings.base_url else "similarity"


def labeller_name(settings: CrawlSettings) -> str:
    """What `auto` stands for: the decider's model, else `similarity`."""
    if settings.labeller != "auto":
        return settings.labeller
    return "vlm" if decider_name(settings) == "vlm" else "similarity"


def strategy_of(settings: CrawlSettings) -> Strategy:
    """How a model is asked whether it watches on, and as whom.

    Raises:
        UsageError: options that contradict each other, a role without persona or model, no such persona.
    """
    name = settings.strategy
    if settings.isq_threshold is not None and name != "isq":
        raise UsageError(f"--isq-threshold says nothing to --strategy {name}; leave it out, or add --strategy isq")
    if name == "plain":
        if settings.persona is not None:
            raise UsageError("--persona says nothing to --strategy plain; add --strategy simple or --strategy isq")
        return Plain()
    if settings.persona is None:
        raise UsageError(
            f"--strategy {name} needs a persona; add --persona NAME (`python -m agent.persona list`) or FILE:NAME"
        )
    if decider_name(settings) != "vlm":
        raise UsageError(
            f"--strategy {name} needs a model that plays the persona, and `{decider_name(settings)}` decides here; set "
            "OPENAI_API_KEY or --base-url, with --decider vlm"
        )
    if settings.threshold is not None:
        raise UsageError(f"--threshold is of `similarity` and says nothing to --strategy {name}; use --isq-threshold")
    persona = find_persona(settings.persona)
    return Simple(persona) if name == "simple" else Isq(persona, settings.isq_threshold)
