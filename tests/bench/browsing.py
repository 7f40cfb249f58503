"""Capture, the loop's own time, the pace of a feed and the growth of memory, in a real browser on the sandbox."""

import asyncio
import json
import signal
import statistics
import tempfile
import time
from contextlib import aclosing
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
from playwright.async_api import Page

from agent.browser import BrowserHost
from agent.capture import Camera
from agent.platforms.sandbox import Sandbox
from agent.profiles import Profile
from retrieval.vocabulary import load_vocabulary
from storage.records import Kind
from tests.bench.measure import Bar, in_turns_async
from tests.commands import run, start

SCALE = "100"
CONTROL = ("--decider", "always", "--labeller", "none", "--dwell", "fixed:0", "--decide-window", "0")


def _sandbox(home: Path) -> Sandbox:
    words = {value.id: [keyword.word for keyword in value.keywords("A")] for value in load_vocabulary().values}
    return Sandbox(vocabulary=words, state=home / "feed.jsonl", time_scale=float(SCALE))


async def capture() -> list[Bar]:
    """One short on screen, captured three ways in turns."""
    with tempfile.TemporaryDirectory() as folder:
        platform = _sandbox(Path(folder))
        async with BrowserHost() as host:
            context = await host.context(Profile(id="bench"))
            page = await context.new_page()
            platform.attach(page)
            await platform.start()
            async with aclosing(platform.results(page, "vacation")) as batches:  # type: ignore[type-var]
                records = [record async for batch in batches for record in batch if record.kind is Kind.SHORT]
            shown = await platform.open(page, records[0])
            video = shown.video
            assert video is not None
            camera = Camera()

            async def both() -> None:
                await camera.capture(page, video, shown.box, at=1.0, timeout=20)

            async def locator() -> None:
                await page.locator("article[data-active=true] .player").screenshot(type="jpeg", quality=80)

            await both()
            screen, whole, other = await in_turns_async(
                [lambda: camera.screen(page, shown.box), both, locator], rounds=40
            )
            await platform.close()
    named = 'locator.screenshot(type="jpeg")'
    return [
        Bar(
            name="screen capture",
            against=named,
            ratio=screen / other,
            limit=0.5,
            detail=f"{screen * 1e3:.1f} ms against {other * 1e3:.1f} ms",
        ),
        Bar(
            name="screen and frame",
            against=named,
            ratio=whole / other,
            limit=0.7,
            detail=f"{whole * 1e3:.1f} ms against {other * 1e3:.1f} ms",
        ),
    ]


async def _bare_feed(number: int) -> float:
    """Shorts a minute of a script that only moves on, waits for the frame and captures."""
    with tempfile.TemporaryDirectory() as folder:
        platform = _sandbox(Path(folder))
        async with BrowserHost() as host:
            context = await host.context(Profile(id="bench"))
            page = await context.new_page()
            await platform.start()
            await page.goto(f"{platform.base_url}/feed")
            seen, began = 0, time.perf_counter()
            while seen < number:
                seen += await _bare_short(page)
                before = await page.evaluate(_PLACE)
                await page.click("#next")
                await page.wait_for_function(f"before => ({_PLACE})() !== before", arg=before, polling=10)
            taken = time.perf_counter() - began
            await context.close()
            await platform.close()
    return 60 * number / taken


_PLACE = "() => document.querySelector('article[data-active=true]')?.dataset.position"


async def _bare_short(page: Page) -> int:
    """Wait for media time 1.0, take frame and screen; 0 for an item without a video."""
    got = await page.evaluate(
        """async () => {
          const video = document.querySelector('article[data-active=true] video');
          if (!video) return null;
          while (video.readyState < 2 || video.currentTime < 1.0) await new Promise(r => requestAnimationFrame(r));
          video.pause();
          const canvas = document.createElement('canvas');
          canvas.width = 180; canvas.height = 320;
          canvas.getContext('2d').drawImage(video, 0, 0, 180, 320);
          const box = video.closest('.player').getBoundingClientRect();
          return {frame: canvas.toDataURL('image/jpeg', 0.9), x: box.x, y: box.y, width: box.width, height: box.height};
        }"""
    )
    if got is None:
        return 0
    got.pop("frame")
    await page.screenshot(type="jpeg", quality=80, clip=got)
    return 1


def feed_pace(number: int = 150) -> Bar:
    """Shorts a minute of the whole loop in feed mode with `always` and no dwell."""
    bare = asyncio.run(_bare_feed(number))
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        done = run(
            home,
            "agent.collect",
            "--mode",
            "feed",
            "--limit",
            str(number),
            "--time-scale",
            SCALE,
            *CONTROL,
            "--json",
            timeout=900,
        )
        assert done.returncode == 0, done.stderr
        figures = json.loads(done.stdout)
        shown = [datetime.fromisoformat(event["timestamp"]) for event in _shorts(home)]
    minutes = (shown[-1] - shown[0]).total_seconds() / 60
    ours = (len(shown) - 1) / minutes
    return Bar(
        name="feed, shorts a minute",
        against="a bare Playwright script",
        ratio=ours / bare,
        limit=0.8,
        at_least=True,
        detail=f"{ours:.0f} against {bare:.0f}, {figures['platforms'][0]['seen']} seen",
    )


def own_time(number: int = 40) -> Bar:
    """The loop's own milliseconds per short: not the page, the capture, the dwell or the model."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        done = run(home, "agent.collect", "--limit", str(number), "--time-scale", SCALE, *CONTROL, timeout=600)
        assert done.returncode == 0, done.stderr
        own = [event["own_ms"] for event in _shorts(home)]
    return Bar(
        name="own time per short, share of 25 ms",
        against="the bar itself",
        ratio=statistics.median(own) / 25,
        limit=1.0,
        detail=f"median {statistics.median(own):.1f} ms of {len(own)} shorts",
    )


def memory(first: int = 100, last: int = 1000) -> Bar:
    """Resident memory of the process and all its children (browser, sandbox) after many shorts, against after few."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        process = start(
            home, "agent.collect", "--mode", "feed", "--limit", str(last + 50), "--time-scale", SCALE, *CONTROL
        )
        sizes = {count: _memory_at(process.pid, home, count) for count in (first, last)}
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=120)
    return Bar(
        name=f"memory after {last} shorts",
        against=f"after {first} shorts",
        ratio=sizes[last] / sizes[first],
        limit=1.3,
        detail=f"{sizes[last] / 2**20:.0f} MiB against {sizes[first] / 2**20:.0f} MiB",
    )


def _memory_at(pid: int, home: Path, count: int) -> float:
    """Median of ten readings of the proportional set size (shared pages count once) when `count` shorts are done."""
    while len(_shorts(home)) < count:
        assert psutil.pid_exists(pid), "the crawl ended early"
        time.sleep(1)
    readings = []
    for _ in range(10):
        tree = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        readings.append(sum(_pss(process) for process in tree))
        time.sleep(0.5)
    return statistics.median(readings)


def _pss(process: psutil.Process) -> int:
    try:
        full = process.memory_full_info()
        return int(getattr(full, "pss", full.rss))
    except psutil.Error:
        return 0


def _shorts(home: Path) -> list[dict[str, Any]]:
    """The logged shorts of a crawl."""
    log = home / "data/corpus.sqlite.log.jsonl"
    lines = log.read_text().splitlines() if log.exists() else []
    events = [json.loads(line) for line in lines if line.endswith("}")]
    return [event for event in events if event["event"] == "short"]
