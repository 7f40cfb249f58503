"""What an export will hold, before a byte is written: who is in, who is not and why, which split and which shard."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from storage.database import Database
from storage.export.rows import SUFFIXES, Chosen
from storage.export.split import TEST, TRAIN, picture_clusters, splits
from storage.images import looks_like_picture
from storage.models import Exposure, Image, ImageData, LabelRow, Observation, Short
from storage.removals import Removals
from storage.sampling import corpus_id
from storage.selection import Selection, select_shorts

DUPLICATE, FORGOTTEN, NO_PICTURE = "duplicate", "forgotten", "no picture"
FILTERED = "filtered: "
"""And by what: the first filter that does not hold. Counted, not listed: what nobody asked for is in no report."""
FILTERS = {
    "platforms": "platform",
    "value": "value",
    "topic": "topic",
    "since": "since",
    "until": "until",
    "decision": "decision",
    "mode": "mode",
}
LAYOUT = 2
"""Raised with any change of what stands in the files, so that no export goes on in another one's shards."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What was asked for; with the corpus it determines every byte."""

    format: str
    selection: Selection
    picture: str = "screen"
    pictures: bool = True
    pseudonymise: bool = False
    with_duplicates: bool = False
    test_share: float = 0.1
    seed: int = 1
    shard: int = 1000
    """Most rows of a shard."""

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        fields: dict[str, Any] = asdict(self)
        asked = {"platforms": list(self.selection.platforms)}
        times = {name: fields["selection"][name] for name in ("since", "until")}
        asked |= {name: moment and moment.isoformat() for name, moment in times.items()}
        return fields | {"selection": fields["selection"] | asked}


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """A short that is not in the dataset."""

    name: str | None
    """As the dataset would name it; None for a forgotten one, whose name is not written down again."""
    reason: str
    of: str | None = None
    """The short whose picture it has, where that is the reason."""


