"""How near a picture is to a word, read against chance; what the floor of a value set is set on.

As in `retrieval.similarity`, for whole corpora: a picture's cosine with the word is counted in standard deviations
from its mean over 200 everyday words, since some pictures are near every word, and then given as the share of a
thousand things at random for which that figure is smaller. So the floor .95 lets one thing in twenty pass by chance:
it keeps out what is plainly unrelated, and says nothing about the value. That is what the checks are for.

On the hundred recorded screenshots and the 23 keywords that they show (`tests/soak/retrieval.py`), with the packaged
model, the floor .95 let pass 41 % of the pictures that show the keyword and 6 % of the others; no other figure tried
(cosine, its share or its deviation) let more of the first pass at an equal share of the second. To rank pictures within
one word the plain cosine is better (mAP .44 against .35), which is why this only guards the door.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from retrieval.embedders.base import Embedder, Vectors
from retrieval.ranking import Ranker
from retrieval.vocabulary import load_vocabulary
from storage.embeddings import Part, ShortIds

WORDS_AT_ONCE = 20

Floats = npt.NDArray[np.float32]


def picture_shares(ranker: Ranker, embedder: Embedder, words: Sequence[str], ids: ShortIds) -> Floats:
    """The share of things at random that are less near, shape (words, ids); 0 for a short without a picture vector.

    Args:
        words: that the embedder knows.
        ids: short ids, ascending.
    """
    packaged = load_vocabulary()
    everyday = embedder.embed_texts([word.word for form in "AB" for word in packaged.keywords(form)])
    asked = embedder.embed_texts(words)
    pictures = ranker.cosines(asked, Part.PICTURE)
    mean, spread = _moments(ranker, everyday)
    near = (pictures.scores - mean) / spread
    things = _things(embedder.things(), asked, everyday)
    found = np.stack([np.searchsorted(chance, row) / len(chance) for chance, row in zip(things, near, strict=True)])
    shares = np.zeros((len(words), len(ids)), np.float32)
    places = np.searchsorted(ids, pictures.ids)
    there = (places < len(ids)) & (ids[np.minimum(places, len(ids) - 1)] == pictures.ids)
    shares[:, places[there]] = found[:, there]
    return shares


def _moments(ranker: Ranker, everyday: Vectors) -> tuple[Floats, Floats]:
    """Each picture's mean and spread over everyday words, without holding all cosines at once."""
    total: Floats | None = None
    squares: Floats | None = None
    for start in range(0, len(everyday), WORDS_AT_ONCE):
        scores = ranker.cosines(everyday[start : start + WORDS_AT_ONCE], Part.PICTURE).scores
        total = scores.sum(axis=0) if total is None else total + scores.sum(axis=0)
        squares = (scores**2).sum(axis=0) if squares is None else squares + (scores**2).sum(axis=0)
    assert total is not None
    assert squares is not None
    mean = np.asarray(total / len(everyday), np.float32)
    return mean, np.asarray(np.sqrt(np.maximum(squares / len(everyday) - mean**2, 1e-8)), np.float32)


def _things(things: Vectors, words: Vectors, everyday: Vectors) -> Floats:
    """Sorted nearness of things at random to each word, shape (words, things)."""
    usual = things @ everyday.T
    near = (things @ words.T - usual.mean(axis=1, keepdims=True)) / usual.std(axis=1, keepdims=True)
    return np.asarray(np.sort(near.T, axis=1), np.float32)
