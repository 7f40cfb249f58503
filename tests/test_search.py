"""From a text to screenshots: what is ranked by what, which filters apply before it, and what the command says."""

import io
import json
import os
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from retrieval.embedders.base import Embedder
from retrieval.embedders.choice import Chosen
from retrieval.filling import Filling
from retrieval.index import CorpusIndex
from retrieval.ranking import WEIGHTS, RankBy, Ranker
from retrieval.search import Search, app
from retrieval.sheet import HEIGHT, WIDTH, Tile, contact_sheet
from storage.database import open_database
from storage.embeddings import Part
from storage.errors import NothingFound, UsageError
from storage.records import Label, LabelKind, Stance, Verdict
from storage.selection import Selection, select_shorts
from tests.drawn import built_embedder, clock, crossword, encoded, traffic_light
from tests.storage_tools import MOMENT, open_corpus, rows, run_spec, show, specs, start
from tests.vector_tools import BROKEN, Colours, break_picture, colourful, ended, module_configuration, plain, reopened

Command = Callable[..., int]


def fill(path: Path, embedder: Embedder | None = None) -> Path:
    embedder = embedder or Colours()
    with reopened(path) as corpus:
        Filling(CorpusIndex(corpus.database, embedder), embedder).run()
    return path


def found(path: Path, text: str, embedder: Embedder | None = None, **options: Any) -> list[str]:
    with open_database(path, write=False) as database:
        hits = Search(database, embedder or Colours()).search(text, **options)
    assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    return [hit.card.platform_id for hit in hits]


def colours(names: list[str]) -> set[str]:
    return {name.partition("-")[0] for name in names}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen shorts whose pictures and captions name different colours."""
    folder = tmp_path_factory.mktemp("corpus")
    with module_configuration(folder):
        return fill(colourful(folder / "c.sqlite"))


def test_the_picture_alone_the_caption_alone_and_both_are_ranked_apart(corpus: Path) -> None:
    assert colours(found(corpus, "red", k=4)) == {"red"}
    said = found(corpus, "red", k=8, by=RankBy.CAPTION)
    assert colours(said) == {"red", "green"}  # one by its hashtag, the other by its caption


def test_joined_parts_are_weighted_as_is_said(corpus: Path) -> None:
    with open_database(corpus, write=False) as database:
        first = {}
        for part in (Part.PICTURE, Part.CAPTION):
            weights = {**dict.fromkeys(Part, 0.0), part: 1.0}
            ranked = Ranker(database, Colours(), weights=weights).rank(["red"], RankBy.FUSED)
            first[part] = int(ranked.best(0, 1).ids[0])
        names = dict(rows(corpus, "SELECT id, platform_id FROM shorts"))
    assert names[first[Part.PICTURE]].startswith("red")
    assert names[first[Part.CAPTION]].startswith("green")
    assert set(WEIGHTS) == set(Part)


def test_a_part_that_is_absent_counts_neither_for_nor_against(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    with open_corpus(path) as opened:
        _, (task,) = start(opened, 99)
        show(opened, task, "silent", plain("red"), caption=None)
        show(opened, task, "other script", plain("red", 1), caption="赤い")
        show(opened, task, "against", plain("red", 2), caption="blue")
        show(opened, task, "for", plain("red", 3), caption="red")
        for number in range(4):
            show(opened, task, f"rest-{number}", plain("blue", number), caption=("blue", "green")[number % 2])
    fill(path)
    order = found(path, "red", by=RankBy.FUSED, k=8)
    assert order[0] == "for"
    assert set(order[1:3]) == {"silent", "other script"}
    assert order[3] == "against"
    with open_database(path, write=False) as database:
        hits = {hit.card.platform_id: hit for hit in Search(database, Colours()).search("red", k=8, by=RankBy.FUSED)}
    assert hits["silent"].score == hits["other script"].score
    assert set(hits["silent"].cosines) == {Part.PICTURE}
    assert set(hits["for"].cosines) == {Part.PICTURE, Part.CAPTION}


def test_many_words_at_once_are_ranked_as_each_alone(corpus: Path) -> None:
    with open_database(corpus, write=False) as database:
        ranker = Ranker(database, Colours())
        for by in RankBy:
            together = ranker.rank(["red", "blue sea"], by)
            for place, word in enumerate(["red", "blue sea"]):
                np.testing.assert_allclose(together.scores[place], ranker.rank([word], by).scores[0], atol=1e-5)


def labelled(name: str, source: str, kind: LabelKind = LabelKind.VALUE, **fields: Any) -> Label:
    return Label(kind=kind, name=name, source=source, **fields)


@pytest.fixture(scope="module")
def varied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Red pictures and one green, which differ in everything that is filtered by."""
    folder = tmp_path_factory.mktemp("varied")
    with module_configuration(folder):
        return fill(vary(folder / "c.sqlite"))


