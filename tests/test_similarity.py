"""Nearness read against chance, and what decides and labels by it; and the three controls that look at nothing."""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from agent.deciders.always import Always
from agent.deciders.base import Decider, Interest, View
from agent.deciders.never import Never
from agent.deciders.random import Random
from agent.deciders.similarity import SimilarityDecider
from agent.labellers.similarity import LEVEL, MOST, SimilarityLabeller
from retrieval.embedders.base import Vectors, unit
from retrieval.similarity import Nearness, Similarity
from retrieval.vocabulary import OTHER, Keyword, Topic, Value, Vocabulary, load_vocabulary
from storage.chance import draw
from storage.errors import UsageError
from storage.records import Label, LabelKind, Picture, Record, Stance, Verdict
from tests.drawn import built_embedder, clock, crossword, encoded, traffic_light

NOTHING = b""
SEA_TEA = Interest(words=("sea", "tea"))
SHORTS = [f"thing{number}" for number in range(600)]


class Toy:
    """A space in which a text's first word is its only meaning and a picture is the word it is named by.

    Unrelated words are unrelated directions; other scripts and pictures without a name are absent.
    """

    name = "toy@1"
    dim = 48
    languages = frozenset({"en"})

    def embed_pictures(self, pictures: Sequence[bytes]) -> Vectors:
        return self.embed_texts([picture.decode() for picture in pictures])

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        return np.stack([self._vector(text) for text in texts])

    def things(self) -> Vectors:
        return self.embed_texts([f"class{number}" for number in range(1000)])

    def _vector(self, text: str) -> Vectors:
        if not text.isascii() or not text.strip():
            return np.zeros(self.dim, np.float32)
        word = text.split()[0].strip("#").casefold()
        seed = round(draw(0, "toy", word) * 2**32)
        (vector,) = unit(np.random.default_rng(seed).standard_normal((1, self.dim)))
        return np.asarray(vector, np.float32)


@pytest.fixture(scope="module")
def toy() -> Similarity:
    return Similarity(Toy())


@pytest.fixture(scope="module")
def real() -> Similarity:
    return Similarity(built_embedder())


def view(picture: bytes = NOTHING, words: Sequence[str] = ("dog",), *, seed: int = 1, **record: Any) -> View:
    def taken(role: str, data: bytes) -> Picture:
        return Picture(role=role, source="crop", method="cdp", data=data, width=180, height=320, media_time=1.0)

    return View(
        run_id=1, record=Record(platform="sandbox", **{"platform_id": "s1", **record}), seed=seed,
        screen=taken("screen", b"screen"), frame=taken("frame", picture), interest=Interest(words=tuple(words)),
    )  # fmt: skip


def near(similarity: Similarity, shown: View) -> Nearness | None:
    return similarity.nearness(similarity.vectors(shown.record, shown.frame.data), shown.interest.words)


def rank(similarity: Similarity, shown: View) -> float:
    found = near(similarity, shown)
    assert found is not None
    return found.rank


@pytest.mark.parametrize("words", [("dog",), tuple(f"word{number}" for number in range(30))], ids=["one", "thirty"])
@pytest.mark.parametrize("parts", ["picture", "text", "both"])
def test_a_rank_of_nine_tenths_is_reached_by_one_unrelated_short_in_ten(
    toy: Similarity, words: tuple[str, ...], parts: str
) -> None:
    ranks = []
    for place, name in enumerate(SHORTS):
        picture = NOTHING if parts == "text" else name.encode()
        caption = None if parts == "picture" else SHORTS[place - 7] + " and more"
        ranks.append(rank(toy, view(picture, words, caption=caption)))
    assert np.mean(ranks) == pytest.approx(0.5, abs=0.06)
    assert np.mean(np.array(ranks) >= 0.9) == pytest.approx(0.1, abs=0.05)


def test_a_short_that_shows_the_word_is_nearer_than_all_things(toy: Similarity) -> None:
    found = near(toy, view(b"dog", ("sea", "dog", "tea"), caption="dog in the park"))
    assert found == Nearness(rank=1.0, word="dog", seen=1.0, said=1.0)


