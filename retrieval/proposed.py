"""Proposed keywords: set beside those that are there, and written into a user's vocabulary as form P."""

import os
import re
import tempfile
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from retrieval.embedders.base import Embedder, Vectors, present
from retrieval.vocabulary import Keyword, Value, Vocabulary, load_vocabulary
from storage.errors import UsageError

PROPOSED_FORM = "P"
"""The form of proposed keywords: not collected and not measured unless somebody asks for it by name."""
HEADING = re.compile(r"^\s*\[{1,2}\s*(?:value|topic)\b[^\]]*\]{1,2}\s*(?:#.*)?$")


@dataclass(frozen=True, kw_only=True)
class NearDuplicate:
    """What a proposed word repeats."""

    word: str
    value: str | None
    """Id of the value that has it; None for another proposed word."""
    form: str | None
    kind: str
    """`same` (but for case, accents and plural), `contains` (one has all words of the other), `near` (text vectors)."""
    cosine: float | None = None

    def __str__(self) -> str:
        what = {"same": "same as", "contains": "contains or is part of", "near": f"near ({self.cosine})"}[self.kind]
        return f"{what} {self.word!r} of " + (f"{self.value} ({self.form})" if self.value else "the proposed words")


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A word that a model proposed."""

    word: str
    why: str
    near: NearDuplicate | None
    """None for a new word."""

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "word": self.word,
            "why": self.why,
            "status": "proposed",
            "near_duplicate": None if self.near is None else {**self.near.__dict__},
        }


def normal(word: str) -> tuple[str, ...]:
    """A word's parts without case, accents, marks and plural s, for comparison only."""
    plain = unicodedata.normalize("NFKD", word.casefold())
    letters = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return tuple(_singular(part) for part in re.findall(r"\w+", letters))


def _singular(part: str) -> str:
    if len(part) > 4 and part.endswith("ies"):
        return part[:-3] + "y"
    return part[:-1] if len(part) > 3 and part.endswith("s") and not part.endswith("ss") else part


def compare(
    said: Sequence[tuple[str, str]], vocabulary: Vocabulary, embedder: Embedder | None, *, language: str
) -> list[Proposal]:
    """Each word with the first thing it repeats: a keyword of any value and form, else an earlier proposed word.

    Args:
        said: words with their reasons.
        embedder: for text vectors; None compares forms only. Words are `near` where their cosine is above that of any
            two packaged keywords, which were chosen by hand to be different things.
        language: of the words; text vectors are compared with keywords of this language.
    """
    known = [keyword for value in vocabulary.values for keyword in value.all_keywords]
    vectors = _Vectors(embedder, [word for word, _ in said], [one.word for one in known if one.language == language])
    found: list[Proposal] = []
    for word, why in said:
        word = " ".join(word.split())
        if not normal(word):
            continue
        candidates = [(one.word, one) for one in known] + [(one.word, None) for one in found if one.near is None]
        near = (
            _by_form(word, candidates, "same")
            or _by_form(word, candidates, "contains")
            or vectors.near(word, candidates)
        )
        found.append(Proposal(word=word, why=" ".join(why.split()), near=near))
    return found


def _by_form(word: str, candidates: Sequence[tuple[str, Keyword | None]], kind: str) -> NearDuplicate | None:
    own = normal(word)
    for text, keyword in candidates:
        other = normal(text)
        same = "".join(own) == "".join(other)
        if same if kind == "same" else set(own) <= set(other) or set(other) <= set(own):
            return _near(text, keyword, kind)
    return None


def _near(text: str, keyword: Keyword | None, kind: str, cosine: float | None = None) -> NearDuplicate:
    value, form = (keyword.value, keyword.form) if keyword else (None, None)
    return NearDuplicate(word=text, value=value, form=form, kind=kind, cosine=cosine)


class _Vectors:
    """Text vectors of all words at hand, and how near two different words may be."""

    def __init__(self, embedder: Embedder | None, *groups: Sequence[str]) -> None:
        self._of: dict[str, Vectors] = {}
        if embedder is None:
            return
        words = list(dict.fromkeys(" ".join(word.split()) for group in groups for word in group))
        if words:
            vectors = embedder.embed_texts(words)
            self._of = {word: row for word, row, there in zip(words, vectors, present(vectors), strict=True) if there}
        packaged = load_vocabulary()
        apart = embedder.embed_texts([keyword.word for form in "AB" for keyword in packaged.keywords(form)])
        self._most = float(np.triu(apart @ apart.T, k=1).max())

    def near(self, word: str, candidates: Sequence[tuple[str, Keyword | None]]) -> NearDuplicate | None:
        """The nearest of the candidates that is nearer than different words are."""
        there = [(text, keyword) for text, keyword in candidates if text in self._of]
        if word not in self._of or not there:
            return None
        cosines = np.stack([self._of[text] for text, _ in there]) @ self._of[word]
        best = int(cosines.argmax())
        if cosines[best] <= self._most:
            return None
        return _near(*there[best], "near", round(float(cosines[best]), 3))


