"""`python -m agent.rebuild` as a user runs it, on two sandbox sites: a plan with a kill, a list, a recheck."""

import io
import json
import sys
from collections import Counter
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog
import typer
from sqlalchemy import func, select

from agent.rebuild.__main__ import app
from agent.sandbox.faults import Faults
from storage import cli
from storage.card import stored_studies
from storage.database import open_database
from storage.export.__main__ import app as export
from storage.models import Exposure, LabelRow, Short
from storage.quotas import plan_quotas
from storage.removals import FILE
from storage.revisits import UNAVAILABLE
from tests.commands import kill_group, run, start, wait_until
from tests.storage_tools import rows

SINCE, UNTIL = datetime(2025, 9, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
PLAN = """
name = "small"
target = 20
values = ["hedonism", "power"]
keywords = ["massage", "red carpet"]        # of these the first site has two each in the window

[share]
sandbox-1 = 50
sandbox-2 = 50

[crawl]
decider = "random"
labeller = "none"
decide_window = 0.5
dwell = "fixed:0"
since = 2025-09-01
until = 2026-01-01

[study]
title = "A small one"
"""
FAST = ("--time-scale", "100")
FAULTS = ("unavailable%0.5", "black%0.3")
RATES = [place / 20 for place in range(11, 20)]
"""Of shorts that are unavailable at a recheck; more than half, so that some that were there then are not."""
WITHDRAWN = ("gone", "private")


@dataclass(frozen=True)
class Built:
    """A corpus that a plan was worked off into, killed once on the way."""

    home: Path
    figures: dict[str, Any]
    said: str
    killed_at: int

    @property
    def corpus(self) -> Path:
        return self.home / "c.sqlite"

    def rebuild(self, *arguments: str | Path, code: int = 0) -> str:
        """What the command says on standard output; within this process, since starting one costs more."""
        return self._command(app, *arguments, *FAST, code=code)

    def export(self, *arguments: str | Path) -> None:
        self._command(export, *arguments, code=0)

    def _command(self, command: typer.Typer, *arguments: str | Path, code: int) -> str:
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.setenv("VALUE_SPECTRUM_CONFIG_DIR", str(self.home / "config"))
            patch.chdir(self.home)
            patch.setattr(sys, "argv", ["command", *map(str, arguments)])
            with pytest.raises(SystemExit) as ended:
                cli.run(command)
            structlog.reset_defaults()
        assert ended.value.code == code, err.getvalue()[-2000:]
        assert "Traceback" not in err.getvalue()
        return out.getvalue()


def taken(corpus: Path) -> int:
    return int(rows(corpus, "SELECT sum(taken) FROM tasks")[0][0] or 0) if corpus.exists() else 0


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    home = tmp_path_factory.mktemp("rebuild")
    (home / "plan.toml").write_text(PLAN)
    work = ("agent.rebuild", "plan.toml", "--corpus", "c.sqlite", *FAST)
    process = start(home, *work)
    try:
        assert wait_until(lambda: (home / "c.sqlite-wal").exists() and _taken_if_made(home) >= 5, 120)
    finally:
        kill_group(process)
    killed_at = taken(home / "c.sqlite")
    done = run(home, *work, "--json", timeout=180)
    assert done.returncode == 0, done.stderr[-2000:]
    return Built(home=home, figures=json.loads(done.stdout), said=done.stderr, killed_at=killed_at)


def _taken_if_made(home: Path) -> int:
    tables = rows(home / "c.sqlite", "SELECT count(*) FROM sqlite_master WHERE name = 'revisits'")
    return taken(home / "c.sqlite") if tables[0][0] else 0


def test_a_killed_plan_goes_on_and_stops_exactly_at_its_target(built: Built) -> None:
    assert 5 <= built.killed_at < 20
    assert "going on" in built.said
    assert taken(built.corpus) == 20
    total = built.figures["total"]
    assert (total["planned"], total["achieved"]) == (20, 20)
    assert {name: one["achieved"] for name, one in built.figures["platforms"].items()} == {
        "sandbox-1": 10,
        "sandbox-2": 10,
    }
    assert {name: one["achieved"] for name, one in built.figures["values"].items()} == {"hedonism": 10, "power": 10}
    assert built.figures["seconds_left"] == {"least": 0.0, "most": 0.0}


def test_a_dry_keyword_is_replaced_by_the_reserve_of_its_value_on_its_own_platform(built: Built) -> None:
    dry = [one for one in built.figures["keywords"] if one["dry"]]
    assert {(one["platform"], one["keyword"]) for one in dry} >= {("sandbox-1", "massage"), ("sandbox-1", "red carpet")}
    missing = sum(one["planned"] - one["achieved"] for one in dry if one["planned"])
    assert built.figures["total"]["substituted"] == missing > 0
    assert built.figures["total"]["from_values"] == built.figures["total"]["from_platforms"] == 0
    assert all(one["platform"] == "sandbox-1" for one in dry)
    reserve = [one for one in built.figures["keywords"] if not one["planned"]]
    assert {one["value"] for one in reserve} == {"hedonism", "power"}


def test_the_corpus_tells_the_sites_apart_keeps_plan_and_study_and_holds_nothing_out_of_the_window(
    built: Built,
) -> None:
    with open_database(built.corpus, write=False) as corpus, corpus.read() as session:
        for short in session.scalars(select(Short)):
            assert short.platform == f"sandbox-{short.platform_id.partition('-')[0]}"
            assert short.published is not None
            assert SINCE <= short.published < UNTIL
        (plan,) = plan_quotas(session)
        assert plan["plan"]["targets"] == {"sandbox-1": 10, "sandbox-2": 10}
        assert plan["total"] == built.figures["total"]
        ((study, _),) = stored_studies(session)
        assert study.title == "A small one"
        causes = set(session.scalars(select(Exposure.cause).where(Exposure.outcome == "skipped")))
        assert {"too_old"} <= causes


def test_at_the_target_the_same_command_opens_nothing(built: Built) -> None:
    before = rows(built.corpus, "SELECT count(*) FROM exposures"), rows(built.corpus, "SELECT count(*) FROM runs")
    said = built.rebuild("plan.toml", "--corpus", "c.sqlite")
    assert "100.0%" in said
    assert "substituted" in said
    after = rows(built.corpus, "SELECT count(*) FROM exposures"), rows(built.corpus, "SELECT count(*) FROM runs")
    assert after == before


# A list


def fate(platform_id: str, specifications: tuple[str, ...] = FAULTS) -> str:
    """What the faults make of a short."""
    faults = Faults(specifications, int(platform_id.partition("-")[0]))
    kinds = faults.of_short(platform_id)
    if "unavailable" in kinds:
        return UNAVAILABLE[faults.cause(platform_id)].value
    return "changed" if "black" in kinds else "found"


@pytest.fixture(scope="module")
def listed(built: Built) -> dict[str, str]:
    """A list of some of the shorts, with what should become of each; written to `list.jsonl`."""
    done = run(
        built.home, "storage.export", "--corpus", "c.sqlite", "--format", "jsonl", "--no-images", "--out", "a.jsonl"
    )
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in (built.home / "a.jsonl").read_text().splitlines()]
    by_fate: dict[str, list[dict[str, Any]]] = {}
    for row in found:
        by_fate.setdefault(fate(row["platform_id"]), []).append(row)
    by_fate["found"].sort(key=lambda row: fate(row["platform_id"], ("unavailable%1",)) not in WITHDRAWN)
    chosen = [*by_fate["gone"][:1], *by_fate["private"][:1], *by_fate["changed"][:1], *by_fate["found"][:4]]
    expected = {row["platform_id"]: fate(row["platform_id"]) for row in chosen}
    other = by_fate["found"][3]
    other["hash_recipe"] = "phash-of-somebody-else@1"
    expected[other["platform_id"]] = "not_comparable"
    chosen[-2]["labels"].append(
        {"kind": "value", "name": "power", "stance": "opposes", "source": "their-model", "score": 0.25, "model": "m"}
    )
    (built.home / "list.jsonl").write_text("".join(json.dumps(row) + "\n" for row in chosen))
    return expected


