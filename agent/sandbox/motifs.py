"""The things a scene can show, each a few shapes in a unit square: x right, y down, both from -1 to 1."""

from collections.abc import Callable
from math import cos, pi, sin

from PIL import ImageDraw

Colour = tuple[int, int, int]
SKIN: tuple[Colour, ...] = ((244, 208, 177), (224, 172, 125), (186, 130, 86), (141, 85, 54), (96, 58, 38))
WHITE, BLACK, GOLD, GREEN, BROWN = (248, 248, 244), (28, 28, 34), (236, 186, 58), (58, 132, 66), (118, 78, 44)


class Pen:
    """Draws in the unit square of one motif. `a`, `b` are its two colours, `dice(purpose)` its chance in [0, 1)."""

    def __init__(
        self,
        canvas: ImageDraw.ImageDraw,
        x: float,
        y: float,
        size: float,
        a: Colour,
        b: Colour,
        dice: Callable[[str], float],
    ) -> None:
        self._canvas, self._x, self._y, self._size = canvas, x, y, size
        self._flip = -1 if dice("flip") < 0.5 else 1
        self.a, self.b, self.dice = a, b, dice
        self.skin = SKIN[int(dice("skin") * len(SKIN))]

    def _at(self, x: float, y: float) -> tuple[float, float]:
        return self._x + x * self._size * self._flip, self._y + y * self._size

    def poly(self, colour: Colour, *points: tuple[float, float]) -> None:
        self._canvas.polygon([self._at(x, y) for x, y in points], colour)

    def oval(self, colour: Colour, x: float, y: float, rx: float, ry: float | None = None) -> None:
        (left, top), (right, bottom) = self._at(x - rx, y - (ry or rx)), self._at(x + rx, y + (ry or rx))
        self._canvas.ellipse((min(left, right), top, max(left, right), bottom), colour)

    def rect(self, colour: Colour, left: float, top: float, right: float, bottom: float, round_: float = 0) -> None:
        (x0, y0), (x1, y1) = self._at(left, top), self._at(right, bottom)
        self._canvas.rounded_rectangle((min(x0, x1), y0, max(x0, x1), y1), round_ * self._size, colour)

    def line(self, colour: Colour, width: float, *points: tuple[float, float]) -> None:
        thick = max(2, round(width * self._size))
        self._canvas.line([self._at(x, y) for x, y in points], colour, thick, joint="curve")

    def ring(self, colour: Colour, width: float, x: float, y: float, r: float) -> None:
        self._canvas.ellipse(
            (*self._at(x - r * self._flip, y - r), *self._at(x + r * self._flip, y + r)),
            outline=colour,
            width=max(2, round(width * self._size)),
        )

    def star(self, colour: Colour, x: float, y: float, r: float, tips: int = 5, depth: float = 0.45) -> None:
        spokes = [(r if turn % 2 == 0 else r * depth, pi * turn / tips - pi / 2) for turn in range(2 * tips)]
        self.poly(colour, *((x + length * cos(angle), y + length * sin(angle)) for length, angle in spokes))

    def inside(self, x: float, y: float, size: float, name: str) -> "Pen":
        """A pen for a smaller square around a point, with colours and chance of its own."""
        shade = 0.6 + self.dice(f"{name}-cloth")
        return Pen(
            self._canvas,
            *self._at(x, y),
            self._size * size,
            dim(self.a, shade),
            dim(self.b, 2.1 - shade),
            lambda purpose: self.dice(f"{name}-{purpose}"),
        )


def dim(colour: Colour, share: float) -> Colour:
    """Darker below 1, lighter above."""
    red, green, blue = (min(255, max(0, round(part * share))) for part in colour)
    return red, green, blue


def house(p: Pen) -> None:
    p.rect(p.a, -0.7, -0.1, 0.7, 0.9)
    p.poly(p.b, (-0.9, -0.1), (0, -0.9), (0.9, -0.1))
    p.rect(dim(p.b, 0.6), -0.15, 0.35, 0.2, 0.9)
    for x in (-0.5, 0.4):
        p.rect((250, 226, 150), x, 0.1, x + 0.25, 0.35)


def tower(p: Pen) -> None:
    p.rect(p.a, -0.35, -0.3, 0.35, 0.95)
    p.poly(p.b, (-0.45, -0.3), (0, -0.98), (0.45, -0.3))
    for row in range(4):
        for x in (-0.2, 0.08):
            p.rect((252, 232, 160), x, -0.2 + row * 0.28, x + 0.13, -0.04 + row * 0.28)


def dome(p: Pen) -> None:
    p.oval(p.b, 0, -0.1, 0.55, 0.6)
    p.rect(p.a, -0.75, 0, 0.75, 0.9)
    for x in (-0.55, -0.2, 0.15, 0.5):
        p.rect(dim(p.a, 0.6), x - 0.06, 0.2, x + 0.1, 0.9, 0.05)
    p.rect(p.b, -0.03, -0.95, 0.03, -0.6)


