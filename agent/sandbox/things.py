"""More motifs: things one holds, eats, plays, wins. Same unit square as `motifs`."""

from math import cos, pi, sin

from agent.sandbox import motifs
from agent.sandbox.motifs import BLACK, BROWN, GOLD, GREEN, WHITE, Pen, dim


def heart(p: Pen) -> None:
    for x in (-.38, .38):
        p.oval(p.a, x, -.3, .44)
    p.poly(p.a, (-.8, -.12), (.8, -.12), (0, .9))


def star(p: Pen) -> None:
    p.star(GOLD, 0, 0, .95)


def trophy(p: Pen) -> None:
    for x in (-.5, .5):
        p.ring(GOLD, .1, x, -.45, .3)
    p.poly(GOLD, (-.55, -.85), (.55, -.85), (.35, 0), (-.35, 0))
    p.rect(dim(GOLD, .8), -.09, 0, .09, .5)
    p.rect(p.b, -.45, .5, .45, .9)


def medal(p: Pen) -> None:
    p.poly(p.a, (-.5, -.95), (-.15, -.95), (.15, 0), (-.15, .1))
    p.poly(p.b, (.5, -.95), (.15, -.95), (-.15, 0), (.15, .1))
    p.oval(GOLD, 0, .4, .5)
    p.star(dim(GOLD, .7), 0, .4, .3)


def crown(p: Pen) -> None:
    p.poly(GOLD, (-.8, .6), (-.85, -.5), (-.4, 0), (0, -.75), (.4, 0), (.85, -.5), (.8, .6))
    for x in (-.5, 0, .5):
        p.oval(p.a, x, .35, .12)


def cup(p: Pen) -> None:
    p.ring(p.a, .12, .55, .1, .3)
    p.poly(p.a, (-.6, -.4), (.6, -.4), (.45, .8), (-.45, .8))
    p.oval(BROWN, 0, -.4, .58, .14)
    for x in (-.2, .2):
        p.line(WHITE, .05, (x, -.55), (x + .1, -.7), (x - .05, -.85), (x + .05, -.98))


def plate(p: Pen) -> None:
    p.oval(WHITE, 0, .2, .95, .5)
    p.oval(dim(WHITE, .88), 0, .2, .68, .34)
    for x, y, r in ((-.25, .1, .25), (.22, .05, .22), (0, .3, .24)):
        p.oval(p.a if x < 0 else p.b, x, y, r, r * .75)
    p.star(GREEN, .05, .08, .15, 6)


def cake(p: Pen) -> None:
    p.rect(p.a, -.75, .1, .75, .85, .06)
    p.rect(p.b, -.5, -.4, .5, .12, .06)
    for x in (-.6, -.3, 0, .3, .6):
        p.oval(WHITE, x, .14, .14)
    for x in (-.25, 0, .25):
        p.rect(WHITE, x - .03, -.7, x + .03, -.4)
        p.oval(GOLD, x, -.78, .06, .1)


def cone(p: Pen) -> None:
    p.poly((214, 160, 94), (-.4, 0), (.4, 0), (0, .95))
    for x, y, colour in ((-.2, -.15, p.a), (.22, -.18, p.b), (0, -.5, WHITE)):
        p.oval(colour, x, y, .34)


def bottle(p: Pen) -> None:
    p.rect(p.a, -.3, -.2, .3, .95, .12)
    p.rect(p.a, -.12, -.8, .12, 0)
    p.rect(p.b, -.15, -.95, .15, -.75)
    p.rect(WHITE, -.3, .2, .3, .6)


def basket(p: Pen) -> None:
    p.ring(BROWN, .08, 0, 0, .6)
    for x, colour in ((-.4, p.a), (0, p.b), (.35, GREEN)):
        p.oval(colour, x, .05, .28)
    p.poly(dim(BROWN, 1.2), (-.8, .1), (.8, .1), (.6, .9), (-.6, .9))
    for y in (.35, .6):
        p.line(dim(BROWN, .8), .05, (-.7, y), (.7, y))


