"""Motifs of doing: music, sport, law and safety, dress, play. Same unit square as `motifs`."""

from math import cos, pi, sin

from agent.sandbox.motifs import BLACK, BROWN, GOLD, GREEN, WHITE, Pen, dim


def guitar(p: Pen) -> None:
    p.oval(p.a, -0.1, 0.5, 0.48, 0.42)
    p.oval(p.a, 0.02, 0.02, 0.34)
    p.oval(BLACK, -0.05, 0.3, 0.15)
    p.line(BROWN, 0.13, (-0.02, 0.2), (0.35, -0.85))
    p.rect(BLACK, 0.26, -0.98, 0.5, -0.78)


def violin(p: Pen) -> None:
    p.oval((150, 76, 34), 0, 0.5, 0.4, 0.38)
    p.oval((150, 76, 34), 0, 0, 0.32, 0.3)
    p.line(BLACK, 0.1, (0, 0.6), (0, -0.95))
    p.line(p.a, 0.05, (-0.8, 0.6), (0.75, -0.3))


def piano(p: Pen) -> None:
    p.rect(BLACK, -0.95, -0.5, 0.95, 0.6, 0.05)
    for key in range(9):
        p.rect(WHITE, -0.9 + key * 0.2, 0, -0.72 + key * 0.2, 0.55)
        if key % 7 not in (2, 6):
            p.rect(BLACK, -0.76 + key * 0.2, 0, -0.64 + key * 0.2, 0.3)


def microphone(p: Pen) -> None:
    p.line(p.a, 0.18, (0.5, 0.95), (-0.05, -0.1))
    p.oval((90, 90, 98), -0.25, -0.4, 0.42)
    for turn in range(3):
        p.line(
            (150, 150, 158), 0.03, (-0.6 + turn * 0.12, -0.55 + turn * 0.2), (-0.05 + turn * 0.12, -0.7 + turn * 0.2)
        )


def notes(p: Pen) -> None:
    for x, y in ((-0.55, 0.5), (0.35, 0.35)):
        p.oval(p.a, x, y, 0.24, 0.18)
        p.rect(p.a, x + 0.16, y - 0.95, x + 0.25, y)
    p.poly(p.a, (-0.39, -0.5), (0.6, -0.66), (0.6, -0.4), (-0.39, -0.25))


def globe(p: Pen) -> None:
    p.oval((76, 146, 206), 0, -0.1, 0.78)
    for x, y, rx, ry in ((-0.3, -0.4, 0.3, 0.2), (0.25, -0.1, 0.26, 0.35), (-0.25, 0.25, 0.2, 0.25)):
        p.oval(GREEN, x, y, rx, ry)
    p.rect(BROWN, -0.08, 0.68, 0.08, 0.9)
    p.rect(BROWN, -0.4, 0.85, 0.4, 0.95)


def scales(p: Pen) -> None:
    p.rect(GOLD, -0.05, -0.8, 0.05, 0.8)
    p.rect(GOLD, -0.4, 0.78, 0.4, 0.92)
    tilt = (p.dice("tilt") - 0.5) * 0.4
    p.line(GOLD, 0.07, (-0.7, -0.6 + tilt), (0.7, -0.6 - tilt))
    for x, y in ((-0.7, -0.6 + tilt), (0.7, -0.6 - tilt)):
        p.line(GOLD, 0.03, (x - 0.25, y + 0.6), (x, y), (x + 0.25, y + 0.6))
        p.oval(p.a, x, y + 0.62, 0.28, 0.1)


def hammer(p: Pen) -> None:
    p.line(BROWN, 0.14, (0.7, 0.7), (-0.2, -0.2))
    p.line(p.a, 0.42, (-0.55, 0.1), (0.1, -0.55))
    p.rect(BROWN, -0.8, 0.65, 0, 0.88, 0.04)


