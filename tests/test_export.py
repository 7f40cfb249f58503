"""Datasets out of a corpus: what is in them, what is not and why, and that nothing half-written is left."""

import csv
import hashlib
import io
import json
import resource
import subprocess
import tarfile
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from PIL import Image
from sqlalchemy import select

from storage.corpus import Corpus
from storage.database import open_database
from storage.export.__main__ import app
from storage.export.split import picture_clusters, splits
from storage.models import Event
from storage.pseudonyms import Pseudonyms
from storage.removals import FILE, Tombstones, add_removals
from tests.commands import command
from tests.dataset_tools import COPIES, SHORTS, Run, Shelf, author, name, runner
from tests.storage_tools import MOMENT, rows, scene, show, start

UNIQUE = SHORTS - len(COPIES)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    shelf = Shelf(tmp_path_factory.mktemp("shelf"))
    shelf.make("corpus.sqlite", (range(SHORTS), "p"))
    return shelf


@pytest.fixture
def corpus(shelf: Shelf, tmp_path: Path) -> Path:
    return shelf.take("corpus.sqlite", tmp_path / "corpus.sqlite")


@pytest.fixture
def export(corpus: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    run = runner(app, monkeypatch, capsys)
    return lambda out, *arguments: run("--corpus", corpus, "--out", out, *arguments)


def files(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def parquet_rows(folder: Path) -> list[dict[str, Any]]:
    return [row for path in sorted(folder.glob("data/*.parquet")) for row in pq.read_table(path).to_pylist()]


def test_parquet_holds_every_picture_once_with_features_and_splits(export: Run, tmp_path: Path) -> None:
    out = tmp_path / "out"
    code, said, _ = export(out, "--test", "0.3", "--shard", "10", "--json")
    stats = json.loads(said)
    assert code == 0
    assert stats["skipped"] == {"duplicate": len(COPIES)}
    assert stats["shorts"] == UNIQUE
    found = parquet_rows(out)
    assert len(found) == UNIQUE
    assert {row["platform_id"] for row in found} == {name(number) for number in range(SHORTS)} - set(COPIES)
    for row in found:
        assert hashlib.sha256(row["image"]["bytes"]).hexdigest() == row["image_sha256"]
        assert Image.open(io.BytesIO(row["image"]["bytes"])).size == (row["width"], row["height"])
        assert {label["source"] for label in row["labels"]} == {"model", "similarity", "query"}
        assert row["author"].startswith("h:")
    about = pq.read_schema(next(out.glob("data/train-*"))).metadata[b"huggingface"]
    features = json.loads(about)["info"]["features"]
    assert features["image"] == {"_type": "Image"}
    assert list(features) == list(found[0])
    assert stats["splits"] == dict(Counter(row["split"] for row in found))
    assert set(stats["splits"]) == {"train", "test"}
    skipped = [json.loads(line) for line in (out / "report" / "skipped.jsonl").read_text().splitlines()]
    assert {one["id"]: one["same_picture_as"] for one in skipped} == {
        f"sandbox:{copy}": f"sandbox:{name(original)}" for copy, original in COPIES.items()
    }


def test_no_author_and_no_near_copy_stands_in_both_splits(corpus: Path) -> None:
    with open_database(corpus, write=False) as database, database.read() as session:
        clustered = picture_clusters(session)
        numbers = {row[1]: row[0] for row in rows(corpus, "SELECT id, platform_id FROM shorts")}
        sides = set()
        for seed in range(20):
            split = splits(session, clustered, seed=seed, test_share=0.5)
            sides |= set(split.values())
            by_author: dict[str, set[str]] = {}
            for number in range(SHORTS):
                by_author.setdefault(author(number), set()).add(split[numbers[name(number)]])
            assert all(len(found) == 1 for found in by_author.values())
            for copy, original in COPIES.items():
                assert split[numbers[copy]] == split[numbers[name(original)]]
    assert sides == {"train", "test"}


@pytest.mark.parametrize("kind", ["parquet", "webdataset", "imagefolder", "jsonl", "csv"])
def test_the_same_corpus_gives_the_same_bytes(kind: str, export: Run, tmp_path: Path) -> None:
    for folder in ("one", "two"):
        assert export(tmp_path / folder, "--format", kind, "--shard", "7")[0] == 0
    assert files(tmp_path / "one") == files(tmp_path / "two")


def test_an_export_that_was_cut_goes_on_with_the_missing_shards(export: Run, tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    export(whole, "--shard", "5")
    export(cut, "--shard", "5")
    (cut / "report" / "stats.json").unlink()
    lost = sorted(cut.glob("data/*.parquet"))[1:3]
    for path in lost:
        path.unlink()
    (cut / "data" / ".train-00001-of-00005.parquet.part").write_bytes(b"half")
    code, said, _ = export(cut, "--shard", "5", "--json")
    assert code == 0
    assert json.loads(said)["shards_kept"] == json.loads(said)["shards"] - len(lost)
    assert {path: sha for path, sha in files(cut).items() if ".part" not in path} == files(whole)
    assert export(cut, "--shard", "6")[0] == 2


def test_an_export_never_goes_on_over_something_else(export: Run, corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "letter.txt").write_text("mine")
    code, _, complaint = export(out)
    assert (code, list(files(out))) == (2, ["letter.txt"])
    assert "give another --out" in complaint
    export(tmp_path / "older")
    with Corpus(corpus, collecting=True, now=lambda: MOMENT) as more:
        _, tasks = start(more, 5, plan_hash="q" * 64)
        show(more, tasks[0], "newer", scene(77))
    code, _, complaint = export(tmp_path / "older")
    assert (code, "contents of the corpus" in complaint) == (2, True)


def test_webdataset_pairs_each_picture_with_its_row(export: Run, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert export(out, "--format", "webdataset", "--picture", "frame")[0] == 0
    seen = 0
    for path in out.glob("data/*.tar"):
        with tarfile.open(path) as tar:
            members = tar.getmembers()
            assert {(member.mtime, member.uid, member.uname) for member in members} == {(0, 0, "")}
            for picture, about in zip(members[::2], members[1::2], strict=True):
                assert picture.name.partition(".")[0] == about.name.partition(".")[0]
                data, row = tar.extractfile(picture), tar.extractfile(about)
                assert data is not None
                assert row is not None
                said = json.load(row)
                assert hashlib.sha256(data.read()).hexdigest() == said["image_sha256"] == said["frame_sha256"]
                seen += 1
    assert seen == UNIQUE


def test_imagefolder_names_every_picture_in_its_metadata(export: Run, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert export(out, "--format", "imagefolder", "--shard", "6", "--with-duplicates")[0] == 0
    listed = []
    for about in out.glob("t*/*/metadata.jsonl"):
        for line in about.read_text().splitlines():
            row = json.loads(line)
            assert (about.parent / row["file_name"]).is_file()
            assert row["split"] == about.parent.parent.name
            listed.append(row["platform_id"])
    assert sorted(listed) == [name(number) for number in range(SHORTS)]


@pytest.mark.parametrize("kind", ["parquet", "jsonl", "csv"])
def test_the_manifest_holds_ids_labels_and_hashes_and_no_picture(kind: str, export: Run, tmp_path: Path) -> None:
    out = tmp_path / f"manifest.{kind}"
    assert export(out, "--no-images", "--format", kind)[0] == 0
    if kind == "parquet":
        found = pq.read_table(out).to_pylist()
    elif kind == "jsonl":
        found = [json.loads(line) for line in out.read_text().splitlines()]
    else:
        found = [row | {"labels": json.loads(row["labels"])} for row in csv.DictReader(out.open(newline=""))]
    assert len(found) == UNIQUE
    assert set(found[0]) == {
        "platform", "platform_id", "url", "split", "labels", "media_time", "frame_source", "phash", "hash_recipe",
        "frame_sha256",
    }  # fmt: skip
    assert all(row["labels"] and row["phash"] and row["hash_recipe"] and "person" not in row["url"] for row in found)
    code, _, complaint = export(out, "--no-images", "--format", kind)
    assert (code, "exists" in complaint) == (2, True)


def test_filters_are_those_of_the_search(export: Run, tmp_path: Path) -> None:
    code, said, note = export(tmp_path / "a", "--value", "power", "--source", "query", "--decision", "yes", "--json")
    assert (code, "power, says query" in note) == (0, True)
    assert {row["platform_id"] for row in parquet_rows(tmp_path / "a")} == {
        name(number) for number in range(0, SHORTS, 2) if number % 4
    }
    assert json.loads(said)["skipped"] == {}
    assert export(tmp_path / "b", "--platform", "tiktok")[0] == 5
    assert not (tmp_path / "b").exists()


def test_a_pseudonymised_export_names_nobody_and_says_what_it_cannot_hide(export: Run, tmp_path: Path) -> None:
    plain, veiled = tmp_path / "plain", tmp_path / "veiled"
    export(plain, "--format", "jsonl")
    code, _, note = export(veiled, "--format", "jsonl", "--pseudonymise")
    assert (code, "stays personal data" in note) == (0, True)
    text = "".join(path.read_text() for path in veiled.glob("data/*.jsonl"))
    for row in [json.loads(line) for path in plain.glob("data/*.jsonl") for line in path.read_text().splitlines()]:
        assert row["platform_id"] not in text
        assert row["author"] not in text
        assert str(row["views"]) not in text
    assert text.count("\n") == UNIQUE


def test_what_was_forgotten_is_left_out_and_not_named(export: Run, corpus: Path, tmp_path: Path) -> None:
    pseudonyms = Pseudonyms.of_user()
    makes = Tombstones(pseudonyms)
    gone = [
        makes.of_short("sandbox", name(20), MOMENT),
        makes.of_author(pseudonyms.handle(author(0)), MOMENT),
    ]
    add_removals(corpus.with_name(FILE), gone)
    code, said, _ = export(tmp_path / "out", "--json")
    assert (code, json.loads(said)["skipped"]["forgotten"]) == (0, 4)
    left = {row["platform_id"] for row in parquet_rows(tmp_path / "out")}
    assert left.isdisjoint({name(number) for number in (0, 1, 2, 20)})
    assert name(7) in left, "its picture's first short is forgotten, so it stands for it"
    assert name(20) not in (tmp_path / "out" / "report" / "skipped.jsonl").read_text()


def test_removals_that_nobody_here_can_read_stop_the_export(
    export: Run, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_removals(corpus.with_name(FILE), [Tombstones(Pseudonyms(b"x" * 32)).of_short("sandbox", name(1), MOMENT)])
    code, _, complaint = export(tmp_path / "out")
    assert (code, "another pseudonym key" in complaint) == (2, True)
    corpus.with_name(FILE).write_text("{half")
    assert export(tmp_path / "out")[0] == 2
    assert not (tmp_path / "out").exists()


def test_a_full_disk_leaves_whole_shards_and_the_same_command_goes_on(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = command("storage.export", "--corpus", corpus, "--out", out, "--shard", "8")
    limit = 40_000  # bytes of a file: a shard of eight pictures is larger

    def small_disk() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    done = subprocess.run(arguments, preexec_fn=small_disk, capture_output=True, text=True, check=False)
    assert (done.returncode, "Traceback" in done.stderr, "no space left" in done.stderr) == (1, False, True)
    assert [path for path in out.rglob("*") if path.is_file()] == [out / "report" / "export.json"]
    assert subprocess.run(arguments, capture_output=True, check=False).returncode == 0
    assert len(parquet_rows(out)) == UNIQUE


def test_bad_input_gets_one_sentence(export: Run, corpus: Path, tmp_path: Path) -> None:
    for arguments, words in (
        (("--format", "xlsx"), "not known"),
        (("--format", "webdataset", "--no-images"), "no pictures"),
        (("--no-images", "--pseudonymise"), "leave one of them out"),
    ):
        code, _, complaint = export(tmp_path / "out", *arguments)
        assert (code, words in complaint, complaint.count("\n")) == (2, True, 1)
    corpus.write_bytes(corpus.read_bytes()[:9_000])
    code, _, complaint = export(tmp_path / "out")
    assert (code, complaint.count("\n")) == (2, 1), complaint
    assert not (tmp_path / "out").exists()


def test_an_export_is_in_the_history_of_the_corpus_once(export: Run, corpus: Path, tmp_path: Path) -> None:
    export(tmp_path / "out")
    export(tmp_path / "out")
    with open_database(corpus, write=False) as database, database.read() as session:
        (event,) = session.scalars(select(Event).where(Event.kind == "export"))
    assert event.detail["out"] == str(tmp_path / "out")
    assert event.detail["shorts"] == UNIQUE
