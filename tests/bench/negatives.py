"""The pictures of the benchmark: sandbox scenes, and pairs that look alike and are not the same."""

from PIL import Image, ImageDraw, ImageEnhance

from agent.sandbox.scenes import draw_scene
from retrieval.vocabulary import load_vocabulary
from storage.chance import draw, shuffled
from tests.bench.edits import encoded

FRAME = (180, 320)
"""Width and height of a frame, as the crawl captures it (D6)."""
KINDS = ("template", "text card", "dark")
WORDS = [
    "why",
    "you",
    "should",
    "never",
    "trust",
    "a",
    "man",
    "who",
    "says",
    "that",
    "money",
    "is",
    "only",
    "paper",
    "when",
    "rain",
    "falls",
    "on",
    "old",
    "stone",
    "walls",
    "today",
    "I",
    "learned",
    "how",
    "to",
    "cook",
    "rice",
    "without",
    "water",
    "my",
    "mother",
    "told",
    "me",
    "winter",
    "ends",
    "in",
    "june",
]
KEYWORDS = [keyword.word for keyword in load_vocabulary().keywords()]


def scene(seed: int, number: int) -> Image.Image:
    """The number-th scene of the sandbox at the size of a frame."""
    drawn = draw_scene(seed, f"bench-{number}", KEYWORDS[number % len(KEYWORDS)])
    return drawn.resize(FRAME, Image.Resampling.BILINEAR)


def frame(seed: int, number: int) -> bytes:
    """A scene as the crawl stores it."""
    return encoded(scene(seed, number), 90)


def hard(seed: int, kind: str, number: int) -> bytes:
    """One of a pair of hard negatives: numbers 2k and 2k + 1 share what is no content."""
    pair, other = number // 2, number + 10_000_000
    if kind == "template":
        return encoded(
            _template(scene(seed, pair + 20_000_000), scene(seed, other), draw(seed, "layout", str(pair))), 90
        )
    if kind == "text card":
        return encoded(_card(seed, pair, number), 90)
    return encoded(
        ImageEnhance.Brightness(scene(seed, other)).enhance(0.12 + 0.2 * draw(seed, "dark", str(number))), 85
    )


def _template(around: Image.Image, content: Image.Image, layout: float) -> Image.Image:
    """Content in a frame that many videos share: a header and a footer, or a border; content is half of the area."""
    made, (width, height) = around.copy(), around.size
    x, y = (0, height // 4) if layout < 0.5 else (round(width * 0.15), round(height * 0.15))
    made.paste(content.resize((width - 2 * x, height - 2 * y)), (x, y))
    return made


def _card(seed: int, pair: int, number: int) -> Image.Image:
    """Two to five lines of words on a colour gradient, under one heading."""

    def dice(purpose: str) -> float:
        return draw(seed, f"card-{purpose}", str(pair))

    width, height = FRAME
    made = Image.new("RGB", FRAME)
    pen = ImageDraw.Draw(made)
    first, last = ([255 * dice(f"{end}{part}") for part in "rgb"] for end in ("top", "foot"))
    for y in range(height):
        red, green, blue = (round(a + (b - a) * y / height) for a, b in zip(first, last, strict=True))
        pen.line((0, y, width, y), (red, green, blue))
    ink = "white" if sum(first) + sum(last) < 6 * 140 else "black"
    size, top = 13 + 8 * dice("size"), 60 + 60 * dice("y")
    pen.text((20, 20), f"story time #{pair}", ink, font_size=14)
    for line in range(2 + int(4 * dice("lines"))):
        words = " ".join(shuffled(WORDS, seed, f"words-{line}-{number}")[:3])
        pen.text((width / 2, top + line * size * 1.6), words, ink, font_size=size, anchor="mm")
    return made