def vary(path: Path) -> Path:
    with open_corpus(path) as opened:
        _, (task,) = start(opened, 99)
        feed = opened.runs.start(run_spec(specs(9), mode="feed", plan_hash="f" * 64, profile_id="other"))
        (fed,) = opened.tasks.of_run(feed.plan_run_id)
        sim = labelled("hedonism", "similarity", stance=Stance.UNSURE, score=0.97)
        none = labelled("hedonism", "vlm:m", stance=Stance.NONE)
        topic = labelled("food", "vlm:m", LabelKind.TOPIC)
        show(opened, task, "first", plain("red"), labels=(sim, topic))
        show(opened, task, "no", plain("red", 1), verdict=Verdict.NO, labels=(none,))
        show(opened, fed, "fed", plain("red", 2), verdict=Verdict.NO)
        show(opened, task, "copy", plain("red"))
        show(opened, task, "green", plain("green"), labels=(sim,))
    with open_corpus(path) as opened, opened.database.write() as session:
        session.connection().exec_driver_sql(
            "UPDATE shorts SET first_seen = '2025-06-01 00:00:00' WHERE platform_id = 'no'"
        )
        session.connection().exec_driver_sql("UPDATE shorts SET platform = 'youtube' WHERE platform_id = 'fed'")
        session.connection().exec_driver_sql(
            "UPDATE images SET duplicate_of = (SELECT min(id) FROM images WHERE role = 'frame') WHERE role = 'frame' "
            "AND short_id = (SELECT id FROM shorts WHERE platform_id = 'copy')"
        )
    return path


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (Selection(), {"first", "no", "fed", "copy", "green"}),
        (Selection(platforms=("youtube",)), {"fed"}),
        (Selection(platforms=("youtube", "sandbox")), {"first", "no", "fed", "copy", "green"}),
        (Selection(value="hedonism"), {"first", "green"}),
        (Selection(value="hedonism", source="similarity"), {"first", "green"}),
        (Selection(value="hedonism", source="vlm:m"), set()),
        (Selection(value="power"), set()),
        (Selection(value="power", source="query"), {"first", "no", "copy", "green"}),
        (Selection(topic="food"), {"first"}),
        (Selection(topic="food", source="similarity"), set()),
        (Selection(decision="no"), {"no", "fed"}),
        (Selection(mode="feed"), {"fed"}),
        (Selection(mode="search", decision="no"), {"no"}),
        (Selection(until=MOMENT), {"no"}),
        (Selection(since=MOMENT), {"first", "fed", "copy", "green"}),
        (Selection(since=MOMENT, until=MOMENT + timedelta(days=1)), {"first", "fed", "copy", "green"}),
        (Selection(distinct=True), {"first", "no", "fed", "green"}),
        (Selection(distinct=True, mode="search", value="hedonism", decision="yes"), {"first", "green"}),
    ],
)
def test_a_filter_lets_through_what_it_says(varied: Path, selection: Selection, expected: set[str]) -> None:
    with open_database(varied, write=False) as database:
        ids = select_shorts(database, selection).tolist()
    names = dict(rows(varied, "SELECT id, platform_id FROM shorts"))
    assert {names[one] for one in ids} == expected
    if expected:
        assert set(found(varied, "red", k=9, selection=selection)) == expected


def test_filters_apply_before_ranking_so_that_the_best_k_of_what_is_left_come(varied: Path) -> None:
    assert found(varied, "green", k=2, selection=Selection(decision="no")) == found(
        varied, "green", k=9, selection=Selection(decision="no")
    )


def test_a_word_in_another_script_is_refused_and_not_ranked_by_chance(corpus: Path) -> None:
    with pytest.raises(UsageError, match=r"'休日' is in a script that colours@1 does not know"):
        found(corpus, "休日")


def test_without_vectors_the_command_that_makes_them_is_named(tmp_path: Path) -> None:
    path = colourful(tmp_path / "c.sqlite")
    with pytest.raises(UsageError, match=r"no picture vectors of colours@1; make them with `python -m"):
        found(path, "red")
    with open_corpus(tmp_path / "empty.sqlite"):
        pass
    with pytest.raises(NothingFound, match="holds no picture yet"):
        found(tmp_path / "empty.sqlite", "red")


def test_vectors_of_another_size_under_the_same_name_are_refused(corpus: Path) -> None:
    with pytest.raises(UsageError, match="8 numbers for colours@1, which makes 5"):
        found(corpus, "red", Colours(dim=5))


def test_a_sheet_has_a_place_for_every_picture_and_says_which_cannot_be_decoded() -> None:
    tiles = [Tile(picture=data, words=("1. 0.5", "words " * 40)) for data in (plain("red"), BROKEN, plain("blue"))]
    png, undecodable = contact_sheet([*tiles, Tile(picture=None, words=("empty",))], "colours", columns=2)
    assert undecodable == 1
    with Image.open(io.BytesIO(png)) as sheet:
        assert sheet.format == "PNG"
        assert sheet.width > 2 * WIDTH
        assert sheet.height > 2 * HEIGHT
        seen = {colour for _, colour in sheet.convert("RGB").getcolors(1 << 20) or []}
    assert any(red > 200 and green < 50 for red, green, _ in seen)  # type: ignore[misc]
    assert any(blue > 200 and red < 60 for red, _, blue in seen)  # type: ignore[misc]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Command:
    """`python -m retrieval.search ...` with the colours as the model that is found."""
    monkeypatch.setattr("retrieval.search.make_embedder", lambda *_, **__: Chosen(embedder=Colours(), why="colours"))

    def call(*arguments: str | Path) -> int:
        return ended(app, arguments, monkeypatch)

    return call


