"""The benchmark's calls: wall time against a bare loop over the same pictures, and memory over many answers."""

import asyncio
import base64
import multiprocessing
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import openai
import psutil
import uvicorn
from rich.console import Console
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from agent.benchmark.pictures import prepared
from agent.benchmark.plan import make_plan
from agent.benchmark.questions import PAPER_WORDING, WORDINGS
from agent.benchmark.run import Benchmark, Limits
from agent.clock import SystemClock
from storage.corpus import Corpus
from storage.sampling import picture_bytes
from tests.bench.measure import Bar, in_turns
from tests.benchmark_tools import VALUES, collected, value_set

LATENCY, AT_ONCE = 0.2, 16
KEYWORDS, K = 20, 6
ANSWERS = int(os.environ.get("VALUE_SPECTRUM_BENCH_ANSWERS", "50000"))
"""Of the memory part; about 200 a second."""
LIKE = WORDINGS[PAPER_WORDING].question
ANSWER = {
    "id": "x", "object": "chat.completion", "created": 0, "model": "bench",
    "choices": [{
        "index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": '{"answer": "yes"}'},
    }],
    "usage": {"prompt_tokens": 500, "completion_tokens": 5, "total_tokens": 505},
}  # fmt: skip


def _serve(latency: float, ready: Connection) -> None:
    """An endpoint that answers yes after so many seconds; in a process of its own, so that it costs us no time."""

    async def completions(request: Request) -> JSONResponse:
        await request.body()
        await asyncio.sleep(latency)
        return JSONResponse(ANSWER)

    app = Starlette(routes=[Route("/v1/chat/completions", completions, methods=["POST"])])
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", lifespan="off"))

    def announce() -> None:
        while not server.started:
            time.sleep(0.01)
        ready.send(server.servers[0].sockets[0].getsockname()[1])

    threading.Thread(target=announce, daemon=True).start()
    server.run()


@contextmanager
def _endpoint(latency: float) -> Iterator[str]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(latency, theirs), daemon=True)
    process.start()
    try:
        assert ours.poll(30), "the endpoint did not start"
        yield f"http://127.0.0.1:{ours.recv()}/v1"
    finally:
        process.terminate()
        process.join(10)


@contextmanager
def _ground() -> Iterator[tuple[Path, Path]]:
    """A corpus and a value set of all its pictures, pressed together small enough to be made in seconds."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("VALUE_SPECTRUM_BENCH_DIR")) as folder:
        os.environ["VALUE_SPECTRUM_CONFIG_DIR"] = str(Path(folder, "config"))
        corpus, manifest = Path(folder, "corpus.sqlite"), Path(folder, "set.json")
        collected(corpus, len(VALUES) * KEYWORDS * K, width=270, height=480)
        value_set(corpus, keywords=KEYWORDS, k=K).save(manifest)
        yield corpus, manifest


def _run(corpus: Path, manifest: Path, address: str, **fields: Any) -> int:
    """What the command does from a plan to the last answer; how many calls it made."""
    model = {"name": "bench", "base_url": address, "at_once": AT_ONCE}
    plan = make_plan({"manifest": manifest, "control": 0, "beside": (), "model": [model], **fields}, "bench")
    with Corpus(corpus, collecting=False) as opened:
        bench = Benchmark(plan, opened, SystemClock(), Limits())
        counts, _ = bench.survey()
        ended = asyncio.run(bench.ask(Console(quiet=True), counts, lambda name: None))
    assert ended.problem is None
    return ended.calls


async def _bare(address: str, urls: list[str]) -> None:
    """The same questions in a loop of nothing but the client, pictures encoded before."""
    left = iter(urls)
    async with openai.AsyncOpenAI(base_url=address, api_key="none", max_retries=0) as client:

        async def work() -> None:
            for url in left:
                await client.chat.completions.create(
                    model="bench", max_tokens=LIKE.max_tokens, temperature=0, seed=1, logprobs=True, top_logprobs=20,
                    response_format={
                        "type": "json_schema",
                        "json_schema": {"name": LIKE.name, "strict": True, "schema": dict(LIKE.schema)},
                    },
                    messages=[
                        {"role": "system", "content": LIKE.system},
                        {"role": "user", "content": [
                            {"type": "text", "text": LIKE.text},
                            {"type": "image_url", "image_url": {"url": url, "detail": "high"}},
                        ]},
                    ],
                )  # fmt: skip

        await asyncio.gather(*(work() for _ in range(AT_ONCE)))


def speed(rounds: int = 3) -> Bar:
    """A run of one question about every picture, from the plan to the last answer in the corpus."""
    with _ground() as (corpus, manifest), _endpoint(LATENCY) as address:
        with Corpus(corpus, collecting=False) as opened:
            shas = {slot.shown.screen_sha256 for slot in value_set(corpus, keywords=KEYWORDS, k=K).filled if slot.shown}
            pictures = picture_bytes(opened.database, shas)
        sent = [prepared(data, size=768, quality=90) for data in pictures.values()]
        urls = [f"data:image/jpeg;base64,{base64.b64encode(data).decode()}" for data in sent]
        seeds = iter(range(1, 1000))

        def ours() -> None:
            assert _run(corpus, manifest, address, seed=next(seeds)) == len(urls)  # another plan: nothing is reused

        mine, bare = in_turns(ours, lambda: asyncio.run(_bare(address, urls)), rounds)
    size = sum(map(len, sent)) / len(sent) / 1024
    return Bar(
        name="benchmark: one question a picture", against="a bare AsyncOpenAI loop", ratio=mine / bare, limit=1.1,
        detail=f"{len(urls)} pictures of {size:.0f} KB, {LATENCY * 1000:.0f} ms, {AT_ONCE} at once: "
        f"{mine:.2f} s and {bare:.2f} s",
    )  # fmt: skip


def memory() -> Bar:
    """Memory at the end of a run of many answers, against after its first tenth."""
    process = psutil.Process()
    epochs = max(10, round(ANSWERS / (len(VALUES) * KEYWORDS * K)))
    with _ground() as (corpus, manifest), _endpoint(0.0) as address:
        done, sizes = threading.Event(), []

        def watch() -> None:
            while not done.wait(0.2):
                sizes.append(process.memory_info().rss)

        watching = threading.Thread(target=watch)
        watching.start()
        began = time.monotonic()
        try:
            calls = _run(corpus, manifest, address, epochs=epochs, temperature=1.0)
        finally:
            done.set()
            watching.join()
        seconds = time.monotonic() - began
    early, late = sizes[len(sizes) // 10 :][: max(1, len(sizes) // 20)], sizes[-max(1, len(sizes) // 20) :]
    first, last = (sum(part) / len(part) for part in (early, late))
    return Bar(
        name=f"benchmark: memory over {calls} answers", against="after the first tenth", ratio=last / first, limit=1.1,
        detail=f"{first / 2**20:.0f} MB and {last / 2**20:.0f} MB, {calls / seconds:.0f} answers a second",
    )  # fmt: skip
