"""The platforms. A new one is a file with a subclass of `Platform`, and its name here."""

from pathlib import Path

from agent.platforms.base import Platform
from agent.platforms.sandbox import Sandbox
from agent.platforms.youtube import YouTube
from agent.settings import CrawlSettings
from retrieval.vocabulary import Vocabulary

PLATFORMS: dict[str, type[Platform]] = {platform.name: platform for platform in (Sandbox, YouTube)}


def make_platform(name: str, settings: CrawlSettings, vocabulary: Vocabulary, corpus: Path) -> Platform:
    """The platform as the settings ask for it; what it keeps between commands lies beside the corpus."""
    return PLATFORMS[name].from_settings(settings, vocabulary, corpus)
