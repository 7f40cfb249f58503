"""The platforms. A new one is a file with a subclass of `Platform`, and its name here."""

from functools import cache
from pathlib import Path
from typing import ClassVar

from agent.platforms.base import Platform
from agent.platforms.instagram import Instagram
from agent.platforms.sandbox import Sandbox
from agent.platforms.tiktok import TikTok
from agent.platforms.web import WebPlatform
from agent.platforms.youtube import YouTube
from agent.sandbox.sites import seed_of
from agent.settings import CrawlSettings
from retrieval.vocabulary import Vocabulary
from storage.errors import UsageError

PLATFORMS: dict[str, type[Platform]] = {platform.name: platform for platform in (Sandbox, YouTube, TikTok, Instagram)}


def platform_class(name: str) -> type[Platform]:
    """The platform of this name: one of PLATFORMS, or `sandbox-N`, the sandbox site of seed N.

    Raises:
        UsageError: there is none.
    """
    if (seed := seed_of(name)) is not None:
        return _sandbox_site(seed)
    if name not in PLATFORMS:
        raise UsageError(f"--platform {name} is unknown; choose from {', '.join(PLATFORMS)}")
    return PLATFORMS[name]


@cache
def _sandbox_site(seed: int) -> type[Sandbox]:
    class Site(Sandbox):
        """The sandbox of one seed, beside others in the same corpus."""

        name: ClassVar[str] = f"{Sandbox.name}-{seed}"
        own_seed: ClassVar[int | None] = seed

    return Site


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
    return platform_class(name).from_settings(settings, vocabulary, corpus)
