"""What an export will hold, before a byte is written: who is in, who is not and why, which split and which shard."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from storage.database import Database
from storage.export.rows import SUFFIXES, Chosen
from storage.export.split import TEST, TRAIN, picture_clusters, splits
from storage.models import Exposure, Image, ImageData, LabelRow, Observation, Short
from storage.removals import Removals
from storage.selection import Selection, select_shorts

DUPLICATE, FORGOTTEN, NO_PICTURE = "duplicate", "forgotten", "no picture"
LAYOUT = 1
"""Raised with any change of what stands in the files, so that no export goes on in another one's shards."""
_HEADS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF")


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
    """`platform:id`; None for a forgotten one, whose name is not written down again."""
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
            "platforms": dict(sorted(Counter(one.name.partition(":")[0] for one in self.chosen).items())),
            "skipped": dict(sorted(Counter(one.reason for one in self.skipped).items())),
        }


def plan(database: Database, session: Session, options: Options) -> Plan:
    """Decide everything about an export.

    Args:
        session: the state of the corpus that is exported, held to its end.

    Raises:
        UsageError: the corpus has removals that cannot be obeyed here.
    """
    removals = Removals.of(session, database.path)
    clustered = picture_clusters(session)
    split = splits(session, clustered, seed=options.seed, test_share=options.test_share)
    shorts = {row[0]: row for row in session.execute(select(Short.id, Short.platform, Short.platform_id, Short.author))}
    names = {short_id: f"{row[1]}:{row[2]}" for short_id, row in shorts.items()}
    pictured = _with_picture(session, options.picture) & _with_picture(session, "frame")
    # The selection reads for itself: what a crawl has added since is no part of this state.
    captured = {int(one) for one in select_shorts(database, Selection(platforms=options.selection.platforms))}
    selected = {int(one) for one in select_shorts(database, options.selection)}
    unseen = {
        one for one, row in shorts.items() if row[1] in options.selection.platforms or not options.selection.platforms
    }
    candidates = sorted((selected | (unseen - captured)) & set(shorts))
    chosen: list[Chosen] = []
    skipped: list[Skipped] = []
    first: dict[int, str] = {}
    for short_id in candidates:
        name, cluster = names[short_id], clustered.get(short_id, short_id)
        if removals.cover(*shorts[short_id][1:]):
            skipped.append(Skipped(name=None, reason=FORGOTTEN))
        elif short_id not in pictured or short_id not in selected:
            skipped.append(Skipped(name=name, reason=NO_PICTURE))
        elif cluster in first and not options.with_duplicates:
            skipped.append(Skipped(name=name, reason=DUPLICATE, of=first[cluster]))
        else:
            # The earliest one that is in: a cluster's first may be filtered out, and its name forgotten.
            first.setdefault(cluster, name)
            chosen.append(Chosen(short_id=short_id, name=name, split=split[short_id], cluster=first[cluster]))
    return Plan(options=options, chosen=tuple(chosen), skipped=tuple(skipped), digest=_digest(session, options, chosen))


def _with_picture(session: Session, role: str) -> set[int]:
    """Shorts whose first picture of this role has bytes that begin like a picture's."""
    first = select(func.min(Image.id)).where(Image.role == role).group_by(Image.short_id)
    rows = session.execute(
        select(Image.short_id, func.substr(ImageData.data, 1, 8))
        .join(ImageData, ImageData.sha256 == Image.sha256)
        .where(Image.id.in_(first), ImageData.media_type.in_(list(SUFFIXES)))
    )
    return {short_id for short_id, head in rows if bytes(head).startswith(_HEADS)}


def _digest(session: Session, options: Options, chosen: Sequence[Chosen]) -> str:
    newest = [session.scalar(select(func.max(table.id))) for table in (Observation, LabelRow, Exposure, Image)]
    closed = session.scalar(select(func.count(Exposure.ended_at)))
    about = [LAYOUT, options.to_json(), newest, closed, [[one.name, one.split, one.cluster] for one in chosen]]
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()
