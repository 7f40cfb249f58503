"""The dataset card: what it counts, what it says of a study, and that it replaces nobody's file."""

import hashlib
import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from storage import card
from storage.card_facts import agreement, idle_days
from storage.database import open_database
from storage.records import LabelKind, Outcome
from storage.study import Study, read_study
from tests.commands import run
from tests.dataset_tools import COPIES, SHORTS, Run, Shelf, name, runner
from tests.storage_tools import miss, open_corpus, record, start

STUDY = """[study]
title = "Values: on screens"
institution = "An institute"
contact = "desk@example.org"
ethics_waiver = "public posts only"
legal_basis = "GDPR Art. 89"
dsa_article_40 = "DSA-40-17"
purpose = "research"
retention = "until 2030"
"""


@pytest.fixture
def corpus(shelf: Shelf, tmp_path: Path) -> Path:
    return shelf.take("corpus.sqlite", tmp_path / "corpus.sqlite")


@pytest.fixture
def cards(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(card.app, monkeypatch, capsys)


def written(folder: Path) -> str:
    return (folder / "README.md").read_text()


def tables(text: str) -> dict[str, dict[str, list[str]]]:
    """The tables of a card by the heading above, their rows by the first cell; each is well-formed."""
    found: dict[str, dict[str, list[str]]] = {}
    for section in re.split(r"^##+ ", text, flags=re.MULTILINE)[1:]:
        lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in section.splitlines() if line[:1] == "|"]
        if lines:
            assert set("".join(lines[1])) <= set("-:"), lines[1]
            assert len({len(line) for line in lines}) == 1
            found[section.partition("\n")[0]] = {line[0]: line[1:] for line in [lines[0], *lines[2:]]}
    return found


def test_a_card_counts_what_the_corpus_holds(corpus: Path, tmp_path: Path, cards: Run) -> None:
    code, said, _ = cards(corpus, "--out", tmp_path / "card")
    assert (code, "not stated in the study: study" in said) == (0, True)
    found = tables(written(tmp_path / "card"))
    assert found["By platform"]["sandbox"] == ["22", "24"], "different pictures and shorts"
    assert found["Planned and achieved"]["sandbox"] == ["22", "18"], "achieved and planned"
    assert found["By value and source of the label"]["power"] == ["24", "12", "24"]
    assert found["By value and source of the label"]["hedonism"] == ["0", "12", "0"]
    assert found["By topic and source of the label"] == {"topic": ["model"], "food": ["12"], "travel": ["12"]}
    assert found["By decision"]["always"] == ["6", "18"]
    assert found["By language, as the sites state it"]["de"] == ["5"]
    assert found["By month, first seen"]["2026-01"] == ["24"]
    assert found["Models and processors"]["watch@1"] == ["model", "model-1", "localhost", "24 ok"]
    text = written(tmp_path / "card")
    assert f"- {len(COPIES)} pictures equal an earlier one by look" in text
    assert "k" * 64 in text
    assert all(name(number) not in text for number in range(SHORTS)), "a card names no short"
    assert "h:" not in text
    front = text.split("---")[1]
    assert '- "de"\n- "en"\n' in front
    assert "- n<1K\n" in front
    assert "configs" not in front


def test_the_figure_is_a_picture_and_the_same_each_time(corpus: Path, tmp_path: Path, cards: Run) -> None:
    made = []
    for folder in ("one", "two"):
        assert cards(corpus, "--out", tmp_path / folder)[0] == 0
        made.append(
            {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (tmp_path / folder).iterdir()}
        )
    assert made[0] == made[1]
    assert set(made[0]) == {"README.md", "overview.png", "overview.svg"}
    with Image.open(tmp_path / "one" / "overview.png") as picture:
        assert picture.width > 1000
        assert len(picture.convert("RGB").getcolors(1 << 20) or []) > 10
    svg = (tmp_path / "one" / "overview.svg").read_text()
    assert all(word in svg for word in ("power", "travel", "values as similarity sees them"))


def test_agreement_is_raw_and_over_what_both_have_labelled(corpus: Path) -> None:
    with open_database(corpus, write=False) as database, database.read() as session:
        values = {tuple(one["sources"]): one for one in agreement(session, LabelKind.VALUE)}
        assert agreement(session, LabelKind.TOPIC) == []
    assert values["model", "similarity"] == {
        "sources": ["model", "similarity"], "shorts": SHORTS, "same": 1.0, "overlap": 1.0,
    }  # fmt: skip
    assert (values["model", "query"]["same"], values["model", "query"]["overlap"]) == (0.5, 0.5)


