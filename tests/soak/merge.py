"""Two machines that crawl parts of one plan, merged, against one machine that crawls both parts (D4).

Every result list is taken to its end, so that what is collected depends on no order; two keywords are in both parts,
and lists hold strays of other keywords, so that the corpora share shorts.
"""

import tempfile
import time
from pathlib import Path

from storage.check import problems
from storage.compare import unordered_differences
from storage.database import open_database
from tests.commands import collect, run
from tests.storage_tools import rows

OWN = ("painting", "pottery", "telescope", "puzzle", "sailing", "campervan", "solo travel")
BOTH = ("journaling", "vision board")
OTHER = ("vacation", "comedy", "concert", "massage", "hot tub", "picnic", "party")
FIRST, SECOND = OWN + BOTH, BOTH + OTHER
LIMIT = 5000
"""More than there is: every list runs dry."""


def main(first: tuple[str, ...] = FIRST, second: tuple[str, ...] = SECOND) -> bool:
    """Print the figures; True if the merged corpus is whole and holds what one crawl gave."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        parts = {"first": [first], "second": [second], "one": [first, second]}
        for name, crawls in parts.items():
            began = time.monotonic()
            for words in crawls:
                keywords = [argument for word in words for argument in ("--keyword", word)]
                plan = ("--limit", str(LIMIT), "--decider", "similarity", "--labeller", "similarity")
                collect(home, "--corpus", f"{name}.sqlite", *plan, *keywords, timeout=2400)
            print(f"{name}: {_shorts(home / f'{name}.sqlite')} shorts in {time.monotonic() - began:.0f} s", flush=True)
        began = time.monotonic()
        done = run(home, "storage.merge", "all.sqlite", "first.sqlite", "second.sqlite", timeout=2400)
        if done.returncode != 0:
            print(done.stderr)
            return False
        print(f"merged: {_shorts(home / 'all.sqlite')} shorts in {time.monotonic() - began:.0f} s; {done.stdout}")
        with (
            open_database(home / "all.sqlite", write=False) as merged,
            open_database(home / "one.sqlite", write=False) as one,
            merged.read() as session,
        ):
            wrong, unlike = problems(merged, session), unordered_differences(merged, one)
        marks = [_marks(home / f"{name}.sqlite") for name in ("all", "one")]
        print(f"duplicates by look and bytes: {marks[0]} merged, {marks[1]} in one crawl")
        print(f"{len(wrong)} problems, {len(unlike)} differences")
        for sentence in [*wrong, *unlike][:20]:
            print("  " + sentence)
        return not wrong and not unlike and marks[0] == marks[1]


def _shorts(corpus: Path) -> int:
    return int(rows(corpus, "SELECT count(*) FROM shorts")[0][0])


def _marks(corpus: Path) -> int:
    """Frames that equal another short's."""
    return int(rows(corpus, "SELECT count(*) FROM images WHERE duplicate_by IN ('look', 'bytes')")[0][0])