def book(p: Pen) -> None:
    p.poly(p.a, (-.95, -.5), (0, -.35), (0, .7), (-.95, .55))
    p.poly(dim(p.a, .8), (.95, -.5), (0, -.35), (0, .7), (.95, .55))
    p.poly(WHITE, (-.85, -.55), (0, -.42), (0, .58), (-.85, .45))
    p.poly(dim(WHITE, .93), (.85, -.55), (0, -.42), (0, .58), (.85, .45))
    for y in (-.25, -.05, .15):
        p.line((120, 120, 126), .03, (-.7, y), (-.15, y + .08))
        p.line((120, 120, 126), .03, (.15, y + .08), (.7, y))


def paper(p: Pen) -> None:
    p.rect(WHITE, -.6, -.85, .6, .85, .03)
    p.rect(p.a, -.45, -.7, .45, -.45)
    for row in range(5):
        p.line((110, 110, 120), .05, (-.45, -.25 + row * .2), (.45 - .5 * p.dice(f"row{row}"), -.25 + row * .2))


def picture(p: Pen) -> None:
    p.rect(BROWN, -.85, -.7, .85, .7)
    p.rect((180, 214, 232), -.7, -.55, .7, .55)
    p.poly(p.a, (-.7, .55), (-.2, -.2), (.25, .55))
    p.poly(p.b, (0, .55), (.4, -.05), (.7, .55))
    p.oval(GOLD, .4, -.3, .14)


def ball(p: Pen) -> None:
    p.oval(p.a, 0, 0, .9)
    p.line(p.b, .1, (-.85, 0), (.85, 0))
    p.line(p.b, .1, (-.3, -.82), (0, 0), (-.3, .82))
    p.line(p.b, .1, (.5, -.7), (.25, 0), (.5, .7))


def weight(p: Pen) -> None:
    p.rect((150, 150, 158), -.95, -.06, .95, .06)
    for x, tall in ((-.7, .6), (-.5, .45), (.5, .45), (.7, .6)):
        p.rect(BLACK if tall > .5 else p.a, x - .09, -tall, x + .09, tall, .05)


def flag(p: Pen) -> None:
    p.rect(BROWN, -.75, -.95, -.65, .95)
    for stripe, colour in enumerate((p.a, WHITE, p.b)):
        p.poly(colour, (-.65, -.85 + stripe * .3), (.9, -.75 + stripe * .3), (.85, -.45 + stripe * .3),
               (-.65, -.55 + stripe * .3))


def candle(p: Pen) -> None:
    for x, tall in ((-.5, .3), (0, .6), (.5, .1)):
        p.rect(WHITE if x else p.a, x - .16, -tall + .2, x + .16, .9)
        p.oval((255, 190, 60), x, -tall, .11, .22)
        p.oval((255, 240, 170), x, -tall + .06, .05, .1)


def lantern(p: Pen) -> None:
    p.line(BLACK, .04, (0, -.98), (0, -.7))
    p.oval(p.a, 0, 0, .7, .72)
    for x in (.2, .45):
        p.ring(dim(p.a, .75), .03, 0, 0, x)
    p.rect(GOLD, -.3, -.8, .3, -.66)
    p.rect(GOLD, -.3, .66, .3, .8)


def fire(p: Pen) -> None:
    p.line(BROWN, .18, (-.7, .9), (.7, .65))
    p.line(BROWN, .18, (.7, .9), (-.7, .65))
    for x, tall, colour in ((-.25, .9, (232, 96, 40)), (.25, .8, (236, 120, 40)), (0, 1.3, (250, 170, 60))):
        p.poly(colour, (x - .3, .7), (x - .1, .3 - tall * .5), (x, .7 - tall), (x + .16, .3 - tall * .4), (x + .3, .7))


