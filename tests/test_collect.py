"""`python -m agent.collect` as a user runs it: what it leaves behind, what it says, how it ends."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from agent import collect as collecting
from agent import label, status
from retrieval import transport
from storage.database import open_database
from storage.models import Answer, Event, Exposure, Image, LabelRow, Listing, Run, Short
from tests.commands import FAST, collect, environment, run
from tests.fake_openai import FakeOpenAI
from tests.in_process import Commands, Ended

PLAIN = ("--decider", "always", "--labeller", "none")
SHORTS = 10


@dataclass(frozen=True, kw_only=True)
class Crawled:
    """A crawl of ten shorts that several tests look at; who changes something does so in a copy."""

    home: Path
    figures: dict[str, Any]


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Crawled:
    home = tmp_path_factory.mktemp("crawled")
    (home / "study.toml").write_text('[study]\ntitle = "Feeds"\n')
    asked = ("--limit", str(SHORTS), "--decider", "similarity", "--study", "study.toml")
    return Crawled(home=home, figures=collect(home, *asked))


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Commands:
    """Commands within this process, in `tmp_path`, without keys."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("OPENAI_")]:
        monkeypatch.delenv(name)
    return Commands(monkeypatch, capsys)


@pytest.fixture
def refused(commands: Commands) -> Callable[..., Ended]:
    """A crawl that ends as wrong usage before a browser is there."""
    return lambda *arguments: commands(collecting.app, *FAST, "--limit", 1, *arguments, code=2)


@pytest.fixture
def model() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as server:
        yield server


def test_a_crawl_leaves_shorts_with_pictures_hashes_decisions_and_labels(crawled: Crawled) -> None:
    # One file to copy: nothing is left in a log beside it.
    assert not (crawled.home / "data/corpus.sqlite-wal").exists()
    assert crawled.figures["platforms"][0]["new"] == SHORTS
    with open_database(crawled.home / "data/corpus.sqlite", write=False) as corpus, corpus.read() as session:
        for exposure in session.scalars(select(Exposure).where(Exposure.is_new)):
            assert exposure.decision in ("yes", "no")
            assert (exposure.action == "watch") == (exposure.decision == "yes")
            assert (exposure.seconds_on_screen or 0) >= 6.0
            screen = session.get_one(Image, exposure.screen_image_id)
            frame = session.get_one(Image, exposure.frame_image_id)
            assert (screen.role, frame.role, frame.height) == ("screen", "frame", 320)
            assert frame.phash
            assert 1.0 <= (frame.media_time or 0) < 2.0
            topics = session.scalars(
                select(LabelRow.name).where(LabelRow.short_id == exposure.short_id, LabelRow.kind == "topic")
            ).all()
            assert topics
        assert (session.scalar(select(func.count()).select_from(Listing)) or 0) > SHORTS
        row = session.scalars(select(Run)).one()
        assert row.state == "finished"
        assert row.environment["keyword_file_sha256"]
        assert row.environment["browser_version"]
        assert row.environment["study"]["title"] == "Feeds"


def test_ten_shorts_come_from_ten_values(crawled: Crawled) -> None:
    assert list(crawled.figures["values"]["query"].values()) == [1] * SHORTS


def test_a_model_behind_an_endpoint_decides_and_labels_and_every_call_is_stored(
    tmp_path: Path, model: FakeOpenAI
) -> None:
    figures = collect(
        tmp_path,
        "--limit",
        "3",
        "--decider",
        "vlm",
        "--base-url",
        model.base_url,
        "--model",
        model.model,
        "--local-only",
        "--price",
        "1:2",
        "--max-cost",
        "5",
        key=model.key,
    )
    assert figures["platforms"][0]["new"] == 3
    assert figures["answers"]["calls"] == 6
    assert figures["answers"]["cost"] > 0
    with open_database(tmp_path / "data/corpus.sqlite", write=False) as corpus, corpus.read() as session:
        answers = session.scalars(select(Answer)).all()
        assert {row.question for row in answers} == {"watch@1", "describe@1"}
        assert {row.status for row in answers} == {"ok"}
        assert all(row.endpoint and "/" not in row.endpoint for row in answers)
        for exposure in session.scalars(select(Exposure).where(Exposure.is_new)):
            answer = session.get_one(Answer, exposure.answer_id)
            # The stored screen is the picture that the model saw.
            assert session.get_one(Image, exposure.screen_image_id).sha256 == answer.image_sha256