@dataclass(frozen=True, kw_only=True)
class Shard:
    """Rows that share a file."""

    split: str
    number: int
    of: int
    rows: tuple[Chosen, ...]

    @property
    def name(self) -> str:
        return f"{self.split}-{self.number:05}-of-{self.of:05}"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The whole of an export."""

    options: Options
    chosen: tuple[Chosen, ...]
    skipped: tuple[Skipped, ...]
    corpus_id: str
    digest: str
    """The same for the same options on the same contents of a corpus."""

    def shards(self) -> list[Shard]:
        """By split, then in the order of the corpus."""
        found = []
        for split in (TRAIN, TEST):
            rows = [one for one in self.chosen if one.split == split]
            pieces = [rows[start : start + self.options.shard] for start in range(0, len(rows), self.options.shard)]
            found += [
                Shard(split=split, number=number, of=len(pieces), rows=tuple(piece))
                for number, piece in enumerate(pieces)
            ]
        return found

    def stats(self) -> dict[str, Any]:
        """Counts that go with the dataset."""
        return {
            "shorts": len(self.chosen),
            "splits": dict(sorted(Counter(one.split for one in self.chosen).items())),
            "skipped": dict(sorted(Counter(one.reason for one in self.skipped).items())),
        }


def plan(database: Database, session: Session, options: Options, rename: Callable[[str], str] | None = None) -> Plan:
    """Decide everything about an export.

    Args:
        session: the state of the corpus that is exported, held to its end.
        rename: from `platform:id` to a pseudonym, where the dataset holds those. Rows are in the order of their names
            then: the order of the corpus would tell which row is which short of a manifest.

    Raises:
        UsageError: the corpus has removals that cannot be obeyed here, or was never collected into.
    """
    removals = Removals.of(session, database.path)
    clustered = picture_clusters(session)
    split = splits(session, clustered, seed=options.seed, test_share=options.test_share)
    shorts = {
        row[0]: (row[1], row[2], row[3])
        for row in session.execute(select(Short.id, Short.platform, Short.platform_id, Short.author).order_by(Short.id))
    }
    pictured = _with_picture(session, options.picture) & _with_picture(session, "frame")
    # Selections read for themselves: what a crawl has added since is no part of this state.
    left_out = _left_out(database, options.selection, {short_id: of[0] for short_id, of in shorts.items()})
    named = rename or (lambda name: name)
    chosen: list[Chosen] = []
    skipped: list[Skipped] = []
    first: dict[int, str] = {}
    for short_id, (platform, platform_id, author) in shorts.items():
        name, cluster = f"{platform}:{platform_id}", clustered.get(short_id, short_id)
        if removals.cover(platform, platform_id, author):
            skipped.append(Skipped(name=None, reason=FORGOTTEN))
        elif (reason := left_out.get(short_id)) and reason != NO_PICTURE:
            skipped.append(Skipped(name=None, reason=reason))
        elif reason or short_id not in pictured:
            skipped.append(Skipped(name=named(name), reason=NO_PICTURE))
        elif cluster in first and not options.with_duplicates:
            skipped.append(Skipped(name=named(name), reason=DUPLICATE, of=named(first[cluster])))
        else:
            # The earliest one that is in: a cluster's first may be filtered out, and its name forgotten.
            first.setdefault(cluster, name)
            chosen.append(Chosen(short_id=short_id, name=name, split=split[short_id], cluster=first[cluster]))
    if rename is not None:
        chosen.sort(key=lambda one: rename(one.name))
        skipped.sort(key=lambda one: (one.reason, one.name or ""))
    identity = corpus_id(database)
    return Plan(
        options=options,
        chosen=tuple(chosen),
        skipped=tuple(skipped),
        corpus_id=identity,
        digest=_digest(session, identity, options, chosen),
    )


def _left_out(database: Database, selection: Selection, platforms: dict[int, str]) -> dict[int, str]:
    """Why a selection does not hold for a short, for those for which it does not."""
    asked = {name: value for name in FILTERS if (value := getattr(selection, name)) not in (None, ())}
    captured = _selected(database, Selection())
    alone = {
        name: _selected(database, replace(Selection(source=selection.source), **{name: value}))
        for name, value in asked.items()
        if name != "platforms"
    }
    selected = _selected(database, selection)
    found = {}
    for short_id, platform in platforms.items():
        if short_id in selected:
            continue
        if selection.platforms and platform not in selection.platforms:
            found[short_id] = FILTERED + FILTERS["platforms"]
        elif short_id not in captured:
            found[short_id] = NO_PICTURE
        else:  # `decision` and `mode` may each hold, in two different showings
            failed = next((name for name, holds in alone.items() if short_id not in holds), "decision")
            found[short_id] = FILTERED + FILTERS[failed]
    return found


def _selected(database: Database, selection: Selection) -> set[int]:
    return {int(one) for one in select_shorts(database, selection)}


def _with_picture(session: Session, role: str) -> set[int]:
    """Shorts whose first picture of this role has bytes that begin like a picture's."""
    first = select(func.min(Image.id)).where(Image.role == role).group_by(Image.short_id)
    rows = session.execute(
        select(Image.short_id, func.substr(ImageData.data, 1, 8))
        .join(ImageData, ImageData.sha256 == Image.sha256)
        .where(Image.id.in_(first), ImageData.media_type.in_(list(SUFFIXES)))
    )
    return {short_id for short_id, head in rows if looks_like_picture(bytes(head))}


def _digest(session: Session, identity: str, options: Options, chosen: Sequence[Chosen]) -> str:
    newest = [session.scalar(select(func.max(table.id))) for table in (Observation, LabelRow, Exposure, Image)]
    closed = session.scalar(select(func.count(Exposure.ended_at)))
    labels = session.execute(select(func.count(LabelRow.id), func.max(LabelRow.made_at))).one()
    about = [
        LAYOUT,
        identity,
        options.to_json(),
        newest,
        closed,
        [labels[0], str(labels[1])],
        [[one.name, one.split, one.cluster] for one in chosen],
    ]
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()
