"""From a short's id to its picture and video: what the truth says is drawn, a re-upload is edited, then encoded."""

import io

from PIL import Image, ImageOps

from agent.sandbox.media import MediaWorld
from agent.sandbox.scenes import HEIGHT, WIDTH, draw_scene
from agent.sandbox.video import encode
from agent.sandbox.world import Truth, World
from storage.chance import draw

CROP = 0.04
"""Share of width and height that a cropping re-upload cuts from every side at most."""


def picture(world: World | MediaWorld, short_id: str) -> Image.Image:
    """What is to be seen while the video stands still; RGB, WIDTH x HEIGHT."""
    if isinstance(world, MediaWorld):
        with Image.open(world.path(short_id)) as image:
            return ImageOps.pad(image.convert("RGB"), (WIDTH, HEIGHT), Image.Resampling.BICUBIC)
    truth = world.short(short_id)
    scene = draw_scene(world.seed, truth.copy_of or short_id, truth.keyword or "")
    return edited(scene, truth, world.seed) if truth.copy_of else scene


def edited(scene: Image.Image, truth: Truth, seed: int) -> Image.Image:
    """The scene as a re-upload shows it: each edit of the truth applied, strength by the id."""
    strength = draw(seed, "edit", truth.id)
    if "crop" in truth.edits:
        x, y = WIDTH * CROP * (0.3 + 0.7 * strength), HEIGHT * CROP * (0.3 + 0.7 * strength)
        scene = scene.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC, box=(x, y, WIDTH - x, HEIGHT - y))
    if "rescale" in truth.edits:
        share = 0.5 + 0.3 * strength
        small = scene.resize((round(WIDTH * share), round(HEIGHT * share)), Image.Resampling.BILINEAR)
        scene = small.resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR)
    out = io.BytesIO()
    scene.save(out, "JPEG", quality=round(35 + 40 * strength))
    with Image.open(io.BytesIO(out.getvalue())) as again:
        return again.convert("RGB")


def webm(world: World | MediaWorld, short_id: str, *, black: bool = False) -> bytes:
    """The short's video; `black` as the fault of that name."""
    image = Image.new("RGB", (WIDTH, HEIGHT)) if black else picture(world, short_id)
    return encode(image, world.short(short_id).duration, draw(world.seed, "entrance", short_id))


def jpeg(world: World | MediaWorld, short_id: str) -> bytes:
    """The picture of a photo post."""
    out = io.BytesIO()
    picture(world, short_id).save(out, "JPEG", quality=88)
    return out.getvalue()
