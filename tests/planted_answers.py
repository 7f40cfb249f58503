"""Answers of three models whose preferences are planted, over a value set of any size. No model and no HTTP."""

from collections.abc import Iterator
from itertools import combinations

from agent.benchmark.circle import CIRCLE
from agent.benchmark.records import Answer, Choice, Modality, Slot
from storage.chance import draw
from storage.records import Verdict

FOND, AGREEABLE, WAVERING = "scripted/fond-of-nature", "scripted/yes-sayer", "scripted/wavering"
LIKED = {
    FOND: dict(zip(CIRCLE, (0.70, 0.30, 0.55, 0.50, 0.25, 0.55, 0.60, 0.70, 0.85, 0.92), strict=True)),
    AGREEABLE: dict.fromkeys(CIRCLE, 0.95),
    WAVERING: dict(zip(CIRCLE, (0.5, 0.45, 0.5, 0.55, 0.45, 0.5, 0.45, 0.5, 0.55, 0.6), strict=True)),
}
"""Planted rate of yes by model and value."""
SWAP = {FOND: 0.0, AGREEABLE: 0.02, WAVERING: -0.12}
"""What naming `no` first adds to the rate of yes."""
TURN = {FOND: 0.0, AGREEABLE: -0.90, WAVERING: 0.0}
"""What asking for dislike adds to the rate of liking: a yes-sayer says yes to that too."""
REFUSES = {FOND: ("power", 0.25), AGREEABLE: ("", 0.0), WAVERING: ("security", 0.10)}
PLATFORMS = ("youtube", "tiktok", "instagram")


def slots(keywords: int = 10, k: int = 5, form: str = "A") -> list[Slot]:
    """A value set of ten values; every slot has its own picture."""
    return [
        Slot(
            value=value,
            keyword=f"{value} {form.lower()}{number}",
            rank=rank,
            picture=f"{form}{index:03d}{number:03d}{rank:03d}".ljust(64, "0"),
            platform=PLATFORMS[(index + number + rank) % 3],
            month=f"2026-0{1 + rank % 3}",
            form=form,
            verified=draw(1, "verified", f"{value}{number}{rank}{form}") < 0.6,
        )
        for index, value in enumerate(CIRCLE)
        for number in range(keywords)
        for rank in range(1, k + 1)
    ]


def control(size: int = 50) -> list[Slot]:
    """Pictures drawn at random: no value, no keyword."""
    return [
        Slot(
            value="",
            keyword="",
            rank=place + 1,
            picture=f"C{place:03d}".ljust(64, "0"),
            platform=PLATFORMS[place % 3],
            month=f"2026-0{1 + place // 3 % 3}",
            form="control",
        )
        for place in range(size)
    ]


def _verdict(rate: float, slot: Slot, key: str, refuses: tuple[str, float]) -> Verdict:
    if slot.value == refuses[0] and draw(2, "refuses", key) < refuses[1]:
        return Verdict.REFUSED
    if draw(2, "garbles", key) < 0.006:
        return Verdict.UNREADABLE
    # Pictures of one keyword agree: half of what decides is the keyword's, half the picture's own.
    told = (
        key if draw(2, "wavers", key) < 0.3 else f"{key.partition('|')[0]}{slot.picture}"
    )  # else as in other wordings
    own, shared = draw(2, "likes", told), draw(2, "keyword", f"{key.partition('|')[0]}{slot.value}{slot.keyword}")
    pushed = min(max(rate + 0.25 * (shared - 0.5), 0.02), 0.98) if 0.1 < rate < 0.9 else rate
    return Verdict.YES if own < pushed else Verdict.NO


def answers(
    given: list[Slot], wordings: tuple[str, ...] = ("like@1",), *, modality: Modality = Modality.IMAGE,
    captioner: str | None = None, models: tuple[str, ...] = (FOND, AGREEABLE, WAVERING),
) -> Iterator[Answer]:  # fmt: skip
    """One answer of every model to every slot in every wording; descriptions are liked more than pictures."""
    for model in models:
        for slot in given:
            for wording in wordings:
                rate = LIKED[model].get(slot.value, 0.5)
                turned = wording.startswith("like@4")  # where a yes is a dislike
                rate += SWAP[model] * wording.endswith("+swapped") * (-1 if turned else 1) + TURN[model] * turned
                rate += 0.15 * (modality is Modality.CAPTION)
                key = f"{model}|{slot.picture}|{wording}|{modality.value}"
                yield Answer(
                    model=model,
                    slot=slot,
                    verdict=_verdict(min(max(rate, 0.02), 0.98), slot, key, REFUSES[model]),
                    wording=wording,
                    modality=modality,
                    captioner=captioner,
                    p_yes=round(draw(2, "p", key), 3) if model == WAVERING else None,
                )


def choices(
    given: list[Slot], each: int = 12, models: tuple[str, ...] = (FOND, AGREEABLE, WAVERING)
) -> Iterator[Choice]:
    """Forced choices between every two values, in both orders. The yes-sayer chooses like the first model."""
    by_value = {value: [slot for slot in given if slot.value == value] for value in CIRCLE}
    for model in models:
        liked = LIKED[FOND] if model == AGREEABLE else LIKED[model]
        first_bias = 0.15 if model == WAVERING else 0.0
        for one, other in combinations(CIRCLE, 2):
            for number in range(each):
                left, right = by_value[one], by_value[other]
                pair = (left[number * 7 % len(left)], right[number * 3 % len(right)])
                for first, second in (pair, pair[::-1]):
                    key = f"{model}|{first.picture}|{second.picture}"
                    share = liked[first.value] / (liked[first.value] + liked[second.value]) + first_bias
                    chosen = None if draw(3, "refuses", key) < 0.01 else 1 if draw(3, "chooses", key) < share else 2
                    yield Choice(model=model, first=first, second=second, chosen=chosen)
