"""What a dataset card says of a corpus beside its counts: conditions, models, keywords, quotas, what is missing."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from storage.dedupe import LEAST_CORRELATION, LEAST_LIGHT, LEAST_SMALL, THRESHOLD
from storage.index import CANDIDATE_BITS
from storage.looks import RECIPE
from storage.models import Answer, Embedding, Event, Exposure, Fire, Image, Observation, Run, Short, Task
from storage.quotas import plan_quotas, platform_quotas
from storage.records import QUERY_SOURCE, Outcome
from storage.removals import tombstones_of
from storage.runs import covered
from storage.sampling import CREATED
from storage.tallies import Table, totals

CRAWLED = ("search", "feed")
"""Modes of runs that collect; the runs of a benchmark ask about what is there."""
CONDITIONS = (
    "code_version",
    "keyword_file_sha256",
    "browser",
    "browser_version",
    "viewport",
    "locale",
    "time_zone",
    "country",
    "language",
    "logged_in",
    "profile",
    "question_versions",
)
"""Of `runs.environment`, as far as they stand on a card."""
SETTINGS = (
    "mode",
    "seed",
    "published",
    "interest",
    "decider",
    "strategy",
    "persona",
    "threshold",
    "isq_threshold",
    "probability",
    "labeller",
    "at",
    "decide_window",
    "dwell",
    "max_dwell",
    "engage",
    "time_scale",
    "sandbox_seed",
)
"""Of `runs.settings`, likewise; what is not given is the code's own."""
PASSED_ON = {
    "substituted": "substituted within its value",
    "from_values": "for other values",
    "from_platforms": "for other platforms",
}
"""Of a quota: what new shorts stand for."""
WALL = "wall"
"""Kind of the event that says that a site put up a wall."""
THRESHOLDS = {
    "recipe of new pictures": RECIPE,
    "candidates: bits between region hashes, at most": CANDIDATE_BITS,
    "coarse correlation, at least": LEAST_CORRELATION,
    "agreement of the small copies, at least": LEAST_SMALL,
    "agreement of the frames, at least": THRESHOLD,
    "area of the frames that is equally light, at least": LEAST_LIGHT,
}


def facts(session: Session) -> dict[str, Any]:
    """Everything that a card says of the whole corpus; nothing of it names an author or a short."""
    created = session.scalars(select(Event).where(Event.kind == CREATED)).first()
    return {
        "corpus_id": created.detail["corpus_id"] if created else None,
        "in_corpus": _counted(session, Short.platform),
        "different": _different(session),
        "plans": _plans(session),
        "plan_values": _plan_values(session),
        "substituted": _substituted(session),
        "keywords": _keywords(session),
        "conditions": _stated(session, Run.environment, CONDITIONS),
        "settings": _stated(session, Run.settings, SETTINGS),
        "models": _models(session),
        "embedders": _embedders(session),
        "thresholds": THRESHOLDS,
        "duplicates": _counted(session, Image.duplicate_by, Image.role == "frame", Image.duplicate_by.is_not(None)),
        "not_captured": _not_captured(session),
        "dry": _dry(session),
        "walls": _walls(session),
        "blocked": session.scalar(select(func.count()).select_from(Run).where(Run.state == "blocked")) or 0,
        "idle": idle_days(session),
        "fires": _fires(session),
        "coverage": _coverage(session),
        "removals": len(tombstones_of(session)),
        "merged": session.scalar(select(func.count()).select_from(Event).where(Event.kind == "merge")) or 0,
    }


def shown_source(labels: Mapping[str, Table], beside: Mapping[str, Table]) -> str | None:
    """Whose labels the figure shows: one that labels both kinds, and most; the query where nobody looked (D15).

    Args:
        beside: labels of the other kind.
    """

    def rank(source: str) -> tuple[bool, bool, int, str]:
        named = sum(sum(totals(of.get(source, {})).values()) for of in (labels, beside))
        return source != QUERY_SOURCE, source in beside, named, source

    return max(labels, key=rank, default=None)


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


def _counted(session: Session, column: Any, *where: Any) -> dict[str, int]:
    rows = session.execute(select(column, func.count()).where(*where).group_by(column).order_by(column))
    return {str(name): count for name, count in rows}


