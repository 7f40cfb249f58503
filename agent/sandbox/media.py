"""A folder of pictures served as shorts, one short per picture (`--media`)."""

import csv
import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from agent.sandbox import words
from agent.sandbox.world import EPOCH, PAGE_SIZE, Truth, popularity, published
from storage.chance import draw, shuffled
from storage.errors import UsageError
from storage.records import Kind

SUFFIXES = (".jpg", ".jpeg", ".png")
DURATION = 12.0


class MediaWorld:
    """The shorts of a folder: as many as it has pictures (jpg, jpeg, png; not in sub-folders).

    A CSV file in the folder with the columns `file,caption` and, where wanted, `author,hashtags` (with or without
    '#', separated by spaces) gives captions; other CSV files are left alone. Every keyword's search gives all
    pictures: those whose caption or tags contain the word first, then the rest in seeded order.

    Raises:
        UsageError: no folder, or no picture in it.
    """

    finite = True

    def __init__(self, seed: int, folder: Path) -> None:
        self.seed = seed
        self.folder = folder
        if not folder.is_dir():
            raise UsageError(f"--media {folder} is no folder")
        files = sorted(path.name for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
        if not files:
            raise UsageError(f"--media {folder} holds no picture (jpg, jpeg, png)")
        self._rows = _captions(folder, files)
        self._files = {f"m{seed}-{hashlib.sha256(name.encode()).hexdigest()[:8]}": name for name in files}
        self.ids: list[str] = shuffled(list(self._files), seed, "media-feed")

    def owns(self, short_id: str) -> bool:
        """Whether the id is one of this folder's."""
        return short_id in self._files

    def path(self, short_id: str) -> Path:
        """The picture behind a short."""
        return self.folder / self._files[short_id]

    def short(self, short_id: str) -> Truth:
        """What is known of a picture.

        Raises:
            KeyError: no short of this folder.
        """
        name = self._files[short_id]
        row = self._rows.get(name, {})
        caption = row.get("caption") or None
        tags = re.findall(r"[^\s#,]+", row.get("hashtags") or "") or re.findall(r"#(\w+)", caption or "")
        return Truth(
            id=short_id,
            kind=Kind.SHORT,
            keyword=None,
            value=None,
            caption=caption,
            says="silent" if caption else "missing",
            author=row.get("author") or words.handle(lambda purpose: draw(self.seed, purpose, short_id)),
            hashtags=tuple(tags),
            duration=DURATION,
            published=min(EPOCH, published(self.seed, short_id)),
            language=row.get("language") or "en",
            sound=None,
            subtitles=None,
            media_file=name,
            popularity=popularity(self.seed, short_id),
        )

    def search(self, query: str, page: int) -> list[str]:
        """Ids of one result page, from 0."""
        word = query.lower().strip()
        order = shuffled(self.ids, self.seed, f"media-search/{word}")
        order.sort(key=lambda short_id: not self._matches(short_id, word))
        return order[page * PAGE_SIZE : (page + 1) * PAGE_SIZE]

    def pages(self, query: str) -> int:
        """How many result pages there are; the same for every query."""
        return -(-len(self.ids) // PAGE_SIZE)

    def _matches(self, short_id: str, word: str) -> bool:
        row = self._rows.get(self._files[short_id], {})
        return bool(word) and word in f"{row.get('caption') or ''} {row.get('hashtags') or ''}".lower()


def _captions(folder: Path, files: Sequence[str]) -> dict[str, dict[str, str]]:
    known = set(files)
    rows: dict[str, dict[str, str]] = {}
    for path in sorted(folder.glob("*.csv")):
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            reader = csv.DictReader(file)
            if not {"file", "caption"} <= set(reader.fieldnames or ()):
                continue
            rows |= {row["file"]: row for row in reader if row["file"] in known}
    return rows
