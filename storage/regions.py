"""The look of a picture: its views, a small grey copy of each, and 64-bit hashes of regions of it (D7).

One hash of the whole picture does not survive a caption bar, a crop or a sticker; a hash of the region that the edit
left alone does. So each view has the hashes of eleven fixed regions (`STORED`), and a search compares them with the
regions of the asked view that show the same content under the usual edits (`SEARCHED`): it was cropped, padded,
shifted, or partly covered. Both lists were chosen on the sandbox's pictures, greedily, for the most recall at 10 bits.

A hash is the perceptual hash of imagehash (signs of the 8 x 8 lowest cosine coefficients against their median),
written as one matrix product per axis, so that a region costs microseconds and needs no resizing of its own.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image

Grey = npt.NDArray[np.float32]
Interval = tuple[float, float]
Region = tuple[Interval, Interval]
"""Left and right, top and bottom, as shares of width and height."""
Box = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels."""

WIDTH, HEIGHT = 48, 80
"""Pixels of the small grey copy."""
FINE = (96, 160)
"""Width and height at which frames are compared at last."""
_HASHED_WIDTH, _HASHED_HEIGHT = 64, 112
BAR_DEVIATION, BAR_STEP = 4.0, 5.0
"""Grey levels: rows of a flat bar deviate less within, and differ less from the outermost row."""
MOST_BAR, LEAST_BAR = 0.38, 0.015
"""Share of a side that bars may take from one end; a narrower line is no bar."""
LEAST_VIEW_DEVIATION = 6.0

STORED: dict[str, Region] = {
    "whole": ((0.0, 1.0), (0.0, 1.0)),
    "inset": ((0.1, 0.9), (0.1, 0.9)),
    "middle": ((0.1, 0.9), (0.25, 0.75)),
    "band": ((0.05, 0.95), (0.14, 0.86)),
    "top": ((0.1, 0.9), (0.06, 0.56)),
    "left": ((0.06, 0.56), (0.1, 0.9)),
    "right": ((0.44, 0.94), (0.1, 0.9)),
    "upper left": ((0.08, 0.5), (0.08, 0.5)),
    "upper right": ((0.5, 0.92), (0.08, 0.5)),
    "lower left": ((0.08, 0.5), (0.5, 0.92)),
    "lower right": ((0.5, 0.92), (0.5, 0.92)),
}

Edit = tuple[float, float, float, float]
"""What the asked view shows of the stored one: it begins and ends so far inside it (left, right, top, bottom, as
shares of the stored view; negative where it shows more)."""

_SEARCHED: tuple[tuple[str, Edit], ...] = (
    ("whole", (0, 0, 0, 0)),
    ("inset", (0, 0, 0, 0)),
    ("inset", (-0.08, -0.08, -0.08, -0.08)),
    ("middle", (0.075, 0.075, 0.075, 0.075)),
    ("left", (0, 0, 0, 0)),
    ("right", (0, 0, 0, 0)),
    ("band", (0.05, 0.05, 0.05, 0.05)),
    ("band", (-0.08, -0.08, -0.08, -0.08)),
    ("upper left", (0, 0, 0, 0)),
    ("upper right", (0, 0, 0, 0)),
    ("lower left", (0, 0, 0, 0)),
    ("lower right", (0, 0, 0, 0)),
    ("whole", (0, 0, -0.08, -0.08)),
    ("inset", (0.1, 0.1, 0.1, 0.1)),
    ("whole", (-0.08, -0.08, -0.08, -0.08)),
    ("inset", (0.025, 0.025, 0.025, 0.025)),
    ("top", (0.05, 0.05, 0.05, 0.05)),
    ("inset", (-0.05, 0.05, 0.04, -0.04)),
    ("inset", (0.05, -0.05, -0.04, 0.04)),
    ("inset", (-0.05, 0.05, -0.04, 0.04)),
    ("inset", (0.05, -0.05, 0.04, -0.04)),
)
SEARCHED: tuple[tuple[int, str], ...] = tuple(
    (list(STORED).index(name), name if not any(edit) else f"{name} {edit}") for name, edit in _SEARCHED
)
"""Per hash of `View.asked`: the column of `STORED` it is compared with, and how evidence names the pair."""


@dataclass(frozen=True, kw_only=True)
class View:
    """One way to look at a picture: all of it, or what lies within its flat bars."""

    grey: npt.NDArray[np.uint8]
    """HEIGHT x WIDTH."""
    fine: npt.NDArray[np.uint8]
    """At the size of `FINE`; not kept in a corpus, where the frame itself is."""
    stored: npt.NDArray[np.uint64]
    """One hash per region of `STORED`."""
    asked: npt.NDArray[np.uint64]
    """One hash per entry of `SEARCHED`."""


