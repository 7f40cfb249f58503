"""`python -m agent.schedule` as a user meets it: its file, its subcommands, and a crawl that is killed and goes on."""

import signal
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent import schedule
from agent.schedule.__main__ import app
from agent.schedule.config import load_schedule
from agent.status import app as status
from storage.corpus import Corpus
from storage.database import open_database
from storage.errors import UsageError
from storage.fires import Fires
from storage.models import Run
from tests.commands import leftovers, run, start, wait_until
from tests.in_process import Commands
from tests.schedule_tools import write
from tests.storage_tools import rows

JOB = '[[job]]\nid = "one"\nevery = "1h"\n'
FAST = '[crawl]\ntime_scale = 100\ndwell = "uniform:0:2"\ndecider = "random"\nlabeller = "none"\n'


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Commands:
    return Commands(monkeypatch, capsys)


@pytest.mark.slow
def test_a_crawl_that_is_killed_midway_goes_on_under_its_fire_time_and_the_schedule_ends_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = tmp_path / "corpus.sqlite"
    moment = datetime.now(UTC).replace(microsecond=0)
    study = '[study]\ntitle = "Feeds at noon"\n'
    times = f"start = {moment.isoformat()}\nend = {moment.isoformat()}\n"
    path = write(tmp_path, f"{study}{FAST}{JOB}limit = 4\n{times}")
    monkeypatch.setenv("VALUE_SPECTRUM_CONFIG_DIR", str(tmp_path / "config"))
    with Corpus(corpus, collecting=True) as opened:  # as a schedule would, had it run before that moment
        described = load_schedule(path).jobs[0].timing.described()
        Fires(opened.database, lambda: moment).describe("one", described, moment - timedelta(hours=1))
    process = start(tmp_path, "agent.schedule", "--config", path)
    assert wait_until(lambda: shown(corpus) >= 1, timeout=60)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert rows(corpus, "SELECT state FROM fires") == [("running",)]
    done = run(tmp_path, "agent.schedule", "--config", path)
    assert done.returncode == 0, done.stderr
    with open_database(corpus, write=False) as database, database.read() as session:
        found = session.query(Run).all()
        assert {row.fire_id for row in found} == {1}
        assert {row.seed for row in found} == {load_schedule(path).jobs[0].fired(moment).seed}
        assert {row.environment["study"]["title"] for row in found} == {"Feeds at noon"}
    ((fire_time, state, cause),) = rows(corpus, "SELECT fire_time, state, cause FROM fires")
    assert fire_time == f"{moment:%Y-%m-%d %H:%M:%S}.000000"
    assert state in ("done", "late"), "by how fast the first process was"
    assert cause.endswith("went on after it was killed")
    assert rows(corpus, "SELECT count(*) FROM exposures WHERE is_new") == [(4,)]
    assert wait_until(lambda: not leftovers(tmp_path))


def shown(corpus: Path) -> int:
    """Shorts shown so far; 0 while there is no corpus yet."""
    try:
        return int(rows(corpus, "SELECT count(*) FROM exposures")[0][0])
    except sqlite3.OperationalError:
        return 0


def test_pause_and_resume_are_kept_and_shown(tmp_path: Path, commands: Commands) -> None:
    path = write(tmp_path, JOB)
    refused = commands(app, "--config", path, "pause", "one", code=2)
    assert "there is no corpus" in refused.err
    Corpus(tmp_path / "corpus.sqlite", collecting=True).close()
    commands(app, "--config", path, "pause", "one")
    (job,) = commands(app, "list", "--config", path, "--json").figures
    assert job["paused"] is True
    commands(app, "resume", "one", "--config", path)
    (job,) = commands(app, "list", "--config", path, "--json").figures
    assert (job["paused"], job["when"], job["platforms"]) == (False, "every 1h, UTC", ["sandbox"])
    assert "no job two" in commands(app, "pause", "two", "--config", path, code=2).err


def test_next_merges_the_times_of_all_jobs(tmp_path: Path, commands: Commands) -> None:
    path = write(tmp_path, JOB + '[[job]]\nid = "two"\nevery = "30m"\n')
    found = commands(app, "--config", path, "next", "-k", "6", "--json").figures
    assert [entry["job"] for entry in found].count("two") == 4
    assert found == sorted(found, key=lambda entry: (entry["fire_time"], entry["job"]))
    past = write(tmp_path, JOB + "end = 2020-01-01T00:00:00Z\n")
    assert "no fire time ahead" in commands(app, "--config", past, "next", code=5).err
    assert "in the past" in commands(app, "--config", past, code=2).err
    assert not (tmp_path / "corpus.sqlite").exists(), "nothing was done"


def test_a_corpus_in_use_and_a_schedule_that_is_over_are_one_sentence_each(tmp_path: Path, commands: Commands) -> None:
    path = write(tmp_path, JOB)
    with Corpus(tmp_path / "corpus.sqlite", collecting=True):
        assert "another process" in commands(app, "--config", path, code=2).err
    over = write(tmp_path, JOB + "end = 2020-01-01T00:00:00Z\n")
    assert "lies in the past" in commands(app, "--config", over, code=2).err