def test_a_study_stands_on_the_card_and_what_it_leaves_out_is_said(corpus: Path, tmp_path: Path, cards: Run) -> None:
    file = tmp_path / "study.toml"
    file.write_text(STUDY)
    code, said, _ = cards(corpus, "--out", tmp_path / "card", "--study", file, "--json")
    assert (code, json.loads(said)["study_missing"]) == (0, [])
    text = written(tmp_path / "card")
    assert 'pretty_name: "Values: on screens"' in text
    for line in STUDY.splitlines()[1:]:
        key, _, value = line.partition(" = ")
        assert f"- **{key}**: {value.strip(chr(34))}" in text
    assert read_study(file).missing() == []
    assert Study(title="x").missing()[-1] == "ethics or ethics_waiver"


def test_the_study_that_a_run_was_started_with_is_taken(corpus: Path, tmp_path: Path, cards: Run) -> None:
    with open_corpus(corpus) as opened:
        settings: dict[str, Any] = {"study": {"title": "From the run", "contact": "a@b.c"}}
        start(opened, 1, plan_hash="s" * 64, settings=settings)
    assert cards(corpus, "--out", tmp_path / "card")[0] == 0
    assert "# From the run\n" in written(tmp_path / "card")


def test_gaps_are_on_the_card(corpus: Path, tmp_path: Path, cards: Run) -> None:
    with open_corpus(corpus) as opened:
        _, tasks = start(opened, 3, plan_hash="g" * 64)
        miss(opened, tasks[0], record("gone"), Outcome.UNAVAILABLE, "private")
        opened.tasks.dry(tasks[0])
    assert cards(corpus, "--out", tmp_path / "card")[0] == 0
    text = written(tmp_path / "card")
    assert tables(text)["Gaps"]["unavailable: private"] == ["1"]
    assert "- dry: sandbox had no more than 0 for word0 (power), 3 short" in text


def test_days_on_which_nothing_was_shown_are_counted(corpus: Path) -> None:
    with closing(sqlite3.connect(corpus)) as connection:
        connection.execute("UPDATE exposures SET shown_at = '2026-01-05 00:00:00' WHERE id > 5")
        connection.execute("UPDATE exposures SET shown_at = '2026-01-12 00:00:00' WHERE id > 9")
        connection.commit()
    with open_database(corpus, write=False) as database, database.read() as session:
        assert idle_days(session) == {"days": 8, "longest": 6, "from": "2026-01-06"}


def test_a_card_in_the_folder_of_an_export_names_its_files(corpus: Path, tmp_path: Path, cards: Run) -> None:
    done = run(tmp_path, "storage.export", "--corpus", corpus, "--out", "dataset", "--test", "0.3")
    assert done.returncode == 0, done.stderr
    assert cards(corpus, "--out", tmp_path / "dataset")[0] == 0
    text = written(tmp_path / "dataset")
    assert '  - split: train\n    path: "data/train-*.parquet"\n  - split: test\n' in text
    assert f"This folder holds {SHORTS - len(COPIES)} of them" in text
    assert f"left out: {len(COPIES)} duplicate" in text


def test_bad_input_gets_one_sentence_and_nothing_is_replaced(corpus: Path, tmp_path: Path, cards: Run) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "README.md").write_text("mine")
    for text in ("[study", "[other]\n", "[study]\ntitel = 'x'\n", "[study]\ntitle = 3\n"):
        (tmp_path / "study.toml").write_text(text)
        code, _, complaint = cards(corpus, "--out", tmp_path / "card", "--study", tmp_path / "study.toml")
        assert (code, complaint.count("\n")) == (2, 1), complaint
    assert cards(corpus, "--out", other)[0] == 2
    assert (other / "README.md").read_text() == "mine"
    assert cards(corpus, "--out", corpus)[0] == 2
    assert cards(tmp_path / "none.sqlite", "--out", tmp_path / "card")[0] == 2
    empty = tmp_path / "empty.sqlite"
    open_corpus(empty).close()
    assert cards(empty, "--out", tmp_path / "card")[0] == 5
    assert not (tmp_path / "card").exists()


def test_a_published_dataset_opens_with_datasets_where_it_is_installed(corpus: Path, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    done = run(tmp_path, "storage.export", "--corpus", corpus, "--out", "dataset", "--test", "0.3")
    assert done.returncode == 0, done.stderr
    loaded = datasets.load_dataset(str(tmp_path / "dataset"), cache_dir=str(tmp_path / "cache"))
    assert sum(loaded[split].num_rows for split in ("train", "test")) == SHORTS - len(COPIES)
    assert loaded["train"][0]["image"].size == (180, 320)
