"""Hashes (D7) and what is a picture at all (D6), on drawn pictures and on recorded screenshots."""

import io

import imagehash
import numpy as np
import pytest
from PIL import Image

from storage.dedupe import THRESHOLD, HashArray
from storage.hashing import hash_picture, is_usable
from tests.recordings import recordings
from tests.storage_tools import grey, jpeg, scene

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


def test_the_fast_hash_is_within_four_bits_of_the_slow_one() -> None:
    sizes = [(180, 320), (360, 640), (540, 960), (1080, 1920), (405, 720)]
    for seed in range(40):
        width, height = sizes[seed % len(sizes)]
        data = scene(seed, width=width, height=height)
        slow = int(str(imagehash.phash(Image.open(io.BytesIO(data)))), 16)
        fast = hash_picture(data).bits
        assert fast is not None
        assert (fast ^ slow).bit_count() <= 4, (seed, width, height)


def test_the_same_picture_again_is_near_and_another_one_is_far() -> None:
    for seed in range(20):
        assert apart(scene(seed), scene(seed, quality=50)) <= THRESHOLD
        assert apart(scene(seed, width=360, height=640), scene(seed, width=360, height=640, quality=60)) <= THRESHOLD
        assert apart(scene(seed), scene(seed + 100)) > 2 * THRESHOLD


def test_a_hash_is_kept_as_sixteen_hex_digits() -> None:
    hashed = hash_picture(scene(3))
    assert hashed.bits is not None
    assert hashed.hex == f"{hashed.bits:016x}"
    assert hash_picture(grey()).hex is None


@pytest.mark.parametrize("level", [0, 40, 128, 255])
def test_a_flat_picture_is_none(level: int) -> None:
    assert not is_usable(grey(level))
    assert hash_picture(grey(level)).bits is None


def test_a_fade_is_no_picture_and_a_dim_scene_is_one() -> None:
    ramp = np.tile(np.linspace(10, 28, 180), (320, 1)).astype(np.uint8)
    assert not is_usable(jpeg(Image.fromarray(ramp).convert("RGB")))
    dim = np.random.default_rng(1).integers(0, 60, (9, 7), dtype=np.uint8)
    assert is_usable(jpeg(Image.fromarray(dim).resize((180, 320)).convert("RGB")))


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"\xff\xd8\xff\xe0 not a picture", scene(1)[:300]])
def test_what_is_no_picture_is_an_error_of_value(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a picture"):
        hash_picture(data)


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
        near = [(a, b) for place, a in enumerate(known) for b in known[:place] if (a ^ b).bit_count() <= THRESHOLD]
        assert near == []


def test_the_array_finds_every_hash_while_it_grows() -> None:
    array = HashArray(capacity=2)
    hashes = [int(bits) for bits in np.random.default_rng(7).integers(0, 2**64, 70, dtype=np.uint64)]
    for number, bits in enumerate(hashes):
        assert array.nearest(bits) is None
        array.add(1000 + number, bits)
        assert len(array) == number + 1
        for place, earlier in enumerate(hashes[: number + 1]):
            assert array.nearest(earlier) == (1000 + place, 0)


def test_the_array_takes_the_nearest_then_the_earliest_up_to_the_threshold() -> None:
    array = HashArray()
    array.add(1, 0b111)
    array.add(2, 0b1)
    array.add(3, 0b10)
    assert array.nearest(0) == (2, 1)
    far = HashArray()
    far.add(1, (1 << 64) - 1)
    assert far.nearest((1 << 64) - 1 ^ 0b111111) == (1, 6)
    assert far.nearest((1 << 64) - 1 ^ 0b1111111) is None
    assert far.nearest(0) is None
