"""The values with their keywords and the closed list of topics, read from `values.toml` or a user's own file.

A vocabulary is data: the packaged file holds Schwartz's ten values as the paper defines them (its section 2), with ten
keywords each in form A and ten in reserve in form B. Other values, counts, forms and languages are fine. The file's
SHA-256 is part of what a run stores (D5).
"""

import difflib
import hashlib
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from storage.errors import UsageError

MAIN_FORM = "A"
"""The form that is collected and measured; every value has it."""
OTHER = "other"
"""The topic that is left when no other fits; every list of topics has it."""

FILE_KEYS = {"name", "version", "value", "topic"}
VALUE_KEYS = {"id", "name", "abbreviation", "definition", "keywords"}
KEYWORD_KEYS = {"word", "item", "why", "named_by_paper"}
TOPIC_KEYS = {"id", "name", "definition", "words"}


@dataclass(frozen=True, kw_only=True)
class Keyword:
    """A word that stands for a value: what is typed into a search box, and what an interest is made of."""

    word: str
    value: str
    """Id of its value."""
    form: str = MAIN_FORM
    language: str = "en"
    item: str | None = None
    """The item of Schwartz's Value Survey that motivates it."""
    why: str | None = None
    named_by_paper: bool = False


@dataclass(frozen=True, kw_only=True)
class Value:
    """One basic human value."""

    id: str
    name: str
    abbreviation: str
    definition: str
    all_keywords: tuple[Keyword, ...]
    """Of all forms and languages, in the file's order."""

    def keywords(self, form: str = MAIN_FORM, language: str | None = None) -> tuple[Keyword, ...]:
        """The keywords of one form and language, in the file's order; empty where there are none.

        Args:
            form: "A", or "B" for the reserve.
            language: by default the one that stands first in the file for this form.
        """
        of_form = [keyword for keyword in self.all_keywords if keyword.form == form]
        if language is None:
            language = of_form[0].language if of_form else None
        return tuple(keyword for keyword in of_form if keyword.language == language)


@dataclass(frozen=True, kw_only=True)
class Topic:
    """One entry of the closed list of what a short is about."""

    id: str
    name: str
    definition: str
    words: Mapping[str, tuple[str, ...]]
    """Descriptive words by language, for embedders; `other` has none."""


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """All values and topics of one file."""

    name: str
    version: int
    sha256: str
    """Of the file's bytes."""
    values: tuple[Value, ...]
    topics: tuple[Topic, ...]

    def value(self, text: str) -> Value:
        """The value with this id, abbreviation or name, whatever the case.

        Raises:
            UsageError: there is none.
        """
        names = {name.casefold(): value for value in self.values for name in (value.name, value.abbreviation, value.id)}
        found = names.get(text.strip().casefold())
        if found is None:
            known = [value.id for value in self.values]
            raise UsageError(_unknown("value", text, names, f"known are {', '.join(known)}"))
        return found

    def keyword(self, text: str) -> Keyword:
        """The keyword with this word, whatever the case, from any form and language.

        Raises:
            UsageError: there is none.
        """
        words: dict[str, Keyword] = {}
        for value in self.values:
            for keyword in value.all_keywords:
                words.setdefault(keyword.word.casefold(), keyword)
        found = words.get(text.strip().casefold())
        if found is None:
            raise UsageError(_unknown("keyword", text, words, "the keywords stand in the vocabulary file"))
        return found

    def topic(self, text: str) -> Topic:
        """The topic with this id or name, whatever the case.

        Raises:
            UsageError: there is none.
        """
        names = {name.casefold(): topic for topic in self.topics for name in (topic.name, topic.id)}
        found = names.get(text.strip().casefold())
        if found is None:
            known = [topic.id for topic in self.topics]
            raise UsageError(_unknown("topic", text, names, f"known are {', '.join(known)}"))
        return found

    def keywords(self, form: str = MAIN_FORM, language: str | None = None) -> tuple[Keyword, ...]:
        """The keywords of all values, value by value."""
        return tuple(keyword for value in self.values for keyword in value.keywords(form, language))


def _unknown(kind: str, text: str, names: Iterable[str], otherwise: str) -> str:
    near = difflib.get_close_matches(text.strip().casefold(), list(names), n=1)
    return f"there is no {kind} {text!r}; " + (f"did you mean {near[0]!r}?" if near else otherwise)


def load_vocabulary(path: Path | None = None) -> Vocabulary:
    """Read and check a vocabulary.

    Args:
        path: a user's own file; by default the packaged `values.toml`. A file without topics takes the packaged ones.

    Raises:
        UsageError: the file cannot be read or is no vocabulary; says which file, which place and what to do.
    """
    try:
        data = (path or resources.files("retrieval") / "values.toml").read_bytes()
        content = tomllib.loads(data.decode())
    except OSError as error:
        raise UsageError(f"the vocabulary {path} cannot be read ({error.strerror}); check the path") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"the vocabulary {path} is not UTF-8 (byte {error.start}); save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"the vocabulary {path} is not valid TOML: {error}; correct that place") from error
    reader = _Reader(str(path or "values.toml"))
    reader.known_keys(content, FILE_KEYS, "the top level")
    values = tuple(reader.value(table, place) for table, place in reader.tables(content, "value"))
    topics = tuple(reader.topic(table, place) for table, place in reader.tables(content, "topic"))
    if not values:
        raise reader.error("the file", "has no [[value]]", "copy the packaged values.toml and change it")
    reader.once(
        (name, f"value {value.id!r}")
        for value in values
        for name in {text.casefold() for text in (value.id, value.abbreviation, value.name)}
    )
    reader.once(
        (keyword.word, f"keyword of {value.id!r} in language {language!r}", language)
        for value in values
        for keyword in value.all_keywords
        for language in (keyword.language,)
    )
    reader.once((topic.id, f"topic {topic.id!r}") for topic in topics)
    if topics and OTHER not in {topic.id for topic in topics}:
        raise reader.error("the list of topics", f"has no {OTHER!r}", f'add a [[topic]] with id = "{OTHER}"')
    return Vocabulary(
        name=reader.text(content, "name", "the top level"),
        version=_version(reader, content),
        sha256=hashlib.sha256(data).hexdigest(),
        values=values,
        topics=topics or load_vocabulary().topics,
    )


