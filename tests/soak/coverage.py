"""Whether the benchmark's intervals hold what was planted: 4,000 simulated answer tables a cell (D16)."""

import time

from agent.benchmark.simulation import LEAST, coverage, coverage_table

RUNS = 4000
SEED = 1


def main() -> bool:
    """Print every cell; True if each holds the planted rate in at least 93 % of its runs."""
    began = time.monotonic()
    cells = coverage(RUNS, seed=SEED)
    print(coverage_table(cells))
    worst = min(cells, key=lambda one: one.coverage)
    print(
        f"{RUNS} runs a cell in {time.monotonic() - began:.0f} s; the least coverage is {100 * worst.coverage:.1f} % "
        f"at a rate of {worst.rate} and a correlation of {worst.correlation} (asked for: {100 * LEAST:.0f} %)"
    )
    several = coverage(RUNS, seed=SEED, answers=4)
    print("four answers a picture, each a draw of its own:")
    print(coverage_table(several))
    return all(one.coverage >= LEAST for one in (*cells, *several))
