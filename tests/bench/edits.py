"""What people do to a picture before they upload it again. Each edit is a function of the picture and of a key."""

import io
from collections.abc import Callable

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from storage.chance import draw

Dice = Callable[[str], float]
Edit = Callable[[Image.Image, Dice], Image.Image]

QUALITY = 80
_BICUBIC = Image.Resampling.BICUBIC
_WHITE, _DARK = (250, 250, 250), (10, 10, 12)


def edited(name: str, data: bytes, seed: int, key: str) -> bytes:
    """The edited picture as JPEG; what is drawn on it follows from seed, edit and key."""
    with Image.open(io.BytesIO(data)) as image:
        made = ALL[name](image.convert("RGB"), lambda purpose: draw(seed, f"edit-{name}-{purpose}", key))
    return encoded(made, 30 if name == "jpeg 30" else QUALITY)


def encoded(image: Image.Image, quality: int = QUALITY) -> bytes:
    """The picture as JPEG."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return out.getvalue()


def _half(image: Image.Image, _: Dice) -> Image.Image:
    return image.resize((image.width // 2, image.height // 2), _BICUBIC)


def _crop(share: float) -> Edit:
    def crop(image: Image.Image, _: Dice) -> Image.Image:
        x, y = image.width * share, image.height * share
        return image.resize(image.size, _BICUBIC, box=(x, y, image.width - x, image.height - y))

    return crop


def _caption_bar(image: Image.Image, dice: Dice) -> Image.Image:
    """12 % of the height, above or below, light or dark, with words."""
    image = image.copy()
    pen, tall = ImageDraw.Draw(image), image.height * 0.12
    top = 0 if dice("place") < 0.5 else image.height - tall
    ink, ground = (_WHITE, _DARK) if dice("dark") < 0.5 else (_DARK, _WHITE)
    pen.rectangle((0, top, image.width, top + tall), ground)
    words = ("wait for the end", "follow for part", "this made my day")[int(dice("words") * 3)]
    pen.text((image.width * 0.05, top + tall * 0.3), f"{words} {int(dice('n') * 99)}", ink, font_size=tall * 0.4)
    return image


def _watermark_and_buttons(image: Image.Image, dice: Dice) -> Image.Image:
    """A handle somewhere, a caption line below, five round buttons with counts at the right edge."""
    image = image.copy()
    pen, (width, height) = ImageDraw.Draw(image, "RGBA"), image.size
    for number in range(5):
        x, y, r = width * 0.91, height * (0.42 + 0.1 * number), width * 0.05
        pen.ellipse((x - r, y - r, x + r, y + r), (255, 255, 255, 230))
        pen.text((x, y + r), str(int(dice(f"count{number}") * 900)), _WHITE, font_size=height * 0.025, anchor="mt")
    handle = f"@user{int(dice('handle') * 1e5)}"
    pen.text((width * 0.05, height * (0.08 + 0.6 * dice("y"))), handle, (255, 255, 255, 200), font_size=height * 0.04)
    pen.text((width * 0.05, height * 0.9), "some caption #fyp", _WHITE, font_size=height * 0.03)
    return image


def _shift(image: Image.Image, dice: Dice) -> Image.Image:
    """6 % sideways and 4 % up or down; what comes in is black."""
    x = round(image.width * (0.06 if dice("x") < 0.5 else -0.06))
    y = round(image.height * (0.04 if dice("y") < 0.5 else -0.04))
    made = Image.new("RGB", image.size)
    made.paste(image, (x, y))
    return made


def _letterbox(image: Image.Image, dice: Dice) -> Image.Image:
    """Bars of 8 % above and below: over the picture, or the picture squeezed between them."""
    tall = round(image.height * 0.08)
    made = Image.new("RGB", image.size)
    if dice("cover") < 0.5:
        made.paste(image.crop((0, tall, image.width, image.height - tall)), (0, tall))
    else:
        made.paste(image.resize((image.width, image.height - 2 * tall), _BICUBIC), (0, tall))
    return made


def _side_letterbox(image: Image.Image, _: Dice) -> Image.Image:
    """Bars of 10 % left and right."""
    wide = round(image.width * 0.1)
    made = Image.new("RGB", image.size)
    made.paste(image.resize((image.width - 2 * wide, image.height), _BICUBIC), (wide, 0))
    return made


def _stickers(image: Image.Image, dice: Dice) -> Image.Image:
    """Three, each 12 to 22 % of the width, anywhere."""
    image = image.copy()
    pen, (width, height) = ImageDraw.Draw(image), image.size
    for number in range(3):
        r = width * (0.06 + 0.05 * dice(f"r{number}"))
        x, y = width * (0.1 + 0.8 * dice(f"x{number}")), height * (0.1 + 0.8 * dice(f"y{number}"))
        red, green, blue = (int(255 * dice(f"{part}{number}")) for part in "rgb")
        shape = pen.ellipse if dice(f"shape{number}") < 0.6 else pen.rectangle
        shape((x - r, y - r, x + r, y + r), (red, green, blue), _WHITE, 2)
    return image


def _progress_bar(image: Image.Image, dice: Dice) -> Image.Image:
    image = image.copy()
    pen, top = ImageDraw.Draw(image), image.height * 0.975
    pen.rectangle((0, top, image.width, image.height), (90, 90, 90))
    pen.rectangle((0, top, image.width * dice("played"), image.height), (255, 40, 60))
    return image


def _another_moment(image: Image.Image, dice: Dice) -> Image.Image:
    """As the sandbox's videos move: some seconds later, nearer by 1.2 % a second, drifting."""
    zoom = 1 + 0.012 * (1 + 6 * dice("seconds"))
    width, height = image.width / zoom, image.height / zoom
    left, top = (image.width - width) * dice("x"), (image.height - height) * dice("y")
    return image.resize(image.size, _BICUBIC, box=(left, top, left + width, top + height))


EDITS: dict[str, Edit] = {
    "jpeg 30": lambda image, _: image,
    "half size": _half,
    "brighter": lambda image, _: ImageEnhance.Brightness(image).enhance(1.3),
    "blur": lambda image, _: image.filter(ImageFilter.GaussianBlur(1.5)),
    "caption bar": _caption_bar,
    "watermark": _watermark_and_buttons,
    "crop 5 %": _crop(0.05),
    "crop 10 %": _crop(0.10),
    "shift": _shift,
    "letterbox": _letterbox,
    "stickers": _stickers,
    "progress bar": _progress_bar,
    "side letterbox": _side_letterbox,
}
"""Those that are counted in the mean."""
APART: dict[str, Edit] = {"mirror": lambda image, _: ImageOps.mirror(image), "another moment": _another_moment}
ALL = EDITS | APART
