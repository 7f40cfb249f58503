"""`python -m tests.bench.thresholds`: what the thresholds of `storage.dedupe` were set from, on pictures of seed 11.

The rule: halfway between the highest of the hard negatives and the lowest per cent of copies under the hardest edit,
cut to two digits; first the share of equal light (text cards have equal light by their nature, and take no part), then
the agreement of structure, of those negatives whose light does not tell them apart. The recorded screenshots take no
part.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # one core a process; before numpy is imported

from concurrent.futures import ProcessPoolExecutor
from typing import Annotated

import numpy as np
import numpy.typing as npt
import typer

from storage import cli
from storage.dedupe import LEAST_LIGHT, THRESHOLD, Frames, compare_view
from storage.looks import Look, Place, look_at
from tests.bench.edits import EDITS, edited
from tests.bench.negatives import KINDS, frame, hard

SEED = 11
QUANTILE = 0.01
HARD = 4
"""Pairs of hard negatives to one of copies: of them it is the highest that counts."""
app = cli.app("The distributions behind the thresholds of the duplicate check.")


class _One:
    """One picture as the source of the check."""

    def __init__(self, look: Look) -> None:
        self.look = look

    def greys(self, places: list[Place]) -> npt.NDArray[np.uint8]:
        return np.stack([self.look.views[view].grey for _, view in places])

    def fine(self, place: Place) -> npt.NDArray[np.uint8]:
        return self.look.views[place[1]].fine


def compared(first: bytes, second: bytes) -> Frames | None:
    """Two pictures' frames under the best of their views; None where the check ended before, or without content."""
    one, two = look_at(first), look_at(second)
    places = [(0, view) for view in range(len(one.views))]
    found = [found for number in range(len(two.views)) for found in compare_view(two, number, places, _One(one))]
    return max((one.frames for one in found if one.frames), key=lambda frames: frames.margin, default=None)


def _pair(job: tuple[str, int]) -> Frames | None:
    name, number = job
    if name in KINDS:
        return compared(hard(SEED, name, 2 * number), hard(SEED, name, 2 * number + 1))
    data = frame(SEED, number)
    return compared(data, edited(name, data, SEED, str(number)))


def halfway(negative: float, copy: float) -> float:
    """Cut to two digits."""
    return float(np.floor(50 * (negative + copy))) / 100


@app.command()
def main(
    pairs: Annotated[int, typer.Option(help="Copies of each edit; hard negatives are four times as many.")] = 150,
) -> int:
    """Print the distributions and the thresholds that follow. Exit code 1 if they are not those in use.

    Example:

      python -m tests.bench.thresholds --pairs 30
    """
    negatives: dict[str, list[Frames]] = {}
    copies: list[tuple[float, float]] = []
    with ProcessPoolExecutor(2) as pool:
        for name in (*KINDS, *EDITS):
            jobs = [(name, number) for number in range(pairs * (HARD if name in KINDS else 1))]
            frames = [one for one in pool.map(_pair, jobs, chunksize=10) if one]
            print(f"{name:16} {len(frames)} of {len(jobs)} pairs reached the frames", flush=True)
            if not frames:
                continue
            for what, scores in (
                ("structure", [one.score for one in frames]),
                ("light", [one.light for one in frames]),
            ):
                low, middle, top = (float(np.quantile(scores, share)) for share in (QUANTILE, 0.5, 1.0))
                print(f"    {what:10} 1 % {low:.3f}   median {middle:.3f}   highest {top:.3f}", flush=True)
            if name in KINDS:
                negatives[name] = frames
            else:
                copies.append(tuple(np.quantile([(f.score, f.light) for f in frames], QUANTILE, axis=0)))
    structure, light = (min(low) for low in zip(*copies, strict=True))
    lightest = max(one.light for name, frames in negatives.items() if name != "text card" for one in frames)
    least_light = halfway(lightest, light)
    alike = max((one.score for of in negatives.values() for one in of if one.light >= least_light), default=0.0)
    threshold = halfway(alike, structure)
    print(f"light: {lightest:.3f} and {light:.3f} give {least_light:.2f}; in use: {LEAST_LIGHT}")
    print(f"structure: {alike:.3f} and {structure:.3f} give {threshold:.2f}; in use: {THRESHOLD}")
    return int((least_light, threshold) != (LEAST_LIGHT, THRESHOLD))


if __name__ == "__main__":
    cli.run(app)
