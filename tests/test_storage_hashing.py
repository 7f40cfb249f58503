"""Hashes (D7) and what is a picture at all (D6), on drawn pictures and on recorded screenshots."""

import numpy as np
import pytest
from PIL import Image

from storage.hashing import hash_picture, is_usable
from tests.recordings import recordings
from tests.storage_tools import grey, jpeg, scene

NEAR = 6
"""Bits between whole hashes."""
SCREENSHOTS = recordings()
NO_FRAMES = ["llm4sm_instagram10.jpeg", "mryeje_tiktok_skeleton_sep2025.png"]
BLURRED_FRAMES = ["llm4sm_tiktok23.jpeg", "llm4sm_tiktok28.jpeg", "llm4sm_tiktok44.jpeg"]


def screenshot(name: str) -> bytes:
    if SCREENSHOTS is None:
        pytest.skip("the recorded screenshots are not on this machine")
    return (SCREENSHOTS / "screenshots" / name).read_bytes()


def apart(first: bytes, second: bytes) -> int:
    one, two = hash_picture(first).bits, hash_picture(second).bits
    assert one is not None
    assert two is not None
    return (one ^ two).bit_count()


def test_the_same_picture_again_is_near_and_another_one_is_far() -> None:
    for seed in range(20):
        assert apart(scene(seed), scene(seed, quality=50)) <= NEAR
        assert apart(scene(seed, width=360, height=640), scene(seed, width=360, height=640, quality=60)) <= NEAR
        assert apart(scene(seed), scene(seed + 100)) > 2 * NEAR


@pytest.mark.parametrize("level", [0, 40, 128, 255])
def test_a_flat_picture_is_none(level: int) -> None:
    assert not is_usable(grey(level))
    assert hash_picture(grey(level)).bits is None


def test_a_fade_is_no_picture_and_a_dim_scene_is_one() -> None:
    ramp = np.tile(np.linspace(10, 28, 180), (320, 1)).astype(np.uint8)
    assert not is_usable(jpeg(Image.fromarray(ramp).convert("RGB")))
    dim = np.random.default_rng(1).integers(0, 60, (9, 7), dtype=np.uint8)
    assert is_usable(jpeg(Image.fromarray(dim).resize((180, 320)).convert("RGB")))


@pytest.mark.parametrize("name", NO_FRAMES)
def test_a_recorded_loading_card_is_rejected(name: str) -> None:
    assert not is_usable(screenshot(name))
    assert hash_picture(screenshot(name)).bits is None


@pytest.mark.parametrize("name", BLURRED_FRAMES)
def test_a_recorded_blurred_frame_is_kept(name: str) -> None:
    assert is_usable(screenshot(name))
    assert hash_picture(screenshot(name)).bits is not None


def test_no_two_recorded_videos_of_a_platform_look_the_same() -> None:
    for platform in ("tiktok", "instagram"):
        hashes = [hash_picture(screenshot(f"llm4sm_{platform}{number}.jpeg")).bits for number in range(1, 51)]
        known = [bits for bits in hashes if bits is not None]
        assert len(known) >= 48
        near = [(a, b) for place, a in enumerate(known) for b in known[:place] if (a ^ b).bit_count() <= NEAR]
        assert near == []
