"""A picture is a seeded scene about its keyword: a place, motifs in it, light, texture, now and then big words.

The drawings are plain, their variety is not: place, palette, number, size and position of the motifs, light and
grain all follow the short's id, so that two scenes of one keyword lie as far apart for a perceptual hash as two
real shorts do (tests/test_sandbox_scenes.py).
"""

import colorsys
from collections.abc import Callable
from math import sin

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from agent.sandbox.motifs import Colour, Pen, dim
from agent.sandbox.subjects import MOTIFS, subject
from storage.chance import draw

WIDTH, HEIGHT = 270, 480
SCALE = 2
"""Drawn twice as large and reduced, for smooth edges."""
TEXT_RATE = 0.3
FILLER = ("wait for it", "day {}", "part {}", "no way", "POV", "{} things", "watch this", "rule no. {}", "finally")

Dice = Callable[[str], float]
_W, _H = WIDTH * SCALE, HEIGHT * SCALE


def draw_scene(seed: int, short_id: str, keyword: str) -> Image.Image:
    """The scene of a short; RGB, WIDTH x HEIGHT."""

    def dice(purpose: str) -> float:
        return draw(seed, f"scene-{purpose}", short_id)

    shown, places = subject(keyword)
    place = places[int(dice("place") * len(places))]
    image = Image.new("RGB", (_W, _H))
    canvas = ImageDraw.Draw(image)
    horizon = 0.3 + 0.45 * dice("horizon")
    tint = dice("tint")
    PLACES[place](canvas, dice, horizon, tint)
    _motifs(canvas, dice, shown, tint, horizon)
    if dice("text") < TEXT_RATE or place == "card":
        _text(canvas, dice, keyword)
    small = _framed(image, dice)
    return _lit(small, dice)


def colour(hue: float, saturation: float, brightness: float) -> Colour:
    """A colour by hue (a full turn is 1), saturation and brightness."""
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, min(1.0, saturation), min(1.0, brightness))
    return round(red * 255), round(green * 255), round(blue * 255)


def _motifs(canvas: ImageDraw.ImageDraw, dice: Dice, shown: tuple[str, ...], tint: float, horizon: float) -> None:
    """One to five motifs, the keyword's first one among them; those further up are smaller."""
    count = 1 + int(dice("count") ** 1.4 * 5)
    names = [shown[0 if turn == 0 else int(dice(f"motif{turn}") * len(shown))] for turn in range(count)]
    spots = []
    for turn, name in enumerate(names):
        size = (0.16 + 0.34 * dice(f"size{turn}") ** 1.2) * (1.25 if count == 1 else 1.0)
        spots.append((0.12 + 0.72 * dice(f"y{turn}"), 0.1 + 0.8 * dice(f"x{turn}"), size, name, turn))
    for y, x, size, name, turn in sorted(spots):
        near = 0.7 + 0.6 * y
        hue = dice(f"hue{turn}")
        pen = Pen(
            canvas,
            x * _W,
            (y * 0.7 + horizon * 0.3) * _H,
            size * near * _W,
            colour(hue, 0.35 + 0.55 * dice(f"sat{turn}"), 0.35 + 0.6 * dice(f"val{turn}")),
            colour(hue + 0.25 + 0.5 * tint, 0.3 + 0.5 * dice(f"sat-b{turn}"), 0.3 + 0.65 * dice(f"val-b{turn}")),
            lambda purpose, turn=turn: dice(f"{turn}-{purpose}"),  # type: ignore[misc]
        )
        MOTIFS[name](pen)


