"""`storage.compare` calls equal what is equal, and finds every kind of difference; a summary's figures add up."""

import json
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from storage.compare import app, differences, unordered_differences
from storage.database import open_database
from storage.records import Kind, Label, LabelKind, Outcome, Stance, Verdict
from storage.summary import summarise
from tests.in_process import Commands
from tests.storage_tools import MOMENT, PROJECT, answer, miss, open_corpus, record, scene, show, start

NOISY = 30


def collect(path: Path, *, quality: int = 85) -> Path:
    """Two new shorts, a duplicate, an ad and a failure, over two tasks."""
    label = Label(kind=LabelKind.VALUE, name="family", source="vlm", stance=Stance.EXPRESSES)
    with open_corpus(path) as corpus:
        run, (first, second) = start(corpus, 2, 2)
        show(corpus, first, "a", scene(1, quality=quality), labels=(label,), author="anna", duration=9.5)
        show(corpus, second, "b", scene(2, quality=quality), verdict=Verdict.NO)
        show(corpus, first, "c", scene(1, quality=60), verdict=Verdict.REFUSED)
        miss(corpus, second, record("d", kind=Kind.AD), Outcome.SKIPPED, "ad")
        miss(corpus, second, record("e"), Outcome.FAILED, "capture")
        corpus.answers.put(answer(run_id=run.id), None)
        corpus.answers.put(answer(run_id=run.id, cost=None), None)
        corpus.runs.finish(run, "finished")
    return path


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    one, two = collect(tmp_path / "one.sqlite"), tmp_path / "two.sqlite"
    return one, Path(shutil.copy(one, two))


def found(one: Path, two: Path) -> list[str]:
    with open_database(one, write=False) as first, open_database(two, write=False) as second:
        return differences(first, second)


def change(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    assert connection.execute(statement).rowcount > 0
    connection.commit()
    connection.close()


def test_two_crawls_that_collected_the_same_are_equal(tmp_path: Path) -> None:
    assert found(collect(tmp_path / "one.sqlite"), collect(tmp_path / "two.sqlite")) == []


def test_other_bytes_of_the_same_frames_are_no_difference(pair: tuple[Path, Path], tmp_path: Path) -> None:
    noisy = collect(tmp_path / "noisy.sqlite", quality=NOISY)
    assert scene(1) != scene(1, quality=NOISY)
    assert found(pair[0], noisy) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET at = '2030-01-01 00:00:00'",
        "UPDATE exposures SET shown_at = '2030-01-01 00:00:00', ended_at = NULL, seconds_on_screen = 99, late = 1",
        "UPDATE observations SET views = 12345, likes = 5",
        "UPDATE exposures SET record = json_set(record, '$.views', 12345) WHERE record IS NOT NULL",
        "UPDATE tasks SET attempts = 7",
        "UPDATE images SET method = 'page', media_time = 3.5",
        "UPDATE images SET phash = printf('%.15s%x', phash, 15) WHERE phash LIKE '%0' OR phash NOT LIKE '%0'",
    ],
)
def test_times_attempts_and_counts_are_no_difference(pair: tuple[Path, Path], statement: str) -> None:
    change(pair[1], statement)
    assert found(*pair) == []


A = "sandbox plan 0 task 0 exposure 0"
B = "sandbox plan 0 task 1 exposure 0"
DIFFERENCES = [
    ("UPDATE exposures SET platform_id = 'x' WHERE platform_id = 'a'", A, "platform_id"),
    ("UPDATE exposures SET kind = 'photo' WHERE platform_id = 'a'", A, "kind"),
    ("UPDATE tasks SET value = 'security' WHERE position = 1", B, "value"),
    ("UPDATE tasks SET keyword = 'other' WHERE position = 1", B, "keyword"),
    ("UPDATE exposures SET cause = 'page_hung' WHERE platform_id = 'e'", "task 1 exposure 2", "cause"),
    ("UPDATE exposures SET decision = 'no' WHERE platform_id = 'a'", A, "decision"),
    ("UPDATE exposures SET action = 'watch' WHERE platform_id = 'b'", B, "action"),
    ("UPDATE exposures SET planned_dwell = 2.5 WHERE platform_id = 'b'", B, "planned_dwell"),
    ("UPDATE shorts SET duration = 10 WHERE platform_id = 'a'", A, "metadata"),
    ("UPDATE shorts SET author = 'h:0' WHERE platform_id = 'a'", A, "metadata"),
    ("UPDATE observations SET caption = 'else' WHERE short_id = 1", A, "metadata"),
    ("UPDATE observations SET hashtags = '[\"x\"]' WHERE short_id = 1", A, "metadata"),
    ("UPDATE exposures SET record = json_set(record, '$.caption', 'x') WHERE kind = 'ad'", "exposure 1", "metadata"),
    ("UPDATE labels SET name = 'power' WHERE name = 'family'", A, "labels"),
    ("UPDATE labels SET source = 'other' WHERE name = 'family'", A, "labels"),
    ("DELETE FROM labels WHERE name = 'family'", A, "labels"),
    ("UPDATE labels SET stance = 'opposes' WHERE name = 'family'", A, "labels"),
    ("UPDATE images SET duplicate_of = NULL WHERE duplicate_of IS NOT NULL", "task 0 exposure 1", "duplicate_of"),
    ("UPDATE images SET phash = NULL WHERE id = 2", A, "phash"),
    ("UPDATE images SET phash = 'ffffffffffffffff' WHERE id = 2", A, "phash"),
]