def tree(p: Pen) -> None:
    p.rect(BROWN, -0.1, 0.1, 0.1, 0.95)
    for x, y, r in ((-0.35, 0, 0.42), (0.35, -0.02, 0.42), (0, -0.4, 0.5)):
        p.oval(dim(GREEN, 0.8 + 0.5 * p.dice(f"leaf{x}")), x, y, r)


def palm(p: Pen) -> None:
    p.line(BROWN, 0.12, (-0.1, 0.95), (0, 0.2), (0.15, -0.4))
    for angle in range(0, 360, 51):
        tip = (0.15 + 0.75 * cos(angle * pi / 180), -0.4 + 0.55 * sin(angle * pi / 180) + 0.15)
        p.line(GREEN, 0.13, (0.15, -0.4), (0.15 + (tip[0] - 0.15) * 0.5, -0.55 + (tip[1] + 0.4) * 0.4), tip)


def flower(p: Pen) -> None:
    p.line(GREEN, 0.08, (0, 0.95), (0, -0.2))
    p.oval(GREEN, 0.22, 0.5, 0.22, 0.09)
    p.star(p.a, 0, -0.35, 0.55, 8, 0.6)
    p.oval(GOLD, 0, -0.35, 0.2)


def mountain(p: Pen) -> None:
    p.poly(p.a, (-1, 0.9), (-0.25, -0.7), (0.45, 0.9))
    p.poly(dim(p.a, 0.7), (-0.2, 0.9), (0.4, -0.3), (1, 0.9))
    p.poly(WHITE, (-0.25, -0.7), (-0.45, -0.25), (-0.25, -0.36), (-0.06, -0.25))


def sun(p: Pen) -> None:
    p.star((250, 200, 70), 0, 0, 0.95, 12, 0.7)
    p.oval((255, 226, 110), 0, 0, 0.6)


def boat(p: Pen) -> None:
    p.poly(p.a, (-0.9, 0.45), (0.9, 0.45), (0.6, 0.9), (-0.6, 0.9))
    p.poly(WHITE, (0.05, -0.9), (0.05, 0.35), (0.8, 0.35))
    p.poly(p.b, (-0.05, -0.7), (-0.05, 0.35), (-0.65, 0.35))
    p.rect(BROWN, -0.05, -0.95, 0.04, 0.5)


def waves(p: Pen) -> None:
    for row in range(4):
        points = [(-1 + step * 0.1, -0.3 + row * 0.35 + 0.1 * sin(step * 1.2 + row)) for step in range(21)]
        p.line(dim((70, 150, 200), 0.8 + row * 0.15), 0.13, *points)


def drop(p: Pen) -> None:
    for x, y, r in ((-0.4, 0.1, 0.3), (0.35, -0.3, 0.25), (0.2, 0.5, 0.36)):
        p.poly((120, 190, 236), (x, y - 2 * r), (x - r, y), (x + r, y))
        p.oval((120, 190, 236), x, y, r)


def person(p: Pen) -> None:
    p.poly(p.a, (-0.4, 0.35), (-0.3, -0.3), (0.3, -0.3), (0.4, 0.35))
    p.rect(p.b, -0.28, 0.3, -0.03, 0.98)
    p.rect(p.b, 0.03, 0.3, 0.28, 0.98)
    lift = p.dice("arm") * 1.2 - 0.8
    p.line(p.skin, 0.14, (-0.32, -0.22), (-0.6, 0.1 + lift * 0.3), (-0.62, 0.35 + lift))
    p.line(p.skin, 0.14, (0.32, -0.22), (0.55, 0.1), (0.5, 0.4 - lift * 0.4))
    p.oval(p.skin, 0, -0.6, 0.25)
    p.poly(dim(p.b, 0.5), (-0.27, -0.58), (-0.2, -0.86), (0.2, -0.86), (0.27, -0.58), (0.1, -0.72), (-0.12, -0.72))


def group(p: Pen) -> None:
    for place, x in enumerate((-0.7, -0.25, 0.22, 0.68)):
        height, size = 0.1 + 0.12 * p.dice(f"height{place}"), 0.62 + 0.2 * p.dice(f"size{place}")
        person(p.inside(x, height, size, f"member{place}"))


def couple(p: Pen) -> None:
    person(p.inside(-0.26, 0, 0.95, "one"))
    person(p.inside(0.3, 0.08, 0.87, "two"))
    p.line(p.skin, 0.13, (-0.2, -0.2), (0.2, -0.1))


def baby(p: Pen) -> None:
    p.oval(p.a, 0, 0.45, 0.55, 0.45)
    p.oval(p.skin, 0, -0.3, 0.5)
    for x in (-0.18, 0.18):
        p.oval(BLACK, x, -0.3, 0.05)
    p.line((170, 70, 70), 0.06, (-0.12, -0.1), (0, -0.04), (0.12, -0.1))


def face(p: Pen) -> None:
    p.oval(dim(p.b, 0.5), 0, -0.15, 0.72, 0.8)
    p.oval(p.skin, 0, 0, 0.6, 0.75)
    for x in (-0.24, 0.24):
        p.oval(WHITE, x, -0.12, 0.13, 0.09)
        p.oval(BLACK, x, -0.12, 0.06)
    smile = p.dice("smile") * 0.3
    p.line((160, 60, 60), 0.07, (-0.25, 0.32), (0, 0.32 + smile), (0.25, 0.32))


