"""Pages made from JSON: every number on one says where it stands there, so that page and file cannot differ.

A number is a `<data>` element that carries its value and its place (a JSON pointer, RFC 6901). Everything else is text
and stays text: templates escape all of it.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from storage.errors import UsageError

NOTHING = "–"


@dataclass(frozen=True)
class Number:
    """A number of the summary and where it stands there."""

    value: float
    place: str

    def shown(self, text: str) -> Markup:
        return Markup('<data value="{}" data-at="{}">{}</data>').format(json.dumps(self.value), self.place, text)


def page_environment(*packages: str) -> Environment:
    """Templates of these packages, the first that has one, with the filters that show numbers."""
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package, "") for package in packages]), autoescape=True,
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {
        "percent": lambda number: _shown(number, "{:.1f}", 100),
        "points": lambda number: _shown(number, "{:+.1f}", 100),
        "whole": lambda number: _shown(number, "{:,.0f}", 1),
        "breakable": lambda text: escape(text).replace("/", Markup("/<wbr>")),
        "fixed": _fixed,
        "signed": _signed,
        "turned": lambda number: _shown(number, "{:+.1f}", -100),
        "chance": _chance,
        "address": lambda plot: "data:image/svg+xml;base64," + base64.b64encode(plot.svg).decode(),
    }
    return environment


def placed(tree: Any, place: str = "") -> Any:
    """The same tree with every number as a `Number`; truth values, words and None stay what they are."""
    if isinstance(tree, dict):
        return {key: placed(value, f"{place}/{_escaped(key)}") for key, value in tree.items()}
    if isinstance(tree, list):
        return [placed(value, f"{place}/{number}") for number, value in enumerate(tree)]
    if isinstance(tree, int | float) and not isinstance(tree, bool):
        return Number(tree, place)
    return tree


def _escaped(key: str) -> str:
    """Of a JSON pointer (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")


def _shown(number: Number | None, form: str, times: float) -> Markup | str:
    if number is None:
        return NOTHING
    text = form.format(number.value * times)
    if not text.strip("+-0.,"):
        text = text.lstrip("+-")  # nought has no sign
    return number.shown(text.replace("-", "\N{MINUS SIGN}"))


def _fixed(number: Number | None, digits: int = 2) -> Markup | str:
    return _shown(number, f"{{:.{digits}f}}", 1)


def _signed(number: Number | None, digits: int = 2) -> Markup | str:
    return _shown(number, f"{{:+.{digits}f}}", 1)


def _chance(number: Number | None) -> Markup | str:
    """A p-value: three decimals, and never nought."""
    if number is None:
        return NOTHING
    return number.shown("< 0.001") if number.value < 0.001 else _shown(number, "{:.3f}", 1)


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write a report's page, tables and plots by name.

    Raises:
        UsageError: the folder cannot be written.
    """
    try:
        for name, data in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    except OSError as error:
        raise UsageError(f"{folder} cannot be written ({error.strerror}); give another --out") from error
