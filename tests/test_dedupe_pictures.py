"""The same picture with another caption, crop, size or compression is recognised; two different ones never (D7)."""

from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from storage.dedupe import LEAST_LIGHT, THRESHOLD, Comparison, Deduplicator, Match
from storage.looks import Look, Place, fine_grey, look_at
from storage.regions import FINE
from storage.verify import UNMOVED, agreement, same_light
from tests.bench import negatives
from tests.bench.edits import EDITS, edited
from tests.recordings import recordings

SCENES = 24
SCREENSHOTS = (recordings() or Path("absent")) / "screenshots"
NO_FRAMES = {"llm4sm_instagram10", "llm4sm_instagram15"}


class Known:
    """A corpus in memory: pictures are added by number."""

    def __init__(self, pictures: list[bytes]) -> None:
        self.known = Deduplicator()
        self.looks: dict[int, Look] = {}
        self.merged = [(number, match) for number, data in enumerate(pictures) if (match := self.add(number, data))]

    def add(self, number: int, data: bytes) -> Match | None:
        look = look_at(data)
        match, _ = self.known.match(str(number), look, self)
        self.looks[number] = look
        self.known.add(number, str(number), look, match)
        return match

    def match(self, data: bytes) -> Match | None:
        return self.known.match("asked", look_at(data), self)[0]

    def compare(self, data: bytes) -> list[Comparison]:
        return self.known.compare(look_at(data), self)

    def greys(self, places: list[Place]) -> npt.NDArray[np.uint8]:
        return np.stack([self.looks[number].views[view].grey for number, view in places])

    def data(self, image_id: int) -> bytes:
        return self.looks[image_id].data

    def fine(self, place: Place) -> npt.NDArray[np.uint8]:
        return fine_grey(self.data(place[0]), place[1])


@cache
def scenes() -> Known:
    return Known([negatives.frame(3, number) for number in range(SCENES)])


def recorded() -> list[bytes]:
    if not SCREENSHOTS.is_dir():
        pytest.skip("the recorded screenshots are not on this machine")
    return [file.read_bytes() for file in sorted(SCREENSHOTS.glob("llm4sm_[ti]*[0-9].jpeg"))]


def test_no_two_scenes_are_merged() -> None:
    assert scenes().merged == []


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_copy_finds_its_picture_and_no_other(edit: str) -> None:
    found = [scenes().match(edited(edit, scenes().data(number), 3, str(number))) for number in range(SCENES)]
    hits = [match is not None and match.image_id == number for number, match in enumerate(found)]
    assert [match.image_id for match in found if match] == [number for number, hit in enumerate(hits) if hit]
    assert sum(hits) >= SCENES - 1, [number for number, hit in enumerate(hits) if not hit]


@pytest.mark.parametrize("edit", ["crop 10 %", "shift", "caption bar", "letterbox"])
def test_it_does_not_matter_which_of_the_two_came_first(edit: str) -> None:
    copies = Known([edited(edit, scenes().data(number), 3, str(number)) for number in range(SCENES)])
    found = [copies.match(scenes().data(number)) for number in range(SCENES)]
    assert sum(match is not None and match.image_id == number for number, match in enumerate(found)) >= SCENES - 1
    assert all(match is None or match.image_id == number for number, match in enumerate(found))


def test_the_alignment_says_what_was_cut_off() -> None:
    for number in range(6):
        best = scenes().compare(edited("crop 10 %", scenes().data(number), 3, str(number)))[0]
        assert best.place[0] == number
        assert best.frames is not None
        assert best.frames.alignment == pytest.approx((0.1, 0.1, 0.1, 0.1), abs=0.012)


@pytest.mark.parametrize("kind", negatives.KINDS)
def test_pictures_that_share_all_but_their_content_are_kept_apart(kind: str) -> None:
    known = Known([negatives.hard(5, kind, number) for number in range(40)])
    assert known.merged == []