def test_picture_and_text_count_half_each(toy: Similarity) -> None:
    words = ("dog", "tea")
    found = {caption: near(toy, view(b"dog", words, caption=caption)) for caption in ("dog", "lamp", None)}
    both, half, alone = found["dog"], found["lamp"], found[None]
    assert both is not None
    assert half is not None
    assert alone is not None
    assert both.said == 1.0
    assert half.said is not None
    assert half.said < 0.6
    assert (alone.seen, alone.said, alone.rank) == (1.0, None, 1.0)


@pytest.mark.parametrize(
    "record",
    [
        {"caption": "Hund im Park", "language": "de"},
        {"caption": "lamp and table", "language": "pt-BR"},
        {"caption": "犬の散歩"},
        {"caption": "", "hashtags": ("собака",)},
        {"caption": "@someone https://example.org/lamp"},
    ],
    ids=["German by its tag", "Portuguese by its tag", "Japanese", "Russian hashtag", "only mention and address"],
)
def test_text_that_cannot_be_read_is_left_out_and_not_counted_as_dissimilar(
    toy: Similarity, record: dict[str, Any]
) -> None:
    for picture in (b"dog", b"lamp", b"thing3"):
        assert near(toy, view(picture, **record)) == near(toy, view(picture))


@pytest.mark.parametrize("language", [None, "en", "en-GB", "EN", "un", "und"])
def test_text_in_english_or_in_no_stated_language_is_read(toy: Similarity, language: str | None) -> None:
    found = near(toy, view(b"lamp", caption="dog on a lead", language=language))
    assert found is not None
    assert found.said == 1.0


def test_hashtags_are_read_where_there_is_no_caption(toy: Similarity) -> None:
    found = near(toy, view(caption=None, hashtags=("dog",)))
    assert found == Nearness(rank=1.0, word="dog", seen=None, said=1.0)


def test_mentions_and_addresses_change_nothing(toy: Similarity) -> None:
    plain = near(toy, view(b"lamp", caption="dog on a lead"))
    assert near(toy, view(b"lamp", caption="@rex.the_dog dog on a lead https://example.org/x?y=1")) == plain


def test_where_neither_picture_nor_text_can_be_read_there_is_no_nearness(toy: Similarity) -> None:
    assert near(toy, view(caption="犬", language="ja")) is None
    assert near(toy, view(b"dog", ("犬", "海"))) is None
    assert near(toy, view(b"dog", ())) is None


def test_a_word_in_another_script_among_the_words_is_passed_over(toy: Similarity) -> None:
    assert near(toy, view(b"dog", ("犬", "dog"))) == near(toy, view(b"dog", ("dog",)))


def test_nearness_does_not_depend_on_what_was_asked_before(toy: Similarity) -> None:
    shown = [view(name.encode(), ("dog", "tea"), caption=caption) for name in SHORTS[:20] for caption in (None, "sea")]
    forward = [near(toy, one) for one in shown]
    fresh = Similarity(Toy())
    assert [near(fresh, one) for one in reversed(shown)] == forward[::-1]


def test_the_real_model_finds_what_is_shown_and_said_among_unrelated_words(real: Similarity) -> None:
    words = ("traffic light", "crossword puzzle", "wall clock", "sailing", "handshake")
    for image, caption, word in (
        (traffic_light(), "waiting at the red light again", words[0]),
        (crossword(), "can you solve today's crossword?", words[1]),
        (clock(), "time flies, look at the clock", words[2]),
    ):
        found = near(real, view(encoded(image), words, caption=caption))
        assert found is not None
        assert found.word == word
        assert found.rank > 0.97


