"""Deciding and labelling by similarity, with the packaged model on drawn pictures."""

import dataclasses

import pytest

from agent.deciders.base import Interest, View
from agent.deciders.similarity import SimilarityDecider
from agent.labellers.similarity import MOST, SimilarityLabeller
from retrieval.similarity import Nearness, Similarity
from retrieval.vocabulary import OTHER, Vocabulary, load_vocabulary
from storage.errors import UsageError
from storage.records import LabelKind, Picture, Record, Stance, Verdict
from tests.drawn import built_embedder, clock, crossword, encoded, traffic_light

CLOCK = encoded(clock(), "JPEG", quality=85)
UNRELATED = "chocolate cake recipe with strawberries"


@pytest.fixture(scope="module")
def similarity() -> Similarity:
    return Similarity(built_embedder())


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return load_vocabulary()


def view(
    *words: str, picture: bytes = CLOCK, caption: str | None = None, tags: tuple[str, ...] = (),
    language: str | None = None,
) -> View:  # fmt: skip
    record = Record(platform="sandbox", platform_id="s1", caption=caption, hashtags=tags, language=language)
    frame = Picture(role="frame", source="canvas", method="canvas", data=picture, width=300, height=300, media_time=1.0)
    screen = dataclasses.replace(frame, role="screen", source="crop", data=b"not looked at")
    return View(run_id=1, record=record, screen=screen, frame=frame, interest=Interest(words=words), seed=1)


def near(similarity: Similarity, shown: View) -> Nearness:
    return similarity.nearness(similarity.vectors(shown.record, shown.frame.data), shown.interest.words)


@pytest.mark.parametrize(
    ("picture", "word"),
    [(CLOCK, "wall clock"), (encoded(crossword()), "crossword"), (encoded(traffic_light()), "traffic light")],
    ids=["clock", "crossword", "traffic light"],
)
async def test_a_picture_of_the_interest_is_watched_and_an_unrelated_one_is_not(
    similarity: Similarity, picture: bytes, word: str
) -> None:
    decider = SimilarityDecider(similarity)
    assert (await decider.decide(view(word, picture=picture))).verdict is Verdict.YES
    assert (await decider.decide(view("skydiving", picture=picture))).verdict is Verdict.NO


async def test_what_is_said_counts_beside_what_is_seen(similarity: Similarity) -> None:
    matching = near(similarity, view("wall clock", caption="what time is it? my new wall clock"))
    contradicting = near(similarity, view("wall clock", caption=UNRELATED))
    assert matching.seen == contradicting.seen
    assert matching.said is not None
    assert contradicting.said is not None
    assert matching.said > contradicting.said
    assert matching.rank > contradicting.rank


async def test_hashtags_count_as_said(similarity: Similarity) -> None:
    tagged = near(similarity, view("chocolate", caption="look", tags=("chocolate", "dessert"))).said
    bare = near(similarity, view("chocolate", caption="look")).said
    assert tagged is not None
    assert bare is not None
    assert tagged > bare


@pytest.mark.parametrize(
    ("caption", "language"), [(None, None), ("", "en"), ("休みの日", None), ("reloj de pared", "es"), ("Uhr", "de-DE")]
)
async def test_text_that_is_missing_or_not_english_is_left_out_not_held_against_the_short(
    similarity: Similarity, caption: str | None, language: str | None
) -> None:
    picture_alone = near(similarity, view("wall clock"))
    assert near(similarity, view("wall clock", caption=caption, language=language)) == picture_alone
    assert picture_alone.said is None


async def test_a_picture_that_cannot_be_decoded_is_left_out(similarity: Similarity) -> None:
    said = near(similarity, view("chocolate", picture=b"broken", caption=UNRELATED))
    assert said.seen is None
    assert said.rank > 0.9


