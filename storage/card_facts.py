"""The figures of a dataset card, read from a corpus: counts, agreement, conditions, what is missing."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from itertools import combinations, pairwise
from typing import Any

from sqlalchemy import distinct, func, select
from sqlalchemy.orm import Session

from storage.dedupe import LEAST_CORRELATION, LEAST_LIGHT, LEAST_SMALL, THRESHOLD
from storage.index import CANDIDATE_BITS
from storage.looks import RECIPE
from storage.models import Answer, Embedding, Event, Exposure, Image, LabelRow, Observation, Run, Short, Task
from storage.records import QUERY_SOURCE, LabelKind, Outcome, Stance
from storage.removals import tombstones_of
from storage.runs import COVERED_FIELDS
from storage.sampling import CREATED

Table = dict[str, dict[str, int]]
"""Counts by row, then by column."""
NO_CONTENT = (Stance.NONE.value, Stance.UNSURE.value)
"""Stances that do not say that a short is about the name."""
CONDITIONS = (
    "code_version",
    "keyword_file_sha256",
    "browser_version",
    "locale",
    "time_zone",
    "country",
    "language",
    "logged_in",
)
"""Of `runs.environment`, as far as they stand on a card."""
THRESHOLDS = {
    "recipe of new pictures": RECIPE,
    "candidates: bits between region hashes, at most": CANDIDATE_BITS,
    "coarse correlation, at least": LEAST_CORRELATION,
    "agreement of the small copies, at least": LEAST_SMALL,
    "agreement of the frames, at least": THRESHOLD,
    "area of the frames that is equally light, at least": LEAST_LIGHT,
}


def facts(session: Session) -> dict[str, Any]:
    """Everything that a card says in numbers; nothing of it names an author or a short."""
    first, last = session.execute(select(func.min(Short.first_seen), func.max(Short.first_seen))).one()
    created = session.scalars(select(Event).where(Event.kind == CREATED)).first()
    return {
        "corpus_id": created.detail["corpus_id"] if created else None,
        "shorts": session.scalar(select(func.count()).select_from(Short)) or 0,
        "authors": session.scalar(select(func.count(distinct(Short.author)))) or 0,
        "first": _day(first),
        "last": _day(last),
        "platforms": _platforms(session),
        "plans": _plans(session),
        "values": {source: dict(names) for source, names in _labels(session, LabelKind.VALUE).items()},
        "topics": {source: dict(names) for source, names in _labels(session, LabelKind.TOPIC).items()},
        "agreement": {kind.value: agreement(session, kind) for kind in LabelKind},
        "seen_months": _by_platform(session, func.strftime("%Y-%m", Short.first_seen)),
        "published_months": _by_platform(session, func.strftime("%Y-%m", Short.published)),
        "languages": _by_platform(session, func.coalesce(Short.language, "not stated")),
        "decisions": _decisions(session),
        "conditions": _conditions(session),
        "models": _models(session),
        "embedders": _embedders(session),
        "thresholds": THRESHOLDS,
        "duplicates": _counted(session, Image.duplicate_by, Image.role == "frame", Image.duplicate_by.is_not(None)),
        "not_captured": _not_captured(session),
        "dry": _dry(session),
        "blocked": session.scalar(select(func.count()).select_from(Run).where(Run.state == "blocked")) or 0,
        "idle": idle_days(session),
        "coverage": _coverage(session),
        "removals": len(tombstones_of(session)),
        "merged": session.scalar(select(func.count()).select_from(Event).where(Event.kind == "merge")) or 0,
    }


def agreement(session: Session, kind: LabelKind) -> list[dict[str, Any]]:
    """How far two sources name the same, for each pair of them and over the shorts that both have labelled.

    Raw agreement, not corrected for chance: `same` is the share of shorts with exactly the same names, `overlap` the
    mean share of common names (Jaccard). A pair with `query` says how often a search finds what it looks for (D15).
    """
    said: dict[str, dict[int, set[str]]] = defaultdict(dict)
    rows = session.execute(select(LabelRow.source, LabelRow.short_id, LabelRow.name, LabelRow.stance).where(
        LabelRow.kind == kind.value
    ))  # fmt: skip
    for source, short_id, name, stance in rows:
        names = said[source].setdefault(short_id, set())
        if stance not in NO_CONTENT:
            names.add(name)
    found = []
    for one, other in combinations(sorted(said, key=lambda source: (source == QUERY_SOURCE, source)), 2):
        both = said[one].keys() & said[other].keys()
        if both:
            pairs = [(said[one][short_id], said[other][short_id]) for short_id in both]
            found.append(
                {
                    "sources": [one, other],
                    "shorts": len(both),
                    "same": sum(left == right for left, right in pairs) / len(both),
                    "overlap": sum(_jaccard(left, right) for left, right in pairs) / len(both),
                }
            )
    return found


def shown_source(labels: Mapping[str, Mapping[str, int]]) -> str | None:
    """Whose labels the figure shows: whoever looked at most shorts, the query only where nobody looked (D15)."""
    return max(labels, key=lambda source: (source != QUERY_SOURCE, sum(labels[source].values()), source), default=None)


def label_platforms(session: Session, kind: LabelKind, source: str) -> Table:
    """Shorts by name and platform, as one source has labelled them."""
    rows = session.execute(
        select(LabelRow.name, Short.platform, func.count())
        .join(Short, Short.id == LabelRow.short_id)
        .where(LabelRow.kind == kind.value, LabelRow.source == source)
        .where(LabelRow.stance.is_(None) | LabelRow.stance.not_in(NO_CONTENT))
        .group_by(LabelRow.name, Short.platform)
        .order_by(LabelRow.name, Short.platform)
    )
    found: Table = {}
    for name, platform, count in rows:
        found.setdefault(name, {})[platform] = count
    return found


def idle_days(session: Session) -> dict[str, Any]:
    """Days between the first and the last on which nothing was shown, and the longest row of them."""
    days = sorted(
        date.fromisoformat(day)
        for day in session.scalars(select(func.strftime("%Y-%m-%d", Exposure.shown_at)).distinct())
    )
    gaps = [(after - before).days - 1 for before, after in pairwise(days)]
    longest = max(gaps, default=0)
    since = next((days[place] for place, gap in enumerate(gaps) if gap and gap == longest), None)
    return {
        "days": sum(gaps),
        "longest": longest,
        "from": since and (since + timedelta(days=1)).isoformat(),
    }


def _jaccard(one: set[str], other: set[str]) -> float:
    return len(one & other) / len(one | other) if one | other else 1.0


def _day(moment: datetime | None) -> str | None:
    return None if moment is None else moment.date().isoformat()


def _counted(session: Session, column: Any, *where: Any) -> dict[str, int]:
    rows = session.execute(select(column, func.count()).where(*where).group_by(column).order_by(column))
    return {str(name): count for name, count in rows}


def _by_platform(session: Session, column: Any) -> Table:
    rows = session.execute(
        select(column, Short.platform, func.count())
        .where(column.is_not(None))
        .group_by(column, Short.platform)
        .order_by(column, Short.platform)
    )
    found: Table = {}
    for name, platform, count in rows:
        found.setdefault(str(name), {})[platform] = count
    return found


def _platforms(session: Session) -> Table:
    first = select(func.min(Image.id)).where(Image.role == "frame").group_by(Image.short_id)
    shorts = _counted(session, Short.platform)
    rows = session.execute(
        select(Short.platform, func.count())
        .join(Image, Image.short_id == Short.id)
        .where(Image.id.in_(first), Image.duplicate_of.is_(None))
        .group_by(Short.platform)
    )
    different = {row[0]: row[1] for row in rows}
    return {name: {"shorts": count, "different pictures": different.get(name, 0)} for name, count in shorts.items()}


def _plans(session: Session) -> Table:
    """New shorts that were planned and that were found; a dry keyword's rest may have passed on within its value."""
    rows = session.execute(
        select(Task.platform, func.sum(Task.quota), func.sum(Task.taken))
        .group_by(Task.platform)
        .order_by(Task.platform)
    )
    return {platform: {"planned": quota, "achieved": taken} for platform, quota, taken in rows}


