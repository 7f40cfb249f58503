"""How far the sources of labels agree, gathered short by short: pair by pair, and name by name over all of them.

A source that labelled a short and did not name a value or topic said that the short has nothing to do with it; one that
was asked about one value at a time said nothing of the others (as in `retrieval.agreement`). The query never looked at
a short, so it is no source here: beside each source stands how often it saw what had been searched for (D15).
"""

from collections import Counter
from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np

from storage.records import ONE_AT_A_TIME
from storage.reliability import alpha_of

Said = Mapping[str, bool | None]
"""By name: has the short to do with it? None is a gap."""


class Concord:
    """Counts from which agreement follows; what is kept does not grow with the number of shorts."""

    def __init__(self) -> None:
        self._names: set[str] = set()
        self._pairs: dict[tuple[str, str], Counter[tuple[bool, bool]]] = {}
        self._same: dict[tuple[str, str], list[float]] = {}
        """Shorts, those with the same names, and the sum of the shares of common names."""
        self._unnamed: dict[tuple[str, str], Counter[str]] = {}
        self._judged: dict[str, Counter[tuple[int, int]]] = {}
        """By name: how many sources say yes and no, and of how many shorts they do."""
        self._named: dict[str, Counter[int]] = {}
        self._whole: Counter[int] = Counter()
        """Shorts by the number of sources that named all that there is."""
        self._found: dict[str, list[int]] = {}

    def add(self, searched: Said, said: Mapping[str, Said]) -> None:
        """One short: what it was collected under, and what each source that looked said of it."""
        for source, names in said.items():
            hits, of = self._found.setdefault(source, [0, 0])
            if searched:
                self._found[source] = [hits + any(names.get(name) for name in searched), of + 1]
        mentioned = {name for names in said.values() for name in names}
        self._names |= mentioned
        whole = sum(_names_all(source) for source in said)
        self._whole[whole] += 1
        judged = {name: {source: one for source in said if (one := _judgement(source, said[source], name)) is not None}
                  for name in mentioned}  # fmt: skip
        for name, by_source in judged.items():
            yes = sum(by_source.values())
            self._judged.setdefault(name, Counter())[yes, len(by_source) - yes] += 1
            self._named.setdefault(name, Counter())[whole] += 1
        for pair in combinations(sorted(said), 2):
            self._add_pair(pair, judged)

    def _add_pair(self, pair: tuple[str, str], judged: Mapping[str, Mapping[str, bool]]) -> None:
        one, other = pair
        counts, unnamed = self._pairs.setdefault(pair, Counter()), self._unnamed.setdefault(pair, Counter())
        both = [(of[one], of[other]) for of in judged.values() if one in of and other in of]
        counts.update(both)
        if _names_all(one) and _names_all(other):
            unnamed["shorts"] += 1
            unnamed["named"] += len(judged)
        elif not both:
            return
        yes = Counter(both)
        named = len(both) - yes[False, False]
        shared = yes[True, True] / named if named else 1.0
        known = self._same.setdefault(pair, [0, 0, 0.0])
        self._same[pair] = [known[0] + 1, known[1] + (yes[True, True] == named), known[2] + shared]

    def to_json(self) -> dict[str, Any]:
        """Plain data.

        Returns:
            `pairs`: two sources, the shorts that both have labelled, `same` (share of shorts with the same names),
            `overlap` (mean share of common names, Jaccard), `alpha` over all pairs of short and name. `names`: alpha
            over all sources by name. `found`: by source, of the shorts that were searched for, the share in which it
            sees a value that was. None where nothing can be said.
        """
        pairs = []
        for pair, counts in sorted(self._pairs.items()):
            shorts, same, overlap = self._same.get(pair, [0, 0, 0.0])
            if shorts:
                pairs.append(
                    {
                        "sources": list(pair),
                        "shorts": int(shorts),
                        "same": same / shorts,
                        "overlap": overlap / shorts,
                        "alpha": self._alpha_of_pair(pair, counts),
                    }
                )
        return {
            "pairs": pairs,
            "names": {name: self._alpha_of_name(name) for name in sorted(self._names)},
            "found": {source: {"share": hits / of, "shorts": of} for source, (hits, of) in sorted(self._found.items())
                      if of},
        }  # fmt: skip

    def _alpha_of_pair(self, pair: tuple[str, str], counts: Counter[tuple[bool, bool]]) -> float | None:
        unnamed = self._unnamed[pair]["shorts"] * len(self._names) - self._unnamed[pair]["named"]
        split = counts[True, False] + counts[False, True]
        kinds = {(2, 0): counts[True, True], (1, 1): split, (0, 2): counts[False, False] + unnamed}
        return _alpha(Counter(kinds))

    def _alpha_of_name(self, name: str) -> float | None:
        kinds = Counter(self._judged.get(name, Counter()))
        for sources, shorts in self._whole.items():
            kinds[0, sources] += shorts - self._named.get(name, Counter())[sources]
        return _alpha(kinds)


def _names_all(source: str) -> bool:
    return not source.startswith(ONE_AT_A_TIME)


def _judgement(source: str, names: Said, name: str) -> bool | None:
    return names[name] if name in names else (False if _names_all(source) else None)


def _alpha(kinds: Mapping[tuple[int, int], int]) -> float | None:
    """Alpha of units of two categories, by how many sources said yes and no."""
    paired = [(kind, times) for kind, times in kinds.items() if sum(kind) > 1 and times]
    if not paired:
        return None
    return alpha_of(np.array([kind for kind, _ in paired], np.float64), np.array([n for _, n in paired], np.float64))
