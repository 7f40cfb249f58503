"""From the sandbox's page data to records; pure."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from agent.sandbox.sites import NAME
from storage.records import Kind, Record

CANONICAL = "https://sandbox.invalid/short/"
"""Stored addresses carry no port: the next server has another one."""
KINDS = {"video": Kind.SHORT, "photo": Kind.PHOTO, "live": Kind.LIVE}
COUNTS = ("views", "likes", "comments", "shares")


def record_of(item: Mapping[str, Any]) -> Record:
    """One item of the site's data, handles as they are."""
    kind = Kind.AD if item.get("isAd") else KINDS[item.get("type", "video")]
    stats = item.get("stats") or {}
    created = item.get("createTime")
    told = {name: item.get(name) for name in ("language", "sound", "subtitles", "unavailable")}
    return Record(
        platform=NAME,
        platform_id=item["id"] or None,
        kind=kind,
        url=CANONICAL + item["id"] if item["id"] else None,
        caption=item.get("desc") or None,
        author=(item.get("author") or {}).get("handle"),
        hashtags=tuple(item.get("hashtags") or ()),
        duration=item.get("duration") or None,
        published=datetime.fromtimestamp(created, UTC) if created else None,
        extra={"media_file": item["mediaFile"]} if "mediaFile" in item else {},
        paid_partnership=item.get("paidPartnership"),
        ai_generated=item.get("aiGenerated"),
        **{name: stats.get(name) for name in COUNTS},
        **told,
    )


def decoded(text: str) -> Any:
    """JSON, or None for what is none."""
    try:
        return json.loads(text)
    except ValueError:
        return None


def visitor_state(visitor: str) -> dict[str, Any]:
    """A browser's stored state with nothing but a visitor's id in it, for a profile that begins as this visitor."""
    cookie = {
        "name": "visitor", "value": visitor, "domain": "127.0.0.1", "path": "/", "expires": -1,
        "httpOnly": True, "secure": False, "sameSite": "Lax",
    }  # fmt: skip
    return {"cookies": [cookie], "origins": []}