def coins(p: Pen) -> None:
    for x, height in ((-.6, 3), (0, 6), (.6, 4)):
        for level in range(height):
            p.oval(dim(GOLD, .75), x, .8 - level * .22, .3, .13)
            p.oval(GOLD, x, .76 - level * .22, .3, .13)


def screen(p: Pen) -> None:
    p.rect(BLACK, -.95, -.65, .95, .5, .06)
    p.rect(p.a, -.85, -.55, .85, .4)
    for bar in range(5):
        p.rect(p.b, -.7 + bar * .3, .35 - .7 * p.dice(f"bar{bar}"), -.5 + bar * .3, .35)
    p.rect((90, 90, 96), -.12, .5, .12, .75)
    p.rect((90, 90, 96), -.45, .75, .45, .85)


def phone(p: Pen) -> None:
    p.rect(BLACK, -.5, -.95, .5, .95, .12)
    p.rect(p.a, -.42, -.8, .42, .75)
    p.oval(p.b, 0, -.2, .25)
    p.rect(WHITE, -.3, .3, .3, .42)


def guitar(p: Pen) -> None:
    p.oval(p.a, -.1, .5, .48, .42)
    p.oval(p.a, .02, .02, .34)
    p.oval(BLACK, -.05, .3, .15)
    p.line(BROWN, .13, (-.02, .2), (.35, -.85))
    p.rect(BLACK, .26, -.98, .5, -.78)


def violin(p: Pen) -> None:
    p.oval((150, 76, 34), 0, .5, .4, .38)
    p.oval((150, 76, 34), 0, 0, .32, .3)
    p.line(BLACK, .1, (0, .6), (0, -.95))
    p.line(p.a, .05, (-.8, .6), (.75, -.3))


def piano(p: Pen) -> None:
    p.rect(BLACK, -.95, -.5, .95, .6, .05)
    for key in range(9):
        p.rect(WHITE, -.9 + key * .2, 0, -.72 + key * .2, .55)
        if key % 7 not in (2, 6):
            p.rect(BLACK, -.76 + key * .2, 0, -.64 + key * .2, .3)


def microphone(p: Pen) -> None:
    p.line(p.a, .18, (.5, .95), (-.05, -.1))
    p.oval((90, 90, 98), -.25, -.4, .42)
    for turn in range(3):
        p.line((150, 150, 158), .03, (-.6 + turn * .12, -.55 + turn * .2), (-.05 + turn * .12, -.7 + turn * .2))


def notes(p: Pen) -> None:
    for x, y in ((-.55, .5), (.35, .35)):
        p.oval(p.a, x, y, .24, .18)
        p.rect(p.a, x + .16, y - .95, x + .25, y)
    p.poly(p.a, (-.39, -.5), (.6, -.66), (.6, -.4), (-.39, -.25))


def globe(p: Pen) -> None:
    p.oval((76, 146, 206), 0, -.1, .78)
    for x, y, rx, ry in ((-.3, -.4, .3, .2), (.25, -.1, .26, .35), (-.25, .25, .2, .25)):
        p.oval(GREEN, x, y, rx, ry)
    p.rect(BROWN, -.08, .68, .08, .9)
    p.rect(BROWN, -.4, .85, .4, .95)


def scales(p: Pen) -> None:
    p.rect(GOLD, -.05, -.8, .05, .8)
    p.rect(GOLD, -.4, .78, .4, .92)
    tilt = (p.dice("tilt") - .5) * .4
    p.line(GOLD, .07, (-.7, -.6 + tilt), (.7, -.6 - tilt))
    for x, y in ((-.7, -.6 + tilt), (.7, -.6 - tilt)):
        p.line(GOLD, .03, (x - .25, y + .6), (x, y), (x + .25, y + .6))
        p.oval(p.a, x, y + .62, .28, .1)


def hammer(p: Pen) -> None:
    p.line(BROWN, .14, (.7, .7), (-.2, -.2))
    p.line(p.a, .42, (-.55, .1), (.1, -.55))
    p.rect(BROWN, -.8, .65, 0, .88, .04)


