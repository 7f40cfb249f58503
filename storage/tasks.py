"""The queue (D4): tasks dealt in rounds, and the result lists they work through. All state is in the rows.

The next task is the one that has least, then the first in the seeded order: so a crawl takes one new short of every
keyword per round, is balanced wherever it stops, and goes on after a kill as if nothing had happened.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from storage.database import Database
from storage.models import Listing, Short, Task
from storage.pseudonyms import Pseudonyms
from storage.records import Kind, Record
from storage.removals import Removals

OPEN_STATES = ("pending", "active")


class Now(Protocol):
    """Tells the moment, with its time zone; passed in, so that tests move it."""

    def __call__(self) -> datetime: ...


class TaskLike(Protocol):
    """What a planner says of a task."""

    @property
    def value(self) -> str | None: ...
    @property
    def keyword(self) -> str | None: ...
    @property
    def quota(self) -> int: ...


@dataclass(frozen=True, kw_only=True)
class TaskItem:
    """A task as it was when it was read."""

    id: int
    run_id: int
    position: int
    platform: str
    mode: str
    value: str | None
    keyword: str | None
    quota: int
    taken: int
    state: str
    attempts: int
    cause: str | None
    profile_id: str | None


@dataclass(frozen=True, kw_only=True)
class ListingItem:
    """An item of a result list; its record's handles are hashed already."""

    id: int
    rank: int
    record: Record


class TaskQueue:
    """Tasks and listings of a corpus."""

    def __init__(self, database: Database, pseudonyms: Pseudonyms, removals: Removals, now: Now) -> None:
        self._database = database
        self._pseudonyms = pseudonyms
        self._removals = removals
        self._now = now

    def of_run(self, plan_run_id: int) -> list[TaskItem]:
        """All tasks of a plan, in order."""
        with self._database.read() as session:
            return [_item(row) for row in session.scalars(_tasks(plan_run_id))]

    def next_task(self, plan_run_id: int) -> TaskItem | None:
        """The task whose turn it is; None when all are done, dry, failed or blocked."""
        with self._database.read() as session:
            row = session.scalars(
                select(Task)
                .where(Task.run_id == plan_run_id, Task.state.in_(OPEN_STATES), Task.taken < Task.quota)
                .order_by(Task.taken, Task.position)
                .limit(1)
            ).first()
            return None if row is None else _item(row)

    def reload(self, task: TaskItem) -> TaskItem:
        """The task as it is now."""
        with self._database.read() as session:
            return _item(session.get_one(Task, task.id))

    def start(self, task: TaskItem) -> None:
        """Mark the task as being worked on; counts an attempt when it was not."""
        if task.state != "active":
            self._set(task.id, state="active", attempts=task.attempts + 1)

    def block(self, task: TaskItem, cause: str) -> None:
        """Leave the task for a later command."""
        self._set(task.id, state="pending", cause=cause)

    def settle(self, task: TaskItem) -> None:
        """Everything of the task was asked for: what it has is what it was to bring."""
        self._set(task.id, state="done", quota=task.taken)

    def dry(self, task: TaskItem) -> int:
        """The site has no more for this task: its rest passes on within its value, one short a keyword and round.

        Returns:
            What no other keyword of the value could take over.
        """
        with self._database.write() as session:
            row = session.get_one(Task, task.id)
            rest = row.quota - row.taken
            row.state, row.cause, row.updated_at = "dry", f"{rest} short", self._now()
            heirs = list(
                session.scalars(
                    _tasks(task.run_id)
                    .where(Task.value == task.value, Task.id != task.id)
                    .where(Task.state.in_((*OPEN_STATES, "done")))
                )
            )
            if not heirs:
                return rest  # stays in the quota, so that the plan's total still says what was asked for
            row.quota = row.taken
            for _ in range(rest):
                heir = min(heirs, key=lambda heir: (heir.quota, heir.position))
                heir.quota += 1
                heir.state = "pending" if heir.state == "done" else heir.state
            return 0

    def retry_failed(self, plan_run_id: int, cause: str | None = None) -> int:
        """Put failed shorts (with this cause) of a plan back into the queue, and their tasks where these went dry.

        Returns:
            How many shorts are waiting again; tasks that have their number need none.
        """
        tasks = select(Task.id).where(Task.run_id == plan_run_id, Task.state != "done")
        failed = update(Listing).where(Listing.task_id.in_(tasks), Listing.state.in_(("failed", "unavailable")))
        if cause is not None:
            failed = failed.where(Listing.cause == cause)
        with self._database.write() as session:
            result: Any = session.execute(failed.values(state="waiting", cause=None))
            if result.rowcount:
                waiting = select(Listing.task_id).where(Listing.state == "waiting")
                session.execute(
                    update(Task)
                    .where(Task.run_id == plan_run_id, Task.id.in_(waiting), Task.state == "dry")
                    .values(state="pending", quota=func.max(Task.quota, Task.taken + 1), updated_at=self._now())
                )
            return int(result.rowcount)

    # Result lists

    def add_listings(self, task: TaskItem, records: Sequence[Record]) -> int:
        """Append the items of a result page that the task has not listed yet, in rank order.

        What was removed on request leaves no trace here either.

        Returns:
            How many of them are no shorts of the corpus yet.
        """
        ids = [record.platform_id for record in records if record.platform_id]
        waiting = 0
        with self._database.write() as session:
            listed = {
                _listing_key(platform_id, record)
                for platform_id, record in session.execute(
                    select(Listing.platform_id, Listing.record).where(Listing.task_id == task.id)
                )
            }
            rank = len(listed)
            known = set(
                session.scalars(
                    select(Short.platform_id).where(Short.platform == task.platform, Short.platform_id.in_(ids))
                )
            )
            for record in records:
                if self._removals.cover(record.platform, record.platform_id, record.author):
                    continue
                fields = record_to_json(self._pseudonyms.record(record))
                key = _listing_key(record.platform_id, fields)
                if key in listed:
                    continue
                listed.add(key)
                state = "known" if record.platform_id in known else "waiting"
                session.add(
                    Listing(
                        task_id=task.id,
                        rank=rank,
                        platform=record.platform,
                        platform_id=record.platform_id,
                        kind=record.kind.value,
                        state=state,
                        cause=None,
                        seen_at=self._now(),
                        record=fields,
                    )
                )
                rank += 1
                waiting += state == "waiting"
        return waiting

    def next_listing(self, task: TaskItem) -> ListingItem | None:
        """The first item that is waiting to be opened, in rank order.

        Items that another keyword has brought into the corpus meanwhile become `known` and are passed over.
        """
        known = select(Short.id).where(Short.platform == Listing.platform, Short.platform_id == Listing.platform_id)
        waiting = (Listing.task_id == task.id, Listing.state == "waiting")
        with self._database.write() as session:
            session.execute(update(Listing).where(*waiting, known.exists()).values(state="known"))
            first = select(Listing).where(*waiting).order_by(Listing.rank).limit(1)
            while (row := session.scalars(first).first()) is not None:
                record = record_from_json(row.record)
                if not self._removals.cover(record.platform, record.platform_id, record.author):
                    return ListingItem(id=row.id, rank=row.rank, record=record)
                session.delete(row)  # listed before it was to be forgotten
                session.flush()
            return None

    def _set(self, task_id: int, **fields: Any) -> None:
        with self._database.write() as session:
            session.execute(update(Task).where(Task.id == task_id).values(**fields, updated_at=self._now()))


