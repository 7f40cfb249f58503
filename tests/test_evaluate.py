"""Measuring retrieval against labels: the sandbox's truth, a file of one's own, and what is wrong with files."""

import csv
import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from agent.sandbox import truth
from retrieval import evaluate
from retrieval.embedders.packaged import PackagedEmbedder
from retrieval.vocabulary import load_vocabulary
from storage.corpus import Corpus
from storage.records import Label, LabelKind, Stance
from storage.sampling import short_numbers
from tests.commands import run
from tests.drawn import built_embedder as built
from tests.drawn import clock, crossword, encoded, traffic_light
from tests.drawn_corpus import collect_drawn, embed, sandbox_world
from tests.in_process import Commands

VALUES = {value.id: [word.word for word in value.keywords()[:2]] for value in load_vocabulary().values}
WORDS = [word for words in VALUES.values() for word in words]
EACH = 2
SHORTS = EACH * len(WORDS)


@pytest.fixture(scope="module")
def embedder() -> PackagedEmbedder:
    return built()


@pytest.fixture(scope="module")
def corpus(embedder: PackagedEmbedder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("evaluated") / "corpus.sqlite"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VALUE_SPECTRUM_CONFIG_DIR", str(path.parent / "config"))
        collect_drawn(path, WORDS, EACH)
    embed(path, embedder)
    return path


@pytest.fixture
def commands(corpus: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Commands:
    monkeypatch.setenv("VALUE_SPECTRUM_CONFIG_DIR", str(corpus.parent / "config"))
    return Commands(monkeypatch, capsys)


def labels(folder: Path, *lines: Sequence[object], heading: Sequence[str] = ("short", "query", "relevant")) -> Path:
    path = folder / "labels.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([heading, *lines])
    return path


def test_the_sandboxes_truth_is_measured_for_picture_caption_and_both_with_intervals_for_every_value(
    corpus: Path, tmp_path: Path
) -> None:
    done = run(tmp_path, "agent.sandbox.truth", "--corpus", corpus, "--out", "truth.csv")
    assert done.returncode == 0, done.stderr
    done = run(
        tmp_path, "retrieval.evaluate", "--corpus", corpus, "--labels", "truth.csv", "--model", "packaged", "--json"
    )
    assert done.returncode == 0, done.stderr
    (figures,) = json.loads(done.stdout)["embedders"]
    assert (figures["model"], figures["queries"], figures["items"]) == (PackagedEmbedder.name, len(WORDS), SHORTS)
    assert figures["prevalence"] == pytest.approx(EACH / SHORTS, abs=1e-5)
    assert figures["values_without_queries"] == []
    for by in ("picture", "caption", "fused"):
        groups = figures["by"][by]["groups"]
        assert list(groups) == ["all", *VALUES]
        for group, metrics in groups.items():
            assert set(metrics) >= {"recall@5", "recall@10", "nDCG@10", "mAP"}
            for found in metrics.values():
                assert found["n"] == (len(WORDS) if group == "all" else 2)
                assert 0 <= found["low"] <= found["mean"] <= found["high"] <= 1
    caption, picture = figures["by"]["caption"], figures["by"]["picture"]
    assert picture["coverage"] == 1
    assert caption["coverage"] < 1  # no caption, or none in English: missed, not left out
    # Half of all captions name the keyword, and plain drawings look like little that the model knows.
    assert caption["groups"]["all"]["mAP"]["low"] > picture["groups"]["all"]["mAP"]["mean"]


def test_the_truth_names_each_captured_short_once_with_what_it_is_about(
    corpus: Path, tmp_path: Path, commands: Commands
) -> None:
    commands(truth.app, "--corpus", corpus, "--out", tmp_path / "truth.csv")
    with (tmp_path / "truth.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    world = sandbox_world()
    assert len({row["short"] for row in rows}) == len(rows) == SHORTS
    for row in rows:
        assert world.short(row["short"]).keyword == row["query"]
        assert world.value_of[row["query"]] == row["value"]
    assert {row["says"] for row in rows} <= {"mentions", "silent", "contradicts", "missing"}


def test_the_table_has_three_lines_with_intervals_for_every_value_and_names_values_without_a_query(
    corpus: Path, tmp_path: Path, commands: Commands
) -> None:
    commands(truth.app, "--corpus", corpus, "--out", tmp_path / "truth.csv")
    usual: list[str | Path] = ["--corpus", corpus, "--model", "packaged", "--repeats", "100", "--labels"]
    lines = commands(evaluate.app, *usual, tmp_path / "truth.csv").out.splitlines()
    for group in ("all", *VALUES):
        (first,) = (place for place, line in enumerate(lines) if line.split("│")[0].strip() == group)
        for line, name in zip(lines[first : first + 3], ("picture alone", "caption alone", "both"), strict=True):
            assert line.split("│")[2].strip() == name
            assert re.search(r"(\d\.\d\d \[\d\.\d\d, \d\.\d\d\] *│? *){4}$", line)
    few = (tmp_path / "truth.csv").read_text().splitlines()[: 1 + 6 * EACH]
    (tmp_path / "few.csv").write_text("\n".join(few))
    assert commands(evaluate.app, *usual, tmp_path / "few.csv").out.endswith(
        f"no query that something here is relevant to: {', '.join(list(VALUES)[3:])}\n"
    )


def test_labels_of_ones_own_name_shorts_and_leave_out_what_was_not_judged_if_asked(
    corpus: Path, tmp_path: Path, commands: Commands
) -> None:
    with Corpus(corpus, collecting=False) as opened:
        ids = [name for name in short_numbers(opened.database) if ":" not in name]
    path = labels(
        tmp_path, *[(f"sandbox:{ids[0]}", "a camper", 1), (ids[1], "a camper", "no"), ("gone", "a camper", 1)],
        (ids[2], "nothing like it", 0),
    )  # fmt: skip
    usual: list[str | Path] = ["--corpus", corpus, "--labels", path, "--model", "packaged", "--json"]
    (figures,) = commands(evaluate.app, *usual).figures["embedders"]
    assert (figures["queries"], figures["items_not_there"]) == (1, 1)
    assert set(figures["by"]["picture"]["groups"]) == {"all"}
    (judged,) = commands(evaluate.app, *usual, "--unjudged", "left-out").figures["embedders"]
    # Of two judged items one is relevant: at worst it is the second.
    assert judged["by"]["picture"]["groups"]["all"]["mAP"]["mean"] >= 0.5
    assert judged["by"]["picture"]["groups"]["all"]["mAP"]["low"] is None  # one query has no interval


def test_pictures_in_a_folder_are_measured_without_a_corpus(
    embedder: PackagedEmbedder, tmp_path: Path, commands: Commands
) -> None:
    drawn = {"clock.png": clock(), "crossword.png": crossword(), "light.png": traffic_light()}
    for name, image in drawn.items():
        (tmp_path / name).write_bytes(encoded(image))
    (tmp_path / "broken.png").write_bytes(b"no picture")
    path = labels(
        tmp_path,
        ("clock.png", "wall clock", 1, "security", "what time is it"),
        ("crossword.png", "crossword puzzle", 1, "security", ""),
        ("light.png", "traffic light", 1, "conformity", "the traffic light in our street"),
        ("broken.png", "traffic light", 1, "conformity", ""),
        ("light.png", "светофор", 1, "", ""),
        heading=("picture", "query", "relevant", "value", "caption"),
    )
    done = commands(evaluate.app, "--labels", path, "--pictures", tmp_path, "--model", "packaged", "--json")
    (figures,) = done.figures["embedders"]
    picture = figures["by"]["picture"]
    assert figures["queries_in_unknown_script"] == ["светофор"]
    assert picture["coverage"] == 0.75
    assert picture["groups"]["security"]["mAP"]["mean"] == 1
    assert picture["groups"]["conformity"]["mAP"]["mean"] == 0.5  # found first; the broken one is missed
    assert figures["by"]["caption"]["coverage"] == 0.5
    table = commands(evaluate.app, "--labels", path, "--pictures", tmp_path, "--model", "packaged").out
    assert "picture alone" in table
    assert "conformity" in table


def test_agreement_between_label_sources_is_reported_for_every_value(corpus: Path, commands: Commands) -> None:
    asked = ("--corpus", corpus, "--agreement")
    assert "needs two label sources; labels in" in commands(evaluate.app, *asked, code=5).err  # query is none
    with Corpus(corpus, collecting=False) as opened:
        for short_id in short_numbers(opened.database).values():
            for source in ("vlm:a", "vlm:b"):
                stance = Stance.EXPRESSES if short_id % 3 == 0 else Stance.NONE
                opened.labels.add(short_id, [Label(kind=LabelKind.VALUE, name="power", source=source, stance=stance)])
    figures = commands(evaluate.app, *asked, "--json").figures
    assert figures["sources"] == ["vlm:a", "vlm:b"]
    assert list(figures["agreement"]) == list(VALUES)
    power, hedonism = figures["agreement"]["power"], figures["agreement"]["hedonism"]
    assert power["stance"] == {"alpha": 1.0, "low": 1.0, "high": 1.0, "units": SHORTS, "judgements": 2 * SHORTS}
    assert hedonism["concerned"]["alpha"] is None  # everybody said none of everything
    said = commands(evaluate.app, *asked).out
    assert "not defined" in said
    assert "sources: vlm:a, vlm:b" in said
    assert "labels there are by vlm:a, vlm:b" in commands(evaluate.app, *asked, "--source", "vlm:c", code=2).err
    assert "needs two" in commands(evaluate.app, *asked, "--source", "vlm:a", code=5).err


@pytest.mark.parametrize(
    ("text", "code", "complaint"),
    [
        ("short;query;relevant\na;b;1\n", 2, "must name the columns"),
        ("short,query,relevant\na,b,maybe\n", 2, "line 2"),
        ("short,query,relevant\n", 2, "holds no judgement"),
        ("short,query,relevant\na,b,1\na,b,0\n", 5, "nothing in"),
        ("short,query,relevant,value\na,b,1,power\na,b,1,hedonism\n", 2, "two values"),
        ("picture,query,relevant\na.png,b,1\n", 2, "--pictures"),
    ],
)
def test_a_file_that_cannot_be_used_gets_one_sentence(
    corpus: Path, tmp_path: Path, commands: Commands, text: str, code: int, complaint: str
) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(text, encoding="utf-8")
    said = commands(evaluate.app, "--corpus", corpus, "--labels", path, "--model", "packaged", code=code).err
    assert complaint in said
    assert said.count("\n") == 1


def test_nothing_to_measure_and_no_corpus_are_wrong_usage(tmp_path: Path, commands: Commands) -> None:
    assert "--labels" in commands(evaluate.app, code=2).err
    assert "there is no corpus" in commands(
        evaluate.app, "--corpus", tmp_path / "no.sqlite", "--agreement", code=2
    ).err  # fmt: skip
    assert "cannot be read" in commands(evaluate.app, "--labels", tmp_path / "no.csv", code=2).err


def test_the_truth_of_another_vocabulary_or_of_pictures_is_refused(
    corpus: Path, commands: Commands, tmp_path: Path
) -> None:
    own = tmp_path / "own.toml"
    own.write_text(
        'name = "o"\n[[value]]\nid = "x"\nname = "X"\nabbreviation = "X"\ndefinition = "x"\n'
        '[value.keywords.A]\nen = ["boat"]\n'
    )
    said = commands(truth.app, "--corpus", corpus, "--vocabulary", own, "--out", tmp_path / "t.csv", code=2).err
    assert "another vocabulary" in said
    assert not (tmp_path / "t.csv").exists()
