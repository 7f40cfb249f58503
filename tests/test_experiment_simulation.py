"""Simulated experiments: they show what the browser shows, their effects are found, and chance is not."""

import asyncio
from contextlib import aclosing
from pathlib import Path

import pytest
from playwright.async_api import Browser

from agent.experiment.proof import prove
from agent.experiment.records import Control, Experiment
from agent.experiment.simulation import AT, SOURCE, Design, Scripted, simulate
from agent.platforms import sandbox
from agent.platforms.sandbox import Sandbox
from agent.sandbox.feed import visitor_id
from agent.sandbox.recommenders import KINDS
from agent.sandbox.world import World
from retrieval.vocabulary import load_vocabulary
from storage.records import Kind, Verdict

WORDS = {value.id: [keyword.word for keyword in value.all_keywords] for value in load_vocabulary().values}
FAN = Scripted(name="fan", likes=("hedonism", "stimulation"), yes=0.9, otherwise=0.3)
SEED = 4


@pytest.fixture(scope="module")
def world() -> World:
    return World(1, WORDS)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("kind", KINDS)
async def test_browser_and_process_show_the_same_shorts_for_one_seed(
    browser: Browser, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(sandbox, "MOVE_TIMEOUT", 15.0)  # real seconds; a busy machine is no other feed
    design = Design(
        personas=(FAN,), recommenders=(kind,), replicates=1, training=6, evaluation=6, dwell="uniform:5:15",
        twins=False, yoked=False, no_persona=False,
    )  # fmt: skip
    (record,) = simulate(design, world, SEED).arms
    expected = [shown.platform_id for shown in record.showings]
    assert {Verdict.YES, Verdict.NO} == {shown.decision for shown in record.showings}
    platform = Sandbox(vocabulary=WORDS, state=tmp_path / "state.jsonl", recommender=kind, distinct=True)
    await platform.start()
    context = await browser.new_context(viewport={"width": 1280, "height": 720})
    visitor = visitor_id(SEED, record.arm.name)
    await context.add_cookies([{"name": "visitor", "value": visitor, "url": platform.base_url}])
    seen: list[str] = []
    try:
        page = await context.new_page()
        platform.attach(page)
        async with asyncio.timeout(120), aclosing(platform.feed(page)) as items:  # type: ignore[type-var]
            async for shown in items:
                if shown.record.kind is not Kind.SHORT:
                    continue
                seen.append(shown.record.platform_id or "")
                if len(seen) == len(expected):
                    break
                planned = record.showings[len(seen) - 1].planned_dwell
                await platform.dwelt(page, 6.0 + planned, AT + planned)
    finally:
        await context.close()
        await platform.close()
    assert seen == expected


def test_an_experiment_is_a_function_of_its_seed(world: World) -> None:
    design = Design(personas=(FAN,), replicates=1, training=5, evaluation=5)
    assert simulate(design, world, 1) == simulate(design, world, 1)
    assert simulate(design, world, 1) != simulate(design, world, 2)


def arms_of(experiment: Experiment, control: Control) -> list[list[tuple[str, Verdict, float]]]:
    return [
        [(shown.platform_id, shown.decision, shown.planned_dwell) for shown in record.showings]
        for record in experiment.arms
        if record.arm.control is control
    ]


def test_a_yoked_arm_repeats_what_was_done_on_what_its_own_feed_shows(world: World) -> None:
    experiment = simulate(Design(personas=(FAN,), replicates=2), world, 3)
    for own, yoked in zip(arms_of(experiment, Control.NONE), arms_of(experiment, Control.YOKED), strict=True):
        assert [step[1:] for step in own] == [step[1:] for step in yoked]
        assert [step[0] for step in own] != [step[0] for step in yoked]
    twins = arms_of(experiment, Control.TWIN)
    assert all(one != other for one, other in zip(arms_of(experiment, Control.NONE), twins, strict=True))


def test_scripted_agents_say_yes_as_often_as_their_persona_does(world: World) -> None:
    design = Design(personas=(FAN,), replicates=20, twins=False, yoked=False, unclear=0.1)
    decided = [
        (shown.decision, bool(shown.values[SOURCE] & set(FAN.likes)))
        for record in simulate(design, world, 1).arms
        if record.arm.control is Control.NONE
        for shown in record.showings
    ]
    for liked, rate in ((True, FAN.yes), (False, FAN.otherwise)):
        opinions = [verdict for verdict, fits in decided if fits is liked and verdict in (Verdict.YES, Verdict.NO)]
        assert sum(verdict is Verdict.YES for verdict in opinions) / len(opinions) == pytest.approx(rate, abs=0.08)
    unclear = [verdict for verdict, _ in decided if verdict in (Verdict.REFUSED, Verdict.UNREADABLE)]
    assert 0.05 < len(unclear) / len(decided) < 0.15


def test_intervals_hold_the_true_effects_and_twins_are_alike(world: World) -> None:
    """The small form of `python -m tests.soak experiments-proof`: margins are wide enough for chance, no wider."""
    proof = prove(world, experiments=20, arms=100)
    effects = {one.name: one for one in proof.effects}
    assert sum(map(sum, (one.covered for one in effects.values()))) / (20 * len(effects)) > 0.88
    assert effects["devoted, engagement"].true > 0.15
    assert effects["devoted, chronological"].true == 0
    assert all(abs(effect) < 0.05 for effect in proof.null.values())
    assert proof.pairs == 80
    assert proof.twins < 0.15
