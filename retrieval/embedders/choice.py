"""Which embedder a command works with, by name; `auto` takes CLIP where its weights are at hand, and says so."""

from collections.abc import Collection
from dataclasses import dataclass

from retrieval.embedders import clip, packaged
from retrieval.embedders.base import Embedder
from storage.errors import NotSetUp, UsageError

AUTO = "auto"
HELP = "auto, packaged, clip, or clip:FOLDER_OR_HUB_MODEL."


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """An embedder and one line that says why it was taken."""

    embedder: Embedder
    why: str


def make_embedder(name: str = AUTO, *, threads: int = 1, stored: Collection[str] = ()) -> Chosen:
    """The embedder of this name.

    Args:
        name: `packaged`; `clip` (weights at hand); `clip:NAME` (a folder, or a model of the hub, which is downloaded);
            `auto`: CLIP where its weights are at hand, else packaged.
        threads: of the packaged model, and of CLIP on a processor.
        stored: names of models that vectors are there of; `auto` prefers the one of them that can be had.

    Raises:
        UsageError: there is no such name.
        NotSetUp: the model is not built, not installed, or has no weights.
    """
    kind, _, where = name.partition(":")
    if name == "packaged":
        return Chosen(embedder=packaged.PackagedEmbedder(threads), why=f"model {packaged.RECIPE}")
    if kind == "clip":
        if not clip.is_installed():
            raise NotSetUp(clip.MISSING)
        folder = clip.weights_folder(where) if where else clip.at_hand()
        if folder is None:
            raise NotSetUp(
                "no CLIP weights are at hand; name a folder or a model of the hub, for example "
                "--model clip:openai/clip-vit-base-patch32, or use --model packaged"
            )
        embedder = clip.ClipEmbedder(folder, threads)
        return Chosen(embedder=embedder, why=f"model {embedder.name} from {folder}")
    if name != AUTO:
        raise UsageError(f"--model {name} is unknown; choose {HELP.rstrip('.')}")
    return _auto(threads, stored)


def _auto(threads: int, stored: Collection[str]) -> Chosen:
    folder = clip.at_hand() if clip.is_installed() else None
    if folder is None:
        missing = "no CLIP weights are at hand" if clip.is_installed() else "transformers is not installed"
        return Chosen(embedder=packaged.PackagedEmbedder(threads), why=f"model {packaged.RECIPE}, since {missing}")
    name = clip.model_name(folder)
    if packaged.RECIPE in stored and name not in stored:
        why = f"model {packaged.RECIPE}, since the corpus has vectors of it and none of {name}"
        return Chosen(embedder=packaged.PackagedEmbedder(threads), why=why)
    return Chosen(embedder=clip.ClipEmbedder(folder, threads), why=f"model {name}, since its weights are in {folder}")
