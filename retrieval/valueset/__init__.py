"""A frozen value set: which screenshots stand for which keyword of which value, as a file that a paper can cite.

The manifest is JSON. What is frozen is under `frozen`; `id` is the SHA-256 of that part, so a set that was changed by
hand no longer loads, and the same corpus, vocabulary, model and settings give the same id again. `verdicts` says what
somebody saw in the slots; verdicts may be added later and change no id.

`python -m retrieval.valueset` makes, checks and reports one; the benchmark reads it.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from retrieval.pricing import DATE
from storage.database import Database
from storage.errors import UsageError
from storage.records import Stance
from storage.sampling import corpus_id, known_pictures

FORMAT = "value-spectrum/value-set@1"
BELOW_FLOOR = "below the floor"
UNKNOWN_WORD = "the keyword is in a script or language that the model does not know"
NO_MORE = "no more that may stand beside the others"


class Shows(StrEnum):
    """Whether a picture shows a keyword."""

    YES = "yes"
    NO = "no"
    UNSURE = "unsure"


STANCES = (Stance.EXPRESSES, Stance.OPPOSES, Stance.NONE, Stance.UNSURE)
"""How a slot's picture may stand to its value; `none` does not concern it."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """The screenshot in a slot."""

    platform: str
    platform_id: str
    frame_sha256: str
    """The clean frame, which was ranked."""
    screen_sha256: str
    """The same moment as a viewer sees it."""
    score: float
    """What it was ranked by; comparable within one keyword."""
    share: float
    """Share of things at random whose picture is less near to the keyword; what the floor is set on."""
    decider: str | None
    """Who decided on the short when it was collected."""
    over_platform_share: bool = False
    """Taken although its platform has its share already, since no other had one above the floor."""
    text_area: float | None = None
    """Share of the screen that readable text covers; None where it was not measured."""


@dataclass(frozen=True, kw_only=True)
class Slot:
    """One of the k places of a keyword, from 1."""

    value: str
    keyword: str
    place: int
    shown: Shown | None = None
    empty: str | None = None
    """Why nothing is shown."""

    @property
    def key(self) -> tuple[str, str, int]:
        return self.value, self.keyword, self.place


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What somebody saw in a slot. A refused or unreadable answer is a verdict without shows and stance."""

    value: str
    keyword: str
    place: int
    by: str
    """`check:MODEL`, or a person's name."""
    model: str | None = None
    shows: Shows | None = None
    stance: Stance | None = None
    answer_id: int | None = None
    status: str = "ok"

    @property
    def key(self) -> tuple[str, str, int]:
        return self.value, self.keyword, self.place