@pytest.fixture(scope="module")
def collected(built: Built, listed: dict[str, str]) -> dict[str, Any]:
    """The list collected into a new corpus."""
    again = ("list.jsonl", "--corpus", "again.sqlite", *(part for one in FAULTS for part in ("--fault", one)))
    figures: dict[str, Any] = json.loads(built.rebuild(*again, "--out", "report.csv", "--json"))
    return figures


def test_each_short_of_a_list_is_opened_once_and_ends_as_what_became_of_it(
    built: Built, listed: dict[str, str], collected: dict[str, Any]
) -> None:
    lines = (built.home / "report.csv").read_text().splitlines()
    assert lines[0] == "platform,platform_id,outcome,cause,distance,at"
    report = {line.split(",")[1]: line.split(",") for line in lines[1:]}
    assert {name: cells[2] for name, cells in report.items()} == listed
    for cells in report.values():
        if cells[2] == "found":
            assert int(cells[4]) <= 6
        else:
            assert cells[3]
    assert collected["shorts"] == len(listed)
    assert "waiting" not in collected["outcomes"]
    opened = rows(built.home / "again.sqlite", "SELECT platform_id, count(*) FROM exposures GROUP BY platform_id")
    assert {row[0]: row[1] for row in opened} == dict.fromkeys(listed, 1)


