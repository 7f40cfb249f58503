"""What models are shown: the pictures of a value set, of its parallel form and of the control set, and pairs of them.

A picture in several slots is shown once and counts in each. Everything stands in a seeded order that deals the values
in rounds, so that a run that stops anywhere, or was told to with `--limit`, is balanced.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from agent.benchmark.control import Control, Months
from agent.benchmark.plan import Plan
from agent.benchmark.records import Slot
from retrieval.valueset import ValueSet
from storage.chance import draw, shuffled

CONTROL_FORM = "control"
SCREEN = "screen"


@dataclass(frozen=True, kw_only=True)
class Shot:
    """One picture of one short, and the slots that it fills."""

    platform: str
    platform_id: str
    kind: str
    """screen or frame."""
    sha256: str
    """Of its bytes in the corpus."""
    slots: tuple[Slot, ...]

    @property
    def name(self) -> str:
        return f"{self.platform}:{self.platform_id}"


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two pictures of two values, for a forced choice; put in both orders."""

    one: Shot
    other: Shot
    one_slot: Slot
    other_slot: Slot


@dataclass(frozen=True, kw_only=True)
class Targets:
    """All that is shown, in order."""

    shots: tuple[Shot, ...]
    pairs: tuple[Pair, ...]

    def limited(self, limit: int | None) -> "Targets":
        """The first so many pictures of each kind, and so many pairs."""
        if limit is None:
            return self
        kinds = dict.fromkeys(shot.kind for shot in self.shots)
        kept = [shot for kind in kinds for shot in [one for one in self.shots if one.kind == kind][:limit]]
        return Targets(shots=tuple(kept), pairs=self.pairs[:limit])


def targets(
    plan: Plan, value_set: ValueSet, parallel: ValueSet | None, control: Control | None, months: Months
) -> Targets:
    """What a plan shows."""
    shots: list[Shot] = []
    pairs: list[Pair] = []
    for kind in plan.picture:
        by_short: dict[tuple[str, str, str], list[Slot]] = defaultdict(list)
        for form, one_set in (("A", value_set), ("B", parallel)):
            for key, slot in _slots(one_set, form, kind, months) if one_set is not None else ():
                by_short[key].append(slot)
        for rank, one in enumerate(control.drawn if control else (), start=1):
            sha256 = one.screen_sha256 if kind == SCREEN else one.frame_sha256
            slot = Slot(
                value="", keyword="", rank=rank, picture=sha256, platform=one.platform,
                month=months.get((one.platform, one.platform_id)), form=CONTROL_FORM,
            )  # fmt: skip
            by_short[one.platform, one.platform_id, sha256].append(slot)
        of_kind = [
            Shot(platform=platform, platform_id=platform_id, kind=kind, sha256=sha256, slots=tuple(slots))
            for (platform, platform_id, sha256), slots in by_short.items()
        ]
        shots += dealt(of_kind, plan.seed)
        pairs = pairs or draw_pairs(of_kind, value_set.values, plan.pairs, plan.seed)
    return Targets(shots=tuple(shots), pairs=tuple(pairs))


def _slots(value_set: ValueSet, form: str, kind: str, months: Months) -> list[tuple[tuple[str, str, str], Slot]]:
    verified = value_set.verified()
    judged = {one.key for one in value_set.verdicts if one.shows is not None}
    found = []
    for slot in value_set.filled:
        assert slot.shown is not None
        shown = slot.shown
        sha256 = shown.screen_sha256 if kind == SCREEN else shown.frame_sha256
        made = Slot(
            value=slot.value, keyword=slot.keyword, rank=slot.place, picture=sha256, platform=shown.platform,
            month=months.get((shown.platform, shown.platform_id)), form=form,
            verified=slot.key in verified if slot.key in judged else None,
        )  # fmt: skip
        found.append(((shown.platform, shown.platform_id, sha256), made))
    return found


def dealt(shots: Sequence[Shot], seed: int) -> list[Shot]:
    """One picture of every value, in seeded order, then the next of every value, and so on."""
    ordered = sorted(shots, key=lambda shot: draw(seed, "benchmark-order", shot.name))
    taken: dict[tuple[str, str], int] = defaultdict(int)
    rounds: list[tuple[int, Shot]] = []
    for shot in ordered:
        groups = {(slot.form, slot.value) for slot in shot.slots}
        rounds.append((min(taken[group] for group in groups), shot))
        for group in groups:
            taken[group] += 1
    return [shot for _, shot in sorted(rounds, key=lambda entry: entry[0])]


def draw_pairs(shots: Sequence[Shot], values: Sequence[str], each: int, seed: int) -> list[Pair]:
    """For every two values so many pairs of pictures of form A, each picture in a pair once while there are enough.

    Values with fewer pictures than `each` give some of them again, but no pair twice.
    """
    of_value: Mapping[str, list[tuple[Slot, Shot]]] = {
        value: [(slot, shot) for shot in shots for slot in shot.slots if (slot.form, slot.value) == ("A", value)]
        for value in values
    }
    rounds: list[tuple[int, Pair]] = []
    for one, other in combinations(values, 2):
        left = _mixed(of_value[one], seed, f"pairs {one} {other}")
        right = _mixed(of_value[other], seed, f"pairs {other} {one}")
        drawn: dict[tuple[str, str], Pair] = {}
        for turn in range(len(right)):  # the second row moves on by one when the first has been through
            for place, (one_slot, one_shot) in enumerate(left):
                other_slot, other_shot = right[(place + turn) % len(right)]
                if len(drawn) < each and one_shot.name != other_shot.name:
                    pair = Pair(one=one_shot, other=other_shot, one_slot=one_slot, other_slot=other_slot)
                    drawn.setdefault((one_shot.name, other_shot.name), pair)
        rounds += enumerate(drawn.values())
    return [pair for _, pair in sorted(rounds, key=lambda entry: entry[0])]


def _mixed(entries: list[tuple[Slot, Shot]], seed: int, purpose: str) -> list[tuple[Slot, Shot]]:
    by_name = {f"{slot.keyword}/{slot.rank}": (slot, shot) for slot, shot in entries}
    return [by_name[name] for name in shuffled(list(by_name), seed, purpose)]
