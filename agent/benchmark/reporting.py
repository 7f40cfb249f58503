"""From a benchmark and its answers to what people look at: tables, report, plots, and a few lines on the terminal."""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from agent.benchmark.estimate import Estimate
from agent.benchmark.facts import facts_of
from agent.benchmark.planning import Design, alternatives, expected
from agent.benchmark.report import write_report
from agent.benchmark.results import results, write_tables
from agent.benchmark.run import Benchmark
from agent.benchmark.summarise import summarise
from agent.benchmark.summary import BenchmarkSummary
from agent.sandbox.sites import is_sandbox
from retrieval.steps import span
from retrieval.vocabulary import load_vocabulary
from storage.errors import NothingFound, UsageError
from storage.sampling import picture_bytes
from storage.version import code_version


def report(bench: Benchmark, out: Path, unanswered: int, *, compare_paper: bool) -> tuple[BenchmarkSummary, list[Path]]:
    """Write everything that the answers in the corpus say.

    Raises:
        NothingFound: there is none yet.
        UsageError: the folder cannot be written.
    """
    work = bench.work
    found = results(work, bench.runs)
    if not found.answers and not found.choices:
        raise NothingFound("the corpus has no answer of this plan yet; run it without --no-calls")
    facts = facts_of(
        bench.plan,
        load_vocabulary(),
        plan_hash=bench.hash,
        value_set=bench.value_set.id,
        corpus=bench.value_set.corpus_id,
        sandbox=any(is_sandbox(shot.platform) for shot in bench.targets.shots),
        unanswered=unanswered,
        limit=bench.limits.limit,
        reused=found.reused,
        cost=found.cost,
        version=code_version(),
        date=None if found.last is None else f"{found.last:%Y-%m-%d}",
    )
    summary = summarise(found.answers, found.choices, facts, compare_paper=compare_paper, remarks=found.remarks)

    def picture(sha256: str) -> bytes | None:
        return picture_bytes(bench.database, {sha256}).get(sha256)

    return summary, [*write_tables(work, out), *write_report(summary, out, picture)]


def designs(bench: Benchmark, half_width: float) -> tuple[Design, list[Design]]:
    """What this value set is expected to give, and sets that would give scores within `half_width` (a share).

    Raises:
        UsageError: no set would.
    """
    slots = bench.value_set.filled
    of_value = {slot.value: len({one.keyword for one in slots if one.value == slot.value}) for slot in slots}
    keywords = min(of_value.values())
    try:
        return expected(keywords, len(slots) / sum(of_value.values())), alternatives(half_width)
    except ValueError as error:
        raise UsageError(f"--half-width {100 * half_width:g}: {error}") from None


def print_designs(this: Design, others: list[Design], half_width: float) -> None:
    """The sample-size table."""
    console = Console(width=max(Console().width, 100))
    table = Table(title="sample size, before anything is asked", title_justify="left")
    for heading in ("set", "keywords a value", "pictures a keyword", "slots a value", "score +-", "difference +-"):
        table.add_column(heading)
    for name, one in [("this one", this), *((f"for +-{100 * half_width:g} points", one) for one in others)]:
        widths = f"{100 * one.half_width:.1f}", f"{100 * one.difference:.1f}"
        table.add_row(name, str(one.keywords), str(one.pictures), str(one.slots), *widths)
    console.print(table, markup=False)


def print_estimate(estimate: Estimate) -> None:
    """Calls, money and time by model."""
    console = Console(width=max(Console().width, 100))
    table = Table(title="what is left to ask", title_justify="left")
    for heading in ("model", "calls", "at most", "time alone"):
        table.add_column(heading)
    for one in estimate.models:
        money = "price unknown" if one.at_most is None else f"${one.at_most:.2f}"
        table.add_row(one.model, str(one.calls), money, span(one.seconds))
    console.print(table, markup=False)


def print_scores(summary: BenchmarkSummary, files: list[Path]) -> None:
    """The main table, values x models, in percent with intervals."""
    console = Console(width=max(Console().width, 100))
    if summary.tables:
        main = summary.tables[0]
        table = Table(title="liked, % of yes among yes and no (95 % interval)", title_justify="left")
        for heading in ("value", *main.models):
            table.add_column(heading)
        cells = {(row.value, row.condition.model): row.score for row in main.scores}
        for value in main.values:
            scores = [cells.get((value, model)) for model in main.models]
            table.add_row(
                value or "control",
                *("-" if one is None else f"{100 * one.estimate:.0f} ({100 * one.low:.0f}-{100 * one.high:.0f})"
                  for one in scores),
            )  # fmt: skip
        console.print(table, markup=False)
        for one in summary.spoken:
            if one.counts.refused or one.counts.unreadable:
                said = f"{one.counts.refused} refused, {one.counts.unreadable} unreadable of {one.total}"
                console.print(f"{one.model}: {said}", markup=False, highlight=False)
    reports = [path for path in files if path.suffix == ".html"] or files[:1]
    console.print(f"report: {reports[0]}", markup=False, highlight=False, soft_wrap=True)
