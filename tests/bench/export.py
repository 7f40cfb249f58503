"""The Parquet export: time against a bare pyarrow write of the same rows, and memory over the number of shorts."""

import json
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console

from storage.database import open_database
from storage.export.__main__ import make
from storage.export.plan import Options
from storage.selection import Selection
from tests.bench.measure import Bar, in_turns
from tests.storage_tools import open_corpus, start

SHORTS, FEW, MANY = 2_000, 5_000, 50_000
SCREEN, FRAME = 30_000, 12_000
"""Bytes of the pictures, as a crawl brings them."""
HEAD = b"\xff\xd8\xff\xe0"
AT = "2026-01-02 03:04:05.000000"
MEASURE = """
import sys
from pathlib import Path
from tests.bench.export import export_all
export_all(Path(sys.argv[1]), Path(sys.argv[2]))
# Not ru_maxrss, which begins with the peak of the process that started this one.
(peak,) = (line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(int(peak.split()[1]) * 1024)
"""


def fill(path: Path, shorts: int, *, screen: int = SCREEN, frame: int = FRAME) -> None:
    """A corpus of so many shorts, written past the storage layer, which would look at every picture."""
    chance = random.Random(1)
    with open_corpus(path) as corpus:
        start(corpus, shorts)
    with closing(sqlite3.connect(path)) as connection:
        for number in range(1, shorts + 1):
            sizes = {"screen": screen, "frame": frame}
            for place, (role, size) in enumerate(sizes.items()):
                sha256 = f"{number * 2 + place:064x}"
                _insert(
                    connection, "image_data", sha256=sha256, media_type="image/jpeg", data=HEAD + chance.randbytes(size)
                )
                _insert(
                    connection, "images", id=number * 2 + place, short_id=number, role=role, source="canvas",
                    method="cdp", media_time=1.0, width=365, height=648, sha256=sha256, phash=f"{number:016x}",
                    hash_recipe="bench", taken_at=AT,
                )  # fmt: skip
            _insert(
                connection, "shorts", id=number, platform="youtube", platform_id=f"{number:011x}", kind="short",
                url=f"https://www.youtube.com/shorts/{number:011x}", author=f"h:{number // 3:032x}", duration=20.5,
                published=AT, language="en", sound="original sound", extra="{}", first_run_id=1, first_seen=AT,
            )  # fmt: skip
            _insert(
                connection, "observations", short_id=number, run_id=1, seen_at=AT, caption=f"caption {number} " * 5,
                hashtags=json.dumps(["one", "two"]), views=number, likes=1, comments=1, shares=1,
            )  # fmt: skip
            _insert(
                connection, "exposures", run_id=1, task_id=1, position=number, platform_id=f"{number:011x}",
                short_id=number, kind="short", is_new=True, outcome="done", decision="yes", decider="always",
                action="watch", seconds_on_screen=7.5, screen_image_id=number * 2, frame_image_id=number * 2 + 1,
                shown_at=AT, ended_at=AT,
            )  # fmt: skip
            for source, name in (("query", "power"), ("model", "hedonism"), ("similarity", "power")):
                _insert(
                    connection, "labels", short_id=number, kind="value", name=name, source=source, made_at=AT,
                    stance=None if source == "query" else "expresses",
                )  # fmt: skip
        connection.commit()


def _insert(connection: sqlite3.Connection, table: str, **row: Any) -> None:
    connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", [*row.values()])


def export_all(corpus: Path, out: Path) -> None:
    """As `python -m storage.export` does it."""
    with open_database(corpus, write=False) as database:
        make(database, Options(format="parquet", selection=Selection()), out, Console(quiet=True))


def bare(rows: list[dict[str, Any]], schema: pa.Schema, out: Path) -> None:
    """The same rows and pictures, which lie ready in memory, into one Parquet file, and nothing else."""
    with pq.ParquetWriter(out, schema, compression="zstd") as writer:
        for begin in range(0, len(rows), 100):
            writer.write_table(pa.Table.from_pylist(rows[begin : begin + 100], schema=schema))


def speed(rounds: int = 3) -> Bar:
    """A whole export: rows, labels, splits, clusters, counts and pictures."""
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder, "corpus.sqlite")
        fill(corpus, SHORTS)
        places = iter(Path(folder, f"out-{number}") for number in range(100))
        export_all(corpus, first := next(places))
        table = pa.concat_tables([pq.read_table(path) for path in sorted(first.glob("data/*.parquet"))])
        rows = table.to_pylist()
        ours, other = in_turns(
            lambda: export_all(corpus, next(places)), lambda: bare(rows, table.schema, next(places)), rounds
        )
    return Bar(
        name=f"export of {SHORTS:,} shorts to Parquet",
        against="a bare pyarrow write of the same rows",
        ratio=ours / other,
        limit=6,
        detail=f"{ours:.2f} s and {other:.2f} s, {SHORTS / ours:.0f} shorts a second",
    )


def memory() -> Bar:
    """Peak memory of an export of many shorts, against that of few."""
    with tempfile.TemporaryDirectory() as folder:
        few, many = (_peak(Path(folder), shorts) for shorts in (FEW, MANY))
    return Bar(
        name=f"export: peak memory over {MANY:,} shorts",
        against=f"{FEW:,} shorts",
        ratio=many / few,
        limit=1.5,
        detail=f"{many / 2**20:.0f} MiB and {few / 2**20:.0f} MiB",
    )


def _peak(folder: Path, shorts: int) -> int:
    corpus = folder / f"{shorts}.sqlite"
    fill(corpus, shorts, screen=8_000, frame=500)
    arguments = [sys.executable, "-c", MEASURE, str(corpus), str(folder / f"out-{shorts}")]
    done = subprocess.run(arguments, env=dict(os.environ), capture_output=True, text=True, check=True)
    corpus.unlink()
    return int(done.stdout)
