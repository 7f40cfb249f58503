"""Adding one corpus to another: every row with a new id, in one transaction; the duplicates are found afterwards.

A short that both hold becomes one short with the observations, pictures and exposures of both, as if one crawl had met
it twice. Frames come in without their marks: `storage.recompute` looks at them again among all others, in the order in
which they came, so that the marks are those that one crawl would have made.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as insert_or_leave
from sqlalchemy.orm import Session

from storage.fires import OF_A_SCHEDULE
from storage.models import (
    Answer,
    Base,
    Embedding,
    Event,
    Exposure,
    Fire,
    Image,
    ImageData,
    LabelRow,
    Listing,
    Observation,
    Persona,
    Revisit,
    Run,
    Short,
    Task,
)
from storage.sampling import CREATED

Row = dict[str, Any]
Change = Callable[[Row], Row]
AT_ONCE = 500
COPIED = (
    Fire, Run, Revisit, Task, Listing, ImageData, Persona, Short, Observation, Image, Answer, Exposure, LabelRow,
    Embedding, Event,
)  # fmt: skip
"""Every table but looks, which are made again; a new table of the corpus needs its place in `Merging.copy`."""
PENDING = "pending"
"""Recipe of a frame that is to be looked at again."""
UNFINISHED = "running"
_MARKS = ("duplicate_of", "duplicate_by", "distance", "evidence", "phash", "sharpness")
_SHARED = {"id", "platform", "platform_id", "first_run_id", "first_seen", "extra"}


class Merging:
    """One transaction that copies all rows of a corpus."""

    def __init__(self, source: Session, target: Session) -> None:
        self._source = source
        self._target = target
        created = source.scalars(select(Event).where(Event.kind == CREATED)).one()
        self._source_id = str(created.detail["corpus_id"])
        self._offset: dict[str, int] = {}
        self._shorts: dict[int, int] = {}
        self.rows: Counter[str] = Counter()

    def copy(self) -> Counter[str]:
        """Copy everything but `created`, what a schedule says, looks (made again) and what the target has already.

        Returns:
            New rows by table; `shared shorts` are those that both corpora hold.
        """
        self._copy(Fire, self._fire)
        self._copy(Run, self._run)
        self._copy(Revisit, lambda row: self._moved(row, run_id=Run))
        self._copy(Task, lambda row: self._moved(row, run_id=Run))
        self._copy(Listing, lambda row: self._moved(row, task_id=Task))
        self._leave_known(ImageData, ("sha256",))
        self._leave_known(Persona, ("name",), new_id=True)
        self._copy_shorts()
        self._copy(Observation, lambda row: self._of_short(self._moved(row, run_id=Run)))
        self._copy(Image, lambda row: self._of_short(_unmarked(row)))
        self._copy(Answer, lambda row: self._moved(row, run_id=Run))
        self._copy(Exposure, self._exposure)
        self._copy_labels()
        self._copy_embeddings()
        self._copy(Event, lambda row: self._moved(row, run_id=Run), Event.kind.not_in((CREATED, *OF_A_SCHEDULE)))
        return +self.rows

    def _copy(self, table: type[Base], change: Change, *where: Any) -> None:
        """Rows under new ids: the old one and an offset, so that every pointer can be moved without a list."""
        name = table.__tablename__
        column: Any = table.__table__.c.id
        self._offset[name] = self._target.scalar(select(func.max(column))) or 0
        for some in self._blocks(table, *where):
            rows = [change({**row, "id": row["id"] + self._offset[name]}) for row in some]
            self._target.execute(insert(table), rows)
            self.rows[name] += len(rows)

    def _blocks(self, table: type[Base], *where: Any) -> Iterator[list[Row]]:
        query = select(table.__table__).where(*where).order_by(*table.__table__.primary_key)
        for some in self._source.execute(query.execution_options(yield_per=AT_ONCE)).mappings().partitions():
            yield [dict(row) for row in some]

    def _moved(self, row: Row, **columns: type[Base]) -> Row:
        """The row with these columns pointing at the copied rows of their tables."""
        for name, table in columns.items():
            if row[name] is not None:
                row[name] += self._offset[table.__tablename__]
        return row

    def _of_short(self, row: Row) -> Row:
        return row if row["short_id"] is None else {**row, "short_id": self._shorts[row["short_id"]]}

    def _fire(self, row: Row) -> Row:
        """Two machines may run jobs of one name: the later one's fires are kept under a name of their own."""
        same = (Fire.job == row["job"], Fire.fire_time == row["fire_time"])
        if self._target.scalar(select(func.count()).select_from(Fire).where(*same)):
            row["job"] = f"{row['job']}@{self._source_id[:8]}"
        if row["state"] in ("planned", "running"):
            row |= {"state": "partial", "cause": "merged"}
        return row

    def _run(self, row: Row) -> Row:
        if row["state"] == UNFINISHED:  # in its own corpus it may go on; here nobody works on it
            row |= {"state": "stopped", "cause": "merged"}
        return self._moved(row, plan_run_id=Run, continues_run_id=Run, fire_id=Fire)

    def _exposure(self, row: Row) -> Row:
        pointers = {"run_id": Run, "task_id": Task, "answer_id": Answer, "screen_image_id": Image}
        return self._of_short(self._moved(row, **pointers, frame_image_id=Image))

    def _copy_shorts(self) -> None:
        last = self._target.scalar(select(func.max(Short.id))) or 0
        for some in self._blocks(Short):
            for row in some:
                row["first_run_id"] += self._offset["runs"]
                held = self._target.scalars(
                    select(Short).where(Short.platform == row["platform"], Short.platform_id == row["platform_id"])
                ).first()
                if held is None:
                    last += 1
                    self._shorts[row["id"]] = last
                    self._target.execute(insert(Short), [{**row, "id": last}])
                    self.rows["shorts"] += 1
                else:
                    self._shorts[row["id"]] = held.id
                    self._complete(held, row)
                    self.rows["shared shorts"] += 1

    def _complete(self, held: Short, row: Row) -> None:
        """What one corpus knows of a short and the other does not; seen first when the earlier one saw it."""
        fields: Row = {name: said for name, said in row.items() if name not in _SHARED and getattr(held, name) is None}
        fields["extra"] = {**row["extra"], **held.extra}
        if row["first_seen"] < held.first_seen:
            fields |= {"first_seen": row["first_seen"], "first_run_id": row["first_run_id"]}
        self._target.execute(update(Short).where(Short.id == held.id).values(fields))

    def _copy_labels(self) -> None:
        """A source that has said something of a short in both corpora is heard as the first one has it."""
        for some in self._blocks(LabelRow):
            rows = [self._of_short(self._moved(row, run_id=Run, answer_id=Answer)) for row in some]
            self._insert_new(LabelRow, rows, new_id=True)

    def _copy_embeddings(self) -> None:
        for some in self._blocks(Embedding):
            rows = [self._of_short(row) for row in some]
            known = set(
                self._target.execute(
                    select(Embedding.model, Embedding.part, Embedding.image_sha256, Embedding.short_id).where(
                        Embedding.image_sha256.in_({row["image_sha256"] for row in rows})
                        | Embedding.short_id.in_({row["short_id"] for row in rows})
                    )
                ).tuples()
            )
            new = [
                row for row in rows if (row["model"], row["part"], row["image_sha256"], row["short_id"]) not in known
            ]
            self._insert_new(Embedding, new, new_id=True)

    def _leave_known(self, table: type[Base], key: tuple[str, ...], *, new_id: bool = False) -> None:
        for some in self._blocks(table):
            self._insert_new(table, some, new_id=new_id)

    def _insert_new(self, table: type[Base], rows: list[Row], *, new_id: bool) -> None:
        plain = [{name: said for name, said in row.items() if not (new_id and name == "id")} for row in rows]
        before = self._count(table)
        if plain:
            self._target.execute(insert_or_leave(table).on_conflict_do_nothing(), plain)
        self.rows[table.__tablename__] += self._count(table) - before

    def _count(self, table: type[Base]) -> int:
        return self._target.scalar(select(func.count()).select_from(table)) or 0


def _unmarked(row: Row) -> Row:
    if row["role"] == "frame":
        row |= dict.fromkeys(_MARKS) | {"hash_recipe": PENDING}
    return row
