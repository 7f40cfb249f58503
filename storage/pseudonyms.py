"""People's handles as keyed hashes (D17): the same person is the same hash, and nobody can look the name up.

The key lies in the user's configuration folder, never in a corpus; the corpus holds its fingerprint, so that two
machines cannot write two hashes for one person into one corpus unnoticed.
"""

import hashlib
import hmac
import os
import re
import secrets
import tempfile
import unicodedata
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import platformdirs

from storage.errors import UsageError
from storage.records import Record

CONFIG_VARIABLE = "VALUE_SPECTRUM_CONFIG_DIR"
KEY_FILE = "pseudonym.key"
KEY_BYTES = 32
PREFIX = "h:"

_HASH = re.compile(r"[0-9a-f]{32}")
"""No platform allows handles of more than 30 characters, so a hash is known as one and never hashed again."""
_MARKS = "".join(mark for mark in map(chr, range(0x300, 0x3100)) if unicodedata.category(mark)[0] == "M")
"""Accents and vowel signs, which `\\w` leaves out: YouTube has handles in some 75 scripts."""
_MENTION = re.compile(rf"@(\w(?:[\w{_MARKS}.·-]*[\w{_MARKS}])?)")
"""Whatever stands before the '@': scripts without blanks put a word there, and an address of mail is nobody's need."""
_HANDLE_IN_PATH = re.compile(r"/@[^/]+|^/[^/]+(?=/(?:reels?|p)/)")


def config_folder() -> Path:
    """The user's configuration folder; VALUE_SPECTRUM_CONFIG_DIR overrides it."""
    named = os.environ.get(CONFIG_VARIABLE)
    return Path(named) if named else platformdirs.user_config_path("value-spectrum")


class Pseudonyms:
    """Replaces handles in records by keyed hashes."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def of_user(cls) -> "Pseudonyms":
        """With the user's key, made on first use (folder 0700, file 0600).

        Raises:
            UsageError: the key cannot be read or written.
        """
        path = config_folder() / KEY_FILE
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not path.exists():
                _make_key(path)
            key = bytes.fromhex(path.read_text().strip())
            if len(key) < KEY_BYTES:
                raise ValueError(f"{len(key)} bytes instead of {KEY_BYTES}")
            return cls(key)
        except (OSError, ValueError) as error:
            raise UsageError(
                f"the pseudonym key {path} cannot be used ({error}); mend it, or set "
                f"{CONFIG_VARIABLE} to another folder"
            ) from error

    @property
    def fingerprint(self) -> str:
        """Tells keys apart without telling the key."""
        return hmac.new(self._key, b"fingerprint", hashlib.sha256).hexdigest()[:16]

    def handle(self, handle: str) -> str:
        """The hash of one handle; '@', case and blanks around it do not matter."""
        if _HASH.fullmatch(handle.removeprefix(PREFIX)):
            return handle
        plain = handle.strip().lstrip("@").casefold()
        return PREFIX + hmac.new(self._key, plain.encode(), hashlib.sha256).hexdigest()[:32]

    def text(self, text: str) -> str:
        """A caption with each @mention replaced by the hash that the same author has elsewhere."""
        return _MENTION.sub(lambda match: "@" + self.handle(match[1]).removeprefix(PREFIX), text)

    def sound(self, title: str, author: str | None) -> str:
        """A sound's title, which ends in its maker's name on TikTok: `original sound - NAME`."""
        head, dash, name = title.rpartition(" - ")
        if author is not None and dash and self.handle(name) == self.handle(author):
            return head + dash + self.handle(author)
        return self.text(title)

    def record(self, record: Record) -> Record:
        """The record as it may be stored: author, mentions and address without handles."""
        return replace(
            record,
            author=None if record.author is None else self.handle(record.author),
            caption=None if record.caption is None else self.text(record.caption),
            subtitles=None if record.subtitles is None else self.text(record.subtitles),
            sound=None if record.sound is None else self.sound(record.sound, record.author),
            url=None if record.url is None else address_without_handle(record.url),
        )


def _make_key(path: Path) -> None:
    """Whole or not at all, and the first of two processes wins: a cut key would hash without a secret."""
    handle, name = tempfile.mkstemp(dir=path.parent)  # 0600
    try:
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_hex(KEY_BYTES))
        with suppress(FileExistsError):
            os.link(name, path)
    finally:
        os.unlink(name)


def address_without_handle(url: str) -> str:
    """`https://www.tiktok.com/@name/video/1?x=y` -> `https://www.tiktok.com/@_/video/1`; query and fragment go too.

    Instagram's `/name/reel/ID/` becomes `/@_/reel/ID/`.
    """
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, _HANDLE_IN_PATH.sub("/@_", parts.path), "", ""))
