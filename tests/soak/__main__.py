"""`make soak`; `ARGS=kills` runs one part only."""

import sys

from tests.soak import (
    coverage,
    crawled,
    experiment,
    kills,
    merge,
    rebuild,
    retrieval,
    schedule,
    screenshots,
    simulated_experiments,
    sites,
)

PARTS = {
    "kills": kills.main,
    "screenshots": screenshots.main,
    "sites": sites.main,
    "retrieval": retrieval.main,
    "crawled": crawled.main,
    "coverage": coverage.main,
    "schedule": schedule.main,
    "rebuild": rebuild.main,
    "merge": merge.main,
    "experiment": experiment.main,
    "experiments-proof": simulated_experiments.main,
}


def main(asked: list[str]) -> int:
    """Run the parts and print their figures; exit code 1 if one fails."""
    unknown = sorted(set(asked) - set(PARTS))
    if unknown:
        print(f"error: {unknown[0]} is none of {', '.join(PARTS)}", file=sys.stderr)
        return 2
    results = []
    for name in asked or PARTS:
        print(f"== {name}", flush=True)
        results.append(PARTS[name]())
        print("ok" if results[-1] else "FAILED", flush=True)
    return int(not all(results))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