async def test_nothing_seen_and_nothing_said_is_a_no_with_the_lowest_score(similarity: Similarity) -> None:
    decision = await SimilarityDecider(similarity).decide(view("chocolate", picture=b"broken"))
    assert (decision.verdict, decision.score) == (Verdict.NO, 0.0)
    assert "no picture" in (decision.reason or "")


async def test_the_reason_names_the_nearest_word_the_scores_and_what_cannot_be_seen(similarity: Similarity) -> None:
    reason = (await SimilarityDecider(similarity).decide(view("beach", "wall clock", "choir"))).reason or ""
    assert "'wall clock'" in reason
    assert "picture 0." in reason
    assert "no English text" in reason
    assert "sees no people, actions, moods" in reason
    assert "\n" not in reason


async def test_the_same_short_gets_the_same_decision_from_a_fresh_decider(similarity: Similarity) -> None:
    shown = view("sailing", "clock", caption=UNRELATED)
    first = await SimilarityDecider(similarity).decide(shown)
    assert await SimilarityDecider(Similarity(built_embedder())).decide(shown) == first
    assert first.score == round(first.score or 0, 3)


async def test_compressing_the_picture_again_hardly_moves_the_score(similarity: Similarity) -> None:
    scores = [
        near(similarity, view("museum", picture=encoded(clock(), "JPEG", quality=quality))).rank
        for quality in (95, 85, 75)
    ]
    assert max(scores) - min(scores) < 0.05


async def test_a_higher_threshold_watches_fewer(similarity: Similarity) -> None:
    shorts = [view(word) for word in ("wall clock", "museum", "sailing", "chocolate", "prayer", "medal")]

    async def watched(threshold: float) -> set[int]:
        decider = SimilarityDecider(similarity, threshold=threshold)
        return {place for place, shown in enumerate(shorts) if (await decider.decide(shown)).verdict is Verdict.YES}

    everything, some, nothing = await watched(0), await watched(0.9), await watched(1)
    assert everything == set(range(len(shorts)))
    assert nothing <= some < everything


@pytest.mark.parametrize("threshold", [-0.5, 1.5])
def test_a_threshold_that_is_no_share_is_refused(similarity: Similarity, threshold: float) -> None:
    with pytest.raises(UsageError, match="--threshold"):
        SimilarityDecider(similarity, threshold=threshold)


async def test_labels_are_few_known_scored_and_claim_no_stance_on_values(
    similarity: Similarity, vocabulary: Vocabulary
) -> None:
    caption = "choir singing at our church wedding, prayer and paper lanterns"
    labels = await SimilarityLabeller(similarity, vocabulary).label(view(picture=b"broken", caption=caption))
    values = [label for label in labels if label.kind is LabelKind.VALUE]
    topics = [label for label in labels if label.kind is LabelKind.TOPIC]
    assert "tradition" in {label.name for label in values}
    assert "religion" in {label.name for label in topics}
    assert len(values) <= MOST
    assert len(topics) <= MOST
    assert {label.stance for label in values} == {Stance.UNSURE}
    assert {label.stance for label in topics} == {Stance.DEPICTS}
    assert {(label.source, label.model) for label in labels} == {("similarity", similarity.name)}
    assert all(label.score is not None and 0 <= label.score <= 1 for label in labels)


async def test_a_short_that_says_and_shows_nothing_is_about_other(
    similarity: Similarity, vocabulary: Vocabulary
) -> None:
    labels = await SimilarityLabeller(similarity, vocabulary).label(view(picture=b"broken"))
    assert [(label.kind, label.name) for label in labels] == [(LabelKind.TOPIC, OTHER)]


async def test_labels_do_not_depend_on_the_interest_and_carry_the_source_asked_for(
    similarity: Similarity, vocabulary: Vocabulary
) -> None:
    labeller = SimilarityLabeller(similarity, vocabulary, source="similarity-2")
    about_clocks = await labeller.label(view("wall clock", caption=UNRELATED))
    assert about_clocks == await labeller.label(view("skydiving", caption=UNRELATED))
    assert {label.source for label in about_clocks} == {"similarity-2"}
