"""Motifs of having: prizes, food, paper, light, money. Same unit square as `motifs`."""

from agent.sandbox.motifs import BLACK, BROWN, GOLD, GREEN, WHITE, Pen, dim


def heart(p: Pen) -> None:
    for x in (-0.38, 0.38):
        p.oval(p.a, x, -0.3, 0.44)
    p.poly(p.a, (-0.8, -0.12), (0.8, -0.12), (0, 0.9))


def star(p: Pen) -> None:
    p.star(GOLD, 0, 0, 0.95)


def trophy(p: Pen) -> None:
    for x in (-0.5, 0.5):
        p.ring(GOLD, 0.1, x, -0.45, 0.3)
    p.poly(GOLD, (-0.55, -0.85), (0.55, -0.85), (0.35, 0), (-0.35, 0))
    p.rect(dim(GOLD, 0.8), -0.09, 0, 0.09, 0.5)
    p.rect(p.b, -0.45, 0.5, 0.45, 0.9)


def medal(p: Pen) -> None:
    p.poly(p.a, (-0.5, -0.95), (-0.15, -0.95), (0.15, 0), (-0.15, 0.1))
    p.poly(p.b, (0.5, -0.95), (0.15, -0.95), (-0.15, 0), (0.15, 0.1))
    p.oval(GOLD, 0, 0.4, 0.5)
    p.star(dim(GOLD, 0.7), 0, 0.4, 0.3)


def crown(p: Pen) -> None:
    p.poly(GOLD, (-0.8, 0.6), (-0.85, -0.5), (-0.4, 0), (0, -0.75), (0.4, 0), (0.85, -0.5), (0.8, 0.6))
    for x in (-0.5, 0, 0.5):
        p.oval(p.a, x, 0.35, 0.12)


def cup(p: Pen) -> None:
    p.ring(p.a, 0.12, 0.55, 0.1, 0.3)
    p.poly(p.a, (-0.6, -0.4), (0.6, -0.4), (0.45, 0.8), (-0.45, 0.8))
    p.oval(BROWN, 0, -0.4, 0.58, 0.14)
    for x in (-0.2, 0.2):
        p.line(WHITE, 0.05, (x, -0.55), (x + 0.1, -0.7), (x - 0.05, -0.85), (x + 0.05, -0.98))


def plate(p: Pen) -> None:
    p.oval(WHITE, 0, 0.2, 0.95, 0.5)
    p.oval(dim(WHITE, 0.88), 0, 0.2, 0.68, 0.34)
    for x, y, r in ((-0.25, 0.1, 0.25), (0.22, 0.05, 0.22), (0, 0.3, 0.24)):
        p.oval(p.a if x < 0 else p.b, x, y, r, r * 0.75)
    p.star(GREEN, 0.05, 0.08, 0.15, 6)


def cake(p: Pen) -> None:
    p.rect(p.a, -0.75, 0.1, 0.75, 0.85, 0.06)
    p.rect(p.b, -0.5, -0.4, 0.5, 0.12, 0.06)
    for x in (-0.6, -0.3, 0, 0.3, 0.6):
        p.oval(WHITE, x, 0.14, 0.14)
    for x in (-0.25, 0, 0.25):
        p.rect(WHITE, x - 0.03, -0.7, x + 0.03, -0.4)
        p.oval(GOLD, x, -0.78, 0.06, 0.1)


def cone(p: Pen) -> None:
    p.poly((214, 160, 94), (-0.4, 0), (0.4, 0), (0, 0.95))
    for x, y, colour in ((-0.2, -0.15, p.a), (0.22, -0.18, p.b), (0, -0.5, WHITE)):
        p.oval(colour, x, y, 0.34)


def bottle(p: Pen) -> None:
    p.rect(p.a, -0.3, -0.2, 0.3, 0.95, 0.12)
    p.rect(p.a, -0.12, -0.8, 0.12, 0)
    p.rect(p.b, -0.15, -0.95, 0.15, -0.75)
    p.rect(WHITE, -0.3, 0.2, 0.3, 0.6)


def basket(p: Pen) -> None:
    p.ring(BROWN, 0.08, 0, 0, 0.6)
    for x, colour in ((-0.4, p.a), (0, p.b), (0.35, GREEN)):
        p.oval(colour, x, 0.05, 0.28)
    p.poly(dim(BROWN, 1.2), (-0.8, 0.1), (0.8, 0.1), (0.6, 0.9), (-0.6, 0.9))
    for y in (0.35, 0.6):
        p.line(dim(BROWN, 0.8), 0.05, (-0.7, y), (0.7, y))


def book(p: Pen) -> None:
    p.poly(p.a, (-0.95, -0.5), (0, -0.35), (0, 0.7), (-0.95, 0.55))
    p.poly(dim(p.a, 0.8), (0.95, -0.5), (0, -0.35), (0, 0.7), (0.95, 0.55))
    p.poly(WHITE, (-0.85, -0.55), (0, -0.42), (0, 0.58), (-0.85, 0.45))
    p.poly(dim(WHITE, 0.93), (0.85, -0.55), (0, -0.42), (0, 0.58), (0.85, 0.45))
    for y in (-0.25, -0.05, 0.15):
        p.line((120, 120, 126), 0.03, (-0.7, y), (-0.15, y + 0.08))
        p.line((120, 120, 126), 0.03, (0.15, y + 0.08), (0.7, y))


