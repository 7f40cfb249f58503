"""Labels by similarity for stored shorts: only where no model answered, from stored vectors, beside other sources."""

from pathlib import Path

import numpy as np
import pytest

from agent.label import app
from retrieval.embedders.packaged import PackagedEmbedder
from retrieval.embedders.stored import StoredEmbedder
from storage.embeddings import Embeddings, Part
from storage.records import Label, LabelKind, Stance
from tests.drawn import built_embedder, clock, crossword, encoded, traffic_light
from tests.storage_tools import MOMENT, answer, open_corpus, rows, show, start
from tests.vector_tools import BROKEN, Colours, break_picture, colourful, ended, plain, reopened

SAID = "SELECT platform_id, labels.kind, name, stance, score, model FROM labels JOIN shorts ON shorts.id = short_id "
SIMILAR = SAID + "WHERE source = 'similarity' ORDER BY labels.id"
OTHERS = "SELECT * FROM labels WHERE source != 'similarity' ORDER BY id"


def labelled_corpus(path: Path) -> Path:
    """One short with a model's answer, one with an older similarity label, two without either."""
    with open_corpus(path) as corpus:
        _, (task,) = start(corpus, 9)
        answer_id = corpus.answers.put(answer(platform_id="answered"), None).id
        told = Label(
            kind=LabelKind.TOPIC, name="travel", source="vlm:m", stance=Stance.DEPICTS, model="m", answer_id=answer_id
        )
        kept = Label(kind=LabelKind.TOPIC, name="pets", source="similarity", stance=Stance.DEPICTS, score=0.5)
        food = "easy pasta recipe, cooking dinner in ten minutes"
        show(corpus, task, "answered", encoded(clock().convert("RGB"), "JPEG"), labels=(told,), caption=food)
        show(corpus, task, "older", encoded(traffic_light().convert("RGB"), "JPEG"), labels=(kept,), caption=food)
        show(corpus, task, "open", plain("red"), caption=food)
        show(corpus, task, "puzzle", encoded(crossword().convert("RGB"), "JPEG"), caption=None)
    return path


def label(path: Path, monkeypatch: pytest.MonkeyPatch, *more: str) -> int:
    monkeypatch.chdir(path.parent)
    return ended(app, ("--corpus", path, "--labeller", "similarity", *more), monkeypatch)


def test_only_shorts_without_a_models_answer_are_labelled_and_no_other_source_is_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    built_embedder()
    path = labelled_corpus(tmp_path / "c.sqlite")
    before, older = rows(path, OTHERS), rows(path, SIMILAR)
    assert label(path, monkeypatch, "--unanswered") == 0
    assert rows(path, OTHERS) == before
    after = rows(path, SIMILAR)
    assert after[: len(older)] == older
    assert {name for name, *_ in after[len(older) :]} == {"open", "puzzle"}
    assert ("open", "topic", "food") in {row[:3] for row in after}
    for _, kind, name, stance, score, model in after[len(older) :]:
        assert model == "lite0-minilm@1"
        assert stance == ("unsure" if kind == "value" or name == "other" else "depicts")
        assert score is None if name == "other" else 0.95 <= score <= 1
    assert label(path, monkeypatch, "--unanswered") == 5
    assert "no short that similarity has not labelled" in capsys.readouterr().err
    assert label(path, monkeypatch) == 0
    assert "answered" in {name for name, *_ in rows(path, SIMILAR)}
    assert rows(path, OTHERS) == before


def test_labelling_embeds_no_picture_that_is_embedded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built_embedder()
    path = labelled_corpus(tmp_path / "c.sqlite")
    given: list[int] = []
    forward = PackagedEmbedder.embed_pictures

    def counted(self: PackagedEmbedder, pictures: list[bytes]) -> object:
        given.append(len(pictures))
        return forward(self, pictures)

    monkeypatch.setattr(PackagedEmbedder, "embed_pictures", counted)
    assert label(path, monkeypatch) == 0
    assert sum(given) == 3
    assert label(path, monkeypatch, "--source", "again") == 0
    assert sum(given) == 4  # the one that had a label of similarity before
    again = rows(path, SAID + "WHERE source = 'again' AND platform_id IN ('open', 'puzzle') ORDER BY labels.id")
    first = rows(path, SAID + "WHERE source = 'similarity' AND platform_id IN ('open', 'puzzle') ORDER BY labels.id")
    assert [row[:4] for row in again] == [row[:4] for row in first]


def test_a_corpus_remembers_pictures_for_an_embedder(tmp_path: Path) -> None:
    path = colourful(tmp_path / "c.sqlite", number=2)
    break_picture(path, "red-1")
    pictures = [plain("red"), plain("blue"), plain("red")]
    with reopened(path) as corpus:
        inner = Colours()
        remembering = StoredEmbedder(inner, Embeddings(corpus.database, lambda: MOMENT))
        fresh = remembering.embed_pictures(pictures)
        stored = remembering.embed_pictures([*pictures, plain("green")])
    assert inner.pictures == [plain("red"), plain("blue"), plain("green")]
    np.testing.assert_allclose(fresh, Colours().embed_pictures(pictures), atol=1e-6)
    np.testing.assert_allclose(stored[:3], fresh, atol=1e-3)
    assert rows(path, "SELECT DISTINCT model, part FROM embeddings") == [("colours@1", Part.PICTURE.value)]
    assert remembering.embed_texts(["red"]).tolist() == Colours().embed_texts(["red"]).tolist()
    assert BROKEN not in inner.pictures
