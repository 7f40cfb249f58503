"""Clusters, evidence, the move to a new recipe, and the command that explains and reports, on a corpus on disk."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from storage.clusters import clusters
from storage.database import open_database
from storage.dedupe import LEAST_LIGHT, LEAST_SMALL, THRESHOLD
from storage.dedupe_report import report
from storage.looks import RECIPE
from storage.recompute import recompute
from tests.bench import negatives
from tests.bench.edits import edited
from tests.storage_tools import MOMENT, everything, grey, open_corpus, python, rows, scene, show, start

FRAMES = (
    "SELECT id, phash, hash_recipe, sharpness, duplicate_of, duplicate_by, distance, evidence FROM images ORDER BY id"
)
LOOKS = "SELECT image_id, view, hashes, grey FROM looks ORDER BY image_id, view"


def copy(data: bytes, edit: str) -> bytes:
    return edited(edit, data, 1, "key")


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """first, its crop, that with a caption bar, another scene, a half-size copy of it, a flat one, first again."""
    path = tmp_path / "corpus.sqlite"
    one, two = negatives.frame(1, 1), negatives.frame(1, 2)
    cropped = copy(one, "crop 10 %")
    with open_corpus(path) as opened:
        _, (task,) = start(opened, 20)
        names = ["first", "cropped", "captioned", "other", "half", "flat", "first"]
        pictures = [one, cropped, copy(cropped, "caption bar"), two, copy(two, "half size"), grey(), scene(5)]
        for name, data in zip(names, pictures, strict=True):
            show(opened, task, name, data)
    return path


def marks(path: Path) -> list[tuple[str, str | None, str | None]]:
    """Short, what it equals, by what."""
    found: list[Any] = rows(
        path,
        "SELECT s.platform_id, o.platform_id, i.duplicate_by FROM images i JOIN shorts s ON s.id = i.short_id "
        "LEFT JOIN images r ON r.id = i.duplicate_of LEFT JOIN shorts o ON o.id = r.short_id "
        "WHERE i.role = 'frame' ORDER BY i.id",
    )
    return found


def command(*arguments: str | Path) -> tuple[int, str, str]:
    process = python("import runpy; runpy.run_module('storage.dedupe', run_name='__main__')", *arguments)
    said, complaint = process.communicate(timeout=60)
    return process.returncode, said, complaint


def make_old(path: Path) -> None:
    """The same corpus as the first release left it: other tables, another recipe, other marks."""
    connection = sqlite3.connect(path)
    connection.executescript(
        "DROP TABLE looks; ALTER TABLE images DROP COLUMN sharpness; ALTER TABLE images DROP COLUMN evidence;"
        "ALTER TABLE runs DROP COLUMN fire_id; DROP TABLE fires;"
        "ALTER TABLE tasks DROP COLUMN planned; DROP TABLE revisits;"
        "UPDATE images SET hash_recipe = 'phash64-draft128@1' WHERE role = 'frame';"
        "UPDATE images SET duplicate_of = NULL, duplicate_by = NULL, distance = NULL WHERE duplicate_by = 'look';"
        "UPDATE exposures SET is_new = 1; UPDATE alembic_version SET version_num = '0001_corpus';"
    )
    connection.close()


def test_a_reupload_of_a_reupload_joins_the_first(corpus: Path) -> None:
    assert marks(corpus) == [
        ("first", None, None),
        ("cropped", "first", "look"),
        ("captioned", "first", "look"),
        ("other", None, None),
        ("half", "other", "look"),
        ("flat", None, None),
        ("first", "first", "id"),
    ]


def test_the_evidence_of_a_match_is_stored(corpus: Path) -> None:
    ((said,),) = rows(corpus, "SELECT evidence FROM images WHERE role = 'frame' AND short_id = 2")
    evidence = json.loads(said)
    assert evidence["picture"] == 2  # the frame of the first short
    assert evidence["frames"] >= THRESHOLD
    assert evidence["light"] >= LEAST_LIGHT
    assert evidence["small"] >= LEAST_SMALL
    assert evidence["alignment"] == pytest.approx([0.1] * 4, abs=0.02)
    assert len(evidence["regions"]) == 3
    assert evidence["regions"][0][1] <= 13
    assert rows(corpus, "SELECT distance FROM images WHERE short_id = 2 AND role = 'frame'") == [
        (evidence["distance"],)
    ]


def test_a_cluster_is_represented_by_its_earliest_or_its_sharpest_and_keeps_everything(corpus: Path) -> None:
    with open_database(corpus, write=False) as database, database.read() as session:
        earliest, sharpest = (
            {one.members: one.representative for one in clusters(session, which)} for which in ("earliest", "sharpest")
        )
        with pytest.raises(ValueError, match="earliest, sharpest"):
            clusters(session, "nicest")
    assert {*earliest} == {*sharpest} == {(2, 4, 6, 14), (8, 10), (12,)}
    assert all(members[0] == first for members, first in earliest.items())
    sharp = dict(rows(corpus, "SELECT id, sharpness FROM images WHERE role = 'frame'"))
    assert all(sharp[one] == max(sharp[member] for member in members) for members, one in sharpest.items())
    assert sharpest[(2, 4, 6, 14)] != 2 or sharp[2] == max(sharp[one] for one in (2, 4, 6, 14))


def test_a_picture_that_equals_two_clusters_makes_them_one(corpus: Path) -> None:
    connection = sqlite3.connect(corpus)
    connection.execute("UPDATE images SET evidence = json_set(evidence, '$.also', json('[8]')) WHERE id = 6")
    connection.commit()
    connection.close()
    with open_database(corpus, write=False) as database, database.read() as session:
        assert {one.members for one in clusters(session)} == {(2, 4, 6, 8, 10, 14), (12,)}


def test_an_old_corpus_is_upgraded_with_every_row_and_then_moves_to_the_recipe(corpus: Path) -> None:
    online, looks, shown = rows(corpus, FRAMES), rows(corpus, LOOKS), rows(corpus, "SELECT id, is_new FROM exposures")
    make_old(corpus)
    before = everything(corpus)
    with open_database(corpus, write=True, lock=True) as database:
        after = everything(corpus)
        assert {*after} == {*before, "fires", "looks", "revisits"}
        for table, (columns, *_) in before.items():
            kept = [place for place, name in enumerate(after[table][0]) if name in columns]
            assert [tuple(row[place] for place in kept) for row in after[table]] == before[table], table
        assert after["looks"] == [("grey", "hashes", "image_id", "view")]
        figures = recompute(database, lambda: MOMENT)
        assert (figures.frames, figures.merged, figures.changed) == (7, 3, 3)
        assert recompute(database, lambda: MOMENT).frames == 0
    assert rows(corpus, FRAMES) == online
    assert rows(corpus, LOOKS) == looks
    assert rows(corpus, "SELECT id, is_new FROM exposures") == shown
    assert rows(corpus, "SELECT kind FROM events") == [("created",), ("recompute",)]
    assert rows(corpus, "SELECT version_num FROM alembic_version") != [("0001_corpus",)]


@pytest.mark.parametrize("stopped_after", [1, 3, 6])
def test_a_recompute_that_was_stopped_goes_on_to_the_same_marks(
    corpus: Path, stopped_after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    online, looks = rows(corpus, FRAMES), rows(corpus, LOOKS)
    make_old(corpus)
    monkeypatch.setattr("storage.recompute.BATCH", 1)

    def stop(done: int, of: int) -> None:
        assert of == 7
        if done == stopped_after:
            raise KeyboardInterrupt

    with open_database(corpus, write=True, lock=True) as database:
        with pytest.raises(KeyboardInterrupt):
            recompute(database, lambda: MOMENT, stop)
        done = rows(corpus, f"SELECT count(*) FROM images WHERE hash_recipe = '{RECIPE}'")
        assert done == [(stopped_after,)]
        assert recompute(database, lambda: MOMENT).frames == 7 - stopped_after
    assert rows(corpus, FRAMES) == online
    assert rows(corpus, LOOKS) == looks


def test_a_crawl_into_an_old_corpus_and_a_recompute_after_it_leave_the_earliest_as_representative(corpus: Path) -> None:
    make_old(corpus)
    with open_corpus(corpus) as opened:
        _, (task,) = start(opened, 20, plan_hash="q" * 64)
        late = show(opened, task, "late", copy(negatives.frame(1, 1), "jpeg 30"))
        assert late.is_new  # the old frames have no looks yet
        recompute(opened.database, lambda: MOMENT)
    assert marks(corpus)[-1] == ("late", "first", "look")
    assert marks(corpus)[0] == ("first", None, None)


def test_a_frame_whose_bytes_are_broken_is_marked_and_the_others_are_done(corpus: Path) -> None:
    make_old(corpus)
    connection = sqlite3.connect(corpus)
    connection.execute(
        "UPDATE image_data SET data = substr(data, 1, 300) WHERE sha256 = (SELECT sha256 FROM images WHERE id = 8)"
    )
    connection.commit()
    connection.close()
    with open_database(corpus, write=True, lock=True) as database:
        assert recompute(database, lambda: MOMENT).refused == 1
    assert rows(corpus, "SELECT phash, evidence FROM images WHERE id = 8") == [(None, '{"content": "none"}')]
    assert ("half", None, None) in marks(corpus)
    assert ("cropped", "first", "look") in marks(corpus)


def test_the_command_recomputes_and_says_when_there_is_nothing_to_do(corpus: Path) -> None:
    make_old(corpus)
    code, said, _ = command("--recompute", "--corpus", corpus)
    assert (code, said) == (0, "7 frames looked at, 3 equal an earlier one, 3 marks changed, 0 no pictures\n")
    code, said, _ = command("--recompute", "--corpus", corpus)
    assert (code, said) == (0, "every frame has the present recipe already\n")


def test_the_command_explains_why_two_pictures_are_the_same_or_not(corpus: Path, tmp_path: Path) -> None:
    code, said, _ = command("--corpus", corpus, "--explain", "first", "captioned", "--json")
    assert code == 0
    answer = json.loads(said)
    assert answer["same"] is True
    assert "which is enough" in answer["because"]
    assert answer["thresholds"]["frames"] == THRESHOLD
    assert {len(pair["regions"]) for pair in answer["compared"]} == {21}
    assert command("--corpus", corpus, "--explain", "first", "other")[1].startswith("not the same: ")
    assert "has no content" in command("--corpus", corpus, "--explain", "#12", "other")[1]
    file = tmp_path / "picture.jpg"
    file.write_bytes(copy(negatives.frame(1, 2), "stickers"))
    assert command("--corpus", corpus, "--explain", file, "#8")[1].startswith("the same: ")
    assert "bytes are equal" in command("--corpus", corpus, "--explain", "other", "#8")[1]


def test_the_command_writes_a_page_of_the_closest_and_farthest_pairs(corpus: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    code, said, _ = command("--corpus", corpus, "--report", page, "--limit", "2")
    assert (code, said) == (0, f"written to {page}\n")
    text = page.read_text()
    assert "7 frames, 3 different pictures" in text
    assert text.count("<figure>") >= 2
    assert text.count("data:image/jpeg;base64,") == 2 * text.count("<figure>")
    assert text.index("Closest pairs") < text.index("Farthest pairs")
    assert "frames agree in" in text
    assert "light in" in text


def test_the_page_shows_the_pairs_of_an_older_recipe_too(corpus: Path) -> None:
    connection = sqlite3.connect(corpus)
    connection.execute("UPDATE images SET evidence = json_remove(evidence, '$.light', '$.nearest.light')")
    connection.commit()
    connection.close()
    with open_database(corpus, write=False) as database, database.read() as session:
        text = report(session)
    assert text.count("frames agree in") == 3
    assert "light in" not in text


def test_the_command_lists_clusters(corpus: Path) -> None:
    code, said, _ = command("--corpus", corpus, "--clusters", "earliest")
    assert (code, said) == (0, "#2: #2, #4, #6, #14\n#8: #8, #10\n3 different pictures, 2 of them more than once\n")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "say what to do"),
        (["--recompute", "--clusters", "earliest"], "say what to do"),
        (["--explain", "first", "nobody"], "there is no picture nobody"),
        (["--explain", "first", "#999"], "there is no picture #999"),
        (["--report", "/proc/none/page.html"], "cannot be written"),
        (["--clusters", "nicest"], "earliest, sharpest"),
        (["--explain", "first"], "requires 2 arguments"),
    ],
)
def test_wrong_usage_is_one_sentence_and_exit_code_2(corpus: Path, arguments: list[str], sentence: str) -> None:
    code, said, complaint = command("--corpus", corpus, *arguments)
    assert (code, said) == (2, "")
    assert sentence in complaint
    assert "Traceback" not in complaint


def test_a_file_that_is_no_picture_or_a_corpus_that_is_not_there_is_one_sentence(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("no picture")
    code, _, complaint = command("--corpus", corpus, "--explain", "first", tmp_path / "text.jpg")
    assert (code, "cannot be compared" in complaint) == (2, True)
    for arguments in (["--recompute"], ["--clusters", "earliest"]):
        code, _, complaint = command("--corpus", tmp_path / "none.sqlite", *arguments)
        assert (code, "there is no corpus" in complaint) == (2, True)
    assert not (tmp_path / "none.sqlite").exists()


def test_recompute_needs_the_corpus_to_itself(corpus: Path) -> None:
    with open_corpus(corpus):
        code, _, complaint = command("--recompute", "--corpus", corpus)
    assert code == 2
    assert "another process" in complaint
