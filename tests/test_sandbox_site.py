"""The sandbox's server over real HTTP: what it serves, what it hides, and that it dies with its parent."""

import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from agent.sandbox.app import Options
from agent.sandbox.server import SandboxServer
from agent.sandbox.world import World
from storage.errors import UsageError
from storage.records import Kind

VOCABULARY = {"hedonism": ["vacation", "concert"], "achievement": ["trophy", "chess"]}
WORLD = World(1, VOCABULARY)


@pytest.fixture
def options(tmp_path: Path) -> Options:
    return Options(vocabulary=VOCABULARY, state=str(tmp_path / "state.jsonl"))


def a_short(kind: Kind = Kind.SHORT) -> str:
    return next(i for n in range(300) if WORLD.short(i := WORLD.id_of("chess", n)).kind is kind)


async def served(options: Options, ask: Callable[[httpx.AsyncClient], Awaitable[None]]) -> None:
    async with SandboxServer(options) as address, httpx.AsyncClient(base_url=address, timeout=10) as client:
        await ask(client)


async def test_search_pages_follow_the_world_and_live_rooms_have_no_id(options: Options) -> None:
    async def ask(client: httpx.AsyncClient) -> None:
        ids, cursor, more = [], 0, True
        while more:
            data = (await client.get("/api/search", params={"q": "chess", "cursor": cursor})).json()
            ids += [item["id"] for item in data["items"]]
            cursor, more = data["cursor"], data["hasMore"]
        expected = [WORLD.short(i) for page in range(WORLD.pages("chess")) for i in WORLD.search("chess", page)]
        assert ids == [short.id if short.kind is not Kind.LIVE else "" for short in expected]

    await served(options, ask)


async def test_no_answer_tells_the_truth_behind_a_short(options: Options) -> None:
    silent = next(
        short
        for short in (WORLD.short(WORLD.id_of("chess", number)) for number in range(300))
        if short.says == "silent" and short.kind is Kind.SHORT and "chess" not in (short.subtitles or "")
    )
    copy = WORLD.copy_of(silent.id, 0.5)

    async def ask(client: httpx.AsyncClient) -> None:
        page = (await client.get(f"/short/{silent.id}")).text
        assert silent.id in page
        assert "chess" not in page
        assert "achievement" not in page
        assert silent.id not in (await client.get(f"/short/{copy}")).text

    await served(options, ask)


async def test_a_video_is_served_whole_and_by_ranges(options: Options) -> None:
    async def ask(client: httpx.AsyncClient) -> None:
        address = f"/video/{a_short()}.webm"
        whole = await client.get(address)
        assert (whole.status_code, whole.headers["content-type"]) == (200, "video/webm")
        data = whole.content
        for asked, part in (("0-99", data[:100]), ("1000-", data[1000:]), ("-50", data[-50:])):
            answer = await client.get(address, headers={"Range": f"bytes={asked}"})
            assert (answer.status_code, answer.content) == (206, part)
            assert answer.headers["content-range"].endswith(f"/{len(data)}")
        assert (await client.get(address, headers={"Range": f"bytes={len(data)}-"})).status_code == 416
        assert (await client.get("/video/1-zz.webm")).status_code == 404
        assert (await client.get(f"/photo/{a_short(Kind.PHOTO)}.jpg")).content[:2] == b"\xff\xd8"

    await served(options, ask)


async def test_feed_position_is_the_visitors_and_outlives_the_server(options: Options) -> None:
    cookies: dict[str, str] = {}
    seen: list[str] = []

    async def leave_three(client: httpx.AsyncClient) -> None:
        await client.get("/feed")
        for _ in range(3):
            item = (await client.get("/api/feed")).json()["items"][0]
            seen.append(item["id"])
            event = {"id": item["id"], "position": item["position"], "seconds": 6, "media_seconds": 4, "liked": False}
            answer = await client.post("/api/watch", json=event)
            assert answer.json() == {"position": item["position"] + 1}
        assert (await client.post("/api/watch", content=b"{}")).status_code == 400
        cookies.update(client.cookies)

    async def come_back(client: httpx.AsyncClient) -> None:
        assert (await client.get("/api/feed")).json()["items"][0]["position"] == 0
        client.cookies.update(cookies)
        items = (await client.get("/api/feed")).json()["items"]
        assert items[0]["position"] == 3
        assert items[0]["id"] not in seen

    await served(options, leave_three)
    await served(options, come_back)


