"""The columns of a dataset, for Arrow and for the hub: `datasets` reads their features from the Parquet files."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

Feature = dict[str, Any] | list[Any]

TEXT, NUMBER, REAL, TRUTH = "string", "int64", "float64", "bool"


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a dataset."""

    type: Any
    """A word, [a list of it], or {a structure}."""
    meaning: str
    """As the dataset card prints it; empty where the name says all."""


def _column(type: Any, meaning: str = "") -> Column:
    return Column(type=type, meaning=meaning)


LABEL = {"kind": TEXT, "name": TEXT, "stance": TEXT, "source": TEXT, "score": REAL, "model": TEXT}
SHOWING = {
    "shown": TEXT,
    "mode": TEXT,
    "decision": TEXT,
    "decider": TEXT,
    "model": TEXT,
    "persona": TEXT,
    "score": REAL,
    "reason": TEXT,
    "action": TEXT,
    "seconds_on_screen": REAL,
}
COLUMNS: dict[str, Column] = {
    "id": _column(TEXT, "`platform:platform_id`, or a pseudonym"),
    "split": _column(TEXT, "train or test"),
    "platform": _column(TEXT),
    "platform_id": _column(TEXT, "the site's own id"),
    "url": _column(TEXT, "canonical address, without handle"),
    "author": _column(TEXT, "keyed hash of the handle"),
    "duration": _column(REAL, "of the video, seconds"),
    "published": _column(TEXT, "as the site states it, ISO 8601, UTC"),
    "language": _column(TEXT, "as the site states it"),
    "sound": _column(TEXT, "title of the sound"),
    "paid_partnership": _column(TRUTH, "as the site marks it"),
    "ai_generated": _column(TRUTH, "as the site marks it"),
    "subtitles": _column(TEXT, "as the site gives them"),
    "first_seen": _column(TEXT, "by the agent, ISO 8601, UTC"),
    "picture": _column(TEXT, "screen (as a viewer saw it) or frame (clean)"),
    "width": _column(NUMBER, "of the picture, pixels"),
    "height": _column(NUMBER, "of the picture, pixels"),
    "image_sha256": _column(TEXT, "of the picture's bytes"),
    "media_time": _column(REAL, "second of the video at which the clean frame was taken"),
    "frame_source": _column(TEXT, "canvas (clean frame) or crop (cut from the screen, overlays included)"),
    "phash": _column(TEXT, "64-bit perceptual hash of the clean frame, hexadecimal"),
    "hash_recipe": _column(TEXT, "how the hash was made; hashes of two recipes cannot be compared"),
    "frame_sha256": _column(TEXT, "of the clean frame's bytes"),
    "caption": _column(TEXT, "newest one seen; @mentions are keyed hashes"),
    "hashtags": _column([TEXT]),
    "views": _column(NUMBER, "newest count seen"),
    "likes": _column(NUMBER, "newest count seen"),
    "comments": _column(NUMBER, "newest count seen"),
    "shares": _column(NUMBER, "newest count seen"),
    "observed": _column(TEXT, "when caption and counts were seen, ISO 8601, UTC"),
    "cluster": _column(TEXT, "id of the earliest short in the dataset with the same picture"),
    "collected_under": _column(
        [{"value": TEXT, "keyword": TEXT}], "what was searched for; says nothing of what the short shows"
    ),
    "labels": _column(
        [LABEL],
        "statements by named sources: the short expresses, opposes or depicts the value or topic, or does not (none); "
        "source `query` means collected under",
    ),
    "showings": _column([SHOWING], "each showing to the agent: who decided what, and how long it was on screen"),
}

MANIFEST = (
    "platform",
    "platform_id",
    "url",
    "split",
    "labels",
    "media_time",
    "frame_source",
    "phash",
    "hash_recipe",
    "frame_sha256",
)
"""What the ids-only manifest holds: enough to collect the same shorts again and to tell whether they are the same.

`agent.rebuild` reads it, from Parquet, JSON lines and CSV (labels are JSON in their cell there). Columns may be added;
none of these changes its name, type or meaning. A rebuild needs `platform`, `platform_id` and `labels`, and for the
comparison of pictures `phash`, `hash_recipe`, `media_time` and `frame_source`, any of which may be empty.
"""

_ARROW = {TEXT: pa.string(), NUMBER: pa.int64(), REAL: pa.float64(), TRUTH: pa.bool_()}
_IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def arrow_schema(names: Iterable[str], *, pictures: bool) -> pa.Schema:
    """The schema of a Parquet file, with the features of `datasets` in its metadata."""
    types = {name: COLUMNS[name].type for name in names}
    fields = [(name, _arrow(kind)) for name, kind in types.items()]
    features: dict[str, Feature] = {name: _feature(kind) for name, kind in types.items()}
    if pictures:
        fields = [("image", _IMAGE), *fields]
        features = {"image": {"_type": "Image"}, **features}
    about = json.dumps({"info": {"features": features}}, separators=(",", ":"))
    return pa.schema(fields, metadata={"huggingface": about})


def _arrow(kind: Any) -> pa.DataType:
    if isinstance(kind, list):
        return pa.list_(_arrow(kind[0]))
    if isinstance(kind, dict):
        return pa.struct([(name, _arrow(part)) for name, part in kind.items()])
    return _ARROW[kind]


def _feature(kind: Any) -> Feature:
    """In the notation that every version of `datasets` since 2.0 reads: a list stands for a list."""
    if isinstance(kind, list):
        return [_feature(kind[0])]
    if isinstance(kind, dict):
        return {name: _feature(part) for name, part in kind.items()}
    return {"dtype": kind, "_type": "Value"}
