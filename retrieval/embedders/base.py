"""What an embedder does: pictures and texts become unit vectors of one space, so that a cosine compares them."""

import re
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

    @property
    def languages(self) -> frozenset[str] | None:
        """Primary tags (`en`) of the languages that it knows; None for any. Text that a platform states to be in
        another one is left out by the caller, since most languages cannot be told by their script."""

    def embed_pictures(self, pictures: Sequence[bytes]) -> Vectors:
        """One row per encoded picture (JPEG, PNG, WebP); absent where it cannot be decoded."""

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """One row per text; absent where it is empty or in a script that the embedder does not know."""

    def things(self) -> Vectors:
        """A thousand or so things at random, as both a picture and a text of each would be embedded: what a cosine
        is read against."""


LEAST_LATIN = 0.5
"""Share of a text's letters that must be Latin for a model of English. Other languages in Latin script pass."""


def is_latin(text: str) -> bool:
    """Whether a text has letters, and most of them Latin."""
    letters = re.findall(r"[^\W\d_]", text)
    return bool(letters) and sum(letter < "ɐ" for letter in letters) >= LEAST_LATIN * len(letters)


def present(vectors: Vectors) -> npt.NDArray[np.bool_]:
    """Which rows are vectors and not absent. Shape (n,)."""
    return np.asarray(vectors.any(axis=1))


def unit(vectors: npt.NDArray[np.floating]) -> Vectors:
    """The rows at length 1; rows of zeros stay zeros."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths == 0, 1, lengths), np.float32)
