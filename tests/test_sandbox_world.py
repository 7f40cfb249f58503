"""The sandbox's content is a function of its seed, in the proportions it states."""

import hashlib
import json
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from itertools import pairwise
from math import sqrt
from pathlib import Path

import imagehash
import numpy as np
import pytest
from PIL import Image

from agent.sandbox import world as figures
from agent.sandbox.media import MediaWorld
from agent.sandbox.pictures import picture
from agent.sandbox.scenes import draw_scene
from agent.sandbox.world import EPOCH, Truth, World
from storage.errors import UsageError
from storage.records import Kind

VOCABULARY = {
    "hedonism": ["vacation", "concert", "hot tub", "picnic", "party", "dessert"],
    "achievement": ["trophy", "chess", "marathon", "keynote", "piano recital", "startup"],
    "security": ["soldier", "door lock", "seat belt", "firefighter", "handwashing", "neighbors"],
}
KEYWORDS = [keyword for keywords in VOCABULARY.values() for keyword in keywords]


@pytest.fixture(scope="module")
def world() -> World:
    return World(7, VOCABULARY)


@pytest.fixture(scope="module")
def shorts(world: World) -> list[Truth]:
    """Three thousand originals, 166 or 167 per keyword."""
    return [world.short(world.id_of(KEYWORDS[number % 18], number // 18)) for number in range(3000)]


def assert_share(found: int, of: int, expected: float) -> None:
    """Within four standard deviations of a fair draw."""
    assert abs(found / of - expected) <= 4 * sqrt(expected * (1 - expected) / of)


def test_two_processes_make_the_same_world_and_another_seed_another_one(world: World) -> None:
    script = (
        "import hashlib, json, sys; from agent.sandbox.world import World; from agent.sandbox.pictures import picture\n"
        "w = World(int(sys.argv[1]), json.loads(sys.argv[2])); ids = w.search('chess', 1)\n"
        "shown = hashlib.sha256(picture(w, ids[0]).tobytes()).hexdigest()\n"
        "print(json.dumps([ids, repr([w.short(i) for i in ids]), shown]))"
    )

    elsewhere = subprocess.run(
        [sys.executable, "-c", script, "7", json.dumps(VOCABULARY)], capture_output=True, text=True, check=True
    )

    def described(world: World) -> list[object]:
        ids = world.search("chess", 1)
        shown = hashlib.sha256(picture(world, ids[0]).tobytes()).hexdigest()
        return [ids, repr([world.short(short_id) for short_id in ids]), shown]

    here = described(world)
    assert json.loads(elsewhere.stdout) == here
    assert all(one != two for one, two in zip(here, described(World(8, VOCABULARY)), strict=True))


def test_an_id_names_exactly_one_short_and_a_strange_id_none(world: World, shorts: list[Truth]) -> None:
    assert len({short.id for short in shorts}) == 3000
    assert all(world.short(short.id) == short for short in shorts[:50])
    for strange in ("8" + shorts[0].id[1:], "7-zz", "7-0000000000", ""):
        assert not world.owns(strange) or world.short(strange).keyword in KEYWORDS
    assert not world.owns("8" + shorts[0].id[1:])
    with pytest.raises(KeyError):
        world.short("7-zz")


def test_a_new_keyword_leaves_the_other_shorts_as_they_are(world: World) -> None:
    larger = World(7, {**VOCABULARY, "power": ["mansion"]})
    short = world.short(world.id_of("chess", 5))
    assert larger.short(short.id).keyword == "chess"
    assert larger.id_of("chess", 5) == short.id


def test_kinds_captions_tags_and_durations_come_in_the_stated_proportions(world: World, shorts: list[Truth]) -> None:
    total = len(shorts)
    kinds = Counter(short.kind for short in shorts)
    for kind, rate in (
        (Kind.AD, figures.AD_RATE),
        (Kind.LIVE, figures.LIVE_RATE),
        (Kind.PHOTO, figures.PHOTO_RATE),
    ):
        assert_share(kinds[kind], total, rate / (1 - figures.COPY_RATE))
    organic = [short for short in shorts if short.kind is not Kind.AD]
    says = Counter(short.says for short in organic)
    for how, rate in (("missing", 0.05), ("mentions", 0.5), ("contradicts", 0.1), ("silent", 0.35)):
        assert_share(says[how], len(organic), rate)
    naming = [short for short in organic if short.keyword and short.keyword in (short.caption or "").lower()]
    assert_share(len(naming), len(organic), 0.5)
    assert_share(sum(bool(short.hashtags) for short in shorts), total, 0.84)
    durations = sorted(short.duration for short in shorts if short.duration)
    assert abs(durations[len(durations) // 2] - figures.MEDIAN_DURATION) < 1.5
    assert figures.SHORTEST <= durations[0] <= durations[-1] <= figures.LONGEST


def test_a_contradicting_caption_names_a_keyword_of_another_value(world: World, shorts: list[Truth]) -> None:
    for short in shorts:
        if short.says == "contradicts":
            others = [word for word in KEYWORDS if word in (short.caption or "").lower()]
            assert any(world.value_of[word] != short.value for word in others)


def test_counts_grow_with_time_and_never_fall(shorts: list[Truth]) -> None:
    for short in shorts[:100]:
        series = [short.counts(EPOCH + timedelta(days=days)) for days in (0, 1, 30, 400)]
        for earlier, later in pairwise(series):
            assert earlier.views <= later.views
            assert earlier.likes <= later.likes <= later.views
    assert sum(short.counts(EPOCH + timedelta(days=400)).views > short.counts(EPOCH).views for short in shorts) > 2900


def test_search_ends_differs_per_keyword_and_repeats_nothing(world: World) -> None:
    lengths = {}
    for keyword in KEYWORDS:
        ids = [found for page in range(world.pages(keyword)) for found in world.search(keyword, page)]
        assert world.search(keyword, world.pages(keyword)) == []
        assert len(ids) == len(set(ids))
        lengths[keyword] = len(ids)
    assert len(set(lengths.values())) > 5
    assert all(figures.LEAST_RESULTS <= length <= figures.MOST_RESULTS for length in lengths.values())
    assert world.search("  Hot  TUB ", 0) == world.search("hot tub", 0)


def test_results_hold_reuploads_of_earlier_results_and_strays_at_the_stated_rates(world: World) -> None:
    total = copies = strays = 0
    for keyword in KEYWORDS:
        seen: set[str] = set()
        for found in (found for page in range(world.pages(keyword)) for found in world.search(keyword, page)):
            short = world.short(found)
            total += 1
            strays += short.keyword != keyword and short.copy_of is None
            if short.copy_of:
                copies += 1
                original = world.short(short.copy_of)
                assert original.copy_of is None
                assert short.copy_of in seen
                assert (short.keyword, short.duration) == (original.keyword, original.duration)
                assert short.author != original.author
            seen.add(found)
    assert_share(copies, total, figures.COPY_RATE)
    assert_share(strays, total, figures.STRAY_RATE * (1 - 1 / len(KEYWORDS)))


def test_an_unknown_word_finds_a_few_loose_results_or_nothing(world: World) -> None:
    found = {
        word: [i for page in range(world.pages(word)) for i in world.search(word, page)]
        for word in ("tub", "qwxz", "zebra", "quartz", "lamp", "spoon", "")
    }
    assert found[""] == []
    assert {world.short(short_id).keyword for short_id in found["tub"]} == {"hot tub"}
    assert any(not ids for word, ids in found.items() if word)
    assert all(len(ids) < 10 for ids in found.values())


def phash(image: Image.Image) -> int:
    return int(str(imagehash.phash(image)), 16)


def test_scenes_lie_as_far_apart_as_real_shorts() -> None:
    hashes = np.array([phash(draw_scene(7, f"7-{n:010x}", KEYWORDS[n % 18])) for n in range(200)], dtype=np.uint64)
    distances = np.concatenate([np.bitwise_count(hashes[n + 1 :] ^ hashes[n]) for n in range(199)])
    assert distances.min() > 6
    assert 30 < distances.mean() < 33


def test_a_reupload_stays_near_its_original_unless_it_is_cropped(world: World) -> None:
    near: list[int] = []
    cropped: list[int] = []
    for number in range(30):
        copy_id = world.copy_of(world.id_of("chess", number), 0.3)
        if copy_id is None:
            continue
        copy = world.short(copy_id)
        assert copy.copy_of is not None
        distance = (phash(picture(world, copy_id)) ^ phash(picture(world, copy.copy_of))).bit_count()
        (cropped if "crop" in copy.edits else near).append(distance)
    assert len(near) > 5
    assert max(near) <= 6
    assert min(near) >= 0
    assert cropped
    assert max(cropped) > max(near)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(15):
        Image.new("RGB", (144, 256), (number * 16, 80, 120)).save(tmp_path / f"picture{number}.png")
    Image.new("RGB", (200, 100), (250, 0, 0)).save(tmp_path / "wide.jpg")
    (tmp_path / "captions.csv").write_text(
        "file,caption,author,hashtags\npicture3.png,a day at the lake,anna,#lake #sun\nmissing.png,x,y,\n"
    )
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    return tmp_path


def test_a_media_folder_becomes_one_short_per_picture_with_its_captions(folder: Path) -> None:
    world = MediaWorld(7, folder)
    assert len(world.ids) == 16
    truths = {short.media_file: short for short in map(world.short, world.ids)}
    lake = truths["picture3.png"]
    assert (lake.caption, lake.author, lake.hashtags) == ("a day at the lake", "anna", ("lake", "sun"))
    assert truths["wide.jpg"].caption is None
    assert lake.id.startswith("m7-")
    found = [i for page in range(world.pages("lake")) for i in world.search("lake", page)]
    assert sorted(found) == sorted(world.ids)
    assert found[0] == lake.id
    (folder / "picture0.png").unlink()
    assert MediaWorld(7, folder).short(lake.id) == lake


def test_only_a_picture_of_another_shape_is_letterboxed(folder: Path) -> None:
    world = MediaWorld(7, folder)
    ids = {short.media_file: short.id for short in map(world.short, world.ids)}
    full, wide = picture(world, ids["picture5.png"]), picture(world, ids["wide.jpg"])
    assert full.getpixel((1, 1)) == full.getpixel((135, 240)) == (80, 80, 120)
    assert wide.getpixel((135, 5)) == (0, 0, 0)
    assert wide.getpixel((135, 240)) != (0, 0, 0)


def test_a_folder_without_pictures_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no picture"):
        MediaWorld(7, tmp_path)
    with pytest.raises(UsageError, match="no folder"):
        MediaWorld(7, tmp_path / "absent")
