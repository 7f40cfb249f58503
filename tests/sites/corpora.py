"""Comparing a corpus with what a test server served."""

from dataclasses import replace
from pathlib import Path

from sqlalchemy import select

from storage.database import open_database
from storage.models import Exposure, Observation, Short
from storage.pseudonyms import Pseudonyms
from storage.records import Outcome
from tests.sites.base import Site

OF_SHORT = (
    "url",
    "author",
    "duration",
    "published",
    "language",
    "sound",
    "paid_partnership",
    "ai_generated",
    "subtitles",
)
OF_OBSERVATION = ("caption", "views", "likes", "comments", "shares")
SECRET = "203.0.113."
"""The servers give every visitor an address of this documentation network: it may be stored nowhere."""


def stored_truth_differs(home: Path, site: Site, *, least: int) -> list[str]:
    """What the corpus in `home` holds otherwise than the site served it; empty when all is well."""
    pseudonyms = Pseudonyms.of_user()
    wrong = []
    with open_database(str(home / "corpus.sqlite"), write=False) as database, database.read() as session:
        rows = session.execute(select(Short, Observation).join(Observation, Observation.short_id == Short.id)).all()
        done = session.scalars(select(Exposure).where(Exposure.outcome == Outcome.DONE.value)).all()
        if len({row.platform_id for row in done}) < least:
            wrong.append(f"{len(done)} shorts instead of {least}")
        for short, seen in rows:
            truth = pseudonyms.record(replace(site.truth[short.platform_id]))
            for name in (*OF_SHORT, *OF_OBSERVATION):
                stored = getattr(short if name in OF_SHORT else seen, name)
                if stored != getattr(truth, name):
                    wrong.append(f"{short.platform_id} {name}: {stored!r}, served {getattr(truth, name)!r}")
            if tuple(seen.hashtags) != truth.hashtags:
                wrong.append(f"{short.platform_id} hashtags: {seen.hashtags}, served {truth.hashtags}")
    for path in home.rglob("*"):
        if path.is_file() and SECRET.encode() in path.read_bytes():
            wrong.append(f"{path.name} holds the visitor's address")
    return wrong