def hands(p: Pen) -> None:
    other = SKIN[int(p.dice("other") * len(SKIN))]
    p.line(p.a, 0.4, (-0.98, 0.25), (-0.45, 0.1))
    p.line(p.b, 0.4, (0.98, 0.25), (0.45, 0.1))
    p.line(p.skin, 0.34, (-0.5, 0.12), (0.1, 0))
    p.line(other, 0.3, (0.5, 0.12), (0, 0.02))
    for step in range(4):
        p.oval(p.skin, 0.04 + step * 0.05, -0.14 + step * 0.1, 0.1)


def dog(p: Pen) -> None:
    p.oval(p.a, 0, 0.2, 0.6, 0.32)
    for x in (-0.45, -0.25, 0.25, 0.45):
        p.rect(dim(p.a, 0.85), x - 0.07, 0.3, x + 0.07, 0.92)
    p.oval(p.a, 0.6, -0.2, 0.32, 0.28)
    p.poly(dim(p.a, 0.6), (0.42, -0.4), (0.36, 0), (0.56, -0.12))
    p.oval(BLACK, 0.88, -0.16, 0.06)
    p.oval(BLACK, 0.66, -0.26, 0.04)
    p.line(p.a, 0.1, (-0.55, 0.1), (-0.9, -0.35))


def bird(p: Pen) -> None:
    p.oval(p.a, 0, 0.1, 0.5, 0.28)
    p.poly(dim(p.a, 0.8), (-0.2, 0.05), (-0.7, -0.75), (0.25, -0.05))
    p.poly(dim(p.a, 0.9), (0, 0), (0.35, -0.85), (0.3, 0.05))
    p.oval(p.a, 0.5, -0.15, 0.2)
    p.poly(GOLD, (0.66, -0.18), (0.92, -0.1), (0.66, -0.04))


def fish(p: Pen) -> None:
    p.oval(p.a, 0.1, 0, 0.6, 0.35)
    p.poly(p.b, (-0.4, 0), (-0.9, -0.4), (-0.9, 0.4))
    p.oval(BLACK, 0.45, -0.1, 0.06)
    for x in (-0.1, 0.1, 0.3):
        p.line(p.b, 0.06, (x, -0.28), (x - 0.06, 0.28))


def car(p: Pen) -> None:
    p.poly(
        p.a, (-0.95, 0.45), (-0.9, 0.05), (-0.5, 0), (-0.25, -0.4), (0.4, -0.4), (0.65, 0), (0.95, 0.1), (0.95, 0.45)
    )
    p.poly((180, 214, 232), (-0.38, 0), (-0.2, -0.32), (0.05, -0.32), (0.05, 0))
    p.poly((180, 214, 232), (0.13, 0), (0.13, -0.32), (0.35, -0.32), (0.52, 0))
    for x in (-0.55, 0.55):
        p.oval(BLACK, x, 0.45, 0.24)
        p.oval((150, 150, 156), x, 0.45, 0.1)


def bike(p: Pen) -> None:
    for x in (-0.55, 0.55):
        p.ring(BLACK, 0.09, x, 0.4, 0.4)
    p.line(p.a, 0.09, (-0.55, 0.4), (-0.2, -0.1), (0.35, -0.1), (0.55, 0.4), (0, 0.4), (-0.2, -0.1))
    p.line(p.a, 0.09, (0.35, -0.1), (0.3, -0.4), (0.5, -0.45))
    p.line(BLACK, 0.1, (-0.35, -0.18), (-0.08, -0.18))


def rails(p: Pen) -> None:
    track = [(-1 + step * 0.1, 0.5 - 0.9 * abs(sin(step * 0.33 + p.dice("phase") * 3))) for step in range(21)]
    for x, y in track[::2]:
        p.line(dim(p.b, 0.7), 0.05, (x, y), (x, 0.95))
    p.line(p.a, 0.1, *track)
    p.rect(p.b, track[8][0] - 0.16, track[8][1] - 0.26, track[8][0] + 0.16, track[8][1] - 0.03, 0.05)


def plane(p: Pen) -> None:
    p.oval(WHITE, 0, 0, 0.9, 0.17)
    p.poly(p.a, (0.1, 0), (-0.3, 0.7), (-0.5, 0.7), (-0.2, 0))
    p.poly(p.a, (0.1, 0), (-0.15, -0.55), (-0.32, -0.55), (-0.2, 0))
    p.poly(p.b, (-0.6, 0), (-0.95, -0.45), (-0.8, 0))


def kite(p: Pen) -> None:
    p.poly(p.a, (0, -0.95), (0.5, -0.3), (0, 0.35), (-0.5, -0.3))
    p.poly(p.b, (0, -0.95), (0.5, -0.3), (0, -0.3))
    p.line(p.b, 0.05, (0, 0.35), (0.2, 0.55), (-0.1, 0.75), (0.1, 0.95))