def test_published_labels_stand_under_the_names_of_those_who_gave_them(built: Built, collected: dict[str, Any]) -> None:
    with open_database(built.home / "again.sqlite", write=False) as corpus, corpus.read() as session:
        theirs = session.scalars(select(LabelRow).where(LabelRow.source == "their-model")).all()
        assert [(one.name, one.stance, one.score) for one in theirs] == [("power", "opposes", 0.25)]
        assert session.scalar(select(func.count()).where(LabelRow.source == "query")) == 4


def test_a_finished_list_is_not_opened_again(built: Built, collected: dict[str, Any]) -> None:
    said = built.rebuild("list.jsonl", "--corpus", "again.sqlite", "--json")
    assert json.loads(said)["outcomes"] == collected["outcomes"]
    assert len(rows(built.home / "again.sqlite", "SELECT id FROM runs WHERE mode = 'revisit'")) == 2


# A recheck


def _some_withdrawn(ids: list[str]) -> tuple[str, dict[str, str]]:
    """A fault that withdraws some of these shorts and leaves others, with what becomes of each."""
    for rate in RATES:
        fault = f"unavailable%{rate}"
        fates = {name: fate(name, (fault,)) for name in ids}
        if "found" in fates.values() and not {*WITHDRAWN}.isdisjoint(fates.values()):
            return fault, fates
    raise AssertionError("no rate does")


def test_a_recheck_notes_what_is_left_and_forgets_what_is_gone_when_it_is_told_to(
    built: Built, collected: dict[str, Any]
) -> None:
    corpus = built.home / "again.sqlite"
    before = {row[0]: row[1] for row in rows(corpus, "SELECT platform_id, id FROM shorts")}
    observed = rows(corpus, "SELECT count(*) FROM observations")[0][0]
    fault, became = _some_withdrawn(list(before))
    recheck = ("--recheck", "--corpus", "again.sqlite", "--fault", fault)
    said = json.loads(built.rebuild(*recheck, "--drop-gone", "--drop-private", "--yes", "--json"))
    assert said["outcomes"] == dict(Counter(became.values()))
    withdrawn = {name for name, what in became.items() if what in WITHDRAWN}
    found = [name for name, what in became.items() if what == "found"]
    assert {row[0] for row in rows(corpus, "SELECT platform_id FROM shorts")} == before.keys() - withdrawn
    assert said["dropped"]["shorts"] == len(withdrawn)
    assert len((built.home / FILE).read_text().splitlines()) == len(withdrawn)
    raw = corpus.read_bytes()
    assert not [name for name in withdrawn if name.encode() in raw]
    # What is still there has got its caption and counts of today, and no second picture.
    assert rows(corpus, "SELECT count(*) FROM observations")[0][0] == observed - len(withdrawn) + len(found)
    assert rows(corpus, "SELECT count(*) FROM images WHERE role = 'frame'")[0][0] == len(before) - len(withdrawn)
