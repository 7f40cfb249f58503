"""The columns of a dataset, for Arrow and for the hub: `datasets` reads their features from the Parquet files."""

import json
from typing import Any

import pyarrow as pa

Feature = dict[str, Any] | list[Any]

TEXT, NUMBER, REAL, TRUTH = "string", "int64", "float64", "bool"
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
COLUMNS: dict[str, Any] = {
    "id": TEXT,
    "split": TEXT,
    "platform": TEXT,
    "platform_id": TEXT,
    "url": TEXT,
    "author": TEXT,
    "duration": REAL,
    "published": TEXT,
    "language": TEXT,
    "sound": TEXT,
    "paid_partnership": TRUTH,
    "ai_generated": TRUTH,
    "subtitles": TEXT,
    "first_seen": TEXT,
    "picture": TEXT,
    "width": NUMBER,
    "height": NUMBER,
    "image_sha256": TEXT,
    "media_time": REAL,
    "frame_source": TEXT,
    "phash": TEXT,
    "hash_recipe": TEXT,
    "frame_sha256": TEXT,
    "caption": TEXT,
    "hashtags": [TEXT],
    "views": NUMBER,
    "likes": NUMBER,
    "comments": NUMBER,
    "shares": NUMBER,
    "observed": TEXT,
    "cluster": TEXT,
    "collected_under": [{"value": TEXT, "keyword": TEXT}],
    "labels": [LABEL],
    "showings": [SHOWING],
}
"""Name to type: a word, [a list of it], or {a structure}."""

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
"""What the ids-only manifest holds: enough to collect the same shorts again and to tell whether they are the same."""

_ARROW = {TEXT: pa.string(), NUMBER: pa.int64(), REAL: pa.float64(), TRUTH: pa.bool_()}
_IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def arrow_schema(columns: dict[str, Any], *, pictures: bool) -> pa.Schema:
    """The schema of a Parquet file, with the features of `datasets` in its metadata."""
    fields = [(name, _arrow(kind)) for name, kind in columns.items()]
    features: dict[str, Feature] = {name: _feature(kind) for name, kind in columns.items()}
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
