"""Text that stands in a picture, read with rapidocr (`pip install 'value-spectrum[ocr]'`), weights in its package."""

import io
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from importlib import import_module, util
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from storage.embeddings import Part
from storage.errors import NotSetUp

RECIPE = "ppocr6@1"
"""Changes whenever the same picture is read otherwise."""
LEAST_CONFIDENCE = 0.6
REPEATED = 0.6
"""Share of a line that must stand in the caption for the line to be its repetition."""
MISSING = "reading text in pictures needs rapidocr; run `pip install 'value-spectrum[ocr]'`, or leave out --ocr"


def stored_model(embedder: str, part: Part) -> str:
    """The name that a part's vectors are stored under: what read the text counts as well as what embedded it."""
    return f"{embedder}+{RECIPE}" if part is Part.SCREEN_TEXT else embedder


@dataclass(frozen=True, kw_only=True)
class ScreenText:
    """What was read in one picture."""

    lines: tuple[str, ...]
    """From top to bottom."""
    area: float
    """Share of the picture's area that the lines' boxes cover, 0 to 1."""

    @property
    def text(self) -> str:
        return " ".join(self.lines)

    def besides(self, caption: str) -> str:
        """The lines that neither repeat the caption, which a site shows on the screen as well, nor name a person."""
        said = _letters(caption)
        return " ".join(line for line in self.lines if not line.startswith("@") and not _repeats(_letters(line), said))


class ScreenReader:
    """Reads pictures; loads its models at the first one.

    Args:
        threads: of the recognition; few, since others need the processor as well.

    Raises:
        NotSetUp: (at once) rapidocr is not installed.
    """

    name = RECIPE

    def __init__(self, threads: int = 1) -> None:
        self._threads = threads
        if util.find_spec("rapidocr") is None:
            raise NotSetUp(MISSING)

    def read(self, picture: bytes) -> ScreenText | None:
        """The lines of a picture; None where it cannot be decoded."""
        try:
            with Image.open(io.BytesIO(picture)) as opened:
                image = opened.convert("RGB")
        except (OSError, SyntaxError):
            return None
        found = self._engine(np.asarray(image)[:, :, ::-1])  # arrays are taken as BGR
        lines = zip(found.txts, found.scores, found.boxes, strict=True) if found.txts else ()
        kept = [
            (line, _area(box))
            for line, score, box in lines
            if score >= LEAST_CONFIDENCE and any(letter.isalnum() for letter in line)  # edges are read as dashes
        ]
        area = sum(covered for _, covered in kept) / (image.width * image.height)
        return ScreenText(lines=tuple(line for line, _ in kept), area=round(min(area, 1.0), 4))

    @cached_property
    def _engine(self) -> Any:
        return import_module("rapidocr").RapidOCR(
            params={
                "Global.log_level": "error",
                "Global.use_cls": False,  # nobody posts upside down
                "EngineConfig.onnxruntime.intra_op_num_threads": self._threads,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            }
        )


def _repeats(line: str, caption: str) -> bool:
    """Most of the line stands in the caption in one piece; what is read has its spaces and some letters wrong."""
    match = SequenceMatcher(None, line, caption, autojunk=False).find_longest_match()
    return match.size >= REPEATED * len(line)


def _letters(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def _area(box: npt.NDArray[np.floating]) -> float:
    """Of a quadrilateral (4, 2), by the shoelace formula."""
    x, y = box[:, 0], box[:, 1]
    return abs(float((x * (np.roll(y, -1) - np.roll(y, 1))).sum())) / 2
