"""A search of 1,000 shorts, killed at 20 random moments, against one that was left alone (D4)."""

import tempfile
import time
from pathlib import Path

from storage.compare import differences
from storage.database import open_database
from tests.commands import collect, collect_with_kills

SHORTS, KILLS = 1000, 20


def main() -> bool:
    """Print the figures; True if the corpora are equal."""
    with tempfile.TemporaryDirectory() as folder:
        whole, killed = Path(folder, "whole"), Path(folder, "killed")
        whole.mkdir()
        killed.mkdir()
        plan = [
            "--limit",
            str(SHORTS),
            "--decider",
            "similarity",
            "--labeller",
            "similarity",
            "--time-scale",
            "100",
            "--dwell",
            "uniform:0:4",
        ]
        began = time.monotonic()
        figures = collect(whole, *plan, timeout=2400)
        alone = time.monotonic() - began
        (killed / "config").symlink_to(whole / "config")  # one pseudonym key, else authors would differ
        began = time.monotonic()
        most = 2 * alone / KILLS - 3
        kills, _ = collect_with_kills(killed, plan, seed=1, kills=KILLS, least=3.0, most=most, timeout=2400)
        with (
            open_database(whole / "data/corpus.sqlite", write=False) as one,
            open_database(killed / "data/corpus.sqlite", write=False) as two,
        ):
            found = differences(one, two)
        seen = figures["platforms"][0]["seen"]
        print(f"left alone: {SHORTS} new of {seen} seen in {alone:.0f} s")
        print(f"killed {kills} times: {time.monotonic() - began:.0f} s, {len(found)} differences")
        for difference in found[:20]:
            print("  " + difference)
        return not found and kills == KILLS
