import pytest

from agent.questions import WATCH
from retrieval.pricing import Budget, Price, price_of
from storage.errors import BudgetSpent, UsageError


@pytest.mark.parametrize("name", ["gpt-4o", "gpt-4o-2024-08-06", "openai/gpt-4o", "gpt-4o-latest"])
def test_a_model_is_known_by_its_name_its_dated_version_and_a_routers_name(name: str) -> None:
    price = price_of(name)
    assert price is not None
    assert (price.input, price.output) == (2.5, 10.0)


@pytest.mark.parametrize("name", ["gpt-4o-tuned-by-me", "my-model", ""])
def test_a_model_that_is_not_listed_has_no_price(name: str) -> None:
    assert price_of(name) is None


def test_a_given_price_comes_first_and_a_model_of_ones_own_may_cost_nothing() -> None:
    assert price_of("gpt-4o", "1:2.5") == Price(input=1.0, output=2.5, picture=1500)
    own = price_of("my-model", "0:0")
    assert own is not None
    assert own.at_most(WATCH, picture=True) == 0
    budget = Budget(max_cost=0.0)
    budget.reserve(0.0)


@pytest.mark.parametrize("text", ["", "2.5", "2.5:", "a:b", "1:2:3", "-1:2", "nan:1", "inf:1"])
def test_what_is_no_price_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--price"):
        price_of("gpt-4o", text)


def test_an_estimate_is_above_what_a_call_really_costs() -> None:
    price = Price(input=2.5, output=10.0)
    with_picture, without = price.at_most(WATCH, picture=True), price.at_most(WATCH, picture=False)
    assert with_picture - without == pytest.approx(price.cost(price.picture, 0))
    assert without > price.cost(len(WATCH.system.split()) + len(WATCH.prompt.split()), WATCH.max_tokens)


def test_money_spent_before_counts() -> None:
    budget = Budget(max_cost=1.0, spent=0.95)
    budget.reserve(0.04)
    with pytest.raises(BudgetSpent):
        budget.reserve(0.04)
    budget.settle(0.04, 0.001)
    budget.reserve(0.04)
    assert budget.spent == pytest.approx(0.951)
