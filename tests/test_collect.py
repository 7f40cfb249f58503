"""`python -m agent.collect` as a user runs it: what it leaves behind, what it says, how it ends."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from storage.database import open_database
from storage.models import Answer, Event, Exposure, Image, LabelRow, Listing, Run, Short
from tests.commands import FAST, collect, environment, run
from tests.fake_openai import FakeOpenAI

PLAIN = ("--decider", "always", "--labeller", "none")


@pytest.fixture
def model() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as server:
        yield server


def test_a_crawl_leaves_shorts_with_pictures_hashes_decisions_and_labels(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text('[study]\ntitle = "Feeds"\n')
    figures = collect(tmp_path, "--limit", "12", "--decider", "similarity", "--study", "study.toml")
    # One file to copy: nothing is left in a log beside it.
    assert not (tmp_path / "data/corpus.sqlite-wal").exists()
    assert figures["platforms"][0]["new"] == 12
    assert sum(figures["values"]["query"].values()) == 12
    with open_database(tmp_path / "data/corpus.sqlite", write=False) as corpus, corpus.read() as session:
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
        assert (session.scalar(select(func.count()).select_from(Listing)) or 0) > 12
        row = session.scalars(select(Run)).one()
        assert row.state == "finished"
        assert row.environment["keyword_file_sha256"]
        assert row.environment["browser_version"]
        assert row.environment["study"]["title"] == "Feeds"


def test_ten_shorts_come_from_ten_values(tmp_path: Path) -> None:
    figures = collect(tmp_path, "--limit", "10", *PLAIN)
    assert set(figures["values"]["query"].values()) == {1}
    assert len(figures["values"]["query"]) == 10


def test_a_model_behind_an_endpoint_decides_and_labels_and_every_call_is_stored(
    tmp_path: Path, model: FakeOpenAI
) -> None:
    figures = collect(
        tmp_path,
        "--limit",
        "6",
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
    assert figures["platforms"][0]["new"] == 6
    assert figures["answers"]["calls"] == 12
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


@pytest.mark.parametrize(("mode", "code", "says"), [("wrong key", 2, "key"), ("down", 1, "answer")])
def test_an_endpoint_that_refuses_or_is_down_is_one_sentence_and_loses_nothing(
    tmp_path: Path, mode: str, code: int, says: str
) -> None:
    with FakeOpenAI(key="right") as server:
        base_url = server.base_url if mode == "wrong key" else "http://127.0.0.1:9/v1"
        done = run(
            tmp_path,
            "agent.collect",
            *FAST,
            "--limit",
            "2",
            "--decider",
            "vlm",
            "--labeller",
            "none",
            "--base-url",
            base_url,
            "--model",
            server.model,
            env=environment(tmp_path, OPENAI_API_KEY="sk-wrong-0123456789"),
            timeout=180,
        )
    assert done.returncode == code, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    everything = done.stderr + done.stdout + (tmp_path / "data/corpus.sqlite.log.jsonl").read_text()
    assert "sk-wrong-0123456789" not in everything
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
def test_bad_input_is_one_sentence_with_exit_code_2(tmp_path: Path, arguments: list[str], says: str) -> None:
    done = run(tmp_path, "agent.collect", *FAST, "--limit", "1", *arguments)
    assert done.returncode == 2, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_that_is_no_corpus_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a corpus at all")
    done = run(tmp_path, "agent.collect", *FAST, "--corpus", "notes.txt")
    assert done.returncode == 2
    assert "notes.txt" in done.stderr
    assert (tmp_path / "notes.txt").read_text() == "not a corpus at all"


def test_a_dry_run_prints_the_plan_and_its_cost_and_makes_nothing(tmp_path: Path) -> None:
    done = run(tmp_path, "agent.collect", "--dry-run", "--limit", "200", "--decider", "vlm", "--json")
    assert done.returncode == 0, done.stderr
    plan = json.loads(done.stdout)
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


@pytest.mark.parametrize("wall", ["consent@2", "captcha@3", "rate_limit@2", "login@4"])
def test_a_wall_that_goes_away_costs_a_pause_and_nothing_else(tmp_path: Path, wall: str) -> None:
    figures = collect(tmp_path, "--limit", "5", *PLAIN, "--fault", wall)
    assert figures["platforms"][0]["new"] == 5
    assert figures["platforms"][0]["failed"] == {}


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


@pytest.mark.parametrize(("fault", "cause"), [("no_video@2", "no_frame"), ("black@2", "flat")])
def test_a_short_without_a_picture_is_recorded_with_its_cause(tmp_path: Path, fault: str, cause: str) -> None:
    figures = collect(tmp_path, "--limit", "4", *PLAIN, "--fault", fault)
    assert figures["platforms"][0]["new"] == 4
    assert figures["platforms"][0]["failed"] == {cause: 1}


def test_a_crashed_page_costs_nothing(tmp_path: Path) -> None:
    figures = collect(tmp_path, "--limit", "4", *PLAIN, "--fault", "crash@2")
    assert figures["platforms"][0]["new"] == 4
    assert figures["platforms"][0]["failed"] == {}


def test_unavailable_shorts_are_counted_by_cause_and_do_not_fill_the_quota(tmp_path: Path) -> None:
    figures = collect(tmp_path, "--limit", "6", *PLAIN, "--fault", "unavailable%0.4")
    assert figures["platforms"][0]["new"] == 6
    assert sum(figures["platforms"][0]["unavailable"].values()) > 0
    assert set(figures["platforms"][0]["unavailable"]) <= {"age", "private", "removed", "region"}


def test_status_shows_the_same_figures_later(tmp_path: Path) -> None:
    figures = collect(tmp_path, "--limit", "3", *PLAIN)
    later = run(tmp_path, "agent.status", "--json")
    assert later.returncode == 0, later.stderr
    assert json.loads(later.stdout)["platforms"] == figures["platforms"]
    table = run(tmp_path, "agent.status")
    assert "finished" in table.stdout


def test_status_of_no_corpus_is_one_sentence(tmp_path: Path) -> None:
    done = run(tmp_path, "agent.status")
    assert done.returncode == 2
    assert "data/corpus.sqlite" in done.stderr


def test_labelling_again_stands_beside_the_older_source_and_is_resumable(tmp_path: Path, model: FakeOpenAI) -> None:
    collect(tmp_path, "--limit", "4", "--decider", "never", "--labeller", "similarity")
    asked = ("agent.label", "--model", model.model, "--base-url", model.base_url, "--source", "second", "--json")
    key = environment(tmp_path, OPENAI_API_KEY=model.key or "")
    first = run(tmp_path, *asked, "--limit", "2", env=key)
    assert first.returncode == 0, first.stderr
    assert json.loads(first.stdout)["labelled"] == 2
    second = run(tmp_path, *asked, env=key)
    assert json.loads(second.stdout)["labelled"] == 2
    assert run(tmp_path, *asked, env=key).returncode == 5
    with open_database(tmp_path / "data/corpus.sqlite", write=False) as corpus, corpus.read() as session:
        assert set(session.scalars(select(LabelRow.source))) == {"query", "similarity", "second"}
        assert session.scalar(select(func.count()).select_from(Short)) == 4


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
