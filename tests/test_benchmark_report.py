"""The report of a benchmark in a real browser: complete, quiet, true to its JSON, and deaf to what pictures say."""

import asyncio
import csv
import io
import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.async_api import Browser

from agent.benchmark.circle import CIRCLE, against_circle
from agent.benchmark.facts import Facts, ModelFacts, QuestionFacts, ValueName
from agent.benchmark.paper import paper
from agent.benchmark.records import Answer, Choice, Modality, Slot
from agent.benchmark.report import write_report
from agent.benchmark.summarise import summarise
from agent.benchmark.summary import BenchmarkSummary, Remarks
from storage.records import Verdict
from tests import planted_answers as planted

pytestmark = pytest.mark.asyncio(loop_scope="module")

WORDINGS = ("like@1", "like@1+swapped", "like@4", "like@4+swapped")
HOSTILE = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">{{ 7*7 }} $x_{1}$ &amp;"


def facts(*models: str, **changes: Any) -> Facts:
    made = Facts(
        plan_hash="ab" * 32,
        value_set="vs-1",
        corpus="corpus-1",
        sandbox=True,
        models=tuple(ModelFacts(name=name, host="127.0.0.1") for name in models or planted.LIKED),
        questions=tuple(QuestionFacts(name=name, text="Do you like it?") for name in WORDINGS),
        values=tuple(ValueName(id=one, name=one.title(), abbreviation=one[:3].upper()) for one in CIRCLE),
        date="2026-11-24",
    )
    return replace(made, **changes)


def jpeg(sha256: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (270, 480), (int(sha256[1:4]) % 255, 90, 140)).save(out, "JPEG")
    return out.getvalue()


def everything() -> BenchmarkSummary:
    """All sections: three models, both forms, control set, descriptions, forced choices, published tables."""
    slots = planted.slots()
    answers = [
        *planted.answers(slots, WORDINGS),
        *planted.answers(planted.slots(form="B"), WORDINGS[:2]),
        *planted.answers(planted.control()),
        *planted.answers(slots, ("like_text@1",), modality=Modality.CAPTION, captioner=planted.FOND),
    ]
    return summarise(answers, list(planted.choices(slots, each=4)), facts(), compare_paper=True)


class Opened:
    """What a browser makes of a report."""

    def __init__(self, said: list[str], requests: list[str], seen: Any) -> None:
        self.said, self.requests = said, requests
        self.title, self.text, self.images, self.scripts = seen["title"], seen["text"], seen["images"], seen["scripts"]
        self.numbers, self.loose, self.width = seen["numbers"], seen["loose"], seen["width"]


LOOK = """() => {
  const loose = [...document.querySelectorAll('td, .lead')].map(cell => {
    const copy = cell.cloneNode(true);
    copy.querySelectorAll('data').forEach(one => one.remove());
    return copy.textContent;
  });
  return {
    title: document.title, text: document.body.innerText, scripts: document.scripts.length, loose,
    images: [...document.images].map(one => [one.naturalWidth, one.alt]),
    numbers: [...document.querySelectorAll('data')].map(one => [one.value, one.dataset.at, one.textContent]),
    width: document.documentElement.scrollWidth,
  };
}"""


async def opened(browser: Browser, folder: Path, *, width: int = 1280, printed: bool = False) -> Opened:
    context = await browser.new_context(viewport={"width": width, "height": 900})
    page = await context.new_page()
    await page.emulate_media(media="print" if printed else "screen")
    said: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    await page.goto((folder / "report.html").as_uri())
    await asyncio.sleep(0.2)
    seen = await page.evaluate(LOOK)
    await context.close()
    return Opened(said, requests, seen)


def at(tree: Any, pointer: str) -> Any:
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        tree = tree[int(key)] if isinstance(tree, list) else tree[key]
    return tree


@pytest.fixture(scope="module")
def whole() -> BenchmarkSummary:
    return everything()


