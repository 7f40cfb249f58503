"""Picture bytes: kept once per content, in the corpus itself (D1)."""

import hashlib

from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.orm import Session

from storage.models import Image, ImageData
from storage.records import Picture

JPEG = "image/jpeg"
HEADS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF")
"""How the bytes of a JPEG, PNG or WebP begin."""


def looks_like_picture(data: bytes) -> bool:
    """Whether bytes (their first eight are enough) begin like a picture's; nothing is decoded."""
    return data.startswith(HEADS)


def keep_bytes(session: Session, data: bytes, media_type: str = JPEG) -> str:
    """Store picture bytes unless they are there already.

    Returns:
        Their SHA-256 in hex, the key of `image_data`.
    """
    sha256 = hashlib.sha256(data).hexdigest()
    row = insert(ImageData).values(sha256=sha256, media_type=media_type, data=data)
    session.execute(row.on_conflict_do_nothing())
    return sha256


def read_picture(session: Session, image_id: int) -> Picture:
    """A stored picture with its bytes."""
    row = session.get_one(Image, image_id)
    data = session.get_one(ImageData, row.sha256).data
    return Picture(
        role=row.role,
        source=row.source,
        method=row.method,
        data=data,
        width=row.width,
        height=row.height,
        media_time=row.media_time,
    )