def shield(p: Pen) -> None:
    p.poly(p.a, (0, -0.95), (0.75, -0.7), (0.7, 0.1), (0, 0.95), (-0.7, 0.1), (-0.75, -0.7))
    p.poly(p.b, (0, -0.75), (0.55, -0.55), (0.5, 0.05), (0, 0.7))
    p.star(WHITE, 0, -0.1, 0.35)


def lock(p: Pen) -> None:
    p.ring((170, 170, 178), 0.16, 0, -0.25, 0.48)
    p.rect(p.a, -0.6, -0.15, 0.6, 0.85, 0.1)
    p.oval(BLACK, 0, 0.25, 0.14)
    p.rect(BLACK, -0.06, 0.25, 0.06, 0.6)


def cross(p: Pen) -> None:
    p.rect(WHITE, -0.85, -0.65, 0.85, 0.8, 0.1)
    p.rect((206, 48, 52), -0.15, -0.45, 0.15, 0.6)
    p.rect((206, 48, 52), -0.52, -0.08, 0.52, 0.22)


def helmet(p: Pen) -> None:
    p.oval(p.a, 0, 0, 0.8, 0.72)
    p.rect((60, 70, 84), -0.2, -0.1, 0.82, 0.3, 0.1)
    p.rect(dim(p.a, 0.7), -0.8, 0.3, 0.5, 0.5, 0.08)


def signal(p: Pen) -> None:
    p.rect(BLACK, -0.32, -0.95, 0.32, 0.55, 0.1)
    lit = int(p.dice("lit") * 3)
    for light, colour in enumerate(((220, 50, 46), (240, 190, 50), (60, 180, 80))):
        p.oval(colour if light == lit else dim(colour, 0.3), 0, -0.68 + light * 0.46, 0.19)
    p.rect((90, 90, 96), -0.06, 0.55, 0.06, 0.98)


def stripes(p: Pen) -> None:
    for stripe in range(5):
        x = -0.95 + stripe * 0.4
        p.poly(WHITE, (x * 0.5, -0.6), (x * 0.5 + 0.1, -0.6), (x + 0.22, 0.9), (x, 0.9))


def tent(p: Pen) -> None:
    p.poly(p.a, (-0.95, 0.8), (0, -0.7), (0.95, 0.8))
    p.poly(dim(p.b, 0.6), (-0.25, 0.8), (0, -0.2), (0.25, 0.8))


def wheel(p: Pen) -> None:
    p.ring(p.a, 0.08, 0, -0.1, 0.75)
    for spoke in range(8):
        x, y = 0.75 * cos(spoke * pi / 4), -0.1 + 0.75 * sin(spoke * pi / 4)
        p.line(dim(p.a, 0.8), 0.04, (0, -0.1), (x, y))
        p.oval(p.b if spoke % 2 else GOLD, x, y, 0.15)
    p.line(dim(p.a, 0.6), 0.08, (-0.5, 0.95), (0, -0.1), (0.5, 0.95))


def chess(p: Pen) -> None:
    for row in range(4):
        for column in range(4):
            p.rect(
                WHITE if (row + column) % 2 else BLACK,
                -0.8 + column * 0.4,
                0.2 + row * 0.18,
                -0.4 + column * 0.4,
                0.38 + row * 0.18,
            )
    p.oval(p.a, 0, -0.55, 0.22)
    p.poly(p.a, (-0.14, -0.4), (0.14, -0.4), (0.35, 0.45), (-0.35, 0.45))


def cube(p: Pen) -> None:
    faces = ((200, 40, 46), (240, 240, 236), (40, 90, 190), (240, 190, 50), (50, 150, 80))
    p.rect(BLACK, -0.75, -0.75, 0.75, 0.75, 0.06)
    for cell in range(9):
        x, y = -0.68 + cell % 3 * 0.48, -0.68 + cell // 3 * 0.48
        p.rect(faces[int(p.dice(f"cell{cell}") * 5)], x, y, x + 0.4, y + 0.4, 0.05)


def scope(p: Pen) -> None:
    p.line(p.a, 0.34, (-0.75, 0.1), (0.5, -0.6))
    p.line(p.b, 0.46, (0.4, -0.54), (0.7, -0.71))
    for x in (-0.45, 0, 0.45):
        p.line((90, 90, 96), 0.07, (0, -0.2), (x, 0.95))


