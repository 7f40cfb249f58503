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
        self, canvas: ImageDraw.ImageDraw, x: float, y: float, size: float, a: Colour, b: Colour,
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
        self._canvas.ellipse((*self._at(x - r * self._flip, y - r), *self._at(x + r * self._flip, y + r)),
                             outline=colour, width=max(2, round(width * self._size)))

    def star(self, colour: Colour, x: float, y: float, r: float, tips: int = 5, depth: float = 0.45) -> None:
        spokes = [(r if turn % 2 == 0 else r * depth, pi * turn / tips - pi / 2) for turn in range(2 * tips)]
        self.poly(colour, *((x + length * cos(angle), y + length * sin(angle)) for length, angle in spokes))

    def inside(self, x: float, y: float, size: float, name: str) -> "Pen":
        """A pen for a smaller square around a point, with colours and chance of its own."""
        shade = 0.6 + self.dice(f"{name}-cloth")
        return Pen(
            self._canvas, *self._at(x, y), self._size * size, dim(self.a, shade), dim(self.b, 2.1 - shade),
            lambda purpose: self.dice(f"{name}-{purpose}"),
        )


def dim(colour: Colour, share: float) -> Colour:
    """Darker below 1, lighter above."""
    red, green, blue = (min(255, max(0, round(part * share))) for part in colour)
    return red, green, blue


def house(p: Pen) -> None:
    p.rect(p.a, -.7, -.1, .7, .9)
    p.poly(p.b, (-.9, -.1), (0, -.9), (.9, -.1))
    p.rect(dim(p.b, .6), -.15, .35, .2, .9)
    for x in (-.5, .4):
        p.rect((250, 226, 150), x, .1, x + .25, .35)


def tower(p: Pen) -> None:
    p.rect(p.a, -.35, -.3, .35, .95)
    p.poly(p.b, (-.45, -.3), (0, -.98), (.45, -.3))
    for row in range(4):
        for x in (-.2, .08):
            p.rect((252, 232, 160), x, -.2 + row * .28, x + .13, -.04 + row * .28)


def dome(p: Pen) -> None:
    p.oval(p.b, 0, -.1, .55, .6)
    p.rect(p.a, -.75, 0, .75, .9)
    for x in (-.55, -.2, .15, .5):
        p.rect(dim(p.a, .6), x - .06, .2, x + .1, .9, .05)
    p.rect(p.b, -.03, -.95, .03, -.6)


def tree(p: Pen) -> None:
    p.rect(BROWN, -.1, .1, .1, .95)
    for x, y, r in ((-.35, 0, .42), (.35, -.02, .42), (0, -.4, .5)):
        p.oval(dim(GREEN, .8 + .5 * p.dice(f"leaf{x}")), x, y, r)


def palm(p: Pen) -> None:
    p.line(BROWN, .12, (-.1, .95), (0, .2), (.15, -.4))
    for angle in range(0, 360, 51):
        tip = (.15 + .75 * cos(angle * pi / 180), -.4 + .55 * sin(angle * pi / 180) + .15)
        p.line(GREEN, .13, (.15, -.4), (.15 + (tip[0] - .15) * .5, -.55 + (tip[1] + .4) * .4), tip)


def flower(p: Pen) -> None:
    p.line(GREEN, .08, (0, .95), (0, -.2))
    p.oval(GREEN, .22, .5, .22, .09)
    p.star(p.a, 0, -.35, .55, 8, .6)
    p.oval(GOLD, 0, -.35, .2)


def mountain(p: Pen) -> None:
    p.poly(p.a, (-1, .9), (-.25, -.7), (.45, .9))
    p.poly(dim(p.a, .7), (-.2, .9), (.4, -.3), (1, .9))
    p.poly(WHITE, (-.25, -.7), (-.45, -.25), (-.25, -.36), (-.06, -.25))


def sun(p: Pen) -> None:
    p.star((250, 200, 70), 0, 0, .95, 12, .7)
    p.oval((255, 226, 110), 0, 0, .6)


def boat(p: Pen) -> None:
    p.poly(p.a, (-.9, .45), (.9, .45), (.6, .9), (-.6, .9))
    p.poly(WHITE, (.05, -.9), (.05, .35), (.8, .35))
    p.poly(p.b, (-.05, -.7), (-.05, .35), (-.65, .35))
    p.rect(BROWN, -.05, -.95, .04, .5)


def waves(p: Pen) -> None:
    for row in range(4):
        points = [(-1 + step * .1, -.3 + row * .35 + .1 * sin(step * 1.2 + row)) for step in range(21)]
        p.line(dim((70, 150, 200), .8 + row * .15), .13, *points)


def drop(p: Pen) -> None:
    for x, y, r in ((-.4, .1, .3), (.35, -.3, .25), (.2, .5, .36)):
        p.poly((120, 190, 236), (x, y - 2 * r), (x - r, y), (x + r, y))
        p.oval((120, 190, 236), x, y, r)


def person(p: Pen) -> None:
    p.poly(p.a, (-.4, .35), (-.3, -.3), (.3, -.3), (.4, .35))
    p.rect(p.b, -.28, .3, -.03, .98)
    p.rect(p.b, .03, .3, .28, .98)
    lift = p.dice("arm") * 1.2 - .8
    p.line(p.skin, .14, (-.32, -.22), (-.6, .1 + lift * .3), (-.62, .35 + lift))
    p.line(p.skin, .14, (.32, -.22), (.55, .1), (.5, .4 - lift * .4))
    p.oval(p.skin, 0, -.6, .25)
    p.poly(dim(p.b, .5), (-.27, -.58), (-.2, -.86), (.2, -.86), (.27, -.58), (.1, -.72), (-.12, -.72))


