"""Reading what sites send: nested data, counts as a page's language writes them, hashtags, times.

Whatever cannot be read for certain is None, never a guess.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

THOUSAND, MILLION, BILLION = 1_000, 1_000_000, 1_000_000_000
_EAST = dict.fromkeys("万萬만", 10_000) | dict.fromkeys("億亿억", 100_000_000) | {"천": THOUSAND}
_BLANKS = " \u00a0\u202f"
_MOST = 10**12
"""No public count is larger: a number beyond it is something else."""


@dataclass(frozen=True, kw_only=True)
class _Writing:
    """How a language writes counts: `point` is its decimal sign, `words` are what it counts (also how it is known)."""

    point: str
    units: dict[str, int]
    words: tuple[str, ...]
    none: tuple[str, ...] = field(default=())
    """Ways to write zero."""


_WRITINGS = {
    "en": _Writing(
        point=".",
        units={"k": THOUSAND, "thousand": THOUSAND, "m": MILLION, "million": MILLION, "b": BILLION, "billion": BILLION}
        | {"lakh": 100_000, "crore": 10_000_000},
        words=("view", "like", "comment", "other people", "play", "watching", "subscriber"),
        none=("no views", "no likes", "no comments"),
    ),
    "de": _Writing(
        point=",",
        units={"tsd": THOUSAND, "mio": MILLION, "mrd": BILLION},
        words=("aufruf", "mag ich", "„gefällt mir“", "kommentar"),
        none=("keine aufrufe",),
    ),
    "fr": _Writing(
        point=",", units={"k": THOUSAND, "m": MILLION, "md": BILLION}, words=("vue", "j'aime", "commentaire")
    ),
    "es": _Writing(
        point=",",
        units={"k": THOUSAND, "mil": THOUSAND, "m": MILLION, "mm": BILLION},
        words=("visualizaci", "vista", "me gusta", "comentarios"),
    ),
    "pt": _Writing(
        point=",", units={"mil": THOUSAND, "mi": MILLION, "bi": BILLION}, words=("visualizaç", "gostei", "comentário")
    ),
    "it": _Writing(
        point=",",
        units={"k": THOUSAND, "mila": THOUSAND, "mln": MILLION, "mrd": BILLION},
        words=("visualizzazion", "mi piace", "comment"),
    ),
    "nl": _Writing(
        point=",", units={"k": THOUSAND, "d": THOUSAND, "mln": MILLION, "mld": BILLION}, words=("weergave", "vind-ik")
    ),
    "pl": _Writing(
        point=",", units={"tys": THOUSAND, "mln": MILLION, "mld": BILLION}, words=("wyświetle", "polubie", "komentarz")
    ),
    "ru": _Writing(
        point=",", units={"тыс": THOUSAND, "млн": MILLION, "млрд": BILLION}, words=("просмотр", "отметк", "комментари")
    ),
    "tr": _Writing(point=",", units={"b": THOUSAND, "mn": MILLION, "mr": BILLION}, words=("görüntüleme", "beğen")),
    "id": _Writing(point=",", units={"rb": THOUSAND, "jt": MILLION, "m": BILLION}, words=("ditonton", "suka")),
    "vi": _Writing(point=",", units={"n": THOUSAND, "tr": MILLION, "t": BILLION}, words=("lượt xem", "lượt thích")),
    "ja": _Writing(point=".", units=_EAST, words=("回視聴", "視聴", "高く評価", "コメント")),
    "ko": _Writing(point=".", units=_EAST, words=("조회수", "좋아", "댓글")),
    "zh": _Writing(point=".", units=_EAST, words=("观看", "觀看", "次赞", "評論", "评论")),
}
_NUMBER = re.compile(rf"\d[\d.,’'{_BLANKS}]*")
_HASHTAG = re.compile(r"(?<![\w&/])[#＃](\w*[^\W\d_]\w*)")


def find(raw: Any, *names: str) -> Iterator[tuple[str, Any]]:
    """Every value under one of these keys, with its key, in page order; nothing inside a value that was found."""
    if isinstance(raw, dict):
        for key, value in raw.items():
            if key in names:
                yield key, value
            else:
                yield from find(value, *names)
    elif isinstance(raw, list):
        for value in raw:
            yield from find(value, *names)


def first(raw: Any, *names: str) -> Any:
    """The first value under one of these keys; None where there is none."""
    return next((value for _, value in find(raw, *names)), None)


def at(raw: Any, *path: str | int) -> Any:
    """The value at a path of keys and positions; None where the path ends early."""
    for step in path:
        try:
            raw = raw[step]
        except (KeyError, IndexError, TypeError):
            return None
    return raw


def text(raw: Any) -> str | None:
    """A string, stripped; None for anything else and for an empty one."""
    return raw.strip() or None if isinstance(raw, str) else None


def whole(raw: Any) -> int | None:
    """An exact count: an integer, or digits as a string."""
    if isinstance(raw, bool) or raw is None:
        return None
    if isinstance(raw, int):
        return raw if 0 <= raw < _MOST else None
    if isinstance(raw, str) and raw.isascii() and raw.isdigit() and len(raw) <= 12:
        return int(raw)
    return None


def count(written: Any, language: str | None = None) -> int | None:
    """A count as a page writes it: `2.9M views`, `1.862 Aufrufe`, `290万回視聴`.

    Args:
        language: the page's (`en-GB`); without one it is told by the words that are counted, and where there are
            none, digits alone are read and nothing else.
    """
    if not isinstance(written, str):
        return whole(written)
    plain = " ".join(written.split()).casefold()
    if plain.isascii() and plain.isdigit():
        return whole(plain)
    for name in _languages(plain, language):
        writing = _WRITINGS[name]
        if any(nothing in plain for nothing in writing.none):
            return 0
        found = _read(plain, writing)
        if found is not None:
            return found
    return None


def _languages(plain: str, language: str | None) -> list[str]:
    known = (language or "").replace("_", "-").split("-")[0].casefold()
    if known:
        return [known] if known in _WRITINGS else []
    return [name for name, writing in _WRITINGS.items() if any(word in plain for word in writing.words)][:1]


def _read(plain: str, writing: _Writing) -> int | None:
    numbers = list(_NUMBER.finditer(plain))
    if len(numbers) != 1:
        return None
    number = numbers[0]
    rest = plain[number.end() :].lstrip(" .")
    unit = _unit(rest, writing)
    digits = re.sub(r"\D+$", "", number[0])
    group = "." if writing.point == "," else ","
    if writing.point in digits:
        head, _, tail = digits.rpartition(writing.point)
        if unit is None or not tail.isdigit():  # a count without unit has no decimals
            return None
        return round(float(re.sub(r"\D", "", head) + "." + tail) * unit)
    parts = re.split(rf"[{re.escape(group)}’'{_BLANKS}]", digits)
    if any(len(part) != 3 for part in parts[1:]):
        return None
    return int("".join(parts)) * (unit or 1)


def _unit(rest: str, writing: _Writing) -> int | None:
    word = re.match(r"[^\W\d_]+", rest)
    if word is None:
        return None
    if word[0] in writing.units:
        return writing.units[word[0]]
    return _EAST.get(rest[0]) if writing.units is _EAST else None


def hashtags(*texts: str | None) -> tuple[str, ...]:
    """Hashtags in the order of the texts, each once, without '#'."""
    return tuple(dict.fromkeys(tag for given in texts if given for tag in _HASHTAG.findall(given)))


def moment(raw: Any) -> datetime | None:
    """A time from seconds since 1970 (also as a string) or from ISO 8601, in UTC; a bare day is its midnight."""
    if isinstance(raw, str) and not raw.isdigit():
        try:
            parsed = datetime.fromisoformat(raw)
            return parsed.replace(tzinfo=parsed.tzinfo or UTC).astimezone(UTC)
        except (ValueError, OverflowError):
            return None
    seconds = whole(raw)
    return datetime.fromtimestamp(seconds, UTC) if seconds and 10**9 < seconds < 10**10 else None


def clock_seconds(written: str | None) -> float | None:
    """Seconds of `1:02` or `1:00:02`."""
    if written is None or not re.fullmatch(r"(\d+:)?\d{1,2}:\d{2}", written):
        return None
    seconds = 0
    for part in written.split(":"):
        seconds = seconds * 60 + int(part)
    return float(seconds)


def decoded(source: str) -> Any:
    """Parsed JSON, also behind `for (;;);`; several values, one a line, as a list. None where it is none."""
    source = source.removeprefix("for (;;);")
    try:
        return json.loads(source)
    except ValueError:
        pass
    try:
        return [json.loads(line) for line in source.splitlines() if line.strip()] or None
    except ValueError:
        return None


def assigned(source: str, name: str) -> Iterator[Any]:
    """Values that a script gives to a name: `NAME = {...}`, `x["NAME"] = {...}`, `NAME = '\\x7b...'`, `NAME({...})`."""
    for match in re.finditer(rf"\b{re.escape(name)}[\"']?\]?\s*[=(]\s*", source):
        rest = source[match.end() :]
        if rest[:1] in "{[":
            try:
                yield json.JSONDecoder().raw_decode(rest)[0]
            except ValueError:
                continue
        elif rest[:1] in "'\"":
            end = re.match(r"(['\"])((?:\\.|(?!\1).)*)\1", rest, re.DOTALL)
            if end and (value := decoded(_unescaped(end[2]))) is not None:
                yield value


def _unescaped(source: str) -> str:
    """A JavaScript string's content."""

    def one(match: re.Match[str]) -> str:
        code = match[1]
        return chr(int(code[1:], 16)) if code[0] in "xu" and len(code) > 1 else {"n": "\n", "t": "\t"}.get(code, code)

    return re.sub(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)", one, source, flags=re.DOTALL)


def unique(given: Iterable[Any]) -> list[Any]:
    """The same things without None, each once."""
    return list(dict.fromkeys(thing for thing in given if thing is not None))
