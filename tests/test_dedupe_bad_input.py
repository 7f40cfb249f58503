"""Bytes that are no picture of a short are refused in one sentence; odd pictures are handled like any other."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from storage.hashing import hash_picture, is_usable
from storage.looks import look_at
from storage.regions import FINE
from tests.bench import negatives
from tests.storage_tools import jpeg, open_corpus, rows, scene, show, start


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def picture() -> Image.Image:
    return negatives.scene(2, 1)


def apart(one: bytes, two: bytes) -> int:
    first, second = look_at(one).bits, look_at(two).bits
    assert first is not None
    assert second is not None
    return (first ^ second).bit_count()


@pytest.mark.parametrize("data", [b"", b"no picture at all", b"\xff\xd8\xff\xe0 cut", b"%PDF-1.7", b"GIF89a"])
def test_bytes_that_are_no_picture_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a picture"):
        look_at(data)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_a_truncated_picture_is_refused(kind: str, share: float) -> None:
    data = encoded(picture(), kind)
    with pytest.raises(ValueError, match="not a picture"):
        look_at(data[: int(len(data) * share)])


def test_of_an_animation_the_first_picture_counts() -> None:
    frames = [negatives.scene(2, number) for number in (1, 2, 3)]
    for kind in ("GIF", "WEBP", "PNG"):
        data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=100)
        assert apart(data, jpeg(frames[0])) <= 4, kind
        assert apart(data, jpeg(frames[1])) > 10, kind


def test_cmyk_is_seen_as_what_it_shows() -> None:
    assert apart(encoded(picture().convert("CMYK"), "JPEG", quality=90), jpeg(picture(), 90)) <= 6


def test_sixteen_bits_are_not_cut_to_white() -> None:
    deep = np.asarray(picture().convert("L")).astype(np.uint16) * 257
    assert apart(encoded(Image.fromarray(deep), "PNG"), jpeg(picture(), 95)) <= 4


def test_what_is_transparent_is_seen_on_black() -> None:
    hidden = picture().convert("RGBA")
    hidden.putalpha(0)
    assert look_at(encoded(hidden, "PNG")).views == ()
    assert apart(encoded(picture().convert("RGBA"), "PNG"), jpeg(picture(), 95)) <= 4
    assert look_at(encoded(picture().convert("P"), "PNG")).views != ()


@pytest.mark.parametrize("size", [(1, 1), (1, 2), (2, 2), (3, 3), (8, 8)])
def test_a_tiny_picture_has_a_look_and_at_one_pixel_no_content(size: tuple[int, int]) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (size[1], size[0]), dtype=np.uint8)
    look = look_at(encoded(Image.fromarray(noise), "PNG"))
    assert look.sharpness >= 0
    assert all(view.grey.shape == (80, 48) for view in look.views)
    if size == (1, 1):
        assert (look.views, look.hex) == ((), None)
        assert not is_usable(encoded(Image.new("RGB", (1, 1)), "PNG"))


@pytest.mark.parametrize("size", [(20_000, 20), (20, 20_000)])
def test_a_strip_is_refused(size: tuple[int, int]) -> None:
    for function in (look_at, hash_picture, is_usable):
        with pytest.raises(ValueError, match=f"not a picture of a short: {size[0]} x {size[1]} pixels"):
            function(encoded(Image.new("L", size, 90), "PNG"))


def test_more_pixels_than_memory_are_refused_before_they_are_decoded() -> None:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    with pytest.raises(ValueError, match="not a picture"):
        look_at(data)


def test_odd_sizes_and_landscape_pictures_are_compared_like_any_other() -> None:
    for size in ((331, 597), (1280, 720), (144, 256), (97, 161)):
        assert apart(jpeg(picture().resize(size)), jpeg(picture().resize((180, 320)))) <= 6
    assert FINE == (96, 160)


def test_a_frame_that_is_no_picture_leaves_nothing_in_the_corpus(tmp_path: Path) -> None:
    with open_corpus(tmp_path / "c.sqlite") as corpus:
        _, (task,) = start(corpus)
        with pytest.raises(ValueError, match="not a picture"):
            show(corpus, task, "a", b"no picture")
        assert show(corpus, task, "b", scene(1)).is_new
    assert rows(tmp_path / "c.sqlite", "SELECT platform_id FROM shorts") == [("b",)]
    assert rows(tmp_path / "c.sqlite", "SELECT count(*) FROM images") == [(2,)]