def test_a_spent_budget_stops_cleanly_with_4_and_more_money_goes_on(tmp_path: Path, model: FakeOpenAI) -> None:
    asked = ("--decider", "vlm", "--labeller", "none", "--base-url", model.base_url, "--model", model.model)
    figures = collect(
        tmp_path, "--limit", "5", *asked, "--price", "100:100", "--max-cost", "0.37", code=4, key=model.key
    )
    assert 0 < figures["answers"]["cost"] <= 0.37
    assert figures["runs"][0]["state"] == "stopped"
    done = collect(tmp_path, "--limit", "5", *asked, "--price", "100:100", "--max-cost", "50", key=model.key)
    assert done["shorts"] == 5
    assert done["answers"]["calls"] == 5


def test_a_model_that_answers_nonsense_costs_no_short_and_is_counted_apart(tmp_path: Path) -> None:
    with FakeOpenAI(mode="nonsense") as server:
        figures = collect(
            tmp_path,
            "--limit",
            "3",
            "--decider",
            "vlm",
            "--base-url",
            server.base_url,
            "--model",
            server.model,
            key=server.key,
        )
    assert figures["platforms"][0]["decisions"] == {"unreadable": 3}
    assert figures["platforms"][0]["scrolled"] == 3


def test_an_endpoint_that_refuses_or_is_down_is_one_sentence_and_loses_nothing(
    tmp_path: Path, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "sk-wrong-0123456789"
    asked = (*FAST, "--limit", "2", "--decider", "vlm", "--labeller", "none", "--model", "gpt-4o", "--base-url")
    with FakeOpenAI(key="right") as server:
        wrong = run(tmp_path, "agent.collect", *asked, server.base_url, env=environment(tmp_path, OPENAI_API_KEY=key))
    assert wrong.returncode == 2, wrong.stderr
    assert "key" in wrong.stderr
    assert "Traceback" not in wrong.stderr
    monkeypatch.setenv("OPENAI_API_KEY", key)
    monkeypatch.setenv("VALUE_SPECTRUM_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setattr(transport, "FIRST_WAIT", 0.01)  # six tries would take a quarter of a minute
    down = commands(collecting.app, *asked, "http://127.0.0.1:9/v1", code=1)
    assert "gave no answer in 6 tries" in down.err
    log = (tmp_path / "data/corpus.sqlite.log.jsonl").read_text()
    assert key not in wrong.stderr + wrong.stdout + down.err + down.out + log
    assert collect(tmp_path, "--limit", "2", *PLAIN)["shorts"] == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--platform", "myspace"], "myspace"),
        (["--value", "greed"], "greed"),
        (["--keyword", "zzz"], "zzz"),
        (["--limit", "0"], "--limit"),
        (["--dwell", "often"], "--dwell"),
        (["--decider", "oracle"], "--decider"),
        (["--labeller", "oracle"], "--labeller"),
        (["--fault", "earthquake"], "earthquake"),
        (["--media", "nowhere"], "nowhere"),
        (["--corpus", "postgresql://localhost/x"], "postgresql"),
        (["--decider", "vlm", "--model", "gpt-4o"], "OPENAI_API_KEY"),
        (["--decider", "vlm", "--base-url", "https://models.example/v1", "--local-only"], "local"),
        (["--no-such-option"], "no-such-option"),
    ],
)
def test_bad_input_is_one_sentence_with_exit_code_2(
    refused: Callable[..., Ended], arguments: list[str], says: str
) -> None:
    assert says in refused(*arguments).err


def test_a_file_that_is_no_corpus_is_refused_and_left_as_it_was(tmp_path: Path, refused: Callable[..., Ended]) -> None:
    (tmp_path / "notes.txt").write_text("not a corpus at all")
    assert "notes.txt" in refused("--corpus", "notes.txt").err
    assert (tmp_path / "notes.txt").read_text() == "not a corpus at all"


def test_a_dry_run_prints_the_plan_and_its_cost_and_makes_nothing(tmp_path: Path, commands: Commands) -> None:
    plan = commands(collecting.app, "--dry-run", "--limit", 200, "--decider", "vlm", "--json").figures
    assert sum(plan["values"].values()) == 200
    assert plan["calls"] > 200
    assert plan["dollars"] > 0
    assert not (tmp_path / "data").exists()


def test_a_plan_worked_through_without_seeing_anything_is_5() -> None:
    from rich.console import Console

    from agent.collect import _exit_code
    from agent.session import SessionResult
    from storage.errors import NothingFound

    with pytest.raises(NothingFound) as found:
        _exit_code(SessionResult(), seen=0, console=Console())
    assert found.value.exit_code == 5
    assert _exit_code(SessionResult(), seen=1, console=Console()) == 0


