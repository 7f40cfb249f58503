"""The check before two pictures are called the same: they are aligned and compared block by block.

Pictures are flattened to local structure first (each pixel less the mean of its surroundings, over their deviation),
so that light, contrast and compression drop out. Then, from cheap to dear:

1. `coarse`: the small grey copy under a grid of crops, paddings and shifts against all candidates, at a quarter of its
   size: one matrix product.
2. `started` and `check` at the size of the small copies: the best alignments of the first step, then refined.
3. `check` at `FINE` size on the frames themselves, for what passed: there, two text cards of one template differ; and
   `same_light`, which counts area where `check` counts structure.

The score of a check is the share of the structure of both pictures that agrees. What a caption bar, a sticker or a
button covers is structure that does not agree, and lowers the score by its share only; so the threshold says how much
of a picture may be covered. All sizes are pixels, alignments shares of a side.
"""

from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import product

import numpy as np
import numpy.typing as npt

from storage.regions import Edit

Array = npt.NDArray[np.float32]

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
Rounds = tuple[tuple[float, int], ...]
SMALL_ROUNDS: Rounds = ((0.02, 4), (0.01, 1), (0.005, 1))
FINE_ROUNDS: Rounds = ((0.0025, 2),)
"""By how much edges move in each round of a refinement, and how many such steps either way."""
LEAST_OVERLAP = 0.5
"""Share of the stored picture that the asked one must show."""
STARTS = 3
"""Alignments of the first step that the second tries."""
UNMOVED: Edit = (0.0, 0.0, 0.0, 0.0)
_LIGHT_CELLS = (20, 16)
"""Cells whose light is compared, down and across."""
_GAINS = np.geomspace(1.0, 1.7, 9).astype(np.float32)[:, None, None]
_MOST_OFFSET, _WHITE, _NEARLY_WHITE = 40.0, 255.0, 235.0
_LIGHT_APART, _LIGHT_SHARE, _LEAST_APART = 10.0, 0.25, 3.0
"""Grey levels, and share of the picture's deviation, by which the same cell of two copies differs at most: a dark
picture is held to less, though never to less than the last of them."""


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
    down, across = _averaging(pixels.shape[1], reach), _averaging(pixels.shape[2], reach).T
    mean = down @ pixels @ across
    deviation = down @ (pixels * pixels) @ across - mean * mean
    floor = _FLOOR + _FLOOR_SHARE * pixels.std(axis=(1, 2), keepdims=True)
    flattened: Array = (pixels - mean) / np.sqrt(np.maximum(deviation, 0) + floor * floor)
    return flattened


@cache
def _averaging(length: int, reach: int) -> Array:
    """The matrix that means each pixel of an axis with its surroundings, fewer at the ends."""
    at = np.arange(length)
    near = np.abs(at[:, None] - at) <= reach
    averaging: Array = (near / near.sum(1, keepdims=True)).astype(np.float32)
    return averaging


