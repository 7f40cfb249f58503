"""From words to screenshots on a corpus of 5,000 shorts: index, search, value set, truth, evaluation.

`VALUE_SPECTRUM_SOAK_CORPUS` names a sandbox corpus that was crawled; a copy of it is worked on. Without it
the shorts are drawn as the sandbox would serve them, which leaves out the browser: no screenshot lies in between.
"""

import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from retrieval.vocabulary import load_vocabulary
from storage.backup import backup
from tests.commands import environment, run
from tests.drawn_corpus import collect_drawn

NAMED = "VALUE_SPECTRUM_SOAK_CORPUS"
EACH = 50
"""Shorts that are drawn for every keyword."""
SLOTS = 500
BY = ("picture", "caption", "fused")
METRICS = ("recall@5", "recall@10", "recall@50", "precision@5", "nDCG@10", "mAP")


class Chain:
    """The commands on one corpus, each timed; what does not hold is noted.

    Args:
        home: folder with `corpus.sqlite`, where they run.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self.wrong: list[str] = []

    def __call__(self, module: str, *arguments: str | Path) -> str:
        """Standard output; the seconds are printed."""
        began = time.monotonic()
        done = run(self._home, module, "--corpus", "corpus.sqlite", *arguments, timeout=2400)
        print(f"{time.monotonic() - began:7.1f} s  {module} {' '.join(map(str, arguments))}", flush=True)
        if done.returncode:
            raise RuntimeError(f"{module} ended with {done.returncode}: {done.stderr[-2000:]}")
        return done.stdout

    def holds(self, fact: bool, said: str) -> None:
        """Note what does not hold."""
        if not fact:
            self.wrong.append(said)


def main() -> bool:
    """Print seconds and figures; True if every command did what it says, with an interval for every value."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        if named := os.environ.get(NAMED):
            print(f"a copy of {named}")
            backup(named, home / "corpus.sqlite")
        else:
            print(f"{NAMED} names no crawled corpus: the shorts are drawn, without a browser", flush=True)
            _draw(home)
        chain = Chain(home)
        shorts = _indexed(chain)
        _searched(chain, home)
        _chosen(chain, home)
        _evaluated(chain, home, shorts)
    for line in chain.wrong:
        print("  " + line)
    return not chain.wrong


def _draw(home: Path) -> None:
    began = time.monotonic()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VALUE_SPECTRUM_CONFIG_DIR", environment(home)["VALUE_SPECTRUM_CONFIG_DIR"])
        drawn = collect_drawn(home / "corpus.sqlite", [word.word for word in load_vocabulary().keywords()], EACH)
    print(f"{time.monotonic() - began:7.1f} s  {len(drawn)} shorts drawn", flush=True)


def _indexed(chain: Chain) -> int:
    """Embedded once, and not again; returns how many shorts have a picture vector."""
    first, again = (json.loads(chain("retrieval.index", "--model", "packaged", "--json")) for _ in range(2))
    parts = first["parts"]
    print("           " + ", ".join(f"{part} {one['index']} in the index" for part, one in parts.items()))
    if new := parts["picture"]["embedded"]:
        print(f"           {new / first['seconds']:.0f} pictures a second, captions and hashtags included")
    chain.holds(not any(one["embedded"] for one in again["parts"].values()), "a second index run embedded something")
    return int(parts["picture"]["index"])


def _searched(chain: Chain, home: Path) -> None:
    """One word a value, by everything, with a contact sheet."""
    for value in load_vocabulary().values:
        word = value.keywords()[0].word
        sheet = home / f"{value.id}.png"
        asked = (word, "--rank", "fused", "-k", "5", "--model", "packaged", "--sheet", sheet.name, "--json")
        hits = json.loads(chain("retrieval.search", *asked))
        chain.holds([hit["rank"] for hit in hits] == [1, 2, 3, 4, 5], f"{word}: not five hits")
        with Image.open(sheet) as image:
            chain.holds(image.format == "PNG" and image.width > 900, f"{word}: no sheet of five")


def _chosen(chain: Chain, home: Path) -> None:
    asked = ("--model", "packaged", "--json", "--out")
    first = json.loads(chain("retrieval.valueset", *asked, "one.json", "--sheets", "sheets"))
    again = json.loads(chain("retrieval.valueset", *asked, "two.json"))
    print(
        f"           {first['filled']} of {first['slots']} slots filled, {first['pictures']} pictures; {first['empty']}"
    )
    chain.holds(first["id"] == again["id"], "two value sets of one corpus have two ids")
    chain.holds(first["slots"] == SLOTS == first["filled"] + sum(first["empty"].values()), "the slots do not add up")
    chain.holds(len(list((home / "sheets").glob("*.png"))) == len(load_vocabulary().values), "not a sheet a value")


def _evaluated(chain: Chain, home: Path, shorts: int) -> None:
    """Picture, caption and both, with an interval for every value and metric."""
    chain("agent.sandbox.truth", "--out", "truth.csv")
    asked = ("--labels", "truth.csv", "--model", "packaged", "--out", "figures.json")
    print(chain("retrieval.evaluate", *asked))
    (figures,) = json.loads((home / "figures.json").read_text())["embedders"]
    chain.holds(figures["items"] >= shorts, "fewer items than pictures")
    chain.holds(not figures["values_without_queries"], f"no query of {figures['values_without_queries']}")
    groups = ("all", *(value.id for value in load_vocabulary().values))
    for by, group, metric in ((by, group, metric) for by in BY for group in groups for metric in METRICS):
        chain.holds(_is_interval(figures["by"], by, group, metric), f"no interval of {metric} for {group} by {by}")


def _is_interval(figures: dict[str, Any], by: str, group: str, metric: str) -> bool:
    found = (figures.get(by) or {"groups": {}})["groups"].get(group, {}).get(metric)
    return bool(found and found["low"] is not None and found["low"] <= found["mean"] <= found["high"])
