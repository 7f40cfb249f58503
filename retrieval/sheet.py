"""A contact sheet: small pictures in rows with a few words under each."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 180, 320
"""Of one picture, in pixels."""
GAP = 12
LINE = 16
LINES = 4
FONT_SIZE = 12
TITLE_SIZE = 18
PAPER, INK, PALE = "white", (30, 30, 30), (225, 225, 225)
WIDE_FONT = "DejaVuSans.ttf"
"""Covers most alphabets, where it is installed; Pillow's own covers Latin."""

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True, kw_only=True)
class Tile:
    """One place of a sheet."""

    picture: bytes | None
    """None leaves the place empty, with its words."""
    words: tuple[str, ...]
    """Lines; the last is wrapped over what room is left."""


def contact_sheet(tiles: Sequence[Tile], title: str, *, columns: int = 5) -> tuple[bytes, int]:
    """A PNG of all tiles under a title.

    Returns:
        The PNG, and how many pictures could not be decoded; their places are left empty.
    """
    rows = -(-len(tiles) // columns)
    across, down = WIDTH + GAP, HEIGHT + LINES * LINE + GAP
    top = TITLE_SIZE + 2 * GAP
    width = GAP + max(min(columns, len(tiles)), 1) * across
    sheet = Image.new("RGB", (width, top + rows * down), PAPER)
    pen = ImageDraw.Draw(sheet)
    pen.text((GAP, GAP), _fitted(title, _font(TITLE_SIZE), width - 2 * GAP), fill=INK, font=_font(TITLE_SIZE))
    undecodable, font = 0, _font(FONT_SIZE)
    for place, tile in enumerate(tiles):
        left, upper = GAP + place % columns * across, top + place // columns * down
        picture = None if tile.picture is None else _decoded(tile.picture)
        if picture is None:
            undecodable += tile.picture is not None
            pen.rectangle((left, upper, left + WIDTH - 1, upper + HEIGHT - 1), fill=PALE)
        else:
            sheet.paste(picture, (left + (WIDTH - picture.width) // 2, upper + (HEIGHT - picture.height) // 2))
        for number, line in enumerate(_lines(tile.words, font)):
            pen.text((left, upper + HEIGHT + 2 + number * LINE), line, fill=INK, font=font)
    out = io.BytesIO()
    sheet.save(out, "PNG")
    return out.getvalue(), undecodable


def _decoded(data: bytes) -> Image.Image | None:
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.draft("RGB", (2 * WIDTH, 2 * HEIGHT))
            small = image.convert("RGB")
    except (OSError, SyntaxError):
        return None
    small.thumbnail((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    return small


def _lines(words: Sequence[str], font: Font) -> list[str]:
    """At most `LINES`: each on one line, the last wrapped."""
    lines = [_fitted(line, font) for line in words[:-1]][: LINES - 1]
    rest = words[-1].split() if words else []
    while rest and len(lines) < LINES:
        taken = len(rest)
        if len(lines) < LINES - 1:
            while taken > 1 and font.getlength(" ".join(rest[:taken])) > WIDTH:
                taken -= 1
        lines.append(_fitted(" ".join(rest[:taken]), font))
        rest = rest[taken:]
    return lines


def _fitted(line: str, font: Font, width: int = WIDTH) -> str:
    """A line cut to the width, with an ellipsis where something is missing."""
    line = " ".join(line.split())
    if font.getlength(line) <= width:
        return line
    while line and font.getlength(line + "…") > width:
        line = line[:-1]
    return line.rstrip() + "…"


def _font(size: int) -> Font:
    try:
        return ImageFont.truetype(WIDE_FONT, size)
    except OSError:
        return ImageFont.load_default(size)
