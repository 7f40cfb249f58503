"""A dataset of 5,000 over three sandbox sites: built to its quotas, exported, and collected again from its manifest.

Takes several steps of at most forty minutes: each goes on where the last one stopped, in the folder that
VALUE_SPECTRUM_SOAK names (a temporary one by default, which is then said). Of the manifest a seeded sample of 1,000 is
collected again; VALUE_SPECTRUM_SOAK_ALL=1 takes all of it.
"""

import csv
import importlib
import importlib.util
import json
import os
import signal
import statistics
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as pq

from agent.rebuild.outlook import outlook
from agent.rebuild.plan import read_plan, shipped
from retrieval.steps import span
from storage.chance import draw
from storage.database import open_database
from storage.quotas import plan_quotas, sessions
from storage.revisits import SAME_BITS
from tests.commands import command, environment, run
from tests.storage_tools import rows

PLAN, TARGET = "sandbox-5000", 5000
STEP = 38 * 60
"""Seconds of one step, so that it has ended after forty minutes."""
SAMPLE, SEED = 1000, 1
EARLY, BUSY, LATE, AROUND = 500, 4000, 5000, 150
"""New shorts at which memory is compared, and how many around them are looked at. Near the end a site or two are done
and their pages closed, so that it is also compared where all three are still at work."""
MOST_GROWTH = 1.3
EVERY = 10.0
"""Seconds between two looks at memory."""
MEMORY = ("time", "new", "rss", "pss")


def main() -> bool:
    """Do the next step and print its figures; True once everything is done and holds."""
    home = Path(os.environ.get("VALUE_SPECTRUM_SOAK") or tempfile.mkdtemp(prefix="soak-rebuild-"))
    home.mkdir(parents=True, exist_ok=True)
    print(f"in {home}; VALUE_SPECTRUM_SOAK={home} goes on there", flush=True)
    end = time.monotonic() + STEP
    corpus = home / "corpus.sqlite"
    if not _work(home, end, corpus, [PLAN, "--corpus", corpus], "the plan"):
        return False
    holds = [_quotas(corpus), _memory(home / "memory.csv"), _dataset(home)]
    manifest = _manifest(home)
    again = home / "again.sqlite"
    report = home / "again.csv"
    if not _work(home, end, again, [manifest, "--corpus", again, "--time-scale", "100", "--out", report], "the list"):
        return False
    holds.append(_found(report, manifest))
    _estimate(corpus)
    return all(holds)


def _work(home: Path, end: float, corpus: Path, arguments: list[str | Path], what: str) -> bool:
    """Let `agent.rebuild` run until it or the step ends; True if it ended by itself and well."""
    log = home / f"{corpus.stem}.txt"
    with log.open("a") as out:
        process = subprocess.Popen(
            command("agent.rebuild", *arguments), cwd=home, env=environment(home), stdout=out, stderr=out
        )
        while process.poll() is None and time.monotonic() < end:
            with suppress(subprocess.TimeoutExpired):
                process.wait(EVERY)
            _note_memory(process.pid, corpus, home / ("memory.csv" if corpus.stem == "corpus" else "memory-again.csv"))
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(120)
    if process.returncode == 0:
        return True
    print(f"{what} is not done (exit {process.returncode}): {_taken(corpus)} new; run this part again to go on ({log})")
    return False


def _taken(corpus: Path) -> int:
    with suppress(Exception):  # not made yet
        return int(rows(corpus, "SELECT sum(taken) FROM tasks")[0][0] or 0)
    return 0


def _note_memory(pid: int, corpus: Path, file: Path) -> None:
    """Memory of the command with all its children: browser, driver, sandbox servers. Shared pages are shared out."""
    rss = pss = 0
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        for one in [process, *process.children(recursive=True)]:
            with suppress(psutil.Error):
                told = one.memory_full_info()
                rss, pss = rss + told.rss, pss + getattr(told, "pss", told.uss)
    new = not file.exists()
    with file.open("a", newline="") as out:
        table = csv.writer(out)
        if new:
            table.writerow(MEMORY)
        if pss:
            table.writerow([round(time.time()), _taken(corpus), rss, pss])


def _quotas(corpus: Path) -> bool:
    with open_database(corpus, write=False) as database, database.read() as session:
        (plan,) = plan_quotas(session)
    cells: list[tuple[str, dict[str, Any]]] = [*plan["platforms"].items(), *plan["values"].items()]
    worst = max(cells, key=lambda cell: abs(cell[1]["achieved"] / cell[1]["planned"] - 1))
    off = abs(worst[1]["achieved"] / worst[1]["planned"] - 1)
    total = plan["total"]
    print(
        f"plan: {total['achieved']} of {total['planned']}, {total['substituted']} substituted, "
        f"{sum(one['dry'] for one in plan['keywords'])} keywords dry; "
        f"farthest from its quota: {worst[0]}, {worst[1]['achieved']} of {worst[1]['planned']} ({off:.2%})"
    )
    return bool(total["achieved"] == TARGET and off <= 0.01)


def _memory(file: Path) -> bool:
    with file.open(newline="") as lines:
        samples = [(int(row["new"]), int(row["pss"]) / 2**20) for row in csv.DictReader(lines)]

    def near(number: int) -> list[float]:
        return [pss for new, pss in samples if number - AROUND <= new <= number + AROUND]

    found = {number: near(number) for number in (EARLY, BUSY, LATE)}
    if not all(found.values()):
        print("memory: not sampled around each number")
        return False
    early, busy, late = (statistics.median(some) for some in found.values())
    growth, most = max(busy, late) / early, max(pss for _, pss in samples)
    print(
        f"memory of process, browser and servers: {early:.0f} MiB around {EARLY} shorts, {busy:.0f} around {BUSY}, "
        f"{late:.0f} around {LATE} (x {growth:.2f}); most {most:.0f} MiB"
    )
    return growth <= MOST_GROWTH


