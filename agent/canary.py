"""The canary: one search and three shorts of a real site, and what of each still works, field by field.

The first thing to run when a site has changed (`python -m agent.doctor --platform youtube --live`). It stops at walls
like a crawl, keeps evidence of the pages it saw, and stores nothing in a corpus.
"""

from contextlib import aclosing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from agent.browser import BrowserHost, Tab
from agent.clock import Clock, PlatformClock, Stop
from agent.evidence import Evidence
from agent.pace import Pacer
from agent.platforms.page import UNPROVEN, counts_of
from agent.platforms.web import WebPlatform
from agent.profiles import Profile
from storage.errors import Blocked, LayoutChanged, PageHung, ShortFailed, SiteUnreachable
from storage.records import Kind, Record

SHORTS = 3
FIELDS = tuple(
    name
    for name in Record.__dataclass_fields__
    if name not in ("platform", "platform_id", "kind", "unavailable", "extra")
)


@dataclass
class SelectorFinding:
    """One way to find a thing, and how many elements it found on the pages that were visited."""

    thing: str
    css: str
    proof: str
    there: int = 0
    visible: int = 0


@dataclass
class CanaryReport:
    """What a visit found. `fields` counts the shorts that had each field set, of `opened`."""

    platform: str
    wall: str | None = None
    problem: str | None = None
    listed: int = 0
    opened: int = 0
    shown: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    listed_fields: dict[str, int] = field(default_factory=dict)
    fields: dict[str, int] = field(default_factory=dict)
    selectors: list[SelectorFinding] = field(default_factory=list)
    evidence: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """3 for a wall or a page that is no longer understood, else 0."""
        if self.wall:
            return Blocked.exit_code
        return 0 if self.listed and self.opened else LayoutChanged.exit_code

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def selectors_of(platform: WebPlatform) -> list[SelectorFinding]:
    """All of a platform's selectors with their proof, in order of trust."""
    return [
        SelectorFinding(thing=thing, css=selector.css, proof=selector.proof)
        for thing, selectors in platform.selectors.items()
        for selector in selectors
    ]


async def visit(
    platform: WebPlatform, keyword: str, profile: Profile, host: BrowserHost, clock: Clock, folder: Path
) -> CanaryReport:
    """One search, then its first three shorts, at the platform's pace.

    Args:
        folder: where evidence is kept.

    Raises:
        NotSetUp: no browser.
    """
    report = CanaryReport(platform=platform.name, selectors=selectors_of(platform))
    evidence = Evidence(folder, platform.name, clock)
    tab = Tab(host, lambda: profile, platform.attach)
    pacer = Pacer(platform.pace, PlatformClock(clock, platform.time_scale), Stop())
    try:
        records = await _search(platform, keyword, tab, report)
        await _look(tab, platform, report, evidence, "canary-search")
        for record in records[:SHORTS]:
            await pacer.before_view()
            await _open(platform, record, tab, report)
            await _look(tab, platform, report, evidence, "canary-short")
    except Blocked as wall:
        report.wall, report.problem = wall.wall, str(wall)
        await _look(tab, platform, report, evidence, wall.wall)
    except (PageHung, SiteUnreachable) as error:
        report.problem = str(error)
    finally:
        await tab.close()
    return report


async def _search(platform: WebPlatform, keyword: str, tab: Tab, report: CanaryReport) -> list[Record]:
    shorts: list[Record] = []
    async with aclosing(platform.results(await tab.page(), keyword)) as batches:  # type: ignore[type-var]
        async for batch in batches:
            report.listed += len(batch)
            shorts += [record for record in batch if record.kind is Kind.SHORT and record.platform_id]
            if len(shorts) >= SHORTS:
                break
    report.listed_fields = _filled(shorts)
    return shorts


async def _open(platform: WebPlatform, record: Record, tab: Tab, report: CanaryReport) -> None:
    try:
        shown = await platform.open(await tab.page(), record)
    except ShortFailed as error:
        report.failed.append(str(error))
        return
    report.opened += 1
    report.shown.append(record.platform_id or "")
    for name, filled in _filled([shown.record]).items():
        report.fields[name] = report.fields.get(name, 0) + filled


async def _look(tab: Tab, platform: WebPlatform, report: CanaryReport, evidence: Evidence, kind: str) -> None:
    """Count what each selector finds now, and keep what the page looks like."""
    page = tab.current
    if page is None or page.is_closed():
        return
    counts = await counts_of(page, [finding.css for finding in report.selectors])
    for finding, (there, visible) in zip(report.selectors, counts, strict=True):
        finding.there, finding.visible = max(finding.there, there), max(finding.visible, visible)
    kept = await evidence.keep(kind, page, platform.received(page))
    if kept is not None:
        report.evidence.append(str(kept))


def _filled(records: list[Record]) -> dict[str, int]:
    return {name: sum(getattr(record, name) not in (None, ()) for record in records) for name in FIELDS}


def print_proof(console: Console, platform: WebPlatform) -> None:
    """Where each piece of knowledge about the site comes from, without visiting it."""
    table = Table(box=None, header_style="bold")
    for name in ("thing", "found by", "proof"):
        table.add_column(name, overflow="fold")
    rows = [(finding.thing, finding.css, finding.proof) for finding in selectors_of(platform)]
    rows += [(f"wall {sign.wall}", sign.css or sign.url, sign.proof) for sign in platform.signs]
    rows += [(f"state {state.kind}", state.css or state.name, state.proof) for state in platform.states]
    for thing, css, proof in rows:
        table.add_row(thing, css, proof, style="yellow" if proof.startswith(UNPROVEN) else None)
    console.print(table, markup=False)
    unproven = sum(proof.startswith(UNPROVEN) for *_, proof in rows)
    console.print(f"{len(rows)} ways to find things on {platform.name}, {unproven} of them unproven", highlight=False)


def print_report(console: Console, report: CanaryReport) -> None:
    """Field by field and selector by selector."""
    console.print(
        f"{report.platform}: {report.listed} items listed, {report.opened} of {SHORTS} shorts opened"
        + (f", WALL {report.wall}" if report.wall else ""),
        highlight=False,
    )
    for problem in filter(None, (report.problem, *report.failed)):
        console.print(f"problem: {problem}", style="yellow", markup=False, highlight=False, soft_wrap=True)
    fields = Table(box=None, header_style="bold")
    for name in ("field", "in the list", "on the short"):
        fields.add_column(name)
    for name in FIELDS:
        fields.add_row(name, str(report.listed_fields.get(name, 0)), f"{report.fields.get(name, 0)}/{report.opened}")
    console.print(fields)
    table = Table(box=None, header_style="bold")
    for name in ("thing", "selector", "there", "visible", "proof"):
        table.add_column(name, overflow="fold")
    for finding in report.selectors:
        style = None if finding.there else "yellow"
        table.add_row(finding.thing, finding.css, str(finding.there), str(finding.visible), finding.proof, style=style)
    console.print(table, markup=False)
    for folder in report.evidence:
        console.print(f"kept: {folder}", highlight=False, soft_wrap=True)