@cache
def _summing(length: int, parts: int) -> Array:
    """The matrix that sums an axis in equal parts."""
    summing: Array = np.repeat(np.eye(parts, dtype=np.float32), length // parts, axis=1)
    return summing


def coarse(asked: Array, candidates: Array) -> tuple[Array, list[list[Edit]]]:
    """Correlation of one grey picture (height, width) with candidates (n, height, width), best alignment each.

    Returns:
        The correlations (n), and for each candidate its `STARTS` best alignments and none at all (a caption bar can
        make another one look better, and most edits move nothing).
    """
    small = structure(_pooled(asked[None]), _COARSE_REACH)[0]
    others = structure(_pooled(candidates), _COARSE_REACH)
    vertical, horizontal, inside = _grid(*small.shape)
    ways = (len(_AXIS), small.shape[0], len(_AXIS), small.shape[1])
    warped = (vertical @ small @ horizontal).reshape(ways).transpose(0, 2, 1, 3).reshape(len(inside), -1)
    warped = warped / (np.sqrt((warped * warped).sum(1, keepdims=True)) + 1e-6)
    flat = others.reshape(len(others), -1)
    scores = (flat @ warped.T) / (np.sqrt((flat * flat) @ inside.T) + 1e-6)
    best = np.argsort(-scores, axis=1, kind="stable")[:, :STARTS]
    return scores[np.arange(len(scores)), best[:, 0]], [[*(_EDITS[place] for place in row), UNMOVED] for row in best]


_EDITS: list[Edit] = [(x[0], x[1], y[0], y[1]) for y, x in product(_AXIS, _AXIS)]


def _pooled(pixels: Array) -> Array:
    return _meant(pixels, (pixels.shape[1] // _POOL, pixels.shape[2] // _POOL))


@cache
def _grid(height: int, width: int) -> tuple[Array, Array, Array]:
    """Matrices that lay an axis in all ways of `_AXIS` at once, and which cells each pair of ways covers (0 or 1)."""
    down, across = ([_laid(pixels, edges) for edges in _AXIS] for pixels in (height, width))
    covered = (
        np.concatenate([one.covered for one in down])[:, None, :, None]
        * np.concatenate([one.covered for one in across])[None, :, None, :]
    )
    vertical, horizontal = (
        np.concatenate([one.lay(np.eye(pixels, dtype=np.float32)) for one in ways])
        for ways, pixels in ((down, height), (across, width))
    )
    return vertical, horizontal.T, covered.reshape(len(_AXIS) ** 2, -1)


class _Laid:
    """An asked axis laid onto the stored one in several ways (m, 2: how far inside it begins and ends)."""

    def __init__(self, pixels: int, edges: npt.NDArray[np.float64]) -> None:
        begins, ends = edges[:, :1], edges[:, 1:]
        source = ((np.arange(pixels) + 0.5) / pixels - begins) / (1 - begins - ends) * pixels - 0.5
        self.covered: Array = ((source > -0.75) & (source < pixels - 0.25)).astype(np.float32)
        self._low = np.clip(np.floor(source), 0, pixels - 2).astype(np.intp)
        share = np.clip(source - self._low, 0, 1).astype(np.float32)
        self._first, self._second = (1 - share) * self.covered, share * self.covered

    def lay(self, asked: Array) -> Array:
        """The rows of a picture under the first way; 0 where it shows nothing."""
        low = self._low[0]
        laid: Array = asked[low] * self._first[0, :, None] + asked[low + 1] * self._second[0, :, None]
        return laid

    def products(self, table: Array) -> Array:
        """For each way, the sum of products of laid and stored rows, from those of all asked with all stored rows."""
        at = np.arange(table.shape[1])
        found: Array = (table[self._low, at] * self._first + table[self._low + 1, at] * self._second).sum(1)
        return found


@lru_cache(maxsize=4096)
def _laid(pixels: int, edges: tuple[float, float]) -> _Laid:
    return _Laid(pixels, np.array([edges]))


def started(asked: Array, stored: Array, starts: list[Edit]) -> Checked:
    """The best of some alignments of two structures (height, width), as it is."""
    scores = [_score(asked, stored, edit) for edit in starts]
    place = int(np.argmax(scores))
    return Checked(score=scores[place], alignment=starts[place])


def check(asked: Array, stored: Array, start: Checked, rounds: Rounds) -> Checked:
    """Score two structures (height, width) under an alignment, refined from a first one."""
    left, right, top, bottom = start.alignment
    for step, reach in rounds:
        across = _laid(stored.shape[1], (left, right))
        top, bottom = _refined(across.lay(asked.T).T, stored, across.covered[0], (top, bottom), step, reach)
        down = _laid(stored.shape[0], (top, bottom))
        left, right = _refined(down.lay(asked).T, stored.T, down.covered[0], (left, right), step, reach)
    refined = (left, right, top, bottom)
    score = _score(asked, stored, refined)
    return Checked(score=score, alignment=refined) if score >= start.score else start


def _refined(
    asked: Array, stored: Array, covered: Array, edges: tuple[float, float], step: float, reach: int
) -> tuple[float, float]:
    """The best of the neighbouring alignments of the first axis, the second being laid already."""
    tried = np.round(np.array(edges) + _moves(reach) * step, 4)
    laid = _Laid(len(stored), tried)
    kept = stored * covered
    # Not over the asked one's size, too: that would reward moving a caption bar out of sight.
    sizes = laid.covered @ (kept * kept).sum(1)
    scores = laid.products(asked @ kept.T) / (np.sqrt(sizes) + 1e-6)
    begins, ends = tried[int(scores.argmax())]
    return float(begins), float(ends)


@cache
def _moves(reach: int) -> npt.NDArray[np.float64]:
    """Steps of both ends of an axis; none at all comes first, so that it wins over its equals."""
    steps = sorted(range(-reach, reach + 1), key=abs)
    return np.array(list(product(steps, steps)), np.float64)


def _score(asked: Array, stored: Array, alignment: Edit) -> float:
    warped, inside = _warped(asked, alignment)
    return agreement(warped, stored * inside) if inside.mean() >= LEAST_OVERLAP else 0.0


def _warped(asked: Array, alignment: Edit) -> tuple[Array, Array]:
    """The asked picture laid onto the stored one, and where it covers it (0 or 1)."""
    height, width = asked.shape
    across, down = _laid(width, alignment[:2]), _laid(height, alignment[2:])
    inside: Array = down.covered[0][:, None] * across.covered[0]
    return down.lay(across.lay(asked.T).T), inside


def agreement(one: Array, two: Array) -> float:
    """Share of the structure of two aligned pictures that agrees, over what both show (0 elsewhere).

    A block's likeness is 2 ab / (aa + bb) of its structures; from `DIFFERENT` to `ALIKE` it becomes agreement from 0
    to 1. The share is the mean of two: one with each block weighing as much as the richer of both, so that letters
    count and the plain card they stand on does not; one of the structure of that picture which keeps more of its own.
    An overlay adds structure to one picture, and the other's is nearly all found again; another text in the same frame
    replaces that of both.
    """
    products, first, second = _summed(np.stack([one * two, one * one, two * two]), _BLOCKS)
    likeness = 2 * products / (first + second + 1e-6)
    agreed = np.clip((likeness - DIFFERENT) / (ALIKE - DIFFERENT), 0, 1)
    richer, *own = (
        float((agreed * weight).sum() / (weight.sum() + 1e-6)) for weight in (np.maximum(first, second), first, second)
    )
    return (richer + max(own)) / 2


def _summed(values: Array, parts: tuple[int, int]) -> Array:
    """Sums of pictures (n, height, width) over so many parts, down and across."""
    down, across = _summing(values.shape[1], parts[0]), _summing(values.shape[2], parts[1])
    lines: Array = down @ values
    summed: Array = lines @ across.T
    return summed


def same_light(asked: Array, stored: Array, alignment: Edit) -> float:
    """Share of the area of two grey pictures (height, width) that is equally light, over what both show.

    One of them may be brighter throughout: a gain up to 1.7 (white stays white) and an offset, the best of some. Other
    content in the frame of a template, however plain, is as light as the first only by chance.
    """
    warped, inside = _warped(asked, alignment)
    shown = _meant(inside[None], _LIGHT_CELLS)[0] > 0.99
    if not shown.any():
        return 0.0
    one, two = _meant(np.stack([warped, stored]), (stored.shape[0] // 2, stored.shape[1] // 2))
    return max(_equally_light(*pair, shown) for pair in ((one, two), (two, one)))


def _equally_light(darker: Array, lighter: Array, shown: npt.NDArray[np.bool_]) -> float:
    light = _meant(lighter[None], _LIGHT_CELLS)[0, shown]
    lit = _meant(np.minimum(_GAINS * darker, _WHITE), _LIGHT_CELLS)[:, shown]
    certain = light < _NEARLY_WHITE
    offset = np.median((light - lit)[:, certain], axis=1, keepdims=True) if certain.any() else 0.0
    expected = np.minimum(lit + np.clip(offset, -_MOST_OFFSET, _MOST_OFFSET), _WHITE)
    most = max(_LEAST_APART, min(_LIGHT_APART, _LIGHT_SHARE * float(light.std())))
    return float((np.abs(light - expected) < most).mean(1).max())


def _meant(values: Array, parts: tuple[int, int]) -> Array:
    means: Array = _summed(values, parts) * (parts[0] * parts[1] / (values.shape[1] * values.shape[2]))
    return means
