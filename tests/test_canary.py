"""The canary: what of a site still works, and what it says of a changed one."""

from pathlib import Path

import pytest
from rich.console import Console

from agent import canary, doctor
from agent.clock import SystemClock
from agent.platforms.instagram import Instagram
from agent.platforms.tiktok import TikTok
from agent.platforms.web import WebPlatform
from agent.platforms.youtube import YouTube
from agent.profiles import Profile
from tests.in_process import Commands
from tests.sites.base import Site
from tests.sites.instagram import InstagramSite
from tests.sites.tiktok import TikTokSite
from tests.sites.visiting import FASTER, RoutedHost
from tests.sites.youtube import YouTubeSite


async def visit(home: Path, site: YouTubeSite) -> canary.CanaryReport:
    async with RoutedHost(site) as host:
        return await canary.visit(
            YouTube(), "vacation", Profile(id="canary"), host, SystemClock(), home / "corpus.sqlite.evidence"
        )


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(YouTube, "time_scale", FASTER)


async def test_it_tells_field_by_field_and_selector_by_selector_what_works(tmp_path: Path) -> None:
    report = await visit(tmp_path, YouTubeSite())
    assert (report.wall, report.exit_code) == (None, 0)
    assert report.listed >= 3
    assert report.opened + len(report.failed) == 3
    assert report.fields["caption"] == report.fields["duration"] == report.fields["views"] == report.opened
    there = {finding.css: finding.there for finding in report.selectors}
    assert there['a[href^="/shorts/"]'] > 2
    assert there["#navigation-button-down button"] == 1
    assert there['button[aria-label="Next video"]'] == 1
    kinds = sorted(Path(folder).name.rsplit("-", 1)[0] for folder in report.evidence)
    assert kinds == ["youtube-canary-search", "youtube-canary-short"]
    console = Console(record=True, width=160, quiet=False, file=(tmp_path / "out").open("w"))
    canary.print_report(console, report)
    text = console.export_text()
    assert "caption" in text
    assert "unproven" in text


@pytest.mark.parametrize(("platform", "site"), [(TikTok(), TikTokSite()), (Instagram(), InstagramSite())])
async def test_it_visits_the_other_sites_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, platform: WebPlatform, site: Site
) -> None:
    monkeypatch.setattr(type(platform), "time_scale", FASTER)
    async with RoutedHost(site) as host:
        profile = Profile(id="canary")
        report = await canary.visit(platform, "vacation", profile, host, SystemClock(), tmp_path / "evidence")
    assert (report.wall, report.exit_code) == (None, 0)
    assert report.opened + len(report.failed) == 3
    assert report.fields["duration"] == report.fields["likes"] == report.opened


async def test_a_wall_is_told_and_nothing_more_is_asked(tmp_path: Path) -> None:
    site = YouTubeSite(faults=["captcha"])
    report = await visit(tmp_path, site)
    assert (report.wall, report.exit_code, report.opened) == ("captcha", 3, 0)
    assert site.documents == 1


async def test_a_page_that_is_no_longer_understood_is_exit_3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.platforms.web.ANSWER_TIMEOUT", 0.3)
    monkeypatch.setattr(YouTube, "parse", staticmethod(lambda raw, kind: []))
    report = await visit(tmp_path, YouTubeSite())
    assert (report.wall, report.listed, report.exit_code) == (None, 0, 3)


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Commands:
    return Commands(monkeypatch, capsys)


def test_what_has_no_proof_is_printed_as_unproven(commands: Commands) -> None:
    asked = ("--platform", "youtube")
    proofs = {row["css"]: row["proof"] for row in commands(doctor.app, *asked, "--json").figures}
    assert proofs['a[href^="/shorts/"]'].startswith("R ")
    assert "unproven" in proofs.values()
    assert "unproven" in commands(doctor.app, *asked).out


def test_live_needs_a_platform(commands: Commands) -> None:
    assert "--platform" in commands(doctor.app, "--live", code=2).err
