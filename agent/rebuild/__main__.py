"""`python -m agent.rebuild`: a whole dataset, from a plan or from a published list of ids."""

import asyncio
import json
import re
import sys
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from agent import logs
from agent.collect import WITHOUT_KEY, exit_code
from agent.judges import decider_name
from agent.rebuild.again import RECHECK, Again, Errand, errand_of, errand_seconds, print_outcomes
from agent.rebuild.build import Building
from agent.rebuild.outlook import outlook
from agent.rebuild.plan import Plan, read_plan, shipped
from agent.rebuild.quota_report import print_quotas, to_json
from retrieval.steps import span
from storage import cli
from storage.corpus import Corpus, utc_now
from storage.database import corpus_path, open_database
from storage.errors import CorpusUnusable, NothingFound, UsageError
from storage.forget import forget
from storage.manifest import read_manifest
from storage.pseudonyms import Pseudonyms
from storage.revisits import THERE, Was, lost, own_shorts, write_report

PLAN = ".toml"
SPANS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}

app = cli.app("Build a whole dataset from a plan, or collect a published one again.")


@app.command()
def rebuild(
    source: Annotated[
        Path | None,
        typer.Argument(metavar="PLAN.toml | MANIFEST", help=f"A plan ({', '.join(shipped())} come with it) or a list."),
    ] = None,
    recheck: Annotated[bool, typer.Option("--recheck", help="Are the corpus's own shorts still there?")] = False,
    older_than: Annotated[
        str | None, typer.Option(help="With --recheck: only those not looked at for so long, as 30d.")
    ] = None,
    drop_gone: Annotated[bool, typer.Option("--drop-gone", help="With --recheck: forget what a site removed.")] = False,
    drop_private: Annotated[
        bool, typer.Option("--drop-private", help="With --recheck: also what its author made private.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before anything is forgotten.")] = False,
    platform: Annotated[list[str] | None, typer.Option(help="With --recheck: only these platforms.")] = None,
    profile: Annotated[str | None, typer.Option(help="Of a list: a login made with agent.login.")] = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Of a list: open again what failed.")] = False,
    cross_balance: Annotated[
        bool, typer.Option("--cross-balance", help="Of a plan: what a value lacks is asked of other values, platforms.")
    ] = False,
    corpus: Annotated[str, typer.Option(help="Path or sqlite:///PATH.")] = "data/corpus.sqlite",
    out: Annotated[Path | None, typer.Option(help="Of a list: CSV report, one line a short.")] = None,
    max_cost: Annotated[float | None, typer.Option(help="Of a plan: stop cleanly at this many US dollars.")] = None,
    headed: Annotated[bool, typer.Option("--headed", help="Show the browser.")] = False,
    time_scale: Annotated[float | None, typer.Option(help="Sandbox: platform seconds per second.")] = None,
    media: Annotated[Path | None, typer.Option(help="Sandbox: serve the pictures of this folder.")] = None,
    fault: Annotated[list[str] | None, typer.Option(help="Sandbox: e.g. unavailable%0.05.")] = None,
    sandbox_seed: Annotated[int | None, typer.Option(help="Sandbox: of the site named just sandbox.")] = None,
    log_file: Annotated[Path | None, typer.Option(help="JSON lines (default: CORPUS.log.jsonl).")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and how long it takes.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> int:
    """Build a dataset to its target size, collect a published one again, or follow deletions in one's own.

    A plan works off its quotas over days: stopped or killed, the same command goes on; at the target it stops. A
    manifest (Parquet, CSV or JSON lines of storage.export --no-images) is opened id by id: found, changed, gone.

    Exit codes: 0 done, 1 unexpected, 2 wrong usage, 3 blocked by the site, 4 budget spent, 5 the sites had no more,
    or nothing of the list; 130 interrupted.

    Examples:

      python -m agent.rebuild sandbox-5000 --corpus data/big.sqlite

      python -m agent.rebuild my-plan.toml --dry-run

      python -m agent.rebuild manifest.parquet --corpus data/again.sqlite --out report.csv

      python -m agent.rebuild --recheck --older-than 30d --drop-gone
    """
    given = {
        "max_cost": max_cost,
        "headless": False if headed else None,
        "time_scale": time_scale,
        "media": media,
        "fault": tuple(fault or ()),
        "sandbox_seed": sandbox_seed,
        "profile": profile,
    }
    given = {name: value for name, value in given.items() if value not in (None, ())}
    console = Console(stderr=True)
    work = _Work(corpus=corpus, console=console, log_file=log_file, given=given, as_json=as_json)
    if recheck:
        if source is not None or retry_failed:
            raise UsageError(f"--recheck opens the corpus's own shorts; leave {source or '--retry-failed'} out")
        if (drop_gone or drop_private) and not yes and not dry_run and not sys.stdin.isatty():
            raise UsageError("nobody can be asked here before shorts are forgotten; add --yes if that is meant")
        dropped = [*([Was.GONE] if drop_gone else []), *([Was.PRIVATE] if drop_private else [])]
        return work.recheck(tuple(platform or ()), older_than, dropped, yes=yes, out=out, dry_run=dry_run)
    if source is None:
        raise UsageError(f"give a plan ({', '.join(shipped())} or a file), a manifest, or --recheck")
    if drop_gone or drop_private or older_than or platform:
        raise UsageError("--older-than, --drop-gone, --drop-private and --platform belong to --recheck; add it")
    path = shipped().get(str(source), source)
    if path.suffix == PLAN:
        if profile is not None or out is not None or retry_failed:
            raise UsageError("--profile, --out and --retry-failed belong to a list; a plan has [platform.NAME] profile")
        return work.plan(read_plan(path), cross_balance=cross_balance, dry_run=dry_run)
    if cross_balance:
        raise UsageError("--cross-balance belongs to a plan; a list has no quotas")
    return work.manifest(path, out=out, retry_failed=retry_failed, dry_run=dry_run)


class _Work:
    """What the three kinds of the command share."""

    def __init__(
        self, *, corpus: str, console: Console, log_file: Path | None, given: Mapping[str, Any], as_json: bool
    ) -> None:
        self._location = corpus
        self._console = console
        self._log_file = log_file
        self._given = given
        self._as_json = as_json

    def _open(self) -> Corpus:
        path = corpus_path(self._location)
        corpus = Corpus(self._location, collecting=True)
        self._log_file = self._log_file or path.with_name(path.name + ".log.jsonl")
        logs.configure(self._log_file)
        return corpus

    def plan(self, plan: Plan, *, cross_balance: bool, dry_run: bool) -> int:
        """Work on a plan."""
        if dry_run:
            found = outlook(plan, self._given)
            print(json.dumps(found.to_json(), indent=2)) if self._as_json else found.print(Console())
            return 0
        settings = plan.settings(**self._given)
        if settings.decider == "auto" and decider_name(settings) == "similarity":
            self._console.print(WITHOUT_KEY, style="yellow", highlight=False, soft_wrap=True)
        with self._open() as corpus:
            building = Building(
                plan,
                corpus,
                command=sys.argv[1:],
                console=self._console,
                cross_balance=cross_balance,
                given=self._given,
                log_file=self._log_file,
            )
            result = asyncio.run(building.run())
            standing = building.standing()
        if self._as_json:
            print(json.dumps(to_json(standing.quotas, standing.left, standing.end), indent=2))
        else:
            print_quotas(Console(), standing.quotas, standing.left, standing.end)
        code = exit_code(result, self._console)
        if code == 0 and standing.quotas.total.missing:
            raise NothingFound(
                f"the sites had no more: {standing.quotas.total.missing} of {plan.target} are missing; run the same "
                "command later, or with --cross-balance"
            )
        return code

    def manifest(self, path: Path, *, out: Path | None, retry_failed: bool, dry_run: bool) -> int:
        """Collect a published list again."""
        errand = errand_of(read_manifest(path), path)
        if dry_run:
            return self._say_errand(errand)
        _check_out(out)
        with self._open() as corpus:
            again = self._again(errand, corpus)
            result = asyncio.run(again.run(retry_failed=retry_failed))
            counts = self._report(again, out, {})
        code = exit_code(result, self._console)
        if code == 0 and not any(counts[one.value] for one in THERE):
            raise NothingFound(f"not one short of {path} is to be had; --out names the reasons")
        return code

    def recheck(
        self,
        platforms: tuple[str, ...],
        older_than: str | None,
        dropped: list[Was],
        *,
        yes: bool,
        out: Path | None,
        dry_run: bool,
    ) -> int:
        """Open the corpus's own shorts again."""
        before = None if older_than is None else utc_now() - _span(older_than)
        if not corpus_path(self._location).is_file():
            raise CorpusUnusable(f"there is no corpus {self._location}; give its path with --corpus")
        _check_out(out)
        if dry_run:
            with open_database(self._location, write=False) as database, database.read() as session:
                return self._say_errand(_own(own_shorts(session, platforms, before), older_than))
        with self._open() as corpus:
            with corpus.database.read() as session:
                errand = _own(own_shorts(session, platforms, before), older_than)
            again = self._again(errand, corpus)
            code = exit_code(asyncio.run(again.run()), self._console) if len(errand) else 0
            went = self._drop(corpus, platforms, dropped, yes=yes) if dropped and code == 0 else None
            self._report(again, out, {} if went is None else {"dropped": dict(sorted(went.items()))})
        if not len(errand) and not went:
            raise NothingFound(f"no captured short of {self._location} is to be looked at again; see --older-than")
        return code

    def _again(self, errand: Errand, corpus: Corpus) -> Again:
        return Again(
            errand,
            corpus,
            command=sys.argv[1:],
            console=self._console,
            given=self._given,
            log_file=self._log_file,
        )

    def _report(self, again: Again, out: Path | None, more: dict[str, Any]) -> Counter[str]:
        runs = list(again.plan_runs().values())
        table = again.corpus.revisits.table(runs)
        if out is not None:
            write_report(again.corpus.revisits.rows(runs), out)
        counts = again.corpus.revisits.counts(runs)
        if self._as_json:
            said = {"shorts": counts.total(), "outcomes": dict(counts), "platforms": table, **more}
            rows = [row for row in again.corpus.revisits.rows(runs) if row["outcome"] != Was.FOUND.value]
            print(json.dumps({**said, "not_found": rows}, indent=2))
        else:
            print_outcomes(Console(), table)
            for name, went in more.items():
                print(f"{name}: {', '.join(f'{count} {what}' for what, count in went.items()) or 'nothing'}")
        return counts

    def _say_errand(self, errand: Errand) -> int:
        counts = {platform: len(shorts) for platform, shorts in errand.shorts.items()}
        seconds = errand_seconds(errand, self._given)
        if self._as_json:
            print(json.dumps({"platforms": counts, "seconds": seconds}))
        else:
            print(", ".join(f"{count} on {name}" for name, count in counts.items()) or "nothing")
            print(f"time: at least {span(seconds)} at the platforms' paces")
        return 0

    def _drop(self, corpus: Corpus, platforms: tuple[str, ...], outcomes: list[Was], *, yes: bool) -> Counter[str]:
        with corpus.database.read() as session:
            pairs = lost(session, platforms, outcomes)
        if not pairs:
            return Counter()
        names = " or ".join(one.value for one in outcomes)
        self._console.print(f"{len(pairs)} shorts are {names}, and will be forgotten for good here", highlight=False)
        if not yes and not typer.confirm("Forget them?", err=True):
            self._console.print("nothing was forgotten", highlight=False)
            return Counter()
        gone = forget(corpus, Pseudonyms.of_user(), shorts=pairs)
        for export in gone.exports:
            self._console.print(f"an export that may still hold them: {export}", highlight=False)
        return gone.rows + gone.beside


def _own(shorts: Mapping[str, Any], older_than: str | None) -> Errand:
    return Errand(kind=RECHECK, shorts=shorts, keep=False, about={"older_than": older_than})


def _span(text: str) -> timedelta:
    match = re.fullmatch(r"(\d+)([hdw])", text.strip())
    if match is None:
        raise UsageError(f"--older-than {text} is no time; write it as 12h, 30d or 4w")
    return int(match[1]) * SPANS[match[2]]


def _check_out(out: Path | None) -> None:
    """Now, rather than after hours of work."""
    if out is not None and (out.is_dir() or not out.parent.is_dir()):
        raise UsageError(f"--out {out} cannot be written: give the name of a file in a folder that is there")


if __name__ == "__main__":
    cli.run(app)
