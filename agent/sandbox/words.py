"""What people write: handles, captions, hashtags, what is said, sounds. Every word is a function of a draw."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")
Chance = Callable[[str], float]
"""Number in [0, 1) for a purpose; the same short and purpose give the same number."""

MISSING_RATE = 0.05
HASHTAG_RATE = 0.84
SUBTITLE_RATE = 0.75
MENTION_RATE, CONTRADICT_RATE = 0.50, 0.10
"""Half of all captions contain the keyword, a tenth name another one instead, the rest say nothing of it."""

LANGUAGES = (("en", 0.72), ("es", 0.09), ("pt", 0.06), ("fr", 0.05), ("de", 0.04), ("id", 0.04))

ABOUT = {
    "en": (
        "my first {}",
        "{} day with the crew",
        "why I love {}",
        "this {} made my week",
        "POV: {} at 6 am",
        "nobody told me {} is like this",
        "{} in 10 seconds",
        "wait for the {}",
        "trying {} so you don't have to",
        "a quiet moment of {}",
        "{} part 2, you asked for it",
        "the best {} in town",
        "rating every {} I find",
    ),
    "es": ("mi primer {}", "un día de {} con amigos", "por qué me encanta {}", "esto es {} de verdad"),
    "pt": ("meu primeiro {}", "um dia de {}", "por que eu amo {}", "isso sim é {}"),
    "fr": ("mon premier {}", "une journée {} entre amis", "pourquoi j'adore {}", "ça c'est {}"),
    "de": ("mein erstes Mal {}", "ein Tag {} mit Freunden", "warum ich {} liebe", "so geht {}"),
    "id": ("{} pertamaku", "sehari {} bersama teman", "kenapa aku suka {}", "ini baru {}"),
}
SILENT = {
    "en": (
        "wait for it",
        "I can't stop watching this",
        "tell me in the comments",
        "day 14",
        "no words",
        "who else does this?",
        "the end is everything",
        "sound on",
        "just another Tuesday",
        "this is your sign",
        "send this to someone",
        "POV: you finally made it",
        "I was today years old",
        "rate this 1 to 10",
    ),
    "es": ("espera al final", "no puedo dejar de mirar", "dime en los comentarios", "día 14", "sin palabras"),
    "pt": ("espera o final", "não consigo parar de ver", "conta nos comentários", "sem palavras"),
    "fr": ("attendez la fin", "je n'arrive pas à arrêter", "dites-le en commentaire", "sans mots"),
    "de": ("wartet bis zum Ende", "ich kann nicht aufhören", "schreibt es in die Kommentare", "ohne Worte"),
    "id": ("tunggu sampai akhir", "tidak bisa berhenti", "tulis di komentar", "tanpa kata"),
}
ADS = ("{} made easy. Order today", "20 % off everything for {}", "Made for {}. Free delivery", "Try it 30 days")
TAGS = ("fyp", "foryou", "viral", "shorts", "trending", "daily", "new", "explore", "video", "reels")
SPOKEN = (
    "so today it is all about {}, let me show you",
    "I tried {} for the first time and this happened",
    "okay so {} is not what I expected",
    "look at this, just look at this",
    "three things nobody tells you",
)
SOUNDS = (
    "original sound",
    "Slow Morning",
    "Night Drive",
    "Happy Steps",
    "Deep Bass 2",
    "Piano in the Rain",
    "Sunday Strings",
    "Retro Loop",
    "Festival Horns",
    "Soft Clicks",
)
SYLLABLES = "ba ko mi ra lu ne ti so va en jo pe du ya fi gra el zo"


@dataclass(frozen=True)
class Caption:
    """A caption with its tags, and how it stands to the keyword (mentions, silent, contradicts, missing)."""

    caption: str | None
    says: str
    language: str
    hashtags: tuple[str, ...]


def pick(items: Sequence[T], chance: float) -> T:
    """The item that a number in [0, 1) falls on."""
    return items[int(chance * len(items))]


def caption(chance: Chance, keyword: str, other: str, *, ad: bool = False) -> Caption:
    """The caption of a short about `keyword`; a contradicting one is about `other`."""
    language = _language(chance("language"))
    if chance("caption") < MISSING_RATE:
        return Caption(None, "missing", language, ())
    turn = chance("says") * (1 - MISSING_RATE)
    about: str | None = keyword
    if ad:
        text, says = pick(ADS, chance("words")).format(keyword), "mentions"
        about = keyword if keyword in text else None
        says = "mentions" if about else "silent"
    elif turn < MENTION_RATE:
        text, says = pick(ABOUT[language], chance("words")).format(keyword), "mentions"
    elif turn < MENTION_RATE + CONTRADICT_RATE:
        text, says, about = pick(ABOUT[language], chance("words")).format(other), "contradicts", other
    else:
        text, says, about = pick(SILENT[language], chance("words")), "silent", None
    tags = _hashtags(chance, about)
    return Caption(" ".join([text, *(f"#{tag}" for tag in tags)]), says, language, tags)


def _hashtags(chance: Chance, about: str | None) -> tuple[str, ...]:
    if chance("tagged") >= HASHTAG_RATE / (1 - MISSING_RATE):
        return ()
    tags = [pick(TAGS, chance(f"tag-{turn}")) for turn in range(1 + int(chance("tags") * 3))]
    if about is not None:
        tags.insert(0, re.sub(r"\W", "", about))
    return tuple(dict.fromkeys(tags))


def subtitles(chance: Chance, keyword: str) -> str | None:
    """What is said in the short, as the site's speech recognition would give it."""
    if chance("subtitled") >= SUBTITLE_RATE:
        return None
    return pick(SPOKEN, chance("spoken")).format(keyword)


def handle(chance: Chance) -> str:
    """An author's handle without '@'."""
    length = 2 + int(chance("handle-length") * 2)
    name = "".join(pick(SYLLABLES.split(), chance(f"handle-{turn}")) for turn in range(length))
    return f"{name}{int(chance('handle-number') * 1000)}"


def sound(chance: Chance) -> str:
    """Title of the sound under a short."""
    return pick(SOUNDS, chance("sound"))


def _language(chance: float) -> str:
    for language, share in LANGUAGES:
        if chance < share:
            return language
        chance -= share
    return "en"