def _fires(session: Session) -> Table:
    """What became of the planned fire times of each scheduled job, by state."""
    found: Table = {}
    for job, state, count in session.execute(
        select(Fire.job, Fire.state, func.count()).where(~Fire.requested).group_by(Fire.job, Fire.state)
    ):
        found.setdefault(job, {})[state] = count
    return found


def _different(session: Session) -> dict[str, int]:
    """Shorts by platform whose picture is no duplicate of an earlier one's."""
    first = select(func.min(Image.id)).where(Image.role == "frame").group_by(Image.short_id)
    rows = session.execute(
        select(Short.platform, func.count())
        .join(Image, Image.short_id == Short.id)
        .where(Image.id.in_(first), Image.duplicate_of.is_(None))
        .group_by(Short.platform)
        .order_by(Short.platform)
    )
    return {row[0]: row[1] for row in rows}


def _plans(session: Session) -> Table:
    """New shorts that were planned and that were found; what stands for dry keywords, other values and platforms."""
    return _shown({platform: asdict(quota) for platform, quota in platform_quotas(session).items()})


def _plan_values(session: Session) -> Table:
    """Likewise by value, of the plans that this corpus was rebuilt from."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for plan in plan_quotas(session):
        for value, counts in plan["values"].items():
            found[value].update(counts)
    return _shown(found)


def _substituted(session: Session) -> list[dict[str, Any]]:
    """The keywords of those plans that brought more than planned, for dry ones of their value."""
    rows = (row for plan in plan_quotas(session) for row in plan["keywords"])
    return [row for row in rows if row["achieved"] > row["planned"]]


def _shown(quotas: Mapping[str, Mapping[str, int]]) -> Table:
    """Planned and achieved, and what stands for something else where anything does."""
    extra = {name: what for name, what in PASSED_ON.items() if any(counts.get(name) for counts in quotas.values())}
    names = {"planned": "planned", "achieved": "achieved", **extra}
    return {key: {what: counts.get(name, 0) for name, what in names.items()} for key, counts in quotas.items()}


def _keywords(session: Session) -> dict[str, dict[str, int]]:
    """New shorts by value and keyword, all platforms together; a keyword that was planned and had no turn has none."""
    rows = session.execute(
        select(Task.value, Task.keyword, func.sum(Task.taken))
        .where(Task.mode == "search", Task.keyword.is_not(None))
        .group_by(Task.value, Task.keyword)
        .order_by(Task.value, Task.keyword)
    )
    found: Table = {}
    for value, keyword, taken in rows:
        found.setdefault(value or "no value", {})[str(keyword)] = taken
    return found


def _stated(session: Session, column: Any, names: tuple[str, ...]) -> dict[str, list[str]]:
    """What the runs were told or met with, each in the order in which it first came."""
    found: dict[str, list[str]] = {}
    for said in session.scalars(select(column).where(Run.mode.in_(CRAWLED)).order_by(Run.id)):
        for name in names:
            one = said.get(name)
            text = ", ".join(map(str, one)) if isinstance(one, list) else str(one)
            if one not in (None, [], "") and text not in found.setdefault(name, []):
                found[name].append(text)
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


def _walls(session: Session) -> Table:
    """How often a site put up which wall, by platform; also those that a pause got over."""
    found: Table = {}
    for detail in session.scalars(select(Event.detail).where(Event.kind == WALL).order_by(Event.id)):
        of = found.setdefault(str(detail["wall"]), {})
        of[str(detail["platform"])] = of.get(str(detail["platform"]), 0) + 1
    return found


def _coverage(session: Session) -> Table:
    """Percentage of shorts with each field set, by their newest observation; by field, then platform."""
    newest = select(func.max(Observation.id)).group_by(Observation.short_id)
    columns = covered()
    rows: Any = session.execute(
        select(Short.platform, func.count(), *(func.count(column) for column in columns.values()))
        .join_from(Short, Observation, Observation.short_id == Short.id)
        .where(Observation.id.in_(newest))
        .group_by(Short.platform)
        .order_by(Short.platform)
    ).all()
    return {
        name: {row[0]: round(100 * row[2 + place] / row[1]) for row in rows}
        for place, name in enumerate(columns)
        if rows
    }