async def test_the_decider_watches_what_is_near_and_scrolls_past_what_is_not(toy: Similarity) -> None:
    decider = SimilarityDecider(toy)
    shorts = [view(name.encode(), caption=name) for name in ("dog", *SHORTS[:100])]
    decisions = [await decider.decide(shown) for shown in shorts]
    assert decisions[0].verdict is Verdict.YES
    for shown, decision in zip(shorts, decisions, strict=True):
        assert decision.score == rank(toy, shown)
        assert (decision.verdict is Verdict.YES) == (decision.score >= 0.9)
    assert {decision.verdict for decision in decisions[1:]} >= {Verdict.NO}


async def test_the_decider_looks_at_the_clean_frame_and_not_at_the_screen(toy: Similarity) -> None:
    shown = view(b"dog")
    other = replace(shown, screen=replace(shown.screen, data=b"dog"), frame=replace(shown.frame, data=b"lamp"))
    assert (await SimilarityDecider(toy).decide(shown)).score == 1.0
    assert (await SimilarityDecider(toy).decide(other)).score == rank(toy, view(b"lamp")) != 1.0


async def test_a_reason_is_one_sentence_with_the_word_and_both_cosines(toy: Similarity) -> None:
    reason = (await SimilarityDecider(toy, 0.5).decide(view(b"dog", ("tea", "dog")))).reason
    assert reason is not None
    assert reason.startswith("nearest to 'dog' (picture 1.00, no English text): nearer than 100.0% of things")
    assert "watched from 50%" in reason
    assert "\n" not in reason
    assert ". " not in reason


async def test_nothing_to_compare_is_no_opinion(toy: Similarity) -> None:
    decision = await SimilarityDecider(toy, 0).decide(view(caption="犬"))
    assert (decision.verdict, decision.score) == (Verdict.UNREADABLE, None)
    assert decision.reason is not None
    assert "nothing to compare" in decision.reason


@pytest.mark.parametrize("threshold", [-0.1, 1.01, 90, math.nan])
def test_a_threshold_that_is_no_share_is_refused(toy: Similarity, threshold: float) -> None:
    with pytest.raises(UsageError, match=r"--threshold .* give a number from 0 to 1"):
        SimilarityDecider(toy, threshold)


async def test_a_threshold_of_zero_is_taken_as_said(toy: Similarity) -> None:
    verdicts = {(await SimilarityDecider(toy, 0).decide(view(name.encode()))).verdict for name in SHORTS[:30]}
    assert verdicts == {Verdict.YES}


def own_vocabulary(values: Sequence[str], topics: Sequence[str]) -> Vocabulary:
    """Values and topics that are called by their one word."""
    return Vocabulary(
        name="own", version=1, sha256="",
        values=tuple(
            Value(id=word, name=word, abbreviation=word, definition="", all_keywords=(Keyword(word=word, value=word),))
            for word in values
        ),
        topics=(
            *(Topic(id=word, name=word, definition="", words={"en": (word,)}) for word in topics),
            Topic(id=OTHER, name=OTHER, definition="", words={"en": ()}),
        ),
    )  # fmt: skip


async def labels(similarity: Similarity, vocabulary: Vocabulary, shown: View) -> list[Label]:
    return await SimilarityLabeller(similarity, vocabulary).label(shown)


async def test_the_labeller_gives_at_most_three_of_each_however_many_are_near(toy: Similarity) -> None:
    values, topics = [f"dog {n}" for n in range(5)], [f"dog topic {n}" for n in range(6)]
    given = await labels(toy, own_vocabulary(values, topics), view(b"dog"))
    assert [label.name for label in given] == [*values[:MOST], *topics[:MOST]]
    assert all(label.score == 1.0 and label.model == "toy@1" and label.source == "similarity" for label in given)


async def test_a_near_value_is_left_unsure_and_a_near_topic_is_depicted(toy: Similarity) -> None:
    given = await labels(toy, own_vocabulary(["dog", "tea"], ["dog", "tea"]), view(b"dog", caption="dog"))
    assert {(label.kind, label.name, label.stance) for label in given} == {
        (LabelKind.VALUE, "dog", Stance.UNSURE), (LabelKind.TOPIC, "dog", Stance.DEPICTS),
    }  # fmt: skip


