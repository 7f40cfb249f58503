"""Profiles by name: made by hand in a window, chosen for a crawl, and a logout in mid-crawl."""

import asyncio
import json
import stat
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext
from rich.console import Console

from agent import collect, login
from agent.login import log_in
from agent.platforms.youtube import YouTube
from agent.profiles import Profile, named_path
from storage.database import open_database
from storage.errors import Blocked, UsageError
from storage.models import Exposure, Run, Task
from tests.in_process import Commands
from tests.sites.visiting import FASTER, RoutedHost, crawl
from tests.sites.youtube import YouTubeSite

SAVE_EVERY = 0.3


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login, "SAVE_EVERY", SAVE_EVERY)


class Window(RoutedHost):
    """A window that its user closes after a while."""

    async def context(self, profile: Profile) -> BrowserContext:
        context = await super().context(profile)

        async def close() -> None:
            page = await context.wait_for_event("page")
            await page.wait_for_url("https://**")
            await page.evaluate("document.cookie = 'LOGIN_INFO=by-hand; max-age=9999'")
            await asyncio.sleep(3 * SAVE_EVERY)
            await page.close()

        self.closing = asyncio.ensure_future(close())
        return context


async def made(site: YouTubeSite, name: str) -> tuple[Profile, bool | None]:
    profile = Profile.new_named("youtube", name)
    async with Window(site) as host:
        await host.browser()
        return profile, await log_in(YouTube(), profile, host, Console(quiet=True))


async def test_a_login_by_hand_is_kept_for_its_owner_alone(own_configuration: Path) -> None:
    profile, logged_in = await made(YouTubeSite(logged_in=True), "arm-1")
    path = own_configuration / "profiles" / "youtube" / "arm-1.json"
    assert profile.path == path
    assert logged_in is True
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert "by-hand" in path.read_text()
    assert Profile.named("youtube", "arm-1").id == profile.id


async def test_a_crawl_in_a_named_profile_notes_it_and_pauses_when_it_is_logged_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(YouTube, "time_scale", FASTER)
    site = YouTubeSite(logged_in=True, rate=16)
    profile, _ = await made(site, "arm-1")
    wanted = {"platform": ["youtube"], "keyword": ["vacation"], "profile": "arm-1", "limit": 4}
    first = await crawl(tmp_path, site, **wanted)
    assert [share.problem for share in first.platforms] == [None]

    real, seen = site.answer, []

    async def answer(request: object) -> object:
        if getattr(request, "resource_type", "") == "document":
            seen.append(request)
            site.logged_in = len(seen) < 4
        return await real(request)  # type: ignore[arg-type]

    monkeypatch.setattr(site, "answer", answer)
    second = await crawl(tmp_path, site, **wanted)
    problem = second.platforms[0].problem
    assert isinstance(problem, Blocked)
    assert problem.wall == "login"
    with open_database(str(tmp_path / "corpus.sqlite"), write=False) as database, database.read() as session:
        rows = session.query(Exposure).order_by(Exposure.id).all()
        assert {row.profile_id for row in rows} == {profile.id}
        assert [row.profile_exposures for row in rows] == list(range(len(rows)))
        assert {run.environment["profile"] for run in session.query(Run)} == {"arm-1"}
        assert any(task.taken < task.quota for task in session.query(Task))  # the queue is kept
        assert all("by-hand" not in json.dumps(run.environment) for run in session.query(Run))
    assert all(b"by-hand" not in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_a_profile_that_is_not_there_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    asked = ("--platform", "youtube", "--profile", "nobody", "--limit", 1)
    said = Commands(monkeypatch, capsys)(collect.app, *asked, code=2).err
    assert "agent.login --platform youtube --profile nobody" in said


@pytest.mark.parametrize("name", ["../arm", "", "a/b", "anonymous", ".hidden"])
def test_a_name_that_is_no_files_is_refused(name: str) -> None:
    with pytest.raises(UsageError):
        named_path("tiktok", name)


def test_a_damaged_profile_is_one_sentence(own_configuration: Path) -> None:
    path = named_path("tiktok", "arm")
    path.parent.mkdir(parents=True)
    path.write_text('{"id": 3}')
    with pytest.raises(UsageError, match="make it anew"):
        Profile.named("tiktok", "arm")
