"""Which motifs and which place a keyword's scene takes. Matched word by word; a word not listed gets a fixed pair."""

from agent.sandbox import gear, motifs, things
from storage.chance import draw

MOTIFS = {
    drawing.__name__: drawing
    for drawing in (
        motifs.baby, motifs.bike, motifs.bird, motifs.boat, motifs.car, motifs.couple, motifs.dog,
        motifs.dome, motifs.drop, motifs.face, motifs.fish, motifs.flower, motifs.group, motifs.hands,
        motifs.house, motifs.kite, motifs.mountain, motifs.palm, motifs.person, motifs.plane, motifs.rails,
        motifs.sun, motifs.tower, motifs.tree, motifs.waves, things.ball, things.basket, things.book,
        things.bottle, things.cake, things.candle, things.coins, things.cone, things.crown, things.cup,
        things.fire, things.flag, things.heart, things.lantern, things.medal, things.paper, things.phone,
        things.picture, things.plate, things.screen, things.star, things.trophy, things.weight, gear.bag,
        gear.bath, gear.bell, gear.board, gear.chess, gear.cross, gear.cube, gear.dress, gear.globe,
        gear.grain, gear.guitar, gear.hammer, gear.helmet, gear.lock, gear.microphone, gear.notes,
        gear.piano, gear.podium, gear.scales, gear.scope, gear.shield, gear.signal, gear.stripes, gear.suit,
        gear.table, gear.tent, gear.violin, gear.wheel, gear.wreath,
    )
}  # fmt: skip
"""Every motif by name."""

TABLE = """
painting sculpture museum gallery: picture face cup person | room card
pottery: cup bottle hands | room
telescope microscope science: scope star screen person | night room card
puzzle rubik's escape: cube lock table hands | room card
sailing yacht boat cruise navy rafting kayaking: boat waves person sun | shore water
campervan road trip car sports traffic seat motocross: car mountain sun palm | street field
solo travel backpacking vacation island hopping pilgrim: palm bag person plane mountain sun | shore field
woodworking tiny house: hammer table house tree | room field
journaling thank note letter list schedule study: paper book hands cup | room card
vision board keynote startup lecture press conference: screen paper person group | stage room card
sewing laundry dress code: dress person table | room
robot building computer: screen cube hammer person | room
horseback safari guide dog pet animal shelter obedience shepherd: dog person tree heart | field forest
kite paragliding skydiving bungee parkour: kite person plane mountain | sky field
bike touring triathlon: bike person mountain | street field
recording studio karaoke podcast: microphone notes screen person | stage room
equality cultural exchange neighbors reunion best friends: group hands heart couple | street field card
globe recycling beach cleanup environment: globe drop tree hands bottle | field shore card
handshake hug forgiving: hands couple heart | room street
forest meadow farm harvest tree: tree flower grain mountain bird | forest field
waterfall coral reef water: drop waves fish mountain | water forest
justice judge gavel courtroom parliament law: scales hammer dome suit | room card
dove peace olive: bird heart wreath globe | sky card
wheelchair ramp crossing crosswalk guard: stripes signal group person | street
encyclopedia book signing bestseller magazine spelling: book paper person | room card
wind turbine: wheel mountain sun | field sky
sunset sunrise: sun waves palm mountain | shore sky
volunteering soup food bank kitchen potluck: basket plate group hands | room street
nurse health checkup blood donation ambulance first aid kit: cross heart person hands | room card
elderly couple anniversary grandma grandparents elder mother's: couple heart flower cup | room field
lost wallet honesty box banknotes wealth luxury watch: coins bag lock hands | card street
charity run marathon: group person flag medal | street field
tutoring school uniform etiquette class: book group board table | room card
babysitting baby monitor christening family: baby house couple heart | room
friendship bracelet: hands heart group | card field
rock climbing mountain: mountain person flag | sky field
night market bazaar festival: lantern group basket | night street
roller coaster theme park: rails wheel group | sky night
surfing snowboarding: board waves person mountain | shore sky
treasure hunt: coins lock paper | shore forest card
boardroom business suit job interview dress commander: suit table screen group | room
mansion home skyscraper: house tower tree lock | street sky night
red carpet celebrity autograph photo shoot: person star phone suit | stage night
election rally flag: flag group microphone | stage street
crown king: crown suit star | card room
trophy medal podium winner graduation: trophy medal podium star person | stage card
chess: chess table person | room card
piano recital: piano notes person | stage room
violin: violin notes person | stage
bagpipes choir marching band: notes group bell flag | stage street
weightlifting gymnastics: weight person medal | room stage
fair: wheel screen group | room stage
comedy: face microphone group | stage card
concert music nightclub: guitar microphone notes group | stage night
massage aromatherapy: hands candle face | room
hot tub bubble bath handwashing: bath drop hands | room water
picnic barbecue simple meal table manners breakfast: plate basket table cup | field room
party: cake lantern group notes | room night
dessert chocolate cake: cake cone plate | room card
ice cream milkshake: cone cup | street card
shopping spree: bag dress person | street card
bowing curtsy kneeling prayer devout: person candle hands | room card
holding doors door lock: lock house hands | street card
waiting line: group stripes signal | street
light: signal car stripes | street
military drill soldier police officer: shield group flag helmet | street field
morning routine: cup sun phone person | room
church mosque monastery monk: tower dome candle bell person | field street
folk dance wedding kimono sari: dress couple flower group | stage field
lantern: lantern bird group | night
tea ceremony: cup table flower | room
advent wreath: wreath candle bell | room card
firefighter campfire smoke detector: fire helmet tent person | night forest
belt: car shield person | street
helmet: helmet bike shield | street card
team huddle: group ball heart | field stage
visiting: house flower couple | street
"""
PLACES = ("sky", "field", "shore", "water", "forest", "street", "room", "stage", "night", "card")


def _read(table: str) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    rows: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {}
    for line in table.strip().splitlines():
        words, _, rest = line.partition(":")
        names, _, places = rest.partition("|")
        for word in words.split():
            rows.setdefault(word, (tuple(names.split()), tuple(places.split())))
    return rows


_ROWS = _read(TABLE)


def subject(keyword: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of the motifs and of the places for a keyword; at least one of each."""
    found = [_ROWS[word] for word in keyword.split() if word in _ROWS]
    shown = tuple(dict.fromkeys(name for row in found for name in row[0]))
    places = tuple(dict.fromkeys(place for row in found for place in row[1]))
    if shown:
        return shown, places
    names = sorted(MOTIFS)
    return tuple(names[int(draw(0, f"subject-{turn}", keyword) * len(names))] for turn in range(3)), PLACES
