"""An embedder that looks into a corpus first: a picture that its model has seen is not embedded again."""

import hashlib
from collections.abc import Sequence

import numpy as np

from retrieval.embedders.base import Embedder, Vectors
from storage.embeddings import Embeddings, Part


class StoredEmbedder:
    """Another embedder with the memory of a corpus, for pictures that are stored in it; texts are embedded as ever.

    Stored vectors have half precision: a cosine may differ in the fourth decimal from that of a fresh one.
    """

    def __init__(self, embedder: Embedder, embeddings: Embeddings) -> None:
        self.name = embedder.name
        self.dim = embedder.dim
        self.languages = embedder.languages
        self._embedder = embedder
        self._embeddings = embeddings

    def embed_pictures(self, pictures: Sequence[bytes]) -> Vectors:
        """Unit vectors (n, dim) of stored pictures; new ones are kept."""
        keys = [hashlib.sha256(picture).hexdigest() for picture in pictures]
        known = self._embeddings.of_pictures(self.name, Part.PICTURE, keys, self.dim)
        new = {key: picture for key, picture in zip(keys, pictures, strict=True) if key not in known}
        if new:
            fresh = dict(zip(new, self._embedder.embed_pictures(list(new.values())), strict=True))
            self._embeddings.add(self.name, Part.PICTURE, fresh)
            known.update(fresh)
        return np.stack([known[key] for key in keys]) if keys else np.empty((0, self.dim), np.float32)

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """As the embedder itself."""
        return self._embedder.embed_texts(texts)

    def things(self) -> Vectors:
        """As the embedder itself."""
        return self._embedder.things()
