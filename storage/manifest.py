"""Reading a manifest: ids, labels and hashes that somebody published (`python -m storage.export --no-images`).

What stands in it is a stranger's data: ids become parts of addresses, so that only letters, digits, `-` and `_` pass,
and the addresses in it are not used at all.
"""

import csv
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from storage.errors import UsageError
from storage.records import Label, LabelKind, Stance

NEEDED = ("platform", "platform_id")
HASHES = ("media_time", "frame_source", "phash", "hash_recipe", "frame_sha256")
"""What tells whether a picture is still the same; a manifest may do without."""
USED = (*NEEDED, "labels", *HASHES)
_ID = re.compile(r"[\w-]{1,64}", re.ASCII)
_PLATFORM = re.compile(r"[a-z][a-z0-9-]{0,31}")
_PHASH = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, kw_only=True)
class Published:
    """One short as it was published."""

    platform: str
    platform_id: str
    labels: tuple[Label, ...] = ()
    media_time: float | None = None
    """Seconds of the video at which the frame was taken that the hash is of."""
    frame_source: str | None = None
    phash: str | None = None
    hash_recipe: str | None = None
    frame_sha256: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As `revisits.expected` holds it."""
        labels = [
            {
                "kind": one.kind.value,
                "name": one.name,
                "source": one.source,
                "stance": None if one.stance is None else one.stance.value,
                "score": one.score,
                "model": one.model,
            }
            for one in self.labels
        ]
        return {"labels": labels, **{name: getattr(self, name) for name in HASHES}}


def read_manifest(path: Path) -> list[Published]:
    """The shorts of a Parquet, CSV or JSON-lines manifest, in its order.

    Raises:
        UsageError: it cannot be read, a column is missing, a cell is not what it should be, or an id stands twice.
    """
    try:
        rows = list(_READERS[path.suffix](path))
    except KeyError:
        raise UsageError(f"{path} is no manifest: give a file that ends in {', '.join(_READERS)}") from None
    except FileNotFoundError:
        raise UsageError(f"there is no {path}; give a manifest of storage.export --no-images, or a plan") from None
    except (OSError, ValueError, csv.Error, pa.ArrowException) as error:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UsageError(f"{path} cannot be read ({why}); get the file again") from error
    if not rows:
        raise UsageError(f"{path} holds no short")
    found: list[Published] = []
    places: dict[tuple[str, str], int] = {}
    for number, row in enumerate(rows, start=1):
        try:
            one = published(row)
        except ValueError as error:
            raise UsageError(f"{path}, row {number}: {error}") from None
        first = places.setdefault((one.platform, one.platform_id), number)
        if first != number:
            raise UsageError(
                f"{path}: {one.platform}:{one.platform_id} stands in row {first} and in row {number}; take one out"
            )
        found.append(one)
    return found


def published(row: Mapping[str, Any]) -> Published:
    """One row, checked.

    Raises:
        ValueError: says which column is missing or wrong.
    """
    for name in NEEDED:
        if row.get(name) in (None, ""):
            raise ValueError(f"the column {name} is missing or empty")
    platform, platform_id = str(row["platform"]), str(row["platform_id"])
    if not _PLATFORM.fullmatch(platform):
        raise ValueError(f"{platform!r:.80} is no platform's name")
    if not _ID.fullmatch(platform_id):
        raise ValueError(f"{platform_id!r:.80} is no id of a short")
    phash = row.get("phash") or None
    if phash is not None and not _PHASH.fullmatch(str(phash)):
        raise ValueError(f"phash {phash!r:.80} is not 16 hex digits")
    return Published(
        platform=platform,
        platform_id=platform_id,
        labels=tuple(_label(one) for one in _list(row.get("labels"))),
        media_time=_seconds(row.get("media_time")),
        frame_source=_text(row.get("frame_source")),
        phash=phash,
        hash_recipe=_text(row.get("hash_recipe")),
        frame_sha256=_text(row.get("frame_sha256")),
    )


def _seconds(said: Any) -> float | None:
    if said in (None, ""):
        return None
    try:
        seconds = float(said)
    except (TypeError, ValueError):
        raise ValueError(f"media_time {said!r:.80} is no number") from None
    if not 0 <= seconds < 86_400:
        raise ValueError(f"media_time {said!r:.80} is no time of a short")
    return seconds


def _list(said: Any) -> list[Any]:
    if said in (None, ""):
        return []
    if isinstance(said, str):
        try:
            said = json.loads(said)
        except ValueError:
            raise ValueError("labels are no JSON") from None
    if not isinstance(said, list):
        raise ValueError("labels are no list")
    return said


def _label(said: Any) -> Label:
    if not isinstance(said, dict) or not _text(said.get("name")) or not _text(said.get("source")):
        raise ValueError("a label has no name or no source")
    score, stance = said.get("score"), _text(said.get("stance"))
    if score is not None and not isinstance(score, int | float):
        raise ValueError(f"the score {score!r:.80} of a label is no number")
    try:
        return Label(
            kind=LabelKind(str(said.get("kind"))),
            name=str(said["name"]),
            source=str(said["source"]),
            stance=None if stance is None else Stance(stance),
            score=score,
            model=_text(said.get("model")),
        )
    except ValueError as error:
        raise ValueError(f"a label has a kind or stance that is not known ({error})") from None


def _text(said: Any) -> str | None:
    return None if said in (None, "") else str(said)


def _parquet(path: Path) -> Iterable[dict[str, Any]]:
    file = pq.ParquetFile(path)
    there = [name for name in USED if name in file.schema_arrow.names]
    rows: list[dict[str, Any]] = file.read(columns=there).to_pylist()
    return rows


def _csv(path: Path) -> Iterable[dict[str, Any]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        yield from csv.DictReader(file)


def _jsonl(path: Path) -> Iterable[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            row = json.loads(line)
            if not isinstance(row, dict):
                raise ValueError(f"line {number} is no object")
            yield row


_READERS = {".parquet": _parquet, ".csv": _csv, ".jsonl": _jsonl}