def shield(p: Pen) -> None:
    p.poly(p.a, (0, -.95), (.75, -.7), (.7, .1), (0, .95), (-.7, .1), (-.75, -.7))
    p.poly(p.b, (0, -.75), (.55, -.55), (.5, .05), (0, .7))
    p.star(WHITE, 0, -.1, .35)


def lock(p: Pen) -> None:
    p.ring((170, 170, 178), .16, 0, -.25, .48)
    p.rect(p.a, -.6, -.15, .6, .85, .1)
    p.oval(BLACK, 0, .25, .14)
    p.rect(BLACK, -.06, .25, .06, .6)


def cross(p: Pen) -> None:
    p.rect(WHITE, -.85, -.65, .85, .8, .1)
    p.rect((206, 48, 52), -.15, -.45, .15, .6)
    p.rect((206, 48, 52), -.52, -.08, .52, .22)


def helmet(p: Pen) -> None:
    p.oval(p.a, 0, 0, .8, .72)
    p.rect((60, 70, 84), -.2, -.1, .82, .3, .1)
    p.rect(dim(p.a, .7), -.8, .3, .5, .5, .08)


def signal(p: Pen) -> None:
    p.rect(BLACK, -.32, -.95, .32, .55, .1)
    lit = int(p.dice("lit") * 3)
    for light, colour in enumerate(((220, 50, 46), (240, 190, 50), (60, 180, 80))):
        p.oval(colour if light == lit else dim(colour, .3), 0, -.68 + light * .46, .19)
    p.rect((90, 90, 96), -.06, .55, .06, .98)


def stripes(p: Pen) -> None:
    for stripe in range(5):
        x = -.95 + stripe * .4
        p.poly(WHITE, (x * .5, -.6), (x * .5 + .1, -.6), (x + .22, .9), (x, .9))


def tent(p: Pen) -> None:
    p.poly(p.a, (-.95, .8), (0, -.7), (.95, .8))
    p.poly(dim(p.b, .6), (-.25, .8), (0, -.2), (.25, .8))


def wheel(p: Pen) -> None:
    p.ring(p.a, .08, 0, -.1, .75)
    for spoke in range(8):
        x, y = .75 * cos(spoke * pi / 4), -.1 + .75 * sin(spoke * pi / 4)
        p.line(dim(p.a, .8), .04, (0, -.1), (x, y))
        p.oval(p.b if spoke % 2 else GOLD, x, y, .15)
    p.line(dim(p.a, .6), .08, (-.5, .95), (0, -.1), (.5, .95))


def chess(p: Pen) -> None:
    for row in range(4):
        for column in range(4):
            p.rect(WHITE if (row + column) % 2 else BLACK, -.8 + column * .4, .2 + row * .18, -.4 + column * .4,
                   .38 + row * .18)
    p.oval(p.a, 0, -.55, .22)
    p.poly(p.a, (-.14, -.4), (.14, -.4), (.35, .45), (-.35, .45))


def cube(p: Pen) -> None:
    faces = ((200, 40, 46), (240, 240, 236), (40, 90, 190), (240, 190, 50), (50, 150, 80))
    p.rect(BLACK, -.75, -.75, .75, .75, .06)
    for cell in range(9):
        x, y = -.68 + cell % 3 * .48, -.68 + cell // 3 * .48
        p.rect(faces[int(p.dice(f"cell{cell}") * 5)], x, y, x + .4, y + .4, .05)


def scope(p: Pen) -> None:
    p.line(p.a, .34, (-.75, .1), (.5, -.6))
    p.line(p.b, .46, (.4, -.54), (.7, -.71))
    for x in (-.45, 0, .45):
        p.line((90, 90, 96), .07, (0, -.2), (x, .95))


def dress(p: Pen) -> None:
    p.poly(p.a, (-.3, -.8), (.3, -.8), (.22, -.1), (.75, .9), (-.75, .9), (-.22, -.1))
    p.line(p.a, .22, (-.3, -.7), (-.75, -.1))
    p.line(p.a, .22, (.3, -.7), (.75, -.1))
    p.rect(p.b, -.26, -.2, .26, -.02)