@pytest.mark.parametrize(
    ("fault", "status", "visible"),
    [
        ("rate_limit:120@2", 429, 'data-wall="rate_limit"'),
        ("bot_check@2", 200, 'data-wall="bot_check"'),
        ("captcha@2", 200, 'data-wall="captcha"'),
        ("login@2", 200, 'data-wall="login"'),
        ("consent@2", 200, 'data-wall="consent"'),
    ],
)
async def test_a_wall_stands_on_its_page_only_though_its_words_are_on_every_page(
    options: Options, fault: str, status: int, visible: str
) -> None:
    async def ask(client: httpx.AsyncClient) -> None:
        pages = [await client.get("/search", params={"q": "chess"}) for _ in range(3)]
        assert [page.status_code for page in pages] == [200, status, 200]
        assert [visible in page.text for page in pages] == [False, True, False]
        assert all("Log in to continue" in page.text and "Too many requests" in page.text for page in pages)
        if status == 429:
            assert pages[1].headers["retry-after"] == "120"

    await served(replace(options, faults=(fault,)), ask)


async def test_a_rejected_cookie_dialog_stays_away(options: Options) -> None:
    async def ask(client: httpx.AsyncClient) -> None:
        assert 'id="reject-all"' in (await client.get("/feed")).text
        client.cookies.set("consent", "rejected")
        assert 'id="reject-all"' not in (await client.get("/feed")).text

    await served(replace(options, faults=("consent@1x*",)), ask)


async def test_broken_empty_and_slow_answers(options: Options) -> None:
    async def ask(client: httpx.AsyncClient) -> None:
        async def answer() -> tuple[str, float]:
            began = time.perf_counter()
            text = (await client.get("/api/search", params={"q": "chess", "cursor": 0})).text
            return text, time.perf_counter() - began

        broken, nothing, empty, slow = [await answer() for _ in range(4)]
        with pytest.raises(ValueError, match=r"."):
            json.loads(broken[0])
        assert nothing[0] == ""
        assert json.loads(empty[0])["items"] == []
        assert slow[1] >= 0.5
        assert json.loads(slow[0])["items"]

    await served(replace(options, faults=("broken@1", "empty_answer@2", "empty@3", "slow:10@4")), ask)


async def test_wrong_options_are_refused_by_name(options: Options, tmp_path: Path) -> None:
    for wrong, word in ((replace(options, faults=("boo",)), "boo"), (replace(options, media=str(tmp_path)), "picture")):
        with pytest.raises(UsageError, match=word):
            await SandboxServer(wrong).__aenter__()


def test_the_server_dies_with_a_killed_parent(options: Options) -> None:
    parent = textwrap.dedent("""
        import asyncio, json, sys
        from agent.sandbox.app import Options
        from agent.sandbox.server import SandboxServer
        async def main():
            server = SandboxServer(Options(**json.loads(sys.argv[1])))
            print(json.dumps([await server.__aenter__(), server.pid]), flush=True)
            await asyncio.sleep(60)
        asyncio.run(main())
    """)
    given = json.dumps({"vocabulary": VOCABULARY, "state": options.state})
    process = subprocess.Popen([sys.executable, "-c", parent, given], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    address, pid = json.loads(process.stdout.readline())
    place = urlsplit(address)
    socket.create_connection((place.hostname, place.port), 2).close()
    process.send_signal(signal.SIGKILL)
    process.wait()
    for _ in range(100):
        try:
            socket.create_connection((place.hostname, place.port), 1).close()
        except OSError:
            break
        time.sleep(0.05)
    else:
        os.kill(pid, signal.SIGKILL)
        pytest.fail("the server outlived its parent by five seconds")
    process.stdout.close()
