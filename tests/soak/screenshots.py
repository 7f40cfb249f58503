"""The recorded agent screenshots, served through `--media`: collected, deduplicated, labelled, and set beside the
answers that GPT-4o gave to the same pictures in June 2024 (SOURCES.md names them)."""

import csv
import re
import tempfile
from collections import Counter
from pathlib import Path

from sqlalchemy import select

from storage.database import open_database
from storage.models import Exposure, Image, LabelRow, Short
from tests.commands import collect
from tests.recordings import recordings

NOTED = {
    "no frame": ("instagram10", "instagram15"),
    "blurred preview": ("instagram18", "instagram30", "instagram6", "instagram39"),
    "motion blur, a real frame": ("tiktok23", "tiktok28", "tiktok44"),
}


def main() -> bool:
    """Print what became of the pictures; True if everything that should be kept was kept."""
    source = recordings()
    if source is None:
        print("the recordings are not here: skipped")
        return True
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        media = home / "media"
        media.mkdir()
        for picture in sorted((source / "screenshots").glob("llm4sm_*[0-9].jpeg")):
            if "fullsize" not in picture.name:
                (media / picture.name.removeprefix("llm4sm_")).write_bytes(picture.read_bytes())
        total = len(list(media.iterdir()))
        figures = collect(
            home, "--media", media, "--mode", "feed", "--limit", str(total), "--decider", "similarity", timeout=1200
        )
        return _print(home, total, figures, _recorded_answers(source))


def _recorded_answers(source: Path) -> dict[str, str]:
    """yes or no by picture, from the CSVs."""
    answers = {}
    for name, platform in (("gpto_tiktok", "tiktok"), ("gpto_ins", "instagram")):
        with (source / f"screenshots/llm4sm_experiment_data_plain_{name}.csv").open(encoding="utf-8-sig") as file:
            for row in csv.DictReader(file):
                number = re.search(r"(\d+)\.jpeg", row["Image Name"])
                if number:
                    answers[f"{platform}{number[1]}"] = "yes" if "yes" in row["Answer"].lower() else "no"
    return answers


def _print(home: Path, total: int, figures: dict[str, object], recorded: dict[str, str]) -> bool:
    with open_database(home / "data/corpus.sqlite", write=False) as corpus, corpus.read() as session:
        shown = session.execute(
            select(Exposure, Short, Image)
            .outerjoin(Short, Short.id == Exposure.short_id)
            .outerjoin(Image, Image.id == Exposure.frame_image_id)
        ).all()
        topics = Counter(session.scalars(select(LabelRow.name).where(LabelRow.kind == "topic")))
    decided: dict[str, Exposure] = {}
    became: dict[str, str] = {}
    for exposure, short, image in shown:
        extra = short.extra if short else (exposure.record or {}).get("extra", {})
        name = Path(extra.get("media_file", "?")).stem
        became[name] = exposure.cause or ("duplicate" if image and image.duplicate_of else exposure.outcome)
        if exposure.decision:
            decided[name] = exposure
    print(f"{total} pictures served, {len(became)} shown; what became of them: {dict(Counter(became.values()))}")
    for what, names in NOTED.items():
        print(f"  {what}: " + ", ".join(f"{name} {became.get(name, 'not shown')}" for name in names))
    table = Counter((recorded[name], row.decision) for name, row in decided.items() if name in recorded)
    agree = sum(count for (one, two), count in table.items() if one == two)
    print(f"GPT-4o (June 2024) against similarity on {sum(table.values())} pictures: {agree} agree")
    for one in ("yes", "no"):
        print(f"  GPT-4o {one}: similarity yes {table[one, 'yes']}, no {table[one, 'no']}")
    print(f"topics: {dict(topics.most_common(8))}")
    kept = all(became.get(name) == "done" for name in NOTED["motion blur, a real frame"])
    return kept and "done" not in {became.get("instagram10"), became.get("instagram15")}