async def test_where_no_topic_is_near_the_topic_is_other_and_no_value_is_made_up(toy: Similarity) -> None:
    vocabulary = own_vocabulary(["tea"], ["sea"])
    far = next(one for one in (view(n.encode()) for n in SHORTS) if rank(toy, replace(one, interest=SEA_TEA)) < 0.5)
    for shown in (far, view(caption="犬")):
        (label,) = await labels(toy, vocabulary, shown)
        assert (label.kind, label.name, label.stance, label.score) == (LabelKind.TOPIC, OTHER, Stance.UNSURE, None)


async def test_one_unrelated_short_in_twenty_gets_a_label_by_chance(toy: Similarity) -> None:
    vocabulary = own_vocabulary(["tea"], ["sea"])
    given = [label for name in SHORTS for label in await labels(toy, vocabulary, view(name.encode()))]
    for kind in LabelKind:
        share = sum(label.kind is kind and label.name != OTHER for label in given) / len(SHORTS)
        assert share == pytest.approx(1 - LEVEL, abs=0.035)


async def test_labels_do_not_depend_on_the_agents_interest(toy: Similarity) -> None:
    vocabulary = own_vocabulary(["dog", "tea"], ["sea"])
    assert await labels(toy, vocabulary, view(b"dog", ("dog",))) == await labels(toy, vocabulary, view(b"dog", ("x",)))


async def test_the_real_model_labels_a_cooking_short_as_food(real: Similarity) -> None:
    shown = view(NOTHING, caption="easy pasta recipe, cooking dinner in ten minutes")
    given = await labels(real, load_vocabulary(), shown)
    assert next(label for label in given if label.kind is LabelKind.TOPIC).name == "food"
    assert max(sum(label.kind is kind for label in given) for kind in LabelKind) <= MOST


@pytest.mark.parametrize(("decider", "verdict"), [(Always(), Verdict.YES), (Never(), Verdict.NO)])
async def test_the_fixed_controls_say_the_same_to_everything_and_name_themselves(
    decider: Decider, verdict: Verdict
) -> None:
    decisions = [await decider.decide(view(picture, caption="dog")) for picture in (b"dog", NOTHING)]
    for decision in decisions:
        assert (decision.verdict, decision.decider, decision.score) == (verdict, decider.name, None)
        assert decision.reason is not None
        assert f"`{decider.name}`" in decision.reason


def chances(probability: float, seed: int = 1) -> dict[str, Verdict]:
    async def all_of_them() -> dict[str, Verdict]:
        decider = Random(probability)
        return {name: (await decider.decide(view(platform_id=name, seed=seed))).verdict for name in SHORTS}

    return asyncio.run(all_of_them())


@pytest.mark.parametrize("probability", [0.0, 0.2, 0.5, 1.0])
def test_chance_watches_its_share(probability: float) -> None:
    share = sum(verdict is Verdict.YES for verdict in chances(probability).values()) / len(SHORTS)
    assert share == pytest.approx(probability, abs=0.06 if 0 < probability < 1 else 0)


async def test_chance_is_a_function_of_seed_and_id_whatever_came_before() -> None:
    expected = await asyncio.to_thread(chances, 0.5)
    decider = Random(0.5)
    for name in reversed(SHORTS[100:200]):
        shown = view(b"other", platform_id=name, caption="another caption")
        assert (await decider.decide(shown)).verdict is expected[name]
    other = await asyncio.to_thread(chances, 0.5, 2)
    assert 0.4 < sum(other[name] is expected[name] for name in SHORTS) / len(SHORTS) < 0.6


def test_a_short_that_is_watched_at_a_low_probability_is_watched_at_a_higher_one() -> None:
    low, high = chances(0.2), chances(0.6)
    assert all(high[name] is Verdict.YES for name in SHORTS if low[name] is Verdict.YES)


@pytest.mark.parametrize("probability", [-0.1, 1.5, math.nan])
def test_a_probability_that_is_none_is_refused(probability: float) -> None:
    with pytest.raises(UsageError, match="give a number from 0 to 1"):
        Random(probability)