def views(picture: Image.Image) -> tuple[View, ...]:
    """The views of a grey picture (mode L): the whole, and its content where flat bars lie around it.

    Bars cannot be told from a plain sky for sure, and are not always the same after an edit; so both views are kept.
    """
    pixels = np.asarray(picture)
    whole = (0, 0, picture.width, picture.height)
    content = content_box(pixels)
    boxes = [whole] if content == whole else [whole, content]
    made = [_view(picture, box) for box in boxes]
    return tuple(view for place, view in enumerate(made) if place == 0 or view.grey.std() >= LEAST_VIEW_DEVIATION)


def _view(picture: Image.Image, box: Box) -> View:
    hashed = picture.resize((_HASHED_WIDTH, _HASHED_HEIGHT), Image.Resampling.BILINEAR, box=box)
    grey = picture.resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR, box=box)
    pixels = np.asarray(hashed, np.float32)
    return View(
        grey=np.array(grey, np.uint8),
        fine=fine_copy(picture, box),
        stored=_hashes(pixels, tuple(STORED.values())),
        asked=_hashes(pixels, _asked_regions()),
    )


def fine_copy(picture: Image.Image, box: Box | None) -> npt.NDArray[np.uint8]:
    """A box of a grey picture (mode L), or all of it, at the size of `FINE`."""
    return np.array(picture.resize(FINE, Image.Resampling.BILINEAR, box=box), np.uint8)


def content_box(pixels: npt.NDArray[np.uint8]) -> Box:
    """The box (left, top, right, bottom) without flat bars."""
    height, width = pixels.shape
    top, bottom = _bar(pixels), _bar(pixels[::-1])
    between = pixels[top : height - bottom].T
    return _bar(between), top, width - _bar(between[::-1]), height - bottom


def _bar(lines: npt.NDArray[np.uint8]) -> int:
    """How many lines from the first on are a flat bar; 0 where there is none."""
    most = int(len(lines) * MOST_BAR)
    first = lines[: most + 1].astype(np.float32)
    means = first.mean(1)
    flat = (first.std(1) < BAR_DEVIATION) & (np.abs(means - means[0]) < BAR_STEP)
    count = int(flat.argmin()) if not flat.all() else len(flat)
    return count if LEAST_BAR * len(lines) <= count <= most else 0


@cache
def _asked_regions() -> tuple[Region, ...]:
    return tuple(
        (_shown(STORED[name][0], left, right), _shown(STORED[name][1], top, bottom))
        for name, (left, right, top, bottom) in _SEARCHED
    )


def _shown(stored: Interval, begins: float, ends: float) -> Interval:
    """Where a stored interval lies in a view that begins and ends so far inside."""
    low, high = ((edge - begins) / (1 - begins - ends) for edge in stored)
    return max(0.0, low), min(1.0, high)


_POWERS = np.uint64(1) << np.arange(64, dtype=np.uint64)


def _hashes(pixels: Grey, regions: tuple[Region, ...]) -> npt.NDArray[np.uint64]:
    """All regions at once: rows of cosine coefficients for each distinct interval of an axis, then their pairs."""
    rows, columns, upper, across = _operators(regions, *pixels.shape)
    lines = rows @ pixels  # a small product each: one large one would wake the threads of the algebra library
    coefficients = np.einsum("nij,nkj->nik", lines[upper], columns[across], optimize=False).reshape(len(regions), 64)
    bits = coefficients > np.median(coefficients, axis=1, keepdims=True)
    packed: npt.NDArray[np.uint64] = (bits * _POWERS).sum(1, dtype=np.uint64)
    return packed


@cache
def _operators(regions: tuple[Region, ...], height: int, width: int) -> tuple[Grey, Grey, list[int], list[int]]:
    vertical = list(dict.fromkeys(region[1] for region in regions))
    horizontal = list(dict.fromkeys(region[0] for region in regions))
    return (
        np.stack([_cosines(interval, height) for interval in vertical]),
        np.stack([_cosines(interval, width) for interval in horizontal]),
        [vertical.index(region[1]) for region in regions],
        [horizontal.index(region[0]) for region in regions],
    )


def _cosines(interval: Interval, pixels: int) -> Grey:
    """8 x pixels: an interval of an axis averaged into 32 cells, and their eight lowest cosine coefficients."""
    edges = pixels * np.linspace(*interval, 33)
    centre = (edges[1:] + edges[:-1]) / 2
    half = np.maximum(1.0, edges[1:] - edges[:-1]) / 2
    at = np.arange(pixels)
    share = np.minimum((centre + half)[:, None], at + 1) - np.maximum((centre - half)[:, None], at)
    cells = np.clip(share, 0, None)
    cells /= cells.sum(1, keepdims=True)
    waves = np.cos(np.pi * np.arange(8)[:, None] * (2 * np.arange(32) + 1) / 64)
    cosines: Grey = (waves @ cells).astype(np.float32)
    return cosines