def insert_tasks(
    session: Session,
    run_id: int,
    platform: str,
    mode: str,
    plan: Sequence[TaskLike],
    profile_id: str | None,
    at: datetime,
) -> None:
    """Write a plan's tasks in their order."""
    session.add_all(
        Task(
            run_id=run_id,
            position=position,
            platform=platform,
            mode=mode,
            value=spec.value,
            keyword=spec.keyword,
            quota=spec.quota,
            planned=spec.quota,
            taken=0,
            state="pending",
            attempts=0,
            cause=None,
            profile_id=profile_id,
            updated_at=at,
        )
        for position, spec in enumerate(plan)
    )


def release_active(session: Session) -> None:
    """What a dead process was working on is free again."""
    session.execute(update(Task).where(Task.state == "active").values(state="pending"))


def _listing_key(platform_id: str | None, record: dict[str, Any]) -> str:
    """Tells the items of a result list apart; live rooms have no id, so what is said of them must do."""
    return platform_id or f"{record['kind']} {record.get('url')} {record.get('caption')}"


def _tasks(run_id: int) -> Any:
    return select(Task).where(Task.run_id == run_id).order_by(Task.position)


def _item(row: Task) -> TaskItem:
    return TaskItem(**{name: getattr(row, name) for name in TaskItem.__dataclass_fields__})


def record_to_json(record: Record) -> dict[str, Any]:
    """A record as a JSON object without empty fields."""
    fields = {name: value for name, value in asdict(record).items() if value not in (None, (), {})}
    if record.published is not None:
        fields["published"] = record.published.isoformat()
    return fields


def record_from_json(fields: dict[str, Any]) -> Record:
    """The record that `record_to_json` wrote."""
    found = dict(fields)
    found["kind"] = Kind(found["kind"])
    found["hashtags"] = tuple(found.get("hashtags", ()))
    if "published" in found:
        found["published"] = datetime.fromisoformat(found["published"])
    found.setdefault("platform_id", None)
    return Record(**found)