def test_a_request_that_nobody_takes_up_is_an_error(
    tmp_path: Path, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule.__main__, "ACCEPTED_WITHIN", 0.3)
    path = write(tmp_path, JOB)
    with Corpus(tmp_path / "corpus.sqlite", collecting=True) as corpus:
        said = commands(app, "--config", path, "run-now", "one", code=2)
        assert "did not take up the request" in said.err
        later = Fires(corpus.database, lambda: datetime.now(UTC))
        assert later.requests(later.newest_request()) == [], "a schedule that starts later leaves it alone"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "job: Field required"),
        ("job = []", "at least 1 item"),
        ("jobs = 3\n" + JOB, "jobs: Extra inputs"),
        ("[[job]]", "id None is none"),
        ('[[job]]\nid = "a b"\nevery = "1h"', "use letters"),
        (JOB + JOB, "two jobs have the id one"),
        (JOB + 'platform = "myspace"', "job one: --platform myspace is unknown"),
        (JOB + 'value = "greed"', "job one: .*greed"),
        (JOB + 'keyword = "quark"', "job one: .*quark"),
        (JOB + "limit = 0", "job one: --limit"),
        (JOB + 'colour = "red"', "job one: --colour: Extra inputs"),
        (JOB + 'corpus = "other.sqlite"', "job one: corpus cannot stand in a job"),
        (JOB + 'api_key = "sk-secret"', "job one: api_key cannot stand in a job"),
        (JOB + 'profile = "nobody"', "job one: there is no profile nobody"),
        (JOB + 'strategy = "isq"', "job one: .*needs a persona"),
        (JOB + 'cron = "0 8 * * *"', "job one: needs either cron or every"),
        (JOB.replace("every", "cron"), "job one: cron '1h' needs five fields"),
        (JOB + 'time_zone = "Mars/Olympus"', "job one: time_zone: .*no time zone"),
        ('[study]\nboss = "me"\n' + JOB, r"\[study\] has no boss"),
        ("[[job", "cannot be read"),
    ],
)
def test_a_file_that_is_no_schedule_is_refused_in_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as refused:
        load_schedule(write(tmp_path, text))
    assert "schedule.toml" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert "sk-secret" not in str(refused.value)


def test_settings_of_all_jobs_stand_once_and_a_job_may_say_otherwise(tmp_path: Path) -> None:
    text = 'time_zone = "Asia/Tokyo"\ngrace = "2h"\n[crawl]\nlimit = 7\ndecider = "never"\n' + JOB
    one, two = load_schedule(
        write(tmp_path, text + '[[job]]\nid = "two"\ncron = "0 8 * * *"\nlimit = 9\ngrace = "5m"\nvalue = ["power"]\n')
    ).jobs
    assert (one.settings.limit, one.settings.decider, one.timing.grace, one.timing.time_zone) == (
        7,
        "never",
        7200,
        "Asia/Tokyo",
    )
    assert (two.settings.limit, two.settings.decider, two.timing.grace, two.settings.value) == (
        9,
        "never",
        300,
        ("power",),
    )
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    assert one.fired(moment).seed != two.fired(moment).seed, "the job is part of a fire's seed"
    assert one.fired(moment) == one.fired(moment)


def test_gaps_name_what_was_missed_and_what_nobody_was_awake_for(tmp_path: Path, commands: Commands) -> None:
    path, corpus = write(tmp_path, JOB), tmp_path / "corpus.sqlite"
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    timing = load_schedule(path).jobs[0].timing
    with Corpus(corpus, collecting=True) as opened:
        kept = Fires(opened.database, lambda: datetime.now(UTC))
        kept.describe("one", timing.described(), hour - timedelta(hours=6))
        fire = kept.plan("one", hour - timedelta(hours=4), missed=[(hour - timedelta(hours=5), "asleep")])
        kept.end(kept.begin(fire), "done")
        kept.end(kept.plan("one", hour - timedelta(hours=3)), "partial", "captcha")
        requested = kept.plan_requested("one", hour - timedelta(hours=1))
        kept.end(kept.begin(requested), "partial", "stopped")
        opened.close()
    found = commands(status, "--config", path, "--gaps", "--json").figures
    assert [(gap["state"], gap["cause"]) for gap in found["gaps"]] == [
        ("missed", "asleep"),
        ("partial", "captcha"),
        *[("no row", "the schedule was not running")] * 3,
    ]
    assert [fire["state"] for fire in found["fires"]] == ["missed", "done", "partial", "partial"]
    assert found["next"][0] == {"fire_time": (hour + timedelta(hours=1)).isoformat(), "job": "one"}
    assert "5 gaps" in commands(status, "--config", path, "--gaps").out


def test_health_is_a_process_that_collects_and_lets_no_time_pass(tmp_path: Path, commands: Commands) -> None:
    path, corpus = write(tmp_path, JOB), tmp_path / "corpus.sqlite"
    with Corpus(corpus, collecting=True) as opened:
        assert commands(status, "--corpus", corpus, "--health").out == "healthy\n"
        kept = Fires(opened.database, lambda: datetime.now(UTC))
        kept.describe("one", load_schedule(path).jobs[0].timing.described(), datetime.now(UTC) - timedelta(hours=3))
        assert "should have begun" in commands(status, "--corpus", corpus, "--health", code=1).out
        kept.pause("one")
        assert commands(status, "--corpus", corpus, "--health").out == "healthy\n"
    assert "no process collects" in commands(status, "--corpus", corpus, "--health", code=1).out
    assert commands(status, "--corpus", corpus, "--health", "--json", code=1).figures["healthy"] is False
