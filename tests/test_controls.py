"""The controls of an audit: always, never, random."""

import pytest

from agent.deciders.always import Always
from agent.deciders.base import Decider, Interest, View
from agent.deciders.never import Never
from agent.deciders.random import Random
from storage.errors import UsageError
from storage.records import Picture, Record, Verdict

BLANK = Picture(role="frame", source="canvas", method="canvas", data=b"", width=1, height=1, media_time=1.0)


def view(short: str, seed: int = 1) -> View:
    record = Record(platform="sandbox", platform_id=short)
    return View(run_id=1, record=record, screen=BLANK, frame=BLANK, interest=Interest(), seed=seed)


async def verdicts(decider: Decider, shorts: range | list[int], seed: int = 1) -> dict[int, bool]:
    return {short: (await decider.decide(view(f"s{short}", seed))).verdict is Verdict.YES for short in shorts}


async def test_always_watches_and_never_scrolls_whatever_the_short() -> None:
    assert set((await verdicts(Always(), range(50))).values()) == {True}
    assert set((await verdicts(Never(), range(50))).values()) == {False}


@pytest.mark.parametrize("probability", [0.0, 0.2, 0.5, 1.0])
async def test_random_watches_the_stated_share(probability: float) -> None:
    share = sum((await verdicts(Random(probability), range(2000))).values()) / 2000
    assert share == pytest.approx(probability, abs=0.04 if 0 < probability < 1 else 0)


async def test_random_decides_by_seed_and_short_alone_in_any_order() -> None:
    forwards = await verdicts(Random(), range(200))
    backwards = await verdicts(Random(), list(reversed(range(200))))
    assert forwards == backwards
    assert forwards != await verdicts(Random(), range(200), seed=2)


async def test_a_decision_names_its_decider_and_gives_a_reason() -> None:
    for decider in (Always(), Never(), Random()):
        decision = await decider.decide(view("s1"))
        assert decision.decider == decider.name
        assert decision.reason
        assert decision.answer_id is None


@pytest.mark.parametrize("probability", [-0.1, 1.1, float("nan")])
def test_random_refuses_what_is_no_probability(probability: float) -> None:
    with pytest.raises(UsageError, match="from 0 to 1"):
        Random(probability)