def test_walls_that_go_away_cost_a_pause_each_and_nothing_else(tmp_path: Path) -> None:
    walls = ["consent", "captcha", "rate_limit", "login"]
    # Two requests each: a list that loads on by itself may meet the first when nobody looks any more.
    hit = [f"{wall}@{2 + 4 * place + more}" for place, wall in enumerate(walls) for more in (0, 1)]
    faults = [part for fault in hit for part in ("--fault", fault)]
    figures = collect(tmp_path, "--limit", "8", *PLAIN, *faults)
    assert figures["platforms"][0]["new"] == 8
    assert figures["platforms"][0]["failed"] == {}
    with open_database(tmp_path / "data/corpus.sqlite", write=False) as corpus, corpus.read() as session:
        met = session.scalars(select(Event).where(Event.kind == "wall").order_by(Event.id)).all()
        in_order = [wall for wall, _ in groupby(event.detail["wall"] for event in met)]
        assert in_order == walls[1:]  # a consent dialog is clicked away


def test_a_wall_that_stays_ends_with_3_keeps_the_queue_and_the_same_command_goes_on(tmp_path: Path) -> None:
    figures = collect(tmp_path, "--limit", "5", *PLAIN, "--fault", "captcha@8x*", code=3)
    before = figures["platforms"][0]["new"]
    assert 0 < before < 5
    assert figures["runs"][0]["state"] == "blocked"
    with open_database(tmp_path / "data/corpus.sqlite", write=False) as corpus, corpus.read() as session:
        assert "wall" in set(session.scalars(select(Event.kind)))
    # Faults are part of what is crawled, so the same command is given, and the sandbox counts its requests anew.
    again = collect(tmp_path, "--limit", "5", *PLAIN, "--fault", "captcha@8x*", code=3)
    assert again["shorts"] > before


def test_shorts_without_a_picture_are_recorded_with_their_cause_and_a_crashed_page_costs_nothing(
    tmp_path: Path,
) -> None:
    faults = ("--fault", "no_video@2", "--fault", "crash@3", "--fault", "black@4", "--fault", "unavailable%0.3")
    figures = collect(tmp_path, "--limit", "5", *PLAIN, *faults)
    assert figures["platforms"][0]["new"] == 5
    assert figures["platforms"][0]["failed"] == {"no_frame": 1, "flat": 1}
    unavailable = figures["platforms"][0]["unavailable"]
    assert sum(unavailable.values()) > 0
    assert set(unavailable) <= {"age", "private", "removed", "region"}


def test_status_shows_the_same_figures_later(crawled: Crawled, commands: Commands) -> None:
    later = run(crawled.home, "agent.status", "--json")
    assert later.returncode == 0, later.stderr
    assert json.loads(later.stdout)["platforms"] == crawled.figures["platforms"]
    assert "finished" in commands(status.app, "--corpus", crawled.home / "data/corpus.sqlite").out


def test_status_of_no_corpus_is_one_sentence(commands: Commands) -> None:
    assert "data/corpus.sqlite" in commands(status.app, code=2).err


def test_labelling_again_stands_beside_the_older_source_and_is_resumable(
    crawled: Crawled, tmp_path: Path, model: FakeOpenAI, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(crawled.home, tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv("VALUE_SPECTRUM_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("OPENAI_API_KEY", model.key or "")
    asked = ("--model", model.model, "--base-url", model.base_url, "--source", "second", "--json")
    assert commands(label.app, *asked, "--limit", 2).figures["labelled"] == 2
    assert commands(label.app, *asked).figures["labelled"] == SHORTS - 2
    commands(label.app, *asked, code=5)
    with open_database(tmp_path / "data/corpus.sqlite", write=False) as corpus, corpus.read() as session:
        assert set(session.scalars(select(LabelRow.source))) == {"query", "similarity", "second"}
        assert session.scalar(select(func.count()).select_from(Short)) == SHORTS


def test_a_folder_of_pictures_is_served_collected_and_joined_to_its_files(tmp_path: Path) -> None:
    from agent.sandbox.scenes import draw_scene

    media = tmp_path / "pictures"
    media.mkdir()
    for number in range(5):
        draw_scene(9, f"picture {number}", "vacation").save(media / f"p{number}.jpg")
    (media / "again.jpg").write_bytes((media / "p0.jpg").read_bytes())
    figures = collect(tmp_path, "--media", media, "--mode", "feed", "--limit", "10", *PLAIN)
    assert figures["platforms"][0]["seen"] >= 6
    assert figures["platforms"][0]["new"] == 5
    with open_database(tmp_path / "data/corpus.sqlite", write=False) as corpus, corpus.read() as session:
        assert {short.extra["media_file"] for short in session.scalars(select(Short))} == {
            *(f"p{number}.jpg" for number in range(5)),
            "again.jpg",
        }