def paper(p: Pen) -> None:
    p.rect(WHITE, -0.6, -0.85, 0.6, 0.85, 0.03)
    p.rect(p.a, -0.45, -0.7, 0.45, -0.45)
    for row in range(5):
        p.line((110, 110, 120), 0.05, (-0.45, -0.25 + row * 0.2), (0.45 - 0.5 * p.dice(f"row{row}"), -0.25 + row * 0.2))


def picture(p: Pen) -> None:
    p.rect(BROWN, -0.85, -0.7, 0.85, 0.7)
    p.rect((180, 214, 232), -0.7, -0.55, 0.7, 0.55)
    p.poly(p.a, (-0.7, 0.55), (-0.2, -0.2), (0.25, 0.55))
    p.poly(p.b, (0, 0.55), (0.4, -0.05), (0.7, 0.55))
    p.oval(GOLD, 0.4, -0.3, 0.14)


def ball(p: Pen) -> None:
    p.oval(p.a, 0, 0, 0.9)
    p.line(p.b, 0.1, (-0.85, 0), (0.85, 0))
    p.line(p.b, 0.1, (-0.3, -0.82), (0, 0), (-0.3, 0.82))
    p.line(p.b, 0.1, (0.5, -0.7), (0.25, 0), (0.5, 0.7))


def weight(p: Pen) -> None:
    p.rect((150, 150, 158), -0.95, -0.06, 0.95, 0.06)
    for x, tall in ((-0.7, 0.6), (-0.5, 0.45), (0.5, 0.45), (0.7, 0.6)):
        p.rect(BLACK if tall > 0.5 else p.a, x - 0.09, -tall, x + 0.09, tall, 0.05)


def flag(p: Pen) -> None:
    p.rect(BROWN, -0.75, -0.95, -0.65, 0.95)
    for stripe, colour in enumerate((p.a, WHITE, p.b)):
        p.poly(
            colour,
            (-0.65, -0.85 + stripe * 0.3),
            (0.9, -0.75 + stripe * 0.3),
            (0.85, -0.45 + stripe * 0.3),
            (-0.65, -0.55 + stripe * 0.3),
        )


def candle(p: Pen) -> None:
    for x, tall in ((-0.5, 0.3), (0, 0.6), (0.5, 0.1)):
        p.rect(WHITE if x else p.a, x - 0.16, -tall + 0.2, x + 0.16, 0.9)
        p.oval((255, 190, 60), x, -tall, 0.11, 0.22)
        p.oval((255, 240, 170), x, -tall + 0.06, 0.05, 0.1)


def lantern(p: Pen) -> None:
    p.line(BLACK, 0.04, (0, -0.98), (0, -0.7))
    p.oval(p.a, 0, 0, 0.7, 0.72)
    for x in (0.2, 0.45):
        p.ring(dim(p.a, 0.75), 0.03, 0, 0, x)
    p.rect(GOLD, -0.3, -0.8, 0.3, -0.66)
    p.rect(GOLD, -0.3, 0.66, 0.3, 0.8)


def fire(p: Pen) -> None:
    p.line(BROWN, 0.18, (-0.7, 0.9), (0.7, 0.65))
    p.line(BROWN, 0.18, (0.7, 0.9), (-0.7, 0.65))
    for x, tall, colour in ((-0.25, 0.9, (232, 96, 40)), (0.25, 0.8, (236, 120, 40)), (0, 1.3, (250, 170, 60))):
        p.poly(
            colour,
            (x - 0.3, 0.7),
            (x - 0.1, 0.3 - tall * 0.5),
            (x, 0.7 - tall),
            (x + 0.16, 0.3 - tall * 0.4),
            (x + 0.3, 0.7),
        )


def coins(p: Pen) -> None:
    for x, height in ((-0.6, 3), (0, 6), (0.6, 4)):
        for level in range(height):
            p.oval(dim(GOLD, 0.75), x, 0.8 - level * 0.22, 0.3, 0.13)
            p.oval(GOLD, x, 0.76 - level * 0.22, 0.3, 0.13)


def screen(p: Pen) -> None:
    p.rect(BLACK, -0.95, -0.65, 0.95, 0.5, 0.06)
    p.rect(p.a, -0.85, -0.55, 0.85, 0.4)
    for bar in range(5):
        p.rect(p.b, -0.7 + bar * 0.3, 0.35 - 0.7 * p.dice(f"bar{bar}"), -0.5 + bar * 0.3, 0.35)
    p.rect((90, 90, 96), -0.12, 0.5, 0.12, 0.75)
    p.rect((90, 90, 96), -0.45, 0.75, 0.45, 0.85)


def phone(p: Pen) -> None:
    p.rect(BLACK, -0.5, -0.95, 0.5, 0.95, 0.12)
    p.rect(p.a, -0.42, -0.8, 0.42, 0.75)
    p.oval(p.b, 0, -0.2, 0.25)
    p.rect(WHITE, -0.3, 0.3, 0.3, 0.42)