def _dataset(home: Path) -> bool:
    out = home / "dataset"
    done = run(home, "storage.export", "--corpus", "corpus.sqlite", "--out", out, "--json", timeout=1200)
    if done.returncode:
        print(f"export: exit {done.returncode}: {done.stderr[-300:]}")
        return False
    said = json.loads(done.stdout)
    print(f"export: {said['shorts']} shorts, {said['shards']} Parquet files, {said['bytes'] / 2**20:.0f} MiB")
    # A picture that came later can equal two that were unlike each other: then these are one in the export.
    enough = bool(0.99 * TARGET <= said["shorts"] <= TARGET)
    if importlib.util.find_spec("datasets") is None:
        print("  not opened with datasets, which is not installed")
        return enough
    datasets = importlib.import_module("datasets")
    opened = datasets.load_dataset(str(out), cache_dir=str(home / "datasets-cache"))
    count = sum(opened[split].num_rows for split in opened)
    first = opened["train"][0]["image"]
    print(f"  datasets {datasets.__version__}: {count} rows in {', '.join(opened)}; the first picture is {first.size}")
    return enough and bool(count == said["shorts"])


def _manifest(home: Path) -> Path:
    """The manifest, or a seeded sample of it."""
    whole, sample = home / "manifest.parquet", home / "sample.parquet"
    if not whole.exists():
        arguments = ("--corpus", "corpus.sqlite", "--no-images", "--out", whole)
        done = run(home, "storage.export", *arguments, timeout=600)
        assert done.returncode == 0, done.stderr
    if os.environ.get("VALUE_SPECTRUM_SOAK_ALL"):
        return whole
    if not sample.exists():
        table = pq.read_table(whole)
        ids = table.column("platform_id").to_pylist()
        drawn = sorted(range(len(ids)), key=lambda place: draw(SEED, "sample", ids[place]))[:SAMPLE]
        pq.write_table(table.take(sorted(drawn)), sample)
    return sample


def _found(report: Path, manifest: Path) -> bool:
    with report.open(newline="") as lines:
        found = list(csv.DictReader(lines))
    outcomes = Counter(row["outcome"] for row in found)
    distances = Counter(int(row["distance"]) for row in found if row["distance"])
    asked = pq.read_metadata(manifest).num_rows
    print(
        f"again: {asked} of the manifest opened: {dict(outcomes)}; "
        f"bits between the hashes: {dict(sorted(distances.items()))}"
    )
    return outcomes == {"found": asked} and max(distances) <= SAME_BITS


def _estimate(corpus: Path) -> None:
    """How long the paper's 50,191 would take: the platforms' stated paces, and what was measured here beside them."""
    with open_database(corpus, write=False) as database, database.read() as session:
        (plan,) = plan_quotas(session)
        runs = [row[0] for row in rows(corpus, "SELECT id FROM runs WHERE id = plan_run_id AND mode = 'search'")]
        last = rows(corpus, "SELECT max(shown_at) FROM exposures")[0][0]
        worked = sessions(session, plan["plan"]["hash"], runs, datetime.fromisoformat(last).replace(tzinfo=UTC))
    seconds = sum((until - since).total_seconds() for since, until in worked)
    seen, new = rows(corpus, "SELECT count(*), sum(is_new) FROM exposures")[0]
    between = statistics.median(_platform_seconds(corpus))
    print(
        f"measured: {new} new of {seen} seen ({seen / new:.3f} items a new short) in {span(seconds)} of running, "
        f"{60 * new / seconds:.0f} new a minute over three sites; {between:.2f} s between two views of a site"
    )
    paper = outlook(read_plan(shipped()["paper"]), {})
    for name, one in paper.platforms.items():
        least = one.target * seen / new * 3600 / one.views_per_hour
        print(f"  {name}: {one.target} at {one.views_per_hour} views an hour: at least {least / 86400:.1f} days")
    slowest = max(paper.platforms.items(), key=lambda pair: pair[1].target / pair[1].views_per_hour)
    least = slowest[1].target * seen / new * 3600 / slowest[1].views_per_hour
    own = between / (3600 / slowest[1].views_per_hour)
    print(
        f"50,191: at least {least / 86400:.1f} days of running ({slowest[0]} is the slowest; this machine's own time, "
        f"{own:.0%} of its pace, disappears within it), and {2 * least / 86400:.0f} days at twelve hours a day; walls "
        "and dry keywords come on top and cannot be known beforehand"
    )


def _platform_seconds(corpus: Path) -> Iterator[float]:
    """Real seconds between two exposures of one site, within a minute."""
    for (name,) in rows(corpus, "SELECT DISTINCT platform FROM tasks"):
        shown = rows(
            corpus,
            "SELECT e.shown_at FROM exposures e JOIN tasks t ON t.id = e.task_id "
            f"WHERE t.platform = '{name}' ORDER BY e.id",
        )
        moments = [datetime.fromisoformat(at) for (at,) in shown]
        gaps = [(after - before).total_seconds() for before, after in pairwise(moments)]
        yield from (gap for gap in gaps if gap < 60)
