"""CLIP, as in the paper, and SigLIP, the better one, through transformers (`pip install 'value-spectrum[clip]'`).

Weights are the user's own: a local folder, or a model of the Hugging Face hub, which is downloaded only where it is
named. Pictures are cut to their centre square: short videos are tall, and squeezing them moved them further in space
than what a cut loses. CLIP and SigLIP's first version know English, SigLIP 2 most languages.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from functools import cached_property
from importlib import import_module, resources, util
from pathlib import Path
from typing import Any

import numpy as np

from retrieval.embedders.base import Vectors, is_latin, unit
from retrieval.embedders.decoding import Pixels, batches, centre_square
from storage.errors import NotSetUp

RECIPE = "square@1"
"""Part of a model's name: how pictures are cut and texts are given."""
FOLDER_VARIABLE = "VALUE_SPECTRUM_CLIP"
"""Environment variable that names a folder (or a model of the hub) for `auto` and `clip`."""
USUAL = ("google/siglip2-base-patch16-224", "google/siglip-base-patch16-224", "openai/clip-vit-base-patch32")
"""Models of the hub that are taken unnamed where they were downloaded before, the best first."""
KINDS = ("clip", "siglip", "siglip2")
WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
FILES = ("*.json", "*.txt", "*.model", *WEIGHTS)
MANY_LANGUAGES = 100_000
"""Tokens in a vocabulary from which on a model was trained on many languages."""
BATCH = 32
HALF_UP = (0.5, 0.5, 0.5)
MISSING = "CLIP models need transformers and torch; run `pip install 'value-spectrum[clip]'`, or use --model packaged"


def is_installed() -> bool:
    """Whether transformers and torch are there; imports neither."""
    return all(util.find_spec(name) is not None for name in ("transformers", "torch"))


def at_hand() -> Path | None:
    """The folder of CLIP weights on this machine, if there is one: named by the environment, or downloaded before.

    Raises:
        NotSetUp: the environment names something that is no such folder.
    """
    if named := os.environ.get(FOLDER_VARIABLE):
        return weights_folder(named, download=False)
    for name in USUAL:
        try:
            return weights_folder(name, download=False)
        except NotSetUp:
            continue
    return None


def weights_folder(name: str, *, download: bool = True) -> Path:
    """The local folder of a model.

    Args:
        name: a folder, or a model of the hub as OWNER/NAME.
        download: fetch a model of the hub that is not here yet.

    Raises:
        NotSetUp: there is no such folder, it has no weights, or the hub cannot give it.
    """
    folder = Path(name).expanduser()
    if not folder.is_dir():
        folder = _from_hub(name, download)
    if not (folder / "config.json").is_file() or not _weights(folder):
        raise NotSetUp(
            f"the model folder {folder} has no weights; it must hold config.json, a *.safetensors file and the "
            "tokenizer's files, as transformers' save_pretrained writes them"
        )
    kind = _json(folder / "config.json").get("model_type")
    if kind not in KINDS:
        raise NotSetUp(f"the model in {folder} is {kind!r}, none of {', '.join(KINDS)}; give another as clip:FOLDER")
    return folder


def model_name(folder: Path) -> str:
    """What vectors of these weights are stored under; the same on every machine, wherever the folder lies."""
    digest = hashlib.sha256()
    for path in _weights(folder):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    config = _json(folder / "config.json")
    size = config.get("vision_config", {}).get("image_size", 224)
    return f"{config['model_type']}{size}-{digest.hexdigest()[:12]}-{RECIPE}"


