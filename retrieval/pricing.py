"""What answers cost, and the limit that --max-cost sets. US dollars throughout."""

import math
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from retrieval.question import Question
from storage.errors import BudgetSpent, UsageError

UNKNOWN_PICTURE = 3000
"""Tokens assumed for a picture where a model's own count is not known."""
BYTES_PER_TOKEN = 2.5
"""Fewer than any common tokenizer needs for English or JSON, so that estimates err upwards."""
DATE = re.compile(r"-(\d{4}-?\d{2}-?\d{2}|latest|preview|\d{3})$")


@dataclass(frozen=True, kw_only=True)
class Price:
    """Dollars per million tokens."""

    input: float
    output: float
    picture: int = UNKNOWN_PICTURE
    """Tokens of one picture at most, for estimates."""

    def cost(self, prompt_tokens: int, completion_tokens: int) -> float:
        return (prompt_tokens * self.input + completion_tokens * self.output) / 1e6

    def at_most(self, question: Question, *, picture: int, thinking: int = 0) -> float:
        """What one answer to this question can cost: every token it may use, those of thinking too, and so many
        pictures."""
        asked = len((question.system + question.prompt).encode()) / BYTES_PER_TOKEN + len(str(question.schema))
        return self.cost(math.ceil(asked) + self.picture * picture, question.max_tokens + thinking)


@cache
def _table() -> dict[str, Price]:
    prices = tomllib.loads(files("retrieval").joinpath("prices.toml").read_text(encoding="utf-8"))
    return {name: Price(**entry) for name, entry in prices["models"].items()}


def price_of(model: str, given: str | None = None) -> Price | None:
    """The price of a model: as given on the command line (`IN:OUT`), else from `prices.toml`, else None.

    Raises:
        UsageError: the given price is not two numbers of at least 0.
    """
    known = _table().get(model)
    name = model.rsplit("/", 1)[-1]
    while known is None and DATE.search(name):
        known = _table().get(name := DATE.sub("", name))
    known = known or _table().get(name)
    if given is None:
        return known
    try:
        dollars_in, dollars_out = (float(part) for part in given.split(":"))
    except ValueError:
        dollars_in = dollars_out = -1.0
    if not (0 <= dollars_in < math.inf and 0 <= dollars_out < math.inf):
        raise UsageError(f"--price {given!r} is not IN:OUT; give US dollars per million tokens, as in --price 2.50:10")
    return Price(input=dollars_in, output=dollars_out, picture=known.picture if known else UNKNOWN_PICTURE)


class Budget:
    """A limit on money. Each call first reserves the most it can cost, so calls under way together keep to it too."""

    def __init__(self, max_cost: float | None = None, spent: float = 0.0) -> None:
        """`spent` is what earlier parts of the same run cost already."""
        self.max_cost = max_cost
        self.spent = spent
        self.reserved = 0.0

    def reserve(self, at_most: float) -> None:
        """Set money aside for one call.

        Raises:
            BudgetSpent: the call could exceed the limit; nothing is set aside.
        """
        if self.max_cost is not None and self.spent + self.reserved + at_most > self.max_cost:
            raise BudgetSpent(
                f"--max-cost {self.max_cost:g} is used up: {self.spent:.4f} dollars are spent and the next answer may "
                f"cost {at_most:.4f}; run the same command with a higher --max-cost to go on"
            )
        self.reserved += at_most

    def settle(self, reserved: float, cost: float) -> None:
        """Replace what was set aside for a call by what it cost (0 for a call without an answer)."""
        self.reserved = max(0.0, self.reserved - reserved)
        self.spent += cost
