"""Timing two ways of doing a thing in turns, so that a machine whose speed drifts favours neither."""

import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A ratio and the most (or least) it may be."""

    name: str
    against: str
    ratio: float
    limit: float
    at_least: bool = False
    detail: str = ""

    @property
    def met(self) -> bool:
        return self.ratio >= self.limit if self.at_least else self.ratio <= self.limit

    def line(self) -> str:
        sign = ">=" if self.at_least else "<="
        mark = "ok  " if self.met else "MISS"
        return (
            f"{mark} {self.name:44} {self.ratio:7.3f} (bar {sign} {self.limit:g}) against {self.against}; {self.detail}"
        )


def in_turns(ours: Callable[[], object], other: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Median seconds of both, after one round that is not counted."""
    taken: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds + 1):
        for times, work in zip(taken, (ours, other), strict=True):
            began = time.perf_counter()
            work()
            if number:
                times.append(time.perf_counter() - began)
    return statistics.median(taken[0]), statistics.median(taken[1])


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Two ways of doing a thing, done in pairs: median seconds of each, and the median of the pairs' ratios."""

    ours: float
    other: float
    ratio: float


def in_pairs(ours: Callable[[], object], other: Callable[[], object], rounds: int, *, rest: float = 0.15) -> Pairs:
    """Both in every round, in the order AB, BA, AB, ...; a pair that did not count comes first.

    What slows the machine for a while slows both halves of a pair, and a few pairs that it hits in the middle do not
    move a median of ratios.

    Args:
        rest: seconds before each. Idle threads of a numerical library spin for a while (OpenBLAS's some 70 ms): without
            a rest they take a core from whatever comes next.
    """
    taken: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds + 1):
        turns = list(zip(taken, (ours, other), strict=True))
        for times, work in reversed(turns) if number % 2 else turns:
            time.sleep(rest)
            began = time.perf_counter()
            work()
            if number:
                times.append(time.perf_counter() - began)
    ratio = statistics.median(mine / others for mine, others in zip(*taken, strict=True))
    return Pairs(ours=statistics.median(taken[0]), other=statistics.median(taken[1]), ratio=ratio)


async def in_turns_async(works: list[Callable[[], Awaitable[object]]], rounds: int) -> list[float]:
    """Median seconds of each, after one round that is not counted."""
    taken: list[list[float]] = [[] for _ in works]
    for number in range(rounds + 1):
        for times, work in zip(taken, works, strict=True):
            began = time.perf_counter()
            await work()
            if number:
                times.append(time.perf_counter() - began)
    return [statistics.median(times) for times in taken]