def _labels(session: Session, kind: LabelKind) -> Mapping[str, Counter[str]]:
    """Shorts by source and name; statements that it is not about the name are left out."""
    rows = session.execute(
        select(LabelRow.source, LabelRow.name, func.count())
        .where(LabelRow.kind == kind.value, LabelRow.stance.is_(None) | LabelRow.stance.not_in(NO_CONTENT))
        .group_by(LabelRow.source, LabelRow.name)
        .order_by(LabelRow.source, LabelRow.name)
    )
    found: dict[str, Counter[str]] = {}
    for source, name, count in rows:
        found.setdefault(source, Counter())[name] = count
    return found


def _decisions(session: Session) -> Table:
    rows = session.execute(
        select(Exposure.decider, Exposure.decision, func.count())
        .where(Exposure.decision.is_not(None))
        .group_by(Exposure.decider, Exposure.decision)
        .order_by(Exposure.decider)
    )
    found: Table = {}
    for decider, decision, count in rows:
        found.setdefault(str(decider), {})[str(decision)] = count
    return found


def _conditions(session: Session) -> dict[str, list[str]]:
    """What the runs' conditions were, each in the order in which it first came."""
    found: dict[str, list[str]] = {}
    for environment in session.scalars(select(Run.environment).order_by(Run.id)):
        for name in CONDITIONS:
            said = environment.get(name)
            if said is not None and str(said) not in found.setdefault(name, []):
                found[name].append(str(said))
    return {name: said for name, said in found.items() if said}


