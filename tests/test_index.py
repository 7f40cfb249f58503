"""What is embedded once stays embedded, the matrix beside a corpus follows it, and the command can be killed."""

import json
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retrieval.filling import Filling
from retrieval.index import CorpusIndex, app
from storage.database import open_database
from storage.embeddings import Embeddings, Part
from storage.errors import UsageError
from tests.commands import kill_group, run
from tests.commands import start as started
from tests.drawn import built_embedder, clock, crossword, encoded, traffic_light
from tests.storage_tools import MOMENT, open_corpus, rows, show, start, until
from tests.vector_tools import COLOURS, Colours, break_picture, colourful, ended, plain, reopened

MATRIX = "colours@1-picture"


def fill(path: Path, embedder: Colours, **options: Any) -> dict[Part, tuple[int, int]]:
    with reopened(path) as corpus:
        filled = Filling(CorpusIndex(corpus.database, embedder), embedder, **options).run()
    return {one.part: (one.embedded, one.absent) for one in filled}


def ids_found(path: Path, word: str, part: Part = Part.PICTURE, k: int = 100) -> list[int]:
    embedder = Colours()
    with open_database(path, write=False) as database:
        found = CorpusIndex(database, embedder).search(part, embedder.embed_texts([word])[0], k)
    return [int(one) for one in found.ids]


def names(path: Path, ids: list[int]) -> list[str]:
    known = dict(rows(path, "SELECT id, platform_id FROM shorts"))
    return [known[one] for one in ids]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return colourful(tmp_path / "c.sqlite")


def test_pictures_captions_and_hashtags_are_embedded_apart(corpus: Path) -> None:
    assert fill(corpus, Colours()) == {Part.PICTURE: (16, 0), Part.CAPTION: (16, 0), Part.HASHTAGS: (16, 0)}
    assert {name.split("-")[0] for name in names(corpus, ids_found(corpus, "blue", k=4))} == {"blue"}
    assert {name.split("-")[0] for name in names(corpus, ids_found(corpus, "blue", Part.CAPTION, 4))} == {"white"}
    assert {name.split("-")[0] for name in names(corpus, ids_found(corpus, "blue", Part.HASHTAGS, 4))} == {"blue"}


def test_nothing_is_embedded_twice_and_equal_pictures_once(corpus: Path) -> None:
    with open_corpus(corpus) as opened:
        _, (task,) = start(opened, 9, plan_hash="q" * 64)
        show(opened, task, "again", plain("red"))
        show(opened, task, "red-0", plain("red", 9))  # the same short with other bytes: its first picture stands for it
    embedder = Colours()
    fill(corpus, embedder)
    assert len(embedder.pictures) == 16
    fill(corpus, embedder)
    assert len(embedder.pictures) == 16
    assert {"again", "red-0"} <= set(names(corpus, ids_found(corpus, "red", k=5)))


def test_what_came_later_is_all_that_is_embedded_and_the_matrix_follows(corpus: Path) -> None:
    fill(corpus, Colours())
    before = ids_found(corpus, "red")
    with open_corpus(corpus) as opened:
        _, (task,) = start(opened, 9, plan_hash="q" * 64)
        show(opened, task, "new", plain("red", 8))
    embedder = Colours()
    assert fill(corpus, embedder)[Part.PICTURE] == (1, 0)
    assert embedder.pictures == [plain("red", 8)]
    assert sorted(ids_found(corpus, "red")) == [*sorted(before), 17]


def test_a_matrix_that_followed_holds_what_one_built_anew_would(corpus: Path) -> None:
    for number in range(3):
        fill(corpus, Colours(), limit=5)
        ids_found(corpus, "red")
        with open_corpus(corpus) as opened:
            _, (task,) = start(opened, 9, plan_hash=f"{number}" * 64)
            show(opened, task, f"new-{number}", plain("green", 5 + number))
    fill(corpus, Colours())
    followed = ids_found(corpus, "green")
    shutil.rmtree(f"{corpus}.vectors")
    assert ids_found(corpus, "green") == followed
    assert len(followed) == 19


def test_vectors_that_have_gone_from_the_corpus_go_from_the_matrix(corpus: Path) -> None:
    fill(corpus, Colours())
    assert len(ids_found(corpus, "red")) == 16
    with reopened(corpus) as opened, opened.database.write() as session:
        session.connection().exec_driver_sql("DELETE FROM embeddings WHERE id IN (SELECT max(id) FROM embeddings)")
        session.connection().exec_driver_sql("DELETE FROM embeddings WHERE part = 'picture' AND id < 4")
    assert len(ids_found(corpus, "red")) == 13


