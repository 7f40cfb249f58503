"""What whoever keeps crawls running looks at: rates, walls, coverage, cost, the queue, what fires next. Only reads."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text
from sqlalchemy.orm import Session

from agent.report import coverage_warnings
from agent.schedule.timing import Timing
from agent.schedule.upcoming import Gap, gaps, known_timings, overdue
from retrieval.steps import span
from storage.database import Database, is_collecting
from storage.fires import RUNNING, FireItem, fire_counts, fires, paused_jobs
from storage.operations import Block, Coverage, Rate, blocks, costs_by_day, queue, rates, recent_coverage, run_rates
from storage.operations import walls_by_day as walls
from storage.summary import RunFigures, newest_runs

DAYS = 14
SHOWN = 8
"""Runs and fires on a screen."""
LEAST_RECORDS = 20
SHOWN_GAPS = 50


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How the crawls of a corpus stand at one moment. Times are UTC; days too."""

    at: datetime
    collecting: bool
    """A process holds the corpus."""
    runs: list[RunFigures]
    run_rates: dict[int, float]
    """New shorts an hour, by run."""
    rates: list[Rate]
    walls: dict[str, dict[str, dict[str, int]]]
    blocked: list[Block]
    coverage: list[list[Coverage]]
    costs: dict[str, dict[str, Any]]
    queue: list[dict[str, Any]]
    fires: list[FireItem]
    fire_counts: dict[str, dict[str, int]]
    paused: list[str]
    next: list[tuple[datetime, str]]
    """The next fire time of each job, before jitter."""

    @property
    def warnings(self) -> list[str]:
        """What needs a person."""
        found = [f"{block.platform} is blocked ({block.wall}) since {_minute(block.since)}" for block in self.blocked]
        return [*found, *(warning for pair in self.coverage for warning in coverage_warnings(pair))]

    def to_json(self) -> dict[str, Any]:
        """Plain data, without the runs: `agent.status` has them in full."""
        return {
            "at": self.at.isoformat(),
            "collecting": self.collecting,
            "rates": [_plain(asdict(rate)) for rate in self.rates],
            "run_rates": self.run_rates,
            "walls": self.walls,
            "blocked": [_plain(asdict(block)) for block in self.blocked],
            "coverage": [_plain(asdict(pair[-1])) for pair in self.coverage],
            "costs": self.costs,
            "queue": self.queue,
            "fires": [_plain(asdict(fire)) for fire in self.fires],
            "fire_counts": self.fire_counts,
            "paused": self.paused,
            "next": [{"fire_time": time.isoformat(), "job": job} for time, job in self.next],
        }


def standing(database: Database, now: datetime, timings: dict[str, Timing] | None = None) -> Standing:
    """Read the figures of one consistent moment.

    Args:
        timings: of the jobs whose next fire times are wanted; by default of those that last ran on the corpus.
    """
    since = (now - timedelta(days=DAYS - 1)).replace(hour=0, minute=0, second=0, microsecond=0)
    with database.read() as session:
        runs = newest_runs(session, SHOWN)
        return Standing(
            at=now,
            collecting=is_collecting(database.path),
            runs=runs,
            run_rates=run_rates(session, [run.id for run in runs], now),
            rates=rates(session, now),
            walls=walls(session, since),
            blocked=blocks(session),
            coverage=recent_coverage(session, LEAST_RECORDS),
            costs=costs_by_day(session, since),
            queue=queue(session),
            fires=fires(session, most=SHOWN),
            fire_counts=fire_counts(session),
            paused=sorted(paused_jobs(session)),
            next=_next(known_timings(session) if timings is None else timings, now),
        )


def unhealthy(session: Session, database: Database, now: datetime) -> str | None:
    """One sentence if nobody collects, or if a schedule has let a fire time pass; None when all is well."""
    if not is_collecting(database.path):
        return f"no process collects into {database.path}"
    return overdue(session, now)


def shown(now: Standing, *, with_runs: bool = True) -> RenderableType:
    """The figures as a screen full; without runs where they stand already."""
    parts: list[RenderableType] = [
        Text(
            f"{now.at:%Y-%m-%d %H:%M:%S} UTC   " + ("collecting" if now.collecting else "nobody collects"), style="bold"
        )
    ]
    parts += [Text(f"warning: {warning}", style="yellow") for warning in now.warnings]
    if now.runs and with_runs:
        parts.append(_runs(now))
    if now.rates:
        parts.append(
            _table(
                ("platform", "shown, last hour", "new, last hour", "last short"),
                [
                    (rate.platform, rate.last_hour, rate.new_last_hour, _ago(rate.last_shown, now.at))
                    for rate in now.rates
                ],
            )
        )
    if now.queue:
        wanted = [(row["platform"], row["tasks"], row["shorts_wanted"], row["listings_waiting"]) for row in now.queue]
        parts.append(_table(("queue", "open tasks", "shorts wanted", "listed, waiting"), wanted))
    for name, lines in (("walls", _wall_lines(now)), ("coverage", _coverage_lines(now)), ("cost", _cost_lines(now))):
        parts += [Text.assemble((f"{name}  ", "bold"), line) for line in lines]
    if now.fires:
        rows = [
            (fire.job, _minute(fire.fire_time), fire.state, fire.cause or "", _took(fire, now.at)) for fire in now.fires
        ]
        parts.append(_table(("job", "fire time", "state", "cause", "took"), rows))
    if now.next:
        coming = ", ".join(
            f"{job} {_minute(time)}" + (" (paused)" if job in now.paused else "") for time, job in now.next
        )
        parts.append(Text.assemble(("next  ", "bold"), coming))
    return Group(*parts)


