"""What lies beside a corpus and may name a short or an author: the log, evidence, vectors, the sandbox's notes.

All of it belongs to the machine and can be thrown away; a piece of evidence that names somebody goes as a whole.
"""

import glob
import os
import re
import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

LOG, EVIDENCE, VECTORS, SANDBOX = ".log.jsonl", ".evidence", ".vectors", ".sandbox*.jsonl"
"""Endings of `<corpus>...`; the sandbox has one for every site."""
PROFILES = ".profiles"
"""A folder of browser profiles; their visitors go on, so that only names go out of them."""


@dataclass(frozen=True, kw_only=True)
class Names:
    """What is looked for."""

    ids: Sequence[str] = ()
    """Ids of shorts, hashes of handles: wherever they stand as a word."""
    handles: Sequence[str] = ()
    """Plain handles: only where a handle stands (`@name`, `"name"`, `/name/`), since many of them are words."""

    def pattern(self) -> re.Pattern[str]:
        """Finds them in text, whatever the case of a handle."""
        ids = [rf"(?<![\w-]){re.escape(one)}(?![\w-])" for one in self.ids]
        for handle in map(re.escape, self.handles):
            ids.append(rf'(?i:@{handle}(?![\w.])|"{handle}"(?!\s*:)|/{handle}[/"?])')
        return re.compile("|".join(ids))


def remove_traces(corpus: Path, names: Names) -> Counter[str]:
    """Take the names out of everything beside a corpus.

    Returns:
        Lines and folders that went: `log lines`, `evidence`, `sandbox lines`.

    Raises:
        OSError: something cannot be read or replaced; what was replaced before is whole.
    """
    pattern = names.pattern()
    gone: Counter[str] = Counter()
    for suffix, what in ((LOG, "log lines"), (SANDBOX, "sandbox lines")):
        for file in sorted(corpus.parent.glob(glob.escape(corpus.name) + suffix)):
            gone[what] += _without_lines(file, pattern)
    evidence = corpus.with_name(corpus.name + EVIDENCE)
    for folder in sorted(evidence.iterdir()) if evidence.is_dir() else []:
        texts = (path.read_text(encoding="utf-8", errors="replace") for path in folder.rglob("*") if path.is_file())
        if any(pattern.search(text) for text in texts):
            shutil.rmtree(folder)
            gone["evidence"] += 1
    return +gone


def remove_vectors(corpus: Path) -> None:
    """Throw away the matrices beside a corpus: they are made again from its rows when somebody searches."""
    folder = corpus.with_name(corpus.name + VECTORS)
    if folder.exists():
        shutil.rmtree(folder)


def _without_lines(path: Path, pattern: re.Pattern[str]) -> int:
    gone = 0
    part = path.with_name(path.name + ".part")
    try:
        with path.open(encoding="utf-8", errors="replace") as lines, part.open("w", encoding="utf-8") as kept:
            for line in lines:
                if pattern.search(line):
                    gone += 1
                else:
                    kept.write(line)
        if gone:
            shutil.copymode(path, part)
            os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return gone


def strike_logs(paths: Iterable[Path], names: Names) -> int:
    """Take the lines that name somebody out of further logs; returns how many went."""
    return sum(_without_lines(path, names.pattern()) for path in paths if path.is_file())


def strike_profiles(corpus: Path, names: Names) -> int:
    """Put `_` in place of the names in the browser profiles beside a corpus, which a site writes into.

    Returns:
        In how many profiles.
    """
    folder, pattern = corpus.with_name(corpus.name + PROFILES), names.pattern()
    changed = 0
    for path in sorted(folder.rglob("*.json")):
        text = path.read_text(encoding="utf-8", errors="replace")
        clean = pattern.sub(lambda found: re.sub(r"[\w.-]+", "_", found[0]), text)  # quotes around it stay
        if clean != text:
            part = path.with_name(path.name + ".part")
            part.write_text(clean, encoding="utf-8")
            shutil.copymode(path, part)
            os.replace(part, path)
            changed += 1
    return changed
