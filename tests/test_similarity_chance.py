"""That similarity's scale means what it says, on recorded screenshots: one unrelated short in ten reaches 0.9."""

import numpy as np
import pytest

from agent.deciders.similarity import THRESHOLD
from agent.labellers.similarity import LEVEL
from retrieval.embedders.base import Vectors
from retrieval.similarity import ShortVectors, Similarity
from retrieval.vocabulary import load_vocabulary
from tests.drawn import built_embedder
from tests.recordings import recordings


def test_recorded_shorts_reach_a_level_as_often_as_it_says_when_a_keyword_has_nothing_to_do_with_them() -> None:
    folder = recordings()
    if folder is None:
        pytest.skip("the recorded screenshots are not here")
    embedder = built_embedder()
    similarity = Similarity(embedder)
    screenshots = [path.read_bytes() for path in sorted((folder / "screenshots").glob("*.jpeg"))]
    silent: Vectors = np.zeros((1, embedder.dim), np.float32)
    shorts = [ShortVectors(seen=row[None], said=silent) for row in embedder.embed_pictures(screenshots)]
    keywords = [keyword.word for keyword in load_vocabulary().keywords()]
    found = [similarity.nearness(short, [word]) for short in shorts for word in keywords]
    ranks = np.array([near.rank for near in found if near is not None])
    assert len(ranks) == len(screenshots) * len(keywords)
    assert 0.4 < (ranks >= 0.5).mean() < 0.6
    assert 0.05 < (ranks >= THRESHOLD).mean() < 0.15
    assert 0.02 < (ranks >= LEVEL).mean() < 0.08
