"""Which pictures are the same (D7), and which are no pictures (D6)."""

import io
from pathlib import Path

import imagehash
import numpy as np
import pytest
from PIL import Image as PillowImage
from PIL import ImageFilter

from storage.hashing import hash_picture, is_usable
from storage.index import CANDIDATE_BITS, RegionIndex
from storage.looks import RECIPE
from storage.regions import SEARCHED, STORED
from tests.recordings import recordings
from tests.storage_tools import grey, jpeg, open_corpus, rows, scene, show, start

NEAR = 6
"""Bits between whole hashes."""
SCREENSHOTS = (recordings() or Path("absent")) / "screenshots"


def bits(data: bytes) -> int:
    found = hash_picture(data).bits
    assert found is not None
    return found


def apart(one: bytes, other: bytes) -> int:
    return (bits(one) ^ bits(other)).bit_count()


def test_the_scenes_of_these_tests_are_what_they_are_meant_to_be() -> None:
    for seed in range(20):
        assert apart(scene(seed), scene(seed, quality=50)) <= NEAR
        assert apart(scene(seed), scene(seed + 1)) > 2 * NEAR
        assert scene(seed) != scene(seed, quality=50)


# In a corpus


def test_bytes_come_before_look_and_say_so(tmp_path: Path) -> None:
    with open_corpus(tmp_path / "c.sqlite") as corpus:
        _, (task,) = start(corpus)
        first = show(corpus, task, "a", scene(1))
        same = show(corpus, task, "b", scene(1))
        alike = show(corpus, task, "c", scene(1, quality=50))
        other = show(corpus, task, "d", scene(2))
        assert (first.is_new, same.is_new, alike.is_new, other.is_new) == (True, False, False, True)
        assert (first.duplicate_of, same.duplicate_of, alike.duplicate_of, other.duplicate_of) == (None, "a", "a", None)
        assert (same.distance, alike.distance) == (0, apart(scene(1), scene(1, quality=50)))
        assert corpus.tasks.reload(task).taken == 2
    frames = rows(
        tmp_path / "c.sqlite",
        "SELECT duplicate_by, duplicate_of IS NOT NULL, hash_recipe FROM images WHERE role = 'frame' ORDER BY id",
    )
    assert frames == [(None, 0, RECIPE), ("bytes", 1, RECIPE), ("look", 1, RECIPE), (None, 0, RECIPE)]
    assert rows(tmp_path / "c.sqlite", "SELECT count(*) FROM image_data") == [(3,)]  # equal bytes are shared
    assert rows(tmp_path / "c.sqlite", "SELECT count(*) FROM images") == [(8,)]  # and everything is kept


def test_unlike_sources_are_the_same_once_the_pictures_themselves_agree(tmp_path: Path) -> None:
    with open_corpus(tmp_path / "c.sqlite") as corpus:
        _, (task,) = start(corpus)
        show(corpus, task, "a", scene(1), source="canvas")
        assert show(corpus, task, "b", scene(1, quality=50), source="crop").duplicate_of == "a"
        assert show(corpus, task, "c", scene(2), source="crop").duplicate_of is None
        assert show(corpus, task, "d", scene(1), source="crop").duplicate_of == "a"


def test_flat_pictures_equal_nothing_not_even_by_bytes(tmp_path: Path) -> None:
    with open_corpus(tmp_path / "c.sqlite") as corpus:
        _, (task,) = start(corpus)
        assert show(corpus, task, "a", grey(100)).is_new
        assert show(corpus, task, "b", grey(101)).is_new
        assert show(corpus, task, "c", grey(100)).is_new
    assert rows(tmp_path / "c.sqlite", "SELECT DISTINCT phash FROM images") == [(None,)]
    marked = rows(tmp_path / "c.sqlite", "SELECT evidence FROM images WHERE role = 'frame'")
    assert marked == [('{"content": "none"}',)] * 3


