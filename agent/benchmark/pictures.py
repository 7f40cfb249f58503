"""Pictures as they are sent: at one size and quality, so that what a model saw can be stated.

Made from the corpus's bytes in a thread of their own, a few kept for the other models and questions that show them.
"""

import asyncio
import hashlib
import io
from collections import OrderedDict

from PIL import Image

from storage.database import Database
from storage.errors import UsageError
from storage.sampling import picture_bytes

KEPT = 64
"""Pictures held in memory, some MB."""


class Pictures:
    """The pictures of a corpus as a plan sends them."""

    def __init__(self, database: Database, *, size: int, quality: int) -> None:
        """
        Args:
            size: longest side at most, in pixels.
            quality: of the JPEG.
        """
        self.source: dict[str, str] = {}
        """SHA-256 of a picture in the corpus, by that of what was sent for it."""
        self._database = database
        self._size, self._quality = size, quality
        self._made: OrderedDict[str, asyncio.Future[bytes]] = OrderedDict()

    async def sent(self, sha256: str) -> bytes:
        """The JPEG that is sent for a picture of the corpus.

        Raises:
            UsageError: it is not in the corpus, or cannot be read.
        """
        making = self._made.get(sha256)
        if making is None:
            making = self._made[sha256] = asyncio.ensure_future(asyncio.to_thread(self._make, sha256))
            if len(self._made) > KEPT:
                self._made.popitem(last=False)
        else:
            self._made.move_to_end(sha256)
        data = await asyncio.shield(making)
        self.source[hashlib.sha256(data).hexdigest()] = sha256
        return data

    def _make(self, sha256: str) -> bytes:
        data = picture_bytes(self._database, {sha256}).get(sha256)
        if data is None:
            raise UsageError(
                f"picture {sha256[:12]} is no longer in {self._database.path}; take a copy of the corpus that has it"
            )
        try:
            return prepared(data, size=self._size, quality=self._quality)
        except (OSError, ValueError) as error:
            raise UsageError(f"picture {sha256[:12]} of {self._database.path} cannot be read ({error})") from error


def prepared(data: bytes, *, size: int, quality: int) -> bytes:
    """A picture as JPEG with a longest side of at most `size` pixels; never enlarged.

    Raises:
        OSError, ValueError: it is no picture.
    """
    with Image.open(io.BytesIO(data)) as opened:
        picture = opened.convert("RGB")
    picture.thumbnail((size, size), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality)
    return out.getvalue()