def group(p: Pen) -> None:
    for place, x in enumerate((-.7, -.25, .22, .68)):
        height, size = .1 + .12 * p.dice(f"height{place}"), .62 + .2 * p.dice(f"size{place}")
        person(p.inside(x, height, size, f"member{place}"))


def couple(p: Pen) -> None:
    person(p.inside(-.26, 0, .95, "one"))
    person(p.inside(.3, .08, .87, "two"))
    p.line(p.skin, .13, (-.2, -.2), (.2, -.1))


def baby(p: Pen) -> None:
    p.oval(p.a, 0, .45, .55, .45)
    p.oval(p.skin, 0, -.3, .5)
    for x in (-.18, .18):
        p.oval(BLACK, x, -.3, .05)
    p.line((170, 70, 70), .06, (-.12, -.1), (0, -.04), (.12, -.1))


def face(p: Pen) -> None:
    p.oval(dim(p.b, .5), 0, -.15, .72, .8)
    p.oval(p.skin, 0, 0, .6, .75)
    for x in (-.24, .24):
        p.oval(WHITE, x, -.12, .13, .09)
        p.oval(BLACK, x, -.12, .06)
    smile = p.dice("smile") * .3
    p.line((160, 60, 60), .07, (-.25, .32), (0, .32 + smile), (.25, .32))


def hands(p: Pen) -> None:
    other = SKIN[int(p.dice("other") * len(SKIN))]
    p.line(p.a, .4, (-.98, .25), (-.45, .1))
    p.line(p.b, .4, (.98, .25), (.45, .1))
    p.line(p.skin, .34, (-.5, .12), (.1, 0))
    p.line(other, .3, (.5, .12), (0, .02))
    for step in range(4):
        p.oval(p.skin, .04 + step * .05, -.14 + step * .1, .1)


def dog(p: Pen) -> None:
    p.oval(p.a, 0, .2, .6, .32)
    for x in (-.45, -.25, .25, .45):
        p.rect(dim(p.a, .85), x - .07, .3, x + .07, .92)
    p.oval(p.a, .6, -.2, .32, .28)
    p.poly(dim(p.a, .6), (.42, -.4), (.36, 0), (.56, -.12))
    p.oval(BLACK, .88, -.16, .06)
    p.oval(BLACK, .66, -.26, .04)
    p.line(p.a, .1, (-.55, .1), (-.9, -.35))


def bird(p: Pen) -> None:
    p.oval(p.a, 0, .1, .5, .28)
    p.poly(dim(p.a, .8), (-.2, .05), (-.7, -.75), (.25, -.05))
    p.poly(dim(p.a, .9), (0, 0), (.35, -.85), (.3, .05))
    p.oval(p.a, .5, -.15, .2)
    p.poly(GOLD, (.66, -.18), (.92, -.1), (.66, -.04))


def fish(p: Pen) -> None:
    p.oval(p.a, .1, 0, .6, .35)
    p.poly(p.b, (-.4, 0), (-.9, -.4), (-.9, .4))
    p.oval(BLACK, .45, -.1, .06)
    for x in (-.1, .1, .3):
        p.line(p.b, .06, (x, -.28), (x - .06, .28))


def car(p: Pen) -> None:
    p.poly(p.a, (-.95, .45), (-.9, .05), (-.5, 0), (-.25, -.4), (.4, -.4), (.65, 0), (.95, .1), (.95, .45))
    p.poly((180, 214, 232), (-.38, 0), (-.2, -.32), (.05, -.32), (.05, 0))
    p.poly((180, 214, 232), (.13, 0), (.13, -.32), (.35, -.32), (.52, 0))
    for x in (-.55, .55):
        p.oval(BLACK, x, .45, .24)
        p.oval((150, 150, 156), x, .45, .1)


def bike(p: Pen) -> None:
    for x in (-.55, .55):
        p.ring(BLACK, .09, x, .4, .4)
    p.line(p.a, .09, (-.55, .4), (-.2, -.1), (.35, -.1), (.55, .4), (0, .4), (-.2, -.1))
    p.line(p.a, .09, (.35, -.1), (.3, -.4), (.5, -.45))
    p.line(BLACK, .1, (-.35, -.18), (-.08, -.18))


def rails(p: Pen) -> None:
    track = [(-1 + step * .1, .5 - .9 * abs(sin(step * .33 + p.dice("phase") * 3))) for step in range(21)]
    for x, y in track[::2]:
        p.line(dim(p.b, .7), .05, (x, y), (x, .95))
    p.line(p.a, .1, *track)
    p.rect(p.b, track[8][0] - .16, track[8][1] - .26, track[8][0] + .16, track[8][1] - .03, .05)


def plane(p: Pen) -> None:
    p.oval(WHITE, 0, 0, .9, .17)
    p.poly(p.a, (.1, 0), (-.3, .7), (-.5, .7), (-.2, 0))
    p.poly(p.a, (.1, 0), (-.15, -.55), (-.32, -.55), (-.2, 0))
    p.poly(p.b, (-.6, 0), (-.95, -.45), (-.8, 0))


def kite(p: Pen) -> None:
    p.poly(p.a, (0, -.95), (.5, -.3), (0, .35), (-.5, -.3))
    p.poly(p.b, (0, -.95), (.5, -.3), (0, -.3))
    p.line(p.b, .05, (0, .35), (.2, .55), (-.1, .75), (.1, .95))
