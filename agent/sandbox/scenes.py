"""Placeholder until the motifs are in."""

from PIL import Image, ImageDraw, ImageFont

from storage.chance import draw

WIDTH, HEIGHT = 270, 480


def draw_scene(seed: int, short_id: str, keyword: str) -> Image.Image:
    small = Image.new("RGB", (9, 16))
    small.putdata([tuple(int(255 * draw(seed, f"px{c}", f"{short_id}/{i}")) for c in range(3)) for i in range(144)])
    image = small.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
    ImageDraw.Draw(image).text((20, 200), keyword, fill="white", font=ImageFont.load_default(28))
    return image
