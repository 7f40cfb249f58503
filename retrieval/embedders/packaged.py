"""The embedder that needs no key, no torch and no model hub: an ImageNet classifier and MiniLM in one space.

A picture is the mean of the text vectors of its likeliest classes, weighted by their probability (ConSE, Norouzi et
al. 2014), so pictures and texts share MiniLM's 384 dimensions. It knows the thousand nouns of ImageNet: no people,
actions, moods, brands or scenes beyond them. Both weights come in packages of the Python registry, are checked by
SHA-256, and are turned into ONNX once, in the user's cache.

`python -m retrieval.embedders.packaged` builds it.
"""

import os
import tempfile
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import platformdirs
from tokenizers import Tokenizer

from retrieval.embedders.base import Vectors, is_latin, unit
from retrieval.embedders.build_classifier import SIZE, classifier_model
from retrieval.embedders.build_classifier import read_weights as read_classifier
from retrieval.embedders.build_text_model import WIDTH, text_model
from retrieval.embedders.build_text_model import read_weights as read_text_model
from retrieval.embedders.build_wheels import CLASSIFIER, REMEDY, TEXT, fetch
from retrieval.embedders.decoding import Pixels, batches, centre_square
from storage import cli
from storage.errors import NotSetUp

CACHE_VARIABLE = "VALUE_SPECTRUM_CACHE"
RECIPE = "lite0-minilm@1"
TEMPERATURE = 2.0
TOP_CLASSES = 20
MOST_TOKENS = 128
BATCH = 32

app = cli.app("Build the packaged similarity model.")


def model_folder() -> Path:
    """Where the built model lies: the user's cache, or what VALUE_SPECTRUM_CACHE names."""
    named = os.environ.get(CACHE_VARIABLE)
    cache = Path(named) if named else platformdirs.user_cache_path("value-spectrum")
    return cache / RECIPE


def is_built() -> bool:
    """True if the model is there. A folder is put in place only when it is complete."""
    return model_folder().is_dir()


def build() -> None:
    """Fetch the weights and build the model, unless it is there. Two processes at once do no harm.

    Raises:
        NotSetUp: a package could not be fetched, or the cache cannot be written.
    """
    folder = model_folder()
    if is_built():
        return
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
            work = Path(temporary, "model")
            work.mkdir()
            (classifier,) = fetch(CLASSIFIER, Path(temporary))
            text, tokenizer = fetch(TEXT, Path(temporary))
            (work / "classifier.onnx").write_bytes(classifier_model(read_classifier(classifier)).SerializeToString())
            (work / "text.onnx").write_bytes(text_model(read_text_model(text)).SerializeToString())
            (work / "tokenizer.json").write_bytes(tokenizer)
            np.save(work / "classes.npy", _class_vectors(_TextModel(work, threads=os.cpu_count() or 1)))
            try:
                work.rename(folder)
            except OSError:
                if not is_built():  # else another process was first
                    raise
    except OSError as error:
        raise NotSetUp(
            f"the similarity model cannot be built in {folder.parent} ({error.strerror}); make room there or name "
            f"another folder with {CACHE_VARIABLE}, then run `{REMEDY}`"
        ) from error


class PackagedEmbedder:
    """The built model, loaded.

    Args:
        threads: of each model; few, since the browser needs the processor as well.

    Raises:
        NotSetUp: it is not built, or damaged.
    """

    name = RECIPE
    dim = WIDTH
    languages = frozenset({"en"})

    def __init__(self, threads: int = 1) -> None:
        folder = model_folder()
        if not is_built():
            raise NotSetUp(f"the packaged similarity model is not built; run `{REMEDY}`")
        try:
            self._classifier = _session(folder / "classifier.onnx", threads)
            self._text = _TextModel(folder, threads)
            self._classes: Vectors = np.load(folder / "classes.npy")
        except Exception as error:  # onnxruntime and tokenizers raise types of their own, or plain Exception
            raise NotSetUp(
                f"the packaged similarity model in {folder} is damaged; delete that folder, then run `{REMEDY}`"
            ) from error

    def embed_pictures(self, pictures: Sequence[bytes]) -> Vectors:
        """Unit vectors (n, 384); absent where a picture cannot be decoded."""
        vectors = np.zeros((len(pictures), self.dim), np.float32)
        for batch in batches(pictures, _pixels, BATCH):
            (logits,) = self._classifier.run(None, {"picture": batch.pixels})
            vectors[batch.places] = self._in_text_space(logits)
        return vectors

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors (n, 384); absent where a text is empty or not in Latin script."""
        vectors = np.zeros((len(texts), self.dim), np.float32)
        known = [place for place, text in enumerate(texts) if is_latin(text)]
        if known:
            vectors[known] = self._text.embed([texts[place] for place in known])
        return vectors

    def things(self) -> Vectors:
        """The vectors of the thousand classes."""
        return self._classes

    def _in_text_space(self, logits: Any) -> Vectors:
        scaled = np.exp((logits - logits.max(axis=1, keepdims=True)) / TEMPERATURE)
        likeliest = np.argpartition(scaled, -TOP_CLASSES, axis=1)[:, -TOP_CLASSES:]
        weights = np.take_along_axis(scaled, likeliest, axis=1)
        return unit(np.einsum("nk,nkd->nd", weights, self._classes[likeliest]))


class _TextModel:
    """Tokenizer and sentence embedder."""

    def __init__(self, folder: Path, threads: int) -> None:
        self._session = _session(folder / "text.onnx", threads)
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(MOST_TOKENS)
        self._tokenizer.enable_padding()

    def embed(self, texts: Sequence[str]) -> Vectors:
        parts = []
        for start in range(0, len(texts), BATCH):
            tokens = self._tokenizer.encode_batch(list(texts[start : start + BATCH]))
            ids = np.array([one.ids for one in tokens], np.int64)
            mask = np.array([one.attention_mask for one in tokens], np.int64)
            (vectors,) = self._session.run(None, {"ids": ids, "mask": mask})
            parts.append(vectors)
        return np.concatenate(parts).astype(np.float32)


def _session(path: Path, threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _class_vectors(text: _TextModel) -> Vectors:
    """A class is its names and its definition, half and half."""
    table = resources.files("retrieval.embedders").joinpath("imagenet_classes.tsv").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in table.splitlines() if line and not line.startswith("#")]
    names = [lemmas for lemmas, _ in rows]
    return unit(text.embed(names) + text.embed([f"{lemmas}: {definition}" for lemmas, definition in rows]))


def _pixels(data: bytes) -> Pixels | None:
    return centre_square(data, SIZE, 127.0, 128.0)


@app.command()
def main() -> int:
    """Build the model unless it is there.

    Example:

      python -m retrieval.embedders.packaged
    """
    build()
    print(f"the packaged similarity model is in {model_folder()}")
    return 0


if __name__ == "__main__":
    cli.run(app)