def test_the_command_prints_a_table_of_what_is_nearest(
    corpus: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("red", "--corpus", corpus, "-k", "2") == 0
    lines = capsys.readouterr().out.splitlines()
    assert "picture" in lines[0]
    assert "caption" in lines[0]
    assert [("red-" in line, "all about white" in line) for line in lines[1:]] == [(True, True)] * 2


def test_json_is_a_list_of_hits_and_nothing_else(
    corpus: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("blue", "--corpus", corpus, "--json", "-k", "3", "--rank", "fused") == 0
    hits = json.loads(capsys.readouterr().out)
    assert [hit["rank"] for hit in hits] == [1, 2, 3]
    assert set(hits[0]["cosines"]) == {"picture", "caption", "hashtags"}
    assert hits[0]["platform_id"].startswith("blue")
    assert {"kind": "value", "name": "power", "source": "query"} in hits[0]["labels"]
    assert rows(corpus, f"SELECT role FROM images WHERE sha256 = '{hits[0]['frame_sha256']}'")


def test_the_source_of_a_value_filter_is_said(
    varied: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("red", "--corpus", varied, "--value", "HED") == 0
    assert "value hedonism, says similarity, vlm:m" in capsys.readouterr().err
    assert command("red", "--corpus", varied, "--value", "POW") == 5
    assert "says nobody (not asked: query)" in capsys.readouterr().err
    assert command("red", "--corpus", varied, "--value", "POW", "--source", "query", "--topic", "food") == 5


def test_a_sheet_is_written_with_what_can_be_decoded(
    corpus: Path, command: Command, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    damaged = Path(shutil.copy(corpus, tmp_path / "c.sqlite"))
    break_picture(damaged, "red-0")
    sheet = tmp_path / "new folder" / "sheet.png"
    assert command("red", "--corpus", damaged, "--sheet", sheet, "-k", "4") == 0
    assert "1 pictures cannot be decoded" in capsys.readouterr().err
    with Image.open(sheet) as image:
        assert image.format == "PNG"


def test_open_shows_the_sheet_in_a_viewer(
    corpus: Path,
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    viewer, shown = tmp_path / "xdg-open", tmp_path / "shown"
    viewer.write_text(f'#!/bin/sh\necho "$1" >> {shown}\n')
    viewer.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert command("red", "--corpus", corpus, "--open") == 0
    assert Image.open(shown.read_text().strip()).format == "PNG"
    assert "no viewer" not in capsys.readouterr().err
    viewer.write_text("#!/bin/sh\nexit 3\n")  # as xdg-open ends where it finds no viewer
    assert command("red", "--corpus", corpus, "--open") == 0
    assert "no viewer can be opened here" in capsys.readouterr().err


def test_pictures_that_are_not_in_the_index_yet_are_counted(
    corpus: Path, command: Command, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert command("red", "--corpus", corpus) == 0
    assert "not in the index yet" not in capsys.readouterr().err
    path = colourful(tmp_path / "c.sqlite")
    with reopened(path) as opened:
        Filling(CorpusIndex(opened.database, Colours()), Colours(), limit=5).run()
    assert command("red", "--corpus", path) == 0
    assert "11 pictures are not in the index yet" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("休日",), 2, "is in a script that colours@1 does not know"),
        ((" ",), 2, "nothing to look for"),
        (("red", "--source", "similarity"), 2, "give --value or --topic with it"),
        (("red", "--value", "hedonsim"), 2, "did you mean 'hedonism'?"),
        (("red", "--topic", "fod"), 2, "did you mean 'food'?"),
        (("red", "--platform", "vimeo"), 5, "passes the filters"),
        (("red", "--mode", "feed"), 5, "passes the filters"),
        (("red", "--decision", "maybe"), 2, "maybe"),
        (("red", "--since", "yesterday"), 2, "yesterday"),
        (("red", "-k", "0"), 2, "-k"),
        (("red", "--sheet", "/proc/none/sheet.png"), 2, "cannot be written"),
        ((), 2, "text"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_a_documented_exit_code(
    corpus: Path,
    command: Command,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    assert command(*arguments, "--corpus", corpus) == code
    output = capsys.readouterr()
    assert output.out == ""
    assert said in output.err
    assert "Traceback" not in output.err


def test_the_real_model_finds_pictures_by_what_they_show(tmp_path: Path) -> None:
    embedder = built_embedder()
    path = tmp_path / "c.sqlite"
    with open_corpus(path) as opened:
        _, (task,) = start(opened, 99)
        for name, image in (("light", traffic_light()), ("crossword", crossword()), ("clock", clock())):
            show(opened, task, name, encoded(image.convert("RGB"), "JPEG"), caption="nothing to do with it")
    fill(path, embedder)
    for word, name in (("traffic light", "light"), ("crossword puzzle", "crossword"), ("wall clock", "clock")):
        assert found(path, word, embedder, k=1) == [name]