@dataclass(frozen=True, kw_only=True)
class ValueSet:
    """A value set with its verdicts."""

    corpus_id: str
    vocabulary: Mapping[str, Any]
    """name, version, sha256 of the file; form, language, and sha256 of the list of (value, keyword)."""
    model: str
    """The embedder that ranked."""
    rank: str
    """picture, or fused."""
    mode: str
    """search, feed or any: how the candidates were shown when they were collected."""
    k: int
    floor: float
    seed: int
    code_version: str
    slots: tuple[Slot, ...]
    verdicts: tuple[Verdict, ...] = ()

    @property
    def id(self) -> str:
        """SHA-256 (hex) of all but the verdicts and the code's version."""
        frozen = self.frozen()
        del frozen["code_version"]
        return hashlib.sha256(json.dumps(frozen, sort_keys=True).encode()).hexdigest()

    @property
    def filled(self) -> tuple[Slot, ...]:
        """The slots that show something."""
        return tuple(slot for slot in self.slots if slot.shown is not None)

    @property
    def values(self) -> tuple[str, ...]:
        """Ids of the values, in the set's order."""
        return tuple(dict.fromkeys(slot.value for slot in self.slots))

    def of_value(self, value: str) -> tuple[Slot, ...]:
        """Its slots, keyword by keyword."""
        return tuple(slot for slot in self.slots if slot.value == value)

    def verified(self) -> frozenset[tuple[str, str, int]]:
        """Keys of the slots that at least one source said something of, and of which every source that did said that
        they show the keyword and express the value."""
        said: dict[tuple[str, str, int], list[bool]] = {}
        for one in self.verdicts:
            if one.shows is not None:
                said.setdefault(one.key, []).append((one.shows, one.stance) == (Shows.YES, Stance.EXPRESSES))
        return frozenset(key for key, judged in said.items() if all(judged))

    def with_verdicts(self, new: Iterable[Verdict]) -> "ValueSet":
        """With further verdicts; what the same source said of a slot before is replaced.

        Raises:
            UsageError: a verdict on a slot that is empty or not there.
        """
        keys = {slot.key for slot in self.filled}
        kept = {(one.by, *one.key): one for one in self.verdicts}
        for one in new:
            if one.key not in keys:
                raise UsageError(f"{one.value}, {one.keyword!r}, place {one.place} shows nothing in this value set")
            kept[one.by, *one.key] = one
        return replace(self, verdicts=tuple(kept.values()))

    def refuse_measured(self, models: Iterable[str]) -> None:
        """For the benchmark: none of these models may have checked this set.

        Raises:
            UsageError: one has.
        """
        checkers = sorted({one.model for one in self.verdicts if one.model is not None})
        for model in models:
            for checker in checkers:
                if same_model(model, checker):
                    raise UsageError(
                        f"{model} has checked this value set (as {checker}) and cannot be measured by it; measure "
                        "another model, or make a set that another one checks"
                    )

    def verify(self, database: Database) -> None:
        """That this is the corpus that the set was made from, and that all its pictures are there.

        Raises:
            UsageError: it is another corpus, or pictures are missing.
        """
        found = corpus_id(database)
        if found != self.corpus_id:
            raise UsageError(
                f"the value set {self.id[:12]} was made from corpus {self.corpus_id}, and {database.path} is {found}; "
                "give the right --corpus"
            )
        there = known_pictures(database)
        needed = {
            sha for slot in self.filled if slot.shown for sha in (slot.shown.frame_sha256, slot.shown.screen_sha256)
        }
        if missing := sorted(needed - there):
            raise UsageError(
                f"{len(missing)} of {len(needed)} pictures of the value set {self.id[:12]} are no longer in "
                f"{database.path} (first: {missing[0][:12]}); take a copy of the corpus that has them"
            )

    def frozen(self) -> dict[str, Any]:
        """What may never change, as it stands in the file."""
        fields = asdict(self)
        del fields["verdicts"]
        return fields

    def save(self, path: Path) -> None:
        """Write the manifest; a file is replaced as a whole.

        Raises:
            UsageError: it cannot be written.
        """
        content = {
            "format": FORMAT,
            "id": self.id,
            "frozen": self.frozen(),
            "verdicts": [asdict(one) for one in self.verdicts],
        }
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            new = path.with_name(path.name + ".new")
            new.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
            os.replace(new, path)
        except OSError as error:
            raise UsageError(f"{path} cannot be written ({error.strerror}); give another --out") from error

    @classmethod
    def load(cls, path: Path) -> "ValueSet":
        """Read a manifest and check that its frozen part is what its id says.

        Raises:
            UsageError: it cannot be read, is no value set, or was changed.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            if content["format"] != FORMAT:
                raise UsageError(f"{path} is a {content['format']}, not a {FORMAT}; use the version that wrote it")
            frozen = dict(content["frozen"])
            frozen["slots"] = tuple(_slot(one) for one in frozen["slots"])
            read = cls(**frozen, verdicts=tuple(_verdict(one) for one in content["verdicts"]))
            claimed = content["id"]
        except OSError as error:
            raise UsageError(f"{path} cannot be read ({error.strerror}); make one with retrieval.valueset") from error
        except (ValueError, KeyError, TypeError) as error:
            raise UsageError(f"{path} is no value set ({error}); make one with retrieval.valueset") from error
        if read.id != claimed:
            raise UsageError(
                f"{path} says that it is the value set {claimed[:12]} and its content is another ({read.id[:12]}); "
                "take the file as it was published"
            )
        return read


def _slot(fields: Mapping[str, Any]) -> Slot:
    shown = fields["shown"]
    return Slot(**{**fields, "shown": None if shown is None else Shown(**shown)})


def _verdict(fields: Mapping[str, Any]) -> Verdict:
    shows, stance = fields["shows"], fields["stance"]
    return Verdict(
        **{
            **fields,
            "shows": None if shows is None else Shows(shows),
            "stance": None if stance is None else Stance(stance),
        }
    )


def refuse_checker(model: str, measured: Iterable[str]) -> None:
    """A model that says what is right must not be one that is measured by it.

    Raises:
        UsageError: it is, or has the same name but for provider and date.
    """
    for other in measured:
        if same_model(model, other):
            raise UsageError(
                f"{model} is to be measured (as {other}) and cannot check its own value set; verify with another model "
                "or by hand"
            )


def same_model(one: str, other: str) -> bool:
    """Whether two names mean the same model, whoever provides it and whatever date its version has."""
    return _bare(one) == _bare(other)


def _bare(model: str) -> str:
    name = model.strip().casefold().rsplit("/", 1)[-1]
    while DATE.search(name):
        name = DATE.sub("", name)
    return name
