"""`python -m agent.doctor`: what is there, what is missing, and the command that mends it; `--fix` runs it."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer
from playwright.async_api import Error
from rich.console import Console

from agent import canary, logs
from agent.browser import BROWSER_VARIABLE, BrowserHost
from agent.clock import SystemClock
from agent.platforms import web_platform
from agent.platforms.web import WebPlatform
from agent.profiles import ANONYMOUS, Profile, beside
from agent.settings import CrawlSettings, load_settings
from retrieval.embedders import packaged
from retrieval.endpoint import reachable
from storage import cli
from storage.database import corpus_path
from storage.errors import NotSetUp, UsageError, ValueSpectrumError

app = cli.app("Check this machine, line by line, and mend what can be mended.")

DISK_NEEDED = 2 << 30
"""Bytes; a corpus of 50,000 shorts takes about 2 GiB."""
DISK_SHARE = 0.10

# The system's package, by package manager; run with sudo where the user is not root.
PACKAGES = {
    "apt-get": ["apt-get", "install", "-y", "--no-install-recommends", "chromium", "fonts-dejavu-core"],
    "dnf": ["dnf", "install", "-y", "chromium"],
    "pacman": ["pacman", "-S", "--noconfirm", "chromium"],
    "apk": ["apk", "add", "chromium"],
}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line of the report. `needed` marks what `make collect` cannot do without."""

    name: str
    ok: bool
    text: str
    mend: str | None = None
    needed: bool = True


async def check_python(_: CrawlSettings) -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding(name="python", ok=sys.version_info >= (3, 11), text=f"Python {version}", mend="install Python 3.11+")


async def check_browser(_: CrawlSettings) -> Finding:
    """Starts the browser, since one that is there may still not run."""
    try:
        async with BrowserHost() as host:
            await host.browser()
            assert host.found is not None
            return Finding(name="browser", ok=True, text=f"{host.found.path} {host.version} ({host.found.origin})")
    except NotSetUp as error:
        return Finding(name="browser", ok=False, text=str(error), mend="python -m agent.doctor --fix")


async def check_h264(_: CrawlSettings) -> Finding:
    """The real sites' videos are H.264; the sandbox's are VP8, so only they need it (D11)."""
    mend = f"install Chrome or Chromium, or name one with {BROWSER_VARIABLE}"
    try:
        async with BrowserHost() as host:
            context = await host.context(Profile(id="doctor"))
            page = await context.new_page()
            plays = await page.evaluate(
                "document.createElement('video').canPlayType('video/mp4; codecs=\"avc1.42E01E\"')"
            )
            await context.close()
    except (NotSetUp, Error):
        return Finding(name="h264", ok=False, text="unknown without a browser", mend=mend, needed=False)
    if plays:
        return Finding(name="h264", ok=True, text="the browser plays H.264, as the real sites need", needed=False)
    text = "the browser cannot play H.264: enough for the sandbox, not for the real sites"
    return Finding(name="h264", ok=False, text=text, mend=mend, needed=False)


async def check_model(_: CrawlSettings) -> Finding:
    if packaged.is_built():
        return Finding(name="model", ok=True, text=f"packaged similarity model in {packaged.model_folder()}")
    return Finding(
        name="model", ok=False, text="the packaged similarity model is not built", mend="python -m agent.doctor --fix"
    )


async def check_disk(settings: CrawlSettings) -> Finding:
    folder = _existing(corpus_path(settings.corpus))
    usage = shutil.disk_usage(folder)
    text = f"{usage.free / 2**30:.1f} GiB free for {settings.corpus}"
    enough = usage.free >= DISK_NEEDED and usage.free >= DISK_SHARE * usage.total
    return Finding(name="disk", ok=enough, text=text, mend="free some space or choose another --corpus", needed=False)


def _existing(path: Path) -> Path:
    """The nearest folder above a path that is there."""
    return next(folder for folder in path.absolute().parents if folder.exists())


async def check_key(settings: CrawlSettings) -> Finding:
    if settings.api_key is not None or settings.base_url:
        return Finding(name="key", ok=True, text="an API key or an endpoint is set", needed=False)
    text = "no OPENAI_API_KEY and no --base-url: decisions will come from `similarity`, which knows nouns only"
    return Finding(name="key", ok=False, text=text, mend="export OPENAI_API_KEY=...", needed=False)


async def check_endpoint(settings: CrawlSettings) -> Finding:
    if settings.api_key is None and not settings.base_url:
        return Finding(name="endpoint", ok=True, text="none is asked", needed=False)
    key = settings.api_key.get_secret_value() if settings.api_key else None
    try:
        text = await reachable(settings.base_url, key, settings.model)
    except ValueSpectrumError as error:
        return Finding(name="endpoint", ok=False, text=str(error), mend="check --base-url and the key", needed=False)
    return Finding(name="endpoint", ok=True, text=text, needed=False)


CHECKS: dict[str, Callable[[CrawlSettings], Awaitable[Finding]]] = {
    "python": check_python,
    "browser": check_browser,
    "h264": check_h264,
    "model": check_model,
    "disk": check_disk,
    "key": check_key,
    "endpoint": check_endpoint,
}


