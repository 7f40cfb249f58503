"""`--pseudonymise`: rows that name neither a short nor an author, and what that cannot hide.

It is pseudonymous, not anonymous: whoever knows the picture knows the short. So the picture's own words stay the
weakest point, and the command says so.
"""

import hashlib
import hmac
from typing import Any

from storage.export.rows import Row, Sample, file_key
from storage.pseudonyms import Pseudonyms

STILL_SHOWN = (
    "--pseudonymise takes away ids, addresses, captions, sounds, reasons, hashes of pictures and exact counts and "
    "times, but the pictures still show faces, places and (with --picture screen) the caption and handle of the "
    "overlay, and a picture can be searched for: the dataset stays personal data"
)
DROPPED = (
    "platform_id", "url", "caption", "sound", "subtitles", "observed", "image_sha256", "frame_sha256", "phash"
)  # fmt: skip
"""Hashes of pictures as well: in a manifest of the same corpus they stand beside the id."""
COUNTS = ("views", "likes", "comments", "shares")
MONTH = len("2026-01")


class Veil:
    """Replaces what identifies, in the same way for every row of an export and of a later one with the same key."""

    def __init__(self, pseudonyms: Pseudonyms) -> None:
        # A key derived from the user's: the new names cannot be matched with the corpus's hashes without it.
        self._key = pseudonyms.handle("export pseudonyms").encode()

    def name(self, name: str) -> str:
        """Another name for `platform:id`, on the same platform."""
        return f"{name.partition(':')[0]}:{self._hash('short', name)}"

    def row(self, row: Row) -> Row:
        """The row without what identifies."""
        clean: Row = row | dict.fromkeys(DROPPED) | {name: _rounded(row[name]) for name in COUNTS}
        clean |= {"id": self.name(row["id"]), "cluster": self.name(row["cluster"]), "hashtags": []}
        clean |= {name: row[name] and row[name][:MONTH] for name in ("published", "first_seen")}
        clean["duration"] = None if row["duration"] is None else float(round(row["duration"]))
        clean["author"] = None if row["author"] is None else self._hash("author", row["author"])
        clean["showings"] = [
            # A model's reason quotes what it read on the screen.
            showing | {"shown": showing["shown"][:MONTH], "reason": None}
            for showing in row["showings"]
        ]
        return clean

    def sample(self, sample: Sample) -> Sample:
        """The sample under its new name."""
        row = self.row(sample.row)
        return Sample(key=file_key(row["id"]), row=row, picture=sample.picture, suffix=sample.suffix)

    def _hash(self, purpose: str, text: str) -> str:
        return hmac.new(self._key, f"{purpose} {text}".encode(), hashlib.sha256).hexdigest()[:16]


def _rounded(count: Any) -> int | None:
    """One significant digit: 1234567 views find the short, a million do not."""
    if count is None:
        return None
    size = 10 ** (len(str(count)) - 1)
    return int(round(count / size) * size)