class ClipEmbedder:
    """A CLIP or SigLIP model from a local folder, on a GPU where there is one; loaded at the first picture or text.

    Raises:
        NotSetUp: transformers is not installed; (when loaded) the weights are damaged or belong to another model.
    """

    def __init__(self, folder: Path, threads: int | None = None) -> None:
        if not is_installed():
            raise NotSetUp(MISSING)
        self._folder = folder
        self._threads = threads
        config = _json(folder / "config.json")
        text = config.get("text_config", {})
        self._siglip = config["model_type"] != "clip"
        self._length = int(text.get("max_position_embeddings", 64 if self._siglip else 77))
        self._side = int(config.get("vision_config", {}).get("image_size", 224))
        preprocessor = folder / "preprocessor_config.json"
        means = _json(preprocessor) if preprocessor.is_file() else {}
        self._mean, self._spread = (
            255 * np.array(means.get(name, HALF_UP), np.float32)[:, None, None] for name in ("image_mean", "image_std")
        )
        self.name = model_name(folder)
        self.dim = int(config.get("projection_dim", 512) if not self._siglip else _siglip_width(config))
        many = int(text.get("vocab_size", 0)) >= MANY_LANGUAGES
        self.languages: frozenset[str] | None = None if many else frozenset({"en"})

    def embed_pictures(self, pictures: Sequence[bytes]) -> Vectors:
        """Unit vectors (n, dim); absent where a picture cannot be decoded."""
        vectors = np.zeros((len(pictures), self.dim), np.float32)
        for batch in batches(pictures, self._pixels, BATCH):
            vectors[batch.places] = self._features("get_image_features", {"pixel_values": batch.pixels})
        return vectors

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors (n, dim); absent where a text is empty or in a script that the model does not know."""
        vectors = np.zeros((len(texts), self.dim), np.float32)
        known = [place for place, text in enumerate(texts) if self._knows(text)]
        for start in range(0, len(known), BATCH):
            places = known[start : start + BATCH]
            tokens = self._tokenizer(
                [texts[place].lower() if self._siglip else texts[place] for place in places],
                padding="max_length" if self._siglip else True,  # SigLIP never saw a shorter input
                truncation=True,
                max_length=self._length,
                return_tensors="np",
            )
            names = ("input_ids",) if self._siglip else ("input_ids", "attention_mask")
            vectors[places] = self._features("get_text_features", {name: tokens[name] for name in names})
        return vectors

    def things(self) -> Vectors:
        """The thousand nouns of ImageNet as texts; pictures of them are not to be had here."""
        table = resources.files("retrieval.embedders").joinpath("imagenet_classes.tsv").read_text(encoding="utf-8")
        lines = [line for line in table.splitlines() if line and not line.startswith("#")]
        return self.embed_texts([line.partition("\t")[0].partition(",")[0] for line in lines])

    def _knows(self, text: str) -> bool:
        return is_latin(text) if self.languages is not None else any(letter.isalnum() for letter in text)

    def _pixels(self, data: bytes) -> Pixels | None:
        return centre_square(data, self._side, self._mean, self._spread)

    def _features(self, method: str, inputs: dict[str, Any]) -> Vectors:
        torch: Any = import_module("torch")
        model, device = self._model
        with torch.inference_mode():
            given = {name: torch.from_numpy(np.ascontiguousarray(array)).to(device) for name, array in inputs.items()}
            found: Any = getattr(model, method)(**given)
        found = getattr(found, "pooler_output", found)  # a tensor itself before transformers 5
        return unit(found.float().cpu().numpy())

    @cached_property
    def _model(self) -> tuple[Any, str]:
        torch: Any = import_module("torch")
        transformers: Any = import_module("transformers")
        transformers.utils.logging.set_verbosity_error()
        transformers.utils.logging.disable_progress_bar()
        if self._threads is not None:
            torch.set_num_threads(self._threads)
        device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
        try:
            model, loaded = transformers.AutoModel.from_pretrained(
                str(self._folder),
                local_files_only=True,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # told below, in our words
                dtype=torch.float32,
            )
        except Exception as error:  # safetensors, torch and transformers raise types of their own
            raise self._damaged(error) from error
        if loaded["missing_keys"] or loaded["mismatched_keys"]:
            raise self._damaged(ValueError("some weights are missing or of another shape"))
        return model.eval().to(device), device

    @cached_property
    def _tokenizer(self) -> Any:
        transformers: Any = import_module("transformers")
        try:
            return transformers.AutoTokenizer.from_pretrained(str(self._folder), local_files_only=True)
        except Exception as error:  # as above
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> NotSetUp:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        return NotSetUp(f"the model in {self._folder} cannot be loaded ({reason}); fetch or save it again")


def _siglip_width(config: dict[str, Any]) -> int:
    vision, text = config.get("vision_config", {}), config.get("text_config", {})
    return int(text.get("projection_size") or vision.get("hidden_size") or 768)


def _weights(folder: Path) -> list[Path]:
    """Safetensors where there are any, else torch's own format."""
    found: Iterable[list[Path]] = (sorted(folder.glob(pattern)) for pattern in WEIGHTS)
    return next((paths for paths in found if paths), [])


def _json(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise NotSetUp(f"{path} cannot be read as JSON; fetch or save the model again") from error
    return found


def _from_hub(name: str, download: bool) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, local_files_only=not download, allow_patterns=list(FILES)))
    except Exception as error:  # offline, no such model, not a name at all: the hub's own types
        raise NotSetUp(
            f"there is no model {name!r}: it is no folder, and "
            + ("the hub did not give it" if download else "was not downloaded before")
            + "; check the name and the network, or give a local folder as --model clip:FOLDER"
        ) from error