def test_vectors_that_have_gone_and_come_again_are_read_again(corpus: Path) -> None:
    fill(corpus, Colours())
    before = ids_found(corpus, "blue", Part.HASHTAGS)
    with reopened(corpus) as opened, opened.database.write() as session:  # the last rows: their ids are used again
        session.connection().exec_driver_sql("DELETE FROM embeddings WHERE part = 'hashtags'")
        session.connection().exec_driver_sql("UPDATE observations SET hashtags = '[\"blue\"]' WHERE id > 8")
    fill(corpus, Colours())
    after = ids_found(corpus, "blue", Part.HASHTAGS)
    assert sorted(after) == sorted(before)
    assert set(after[:10]) == {3, 7, *range(9, 17)}


def test_the_matrix_of_another_corpus_in_its_place_is_not_believed(corpus: Path, tmp_path: Path) -> None:
    fill(corpus, Colours())
    ids_found(corpus, "red")
    other = colourful(tmp_path / "other.sqlite", number=3)
    fill(other, Colours())
    shutil.copytree(f"{corpus}.vectors", f"{other}.vectors", dirs_exist_ok=True)
    assert sorted(ids_found(other, "red")) == list(range(1, 13))


def test_a_matrix_that_is_up_to_date_is_not_written_again(corpus: Path) -> None:
    fill(corpus, Colours())
    ids_found(corpus, "red")
    before = {file.name: file.stat().st_mtime_ns for file in Path(f"{corpus}.vectors").iterdir()}
    ids_found(corpus, "red")
    assert {file.name: file.stat().st_mtime_ns for file in Path(f"{corpus}.vectors").iterdir()} == before


def test_where_no_matrix_can_be_written_the_search_goes_on_without_one(corpus: Path) -> None:
    fill(corpus, Colours())
    expected = ids_found(corpus, "red")
    shutil.rmtree(f"{corpus}.vectors")
    Path(f"{corpus}.vectors").write_text("a file where the folder should be")
    assert ids_found(corpus, "red") == expected
    empty = CorpusIndex(open_database(corpus, write=False), Colours(name="other@1"))
    assert len(empty.matrix(Part.PICTURE)) == 0


def test_a_picture_that_cannot_be_decoded_is_absent_counted_and_not_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    with open_corpus(path) as opened:
        _, (task,) = start(opened, 9)
        show(opened, task, "good", plain("red"))
        show(opened, task, "bad", plain("blue"))
    break_picture(path, "bad")
    embedder = Colours()
    assert fill(path, embedder)[Part.PICTURE] == (1, 1)
    assert fill(path, embedder)[Part.PICTURE] == (0, 0)
    assert names(path, ids_found(path, "red")) == ["good"]