def write_proposed(
    path: Path, source: Path | None, value: Value, language: str, proposals: Sequence[Proposal], *, by: str
) -> list[str]:
    """Add words to a vocabulary file as form P of a value; everything else in the file stays as it was.

    Args:
        path: a user's own file; made as a copy of `source` where there is none.
        source: None is the packaged file.
        by: the model that proposed them, written with each word.

    Returns:
        The words that were added.

    Raises:
        UsageError: the file cannot be written, or is laid out so that adding is not safe; nothing is changed then.
    """
    try:
        start = path if path.exists() else source or resources.files("retrieval") / "values.toml"
        text = start.read_text(encoding="utf-8")
        before = load_vocabulary(path if path.exists() else source)
        there = before.value(value.id)
        taken = {keyword.word.casefold() for one in before.values for keyword in one.all_keywords}
        new = [one for one in proposals if one.word.casefold() not in taken]
        proposed = [keyword for keyword in there.all_keywords if keyword.form == PROPOSED_FORM]
        entries: dict[str, list[str]] = {keyword.language: [] for keyword in proposed}
        entries.setdefault(language, [])
        for keyword in proposed:
            entries[keyword.language].append(_entry(keyword.word, keyword.why))
        entries[language] += [_entry(one.word, f"proposed by {by}: {one.why}") for one in new]
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            changed = Path(folder, path.name)
            changed.write_text(_with_section(text, value.id, entries), encoding="utf-8")
            if not _only_added(before, changed, value.id, len(new)):
                raise UsageError(f"{path} is laid out so that words cannot be added to it safely; add them by hand")
            os.replace(changed, path)
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror}); give another --out") from error
    return [one.word for one in new]


def _entry(word: str, why: str | None) -> str:
    reason = f", why = {_quoted(why)}" if why else ""
    return f"  {{ word = {_quoted(word)}{reason} }},\n"


def _quoted(text: str) -> str:
    """As a TOML basic string."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _with_section(text: str, value: str, entries: dict[str, list[str]]) -> str:
    """The file with the value's form P written anew, behind its other keywords."""
    lines = text.splitlines(keepends=True)
    first, end = _table_of(lines, value)
    kept: list[str] = []
    inside = False
    for line in lines[first:end]:
        if HEADING.match(line):
            inside = f"keywords.{PROPOSED_FORM}]" in line.replace(" ", "")
        if not inside:
            kept.append(line)
    while kept and not kept[-1].strip():
        kept.pop()
    if kept and not kept[-1].endswith("\n"):
        kept[-1] += "\n"
    section = [f"\n[value.keywords.{PROPOSED_FORM}]\n"]
    for language, words in entries.items():
        section += [f"{_quoted(language)} = [\n", *words, "]\n"]
    return "".join([*lines[:first], *kept, *section, "\n", *lines[end:]])


def _table_of(lines: Sequence[str], value: str) -> tuple[int, int]:
    """First line and end of the [[value]] with this id; comments before the next table belong to that one."""
    starts = [place for place, line in enumerate(lines) if re.match(r"^\s*\[\[\s*(?:value|topic)\s*\]\]", line)]
    for first, after in zip(starts, [*starts[1:], len(lines)], strict=True):
        if any(re.match(rf"^\s*id\s*=\s*[\"']{re.escape(value)}[\"']", line) for line in lines[first:after]):
            while after < len(lines) and after > first and lines[after - 1].lstrip().startswith("#"):
                after -= 1
            return first, after
    return len(lines), len(lines)


def _only_added(before: Vocabulary, changed: Path, value: str, added: int) -> bool:
    """That nothing but the new words changed."""

    def others(vocabulary: Vocabulary) -> list[Keyword]:
        return [one for one in _keywords(vocabulary) if (one.value, one.form) != (value, PROPOSED_FORM)]

    try:
        after = load_vocabulary(changed)
    except UsageError:
        return False
    same = (others(before), before.topics) == (others(after), after.topics)
    return same and len(list(_keywords(after))) == len(list(_keywords(before))) + added


def _keywords(vocabulary: Vocabulary) -> Iterator[Keyword]:
    for value in vocabulary.values:
        yield from value.all_keywords