def test_the_same_text_card_again_is_recognised_and_another_text_is_not() -> None:
    cards = Known([negatives.hard(6, "text card", number) for number in range(0, 24, 2)])
    for place in range(12):
        again = cards.match(edited("jpeg 30", cards.data(place), 6, str(place)))
        other = cards.match(negatives.hard(6, "text card", 2 * place + 1))
        assert cards.looks[place].views == () or (again is not None and again.image_id == place)
        assert other is None


def greys(seed: int) -> npt.NDArray[np.float32]:
    """A smooth picture at the size of the last check."""
    noise = np.random.default_rng(seed).integers(20, 236, (12, 8), dtype=np.uint8)
    return np.asarray(Image.fromarray(noise).resize(FINE, Image.Resampling.BICUBIC), np.float32)


def test_light_is_the_same_in_a_brighter_copy_and_not_where_other_content_stands() -> None:
    picture, other = greys(1), greys(2)
    assert same_light(picture, picture, UNMOVED) == 1
    brighter = np.minimum(picture * 1.3 + 5, 255)
    assert same_light(brighter, picture, UNMOVED) > 0.95
    assert same_light(picture, brighter, UNMOVED) > 0.95
    covered, replaced = picture.copy(), picture.copy()
    covered[:24] = 10.0
    replaced[40:120] = other[40:120]
    assert same_light(covered, picture, UNMOVED) == pytest.approx(0.85, abs=0.03)
    assert 0.5 <= same_light(replaced, picture, UNMOVED) < LEAST_LIGHT
    assert same_light(other, picture, UNMOVED) < 0.5


def test_an_overlay_costs_less_agreement_than_other_content_of_the_same_size() -> None:
    noise = np.random.default_rng(1)
    shared, first, second = (noise.normal(0, 1, (160, 96)).astype(np.float32) for _ in range(3))
    plain, overlaid, replaced = shared.copy(), shared.copy(), shared.copy()
    plain[80:] *= 0.3
    overlaid[80:] = first[80:]
    replaced[80:] = second[80:]
    assert agreement(plain, plain) == pytest.approx(1, abs=1e-3)
    assert agreement(plain, overlaid) > 0.65 > agreement(overlaid, replaced)
    assert agreement(overlaid, replaced) == pytest.approx(0.5, abs=0.02)
    assert agreement(overlaid, plain) == pytest.approx(agreement(plain, overlaid))


def test_a_hash_alone_merges_nothing() -> None:
    """All regions of another picture's hashes, but not its pixels."""
    known = Known([])
    one, two = scenes().looks[0], scenes().looks[1]
    known.looks[0] = one
    known.known.add(0, "one", two, None)  # indexed under the hashes of the other
    match, near = known.known.match("asked", two, known)
    assert match is None
    assert near is None or (near["nearest"]["frames"] or 0) < THRESHOLD or near["nearest"]["light"] < LEAST_LIGHT


def test_the_same_pictures_come_to_the_same_marks_every_time() -> None:
    pictures = [negatives.frame(4, number % 5) for number in range(5)] + [
        edited("stickers", negatives.frame(4, number), 4, str(number)) for number in range(5)
    ]
    once, again = Known(pictures).merged, Known(pictures).merged
    assert once == again
    assert len(once) == 5


def test_no_two_recorded_screenshots_are_merged_and_those_without_a_frame_are_marked() -> None:
    recorded()
    files = sorted(SCREENSHOTS.glob("llm4sm_[ti]*[0-9].jpeg"))
    known = Known([file.read_bytes() for file in files])
    assert known.merged == []
    assert {files[number].stem for number, look in known.looks.items() if not look.views} == NO_FRAMES


@pytest.mark.parametrize("edit", ["caption bar", "crop 10 %", "shift", "stickers", "side letterbox"])
def test_an_edited_recorded_screenshot_is_recognised(edit: str) -> None:
    known = Known(recorded())
    numbers = [number for number, look in known.looks.items() if look.views][::4]
    found = [known.match(edited(edit, known.data(number), 3, str(number))) for number in numbers]
    right = [match is not None and match.image_id == number for number, match in zip(numbers, found, strict=True)]
    assert sum(right) >= len(numbers) - 1
    assert all(match is None or hit for match, hit in zip(found, right, strict=True))