@pytest.fixture(scope="module")
def report(whole: BenchmarkSummary, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the whole report."""
    folder = tmp_path_factory.mktemp("report")
    write_report(whole, folder, jpeg)
    return folder


async def test_the_page_opens_without_a_complaint_and_asks_the_network_for_nothing(
    browser: Browser, report: Path
) -> None:
    page = await opened(browser, report)
    assert page.said == []
    outside = [url for url in page.requests if not url.startswith(("file:", "data:"))]
    assert (outside, len([url for url in page.requests if url.startswith("file:")])) == ([], 1)
    assert page.scripts == 0
    assert [alt for natural, alt in page.images if not natural or not alt] == []
    assert len(page.images) == 20 + 3 + 1 + 3 + 3 + 1  # examples, profiles, heat map, modality, strengths, circle


async def test_every_number_on_the_page_is_the_summarys(browser: Browser, report: Path) -> None:
    page = await opened(browser, report)
    tree = json.loads((report / "summary.json").read_text())
    assert len(page.numbers) > 1000
    for value, place, text in page.numbers:
        told = at(tree, place)
        assert float(value) == told, place
        if text == "< 0.001":
            assert told < 0.001
            continue
        shown = float(text.replace("−", "-").replace(",", ""))
        step = 10.0 ** -len(text.partition(".")[2])
        assert min(abs(shown - told * times) for times in (1, 100, -100)) <= 0.501 * step, (place, text, told)
    written = [re.sub("like@[0-9](.swapped)?|[AB][0-9]", "", text) for text in page.loose]
    assert [text for text in written if re.search("[0-9]", text) and "2026-11-24" not in text] == []


async def test_nothing_is_cut_off_on_a_narrow_screen_or_on_paper(browser: Browser, report: Path) -> None:
    for width in (400, 1280):
        assert (await opened(browser, report, width=width)).width == width
    landscape = 1009  # of A4 without its margins
    assert (await opened(browser, report, width=landscape, printed=True)).width == landscape


async def test_answers_captions_and_names_stay_text(browser: Browser, tmp_path: Path) -> None:
    slots = [replace(slot, keyword=HOSTILE, platform=HOSTILE) for slot in planted.slots(keywords=2, k=2)]
    answers = [replace(one, model=HOSTILE) for one in planted.answers(slots, models=(planted.FOND,))]
    remarks = [Remarks(model=HOSTILE, picture=slot.picture, why=HOSTILE, description=HOSTILE) for slot in slots]
    choices = [replace(one, model=HOSTILE) for one in planted.choices(slots, each=1, models=(planted.FOND,))]
    values = tuple(ValueName(id=one, name=HOSTILE, abbreviation=HOSTILE) for one in CIRCLE)
    told = facts(HOSTILE, values=values, questions=(QuestionFacts(name=HOSTILE, text=HOSTILE),), version=HOSTILE)
    write_report(summarise(answers, choices, told, remarks=remarks), tmp_path, jpeg)
    page = await opened(browser, tmp_path)
    assert (page.scripts, page.said) == (0, [])
    assert "owned" not in page.title.replace(HOSTILE, "")
    assert page.text.count(HOSTILE) > 40
    assert all(alt for _, alt in page.images)
    svg = next((tmp_path / "plots").glob("dots-*.svg")).read_text()
    assert "<script>document" not in svg


def one_model() -> BenchmarkSummary:
    return summarise([*planted.answers(planted.slots(), models=(planted.FOND,))], [], facts(planted.FOND))


def missing_values() -> BenchmarkSummary:
    slots = [slot for slot in planted.slots() if slot.value in ("power", "hedonism")]
    part = [one for one in planted.answers(slots) if (one.model, one.slot.value) != (planted.FOND, "power")]
    return summarise(part, [], facts(unanswered=1200, limit=20))


def all_refused() -> BenchmarkSummary:
    slots = planted.slots(keywords=3, k=2)
    answers = [replace(one, verdict=Verdict.REFUSED) for one in planted.answers([*slots, *planted.control(5)])]
    return summarise(answers, [replace(one, chosen=None) for one in planted.choices(slots, each=1)], facts())


def one_answer() -> BenchmarkSummary:
    slot = Slot(value="my-own", keyword="word", rank=1, picture="A001".ljust(64, "0"), platform="youtube")
    answer = Answer(model="m", slot=slot, verdict=Verdict.YES, wording="like@1")
    return summarise([answer], [], facts("m", values=()))


def choices_only() -> BenchmarkSummary:
    chosen: list[Choice] = list(planted.choices(planted.slots(), each=1))
    return summarise([], chosen, facts())


def nothing() -> BenchmarkSummary:
    return summarise([], [], facts())


@pytest.mark.parametrize("made", [one_model, missing_values, all_refused, one_answer, choices_only, nothing])
async def test_partial_results_are_a_page_all_the_same(made: Any, browser: Browser, tmp_path: Path) -> None:
    write_report(made(), tmp_path, jpeg)
    page = await opened(browser, tmp_path)
    assert page.said == []
    assert "Where the variance lies" in page.text
    assert "How to cite" in page.text
    assert "nan" not in re.findall("[a-z]+", page.text.casefold())
    assert "None" not in re.findall(r"\bNone\b(?! of this run|\.)", page.text)


async def test_a_picture_that_is_gone_or_broken_is_said_so(tmp_path: Path) -> None:
    summary = one_model()
    first = summary.examples[0].slot.picture
    write_report(summary, tmp_path, lambda sha256: None if sha256 == first else b"\xff\xd8 no picture")
    text = (tmp_path / "report.html").read_text()
    assert text.count("picture is no longer in the corpus") == 1
    assert text.count("picture cannot be read") == len(summary.examples) - 1
    assert "data:image/jpeg" not in text


async def test_what_is_planted_stands_in_the_report(browser: Browser, whole: BenchmarkSummary, report: Path) -> None:
    ranking = {one.model: [rank.value for rank in one.ranks] for one in whole.rankings}[planted.FOND]
    assert ranking[0] == "universalism"
    assert set(ranking[-2:]) == {"power", "stimulation"}
    bias = {one.condition.model: one for one in whole.biases if one.condition == whole.tables[0].scores[0].condition}
    assert list(bias) == [planted.FOND]
    yes_sayer = next(one for one in whole.biases if one.condition.model == planted.AGREEABLE)
    assert yes_sayer.acquiescence is not None
    assert yes_sayer.acquiescence.low > 0.5
    page = await opened(browser, report)
    assert page.text.count("Sandbox pictures.") == 1
    assert "Probability of yes" in page.text  # one model gave log-probabilities
    assert "What was not in the analysis plan: exploratory" in page.text


async def test_the_same_answers_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "other"):
        write_report(one_model(), tmp_path / name, jpeg)
    files = [path for path in (tmp_path / "one").rglob("*") if path.is_file()]
    assert len(files) == 3 + 4  # page, JSON, CSV; profile and heat map in two formats
    for path in files:
        assert path.read_bytes() == (tmp_path / "other" / path.relative_to(tmp_path / "one")).read_bytes(), path.name


async def test_plots_can_be_printed_and_the_table_read(whole: BenchmarkSummary, report: Path) -> None:
    plots = list((report / "plots").iterdir())
    assert {path.suffix for path in plots} == {".svg", ".png"}
    for path in plots:
        if path.suffix == ".png":
            with Image.open(path) as image:
                assert image.width >= 3.4 * 300 - 1, path.name
    with (report / "scores.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == sum(len(table.scores) for table in whole.tables)
    first = whole.tables[0].scores[0].score
    assert first is not None
    assert float(rows[0]["score"]) == pytest.approx(first.estimate, abs=1e-6)


async def test_the_circle_is_found_where_it_is_planted_and_not_where_values_are_moved() -> None:
    values = list(CIRCLE)
    models = {
        f"m{number}": {
            value: 0.5 + 0.3 * math.cos(2 * math.pi * (place - number) / 10) for place, value in enumerate(values)
        }
        for number in range(10)
    }
    found = against_circle(models, seed=1)
    assert found is not None
    assert found.agreement < -0.95
    assert found.p < 0.001
    moved = values[::2] + values[1::2]
    elsewhere = against_circle(
        {name: dict(zip(moved, one.values(), strict=True)) for name, one in models.items()}, seed=1
    )
    assert elsewhere is not None
    assert elsewhere.p > 0.05
    assert against_circle(dict(list(models.items())[:3]), seed=1) is None
    published = against_circle({model.name: model.scores for model in paper().models}, seed=1)
    assert published is not None
    assert published.agreement == pytest.approx(-0.2625, abs=0.001)
