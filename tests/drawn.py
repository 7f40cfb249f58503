"""Pictures that the packaged classifier knows, drawn; and the built model to look at them."""

import io

import pytest
from PIL import Image, ImageDraw

from retrieval.embedders import packaged
from storage.chance import draw
from storage.errors import NotSetUp

SIDE = 300


def built_embedder() -> packaged.PackagedEmbedder:
    """The packaged model, built first where that is needed; the test is skipped where its packages cannot be had."""
    try:
        packaged.build()
    except NotSetUp as error:
        pytest.skip(str(error))
    return packaged.PackagedEmbedder()


def encoded(image: Image.Image, kind: str = "PNG", **options: int) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def traffic_light() -> Image.Image:
    image = Image.new("RGB", (SIDE, SIDE), (150, 190, 230))
    pen = ImageDraw.Draw(image)
    pen.rectangle((145, 230, 160, 300), fill=(60, 60, 60))
    pen.rounded_rectangle((105, 20, 200, 240), 12, fill=(25, 25, 25))
    for place, colour in enumerate([(250, 40, 30), (120, 100, 10), (10, 80, 30)]):
        pen.ellipse((125, 35 + place * 68, 180, 90 + place * 68), fill=colour)
    return image


def crossword() -> Image.Image:
    image = Image.new("RGB", (SIDE, SIDE), "white")
    pen = ImageDraw.Draw(image)
    for x in range(0, SIDE, 20):
        for y in range(0, SIDE, 20):
            black = draw(1, "crossword", f"{x},{y}") < 0.25
            pen.rectangle((x, y, x + 20, y + 20), fill="black" if black else "white", outline="black")
    return image


def clock() -> Image.Image:
    image = Image.new("RGB", (SIDE, SIDE), (200, 180, 150))
    pen = ImageDraw.Draw(image)
    pen.ellipse((20, 20, 280, 280), fill="white", outline="black", width=10)
    for hour, place in enumerate([(200, 63), (237, 100), (250, 150), (237, 200), (200, 237), (150, 250)], start=1):
        pen.text(place, str(hour), fill="black", anchor="mm", font_size=28)
        pen.text((300 - place[0], 300 - place[1]), str(hour + 6), fill="black", anchor="mm", font_size=28)
    pen.line((150, 150, 150, 70), fill="black", width=6)
    pen.line((150, 150, 205, 180), fill="black", width=8)
    return image
