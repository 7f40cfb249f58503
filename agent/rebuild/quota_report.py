"""How a plan stands, for people and as JSON: planned, achieved, substituted, and the time that is left."""

from typing import Any

from rich.console import Console
from rich.table import Table

from agent.rebuild.estimate import UNKNOWN, TimeLeft
from storage.quotas import Quota, Quotas

DRY_SHOWN = 10


def standing_lines(name: str, target: int, found: Quotas, end: TimeLeft | None) -> list[str]:
    """Two lines while it runs."""
    said = UNKNOWN if end is None else str(end)
    substituted = f", {found.total.substituted} substituted" if found.total.substituted else ""
    values = ", ".join(f"{value} {quota.achieved}/{quota.planned}" for value, quota in found.values.items())
    return [
        f"plan {name}: {found.total.achieved} of {target} ({found.total.achieved / target:.1%}){substituted}; "
        f"left: {said}",
        f"values: {values or UNKNOWN}",
    ]


def print_quotas(console: Console, found: Quotas, left: dict[str, TimeLeft | None], end: TimeLeft | None) -> None:
    """The tables at a command's end."""
    console.print(_table("platform", found.platforms, found.total))
    console.print(_table("value", found.values, None))
    for key in found.dry[:DRY_SHOWN]:
        quota = found.keywords.get(key)
        of = f"{quota.achieved} of {quota.planned}" if quota and quota.planned else "reserve, used up"
        console.print(f"dry: {key[2]} ({key[1]}, {key[0]}), {of}", highlight=False)
    if len(found.dry) > DRY_SHOWN:
        console.print(f"dry: {len(found.dry) - DRY_SHOWN} more (--json names them)", highlight=False)
    if found.total.missing:
        for platform, time in left.items():
            console.print(f"left on {platform}: {UNKNOWN if time is None else time}", highlight=False)
        console.print(f"left in all: {UNKNOWN if end is None else end} of running", highlight=False)


def to_json(found: Quotas, left: dict[str, TimeLeft | None], end: TimeLeft | None) -> dict[str, Any]:
    """The same as plain data; seconds, None where they are not known."""
    return {
        **found.to_json(),
        "seconds_left": _seconds(end),
        "seconds_left_by_platform": {platform: _seconds(time) for platform, time in left.items()},
    }


def _seconds(left: TimeLeft | None) -> dict[str, float | None] | None:
    return None if left is None else {"least": left.least, "most": left.most}


def _table(what: str, rows: dict[str, Quota], total: Quota | None) -> Table:
    table = Table(box=None, header_style="bold")
    table.add_column(what)
    crossed = any(quota.from_values or quota.from_platforms for quota in rows.values())
    names = ["planned", "achieved", "", "substituted", *(["other values", "other platforms"] if crossed else [])]
    for name in names:
        table.add_column(name, justify="right")
    for name, quota in [*rows.items(), *([("all", total)] if total else [])]:
        share = f"{quota.achieved / quota.planned:.1%}" if quota.planned else "-"
        cells = [quota.planned, quota.achieved, share, quota.substituted]
        cells += [quota.from_values, quota.from_platforms] if crossed else []
        table.add_row(name, *map(str, cells))
    return table
