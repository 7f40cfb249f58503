"""Looking at a page: what is visible, and which state is embedded in it. Shared by the crawl and by `agent.inspect`.

A wall's words stand on normal pages too (translation tables, hidden dialogs), so only what is laid out and visible
counts (D9).
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from playwright.async_api import Error, Page, Response
from playwright.async_api import TimeoutError as PlaywrightTimeout

from agent.platforms.base import Wall, WallSeen
from agent.platforms.reading import assigned, decoded
from storage.errors import PageHung, SiteUnreachable

UNPROVEN = "unproven"
GOTO_TIMEOUT = 25.0
"""Real seconds for a page to come."""


@dataclass(frozen=True)
class Selector:
    """One way to find a thing. `proof` names the recording or the dated fact behind it, or is `unproven`."""

    css: str
    proof: str = UNPROVEN


@dataclass(frozen=True, kw_only=True)
class Sign:
    """How a wall is known: by the page's address, or by something visible (and what it says).

    Attributes:
        url: regular expression on the address; empty: none is needed.
        css: a visible element; `>>>` steps into an open shadow root. Empty: none is needed.
        text: regular expression on that element's visible text, case ignored; empty: any.
        reject: a visible element that a person may click to get past it (consent only).
    """

    wall: Wall
    url: str = ""
    css: str = ""
    text: str = ""
    reject: str = ""
    proof: str = UNPROVEN


@dataclass(frozen=True, kw_only=True)
class State:
    """State that is embedded in a page: of the script `css`, or what scripts assign to `name`."""

    kind: str
    css: str = ""
    name: str = ""
    proof: str = UNPROVEN


# Visible: laid out, not transparent, with an area, and not switched off for people (inert, aria-hidden).
VISIBLE = """
const reach = css => css.split('>>>').map(part => part.trim()).reduce(
  (roots, part, step) => roots.flatMap(root => [...(step ? root.shadowRoot ?? root : root).querySelectorAll(part)]),
  [document]);
const visible = element => {
  if (!element.checkVisibility({visibilityProperty: true, opacityProperty: true})) return false;
  if (element.closest('[inert], [aria-hidden="true"]')) return false;
  const {width, height} = element.getBoundingClientRect();
  return width > 1 && height > 1;
};
"""
_SIGNS_SCRIPT = (
    "(signs) => {"
    + VISIBLE
    + """
  for (const [place, {url, css, text, reject}] of signs.entries()) {
    if (url && !new RegExp(url).test(location.href)) continue;
    if (css) {
      const words = text && new RegExp(text, 'i');
      const found = reach(css).find(element => visible(element) && (!words || words.test(element.innerText ?? '')));
      if (!found) continue;
    }
    return {place, passable: Boolean(reject) && reach(reject).some(visible)};
  }
  return null;
}"""
)
_FIRST_VISIBLE_SCRIPT = "(css) => {" + VISIBLE + " return reach(css).find(visible) ?? null; }"
_COUNT_SCRIPT = (
    "(all) => {" + VISIBLE + " return all.map(css => {const found = reach(css); return [found.length, "
    "found.filter(visible).length];}); }"
)
_STATES_SCRIPT = """
(states) => states.flatMap(({css, name}, place) => {
  if (css) return [...document.querySelectorAll(css)].map(script => [place, script.textContent]);
  return [...document.scripts].filter(script => script.textContent.includes(name))
    .map(script => [place, script.textContent]);
})
"""
_META_SCRIPT = """
() => Object.fromEntries([...document.querySelectorAll('meta[property], meta[itemprop], meta[name]')].map(
  meta => [meta.getAttribute('property') ?? meta.getAttribute('itemprop') ?? meta.name, meta.content]))
"""


async def go(page: Page, address: str, site: str) -> Response | None:
    """Visit an address; its answer as the browser got it.

    Raises:
        PageHung: nothing came in time.
        SiteUnreachable: there is no connection to the site.
    """
    try:
        return await page.goto(address, wait_until="domcontentloaded", timeout=GOTO_TIMEOUT * 1000)
    except PlaywrightTimeout as error:
        raise PageHung(f"{site} did not answer within {GOTO_TIMEOUT:.0f} s") from error
    except Error as error:
        network = re.search(r"net::(ERR_\w+)", str(error))
        if network is None or network[1] == "ERR_ABORTED":  # aborted: the page went elsewhere by itself
            raise
        raise SiteUnreachable(
            f"{site} cannot be reached ({network[1]}); check the connection, then run the same command to go on"
        ) from error


async def sign_on(page: Page, signs: Sequence[Sign]) -> WallSeen | None:
    """The first of the signs that the page shows now."""
    plain = [{"url": sign.url, "css": sign.css, "text": sign.text, "reject": sign.reject} for sign in signs]
    seen = await page.evaluate(_SIGNS_SCRIPT, plain)
    return None if seen is None else WallSeen(wall=signs[seen["place"]].wall, passable=seen["passable"])


async def states_of(page: Page, states: Sequence[State]) -> list[tuple[str, Any]]:
    """The embedded states as (kind, decoded JSON), in page order; what cannot be decoded is left out."""
    plain = [{"css": state.css, "name": state.name} for state in states]
    found: list[tuple[str, Any]] = []
    for place, text in await page.evaluate(_STATES_SCRIPT, plain):
        state = states[place]
        values = assigned(text, state.name) if state.name else [decoded(text)]
        found += [(state.kind, value) for value in values if value is not None]
    return found


async def meta_of(page: Page) -> dict[str, str]:
    """The page's meta elements: property, itemprop or name -> content."""
    found: dict[str, str] = await page.evaluate(_META_SCRIPT)
    return found


async def counts_of(page: Page, selectors: Sequence[str]) -> list[tuple[int, int]]:
    """For each selector how many elements there are, and how many of them are visible."""
    return [(there, seen) for there, seen in await page.evaluate(_COUNT_SCRIPT, list(selectors))]


async def click_visible(page: Page, css: str, timeout: float) -> bool:
    """Click the first visible match, as a person would; False if there is none.

    Args:
        timeout: real seconds for the element to become clickable.

    Raises:
        playwright TimeoutError: it is there but cannot be clicked.
    """
    handle = (await page.evaluate_handle(_FIRST_VISIBLE_SCRIPT, css)).as_element()
    if handle is None:
        return False
    await handle.click(timeout=timeout * 1000)
    return True


async def crash(page: Page) -> None:
    """Kill the page's process, which no page can do to itself (a fault of the sandbox)."""
    with suppress(Error):
        client = await page.context.new_cdp_session(page)
        await client.send("Page.crash")


def matches(url: str, endpoints: Mapping[str, str]) -> str | None:
    """The kind of data behind a network address, where it is one that we listen to."""
    path = re.sub(r"[?#].*", "", url)
    return next((kind for part, kind in endpoints.items() if part in path), None)
