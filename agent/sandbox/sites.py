"""Several sandbox sites in one corpus: `sandbox` is the site of `--sandbox-seed`, `sandbox-2` the one of seed 2."""

import re

NAME = "sandbox"
"""Also the name of the one site where nobody asked for several."""


def is_sandbox(platform: str) -> bool:
    """Whether a platform's name is that of a sandbox site."""
    return platform == NAME or seed_of(platform) is not None


def seed_of(platform: str) -> int | None:
    """The seed that a site's name carries; None where it carries none."""
    found = re.fullmatch(rf"{NAME}-(0|[1-9]\d*)", platform)
    return int(found[1]) if found else None
