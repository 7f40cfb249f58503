"""What an embedder does: pictures and texts become unit vectors of one space, so that a cosine compares them."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
"""Shape (n, dim). Every row has length 1, or is all zeros: *absent*, which is not the same as dissimilar."""


class Embedder(Protocol):
    """One model. Vectors of two embedders never meet: `name` is stored with every vector."""

    name: str
    """Model and recipe; changes whenever the vectors do."""
    dim: int

    def embed_pictures(self, pictures: Sequence[bytes]) -> Vectors:
        """One row per encoded picture (JPEG, PNG, WebP); absent where it cannot be decoded."""

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """One row per text; absent where it is empty or in a language the embedder does not know."""

    def unrelated(self) -> tuple[Vectors, Vectors]:
        """Pictures and texts of things at random, as many of each: what a cosine is read against.

        Row i of one has nothing to do with row i of the other.
        """


def present(vectors: Vectors) -> npt.NDArray[np.bool_]:
    """Which rows are vectors and not absent. Shape (n,)."""
    return np.asarray(vectors.any(axis=1))
