"""Pictures become WebM (VP8) on demand.

    0 - 0.8 s   the scene fades or slides in          dense frames
    0.8 - 2 s   the scene, exactly still              one key frame, repeated byte for byte
    2 s - end   a slow zoom with a drift              dense frames to 4 s, then one frame in three seconds

Repeating the key frame's packet makes the still part still by construction: an encoder would refine it. Frames are
sparse where nobody looks, so that a video costs about as much as one picture; the last frame lasts until the true
duration. Sizes are pixels, times milliseconds of media time.
"""

import io
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from fractions import Fraction
from typing import Any

import av
from av.video.frame import PictureType
from PIL import Image

from agent.sandbox.scenes import HEIGHT, WIDTH

STILL_FROM, STILL_UNTIL = 800, 2000
STILL_REPEATS = (1000, 1250, 1500, 1750)
FADE_STEP, ZOOM_STEP, SPARSE_STEP = 130, 330, 3000
DENSE_UNTIL = 4000
ZOOM_PER_SECOND = 0.012
BIT_RATE = 900_000
# A negative speed is a fixed one: with a positive one the encoder adapts to how busy the machine is, and two servers
# would serve two videos of one short.
OPTIONS = {"deadline": "realtime", "cpu-used": "-8", "lag-in-frames": "0", "auto-alt-ref": "0", "error-resilient": "1"}
_MS = Fraction(1, 1000)


def encode(scene: Image.Image, duration: float, entrance: float) -> bytes:
    """The video of a scene.

    Args:
        scene: RGB, WIDTH x HEIGHT.
        duration: seconds, at least 2.
        entrance: number in [0, 1): fade in (below 0.5), slide in from the left, right or below.
    """
    out = io.BytesIO()
    end = round(duration * 1000)
    with av.open(out, "w", format="webm", options={"reserve_index_space": "600"}) as container:
        stream = container.add_stream("libvpx", rate=20, options=OPTIONS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.bit_rate = BIT_RATE
        stream.codec_context.thread_count = 1
        stream.codec_context.time_base = stream.time_base = _MS
        packets: list[tuple[int, av.Packet[Any]]] = []

        def add(image: Image.Image, at: int, *, key: bool = False) -> None:
            frame = av.VideoFrame.from_image(image)  # type: ignore[no-untyped-call]
            frame.pts, frame.time_base = at, _MS
            frame.pict_type = PictureType.I if key else PictureType.NONE
            packets.extend((packet.pts or 0, packet) for packet in stream.encode(frame))

        for at in range(0, STILL_FROM, FADE_STEP):
            add(_entering(scene, at / STILL_FROM, entrance), at, key=at == 0)
        add(scene, STILL_FROM, key=True)
        for at in _zoom_times(end):
            add(_zoomed(scene, (at - STILL_UNTIL) / 1000, entrance), at)
        packets.extend((packet.pts or 0, packet) for packet in stream.encode(None))
        still = next(bytes(packet) for at, packet in packets if at == STILL_FROM)
        for at in STILL_REPEATS:
            packets.append((at, av.Packet(still)))
            packets[-1][1].is_keyframe = True
        packets.sort(key=lambda pair: pair[0])
        for (at, packet), (then, _) in zip(packets, [*packets[1:], (end, None)], strict=True):
            packet.stream, packet.time_base = stream, _MS
            packet.pts = packet.dts = at
            packet.duration = then - at
            container.mux(packet)
    return out.getvalue()


def _zoom_times(end: int) -> list[int]:
    dense = range(STILL_UNTIL, min(DENSE_UNTIL, end), ZOOM_STEP)
    return [*dense, *range(DENSE_UNTIL, end - SPARSE_STEP // 2, SPARSE_STEP)]


def _entering(scene: Image.Image, share: float, entrance: float) -> Image.Image:
    """The scene on its way in; `share` in [0, 1) of the way."""
    dark = Image.new("RGB", scene.size, (12, 12, 14))
    if entrance < 0.5:
        return Image.blend(dark, scene, share)
    left = 1 - share
    offset = ((-left, 0), (left, 0), (0, left))[int((entrance - 0.5) * 6)]
    dark.paste(scene, (round(offset[0] * WIDTH), round(offset[1] * HEIGHT)))
    return dark


def _zoomed(scene: Image.Image, seconds: float, entrance: float) -> Image.Image:
    zoom = 1 + ZOOM_PER_SECOND * (seconds + 0.5)
    width, height = WIDTH / zoom, HEIGHT / zoom
    left, top = (WIDTH - width) * entrance, (HEIGHT - height) * (1 - entrance)
    return scene.resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR, box=(left, top, left + width, top + height))


class VideoCache:
    """The last videos asked for, and those likely to be asked for next, encoded in a thread of their own."""

    def __init__(self, make: Callable[[str], bytes], *, size: int = 48, threads: int = 2) -> None:
        self._make = make
        self._size = size
        self._futures: OrderedDict[str, Future[bytes]] = OrderedDict()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="encode")

    def get(self, key: str) -> "Future[bytes]":
        """The video, made now if it is not there. Called from one thread only."""
        future = self._futures.get(key)
        if future is None or (future.done() and future.exception()):
            future = self._futures[key] = self._pool.submit(self._make, key)
        self._futures.move_to_end(key)
        while len(self._futures) > self._size:
            self._futures.popitem(last=False)
        return future

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)