def suit(p: Pen) -> None:
    p.poly(dim(p.a, .5), (-.8, .95), (-.7, -.55), (-.25, -.9), (.25, -.9), (.7, -.55), (.8, .95))
    p.poly(WHITE, (-.25, -.9), (.25, -.9), (0, .3))
    p.poly((180, 40, 50), (-.07, -.7), (.07, -.7), (.1, 0), (0, .2), (-.1, 0))


def bag(p: Pen) -> None:
    p.ring(BROWN, .08, 0, -.3, .35)
    p.rect(p.a, -.7, -.3, .7, .9, .08)
    p.rect(p.b, -.4, .2, .4, .6, .05)


def bath(p: Pen) -> None:
    for x, y, r in ((-.5, -.3, .2), (-.1, -.4, .26), (.3, -.3, .22), (.6, -.45, .14), (-.3, -.7, .1), (.1, -.8, .12)):
        p.oval((222, 238, 248), x, y, r)
    p.rect(WHITE, -.9, -.2, .9, .6, .3)
    p.rect(p.a, -.95, -.25, .95, -.1)


def board(p: Pen) -> None:
    p.oval(p.a, 0, 0, .26, .95)
    p.line(p.b, .06, (0, -.85), (0, .85))


def podium(p: Pen) -> None:
    for x, tall, colour in ((-.9, .2, dim(p.a, .85)), (-.3, .6, p.a), (.3, 0, dim(p.a, .7))):
        p.rect(colour, x, .2 - tall, x + .6, .95)
    p.star(GOLD, 0, -.65, .28)


def table(p: Pen) -> None:
    p.poly(BROWN, (-.95, .1), (.95, .1), (.75, -.15), (-.75, -.15))
    for x in (-.8, .7):
        p.rect(dim(BROWN, .7), x, .1, x + .12, .95)
    for x in (-.4, .1, .5):
        p.oval(p.a if x else p.b, x, -.1, .17, .08)


def bell(p: Pen) -> None:
    p.poly(GOLD, (-.65, .55), (-.45, -.3), (0, -.85), (.45, -.3), (.65, .55))
    p.oval(dim(GOLD, .7), 0, .62, .16)


def wreath(p: Pen) -> None:
    for turn in range(14):
        x, y = .62 * cos(turn * pi / 7), .62 * sin(turn * pi / 7)
        p.oval(dim(GREEN, .7 + .5 * p.dice(f"leaf{turn}")), x, y, .24)
        if turn % 4 == 0:
            p.oval(p.a, x, y, .1)


def grain(p: Pen) -> None:
    for x in (-.6, -.3, 0, .3, .6):
        p.line((206, 168, 70), .05, (x * .6, .95), (x, -.4))
        for step in range(4):
            p.oval((226, 186, 80), x * (1 - .06 * step), -.6 + step * .17, .1, .13)


MOTIFS = {
    drawing.__name__: drawing for drawing in (
        motifs.baby, motifs.bike, motifs.bird, motifs.boat, motifs.car, motifs.couple, motifs.dog,
        motifs.dome, motifs.drop, motifs.face, motifs.fish, motifs.flower, motifs.group, motifs.hands,
        motifs.house, motifs.kite, motifs.mountain, motifs.palm, motifs.person, motifs.plane, motifs.rails,
        motifs.sun, motifs.tower, motifs.tree, motifs.waves, bag, ball, basket, bath, bell, board, book,
        bottle, cake, candle, chess, coins, cone, cross, crown, cube, cup, dress, fire, flag, globe, grain,
        guitar, hammer, heart, helmet, lantern, lock, medal, microphone, notes, paper, phone, piano,
        picture, plate, podium, scales, scope, screen, shield, signal, star, stripes, suit, table, tent,
        trophy, violin, weight, wheel, wreath,
    )
}
"""Every motif by name."""
