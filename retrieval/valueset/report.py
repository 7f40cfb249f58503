"""What a value set is made of, for a table, for JSON and as contact sheets."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from statistics import fmean
from typing import Any

from retrieval.sheet import Tile, contact_sheet
from retrieval.valueset import Slot, ValueSet
from storage.database import Database
from storage.errors import UsageError
from storage.sampling import picture_bytes


def report(value_set: ValueSet) -> dict[str, Any]:
    """Counts and shares, for all and by value.

    `verified_share` is of the slots that somebody judged; `shows` and `stance` count verdicts, of which a slot may
    have several.
    """
    by_picture: dict[str, set[str]] = defaultdict(set)
    for slot in value_set.slots:
        if slot.shown is not None:
            by_picture[slot.shown.frame_sha256].add(slot.value)
    pairs = Counter(pair for values in by_picture.values() for pair in combinations(sorted(values), 2))
    return {
        "id": value_set.id,
        "corpus_id": value_set.corpus_id,
        "model": value_set.model,
        "rank": value_set.rank,
        "mode": value_set.mode,
        "floor": value_set.floor,
        "k": value_set.k,
        "slots": len(value_set.slots),
        "filled": len(value_set.filled),
        "empty": dict(Counter(slot.empty for slot in value_set.slots if slot.shown is None)),
        "keywords_with_empty_slots": list(dict.fromkeys(slot.keyword for slot in value_set.slots if slot.empty)),
        "over_platform_share": sum(slot.shown.over_platform_share for slot in value_set.slots if slot.shown),
        "pictures": len(by_picture),
        "pictures_in_several_values": sum(len(values) > 1 for values in by_picture.values()),
        "overlaps": [{"values": list(pair), "pictures": count} for pair, count in sorted(pairs.items())],
        "checked_by": sorted({one.by for one in value_set.verdicts}),
        "values": {value: _of_value(value_set, value) for value in value_set.values},
    }


def _of_value(value_set: ValueSet, value: str) -> dict[str, Any]:
    slots = value_set.of_value(value)
    shown = [slot.shown for slot in slots if slot.shown is not None]
    areas = [one.text_area for one in shown if one.text_area is not None]
    verdicts = [one for one in value_set.verdicts if one.value == value]
    judged = {one.key for one in verdicts if one.shows is not None}
    verified = {key for key in value_set.verified() if key[0] == value}
    return {
        "filled": len(shown),
        "empty": len(slots) - len(shown),
        "platforms": dict(Counter(one.platform for one in shown)),
        "deciders": dict(Counter(one.decider or "none" for one in shown)),
        "text_area": round(fmean(areas), 4) if areas else None,
        "share_of_things_less_near": round(fmean(one.share for one in shown), 3) if shown else None,
        "judged": len(judged),
        "shows": dict(Counter(one.shows.value if one.shows else one.status for one in verdicts)),
        "stance": dict(Counter(one.stance.value for one in verdicts if one.stance)),
        "verified": len(verified),
        "verified_share": round(len(verified) / len(judged), 4) if judged else None,
    }


def write_sheets(value_set: ValueSet, database: Database, folder: Path, values: Sequence[str]) -> list[Path]:
    """One PNG a value: a row for each keyword, k pictures in it, empty places left empty.

    Raises:
        UsageError: the folder cannot be written.
    """
    written: list[Path] = []
    verified = value_set.verified()
    for value in values:
        slots = value_set.of_value(value)
        pictures = picture_bytes(database, {slot.shown.screen_sha256 for slot in slots if slot.shown})
        tiles = [
            Tile(
                picture=pictures.get(slot.shown.screen_sha256) if slot.shown else None,
                words=_words(value_set, slot, slot.key in verified),
            )
            for slot in slots
        ]
        filled = sum(slot.shown is not None for slot in slots)
        title = f"{value}: {filled} of {len(slots)} slots, {value_set.model}, set {value_set.id[:12]}"
        png, _ = contact_sheet(tiles, title, columns=value_set.k)
        path = folder / f"{value}.png"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path.write_bytes(png)
        except OSError as error:
            raise UsageError(f"{path} cannot be written ({error.strerror}); give another --sheets") from error
        written.append(path)
    return written


def _words(value_set: ValueSet, slot: Slot, verified: bool) -> tuple[str, ...]:
    name = f"{slot.keyword}, {slot.place}"
    if slot.shown is None:
        return name, slot.empty or ""
    said = [
        f"{one.shows.value}, {one.stance.value if one.stance else '-'}"
        for one in value_set.verdicts
        if one.key == slot.key and one.shows
    ]
    mark = "verified" if verified else f"checked: {'; '.join(said)}" if said else "not checked"
    return name, f"{slot.shown.score:.3f}, share {slot.shown.share:.3f}", slot.shown.platform, mark
