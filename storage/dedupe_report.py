"""A page for a person to judge the duplicate check by: the closest pairs it kept apart, the farthest it merged."""

import base64
from html import escape
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from storage.clusters import clusters
from storage.dedupe import LEAST_LIGHT, LEAST_SMALL, THRESHOLD
from storage.looks import RECIPE, StoredPictures
from storage.models import Image, Short

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Duplicates</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 74rem; margin: 2rem auto; padding: 0 1rem; color: #222 }}
.pairs {{ display: flex; flex-wrap: wrap; gap: 1rem }}
figure {{ margin: 0; padding: .6rem; border: 1px solid #ccc; border-radius: 6px; width: 17rem }}
img {{ height: 14rem; max-width: 8.2rem; object-fit: contain; background: #eee }}
figcaption {{ font-size: 12px; overflow-wrap: anywhere }}
</style></head><body>
<h1>Duplicates</h1>
<p>{frames} frames, {clusters} different pictures; recipe {recipe}. Two pictures are the same if, aligned, at least
{threshold} of their structure agrees and {light} of their area is equally light.</p>
<h2>Closest pairs that were kept apart</h2>
<p>None of these should be the same picture.</p><div class="pairs">{kept}</div>
<h2>Farthest pairs that were merged</h2>
<p>All of these should be the same picture.</p><div class="pairs">{merged}</div>
</body></html>
"""


def report(session: Session, limit: int = 20) -> str:
    """The page (HTML, self-contained) with at most so many pairs of each kind."""

    def said(path: str) -> Any:
        return func.json_extract(Image.evidence, path)

    def margin(within: str) -> Any:
        """The lesser of both shares over its threshold; older recipes had one share."""
        frames, light = said(f"{within}.frames") / THRESHOLD, said(f"{within}.light") / LEAST_LIGHT
        return func.coalesce(case((light < frames, light), else_=frames), 0)

    kept = session.scalars(
        select(Image)
        .where(said("$.nearest").is_not(None))
        .order_by(margin("$.nearest").desc(), said("$.nearest.small").desc(), Image.id)
        .limit(limit)
    ).all()
    merged = session.scalars(
        select(Image).where(Image.duplicate_by == "look").order_by(margin("$"), Image.id).limit(limit)
    ).all()
    frames = session.scalar(select(func.count()).select_from(Image).where(Image.role == "frame")) or 0
    return _PAGE.format(
        frames=frames,
        clusters=len(clusters(session)),
        recipe=escape(RECIPE),
        threshold=THRESHOLD,
        light=LEAST_LIGHT,
        kept="".join(_pair(session, image, (image.evidence or {})["nearest"]) for image in kept) or "<p>None.</p>",
        merged="".join(_pair(session, image, image.evidence or {}) for image in merged) or "<p>None.</p>",
    )


def _pair(session: Session, image: Image, evidence: dict[str, Any]) -> str:
    other = session.get_one(Image, evidence["picture"])
    frames = evidence["frames"]
    light = f", light in {evidence['light']}" if "light" in evidence else ""
    score = (
        f"frames agree in {frames}{light}" if frames is not None else f"small copies agree in less than {LEAST_SMALL}"
    )
    regions = ", ".join(f"{name} {bits}" for name, bits in evidence["regions"])
    return (
        f"<figure>{_picture(session, other)} {_picture(session, image)}<figcaption>{_name(session, other)} · "
        f"{_name(session, image)}<br>{score}; small {evidence['small']}; nearest regions (bits): {escape(regions)}"
        "</figcaption></figure>"
    )


def _picture(session: Session, image: Image) -> str:
    data = base64.b64encode(StoredPictures(session).data(image.id)).decode()
    return f'<img alt="picture {image.id}" src="data:image/jpeg;base64,{data}">'


def _name(session: Session, image: Image) -> str:
    short = session.get_one(Short, image.short_id)
    return escape(f"{short.platform} {short.platform_id} (#{image.id})")
