"""Making a value set from a corpus."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace

from retrieval.captions import is_known
from retrieval.embedders.base import Embedder, present
from retrieval.ranking import RankBy, Ranker
from retrieval.screen_text import ScreenReader
from retrieval.valueset import UNKNOWN_WORD, Slot, ValueSet
from retrieval.valueset.choose import K, choose
from retrieval.valueset.relevance import picture_shares
from retrieval.vocabulary import Keyword, Vocabulary
from storage.database import Database
from storage.errors import NothingFound, UsageError
from storage.sampling import candidates, corpus_id, picture_bytes
from storage.version import code_version

FLOOR = 0.95
"""As where a similarity labels: of things at random, one in twenty would be let in."""
ANY = "any"
MODES = ("search", "feed", ANY)
RANKS = (RankBy.PICTURE, RankBy.FUSED)


def keywords_of(vocabulary: Vocabulary, form: str, language: str | None, values: Sequence[str]) -> list[Keyword]:
    """The keywords that the set is about, value by value.

    Raises:
        UsageError: an unknown value, or one without keywords of this form and language.
    """
    found: list[Keyword] = []
    for value in [vocabulary.value(name) for name in values] or vocabulary.values:
        words = value.keywords(form, language)
        if not words:
            wanted = f"form {form}" + (f" in {language}" if language else "")
            raise UsageError(f"{value.id} has no keywords of {wanted}; choose another --form or --language")
        found += words
    return found


def build(
    database: Database,
    embedder: Embedder,
    vocabulary: Vocabulary,
    keywords: Sequence[Keyword],
    *,
    rank: RankBy = RankBy.PICTURE,
    mode: str = "search",
    k: int = K,
    floor: float = FLOOR,
    seed: int = 1,
) -> ValueSet:
    """Choose and freeze.

    Raises:
        NothingFound: no short was shown in this mode.
        UsageError: no vectors of this model, or it does not know the script or language of any keyword. Where it knows
            that of some, the slots of the others stay empty.
    """
    drawn = candidates(database, None if mode == ANY else mode)
    if not drawn:
        raise NothingFound(
            f"{database.path} has no short from {mode} exposures; collect some, or choose another --mode"
        )
    there = present(embedder.embed_texts([keyword.word for keyword in keywords])).tolist()
    known = [
        keyword
        for keyword, is_there in zip(keywords, there, strict=True)
        if is_there and is_known(keyword.language, embedder.languages)
    ]
    if not known:
        raise UsageError(
            f"{embedder.name} knows the script or language of none of the {len(keywords)} keywords; choose another "
            "--language or --model"
        )
    words = [keyword.word for keyword in known]
    ranker = Ranker(database, embedder)
    ranked = ranker.rank(words, rank)
    shares = picture_shares(ranker, embedder, words, ranked.ids)
    slots = choose(known, ranked, shares, drawn, k=k, floor=floor, seed=seed)
    chosen = {keyword: slots[place * k : (place + 1) * k] for place, keyword in enumerate(known)}
    pairs = [[keyword.value, keyword.word] for keyword in keywords]
    return ValueSet(
        corpus_id=corpus_id(database),
        vocabulary={
            "name": vocabulary.name,
            "version": vocabulary.version,
            "sha256": vocabulary.sha256,
            "form": keywords[0].form,
            "language": keywords[0].language,
            "keywords_sha256": hashlib.sha256(json.dumps(pairs, ensure_ascii=False).encode()).hexdigest(),
        },
        model=embedder.name,
        rank=rank.value,
        mode=mode,
        k=k,
        floor=floor,
        seed=seed,
        code_version=code_version(),
        slots=tuple(slot for keyword in keywords for slot in chosen.get(keyword, _unknown(keyword, k))),
    )


def _unknown(keyword: Keyword, k: int) -> list[Slot]:
    return [
        Slot(value=keyword.value, keyword=keyword.word, place=place, empty=UNKNOWN_WORD) for place in range(1, k + 1)
    ]


def with_text_areas(value_set: ValueSet, database: Database, reader: ScreenReader) -> ValueSet:
    """With the share of each screen that readable text covers, measured by OCR."""
    shown = [slot.shown for slot in value_set.slots if slot.shown is not None]
    pictures = picture_bytes(database, {one.screen_sha256 for one in shown})
    read = {sha256: reader.read(data) for sha256, data in pictures.items()}
    areas = {sha256: None if found is None else found.area for sha256, found in read.items()}
    slots = [
        slot
        if slot.shown is None
        else replace(slot, shown=replace(slot.shown, text_area=areas[slot.shown.screen_sha256]))
        for slot in value_set.slots
    ]
    return replace(value_set, slots=tuple(slots))
