"""What holds for every test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from agent.browser import find_browser
from tests.dataset_tools import Shelf

ARGUMENTS = ["--no-sandbox", "--mute-audio", "--autoplay-policy=no-user-gesture-required"]


@pytest.fixture(autouse=True)
def own_configuration(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test reads or makes the pseudonym key of whoever runs it."""
    folder = tmp_path_factory.mktemp("configuration") / "value-spectrum"
    monkeypatch.setenv("VALUE_SPECTRUM_CONFIG_DIR", str(folder))
    return folder


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    """Corpora for the tests of datasets, cards and the care of a corpus; each is made when it is first asked for."""
    return Shelf(tmp_path_factory.mktemp("shelf"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """A Chromium for all tests of a module, which run in the module's loop."""
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=find_browser(playwright).path, args=ARGUMENTS)
        yield running
        await running.close()
