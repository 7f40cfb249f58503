"""The videos: exactly still from 0.8 to 2 s, moving before and after, true durations."""

import io
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from agent.sandbox.pictures import picture, webm
from agent.sandbox.world import World
from storage.records import Kind


@pytest.fixture(scope="module")
def world() -> World:
    return World(3, {"hedonism": ["vacation", "concert"], "power": ["mansion", "crown"]})


def frames(data: bytes) -> tuple[float, list[tuple[float, np.ndarray[Any, Any]]]]:
    """Duration and (seconds, RGB) of every frame."""
    with av.open(io.BytesIO(data), "r") as container:
        assert container.duration is not None
        shown = [(float(frame.time or 0), frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]
        return container.duration / 1e6, shown


@pytest.mark.parametrize("number", range(6))
def test_the_picture_comes_in_stands_exactly_still_and_then_moves(world: World, number: int) -> None:
    short_id = next(
        found
        for found in (world.id_of("crown", start) for start in range(number * 10, number * 10 + 10))
        if world.short(found).kind is Kind.SHORT
    )
    duration, shown = frames(webm(world, short_id))
    still = [frame for at, frame in shown if 0.8 <= at < 2.0]
    before = [frame for at, frame in shown if at < 0.7]
    after = [frame for at, frame in shown if at >= 2.3]
    assert duration == pytest.approx(world.short(short_id).duration, abs=0.05)
    assert len(still) >= 4
    assert all(np.array_equal(frame, still[0]) for frame in still)
    assert all(not np.array_equal(frame, still[0]) for frame in (*before, *after))
    assert len({frame.tobytes() for frame in after}) == len(after)
    drawn = np.asarray(picture(world, short_id), dtype=np.int16)
    assert np.abs(still[0].astype(np.int16) - drawn).mean() < 9


def test_a_black_video_is_black(world: World) -> None:
    _, shown = frames(webm(world, world.id_of("crown", 0), black=True))
    assert all(frame.max() < 20 for at, frame in shown if at >= 0.8)


def test_a_video_can_be_sought_to_any_part(world: World) -> None:
    data = webm(world, world.id_of("vacation", 1))
    with av.open(io.BytesIO(data), "r") as container:
        container.seek(1_000_000)
        first = next(container.decode(video=0))
        assert float(first.time or 0) >= 0.79
    assert Image.fromarray(first.to_ndarray(format="rgb24")).size == (270, 480)
