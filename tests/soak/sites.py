"""Fifty shorts of each real site's test server, in both modes, through every wall that may be passed."""

import asyncio
import os
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.platforms import PLATFORMS, web
from tests.sites.base import Site
from tests.sites.corpora import stored_truth_differs
from tests.sites.instagram import InstagramSite
from tests.sites.tiktok import TikTokSite
from tests.sites.visiting import FASTER, crawl
from tests.sites.youtube import YouTubeSite

SHORTS = 50


@dataclass(frozen=True)
class Case:
    """One crawl: the server with what goes wrong on the way."""

    platform: str
    server: type[Site]
    mode: str
    faults: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)


CASES = (
    Case("youtube", YouTubeSite, "search", ("consent_page", "rate_limit@9", "thin_filter")),
    Case("youtube", YouTubeSite, "feed", ("consent_dialog", "dead_button")),
    Case("tiktok", TikTokSite, "search", ("consent", "rate_limit@9", "error_card@5", "needs_mouse")),
    Case("tiktok", TikTokSite, "feed", ("consent", "keyboard_guide")),
    Case("instagram", InstagramSite, "search", ("consent", "rate_limit@9")),
    Case("instagram", InstagramSite, "feed", ("consent",)),
)


def main() -> bool:
    """Print a line a crawl; True if each reached its number and holds what was served."""
    web.MOVE_TIMEOUT = 1.2  # the servers answer at once
    return not [case for case in CASES if not _run(case)]


def _run(case: Case) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["VALUE_SPECTRUM_CONFIG_DIR"] = str(Path(folder) / "config")
        home = Path(folder) / "home"
        home.mkdir()
        site = case.server(size=160, faults=case.faults, rate=16, **case.options)
        PLATFORMS[case.platform].time_scale = FASTER
        what: dict[str, Any] = {"value": ["hedonism", "power"]} if case.mode == "search" else {}
        began = time.monotonic()
        result = asyncio.run(crawl(home, site, platform=[case.platform], mode=case.mode, limit=SHORTS, **what))
        seconds = time.monotonic() - began
        problems = [str(share.problem) for share in result.platforms if share.problem]
        wrong = problems + stored_truth_differs(home, site, least=SHORTS)
        print(
            f"{case.platform} {case.mode}: {SHORTS} shorts in {seconds:.0f} s, {len(site.asked)} requests, "
            f"walls and faults {', '.join(case.faults) or 'none'}: {len(wrong)} differences",
            flush=True,
        )
        for line in wrong[:10]:
            print("  " + line)
        return not wrong