def _version(reader: "_Reader", content: Mapping[str, Any]) -> int:
    version = content.get("version", 1)
    if not isinstance(version, int):
        raise reader.error("the top level", "has a version that is no whole number", "write for example version = 1")
    return version


class _Reader:
    """Takes the file apart; every complaint names the file and the place in it."""

    def __init__(self, file: str) -> None:
        self.file = file

    def error(self, place: str, what: str, remedy: str) -> UsageError:
        return UsageError(f"the vocabulary {self.file}: {place} {what}; {remedy}")

    def known_keys(self, table: Mapping[str, Any], known: set[str], place: str) -> None:
        for key in table.keys() - known:
            raise self.error(place, f"has the unknown field {key!r}", f"known are {', '.join(sorted(known))}")

    def tables(self, content: Mapping[str, Any], name: str) -> Iterator[tuple[Mapping[str, Any], str]]:
        tables = content.get(name, [])
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            raise self.error(f"{name!r}", "is not a list of tables", f"write each one as [[{name}]]")
        for number, table in enumerate(tables, start=1):
            yield table, f"{name} {number} ({table.get('id', 'without id')})"

    def text(self, table: Mapping[str, Any], key: str, place: str) -> str:
        text = table.get(key)
        if not isinstance(text, str) or not text.strip():
            raise self.error(place, f"has no {key}", f'add {key} = "..."')
        return text.strip()

    def once(self, names: Iterable[tuple[str, ...]]) -> None:
        """Refuse a name that stands twice. A third field parts names that may be equal, such as two languages'."""
        seen: set[tuple[str, ...]] = set()
        for name, place, *scope in names:
            key = (name.casefold(), *scope)
            if key in seen:
                raise self.error(place, f"repeats {name!r}", "every name and keyword may stand once; change one")
            seen.add(key)

    def value(self, table: Mapping[str, Any], place: str) -> Value:
        self.known_keys(table, VALUE_KEYS, place)
        identity = self.text(table, "id", place)
        keywords = tuple(
            self.keyword(entry, f"{place}, keywords.{form}.{language}", identity, form, language)
            for form, languages in self.mapping(table.get("keywords"), f"{place}, keywords").items()
            for language, entries in self.mapping(languages, f"{place}, keywords.{form}").items()
            for entry in self.entries(entries, f"{place}, keywords.{form}.{language}")
        )
        if not any(keyword.form == MAIN_FORM for keyword in keywords):
            remedy = f'add [value.keywords.{MAIN_FORM}] with en = ["..."]'
            raise self.error(place, f"has no keywords of form {MAIN_FORM}", remedy)
        return Value(
            id=identity,
            name=self.text(table, "name", place),
            abbreviation=self.text(table, "abbreviation", place),
            definition=self.text(table, "definition", place),
            all_keywords=keywords,
        )

    def mapping(self, found: Any, place: str) -> Mapping[str, Any]:
        if not isinstance(found, dict):
            raise self.error(place, "is no table of lists", 'write one list per language, such as en = ["..."]')
        return found

    def entries(self, found: Any, place: str) -> list[Any]:
        if not isinstance(found, list):
            raise self.error(place, "is no list", 'write for example en = ["beach", "sauna"]')
        return found

    def keyword(self, entry: Any, place: str, value: str, form: str, language: str) -> Keyword:
        table = {"word": entry} if isinstance(entry, str) else entry
        if not isinstance(table, dict):
            raise self.error(place, f"holds {entry!r}", 'a keyword is "word" or { word = "...", item = "..." }')
        self.known_keys(table, KEYWORD_KEYS, place)
        word = self.text(table, "word", place)
        named = table.get("named_by_paper", False)
        if not isinstance(named, bool):
            raise self.error(f"{place}, {word!r}", "has a named_by_paper that is neither true nor false", "correct it")
        place = f"{place}, {word!r}"
        return Keyword(
            word=word,
            value=value,
            form=form,
            language=language,
            item=self.text(table, "item", place) if "item" in table else None,
            why=self.text(table, "why", place) if "why" in table else None,
            named_by_paper=named,
        )

    def topic(self, table: Mapping[str, Any], place: str) -> Topic:
        self.known_keys(table, TOPIC_KEYS, place)
        words = {
            language: tuple(self.entries(entries, f"{place}, words.{language}"))
            for language, entries in self.mapping(table.get("words", {}), f"{place}, words").items()
        }
        for word in (word for entries in words.values() for word in entries):
            if not isinstance(word, str) or not word.strip():
                raise self.error(f"{place}, words", f"holds {word!r}", "topic words are plain strings")
        return Topic(
            id=self.text(table, "id", place),
            name=self.text(table, "name", place),
            definition=self.text(table, "definition", place),
            words=words,
        )
