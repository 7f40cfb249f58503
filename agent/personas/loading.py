"""Where personas come from: the packaged `personas.toml`, a user's file of the same form, or Persona-Chat's files.

    NAME         one of the packaged ones
    FILE:NAME    from a file: .toml as the packaged one; .json or .jsonl with a `personality` per record, as
                 Persona-Chat is often passed on; any other is its own text (`1 your persona: i like to ski.`)

Persona-Chat's people have no names: theirs are the file's stem and a number, counted over different personas in the
order of the file; `FILE:12` and `FILE:STEM-12` are the same.
"""

import difflib
import json
import re
import tomllib
from collections.abc import Iterable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any

from agent.personas.persona import Persona, plain
from storage.errors import UsageError

PACKAGED = "personas.toml"
SOURCE = "value-spectrum"
LINE = re.compile(r"(\d+) (your|partner's) persona:(.*)")
FILE_KEYS = {"name", "version", "language", "persona"}
PERSONA_KEYS = {"name", "values", "traits", "language"}


def shipped() -> tuple[Persona, ...]:
    """The packaged personas, in the file's order."""
    text = resources.files("agent.personas").joinpath(PACKAGED).read_text(encoding="utf-8")
    return _once(_from_toml(text, PACKAGED, SOURCE), PACKAGED)


def load_personas(path: Path) -> tuple[Persona, ...]:
    """All personas of a file, in its order.

    Raises:
        UsageError: the file cannot be read, holds no persona, an empty one, or two of one name.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(f"the persona file {path} cannot be read ({error.strerror}); check the path") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"the persona file {path} is not UTF-8 (byte {error.start}); save it as UTF-8") from error
    if path.suffix == ".toml":
        found = _once(_from_toml(text, str(path), path.name), str(path))
    else:
        lists = _from_json(text, path) if path.suffix in (".json", ".jsonl") else _from_text(text)
        found = tuple(_numbered(lists, path))
    if not found:
        raise UsageError(
            f"the persona file {path} holds no persona; give a .toml with [[persona]], or one of Persona-Chat's files"
        )
    return found


def find_persona(text: str) -> Persona:
    """The persona that `--persona` names: `NAME` of a packaged one, or `FILE:NAME`.

    Raises:
        UsageError: there is none; or as `load_personas`.
    """
    place, colon, name = text.rpartition(":")
    personas = load_personas(Path(place)) if colon else shipped()
    names = {persona.name: persona for persona in personas}
    found = names.get(name) or (names.get(f"{_stem(Path(place))}-{name}") if colon else None)
    if found is None:
        near = difflib.get_close_matches(name, names, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "`python -m agent.persona list` shows the packaged ones"
        where = f"in {place} " if colon else ""
        raise UsageError(f"there is no persona {name!r} {where}(NAME, or FILE:NAME for a file's); {hint}")
    return found


def _once(personas: Iterable[Persona], where: str) -> tuple[Persona, ...]:
    found: dict[str, Persona] = {}
    for persona in personas:
        if persona.name in found:
            raise UsageError(f"two personas in {where} are called {persona.name!r}; rename one of them")
        found[persona.name] = persona
    return tuple(found.values())


def _from_toml(text: str, where: str, source: str) -> Iterator[Persona]:
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"the persona file {where} is not valid TOML: {error}; correct that place") from error
    _known_keys(content, FILE_KEYS, "the top level", where)
    tables = content.get("persona", [])
    if not isinstance(tables, list):
        raise UsageError(f"persona in {where} is no list of tables; write [[persona]] above each of them")
    for number, table in enumerate(tables, start=1):
        place = f"persona {number}"
        _known_keys(table, PERSONA_KEYS, place, where)
        language = table.get("language", content.get("language"))
        if not isinstance(table.get("name"), str) or not isinstance(language, str | None):
            raise UsageError(f'{place} in {where} needs a name, and a language that is text; write name = "..."')
        yield Persona(
            name=table["name"],
            traits=_texts(table.get("traits", []), f"traits of {place}", where),
            source=source,
            language=language,
            values=_texts(table.get("values", []), f"values of {place}", where),
        )


def _known_keys(table: Any, known: set[str], place: str, where: str) -> None:
    unknown = sorted(set(table) - known) if isinstance(table, dict) else ["(no table)"]
    if unknown:
        raise UsageError(f"{place} in {where} has {unknown[0]}; known are {', '.join(sorted(known))}")


def _texts(given: Any, place: str, where: str) -> tuple[str, ...]:
    if not isinstance(given, list) or not all(isinstance(text, str) for text in given):
        raise UsageError(f'the {place} in {where} are no list of texts; write them as ["...", "..."]')
    return tuple(plain(text) for text in given)


def _from_text(text: str) -> Iterator[tuple[str, ...]]:
    """Each dialogue counts its lines from 1 and begins with what its speakers say of themselves."""
    traits: dict[str, list[str]] = {}
    last = 0
    for line in text.splitlines():
        match = LINE.fullmatch(line.strip())
        if match is None or int(match[1]) < last:
            yield from map(tuple, traits.values())
            traits, last = {}, 0
        if match is not None:
            traits.setdefault(match[2], []).append(plain(match[3]))
            last = int(match[1])
    yield from map(tuple, traits.values())


def _from_json(text: str, path: Path) -> Iterator[tuple[str, ...]]:
    try:
        lines = text.splitlines() if path.suffix == ".jsonl" else [text]
        content = [json.loads(line) for line in lines if line.strip()]
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the persona file {path} is not valid JSON ({error}); correct that place") from error
    for place, record in enumerate(_records(content), start=1):
        yield _texts(record["personality"], f"personality of record {place}", str(path))


def _records(content: list[Any]) -> Iterator[dict[str, Any]]:
    """The records with a personality: one a line, in a list, or in a list per split (`train`, `valid`)."""
    for part in content:
        splits = part.values() if isinstance(part, dict) and "personality" not in part else [part]
        for split in splits:
            records = split if isinstance(split, list) else [split]
            yield from (record for record in records if isinstance(record, dict) and "personality" in record)


def _numbered(lists: Iterable[tuple[str, ...]], path: Path) -> Iterator[Persona]:
    """Each persona once, however many dialogues it has and in whatever order they list its traits."""
    seen: set[frozenset[str]] = set()
    for traits in lists:
        if frozenset(traits) in seen:
            continue
        seen.add(frozenset(traits))
        yield Persona(name=f"{_stem(path)}-{len(seen)}", traits=traits, source=path.name, language="en")


def _stem(path: Path) -> str:
    return re.sub(r"[^\w.-]+", "-", path.stem)[:80]
