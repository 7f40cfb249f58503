"""Writing an export whole or not at all: each shard under another name first, the same command again goes on (D1)."""

import errno
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from storage.errors import StorageFull, UsageError
from storage.export.plan import FORGOTTEN, Plan, Shard

REPORT = "report"
STARTED, STATS, SKIPPED = "export.json", "stats.json", "skipped.jsonl"
PART = ".part"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def writing(place: Path) -> Iterator[None]:
    """Turn the system's errors while writing into ours.

    Raises:
        StorageFull: no space.
        UsageError: the place cannot be written.
    """
    try:
        yield
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        if error.errno in _FULL:
            raise StorageFull(
                f"no space left for {place} ({reason}); what is finished stays: make space and run the same command"
            ) from error
        raise UsageError(f"{place} cannot be written ({reason}); give another --out or change the rights") from error


def write_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Make a file or folder under another name, put it on the disk, and then give it its name.

    Raises:
        StorageFull, UsageError: nothing of it is left then.
    """
    part = path.with_name(f".{path.name}{PART}")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove(part)
        try:
            write(part)
            for file in [part] if part.is_file() else sorted(part.iterdir()):
                _sync(file)
            os.replace(part, path)
        except BaseException:
            _remove(part)
            raise


@dataclass
class Folder:
    """The folder of an export."""

    path: Path
    suffix: str
    """Of its shards; empty where a shard is a folder."""
    kept: int = field(default=0, init=False)
    """Shards that were there already."""

    @property
    def begun(self) -> bool:
        """True if an export was begun in it."""
        return (self.path / REPORT / STARTED).exists()

    def begin(self, plan: Plan) -> bool:
        """Make the folder, or go on in the one that this very export was begun in.

        Returns:
            True if everything is there already.

        Raises:
            UsageError: there is something else.
        """
        about = {"digest": plan.digest, "corpus": plan.corpus_id, "options": plan.options.to_json()}
        started = self.path / REPORT / STARTED
        if self.path.exists() and not self.path.is_dir():
            raise UsageError(f"{self.path} is no folder; give another --out")
        if self.begun:
            try:
                known = json.loads(started.read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                raise UsageError(f"{started} cannot be read ({error}); give another --out") from error
            if known["digest"] != plan.digest:
                what = "options" if known["options"] != about["options"] else "contents of the corpus"
                raise UsageError(
                    f"{self.path} holds an export with other {what}; give another --out, or delete that folder first"
                )
            there = (self.place(shard).exists() for shard in plan.shards())
            return (self.path / REPORT / STATS).exists() and all(there)
        if self.path.exists() and any(self.path.iterdir()):
            raise UsageError(f"{self.path} exists and holds no export; give another --out, or delete it first")
        write_whole(started, lambda part: _write_json(part, about))
        return False

    def shard(self, shard: Shard, write: Callable[[Path], None]) -> bool:
        """Write a shard unless it is there; True if it was written."""
        target = self.place(shard)
        if target.exists():
            self.kept += 1
            return False
        write_whole(target, write)
        return True

    def place(self, shard: Shard) -> Path:
        """Where a shard lies: named so that `datasets` knows its split."""
        if self.suffix:
            return self.path / "data" / f"{shard.name}{self.suffix}"
        return self.path / shard.split / f"{shard.number:05}"

    def finish(self, plan: Plan, counts: dict[str, Any]) -> dict[str, Any]:
        """Write the skip report and then the counts, whose file says that the export is whole.

        Args:
            counts: what the dataset is made of (`storage.tallies`).
        """

        def skipped(part: Path) -> None:
            with part.open("w", encoding="utf-8") as file:
                for one in plan.skipped:
                    if one.name is not None or one.reason == FORGOTTEN:
                        about = {"id": one.name, "reason": one.reason, "same_picture_as": one.of}
                        file.write(json.dumps(about) + "\n")

        stats = plan.stats() | {
            "shards": len(plan.shards()),
            "bytes": sum(size(self.place(shard)) for shard in plan.shards()),
            "counts": counts,
        }
        write_whole(self.path / REPORT / SKIPPED, skipped)
        write_whole(self.path / REPORT / STATS, lambda part: _write_json(part, stats))
        return stats

    def stats(self) -> dict[str, Any]:
        """The counts of an export that is whole."""
        said: dict[str, Any] = json.loads((self.path / REPORT / STATS).read_text(encoding="utf-8"))
        return said


def size(path: Path) -> int:
    """Bytes of a file, or of the files in a folder."""
    return sum(file.stat().st_size for file in ([path] if path.is_file() else path.iterdir()))


def _write_json(path: Path, said: dict[str, Any]) -> None:
    path.write_text(json.dumps(said, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
