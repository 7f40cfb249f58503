"""Datasets out of a corpus: what is in them, what is not and why, and that nothing half-written is left."""

import csv
import hashlib
import io
import json
import shutil
import tarfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from PIL import Image
from sqlalchemy import select

from storage import card
from storage.corpus import Corpus
from storage.database import open_database
from storage.errors import StorageFull
from storage.export.__main__ import app, export
from storage.export.output import write_whole
from storage.export.schema import MANIFEST
from storage.export.split import picture_clusters, splits
from storage.models import Event
from storage.pseudonyms import Pseudonyms
from storage.removals import FILE, Tombstones, add_removals
from tests.commands import kill_group, start
from tests.dataset_tools import COPIES, SHORTS, Run, Shelf, author, files, name, runner, small_disk
from tests.storage_tools import MOMENT, rows, scene, show, until
from tests.storage_tools import start as start_run

UNIQUE = SHORTS - len(COPIES)
KINDS = ("parquet", "webdataset", "imagefolder", "jsonl", "csv")
SHARD, TEST = 7, 0.3


@pytest.fixture
def corpus(shelf: Shelf, tmp_path: Path) -> Path:
    return shelf.take("corpus.sqlite", tmp_path / "corpus.sqlite")


@pytest.fixture
def exports(corpus: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    run = runner(app, monkeypatch, capsys)
    return lambda out, *arguments: run("--corpus", corpus, "--out", out, *arguments)


@pytest.fixture(scope="module")
def source(shelf: Shelf, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The corpus of the exports that several tests look at."""
    return Path(shutil.copy(shelf.corpus("corpus.sqlite"), tmp_path_factory.mktemp("source")))


@pytest.fixture(scope="module")
def made(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """An export in each format, made when it is first asked for."""
    folder = tmp_path_factory.mktemp("made")

    def one(kind: str) -> Path:
        if not (folder / kind).exists():
            make(source, folder / kind, kind)
        return folder / kind

    return one


def make(corpus: Path, out: Path, kind: str) -> None:
    assert export(corpus=str(corpus), out=out, format=kind, shard=SHARD, test=TEST) == 0


def parquet_rows(folder: Path) -> list[dict[str, Any]]:
    return [row for path in sorted(folder.glob("data/*.parquet")) for row in pq.read_table(path).to_pylist()]


def json_rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for path in sorted(folder.glob("data/*.jsonl")) for line in path.open()]


def stats(folder: Path) -> dict[str, Any]:
    said: dict[str, Any] = json.loads((folder / "report" / "stats.json").read_text())
    return said


# What is in it


def test_parquet_holds_every_picture_once_with_features_and_splits(made: Callable[[str], Path]) -> None:
    found = parquet_rows(made("parquet"))
    assert {row["platform_id"] for row in found} == {name(number) for number in range(SHORTS)} - set(COPIES)
    assert len(found) == UNIQUE
    for row in found:
        assert hashlib.sha256(row["image"]["bytes"]).hexdigest() == row["image_sha256"]
        assert Image.open(io.BytesIO(row["image"]["bytes"])).size == (row["width"], row["height"])
        assert {label["source"] for label in row["labels"]} == {"model", "similarity", "query"}
        assert row["author"].startswith("h:")
    about = pq.read_schema(next(made("parquet").glob("data/train-*"))).metadata[b"huggingface"]
    features = json.loads(about)["info"]["features"]
    assert features["image"] == {"_type": "Image"}
    assert list(features) == list(found[0])


def test_the_report_counts_what_is_in_and_says_why_the_rest_is_not(made: Callable[[str], Path]) -> None:
    said, found = stats(made("parquet")), parquet_rows(made("parquet"))
    assert said["skipped"] == {"duplicate": len(COPIES)}
    assert said["splits"] == dict(Counter(row["split"] for row in found))
    assert set(said["splits"]) == {"train", "test"}
    counts = said["counts"]
    assert (counts["shorts"], counts["authors"]) == (UNIQUE, len({row["author"] for row in found}))
    languages = Counter(row["language"] for row in found)
    assert {name: of["sandbox"] for name, of in counts["languages"].items()} == languages
    named = Counter(label["name"] for row in found for label in row["labels"] if label["source"] == "query")
    assert {name: of["sandbox"] for name, of in counts["values"]["query"].items()} == named
    skipped = [json.loads(line) for line in (made("parquet") / "report" / "skipped.jsonl").open()]
    assert {one["id"]: one["same_picture_as"] for one in skipped} == {
        f"sandbox:{copy}": f"sandbox:{name(original)}" for copy, original in COPIES.items()
    }


def test_no_author_and_no_near_copy_stands_in_both_splits_not_even_through_others(shelf: Shelf) -> None:
    corpus = shelf.corpus("corpus.sqlite")
    numbers = {row[1]: row[0] for row in rows(corpus, "SELECT id, platform_id FROM shorts")}
    edges = [(one, other) for one in range(SHORTS) for other in range(SHORTS) if author(one) == author(other)]
    edges += [(int(copy[-2:]), original) for copy, original in COPIES.items()]
    sides = set()
    with open_database(corpus, write=False) as database, database.read() as session:
        clustered = picture_clusters(session)
        for seed in range(20):
            split = splits(session, clustered, seed=seed, test_share=0.5)
            assert [edge for edge in edges if len({split[numbers[name(one)]] for one in edge}) > 1] == []
            # 0 is by the author of 1, which 7 copies, whose author made 6: neither author nor picture in common.
            assert split[numbers[name(0)]] == split[numbers[name(6)]]
            sides |= set(split.values())
    assert sides == {"train", "test"}


def test_webdataset_pairs_each_picture_with_its_row(made: Callable[[str], Path]) -> None:
    seen = 0
    for path in made("webdataset").glob("data/*.tar"):
        with tarfile.open(path) as tar:
            members = tar.getmembers()
            assert {(member.mtime, member.uid, member.uname) for member in members} == {(0, 0, "")}
            for picture, about in zip(members[::2], members[1::2], strict=True):
                assert picture.name.partition(".")[0] == about.name.partition(".")[0]
                data, row = tar.extractfile(picture), tar.extractfile(about)
                assert data is not None
                assert row is not None
                assert hashlib.sha256(data.read()).hexdigest() == json.load(row)["image_sha256"]
                seen += 1
    assert seen == UNIQUE


def test_webdataset_opens_with_webdataset_where_it_is_installed(made: Callable[[str], Path]) -> None:
    webdataset = pytest.importorskip("webdataset")
    shards = [str(path) for path in sorted(made("webdataset").glob("data/*.tar"))]
    found = list(webdataset.WebDataset(shards, shardshuffle=False).decode("pil"))
    assert sorted(one["json"]["platform_id"] for one in found) == sorted(
        name(number) for number in range(SHORTS) if name(number) not in COPIES
    )
    assert all(one["jpg"].size == (one["json"]["width"], one["json"]["height"]) for one in found)
    assert len({one["__key__"] for one in found}) == UNIQUE


def test_imagefolder_names_every_picture_in_its_metadata(made: Callable[[str], Path]) -> None:
    listed = []
    for about in made("imagefolder").glob("t*/*/metadata.jsonl"):
        for line in about.read_text().splitlines():
            row = json.loads(line)
            assert (about.parent / row["file_name"]).is_file()
            assert row["split"] == about.parent.parent.name
            listed.append(row["platform_id"])
    assert sorted(listed) == [name(number) for number in range(SHORTS) if name(number) not in COPIES]


def test_every_format_opens_with_datasets_where_it_is_installed(
    made: Callable[[str], Path], source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    folders = {kind: made(kind) for kind in KINDS}
    published = make_published(source, tmp_path / "published")
    for kind, folder in {**folders, "published": published}.items():
        loaded = datasets.load_dataset(str(folder), cache_dir=str(tmp_path / "cache" / kind))
        assert {split: loaded[split].num_rows for split in loaded} == stats(folder)["splits"], kind
        column = {"webdataset": "jpg", "jsonl": None, "csv": None}.get(kind, "image")
        if column is not None:
            assert isinstance(loaded["train"].features[column], datasets.Image)
            assert loaded["train"][0][column].size == (180, 320)


def make_published(corpus: Path, out: Path) -> Path:
    """An export with its card, whose YAML names the files."""
    make(corpus, out, "parquet")
    assert card.command(corpus=str(corpus), out=out) == 0
    return out


@pytest.mark.parametrize("kind", ["parquet", "jsonl", "csv"])
def test_the_manifest_holds_ids_labels_and_hashes_and_no_picture(kind: str, exports: Run, tmp_path: Path) -> None:
    out = tmp_path / f"manifest.{kind}"
    assert exports(out, "--no-images", "--format", kind)[0] == 0
    if kind == "parquet":
        found = pq.read_table(out).to_pylist()
    elif kind == "jsonl":
        found = [json.loads(line) for line in out.read_text().splitlines()]
    else:
        found = [row | {"labels": json.loads(row["labels"])} for row in csv.DictReader(out.open(newline=""))]
    assert len(found) == UNIQUE
    assert tuple(found[0]) == MANIFEST == (
        "platform", "platform_id", "url", "split", "labels", "media_time", "frame_source", "phash", "hash_recipe",
        "frame_sha256",
    )  # fmt: skip
    assert all(row["labels"] and row["phash"] and row["hash_recipe"] and "person" not in row["url"] for row in found)
    assert {(float(row["media_time"]), row["frame_source"]) for row in found} == {(1.0, "canvas")}
    code, _, complaint = exports(out, "--no-images", "--format", kind)
    assert (code, "exists" in complaint) == (2, True)


def test_filters_are_those_of_the_search_and_each_is_counted(exports: Run, tmp_path: Path) -> None:
    code, said, note = exports(tmp_path / "a", "--value", "Power", "--source", "query", "--decision", "yes", "--json")
    assert (code, "power, says query" in note) == (0, True)
    assert {row["platform_id"] for row in parquet_rows(tmp_path / "a")} == {
        name(number) for number in range(0, SHORTS, 2) if number % 4
    }
    assert json.loads(said)["skipped"] == {"filtered: value": SHORTS // 2, "filtered: decision": 6}
    assert (tmp_path / "a" / "report" / "skipped.jsonl").read_text() == "", "what nobody asked for is not listed"
    assert exports(tmp_path / "b", "--platform", "tiktok")[0] == 5
    code, _, complaint = exports(tmp_path / "b", "--value", "Wealth")
    assert (code, "there is hedonism, power" in complaint, complaint.count("\n")) == (5, True, 1)
    assert exports(tmp_path / "b", "--until", "2020-01-01")[0] == 5
    assert not (tmp_path / "b").exists()


# People


def test_a_pseudonymised_export_names_nobody_and_says_what_it_cannot_hide(
    exports: Run, made: Callable[[str], Path], tmp_path: Path
) -> None:
    plain, veiled = json_rows(made("jsonl")), tmp_path / "veiled"
    code, _, note = exports(veiled, "--format", "jsonl", "--pseudonymise")
    assert (code, "stays personal data" in note) == (0, True)
    text = "".join(path.read_text() for path in veiled.rglob("*") if path.is_file())
    for row in plain:
        for told in ("platform_id", "author", "views", "image_sha256", "frame_sha256", "phash", "caption"):
            assert str(row[told]) not in text, told
    assert all(copy not in text for copy in COPIES), "nor does the report of what is left out"
    found = json_rows(veiled)
    assert len(found) == UNIQUE
    # In the order of the corpus, a row could be laid beside that of a manifest.
    assert [row["id"] for row in found if row["split"] == "train"] == sorted(
        row["id"] for row in found if row["split"] == "train"
    )
    assert [row["language"] for row in found] != [row["language"] for row in plain]


def test_what_was_forgotten_is_left_out_and_not_named(exports: Run, corpus: Path, tmp_path: Path) -> None:
    pseudonyms = Pseudonyms.of_user()
    makes = Tombstones(pseudonyms)
    gone = [
        makes.of_short("sandbox", name(20), MOMENT),
        makes.of_author(pseudonyms.handle(author(0)), MOMENT),
    ]
    add_removals(corpus.with_name(FILE), gone)
    code, said, _ = exports(tmp_path / "out", "--json")
    assert (code, json.loads(said)["skipped"]["forgotten"]) == (0, 4)
    left = {row["platform_id"] for row in parquet_rows(tmp_path / "out")}
    assert left.isdisjoint({name(number) for number in (0, 1, 2, 20)})
    assert name(7) in left, "its picture's first short is forgotten, so it stands for it"
    assert name(20) not in (tmp_path / "out" / "report" / "skipped.jsonl").read_text()
    assert exports(tmp_path / "manifest.jsonl", "--no-images", "--format", "jsonl")[0] == 0
    assert name(20) not in (tmp_path / "manifest.jsonl").read_text()


def test_removals_that_nobody_here_can_read_stop_the_export(
    exports: Run, corpus: Path, tmp_path: Path
) -> None:  # fmt: skip
    add_removals(corpus.with_name(FILE), [Tombstones(Pseudonyms(b"x" * 32)).of_short("sandbox", name(1), MOMENT)])
    code, _, complaint = exports(tmp_path / "out")
    assert (code, "another pseudonym key" in complaint) == (2, True)
    corpus.with_name(FILE).write_text("{half")
    assert exports(tmp_path / "out")[0] == 2
    assert not (tmp_path / "out").exists()


def test_an_export_is_in_the_history_of_the_corpus_once(exports: Run, corpus: Path, tmp_path: Path) -> None:
    exports(tmp_path / "out")
    exports(tmp_path / "out")
    with small_disk(40_000):
        assert exports(tmp_path / "cut", "--shard", "8")[0] == 1
    exports(tmp_path / "cut", "--shard", "8")
    with open_database(corpus, write=False) as database, database.read() as session:
        events = session.scalars(select(Event).where(Event.kind == "export")).all()
    assert [event.detail["out"] for event in events] == [str(tmp_path / "out"), str(tmp_path / "cut")]
    assert events[0].detail["shorts"] == UNIQUE


# Whole or not at all


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_corpus_gives_the_same_bytes(
    kind: str, made: Callable[[str], Path], source: Path, tmp_path: Path
) -> None:
    make(source, tmp_path / "two", kind)
    assert files(made(kind)) == files(tmp_path / "two")


def test_an_export_that_was_cut_goes_on_with_the_missing_shards(exports: Run, tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    exports(whole, "--shard", "5")
    exports(cut, "--shard", "5")
    (cut / "report" / "stats.json").unlink()
    lost = sorted(cut.glob("data/*.parquet"))[1:3]
    for path in lost:
        path.unlink()
    (cut / "data" / f".{lost[0].name}.part").write_bytes(b"half")
    code, said, _ = exports(cut, "--shard", "5", "--json")
    assert code == 0
    assert json.loads(said)["shards_kept"] == json.loads(said)["shards"] - len(lost)
    assert files(cut) == files(whole)
    lost[1].unlink()
    assert exports(cut, "--shard", "5")[0] == 0
    assert files(cut) == files(whole), "a shard that somebody took away is made again"
    assert exports(cut, "--shard", "6")[0] == 2


def test_a_killed_export_leaves_whole_shards_and_the_same_command_goes_on(
    exports: Run, corpus: Path, tmp_path: Path
) -> None:
    arguments = ("--format", "imagefolder", "--shard", "1", "--test", "0")
    exports(tmp_path / "whole", *arguments)
    process = start(tmp_path, "storage.export", "--corpus", corpus, "--out", "out", *arguments)
    until(lambda: len(list(tmp_path.glob("out/train/0*"))) > 1 or process.poll() is not None, timeout=60)
    kill_group(process)
    assert [path for path in tmp_path.glob("out/train/0*") if len(list(path.iterdir())) != 2] == []
    assert not (tmp_path / "out" / "report" / "stats.json").exists()
    code, said, _ = exports(tmp_path / "out", *arguments, "--json")
    assert (code, json.loads(said)["shards_kept"] > 0) == (0, True)
    assert files(tmp_path / "out") == files(tmp_path / "whole")


def test_an_export_never_goes_on_over_something_else(exports: Run, corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "letter.txt").write_text("mine")
    code, _, complaint = exports(out)
    assert (code, list(files(out))) == (2, ["letter.txt"])
    assert "give another --out" in complaint
    exports(tmp_path / "older")
    with Corpus(corpus, collecting=True, now=lambda: MOMENT) as more:
        _, tasks = start_run(more, 5, plan_hash="q" * 64)
        show(more, tasks[0], "newer", scene(77))
    code, _, complaint = exports(tmp_path / "older")
    assert (code, "contents of the corpus" in complaint) == (2, True)


@pytest.mark.parametrize("kind", ["parquet", "webdataset", "imagefolder"])
def test_a_full_disk_leaves_whole_shards_and_the_same_command_goes_on(
    kind: str, exports: Run, made: Callable[[str], Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    arguments = ("--format", kind, "--shard", str(SHARD), "--test", str(TEST))
    with small_disk(4_000 if kind == "imagefolder" else 40_000):  # less than a picture, less than a shard
        code, _, complaint = exports(out, *arguments)
    assert (code, "no space left" in complaint, complaint.count("\n")) == (1, True, 1)
    assert set(files(out)) - set(files(made(kind))) == set()
    assert not (out / "report" / "stats.json").exists()
    assert exports(out, *arguments)[0] == 0
    assert files(out) == files(made(kind))


def test_a_full_disk_leaves_nothing_of_a_file(tmp_path: Path) -> None:
    out = tmp_path / "manifests" / "manifest.csv"

    def write(part: Path) -> None:
        part.write_text("row\n" * 1_000)

    with small_disk(1_000), pytest.raises(StorageFull, match="no space left"):
        write_whole(out, write)
    assert list(out.parent.iterdir()) == []


def test_bad_input_gets_one_sentence(exports: Run, corpus: Path, tmp_path: Path) -> None:
    for arguments, words in (
        (("--format", "xlsx"), "not known"),
        (("--format", "webdataset", "--no-images"), "no pictures"),
        (("--no-images", "--pseudonymise"), "leave one of them out"),
    ):
        code, _, complaint = exports(tmp_path / "out", *arguments)
        assert (code, words in complaint, complaint.count("\n")) == (2, True, 1)
    corpus.write_bytes(corpus.read_bytes()[:9_000])
    code, _, complaint = exports(tmp_path / "out")
    assert (code, complaint.count("\n")) == (2, 1), complaint
    assert not (tmp_path / "out").exists()
