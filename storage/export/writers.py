"""One file (or folder) of samples per shard, in each format. Nothing in them depends on when or where they are made."""

import csv
import io
import json
import tarfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from storage.export.rows import ROWS_AT_ONCE, Row, Sample
from storage.export.schema import COLUMNS, MANIFEST, arrow_schema

MODE = 0o644


@dataclass(frozen=True, kw_only=True)
class Format:
    """How shards of a kind are written."""

    suffix: str
    """Of a shard; empty where a shard is a folder."""
    pictures: bool
    """Whether pictures are inside."""
    write: Callable[[Iterable[Sample], Path], None]
    manifest: Callable[[Iterable[Row], Path], None] | None = None
    """Writes the ids-only manifest, where the format has one."""


def write_parquet(samples: Iterable[Sample], path: Path) -> None:
    """Pictures inside, as `datasets` reads them; a row group holds a hundred rows, so that a viewer opens fast."""
    rows = (
        {**one.row, "image": {"bytes": one.picture, "path": f"{one.key}.{one.suffix}"}}
        for one in samples
    )  # fmt: skip
    _parquet(rows, arrow_schema(COLUMNS, pictures=True), path)


def write_webdataset(samples: Iterable[Sample], path: Path) -> None:
    """A tar with a picture and a JSON file of the same name per short."""
    with path.open("wb") as file, tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for one in samples:
            about = json.dumps(one.row, ensure_ascii=False, sort_keys=True).encode()
            for name, data in ((f"{one.key}.{one.suffix}", one.picture), (f"{one.key}.json", about)):
                entry = tarfile.TarInfo(name)  # no owner, time 0
                entry.size, entry.mode = len(data), MODE
                tar.addfile(entry, io.BytesIO(data))


def write_imagefolder(samples: Iterable[Sample], path: Path) -> None:
    """A folder of pictures with its `metadata.jsonl`."""
    path.mkdir()
    with (path / "metadata.jsonl").open("w", encoding="utf-8") as about:
        for one in samples:
            name = f"{one.key}.{one.suffix}"
            (path / name).write_bytes(one.picture)
            about.write(json.dumps({"file_name": name, **one.row}, ensure_ascii=False) + "\n")


def write_jsonl(samples: Iterable[Sample], path: Path) -> None:
    """Rows without pictures."""
    _jsonl((one.row for one in samples), path)


def write_csv(samples: Iterable[Sample], path: Path) -> None:
    """Rows without pictures; lists and structures are JSON in their cell."""
    _csv((one.row for one in samples), tuple(COLUMNS), path)


def _parquet(rows: Iterable[Row], schema: pa.Schema, path: Path) -> None:
    with path.open("wb") as file, pq.ParquetWriter(file, schema, compression="zstd", version="2.6") as writer:
        for some in _groups(rows, ROWS_AT_ONCE):
            writer.write_table(pa.Table.from_pylist(some, schema=schema))


def _jsonl(rows: Iterable[Row], path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def _csv(rows: Iterable[Row], names: tuple[str, ...], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(names)
        for row in rows:
            table.writerow([_cell(row[name]) for name in names])


def _cell(said: Any) -> Any:
    return json.dumps(said, ensure_ascii=False) if isinstance(said, list | dict) else said


def _groups(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    some: list[Row] = []
    for row in rows:
        some.append(row)
        if len(some) == size:
            yield some
            some = []
    if some:
        yield some


def _manifest_parquet(rows: Iterable[Row], path: Path) -> None:
    _parquet(rows, arrow_schema(MANIFEST, pictures=False), path)


def _manifest_csv(rows: Iterable[Row], path: Path) -> None:
    _csv(rows, MANIFEST, path)


FORMATS = {
    "parquet": Format(suffix=".parquet", pictures=True, write=write_parquet, manifest=_manifest_parquet),
    "webdataset": Format(suffix=".tar", pictures=True, write=write_webdataset),
    "imagefolder": Format(suffix="", pictures=True, write=write_imagefolder),
    "jsonl": Format(suffix=".jsonl", pictures=False, write=write_jsonl, manifest=_jsonl),
    "csv": Format(suffix=".csv", pictures=False, write=write_csv, manifest=_manifest_csv),
}
