"""`python -m tests.bench.thresholds`: what `storage.dedupe.THRESHOLD` was set from, on sandbox pictures of seed 11.

The rule: the highest agreement of any hard negative and a margin of 0.01, rounded up to two digits. What edited copies
reach is printed beside it. The recorded screenshots take no part in it.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # one core a process; before numpy is imported

from concurrent.futures import ProcessPoolExecutor
from typing import Annotated

import numpy as np
import numpy.typing as npt
import typer

from storage import cli
from storage.dedupe import THRESHOLD, compare_view
from storage.looks import Look, Place, look_at
from tests.bench.edits import EDITS, edited
from tests.bench.negatives import KINDS, frame, hard

SEED = 11
MARGIN = 0.01
QUANTILE = 0.01
app = cli.app("The distributions behind the threshold of the duplicate check.")


class _One:
    """One picture as the source of the check."""

    def __init__(self, look: Look) -> None:
        self.look = look

    def greys(self, places: list[Place]) -> npt.NDArray[np.uint8]:
        return np.stack([self.look.views[view].grey for _, view in places])

    def data(self, image_id: int) -> bytes:
        return self.look.data


def agreement(first: bytes, second: bytes) -> float | None:
    """Of two pictures' frames, the best of their views; 0 where the check ended before, None without content."""
    one, two = look_at(first), look_at(second)
    if not one.views or not two.views:
        return None
    places = [(0, view) for view in range(len(one.views))]
    compared = [found for number in range(len(two.views)) for found in compare_view(two, number, places, _One(one))]
    return max((found.frames.score for found in compared if found.frames), default=0.0)


def _pair(job: tuple[str, int]) -> float | None:
    name, number = job
    if name in KINDS:
        return agreement(hard(SEED, name, 2 * number), hard(SEED, name, 2 * number + 1))
    return agreement(frame(SEED, number), edited(name, frame(SEED, number), SEED, str(number)))


@app.command()
def main(pairs: Annotated[int, typer.Option(help="Pairs of each kind.", min=10)] = 250) -> int:
    """Print the distributions and the threshold that follows. Exit code 1 if it is not the one in use.

    Example:

      python -m tests.bench.thresholds --pairs 100
    """
    highest = 0.0
    with ProcessPoolExecutor(2) as pool:
        for name in (*KINDS, *EDITS):
            found = pool.map(_pair, [(name, number) for number in range(pairs)], chunksize=10)
            scores = np.array([score for score in found if score is not None])
            low, middle, top = (float(np.quantile(scores, share)) for share in (QUANTILE, 0.5, 1.0))
            print(
                f"{name:16} {len(scores):5} pairs   1 % {low:.3f}   median {middle:.3f}   highest {top:.3f}", flush=True
            )
            highest = max(highest, top) if name in KINDS else highest
    follows = float(np.ceil(100 * (highest + MARGIN))) / 100
    print(f"highest hard negative {highest:.3f} and {MARGIN}, rounded up: {follows:.2f}; in use: {THRESHOLD}")
    return int(follows != THRESHOLD)


if __name__ == "__main__":
    cli.run(app)
