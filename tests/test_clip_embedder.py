"""The path through transformers, on a tiny random model of the right architecture that the tests save themselves."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from retrieval.embedders import choice, clip, packaged
from retrieval.embedders.base import present
from retrieval.embedders.choice import make_embedder
from retrieval.embedders.clip import ClipEmbedder
from storage.errors import NotSetUp, UsageError
from tests.drawn import built_embedder, clock, crossword, encoded, traffic_light

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

WORDS = ["<pad>", "<unk>", "<end>", "a", "dog", "beach", "red", "clock", "on", "the"]
TOWER = {"hidden_size": 32, "intermediate_size": 37, "num_hidden_layers": 2, "num_attention_heads": 4}
TEXT = {**TOWER, "max_position_embeddings": 16, "bos_token_id": 2, "eos_token_id": 2, "pad_token_id": 0}
VISION = {**TOWER, "image_size": 32, "patch_size": 8}


def save(folder: Path, kind: str, vocabulary: int = 300) -> Path:
    """A model with random weights and a tokenizer of ten words, as `save_pretrained` writes them."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    torch.manual_seed(7)
    text = {**TEXT, "vocab_size": vocabulary}
    if kind == "clip":
        config = transformers.CLIPConfig(text_config=text, vision_config=VISION, projection_dim=24)
        model = transformers.CLIPModel(config)
    else:
        config = transformers.SiglipConfig(text_config={**text, "projection_size": 32}, vision_config=VISION)
        model = transformers.SiglipModel(config)
    model.save_pretrained(folder)
    tokenizer = Tokenizer(models.WordLevel({word: place for place, word in enumerate(WORDS)}, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A <end>", special_tokens=[("<end>", 2)])
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<end>", unk_token="<unk>"
    ).save_pretrained(folder)
    means = {"image_mean": [0.48, 0.46, 0.41], "image_std": [0.27, 0.26, 0.28]}
    (folder / "preprocessor_config.json").write_text(json.dumps(means))
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("models")
    return {kind: save(root / kind, kind) for kind in ("clip", "siglip")}


@pytest.fixture(autouse=True)
def no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is fetched, and what the user of this machine has downloaded is not found."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(clip, "USUAL", ("nobody/no-such-model",))
    monkeypatch.delenv(clip.FOLDER_VARIABLE, raising=False)


@pytest.fixture(params=["clip", "siglip"])
def embedder(request: pytest.FixtureRequest, folders: dict[str, Path]) -> ClipEmbedder:
    return ClipEmbedder(folders[request.param], threads=1)


def test_pictures_and_texts_are_unit_vectors_of_one_space(embedder: ClipEmbedder) -> None:
    pictures = embedder.embed_pictures([encoded(clock()), encoded(crossword(), "JPEG")])
    texts = embedder.embed_texts(["a dog", "the beach", "a red clock on the beach"])
    assert pictures.shape == (2, embedder.dim)
    assert texts.shape == (3, embedder.dim)
    np.testing.assert_allclose(np.linalg.norm(np.concatenate([pictures, texts]), axis=1), 1, atol=1e-5)
    assert abs(float(texts[0] @ texts[1])) < 0.9999


def test_vectors_are_those_of_the_model_itself(folders: dict[str, Path]) -> None:
    for kind, folder in folders.items():
        side = Image.new("RGB", (32, 32), (200, 40, 90))
        model = transformers.AutoModel.from_pretrained(folder).eval()
        means = np.array([0.48, 0.46, 0.41]), np.array([0.27, 0.26, 0.28])
        pixels = ((np.asarray(side) / 255 - means[0]) / means[1]).transpose(2, 0, 1)[None]
        ids = [4, 2] if kind == "clip" else [4, 2] + [0] * 14
        with torch.inference_mode():
            seen = model.get_image_features(pixel_values=torch.tensor(pixels, dtype=torch.float32)).pooler_output
            said = model.get_text_features(input_ids=torch.tensor([ids])).pooler_output
        ours = ClipEmbedder(folder)
        for expected, found in ((seen, ours.embed_pictures([encoded(side)])), (said, ours.embed_texts(["dog"]))):
            np.testing.assert_allclose(found[0], (expected / expected.norm()).numpy()[0], atol=1e-4)


def test_a_vector_does_not_depend_on_the_batch_it_came_in(embedder: ClipEmbedder) -> None:
    pictures = [encoded(image()) for image in (clock, crossword, traffic_light)] * 15
    texts = ["a dog", "the beach on the beach on the beach", "red"] * 15
    for embed, items in ((embedder.embed_pictures, pictures), (embedder.embed_texts, texts)):
        alone = np.concatenate([embed([item]) for item in items[:3]])  # type: ignore[list-item]
        np.testing.assert_allclose(embed(items), np.tile(alone, (15, 1)), atol=1e-5)  # type: ignore[arg-type]


def test_what_cannot_be_decoded_or_read_is_absent(embedder: ClipEmbedder) -> None:
    pictures = embedder.embed_pictures([b"", encoded(clock()), b"no picture"])
    assert present(pictures).tolist() == [False, True, False]
    texts = embedder.embed_texts(["", "a dog", "🎉", "休みの日", "отпуск"])
    assert present(texts).tolist() == [False, True, False, False, False]
    assert embedder.embed_pictures([]).shape == embedder.embed_texts([]).shape == (0, embedder.dim)


def test_a_model_of_many_languages_reads_every_script(tmp_path: Path) -> None:
    embedder = ClipEmbedder(save(tmp_path / "many", "siglip", clip.MANY_LANGUAGES))
    assert embedder.languages is None
    assert present(embedder.embed_texts(["休みの日", "отпуск", "🎉"])).tolist() == [True, True, False]


def test_things_are_a_thousand_texts(embedder: ClipEmbedder) -> None:
    assert embedder.things().shape == (1000, embedder.dim)


def test_a_name_belongs_to_the_weights_and_not_to_the_folder(folders: dict[str, Path], tmp_path: Path) -> None:
    name = clip.model_name(folders["clip"])
    assert name.startswith("clip32-")
    shutil.copytree(folders["clip"], tmp_path / "elsewhere")
    assert clip.model_name(tmp_path / "elsewhere") == name
    assert clip.model_name(folders["siglip"]) != name
    weights = tmp_path / "elsewhere" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"abcd")
    assert clip.model_name(tmp_path / "elsewhere") != name


