"""What a plan asked for and what came of it: planned, achieved and substituted, by platform, value and keyword.

Everything is in the tasks: each knows what it was planned with and what it has taken. A dry keyword's rest passes on
within its value and platform (`storage.tasks`): what a keyword has beyond its plan is *substituted*, as long as its
value has no more than its own plan. What a value or a platform has beyond its plan came from another one, which
happens only where it was asked for (`pass_on`), and is counted apart.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from storage.models import Event, Exposure, Run, Task

PLAN = "plan"
"""Key of `runs.settings` that says which plan a run worked on."""
REBUILD = "rebuild"
"""Kind of the event that says that a command begins to work on a plan."""
TOLERANCE = 0.01
"""A quota counts as reached within this share of it."""

Interval = tuple[datetime, datetime]


@dataclass(frozen=True, kw_only=True)
class TaskCount:
    """One task of a plan."""

    platform: str
    value: str | None
    keyword: str | None
    planned: int
    achieved: int
    dry: bool


@dataclass(frozen=True, kw_only=True)
class Quota:
    """New shorts of one platform, value or keyword, or of the whole plan."""

    planned: int
    achieved: int
    substituted: int = 0
    """Of the achieved ones, those that stand for a dry keyword of the same value and platform."""
    from_values: int = 0
    """Those that stand for another value of the same platform."""
    from_platforms: int = 0
    """Those that stand for another platform."""

    @property
    def missing(self) -> int:
        return max(0, self.planned - self.achieved)

    @property
    def reached(self) -> bool:
        """Within one per cent, and within one short where that is less than one."""
        return abs(self.planned - self.achieved) <= max(1.0, TOLERANCE * self.planned)

    def __add__(self, other: "Quota") -> "Quota":
        return Quota(**{name: getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__})


NONE = Quota(planned=0, achieved=0)


@dataclass(frozen=True, kw_only=True)
class Quotas:
    """A plan's quotas at one moment."""

    total: Quota
    platforms: dict[str, Quota]
    values: dict[str, Quota]
    cells: dict[tuple[str, str], Quota]
    """By platform and value: what a dry keyword may be replaced within."""
    keywords: dict[tuple[str, str, str], Quota]
    """By platform, value and keyword; reserve keywords that nothing was asked of are left out."""
    dry: tuple[tuple[str, str, str], ...]
    """Keywords of which a site had no more."""

    def to_json(self) -> dict[str, Any]:
        """Plain data; keywords as a list."""
        return {
            "total": asdict(self.total),
            "platforms": {name: asdict(quota) for name, quota in self.platforms.items()},
            "values": {name: asdict(quota) for name, quota in self.values.items()},
            "keywords": [
                {"platform": key[0], "value": key[1], "keyword": key[2], "dry": key in self.dry, **asdict(quota)}
                for key, quota in self.keywords.items()
            ],
        }


def quotas(tasks: Iterable[TaskCount]) -> Quotas:
    """Sum up the tasks of a plan. Pure."""
    keywords: dict[tuple[str, str, str], Quota] = {}
    by_cell: dict[tuple[str, str], list[Quota]] = defaultdict(list)
    dry = []
    for task in tasks:
        key = (task.platform, task.value or "", task.keyword or "")
        quota = Quota(planned=task.planned, achieved=task.achieved)
        by_cell[key[:2]].append(quota)
        if task.planned or task.achieved:
            keywords[key] = quota
        if task.dry:
            dry.append(key)
    cells = {key: _cell(found) for key, found in by_cell.items()}
    platforms: dict[str, Quota] = defaultdict(lambda: NONE)
    for (platform, _), quota in cells.items():
        platforms[platform] += quota
    for platform, quota in platforms.items():  # beyond the platform's own plan: another platform's
        foreign = min(quota.from_values, max(0, quota.achieved - quota.planned))
        _move(cells, platform, foreign)
    platforms = defaultdict(lambda: NONE)
    values: dict[str, Quota] = defaultdict(lambda: NONE)
    total = NONE
    for (platform, value), quota in cells.items():
        platforms[platform] += quota
        values[value] += quota
        total += quota
    return Quotas(
        total=total,
        platforms=dict(platforms),
        values=dict(sorted(values.items())),
        cells=cells,
        keywords=keywords,
        dry=tuple(dry),
    )


def _cell(keywords: Sequence[Quota]) -> Quota:
    """One value on one platform."""
    planned, achieved = (sum(getattr(one, name) for one in keywords) for name in ("planned", "achieved"))
    beyond = sum(max(0, one.achieved - one.planned) for one in keywords)
    foreign = max(0, achieved - planned)
    return Quota(planned=planned, achieved=achieved, substituted=beyond - foreign, from_values=foreign)


def _move(cells: dict[tuple[str, str], Quota], platform: str, foreign: int) -> None:
    """Of what a platform's values got from elsewhere, so many came from other platforms; the last values first."""
    for key in sorted((key for key in cells if key[0] == platform), reverse=True):
        part = min(foreign, cells[key].from_values)
        fields = asdict(cells[key])
        cells[key] = Quota(**{**fields, "from_values": fields["from_values"] - part, "from_platforms": part})
        foreign -= part


def task_counts(session: Session, plan_run_ids: Iterable[int]) -> list[TaskCount]:
    """The tasks of these plans, in order."""
    rows = session.scalars(select(Task).where(Task.run_id.in_(list(plan_run_ids))).order_by(Task.run_id, Task.position))
    return [
        TaskCount(
            platform=row.platform,
            value=row.value,
            keyword=row.keyword,
            planned=row.quota if row.planned is None else row.planned,
            achieved=row.taken,
            dry=row.state == "dry",
        )
        for row in rows
    ]


