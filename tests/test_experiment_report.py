"""The report of an experiment: a page that needs nothing else, with its JSON's numbers, and no words as markup."""

import csv
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from playwright.async_api import Browser

from agent.experiment.analysis import Analysis
from agent.experiment.paper import published
from agent.experiment.plots import draw_plots
from agent.experiment.records import Experiment
from agent.experiment.report import write_report
from agent.experiment.simulation import Design, Scripted, simulate
from agent.sandbox.world import World
from retrieval.vocabulary import load_vocabulary
from storage.errors import UsageError

WORDS = {value.id: [keyword.word for keyword in value.all_keywords] for value in load_vocabulary().values}
HOSTILE = "</td><script>alert(1)</script>"
DESIGN = Design(
    personas=(Scripted(name="ann", likes=("hedonism",)), Scripted(name=HOSTILE, likes=("power",))),
    strategies={"plain": 0.0, "isq": 1.0},
    training=5,
    evaluation=5,
    unclear=0.05,
)


@pytest.fixture(scope="module")
def simulated() -> Experiment:
    found = simulate(DESIGN, World(1, WORDS), 1)
    arms = [
        replace(one, state="dry", cause="the feed ended") if number == 1 else one
        for number, one in enumerate(found.arms)
    ]
    return replace(found, arms=tuple(arms))


@pytest.fixture(scope="module")
def written(simulated: Experiment, tmp_path_factory: pytest.TempPathFactory) -> tuple[Analysis, Path]:
    folder = tmp_path_factory.mktemp("report")
    analysis, files = write_report(simulated, folder)
    assert files[0] == folder / "report.html"
    assert all(file.stat().st_size for file in files)
    return analysis, folder


def test_every_number_on_the_page_is_where_it_says_in_the_json(written: tuple[Analysis, Path]) -> None:
    _, folder = written
    tree = json.loads((folder / "summary.json").read_text())
    page = (folder / "report.html").read_text()
    placed = re.findall(r'<data value="([^"]+)" data-at="([^"]+)">', page)
    assert len(placed) > 250
    for value, place in placed:
        at = tree
        for key in place.split("/")[1:]:
            key = key.replace("~1", "/").replace("~0", "~").replace("&lt;", "<").replace("&gt;", ">")
            at = at[int(key) if isinstance(at, list) else key]
        assert json.loads(value) == at


@pytest.mark.asyncio(loop_scope="module")
async def test_the_page_needs_nothing_else_and_words_stay_words(
    browser: Browser, written: tuple[Analysis, Path]
) -> None:
    _, folder = written
    page = await browser.new_page()
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    await page.goto((folder / "report.html").as_uri())
    assert [address for address in asked if not address.startswith("data:")] == [(folder / "report.html").as_uri()]
    assert complaints == []
    assert await page.locator("script").count() == 0
    shown = await page.inner_text("body")
    for words in (HOSTILE, "test the pipeline", "Simulated", "1 arm did not come to its end", "the feed ended"):
        assert words in shown
    broken = await page.evaluate("[...document.images].filter(one => !one.naturalWidth).length")
    assert broken == 0
    assert await page.locator("figure img").count() == 5
    await page.close()


def test_plots_are_svg_and_png_and_the_same_figures_give_the_same_bytes(written: tuple[Analysis, Path]) -> None:
    analysis, folder = written
    names = {file.stem for file in (folder / "plots").iterdir()}
    assert names == {"bars", "outcome", "yes-over-time", "consistent-over-time-truth", "feeds-truth"}
    for name in names:
        with Image.open(folder / "plots" / f"{name}.png") as opened:
            assert opened.width > 1500
        assert (folder / "plots" / f"{name}.svg").read_text().startswith("<?xml")
    for plot in draw_plots(replace(analysis, lines=(), compositions=())):
        assert (folder / "plots" / f"{plot.name}.svg").read_bytes() == plot.svg
        assert (folder / "plots" / f"{plot.name}.png").read_bytes() == plot.png


def test_tables_hold_every_short_every_arm_and_every_estimate(written: tuple[Analysis, Path]) -> None:
    analysis, folder = written
    read = {file.name: list(csv.DictReader(file.open(newline=""))) for file in folder.glob("*.csv")}
    experiment = analysis.experiment
    assert {(row["arm"], row["position"]) for row in read["showings.csv"]} == {
        (one.arm.name, str(shown.position)) for one in experiment.arms for shown in one.showings
    }
    assert [row["arm"] for row in read["arms.csv"]] == [one.arm.name for one in experiment.arms]
    outcome = [row for row in read["measures.csv"] if row["measure"] == "outcome" and row["rows"] == "over personas"]
    assert [float(row["estimate"]) for row in outcome] == [
        row.estimate.estimate for row in analysis.measure("outcome").pooled
    ]
    assert {row["value"] for row in read["feeds.csv"]} <= set(WORDS)
    assert len(read["differences.csv"]) == sum(len(one.contrasts) for one in analysis.measures)
    assert len(read["windows.csv"]) > 10


def test_what_is_not_there_is_said(simulated: Experiment, tmp_path: Path) -> None:
    few = [one for one in simulated.arms if one.arm.replicate == 1 and one.arm.control == "none"]
    bare = [replace(one, showings=tuple(replace(shown, judged={}, values={}) for shown in one.showings)) for one in few]
    write_report(replace(simulated, judge=None, arms=tuple(bare)), tmp_path)
    page = (tmp_path / "report.html").read_text()
    for words in (
        "Nothing was judged",
        "Too few replicates",
        "no interval",
        "No label source",
        "no arm has a yoked one",
    ):
        assert words in page
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="--out"):
        write_report(simulated, tmp_path / "file" / "report")


def test_an_experiment_of_which_nothing_is_done_has_a_page(simulated: Experiment, tmp_path: Path) -> None:
    arms = tuple(replace(one, state="unfinished", showings=one.showings[:3]) for one in simulated.arms)
    write_report(replace(simulated, arms=arms, about={}), tmp_path)
    assert "did not come to their end" in (tmp_path / "report.html").read_text()


def test_the_papers_bars_are_all_there() -> None:
    bars = {(one.strategy, one.model): one.changes for one in published().bars}
    assert len(bars) == 10
    assert bars["isq", "Gemini 1.5 Pro"]["tiktok"] == 51.9
    assert bars["simple", "Claude 3.5"] == {"tiktok": -21.6, "youtube": -8.9, "instagram": 6.3}
