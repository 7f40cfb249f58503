"""`make bench` (about ten minutes); `ARGS="hash search"` runs some of it only."""

import asyncio
import sys
from collections.abc import Callable

from agent import logs
from tests.bench import benchmark, browsing, export, pictures, vectors
from tests.bench.measure import Bar

PARTS: dict[str, Callable[[], list[Bar]]] = {
    "hash": lambda: [pictures.hash_path()],
    "search": lambda: [pictures.duplicate_search()],
    "capture": lambda: asyncio.run(browsing.capture()),
    "own": lambda: [browsing.own_time()],
    "feed": lambda: [browsing.feed_pace()],
    "memory": lambda: [browsing.memory()],
    "exact": vectors.exact,
    "startup": vectors.startup,
    "embed": vectors.embed,
    "export": lambda: [export.speed(), export.memory()],
    "benchmark": lambda: [benchmark.speed(), benchmark.memory()],
}


def main(asked: list[str]) -> int:
    """Print one line a bar; exit code 1 if one is missed."""
    unknown = sorted(set(asked) - set(PARTS))
    if unknown:
        print(f"error: {unknown[0]} is none of {', '.join(PARTS)}", file=sys.stderr)
        return 2
    logs.configure(None)
    bars = []
    for name in asked or PARTS:
        for bar in PARTS[name]():
            bars.append(bar)
            print(bar.line(), flush=True)
    return int(not all(bar.met for bar in bars))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