def _text(canvas: ImageDraw.ImageDraw, dice: Dice, keyword: str) -> None:
    """Big words, as people write over their shorts: the keyword or something that says nothing."""
    filler = FILLER[int(dice("filler") * len(FILLER))].format(2 + int(dice("number") * 8))
    words = keyword if dice("about") < 0.5 else filler
    words = words.upper() if dice("upper") < 0.6 else words
    size = 44 + 50 * dice("text-size")
    font = ImageFont.load_default(size)
    while size > 24 and canvas.textlength(words, font) > _W * 0.7:
        size *= 0.85
        font = ImageFont.load_default(size)
    length = canvas.textlength(words, font)
    left, top = 0.15 * _W + (0.7 * _W - length) * dice("text-x"), _H * (0.14 + 0.5 * dice("text-y"))
    light, dark = colour(dice("text-hue"), 0.5 * dice("text-sat"), 1.0), (16, 16, 20)
    if dice("plate") < 0.5:
        canvas.rounded_rectangle((left - 16, top - 8, left + length + 16, top + size * 1.2), 14, dark)
    canvas.text((left, top), words, light, font, stroke_width=4, stroke_fill=dark)


def _framed(image: Image.Image, dice: Dice) -> Image.Image:
    """As a hand-held camera frames it: a little turned, a little nearer, now and then out of focus."""
    turn = (dice("turn") - 0.5) * 16
    near = 1.12 + 0.35 * dice("near")
    width, height = _W / near, _H / near
    left, top = (_W - width) * dice("pan"), (_H - height) * dice("tilt")
    turned = image.rotate(turn, Image.Resampling.NEAREST, fillcolor=image.getpixel((4, _H // 2)))
    box = (left, top, left + width, top + height)
    small = turned.resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR, box=box, reducing_gap=2)
    return small.filter(ImageFilter.GaussianBlur(1.2)) if dice("focus") < 0.12 else small


def _lit(image: Image.Image, dice: Dice) -> Image.Image:
    """Uneven light, a colour cast, contrast and grain."""
    grid = np.array([[dice(f"light{x}-{y}") for x in range(4)] for y in range(6)], dtype=np.float32)
    field = Image.fromarray(grid, "F").resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
    depth = 0.35 + 0.6 * dice("light")
    light = (1 - depth / 2 + depth * np.asarray(field))[..., None]
    cast = np.array([0.9 + 0.2 * dice(f"cast{part}") for part in range(3)], dtype=np.float32)
    grain = np.random.default_rng(int(dice("grain") * 2**32)).normal(0, 2 + 7 * dice("coarse"), (120, 68, 1))
    grain = np.repeat(np.repeat(grain, 4, 0), 4, 1)[:HEIGHT, :WIDTH]
    lit = np.asarray(image, dtype=np.float32) * light * cast + grain
    return Image.fromarray(np.clip(lit, 0, 255).astype(np.uint8))


def _sweep(canvas: ImageDraw.ImageDraw, top: float, bottom: float, first: Colour, last: Colour) -> None:
    """A vertical gradient between two heights, in steps of eight lines."""
    start, end = round(top * _H), round(bottom * _H)
    for y in range(start, end, 8):
        share = (y - start) / max(1, end - start)
        mixed = tuple(round(a + (b - a) * share) for a, b in zip(first, last, strict=True))
        canvas.rectangle((0, y, _W, y + 8), mixed)


def _hills(canvas: ImageDraw.ImageDraw, dice: Dice, base: float, height: float, fill: Colour, name: str) -> None:
    phase, waves = dice(name) * 6.3, 1 + 3 * dice(f"{name}-waves")
    tops = [(x, (base - height * (0.5 + 0.5 * sin(phase + waves * x / _W * 3))) * _H) for x in range(0, _W + 20, 20)]
    canvas.polygon([(0, _H), *tops, (_W, _H)], fill)


def _sky(canvas: ImageDraw.ImageDraw, dice: Dice, horizon: float, tint: float) -> None:
    warm = dice("warm")
    _sweep(
        canvas,
        0,
        1,
        colour(0.5 + 0.2 * tint, 0.3 + 0.5 * warm, 0.5 + 0.5 * dice("bright")),
        colour(0.04 + 0.12 * warm if warm > 0.5 else 0.55, 0.15 + 0.5 * warm, 0.95),
    )
    for turn in range(int(dice("clouds") * 6)):
        x, y, r = dice(f"cx{turn}") * _W, dice(f"cy{turn}") * _H * 0.7, (0.06 + 0.12 * dice(f"cr{turn}")) * _W
        for step in range(4):
            canvas.ellipse((x + step * r - r, y - r * 0.6, x + step * r + r, y + r * 0.5), (240, 242, 246))


def _field(canvas: ImageDraw.ImageDraw, dice: Dice, horizon: float, tint: float) -> None:
    _sky(canvas, dice, horizon, tint)
    hue = 0.1 + 0.28 * dice("ground")
    for layer in range(3):
        _hills(canvas, dice, horizon + layer * 0.14, 0.16, colour(hue, 0.45, 0.75 - 0.18 * layer), f"hill{layer}")


def _forest(canvas: ImageDraw.ImageDraw, dice: Dice, horizon: float, tint: float) -> None:
    _sweep(canvas, 0, 1, colour(0.28 + 0.1 * tint, 0.4, 0.3 + 0.6 * dice("bright")), colour(0.25, 0.6, 0.2))
    for turn in range(6 + int(dice("trunks") * 10)):
        x, wide = dice(f"tx{turn}") * _W, (0.01 + 0.07 * dice(f"tw{turn}")) * _W
        canvas.rectangle((x, 0, x + wide, _H), colour(0.08, 0.5, 0.15 + 0.35 * dice(f"tv{turn}")))
    _hills(canvas, dice, horizon + 0.25, 0.1, colour(0.27, 0.6, 0.35), "floor")


def _shore(canvas: ImageDraw.ImageDraw, dice: Dice, horizon: float, tint: float) -> None:
    _sky(canvas, dice, horizon, tint)
    canvas.rectangle((0, horizon * _H, _W, _H), colour(0.5 + 0.1 * tint, 0.6, 0.45 + 0.4 * dice("sea")))
    _hills(canvas, dice, horizon + 0.1 + 0.25 * dice("sand"), 0.12, colour(0.1, 0.35, 0.9), "beach")


def _water(canvas: ImageDraw.ImageDraw, dice: Dice, horizon: float, tint: float) -> None:
    _sweep(canvas, 0, 1, colour(0.48 + 0.15 * tint, 0.4, 0.9), colour(0.56 + 0.08 * tint, 0.8, 0.25))
    for turn in range(5 + int(dice("bands") * 8)):
        y, tall = dice(f"wy{turn}") * _H, (0.01 + 0.05 * dice(f"wh{turn}")) * _H
        left = (dice(f"wx{turn}") * 1.4 - 0.4) * _W
        canvas.ellipse((left, y, left + 0.7 * _W, y + tall), colour(0.52, 0.3, 0.5 + 0.5 * dice(f"wv{turn}")))


def _street(canvas: ImageDraw.ImageDraw, dice: Dice, horizon: float, tint: float) -> None:
    _sky(canvas, dice, horizon, tint)
    x = 0.0
    for turn in range(9):
        wide, tall = (0.1 + 0.16 * dice(f"bw{turn}")) * _W, (0.1 + 0.5 * dice(f"bh{turn}")) * _H
        fill = colour(dice(f"bc{turn}"), 0.15 + 0.3 * tint, 0.3 + 0.5 * dice(f"bv{turn}"))
        canvas.rectangle((x, horizon * _H - tall + 60, x + wide, _H), fill)
        for window in range(int(tall / 50)):
            top = horizon * _H - tall + 80 + window * 46
            shade = dim(fill, 0.6 + 0.9 * dice(f"lit{turn}{window}"))
            canvas.rectangle((x + wide * 0.2, top, x + wide * 0.8, top + 20), shade)
        x += wide
    vanish = (0.2 + 0.6 * dice("vanish")) * _W
    far = horizon * _H + 60
    road = [(vanish - 20, far), (vanish + 20, far), (_W * 1.2, _H), (-_W * 0.2, _H)]
    canvas.polygon(road, colour(0.6, 0.05, 0.25 + 0.3 * dice("road")))


def _room(canvas: ImageDraw.ImageDraw, dice: Dice, horizon: float, tint: float) -> None:
    wall = colour(tint, 0.1 + 0.4 * dice("wall"), 0.35 + 0.6 * dice("bright"))
    floor = 0.5 + 0.35 * dice("floor-at")
    _sweep(canvas, 0, floor, wall, dim(wall, 0.85))
    canvas.rectangle((0, floor * _H, _W, _H), colour(0.04 + 0.1 * dice("wood"), 0.4, 0.25 + 0.45 * dice("floor")))
    for turn in range(1 + int(dice("frames") * 4)):
        x, y = dice(f"fx{turn}") * _W * 0.85, dice(f"fy{turn}") * floor * _H * 0.6
        wide, tall = (0.15 + 0.3 * dice(f"fw{turn}")) * _W, (0.08 + 0.2 * dice(f"fh{turn}")) * _H
        canvas.rectangle((x, y, x + wide, y + tall), dim(wall, 0.5))
        canvas.rectangle((x + 8, y + 8, x + wide - 8, y + tall - 8), colour(dice(f"fc{turn}"), 0.4, 0.9))


def _stage(canvas: ImageDraw.ImageDraw, dice: Dice, horizon: float, tint: float) -> None:
    _sweep(canvas, 0, 1, colour(0.6 + 0.4 * tint, 0.7, 0.12), colour(0.6 + 0.4 * tint, 0.6, 0.45))
    for turn in range(2 + int(dice("beams") * 4)):
        top, foot = dice(f"bt{turn}") * _W, dice(f"bf{turn}") * _W
        wide = (0.1 + 0.25 * dice(f"bw{turn}")) * _W
        canvas.polygon(
            [(top - 8, 0), (top + 8, 0), (foot + wide, _H), (foot - wide, _H)],
            colour(dice(f"bh{turn}"), 0.5, 0.35 + 0.55 * dice(f"bv{turn}")),
        )
    canvas.rectangle((0, (0.7 + 0.2 * dice("edge")) * _H, _W, _H), colour(0.07, 0.4, 0.2))


def _night(canvas: ImageDraw.ImageDraw, dice: Dice, horizon: float, tint: float) -> None:
    _sweep(canvas, 0, 1, colour(0.6 + 0.15 * tint, 0.7, 0.08), colour(0.65 + 0.3 * tint, 0.6, 0.4))
    for turn in range(10 + int(dice("lights") * 30)):
        x, y, r = dice(f"lx{turn}") * _W, dice(f"ly{turn}") * _H, (0.005 + 0.07 * dice(f"lr{turn}") ** 3) * _W
        canvas.ellipse((x - r, y - r, x + r, y + r), colour(0.08 + 0.1 * dice(f"lc{turn}"), 0.4, 0.95))
    _hills(canvas, dice, horizon + 0.3, 0.1, (14, 16, 26), "skyline")


def _card(canvas: ImageDraw.ImageDraw, dice: Dice, horizon: float, tint: float) -> None:
    first, last = (
        colour(tint + shift, 0.3 + 0.5 * dice(f"cs{shift}"), 0.3 + 0.65 * dice(f"cv{shift}")) for shift in (0.0, 0.3)
    )
    _sweep(canvas, 0, 1, first, last)
    for turn in range(3 + int(dice("shapes") * 6)):
        x, y, r = dice(f"sx{turn}") * _W, dice(f"sy{turn}") * _H, (0.08 + 0.4 * dice(f"sr{turn}")) * _W
        shape = canvas.ellipse if dice(f"ss{turn}") < 0.5 else canvas.rectangle
        shape((x - r, y - r, x + r, y + r), colour(tint + dice(f"sh{turn}"), 0.5, 0.25 + 0.75 * dice(f"sv{turn}")))


PLACES: dict[str, Callable[[ImageDraw.ImageDraw, Dice, float, float], None]] = {
    "sky": _sky,
    "field": _field,
    "forest": _forest,
    "shore": _shore,
    "water": _water,
    "street": _street,
    "room": _room,
    "stage": _stage,
    "night": _night,
    "card": _card,
}