def _models(session: Session) -> list[dict[str, Any]]:
    """Which model at which host (the processor of the pictures) answered which question, and how."""
    rows = session.execute(
        select(Answer.question, Answer.model, Answer.model_returned, Answer.endpoint, Answer.status, func.count())
        .group_by(Answer.question, Answer.model, Answer.model_returned, Answer.endpoint, Answer.status)
        .order_by(Answer.question, Answer.model, Answer.model_returned, Answer.endpoint)
    )
    found: dict[tuple[str, ...], dict[str, int]] = {}
    for question, model, returned, endpoint, status, count in rows:
        found.setdefault((question, model, returned or "not stated", endpoint), {})[status] = count
    names = ("question", "model", "returned", "endpoint")
    return [{**dict(zip(names, key, strict=True)), "answers": statuses} for key, statuses in found.items()]


def _embedders(session: Session) -> dict[str, int]:
    return _counted(session, Embedding.model + " (" + Embedding.part + ")")


def _not_captured(session: Session) -> Table:
    """What was shown and is not in the dataset: ads, live rooms, what was unavailable or failed, by platform."""
    missed = (Outcome.SKIPPED.value, Outcome.UNAVAILABLE.value, Outcome.FAILED.value)
    cause = Exposure.outcome + ": " + func.coalesce(Exposure.cause, "unknown")
    rows = session.execute(
        select(cause, Task.platform, func.count())
        .join(Task, Task.id == Exposure.task_id)
        .where(Exposure.outcome.in_(missed))
        .group_by(cause, Task.platform)
        .order_by(cause, Task.platform)
    )
    found: Table = {}
    for name, platform, count in rows:
        found.setdefault(name, {})[platform] = count
    return found


def _dry(session: Session) -> list[dict[str, Any]]:
    """Keywords of which a site had fewer shorts than planned."""
    rows = session.execute(
        select(Task.platform, Task.value, Task.keyword, Task.taken, Task.cause)
        .where(Task.state == "dry")
        .order_by(Task.platform, Task.value, Task.keyword)
    )
    return [{**row} for row in rows.mappings()]


def _coverage(session: Session) -> dict[str, float]:
    """Share of shorts with each field set, by their newest observation."""
    newest = select(func.max(Observation.id)).group_by(Observation.short_id)
    columns = [column for column in COVERED_FIELDS if column.key != "hashtags"]
    total, *filled = session.execute(
        select(func.count(), *(func.count(column) for column in columns))
        .join_from(Short, Observation, Observation.short_id == Short.id)
        .where(Observation.id.in_(newest))
    ).one()
    return {column.key: count / total for column, count in zip(columns, filled, strict=True) if total}