def damaged(folder: Path, change: Callable[[Path], Any]) -> Path:
    change(folder)
    return folder


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda folder: (folder / "model.safetensors").unlink(), "has no weights"),
        (lambda folder: (folder / "config.json").unlink(), "has no weights"),
        (lambda folder: (folder / "config.json").write_text("{"), "cannot be read as JSON"),
        (lambda folder: (folder / "config.json").write_text('{"model_type": "bert"}'), "is 'bert', none of clip"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"nothing"), "cannot be loaded"),
        (lambda folder: shutil.copy(folder.parent / "other.safetensors", folder / "model.safetensors"), "are missing"),
    ],
    ids=["no weights", "no configuration", "no JSON", "another kind", "damaged weights", "another model's weights"],
)
def test_a_folder_that_is_no_model_is_refused_in_one_sentence(
    folders: dict[str, Path], tmp_path: Path, change: Callable[[Path], Any], said: str
) -> None:
    shutil.copy(folders["siglip"] / "model.safetensors", tmp_path / "other.safetensors")
    folder = damaged(Path(shutil.copytree(folders["clip"], tmp_path / "model")), change)
    with pytest.raises(NotSetUp, match=said) as refused:
        make_embedder(f"clip:{folder}").embedder.embed_pictures([encoded(clock())])
    assert "\n" not in str(refused.value)


def test_clip_is_taken_where_its_weights_are_at_hand_and_that_is_said(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    built_embedder()
    taken = make_embedder()
    assert taken.embedder.name == packaged.RECIPE
    assert "no CLIP weights are at hand" in taken.why
    with pytest.raises(NotSetUp, match="no CLIP weights are at hand; name a folder"):
        make_embedder("clip")
    monkeypatch.setenv(clip.FOLDER_VARIABLE, str(folders["clip"]))
    name = clip.model_name(folders["clip"])
    for taken in (make_embedder(), make_embedder("clip"), make_embedder(stored=[packaged.RECIPE, name])):
        assert taken.embedder.name == name
        assert str(folders["clip"]) in taken.why
    taken = make_embedder(stored=[packaged.RECIPE])
    assert taken.embedder.name == packaged.RECIPE
    assert "the corpus has vectors of it" in taken.why
    assert make_embedder("packaged").embedder.name == packaged.RECIPE


def test_without_transformers_clip_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    built_embedder()
    monkeypatch.setattr(clip, "is_installed", lambda: False)
    with pytest.raises(NotSetUp, match=r"pip install 'value-spectrum\[clip\]'"):
        make_embedder("clip:anything")
    assert "transformers is not installed" in make_embedder().why
    with pytest.raises(UsageError, match="--model CLIP is unknown; choose auto, packaged"):
        make_embedder("CLIP")
    assert choice.AUTO == "auto"
