"""Chance as a function: every draw depends on (seed, purpose, key) alone, never on a running generator (D4).

So a draw is the same before and after a kill, in any order of work, and on any machine.
"""

import hashlib
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def draw(seed: int, purpose: str, key: str) -> float:
    """A number in [0, 1), uniform over keys."""
    digest = hashlib.sha256(f"{seed}\x1f{purpose}\x1f{key}".encode()).digest()
    return int.from_bytes(digest[:7], "big") / (1 << 56)


def shuffled(items: Sequence[T], seed: int, purpose: str) -> list[T]:
    """The items in seeded order. An item's place depends on its text, so adding one moves no other pair."""
    return sorted(items, key=lambda item: draw(seed, purpose, str(item)))
