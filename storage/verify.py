"""The check before two pictures are called the same: they are aligned and compared block by block.

Pictures are flattened to local structure first (each pixel less the mean of its surroundings, over their deviation),
so that light, contrast and compression drop out. Then, from cheap to dear:

1. `coarse`: the small grey copy under a grid of crops, paddings and shifts against all candidates, at a quarter of its
   size: one matrix product.
2. `check` at the size of the small copies: the best candidates one by one, the alignment refined.
3. `check` at `FINE` size on the frames themselves, for what passed: there, two text cards of one template differ.

The score is the share of the structure of both pictures that agrees. What a caption bar, a sticker or a button covers
is structure that does not agree, and lowers the score by its share only; so the threshold says how much of a picture
may be covered. All sizes are pixels, alignments shares of a side.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np
import numpy.typing as npt

from storage.regions import Edit

Array = npt.NDArray[np.float32]

FINE = (96, 160)
"""Width and height of the last check."""
_REACH, _COARSE_REACH = 4, 2
"""Surroundings of a pixel and of a coarse cell, on each side."""
_FLOOR, _FLOOR_SHARE = 3.0, 0.08
"""Grey levels of deviation, and share of the whole picture's deviation, below which surroundings count as flat:
compression noise."""
_POOL = 4
"""A coarse cell is so many pixels wide and high."""
_BLOCKS = (10, 8)
"""Blocks whose agreement is counted, down and across."""
DIFFERENT, ALIKE = 0.6, 0.9
"""Likeness of two blocks, up to which they are different and from which on they are the same."""
_AXIS: tuple[tuple[float, float], ...] = (
    (0, 0),
    (0.04, 0.04),
    (0.08, 0.08),
    (0.12, 0.12),
    (-0.05, -0.05),
    (-0.1, -0.1),
    (-0.15, -0.15),
    (0.05, -0.05),
    (-0.05, 0.05),
    (0.09, -0.09),
    (-0.09, 0.09),
    (0.0, 0.06),
    (0.06, 0.0),
    (0.0, -0.06),
    (-0.06, 0.0),
    (0.0, -0.12),
    (-0.12, 0.0),
)
"""How far inside the stored picture the asked one begins and ends, per axis: the alignments of the first step."""
SMALL_STEPS, FINE_STEPS = (0.02, 0.01, 0.005), (0.0025,)
"""The steps of the refinements."""
LEAST_OVERLAP = 0.5
"""Share of the stored picture that the asked one must show."""
STARTS = 3
"""Alignments of the first step that the second tries."""


@dataclass(frozen=True, kw_only=True)
class Checked:
    """How well an asked picture fits a stored one."""

    score: float
    """0..1; unrelated pictures get about 0.1 under their best alignment."""
    alignment: Edit
    """How far inside the stored picture the asked one begins and ends (left, right, top, bottom)."""


def structure(pixels: Array, reach: int = _REACH) -> Array:
    """Local structure of grey pictures (n, height, width): mean 0, deviation at most about 1, 0 where flat.

    Args:
        reach: pixels on each side of a pixel that count as its surroundings.
    """
    mean = _surroundings(pixels, reach)
    deviation = _surroundings(pixels * pixels, reach) - mean * mean
    floor = _FLOOR + _FLOOR_SHARE * pixels.std(axis=(1, 2), keepdims=True)
    flattened: Array = (pixels - mean) / np.sqrt(np.maximum(deviation, 0) + floor * floor)
    return flattened


def _surroundings(pixels: Array, reach: int) -> Array:
    """Mean over a square window, smaller at the edges."""
    for axis in (1, 2):
        low, high = _window(pixels.shape[axis], reach)
        count = (high - low).astype(np.float32)
        sums = np.cumsum(pixels, axis=axis, dtype=np.float32)
        sums = np.concatenate([np.zeros_like(np.take(sums, [0], axis)), sums], axis=axis)
        spread = np.take(sums, high, axis) - np.take(sums, low, axis)
        pixels = spread / (count[:, None] if axis == 1 else count)
    return pixels


@lru_cache(maxsize=64)
def _window(length: int, reach: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    at = np.arange(length)
    return np.maximum(at - reach, 0), np.minimum(at + reach + 1, length)


def coarse(asked: Array, candidates: Array) -> tuple[Array, list[list[Edit]]]:
    """Correlation of one grey picture (height, width) with candidates (n, height, width), best alignment each.

    Returns:
        The correlations (n), and for each candidate its `STARTS` best alignments and none at all (a caption bar can
        make another one look better, and most edits move nothing).
    """
    small = structure(_pooled(asked[None]), _COARSE_REACH)[0]
    others = structure(_pooled(candidates), _COARSE_REACH)
    vertical, horizontal, inside = _grid(*small.shape)
    sideways = (vertical @ small)[:, None] @ horizontal.transpose(0, 2, 1)[None]
    warped = sideways.reshape(len(inside), -1)
    warped = warped / (np.sqrt((warped * warped).sum(1, keepdims=True)) + 1e-6)
    flat = others.reshape(len(others), -1)
    scores = (flat @ warped.T) / (np.sqrt((flat * flat) @ inside.T) + 1e-6)
    best = np.argsort(-scores, axis=1, kind="stable")[:, :STARTS]
    return scores[np.arange(len(scores)), best[:, 0]], [
        [*(_EDITS[place] for place in places), (0.0, 0.0, 0.0, 0.0)] for places in best
    ]


_EDITS: list[Edit] = [(x[0], x[1], y[0], y[1]) for y, x in product(_AXIS, _AXIS)]


def _pooled(pixels: Array) -> Array:
    count, height, width = pixels.shape
    pooled: Array = pixels.reshape(count, height // _POOL, _POOL, width // _POOL, _POOL).mean(axis=(2, 4))
    return pooled


@lru_cache(maxsize=2)
def _grid(height: int, width: int) -> tuple[Array, Array, Array]:
    down, across = ([_resampling(pixels, *edges) for edges in _AXIS] for pixels in (height, width))
    covered = (
        np.stack([inside for _, inside in down])[:, None, :, None]
        * np.stack([inside for _, inside in across])[None, :, None, :]
    )
    vertical, horizontal = (np.stack([matrix for matrix, _ in axis]) for axis in (down, across))
    return vertical, horizontal, covered.reshape(len(_AXIS) ** 2, -1)


@lru_cache(maxsize=4096)
def _resampling(pixels: int, begins: float, ends: float) -> tuple[Array, Array]:
    """The matrix that lays an asked axis onto the stored one, and which stored pixels it covers (0 or 1)."""
    at = (np.arange(pixels) + 0.5) / pixels
    source = (at - begins) / (1 - begins - ends) * pixels - 0.5
    covered = (source > -0.75) & (source < pixels - 0.25)
    low = np.clip(np.floor(source), 0, pixels - 1).astype(np.intp)
    share = np.clip(source - low, 0, 1)
    rows = np.arange(pixels)
    matrix = np.zeros((pixels, pixels), np.float32)
    np.add.at(matrix, (rows, low), 1 - share)
    np.add.at(matrix, (rows, np.minimum(low + 1, pixels - 1)), share)
    matrix[~covered] = 0
    return matrix, covered.astype(np.float32)


def check(asked: Array, stored: Array, starts: list[Edit], steps: tuple[float, ...]) -> Checked:
    """Score two structures (height, width) under the best of some alignments, refined.

    Args:
        starts: alignments to begin with.
        steps: by how much edges move in each round of the refinement.
    """
    height, width = stored.shape
    best, score = _better(asked, stored, starts)
    left, right, top, bottom = best
    for step in steps:
        across, covered = _resampling(width, left, right)
        top, bottom = _refined(asked @ across.T, stored, covered, (top, bottom), step)
        down, covered = _resampling(height, top, bottom)
        left, right = _refined((down @ asked).T, stored.T, covered, (left, right), step)
    refined = _score(asked, stored, (left, right, top, bottom))
    if refined >= score:
        return Checked(score=refined, alignment=(left, right, top, bottom))
    return Checked(score=score, alignment=best)


def _better(asked: Array, stored: Array, starts: list[Edit]) -> tuple[Edit, float]:
    scores = [_score(asked, stored, edit) for edit in starts]
    place = int(np.argmax(scores))
    return starts[place], scores[place]


def _refined(
    asked: Array, stored: Array, covered: Array, edges: tuple[float, float], step: float
) -> tuple[float, float]:
    """The best of nine neighbouring alignments of the first axis, the second being laid already."""
    tried = [(round(edges[0] + a * step, 4), round(edges[1] + b * step, 4)) for a, b in product((0, -1, 1), (0, -1, 1))]
    laid = [_resampling(len(stored), *edge) for edge in tried]
    warped = np.concatenate([matrix for matrix, _ in laid]) @ asked
    warped = warped.reshape(len(laid), -1)
    kept = stored * covered
    # Not over the asked one's size, too: that would reward moving a caption bar out of sight.
    sizes = np.stack([inside for _, inside in laid]) @ (kept * kept).sum(1)
    scores = warped @ kept.ravel() / (np.sqrt(sizes) + 1e-6)
    return tried[int(scores.argmax())]


def _score(asked: Array, stored: Array, alignment: Edit) -> float:
    height, width = stored.shape
    across, over = _resampling(width, alignment[0], alignment[1])
    down, under = _resampling(height, alignment[2], alignment[3])
    inside: Array = under[:, None] * over[None, :]
    if inside.mean() < LEAST_OVERLAP:
        return 0.0
    return agreement(np.asarray(down @ asked @ across.T, np.float32), stored * inside)


def agreement(one: Array, two: Array) -> float:
    """Share of the structure of two aligned pictures that agrees, over what both show (0 elsewhere).

    A block's likeness is 2 ab / (aa + bb) of its structures; it weighs as much as the richer one, so that letters count
    and the plain card they stand on does not. Likeness from `DIFFERENT` to `ALIKE` becomes agreement from 0 to 1.
    """
    products, first, second = (_blocks(part) for part in (one * two, one * one, two * two))
    weight = np.maximum(first, second)
    likeness = 2 * products / (first + second + 1e-6)
    agreed = np.clip((likeness - DIFFERENT) / (ALIKE - DIFFERENT), 0, 1)
    return float((agreed * weight).sum() / (weight.sum() + 1e-6))


def _blocks(values: Array) -> Array:
    height, width = values.shape
    down, across = _BLOCKS
    sums: Array = values.reshape(down, height // down, across, width // across).sum(axis=(1, 3))
    return sums
