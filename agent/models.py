"""From settings to the decider, the labeller and the endpoint behind them."""

from dataclasses import dataclass

from agent.deciders.always import Always
from agent.deciders.base import Decider, Labeller
from agent.deciders.never import Never
from agent.deciders.random import Random
from agent.deciders.similarity import SimilarityDecider
from agent.deciders.vlm import VlmDecider
from agent.labellers.similarity import SimilarityLabeller
from agent.labellers.vlm import VlmLabeller
from agent.questions import QUESTION_VERSIONS
from agent.settings import CrawlSettings
from retrieval.endpoint import Endpoint
from retrieval.similarity import Similarity
from retrieval.vocabulary import Vocabulary
from storage.errors import UsageError