def dress(p: Pen) -> None:
    p.poly(p.a, (-0.3, -0.8), (0.3, -0.8), (0.22, -0.1), (0.75, 0.9), (-0.75, 0.9), (-0.22, -0.1))
    p.line(p.a, 0.22, (-0.3, -0.7), (-0.75, -0.1))
    p.line(p.a, 0.22, (0.3, -0.7), (0.75, -0.1))
    p.rect(p.b, -0.26, -0.2, 0.26, -0.02)


def suit(p: Pen) -> None:
    p.poly(dim(p.a, 0.5), (-0.8, 0.95), (-0.7, -0.55), (-0.25, -0.9), (0.25, -0.9), (0.7, -0.55), (0.8, 0.95))
    p.poly(WHITE, (-0.25, -0.9), (0.25, -0.9), (0, 0.3))
    p.poly((180, 40, 50), (-0.07, -0.7), (0.07, -0.7), (0.1, 0), (0, 0.2), (-0.1, 0))


def bag(p: Pen) -> None:
    p.ring(BROWN, 0.08, 0, -0.3, 0.35)
    p.rect(p.a, -0.7, -0.3, 0.7, 0.9, 0.08)
    p.rect(p.b, -0.4, 0.2, 0.4, 0.6, 0.05)


def bath(p: Pen) -> None:
    for x, y, r in (
        (-0.5, -0.3, 0.2),
        (-0.1, -0.4, 0.26),
        (0.3, -0.3, 0.22),
        (0.6, -0.45, 0.14),
        (-0.3, -0.7, 0.1),
        (0.1, -0.8, 0.12),
    ):
        p.oval((222, 238, 248), x, y, r)
    p.rect(WHITE, -0.9, -0.2, 0.9, 0.6, 0.3)
    p.rect(p.a, -0.95, -0.25, 0.95, -0.1)


def board(p: Pen) -> None:
    p.oval(p.a, 0, 0, 0.26, 0.95)
    p.line(p.b, 0.06, (0, -0.85), (0, 0.85))


def podium(p: Pen) -> None:
    for x, tall, colour in ((-0.9, 0.2, dim(p.a, 0.85)), (-0.3, 0.6, p.a), (0.3, 0, dim(p.a, 0.7))):
        p.rect(colour, x, 0.2 - tall, x + 0.6, 0.95)
    p.star(GOLD, 0, -0.65, 0.28)


def table(p: Pen) -> None:
    p.poly(BROWN, (-0.95, 0.1), (0.95, 0.1), (0.75, -0.15), (-0.75, -0.15))
    for x in (-0.8, 0.7):
        p.rect(dim(BROWN, 0.7), x, 0.1, x + 0.12, 0.95)
    for x in (-0.4, 0.1, 0.5):
        p.oval(p.a if x else p.b, x, -0.1, 0.17, 0.08)


def bell(p: Pen) -> None:
    p.poly(GOLD, (-0.65, 0.55), (-0.45, -0.3), (0, -0.85), (0.45, -0.3), (0.65, 0.55))
    p.oval(dim(GOLD, 0.7), 0, 0.62, 0.16)


def wreath(p: Pen) -> None:
    for turn in range(14):
        x, y = 0.62 * cos(turn * pi / 7), 0.62 * sin(turn * pi / 7)
        p.oval(dim(GREEN, 0.7 + 0.5 * p.dice(f"leaf{turn}")), x, y, 0.24)
        if turn % 4 == 0:
            p.oval(p.a, x, y, 0.1)


def grain(p: Pen) -> None:
    for x in (-0.6, -0.3, 0, 0.3, 0.6):
        p.line((206, 168, 70), 0.05, (x * 0.6, 0.95), (x, -0.4))
        for step in range(4):
            p.oval((226, 186, 80), x * (1 - 0.06 * step), -0.6 + step * 0.17, 0.1, 0.13)
