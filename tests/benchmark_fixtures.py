"""A small corpus, a fake endpoint, and the command over them: fixtures for the tests of `agent.benchmark`.

Test modules name this one as `pytest_plugins`.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.benchmark.__main__ import app
from tests.benchmark_tools import CONTROL, Ground, ground, opinion
from tests.fake_openai import FakeOpenAI
from tests.in_process import Commands, Ended


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    folder = tmp_path_factory.mktemp("ground")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VALUE_SPECTRUM_CONFIG_DIR", str(folder / "config"))
        return ground(folder)


@pytest.fixture
def made(prepared: Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ground:
    """A copy of the corpus that a test may write to, in its own folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VALUE_SPECTRUM_CONFIG_DIR", str(prepared.corpus.parent / "config"))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789")
    copies = [shutil.copy(path, tmp_path) for path in (prepared.corpus, prepared.manifest, prepared.parallel)]
    return Ground(corpus=Path(copies[0]), manifest=Path(copies[1]), parallel=Path(copies[2]))


@pytest.fixture
def benchmark(
    made: Ground, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Ended]:
    commands = Commands(monkeypatch, capsys)

    def call(*more: str | Path | int, code: int = 0) -> Ended:
        usual = ("--corpus", made.corpus, "--manifest", made.manifest, "--control", CONTROL, "--out", "out", "--json")
        return commands(app, *usual, *more, code=code)

    return call


@pytest.fixture
def server() -> Iterator[FakeOpenAI]:
    with FakeOpenAI(script=opinion) as running:
        yield running
