"""What stands in pictures, read with rapidocr, and what becomes of it in an index."""

from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from retrieval.filling import Filling
from retrieval.index import CorpusIndex, app
from retrieval.screen_text import RECIPE, ScreenReader, ScreenText, stored_model
from storage.database import open_database
from storage.embeddings import Part
from storage.errors import NotSetUp
from tests.drawn import built_embedder, encoded
from tests.storage_tools import jpeg, open_corpus, rows, show, start
from tests.vector_tools import BROKEN, Colours, ended, reopened


@pytest.fixture(scope="module")
def reader() -> ScreenReader:
    pytest.importorskip("rapidocr")
    return ScreenReader()


def sign(*lines: str) -> Image.Image:
    """Black lines on a white board that fills half of a tall picture."""
    image = Image.new("RGB", (360, 640), (90, 120, 90))
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 160, 360, 480), fill="white")
    for place, line in enumerate(lines):
        pen.text((20, 200 + 80 * place), line, fill="black", font=ImageFont.load_default(36))
    return image


def test_the_lines_of_a_picture_are_read_from_top_to_bottom(reader: ScreenReader) -> None:
    read = reader.read(encoded(sign("BEACH DAY", "with red dogs")))
    assert read is not None
    assert read.text.casefold().replace(" ", "") == "beachdaywithreddogs"
    assert len(read.lines) == 2
    assert 0.03 < read.area < 0.3


def test_a_picture_without_text_has_none_and_one_that_cannot_be_decoded_is_no_picture(reader: ScreenReader) -> None:
    nothing = reader.read(encoded(sign()))
    assert nothing is not None
    assert (nothing.text, nothing.lines, nothing.area) == ("", (), 0.0)
    assert reader.read(BROKEN) is None
    assert reader.read(b"") is None


def test_screens_are_read_once_and_ranked_as_a_part_of_their_own(reader: ScreenReader, tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    with open_corpus(path) as corpus:
        _, (task,) = start(corpus, 9)
        for name, lines in (("said", ("red and more",)), ("other", ("blue sky",)), ("silent", ())):
            show(corpus, task, name, jpeg(sign(*lines), quality=95), caption=None)
    embedder = Colours()
    with reopened(path) as corpus:
        index = CorpusIndex(corpus.database, embedder)
        done = {one.part: (one.embedded, one.absent) for one in Filling(index, embedder, reader=reader).run()}
        assert done[Part.SCREEN_TEXT] == (2, 1)
        assert Filling(index, embedder, reader=reader).left == 0
    assert set(rows(path, "SELECT model FROM embeddings WHERE part = 'screen_text'")) == {(f"colours@1+{RECIPE}",)}
    with open_database(path, write=False) as database:
        found = CorpusIndex(database, embedder).search(Part.SCREEN_TEXT, embedder.embed_texts(["red"])[0], 5)
    assert found.ids.tolist() == [1, 2]


def test_what_repeats_the_caption_or_names_a_person_is_left_to_the_caption() -> None:
    lines = ("@some.one", "POV:abeach", "day with dogs #fy", "WAIT FOR IT", "no red lights")
    read = ScreenText(lines=lines, area=0.1)
    assert read.besides("POV: a beach day with dogs #fyp") == "WAIT FOR IT no red lights"
    assert read.besides("") == "POV:abeach day with dogs #fy WAIT FOR IT no red lights"


def test_what_read_the_text_is_part_of_the_models_name() -> None:
    assert stored_model("m@1", Part.SCREEN_TEXT) == f"m@1+{RECIPE}"
    assert {stored_model("m@1", part) for part in Part if part is not Part.SCREEN_TEXT} == {"m@1"}


def test_without_rapidocr_the_command_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    built_embedder()
    monkeypatch.setattr("retrieval.screen_text.util.find_spec", lambda name: None)
    with pytest.raises(NotSetUp):
        ScreenReader()
    assert ended(app, ("--corpus", tmp_path / "c.sqlite", "--ocr"), monkeypatch) == 2
    assert "pip install 'value-spectrum[ocr]'" in capsys.readouterr().err