def line(now: Standing) -> str:
    """The figures as one line, for a log or a pipe."""
    today = f"{now.at:%Y-%m-%d}"
    parts = [f"{rate.platform} {rate.last_hour} shown, {rate.new_last_hour} new in the last hour" for rate in now.rates]
    parts += [f"{sum(row['shorts_wanted'] for row in now.queue)} wanted"]
    parts += [f"walls today {sum(sum(kinds.values()) for kinds in now.walls.get(today, {}).values())}"]
    if today in now.costs:
        parts.append(f"cost today {_dollars(now.costs[today]['cost'])}")
    parts += [f"running {fire.job}" for fire in now.fires if fire.state == RUNNING]
    if now.next:
        parts.append(f"next {now.next[0][1]} {_minute(now.next[0][0])}")
    parts += [f"warning: {warning}" for warning in now.warnings]
    return f"{now.at:%H:%M:%S} " + "; ".join(parts)


def read_gaps(database: Database, now: datetime) -> list[Gap]:
    """Planned fire times without a crawl that reached its end."""
    with database.read() as session:
        return gaps(session, now, collecting=is_collecting(database.path))


def print_gaps(console: Console, found: list[Gap]) -> None:
    """The newest gaps as a table, and how many there are."""
    if found:
        rows = [(gap.job, _minute(gap.fire_time), gap.state, gap.cause or "") for gap in found[-SHOWN_GAPS:]]
        console.print(_table(("gap", "fire time (UTC)", "state", "cause"), rows))
    earlier = f", {len(found) - SHOWN_GAPS} of them earlier (--json has them all)" if len(found) > SHOWN_GAPS else ""
    console.print(f"{len(found)} gaps{earlier}", highlight=False)


def _next(timings: dict[str, Timing], now: datetime) -> list[tuple[datetime, str]]:
    return sorted((time, job) for job, timing in timings.items() if (time := timing.after(now)) is not None)


def _runs(now: Standing) -> Table:
    names = ("run", "platform", "mode", "state", "cause", "taken", "of", "began (UTC)", "new/hour")
    rows = [
        (
            run.id,
            run.platform,
            run.mode,
            run.state,
            run.cause or "",
            run.achieved,
            run.planned,
            _minute(run.started_at),
            now.run_rates.get(run.id, 0.0),
        )
        for run in now.runs
    ]
    return _table(names, rows)


def _wall_lines(now: Standing) -> list[str]:
    return [
        f"{day}: "
        + "; ".join(
            f"{platform} " + ", ".join(f"{wall} {count}" for wall, count in kinds.items())
            for platform, kinds in platforms.items()
        )
        for day, platforms in now.walls.items()
    ]


def _coverage_lines(now: Standing) -> list[str]:
    found = []
    for *_, newest in now.coverage:
        fields = newest.field_coverage["fields"]
        lacking = ", ".join(f"{name} {share:.0%}" for name, share in fields.items() if share < 1)
        whole = sum(share >= 1 for share in fields.values())
        said = f"{whole} of {len(fields)} fields in every record" + (f"; {lacking}" if lacking else "")
        found.append(f"{newest.platform} {newest.mode}, {newest.field_coverage['shorts']} records: {said}")
    return found


def _cost_lines(now: Standing) -> list[str]:
    return [f"{day}: {cost['calls']} calls, {_dollars(cost['cost'])}" for day, cost in now.costs.items()]


def _table(names: tuple[str, ...], rows: list[tuple[Any, ...]]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for place, name in enumerate(names):
        numbers = all(isinstance(row[place], int | float) for row in rows)
        table.add_column(name, justify="right" if numbers else "left")
    for row in rows:
        table.add_row(*map(str, row))
    return table


def _minute(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%m-%d %H:%M}"


def _ago(moment: datetime | None, now: datetime) -> str:
    return "-" if moment is None else f"{span(max(0.0, (now - moment).total_seconds()))} ago"


def _took(fire: FireItem, now: datetime) -> str:
    return "-" if fire.started_at is None else span(((fire.ended_at or now) - fire.started_at).total_seconds())


def _dollars(cost: float | None) -> str:
    return "of unknown price" if cost is None else f"${cost:.4f}"


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: said.isoformat() if isinstance(said, datetime) else said for name, said in fields.items()}
