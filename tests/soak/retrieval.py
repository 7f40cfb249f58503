"""How well the recorded agent screenshots are found: by what GPT-4o said of each in June 2024, and by keywords.

Known-item search: every description is a query, its screenshot the one that is relevant. Keywords: what each picture
shows of the vocabulary's words was judged by eye on contact sheets, the clear cases only (`recorded_keywords.csv`);
few words of few values occur in a hundred shorts of three feeds, so these intervals are wide. The recordings come
without captions; what stands in the picture is read by OCR and takes the caption's place, where rapidocr is installed.
The model that described a picture had read that text, too, so figures of text flatter it there.
"""

import csv
import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from retrieval.captions import caption_words
from retrieval.judgements import write_labels
from retrieval.screen_text import ScreenReader
from storage.errors import NotSetUp
from tests.commands import run
from tests.recordings import recordings

COLUMNS = ("picture", "query", "relevant", "caption")
ANSWER = re.compile(r"^\s*(?:yes|no)\b[.,:]?\s*", re.IGNORECASE)
KEYWORDS = Path(__file__).with_name("recorded_keywords.csv")

Row = dict[str, object]


def main() -> bool:
    """Print the tables; True if descriptions find their pictures better than chance."""
    source = recordings()
    if source is None:
        print("the recordings are not here: skipped")
        return True
    pictures = source / "screenshots"
    texts = screen_texts(pictures)
    described = list(descriptions(pictures))
    known_item = evaluated(pictures, [{**row, "caption": texts.get(str(row["picture"]), "")} for row in described])
    evaluated(pictures, list(keywords([str(row["picture"]) for row in described], texts)))
    found = known_item["by"]["picture"]["groups"]["all"]["recall@10"]
    return bool(found["low"] > 10 / known_item["items"])


def evaluated(pictures: Path, rows: list[Row]) -> dict[str, Any]:
    """`python -m retrieval.evaluate` on these judgements: its tables are printed, its figures returned."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        write_labels(home / "labels.csv", rows, COLUMNS)
        done = run(
            home, "retrieval.evaluate", "--labels", "labels.csv", "--pictures", pictures, "--out", "figures.json",
            "--model", "packaged", timeout=1200,
        )  # fmt: skip
        print(done.stdout + done.stderr)
        assert done.returncode == 0
        (figures,) = json.loads((home / "figures.json").read_text())["embedders"]
    return dict(figures)


def descriptions(pictures: Path) -> Iterator[Row]:
    """One judgement for each recorded screenshot that was described."""
    for name, platform in (("gpto_tiktok", "tiktok"), ("gpto_ins", "instagram")):
        with (pictures / f"llm4sm_experiment_data_plain_{name}.csv").open(encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file):
                number = re.search(r"(\d+)\.jpeg", row["Image Name"])
                picture = f"llm4sm_{platform}{number[1]}.jpeg" if number else ""
                words = " ".join(ANSWER.sub("", row["Reason"]).split())
                if words and picture and (pictures / picture).exists():
                    yield {"picture": picture, "query": words, "relevant": 1}


def keywords(pictures: list[str], texts: dict[str, str]) -> Iterator[Row]:
    """The judgements by keyword, over the same hundred pictures: one that shows no keyword is named once with 0."""
    with KEYWORDS.open(encoding="utf-8", newline="") as file:
        judged = [{**row, "picture": f"llm4sm_{row['picture']}.jpeg"} for row in csv.DictReader(file)]
    named = {row["picture"] for row in judged}
    others = [{"picture": picture, "query": judged[0]["query"], "relevant": 0} for picture in pictures]
    for row in [*judged, *(other for other in others if other["picture"] not in named)]:
        yield {**row, "caption": texts.get(str(row["picture"]), "")}


def screen_texts(pictures: Path) -> dict[str, str]:
    """What can be read in each picture; nothing where OCR is not installed."""
    try:
        reader = ScreenReader()
    except NotSetUp as error:
        print(error)
        return {}
    read = {path.name: reader.read(path.read_bytes()) for path in sorted(pictures.glob("llm4sm_*[0-9].jpeg"))}
    return {name: caption_words(found.text, ()) for name, found in read.items() if found}
