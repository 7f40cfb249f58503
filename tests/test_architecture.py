"""The rules of the code itself: who may import whom, how long a file is, that everything public says what it means."""

import ast
import re
from pathlib import Path

from tests.storage_tools import PROJECT

MAY_IMPORT = {
    "agent": {"agent", "retrieval", "storage"},
    "retrieval": {"retrieval", "storage"},
    "storage": {"storage"},
    "migrations": {"migrations", "storage"},
}
MOST_LINES = 400
PACKAGES = sorted(path for package in MAY_IMPORT for path in (PROJECT / package).rglob("*.py"))
CODE = [*PACKAGES, *sorted((PROJECT / "tests").rglob("*.py"))]
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:home|root|Users|work|mnt|tmp)/\w")


def name(path: Path) -> str:
    return path.relative_to(PROJECT).as_posix()


def imported(tree: ast.AST) -> set[str]:
    """The top-level names that a module imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports name their package"
            found.add((node.module or "").partition(".")[0])
    return found


def test_packages_import_downwards_only() -> None:
    upwards = {}
    for path in PACKAGES:
        ours = imported(ast.parse(path.read_text())) & {*MAY_IMPORT, "tests"}
        if wrong := ours - MAY_IMPORT[name(path).partition("/")[0]]:
            upwards[name(path)] = wrong
    assert upwards == {}


def test_no_file_is_longer_than_four_hundred_lines() -> None:
    lengths = {name(path): len(path.read_text().splitlines()) for path in CODE}
    assert {path: length for path, length in lengths.items() if length > MOST_LINES} == {}


def test_no_file_names_a_place_on_somebodys_machine() -> None:
    found = {name(path): MACHINE_PATH.findall(path.read_text()) for path in CODE}
    assert {path: places for path, places in found.items() if places} == {}


def test_every_module_says_what_it_is_about() -> None:
    texts = {name(path): path.read_text() for path in PACKAGES}
    assert [path for path, text in texts.items() if text.strip() and not ast.get_docstring(ast.parse(text))] == []


def test_what_the_other_packages_build_on_says_what_it_means() -> None:
    silent = [
        f"{name(path)}: {node.name}"
        for path in PACKAGES
        if name(path).startswith(("storage/", "retrieval/"))
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]
    assert silent == []
