"""What a set of shorts is made of, in counts: for a dataset card, and for the report that lies in an export.

Everything is read in one pass a table, whatever the number of shorts, and nothing of it names an author or a short.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from storage.concord import Concord
from storage.models import Exposure, LabelRow, Short
from storage.records import QUERY_SOURCE, LabelKind, Stance

Table = dict[str, dict[str, int]]
"""Counts by row, then by column."""
AT_ONCE = 1000


def tally(session: Session, short_ids: Collection[int] | None = None) -> dict[str, Any]:
    """Counts of these shorts; of all where none are given.

    Returns:
        Plain data: `shorts`, `authors`, `first` and `last` day; tables by platform (`seen_months`, `published_months`,
        `languages`); `decisions` by decider; `values` and `topics` by source, name and platform; `agreement` by kind.
    """
    chosen = None if short_ids is None else set(short_ids)
    said, platforms = _of_shorts(session, chosen)
    tables, agreement = _labels(session, platforms)
    return {
        **said,
        "decisions": _decisions(session, chosen),
        "values": tables[LabelKind.VALUE],
        "topics": tables[LabelKind.TOPIC],
        "agreement": agreement,
    }


def concerns(stance: str | None, score: float | None) -> bool | None:
    """Whether a label says that a short has to do with its name; None where its source could not tell.

    A similarity knows no stance: it is unsure of that, and its score says that the short is near (D15).
    """
    if stance == Stance.UNSURE.value:
        return None if score is None else True
    return stance != Stance.NONE.value


def totals(by_platform: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """Counts by row."""
    return {name: sum(of.values()) for name, of in by_platform.items()}


def _of_shorts(session: Session, chosen: set[int] | None) -> tuple[dict[str, Any], dict[int, str]]:
    tables: dict[str, Counter[tuple[str, str]]] = {
        name: Counter() for name in ("seen_months", "published_months", "languages")
    }
    platforms: dict[int, str] = {}
    authors: set[str] = set()
    days: list[datetime] = []
    columns = (Short.id, Short.platform, Short.author, Short.language, Short.published, Short.first_seen)
    for short_id, platform, author, language, published, seen in session.execute(
        select(*columns).order_by(Short.id).execution_options(yield_per=AT_ONCE)
    ):
        if chosen is not None and short_id not in chosen:
            continue
        platforms[short_id] = platform
        if author is not None:
            authors.add(author)
        days = [min([seen, *days]), max([seen, *days])]
        tables["seen_months"][f"{seen:%Y-%m}", platform] += 1
        tables["languages"][language or "not stated", platform] += 1
        if published is not None:
            tables["published_months"][f"{published:%Y-%m}", platform] += 1
    said = {
        "shorts": len(platforms),
        "authors": len(authors),
        "first": days[0].date().isoformat() if days else None,
        "last": days[-1].date().isoformat() if days else None,
        "platforms": dict(sorted(Counter(platforms.values()).items())),
        **{name: _table(counts) for name, counts in tables.items()},
    }
    return said, platforms


def _decisions(session: Session, chosen: set[int] | None) -> Table:
    rows = (
        select(Exposure.decider, Exposure.decision, Exposure.short_id, func.count())
        .where(Exposure.decision.is_not(None))
        .group_by(Exposure.decider, Exposure.decision, Exposure.short_id)
    )
    counts: Counter[tuple[str, str]] = Counter()
    for decider, decision, short_id, count in session.execute(rows.execution_options(yield_per=AT_ONCE)):
        if chosen is None or short_id in chosen:
            counts[str(decider), str(decision)] += count
    return _table(counts)


def _labels(session: Session, platforms: dict[int, str]) -> tuple[dict[str, dict[str, Table]], dict[str, Any]]:
    """By kind: shorts by source, name and platform, without statements that they are not about the name; agreement.

    A source that labels topics and values and named no value of a short said that it has to do with none.
    """
    counts: dict[str, dict[str, Counter[tuple[str, str]]]] = {kind.value: {} for kind in LabelKind}
    concords = {kind.value: Concord() for kind in LabelKind}
    speaks = {(row[0], row[1]) for row in session.execute(select(LabelRow.kind, LabelRow.source).distinct())}
    rows = session.execute(
        select(LabelRow.short_id, LabelRow.kind, LabelRow.source, LabelRow.name, LabelRow.stance, LabelRow.score)
        .order_by(LabelRow.short_id)
        .execution_options(yield_per=AT_ONCE)
    )
    for short_id, of_it in groupby(rows, key=lambda row: row[0]):
        if short_id not in platforms:
            continue
        said: dict[str, dict[str, dict[str, bool | None]]] = {kind: defaultdict(dict) for kind in counts}
        for _, kind, source, name, stance, score in of_it:
            says = said[kind][source][name] = concerns(stance, score)
            if says:
                counts[kind].setdefault(source, Counter())[name, platforms[short_id]] += 1
        sources = {source for of in said.values() for source in of} - {QUERY_SOURCE}
        for kind, concord in concords.items():
            looked = {source: said[kind][source] for source in sorted(sources) if (kind, source) in speaks}
            concord.add(said[kind].get(QUERY_SOURCE, {}), looked)
    tables = {
        kind: {source: _table(of) for source, of in sorted(by_source.items())} for kind, by_source in counts.items()
    }
    return tables, {kind: concord.to_json() for kind, concord in concords.items()}


def _table(counts: Counter[tuple[str, str]]) -> Table:
    found: Table = {}
    for (row, column), count in sorted(counts.items()):
        found.setdefault(row, {})[column] = count
    return found