def fix_browser(console: Console) -> None:
    """The system's package first (it plays H.264), Playwright's own second.

    Raises:
        NotSetUp: neither could be installed; says what was tried.
    """
    tried = []
    for manager, command in PACKAGES.items():
        if shutil.which(manager) is None:
            continue
        prefix = [] if os.geteuid() == 0 else ["sudo", "-n"]
        steps = [[*prefix, *command]]
        if manager == "apt-get":
            steps.insert(0, [*prefix, "apt-get", "update", "-qq"])
        tried.append(manager)
        if all(_runs(step, console) for step in steps):
            return
    tried.append("playwright")
    if _runs([sys.executable, "-m", "playwright", "install", "chromium"], console):
        return
    raise NotSetUp(
        f"no browser could be installed (tried {', '.join(tried)}); install Chrome or Chromium yourself, or name one "
        f"with {BROWSER_VARIABLE}"
    )


def fix_model(console: Console) -> None:
    console.print("building the packaged similarity model (once, about 100 MB of packages)", highlight=False)
    packaged.build()


FIXES: dict[str, Callable[[Console], None]] = {"browser": fix_browser, "model": fix_model}


def _runs(command: list[str], console: Console) -> bool:
    console.print("$ " + " ".join(command), style="dim", markup=False, highlight=False)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    except OSError:
        return False
    if done.returncode != 0:
        console.print((done.stderr or done.stdout).strip()[-400:], style="dim", markup=False, highlight=False)
    return done.returncode == 0


@app.command()
def doctor(
    fix: Annotated[bool, typer.Option("--fix", help="Install or build what is missing and can be.")] = False,
    only: Annotated[list[str] | None, typer.Option(help=f"Check only these: {', '.join(CHECKS)}.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
    corpus: Annotated[str | None, typer.Option(help="The corpus whose disk is checked.")] = None,
    base_url: Annotated[str | None, typer.Option(help="Endpoint to try.")] = None,
    model: Annotated[str | None, typer.Option(help="Model to ask the endpoint for.")] = None,
    platform: Annotated[str | None, typer.Option(help="What is known of this site, and where from.")] = None,
    live: Annotated[
        bool, typer.Option("--live", help="With --platform: visit it, one search and three shorts.")
    ] = False,
    keyword: Annotated[str, typer.Option(help="With --live: what to search for.")] = "vacation",
    profile: Annotated[str, typer.Option(help="With --live: a login made with agent.login.")] = ANONYMOUS,
) -> int:
    """Say what is there, what is missing, and the command that mends it.

    Exit code 0 if everything that `make collect` needs is there, else 2; with --live 3 if a wall stands before the
    site or its pages are no longer understood.

    Examples:

      python -m agent.doctor

      python -m agent.doctor --fix

      python -m agent.doctor --only browser --only h264 --json

      python -m agent.doctor --platform youtube --live
    """
    unknown = [name for name in only or [] if name not in CHECKS]
    if unknown:
        raise typer.BadParameter(f"{unknown[0]} is none of {', '.join(CHECKS)}", param_hint="--only")
    settings = load_settings(corpus=corpus, base_url=base_url, model=model)
    logs.configure(None)
    if platform is not None:
        return _doctor_site(web_platform(platform), settings, live, keyword, profile, as_json)
    if live:
        raise UsageError("--live needs --platform: youtube, tiktok or instagram")
    console = Console(stderr=as_json)
    findings = []
    for name in only or CHECKS:
        finding = asyncio.run(_call(CHECKS[name], settings))
        if not finding.ok and fix and name in FIXES:
            FIXES[name](console)
            finding = asyncio.run(_call(CHECKS[name], settings))
        findings.append(finding)
        if not as_json:
            _print(console, finding)
    ready = all(finding.ok for finding in findings if finding.needed)
    if as_json:
        print(json.dumps({"ready": ready, "findings": [asdict(finding) for finding in findings]}, indent=2))
    return 0 if ready else NotSetUp.exit_code


def _doctor_site(
    platform: WebPlatform, settings: CrawlSettings, live: bool, keyword: str, profile: str, as_json: bool
) -> int:
    if not live:
        if as_json:
            print(json.dumps([asdict(finding) for finding in canary.selectors_of(platform)], indent=2))
        else:
            canary.print_proof(Console(), platform)
        return 0
    visitor = Profile(id="canary") if profile == ANONYMOUS else Profile.named(platform.name, profile)
    folder = beside(corpus_path(settings.corpus), ".evidence")

    async def visit() -> canary.CanaryReport:
        async with BrowserHost(headless=settings.headless) as host:
            return await canary.visit(platform, keyword, visitor, host, SystemClock(), folder)

    report = asyncio.run(visit())
    print(json.dumps(report.to_json(), indent=2)) if as_json else canary.print_report(Console(), report)
    return report.exit_code


async def _call(check: Callable[[CrawlSettings], Awaitable[Finding]], settings: CrawlSettings) -> Finding:
    return await check(settings)


def _print(console: Console, finding: Finding) -> None:
    mark, style = ("ok", "green") if finding.ok else ("missing" if finding.needed else "note", "yellow")
    if not finding.ok and finding.needed:
        style = "red"
    console.print(f"[{style}]{mark:8}[/{style}] {finding.name:10}", end="")
    console.print(finding.text, markup=False, highlight=False, soft_wrap=True)
    if not finding.ok and finding.mend:
        console.print(f"{'':20}mend: {finding.mend}", markup=False, highlight=False, style="dim", soft_wrap=True)


if __name__ == "__main__":
    cli.run(app)
