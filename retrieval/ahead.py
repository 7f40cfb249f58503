"""Doing the next piece of work while this one is used."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Done = TypeVar("Done")


def ahead(work: Callable[[Item], Done], items: Iterable[Item]) -> Iterator[Done]:
    """What `work` makes of each item, in order; one item ahead, on a thread of its own.

    Worth it where the work waits or leaves the interpreter (decoding, reading a file) and its user does as well.
    """
    rest = iter(items)
    with ThreadPoolExecutor(1) as thread:
        coming = [thread.submit(work, item) for item in _some(rest)]
        while coming:
            done = coming.pop().result()
            coming = [thread.submit(work, item) for item in _some(rest)]
            yield done


def _some(rest: Iterator[Item]) -> list[Item]:
    """The next item, if there is one."""
    for item in rest:
        return [item]
    return []