@pytest.mark.parametrize("opened_again", [False, True])
def test_a_duplicate_of_a_duplicate_equals_the_representative(tmp_path: Path, opened_again: bool) -> None:
    """b looks like a, c has b's bytes; the second frame of a has other bytes, which d has."""
    corpus = open_corpus(tmp_path / "c.sqlite")
    _, (task,) = start(corpus)
    show(corpus, task, "a", scene(1))
    alike = show(corpus, task, "b", scene(1, quality=50))
    show(corpus, task, "a", scene(7))
    if opened_again:
        corpus.close()
        corpus = open_corpus(tmp_path / "c.sqlite")
    third = show(corpus, task, "c", scene(1, quality=50))
    fourth = show(corpus, task, "d", scene(7))
    by_look = show(corpus, task, "e", scene(7, quality=50))
    corpus.close()
    assert (third.duplicate_of, third.distance, alike.duplicate_of) == ("a", 0, "a")
    assert fourth.duplicate_of == "a"
    assert by_look.duplicate_of == "a"  # it looks like the second frame of a
    marked = rows(tmp_path / "c.sqlite", "SELECT DISTINCT duplicate_of FROM images WHERE duplicate_of IS NOT NULL")
    assert len(marked) == 1
    by = rows(tmp_path / "c.sqlite", "SELECT duplicate_by FROM images WHERE role = 'frame' ORDER BY id")
    assert [name for (name,) in by] == [None, "look", "id", "bytes", "bytes", "look"]


def test_the_same_short_is_the_same_by_id_whatever_it_shows(tmp_path: Path) -> None:
    with open_corpus(tmp_path / "c.sqlite") as corpus:
        _, (task,) = start(corpus)
        first = show(corpus, task, "a", scene(1))
        again = show(corpus, task, "a", scene(2))
        assert (again.is_new, again.short_id, again.duplicate_of) == (False, first.short_id, "a")
        assert again.distance == apart(scene(1), scene(2))
        assert corpus.tasks.reload(task).taken == 1
    assert rows(tmp_path / "c.sqlite", "SELECT count(*) FROM observations") == [(2,)]


def test_an_opened_corpus_knows_what_a_running_one_knew(tmp_path: Path) -> None:
    """Whatever was killed in between, the same pictures come to the same marks."""
    pictures = [scene(number % 6, quality=50 + 5 * (number % 4)) for number in range(28)]

    def marks(path: Path, *, opened_often: bool) -> list[tuple[object, ...]]:
        corpus = open_corpus(path)
        _, (task,) = start(corpus, 99)
        for number, data in enumerate(pictures):
            show(corpus, task, f"s{number % 20}", data, source="crop" if number % 5 == 0 else "canvas")
            if opened_often and number % 3 == 1:
                corpus.close()
                corpus = open_corpus(path)
        corpus.close()
        return rows(path, "SELECT id, phash, duplicate_of, duplicate_by, distance, evidence FROM images ORDER BY id")

    once = marks(tmp_path / "one.sqlite", opened_often=False)
    assert once == marks(tmp_path / "other.sqlite", opened_often=True)
    assert {row[3] for row in once} == {None, "id", "bytes", "look"}


