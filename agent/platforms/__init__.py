"""The platforms. A new one is a file with a subclass of `Platform`, and its name here."""

from pathlib import Path

from agent.platforms.base import Platform
from agent.platforms.instagram import Instagram
from agent.platforms.sandbox import Sandbox
from agent.platforms.tiktok import TikTok
from agent.platforms.web import WebPlatform
from agent.platforms.youtube import YouTube
from agent.settings import CrawlSettings
from retrieval.vocabulary import Vocabulary
from storage.errors import UsageError

PLATFORMS: dict[str, type[Platform]] = {platform.name: platform for platform in (Sandbox, YouTube, TikTok, Instagram)}


def web_platform(name: str) -> WebPlatform:
    """A real site's platform, for commands that look at its pages.

    Raises:
        UsageError: no such site.
    """
    known = {platform.name: platform for platform in PLATFORMS.values() if issubclass(platform, WebPlatform)}
    if name not in known:
        raise UsageError(f"--platform {name} is no real site; choose from {', '.join(known)}")
    return known[name]()


def make_platform(name: str, settings: CrawlSettings, vocabulary: Vocabulary, corpus: Path) -> Platform:
    """The platform as the settings ask for it; what it keeps between commands lies beside the corpus."""
    return PLATFORMS[name].from_settings(settings, vocabulary, corpus)