def plan_quotas(session: Session) -> list[dict[str, Any]]:
    """The plans that this corpus was rebuilt from, each with its quotas: for the dataset card."""
    found: dict[str, tuple[dict[str, Any], list[int]]] = {}
    for run in session.scalars(select(Run).where(Run.id == Run.plan_run_id).order_by(Run.id)):
        plan = run.settings.get(PLAN)
        if plan is not None:
            found.setdefault(str(plan["hash"]), (plan, []))[1].append(run.id)
    return [{"plan": plan, **quotas(task_counts(session, runs)).to_json()} for plan, runs in found.values()]


def platform_quotas(session: Session) -> dict[str, Quota]:
    """Quotas by platform over everything that was crawled; the parts of one plan count together.

    A crawl without a plan passes nothing on beyond a value: what it has more than it planned was tried again.
    """
    together: dict[tuple[bool, str], list[int]] = defaultdict(list)
    crawls = select(Run).where(Run.id == Run.plan_run_id, Run.mode.in_(("search", "feed"))).order_by(Run.id)
    for run in session.scalars(crawls):
        plan = run.settings.get(PLAN)
        together[(True, plan["hash"]) if plan else (False, str(run.id))].append(run.id)
    found: dict[str, Quota] = defaultdict(lambda: NONE)
    for (planned, _), runs in together.items():
        for platform, quota in quotas(task_counts(session, runs)).platforms.items():
            found[platform] += quota if planned else replace(quota, from_values=0, from_platforms=0)
    return dict(sorted(found.items()))


def plan_runs(session: Session, hashes: Mapping[str, str], seed: int) -> dict[str, int]:
    """The newest run that began each platform's part of a plan, by platform; platforms not begun are left out."""
    found = {}
    for platform, plan_hash in hashes.items():
        begun = select(Run.id).where(
            Run.platform == platform, Run.plan_hash == plan_hash, Run.seed == seed, Run.id == Run.plan_run_id
        )
        run_id = session.scalar(begun.order_by(Run.id.desc()).limit(1))
        if run_id is not None:
            found[platform] = run_id
    return found


def finds(session: Session, plan_run_ids: Iterable[int]) -> dict[str, list[datetime]]:
    """When each new short of these plans was shown, by platform."""
    rows = session.execute(
        select(Task.platform, Exposure.shown_at)
        .join(Task, Task.id == Exposure.task_id)
        .where(Task.run_id.in_(list(plan_run_ids)), Exposure.is_new)
        .order_by(Exposure.shown_at)
    )
    found: dict[str, list[datetime]] = defaultdict(list)
    for platform, at in rows:
        found[platform].append(at)
    return dict(found)


def sessions(session: Session, plan_hash: str, plan_run_ids: Iterable[int], now: datetime) -> list[Interval]:
    """When commands worked on a plan: from each one's start to the last thing it was shown, the last one until now.

    Pauses and walls are within; the time between two commands is not.
    """
    of_plan = Event.detail["plan"].as_string() == plan_hash
    starts = list(session.scalars(select(Event.at).where(Event.kind == REBUILD, of_plan).order_by(Event.id)))
    tasks = select(Task.id).where(Task.run_id.in_(list(plan_run_ids)))
    found = []
    for start, following in zip(starts, [*starts[1:], None], strict=True):
        if following is None:
            found.append((start, now))
            continue
        shown = select(func.max(Exposure.shown_at)).where(
            Exposure.task_id.in_(tasks), Exposure.shown_at >= start, Exposure.shown_at < following
        )
        if (last := session.scalar(shown)) is not None:
            found.append((start, last))
    return found


def reopen_dry(session: Session, plan_run_ids: Iterable[int], at: datetime) -> int:
    """Let tasks that were dry and still have a rest be asked once more: a site has new shorts by now.

    Returns:
        How many.
    """
    rows = session.scalars(
        select(Task).where(Task.run_id.in_(list(plan_run_ids)), Task.state == "dry", Task.taken < Task.quota)
    ).all()
    for row in rows:
        row.state, row.cause, row.updated_at = "pending", None, at
    continue_runs(session, {row.run_id for row in rows})
    return len(rows)


def pass_on(session: Session, plan_run_ids: Iterable[int], at: datetime) -> int:
    """Pass what no keyword of a value could bring on to other values of the platform, else to other platforms.

    Whoever has got least of it comes first, so that it is spread evenly.

    Returns:
        How many shorts were passed on; 0 where nothing is left over or nobody can take it.
    """
    tasks = list(
        session.scalars(select(Task).where(Task.run_id.in_(list(plan_run_ids))).order_by(Task.run_id, Task.position))
    )
    heirs = [task for task in tasks if task.state != "dry"]
    passed, changed = 0, set()
    for task in tasks:
        if task.state != "dry":
            continue
        near = [heir for heir in heirs if heir.run_id == task.run_id] or heirs
        while near and task.quota > task.taken:
            heir = min(near, key=lambda one: (one.quota - (one.planned or 0), one.quota, one.run_id, one.position))
            heir.quota += 1
            heir.state, heir.updated_at = ("pending" if heir.state == "done" else heir.state), at
            task.quota -= 1
            passed += 1
            changed.add(heir.run_id)
    continue_runs(session, changed)
    return passed


def continue_runs(session: Session, plan_run_ids: set[int]) -> None:
    """A finished run that has got more to do is one that stopped."""
    newest = [
        session.scalar(select(Run.id).where(Run.plan_run_id == run_id).order_by(Run.id.desc()).limit(1))
        for run_id in plan_run_ids
    ]
    session.execute(update(Run).where(Run.id.in_(newest), Run.state == "finished").values(state="stopped"))
