"""The dataset card: what it counts, what it says of a study, and that it replaces nobody's file."""

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import DatasetCard
from PIL import Image

from storage import card
from storage.card_facts import idle_days
from storage.database import open_database
from storage.export.__main__ import export
from storage.export.pseudonymise import STILL_SHOWN
from storage.fires import Fires
from storage.records import Outcome
from storage.study import Study, read_study
from tests.dataset_tools import COPIES, SHORTS, Run, Shelf, name, runner
from tests.storage_tools import MOMENT, miss, open_corpus, record, start

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


@pytest.fixture(scope="module")
def whole(shelf: Shelf, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The card of a whole corpus."""
    folder = tmp_path_factory.mktemp("card")
    assert card.command(corpus=str(shelf.corpus("corpus.sqlite")), out=folder) == 0
    return folder


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


def test_a_card_counts_what_the_corpus_holds(whole: Path) -> None:
    text = written(whole)
    found = tables(text)
    assert found["By platform"]["sandbox"] == ["24", "24", "22"], "in it, in the corpus, different pictures"
    assert found["Planned and achieved"]["sandbox"] == ["18", "22"]
    assert found["By value and source of the label"]["power"] == ["12", "24", "24", "-"], "query, model, similarity"
    assert found["By value and source of the label"]["hedonism"] == ["12", "0", "0", "-"]
    assert found["By topic and source of the label"] == {"topic": ["model"], "food": ["12"], "travel": ["12"]}
    assert found["By decision"]["always"] == ["6", "18"]
    assert found["By language, as the sites state it"]["de"] == ["5"]
    assert found["By month, first seen"]["2026-01"] == ["24"]
    assert found["Models and processors"]["watch@1"] == ["model", "model-1", "localhost", "24 ok"]
    assert found["Agreement of the sources"]["model and similarity"] == ["24", "-", "1.00", "1.00"]
    assert "model sees a value that was searched for in 50 % of 24 shorts" in text
    assert f"- {len(COPIES)} pictures equal an earlier one by look" in text
    assert "- **hedonism**: beach 11\n- **power**: boss 11" in text
    assert f"- keyword_file_sha256: {'k' * 64}" in text
    assert all(name(number) not in text for number in range(SHORTS)), "a card names no short"
    assert "h:" not in text


def test_the_hub_reads_the_head_of_a_card(whole: Path) -> None:
    head = DatasetCard.load(whole / "README.md").data.to_dict()
    assert head["language"] == ["de", "en"]
    assert head["size_categories"] == ["n<1K"]
    assert (head["license"], head["license_name"]) == ("other", "pictures-of-others")
    assert head["task_categories"] == ["image-classification"]
    assert "configs" not in head


def test_the_figure_is_a_picture_and_the_same_each_time(whole: Path, shelf: Shelf, tmp_path: Path) -> None:
    assert card.command(corpus=str(shelf.corpus("corpus.sqlite")), out=tmp_path / "again") == 0
    assert {path.name for path in whole.iterdir()} == {"README.md", "overview.png", "overview.svg"}
    for path in whole.iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()
    with Image.open(whole / "overview.png") as picture:
        assert picture.width > 1000
        assert len(picture.convert("RGB").getcolors(1 << 20) or []) > 10
    svg = (whole / "overview.svg").read_text()
    assert all(word in svg for word in ("power", "travel", "values as model sees them", "searched for"))


def test_a_study_stands_on_the_card_and_what_it_leaves_out_is_said(corpus: Path, tmp_path: Path, cards: Run) -> None:
    file = tmp_path / "study.toml"
    file.write_text(STUDY)
    code, said, _ = cards("--corpus", corpus, "--out", tmp_path / "card", "--study", file, "--json")
    assert (code, json.loads(said)["study_missing"]) == (0, [])
    text = written(tmp_path / "card")
    assert 'pretty_name: "Values: on screens"' in text
    for line in STUDY.splitlines()[1:]:
        key, _, value = line.partition(" = ")
        assert f"- **{key}**: {value.strip(chr(34))}" in text
    assert "can ask to be taken out: write to desk@example.org." in text
    assert read_study(file).missing() == []
    assert Study(title="x").missing()[-1] == "ethics or ethics_waiver"


def test_the_studies_that_runs_were_started_with_are_taken(corpus: Path, tmp_path: Path, cards: Run) -> None:
    with open_corpus(corpus) as opened:
        for plan, title in (("s", "Earlier"), ("t", "From the run"), ("u", "From the run")):
            environment: dict[str, Any] = {"study": {"title": title, "contact": "a@b.c"}}
            start(opened, 1, plan_hash=plan * 64, environment=environment)
    code, said, _ = cards("--corpus", corpus, "--out", tmp_path / "card")
    assert (code, "not stated in the study: ethics or ethics_waiver, institution" in said) == (0, True)
    text = written(tmp_path / "card")
    assert "# From the run\n" in text
    assert "Runs 3, 4:\n\n- **title**: From the run\n" in text
    assert "Runs 2:\n\n- **title**: Earlier\n" in text


def test_gaps_are_on_the_card(corpus: Path, tmp_path: Path, cards: Run) -> None:
    with open_corpus(corpus) as opened:
        _, tasks = start(opened, 3, plan_hash="g" * 64)
        miss(opened, tasks[0], record("gone"), Outcome.UNAVAILABLE, "private")
        opened.tasks.dry(tasks[0])
        opened.add_event("wall", {"wall": "captcha", "platform": "sandbox"})
        Fires(opened.database, lambda: MOMENT).miss("mornings", [(MOMENT, "nobody was there")])
    assert cards("--corpus", corpus, "--out", tmp_path / "card")[0] == 0
    text = written(tmp_path / "card")
    assert "| unavailable: private | 1 |" in text
    assert "| captcha | 1 |" in text
    assert "| job | missed |" in text
    assert "| mornings | 1 |" in text
    assert "- dry: sandbox had no more than 0 for word0 (power), 3 short" in text
    assert "| hashtags | 0 |" in text, "how many shorts have any"
    assert "| caption | 100 |" in text


def test_days_on_which_nothing_was_shown_are_counted(corpus: Path) -> None:
    with closing(sqlite3.connect(corpus)) as connection:
        connection.execute("UPDATE exposures SET shown_at = '2026-01-05 00:00:00' WHERE id > 5")
        connection.execute("UPDATE exposures SET shown_at = '2026-01-12 00:00:00' WHERE id > 9")
        connection.commit()
    with open_database(corpus, write=False) as database, database.read() as session:
        assert idle_days(session) == {"days": 8, "longest": 6, "from": "2026-01-06"}


def test_a_card_in_the_folder_of_an_export_is_that_exports(corpus: Path, tmp_path: Path, cards: Run) -> None:
    out = tmp_path / "dataset"
    asked: dict[str, Any] = {"value": "power", "source": "query", "test": 0.3, "pseudonymise": True}
    assert export(corpus=str(corpus), out=out, format="webdataset", **asked) == 0
    code, said, _ = cards("--corpus", corpus, "--out", out, "--json")
    assert (code, json.loads(said.splitlines()[-1])["shorts"]) == (0, 12)
    text = written(out)
    found = tables(text)
    assert found["By platform"]["sandbox"] == ["12", "24", "22"]
    assert found["By value and source of the label"] == {
        "value": ["query", "model", "similarity", "alpha"], "power": ["12", "12", "12", "-"]
    }  # fmt: skip
    assert "left out of the corpus: 12 filtered: value." in text
    assert STILL_SHOWN in text
    (config,) = DatasetCard.load(out / "README.md").data.to_dict()["configs"]
    files = {one["split"]: one["path"] for one in config["data_files"]}
    assert {split for split in files if list(out.glob(files[split]))} == set(files) == {"train", "test"}


def test_bad_input_gets_one_sentence_and_nothing_is_replaced(corpus: Path, tmp_path: Path, cards: Run) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "README.md").write_text("mine")
    for text in ("[study", "[other]\n", "[study]\ntitel = 'x'\n", "[study]\ntitle = 3\n"):
        (tmp_path / "study.toml").write_text(text)
        code, _, complaint = cards(
            "--corpus", corpus, "--out", tmp_path / "card", "--study", tmp_path / "study.toml"
        )  # fmt: skip
        assert (code, complaint.count("\n")) == (2, 1), complaint
    assert cards("--corpus", corpus, "--out", other)[0] == 2
    assert (other / "README.md").read_text() == "mine"
    assert cards("--corpus", corpus, "--out", corpus)[0] == 2
    assert cards("--corpus", tmp_path / "none.sqlite", "--out", tmp_path / "card")[0] == 2
    empty = tmp_path / "empty.sqlite"
    open_corpus(empty).close()
    assert cards("--corpus", empty, "--out", tmp_path / "card")[0] == 5
    assert not (tmp_path / "card").exists()
    report = tmp_path / "broken" / "report"
    report.mkdir(parents=True)
    options = {"corpus": "another", "options": {"format": "jsonl"}}
    for about, stats in ((options, '{"splits": {}, "counts": {}}'), ({}, '{"splits": {}}'), (options, "{half")):
        (report / "export.json").write_text(json.dumps(about))
        (report / "stats.json").write_text(stats)
        code, _, complaint = cards("--corpus", corpus, "--out", tmp_path / "broken")
        assert (code, complaint.count("\n")) == (2, 1), complaint