def test_hashes_of_another_recipe_are_not_compared_but_bytes_are(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    with open_corpus(path) as corpus:
        _, (task,) = start(corpus)
        show(corpus, task, "a", scene(1))
        with corpus.database.write() as session:
            session.connection().exec_driver_sql("UPDATE images SET hash_recipe = 'older@0' WHERE role = 'frame'")
    with open_corpus(path) as corpus:
        assert show(corpus, task, "b", scene(1, quality=50)).is_new
        assert show(corpus, task, "c", scene(1)).duplicate_of == "a"


# In memory


def asked(bits: int) -> np.ndarray:
    return np.full(len(SEARCHED), bits, np.uint64)


def stored(bits: int) -> np.ndarray:
    return np.full(len(STORED), bits, np.uint64)


def test_candidates_come_nearest_first_then_earliest_up_to_the_limit() -> None:
    index = RegionIndex()
    for image_id, value in ((1, 0b1111), (2, 0b11), (3, 0b110), (4, (1 << 64) - 1)):
        index.add((image_id, 0), stored(value))
    assert index.candidates(asked(0b10)) == [((2, 0), 1), ((3, 0), 1), ((1, 0), 3)]
    assert index.candidates(asked(0b10), most=1) == [((2, 0), 1)]
    assert index.candidates(asked((1 << 64) - 1)) == [((4, 0), 0)]
    assert index.candidates(asked(0xFFFFFFFF << 30)) == []
    edge = RegionIndex()
    edge.add((1, 1), stored(0))
    assert edge.candidates(asked((1 << CANDIDATE_BITS) - 1)) == [((1, 1), CANDIDATE_BITS)]
    assert edge.candidates(asked((1 << (CANDIDATE_BITS + 1)) - 1)) == []


def test_one_region_that_is_alike_makes_a_candidate() -> None:
    index = RegionIndex()
    hashes = np.random.default_rng(1).integers(0, 1 << 64, len(STORED), dtype=np.uint64)
    index.add((7, 0), hashes)
    query = asked(0)
    query[4] = hashes[SEARCHED[4][0]] ^ np.uint64(0b101)
    assert index.candidates(query) == [((7, 0), 2)]
    assert (index.hashes((7, 0)) == hashes).all()


@pytest.mark.parametrize("count", [1, 7, 8, 9, 15, 16, 17, 64, 65, 40_000])
def test_a_growing_index_finds_every_view_and_nothing_beyond_its_end(count: int) -> None:
    values = np.random.default_rng(count).integers(1 << 60, 1 << 64, count, dtype=np.uint64)
    index = RegionIndex(capacity=8)
    for place, value in enumerate(values):
        index.add((100 + place, 0), stored(int(value)))
    assert len(index) == count
    for place in {0, count // 2, count - 1}:
        assert index.candidates(asked(int(values[place])))[0] == ((100 + place, 0), 0)
    assert index.candidates(asked(0)) == []
    assert RegionIndex().candidates(asked(0)) == []


# Hash and usability


def varied_pictures() -> list[PillowImage.Image]:
    """Coarse and fine noise, gradients, stripes, blurred and high-contrast pictures in several sizes."""
    chance = np.random.default_rng(3)
    found = []
    for number in range(40):
        rough = chance.integers(0, 256, (int(chance.integers(2, 40)), int(chance.integers(2, 40)), 3), dtype=np.uint8)
        size = ((720, 1280), (1280, 720), (405, 720), (331, 597))[number % 4]
        image = PillowImage.fromarray(rough).resize(size, PillowImage.Resampling.BICUBIC)
        found.append(image.filter(ImageFilter.BoxBlur(number % 5)) if number % 2 else image)
    return found


def test_the_fast_hash_is_within_four_bits_of_imagehash() -> None:
    for image in varied_pictures():
        data = jpeg(image, 90)
        usual = int(str(imagehash.phash(PillowImage.open(io.BytesIO(data)))), 16)
        assert (bits(data) ^ usual).bit_count() <= 4


def test_recordings_hash_within_four_bits_of_imagehash() -> None:
    files = sorted(SCREENSHOTS.glob("*.jpeg"))
    if not files:
        pytest.skip("the recorded screenshots are not on this machine")
    for file in files:
        found = hash_picture(file.read_bytes()).bits
        if found is not None:
            usual = int(str(imagehash.phash(PillowImage.open(file))), 16)
            assert (found ^ usual).bit_count() <= 4, file.name


def test_recorded_loading_pages_are_no_pictures_and_every_other_screenshot_is_one() -> None:
    """Hand labels of the recordings: the grey page, the list over the player and the skeleton show no video."""
    if not SCREENSHOTS.is_dir():
        pytest.skip("the recorded screenshots are not on this machine")
    files = {
        file.stem.removeprefix("llm4sm_"): file for file in SCREENSHOTS.iterdir() if file.suffix in (".jpeg", ".png")
    }
    rejected = {name for name, file in files.items() if not is_usable(file.read_bytes())}
    assert {"instagram10"} | {name for name in files if "skeleton" in name} <= rejected
    assert not rejected & {"tiktok23", "tiktok28", "tiktok44", "youtube10", "youtube50", "instagram18"}
    assert all("skeleton" in name or name in ("instagram10", "instagram15") for name in rejected)
    assert any("skeleton" in name for name in rejected)


def test_plain_pictures_are_no_pictures_and_blurred_ones_are() -> None:
    for level in (0, 128, 255):
        assert not is_usable(grey(level))
        assert hash_picture(grey(level)).bits is None
        assert hash_picture(grey(level)).hex is None
    for image in varied_pictures()[:8]:
        assert is_usable(jpeg(image.filter(ImageFilter.BoxBlur(8))))


def test_a_hash_is_written_as_sixteen_hex_digits() -> None:
    found = hash_picture(scene(3))
    assert found.hex is not None
    assert len(found.hex) == 16
    assert int(found.hex, 16) == found.bits


@pytest.mark.parametrize("data", [b"", b"not a picture", scene(1)[:300]])
def test_bytes_that_are_no_picture_are_told(data: bytes) -> None:
    for function in (hash_picture, is_usable):
        with pytest.raises(ValueError, match="not a picture"):
            function(data)