def test_text_in_a_language_that_the_model_does_not_know_is_absent(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    texts: dict[str, dict[str, Any]] = {
        "script": {"caption": "休みの日"},
        "stated": {"caption": "alles rot", "language": "de"},
        "tags": {"caption": "#red #blue", "hashtags": ("red", "blue")},
        "none": {"caption": None},
        "known": {"caption": "red @someone https://example.org #tag", "hashtags": ("tag",), "language": "en-GB"},
    }
    with open_corpus(path) as opened:
        _, (task,) = start(opened, 9)
        for number, (name, fields) in enumerate(texts.items()):
            show(opened, task, name, plain("red", number), **fields)
    embedder = Colours()
    filled = fill(path, embedder)
    assert filled[Part.CAPTION] == (1, 3)
    assert filled[Part.HASHTAGS] == (2, 0)
    assert {"red", "red, blue", "tag"} <= set(embedder.texts)
    assert names(path, ids_found(path, "red", Part.CAPTION)) == ["known"]
    assert names(path, ids_found(path, "red", Part.HASHTAGS)) == ["tags", "known"]


def test_one_index_never_mixes_two_models(corpus: Path) -> None:
    fill(corpus, Colours())
    other = Colours(name="colours@2")
    fill(corpus, other, limit=3)
    with open_database(corpus, write=False) as database:
        assert len(CorpusIndex(database, other).matrix(Part.PICTURE)) == 3
        assert len(CorpusIndex(database, Colours()).matrix(Part.PICTURE)) == 16
        assert Embeddings(database, lambda: MOMENT).models() == {
            "colours@1": {"picture": 16, "caption": 16, "hashtags": 16},
            "colours@2": {"picture": 3, "caption": 3, "hashtags": 3},
        }


def test_vectors_of_another_size_are_refused_in_one_sentence(corpus: Path) -> None:
    fill(corpus, Colours())
    with reopened(corpus) as opened:
        index = CorpusIndex(opened.database, Colours(dim=5))
        with pytest.raises(UsageError, match="picture vectors of 8 numbers for colours@1, which makes 5"):
            index.matrix(Part.PICTURE)
        with pytest.raises(UsageError, match="vectors of 3 numbers cannot be added"):
            index.add(Part.PICTURE, {"0" * 64: np.ones(3, np.float32)})


def test_adding_what_is_there_changes_nothing(corpus: Path) -> None:
    fill(corpus, Colours())
    before = rows(corpus, "SELECT id, vector FROM embeddings ORDER BY id")
    (sha256,) = rows(corpus, "SELECT image_sha256 FROM embeddings WHERE part = 'picture' ORDER BY id LIMIT 1")[0]
    with reopened(corpus) as opened:
        index = CorpusIndex(opened.database, Colours())
        assert index.add(Part.PICTURE, {sha256: np.ones(8, np.float32)}) == 0
        assert index.add(Part.CAPTION, {1: np.ones(8, np.float32)}) == 0
    assert rows(corpus, "SELECT id, vector FROM embeddings ORDER BY id") == before


def drawn_corpus(home: Path, number: int = 0) -> Path:
    """Pictures that the packaged model knows, and as many noisy ones as wanted, in `data/corpus.sqlite`."""
    path = home / "data/corpus.sqlite"
    path.parent.mkdir(parents=True)
    known = {"light": traffic_light(), "crossword": crossword(), "clock": clock()}
    with open_corpus(path) as opened:
        _, (task,) = start(opened, 99)
        for name, image in known.items():
            show(opened, task, name, encoded(image.convert("RGB"), "JPEG"), caption=f"my {name}")
        for extra in range(number):
            show(opened, task, f"extra-{extra}", plain("green", extra), caption=None)
    return path


def test_the_command_can_be_killed_again_and_again_and_embeds_every_picture_once(tmp_path: Path) -> None:
    built_embedder()
    path = drawn_corpus(tmp_path, number=180)
    for _ in range(2):
        process = started(tmp_path, "retrieval.index", "--model", "packaged")
        before = _vectors(path)
        until(lambda: _vectors(path) > before or process.poll() is not None, timeout=60)  # noqa: B023
        if process.poll() is None:
            kill_group(process)
    assert _vectors(path) > 0
    done = run(tmp_path, "retrieval.index", "--model", "packaged", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["model"] == "lite0-minilm@1"
    assert told["parts"]["picture"]["index"] == 183
    keys = rows(path, "SELECT image_sha256, short_id, part FROM embeddings")
    assert len(keys) == len(set(keys)) == 183 + 3


def _vectors(path: Path) -> int:
    return int(rows(path, "SELECT count(*) FROM embeddings")[0][0])


NO_MODEL = "there is no model 'nowhere/at-all'" if find_spec("transformers") else "CLIP models need transformers"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--corpus", "empty.sqlite", "--model", "packaged"), 5, "holds no picture yet"),
        (("--corpus", "none.sqlite"), 2, "there is no corpus"),
        (("--corpus", "empty.sqlite", "--model", "clap"), 2, "--model clap is unknown"),
        (("--corpus", "empty.sqlite", "--model", "clip:nowhere/at-all"), 2, NO_MODEL),
        (("--corpus", "empty.sqlite", "--limit", "0"), 2, "--limit"),
    ],
    ids=["empty corpus", "no corpus", "no such kind", "no such model", "limit of nothing"],
)
def test_the_command_says_in_one_sentence_what_is_wrong(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    built_embedder()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with open_corpus(tmp_path / "empty.sqlite"):
        pass
    assert ended(app, arguments, monkeypatch) == code
    output = capsys.readouterr()
    assert output.out == ""
    assert said in output.err


def test_colours_are_told_apart() -> None:
    told = Colours().embed_pictures([plain(name) for name in COLOURS]) @ Colours().embed_texts(list(COLOURS)).T
    assert told.argmax(axis=1).tolist() == [0, 1, 2, 3]
