"""Evidence at walls: kept once an hour, scrubbed of the visitor, readable by agent.inspect."""

import json
from pathlib import Path
from typing import Any

import pytest

from agent.evidence import Evidence, scrubbed
from agent.logs import HIDDEN
from agent.platforms.youtube import YouTube
from storage.database import open_database
from storage.models import Event, Exposure, Task
from storage.records import Outcome
from tests.clocks import FakeClock
from tests.commands import run
from tests.sites.corpora import SECRET
from tests.sites.visiting import FASTER, crawl
from tests.sites.youtube import YouTubeSite


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ('{"remoteHost":"203.0.113.7","hl":"en"}', "203.0.113.7"),
        ('{"visitorData":"CgtNTEZmckIwVWdUUSiM197LBg%3D%3D"}', "CgtNTEZmckIwVWdUUSiM197LBg"),
        (r"{\"msToken\":\"abcDEF123456\",\"a\":1}", "abcDEF123456"),
        ("https://v16.example/video.mp4?ip=198.51.100.9&sig=AbCdEf&x=1", "AbCdEf"),
        ("https://v16.example/video.mp4?a=1\\u0026lsig=AbCdEf99\\u0026x=1", "AbCdEf99"),
        ('"clientIp":"2001:db8:85a3:0:0:8a2e:370:7334"', "2001:db8:85a3"),
        ('{"XSRF_TOKEN":"QUFFLUhqa0=","LOGGED_IN":false}', "QUFFLUhqa0"),
        ("signed in as someone.else@example.org today", "someone.else@example.org"),
        ('document.cookie = "ttwid=1%7Cwell-kept-secret"', "1%7Cwell-kept-secret"),
    ],
)
def test_what_belongs_to_the_visitor_is_struck_out(text: str, secret: str) -> None:
    clean = scrubbed(text, ["1%7Cwell-kept-secret"])
    assert secret not in clean
    assert HIDDEN in clean


def test_what_belongs_to_the_page_stays() -> None:
    text = '{"videoId":"dQw4w9WgXcQ","title":"12:30 is not 1.2.3","viewCount":"1234567"} /shorts/dQw4w9WgXcQ?pp=1'
    assert scrubbed(text) == text
    assert json.loads(scrubbed('{"visitorData":"a\\"b","id":"x"}')) == {"visitorData": HIDDEN, "id": "x"}


async def test_a_kind_is_kept_once_an_hour(tmp_path: Path) -> None:
    clock = FakeClock()
    evidence = Evidence(tmp_path / "e", "youtube", clock)
    assert await evidence.keep("captcha", None) is not None
    assert await evidence.keep("captcha", None) is None
    assert await evidence.keep("layout", None) is not None
    assert await Evidence(tmp_path / "e", "youtube", clock).keep("captcha", None) is None
    clock.seconds += 3601
    assert await evidence.keep("captcha", None) is not None


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(YouTube, "time_scale", FASTER)


async def test_a_captcha_ends_the_platforms_turn_keeps_its_queue_and_what_it_looked_like(
    tmp_path: Path, fast: None
) -> None:
    site = YouTubeSite(faults=["captcha@6"], rate=16)
    result = await crawl(tmp_path, site, platform=["youtube"], keyword=["vacation"], limit=10)
    (share,) = result.platforms
    assert share.problem is not None
    assert share.problem.exit_code == 3
    (folder,) = (tmp_path / "corpus.sqlite.evidence").iterdir()
    assert folder.name.startswith("youtube-captcha-")
    assert {path.name for path in folder.iterdir()} >= {"about.json", "page.html", "screen.jpg", "log.jsonl"}
    assert (folder / "screen.jpg").read_bytes()[:2] == b"\xff\xd8"
    assert all(SECRET.encode() not in path.read_bytes() for path in folder.iterdir())
    with open_database(str(tmp_path / "corpus.sqlite"), write=False) as database, database.read() as session:
        done = session.query(Exposure).filter(Exposure.outcome == Outcome.DONE.value).count()
        (task,) = session.query(Task).all()
        assert (task.quota, task.taken) == (10, done)
        assert 0 < done < 10
        assert "wall" in [event.kind for event in session.query(Event)]

    told = run(tmp_path, "agent.inspect", folder, "--platform", "youtube", "--json")
    assert told.returncode == 3
    assert json.loads(told.stdout)["wall"] == "captcha"

    site.faults.clear()
    again = await crawl(tmp_path, site, platform=["youtube"], keyword=["vacation"], limit=10)
    assert [share.problem for share in again.platforms] == [None]
    assert again.platforms[0].run is not None
    assert again.platforms[0].run.continued


async def test_lists_without_items_again_and_again_are_a_changed_layout_with_evidence(
    tmp_path: Path, fast: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.platforms.web.ANSWER_TIMEOUT", 0.3)
    monkeypatch.setattr("agent.crawl.EMPTY_LISTS", 2)
    result = await crawl(tmp_path, YouTubeSite(faults=["empty"]), platform=["youtube"], value=["power"], limit=10)
    problem: Any = result.platforms[0].problem
    assert type(problem).__name__ == "LayoutChanged"
    assert problem.exit_code == 3
    assert [path.name.split("-")[1] for path in (tmp_path / "corpus.sqlite.evidence").iterdir()] == ["layout"]


async def test_unreadable_answers_leave_evidence_and_the_crawl_goes_on(
    tmp_path: Path, fast: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = YouTube.parse
    calls = []

    def parse(raw: Any, kind: str) -> Any:
        calls.append(kind)
        if kind == "reel_item_watch":
            raise KeyError("renamed")
        return real(raw, kind)

    monkeypatch.setattr(YouTube, "parse", staticmethod(parse))
    result = await crawl(tmp_path, YouTubeSite(rate=16), platform=["youtube"], mode="feed", limit=2)
    assert "reel_item_watch" in calls
    assert [share.problem for share in result.platforms] == [None]
    assert any("unreadable" in path.name for path in (tmp_path / "corpus.sqlite.evidence").iterdir())


async def test_a_lost_connection_keeps_the_queue_and_says_so_in_one_sentence(
    tmp_path: Path, fast: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.pace.LOST_PAUSE", 0.1)
    site = YouTubeSite(rate=16)
    real, asked = site.answer, []

    async def answer(request: Any) -> Any:
        asked.append(request)
        if len(asked) > 40:
            raise ConnectionError
        return await real(request)

    monkeypatch.setattr(site, "answer", answer)
    result = await crawl(tmp_path, site, platform=["youtube"], keyword=["vacation"], limit=30)
    (share,) = result.platforms
    assert type(share.problem).__name__ == "SiteUnreachable"
    assert "youtube cannot be reached" in str(share.problem)
    monkeypatch.setattr(site, "answer", real)
    again = await crawl(tmp_path, site, platform=["youtube"], keyword=["vacation"], limit=30)
    assert [share.problem for share in again.platforms] == [None]
    assert again.platforms[0].run is not None
    assert again.platforms[0].run.continued