@pytest.mark.parametrize(("statement", "place", "field"), DIFFERENCES)
def test_every_kind_of_difference_is_found_and_named(
    pair: tuple[Path, Path], statement: str, place: str, field: str
) -> None:
    change(pair[1], statement)
    (sentence,) = [one for one in found(*pair) if place in one]
    assert f": {field} is " in sentence


def test_an_exposure_that_one_corpus_lacks_is_named_from_both_sides(pair: tuple[Path, Path]) -> None:
    change(pair[1], "DELETE FROM exposures WHERE platform_id = 'e'")
    place = "sandbox plan 0 task 1 exposure 2"
    assert found(*pair) == [f"{place}: only in the first corpus"]
    assert found(*reversed(pair)) == [f"{place}: only in the second corpus"]


def test_the_command_says_it_in_its_exit_code(
    pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [sys.executable, "-m", "storage.compare", *map(str, pair)]
    equal = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert (equal.returncode, equal.stdout) == (0, "the corpora are equal\n")
    change(pair[1], "UPDATE exposures SET decision = 'no' WHERE platform_id = 'a'")
    commands = Commands(monkeypatch, capsys)
    said = commands(app, *pair, "--json", code=1).figures
    assert (said["equal"], len(said["differences"])) == (False, 1)
    missing = commands(app, pair[0], pair[0].with_name("none.sqlite"), code=2).err
    assert missing.count("\n") == 1
    assert "there is no corpus" in missing


def test_the_figures_of_a_summary_add_up(tmp_path: Path) -> None:
    path = collect(tmp_path / "corpus.sqlite")
    with open_database(path, write=False) as database:
        figures = summarise(database)
        nothing = summarise(database, [])
    (sandbox,) = figures.platforms
    assert (figures.shorts, figures.pictures) == (3, 3)
    assert (sandbox.seen, sandbox.new, sandbox.duplicate) == (5, 2, 1)
    assert sandbox.duplicates_by == {"look": 1}
    assert (sandbox.watched, sandbox.scrolled) == (1, 2)
    assert sandbox.decisions == {"no": 1, "refused": 1, "yes": 1}
    assert (sandbox.skipped, sandbox.failed, sandbox.unavailable) == ({"ad": 1}, {"capture": 1}, {})
    apart = [sandbox.skipped, sandbox.failed, sandbox.unavailable]
    assert sandbox.new + sandbox.duplicate + sum(sum(causes.values()) for causes in apart) == sandbox.seen
    assert sandbox.seconds_on_screen == 22.5
    (run,) = figures.runs
    assert (run.planned, run.achieved, run.state, run.ended_at) == (4, 2, "finished", MOMENT)
    assert run.field_coverage is not None
    assert run.field_coverage["fields"]["duration"] == round(1 / 3, 4)
    assert figures.values == {"query": {"power": 3}, "vlm": {"family": 1}}
    assert figures.answers["calls"] == 2
    assert (figures.answers["cost"], figures.answers["calls_without_price"]) == (0.5, 1)
    assert json.loads(json.dumps(figures.to_json()))["runs"][0]["ended_at"].startswith("2026-01-02T03:04:05")
    assert (nothing.platforms, nothing.runs, nothing.answers["calls"]) == ([], [], 0)


def test_unordered_a_showing_that_the_other_corpus_spared_itself_is_no_difference(tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}.sqlite" for name in ("twice", "known", "unknown")]
    for path in paths:
        with open_corpus(path) as corpus:
            _, (first, second) = start(corpus, 2, 2)
            show(corpus, first, "a", scene(1))
            if path.stem == "twice":
                show(corpus, second, "a", scene(1))
            elif path.stem == "known":
                corpus.tasks.add_listings(second, [record("a")])
            show(corpus, second, "b", scene(2))
    databases = [open_database(path, write=False) for path in paths]
    twice, known, unknown = databases
    assert differences(twice, known) != []
    assert unordered_differences(twice, known) == unordered_differences(known, twice) == []
    assert unordered_differences(twice, unknown) == ["sandbox:a under word1 (power): only in the first corpus"]
    for database in databases:
        database.close()
