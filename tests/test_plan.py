"""From settings to tasks: balance, order, shares, identity."""

from collections import Counter

import pytest

from agent.plan import feed_tasks, interest_of, plan_hash, plan_tasks, search_tasks
from agent.settings import load_settings
from retrieval.vocabulary import load_vocabulary
from storage.errors import UsageError

VOCABULARY = load_vocabulary()


def test_a_crawl_stopped_after_any_ten_tasks_has_touched_ten_values_once_each() -> None:
    tasks = search_tasks(load_settings(), VOCABULARY, 100)
    assert len(tasks) == 100
    for start in range(0, 100, 10):
        assert len({task.value for task in tasks[start : start + 10]}) == 10


def test_the_limit_is_dealt_one_short_a_round() -> None:
    for limit in (1, 30, 100, 130, 1000):
        quotas = [task.quota for task in search_tasks(load_settings(), VOCABULARY, limit)]
        assert sum(quotas) == limit
        assert max(quotas) - min(quotas) <= 1
        assert quotas == sorted(quotas, reverse=True)


def test_another_seed_deals_another_order_and_the_same_seed_the_same() -> None:
    def words(seed: int) -> list[str | None]:
        return [task.keyword for task in search_tasks(load_settings(seed=seed), VOCABULARY, 100)]

    assert words(1) == words(1)
    assert words(1) != words(2)
    assert Counter(words(1)) == Counter(words(2))


def test_a_keyword_brings_its_value_along_and_must_agree_with_a_named_value() -> None:
    tasks = plan_tasks(load_settings(keyword=["vacation"]), VOCABULARY, 5)
    assert [(task.value, task.keyword, task.quota) for task in tasks] == [("hedonism", "vacation", 5)]
    with pytest.raises(UsageError, match="belongs to the value hedonism"):
        plan_tasks(load_settings(keyword=["vacation"], value=["power"]), VOCABULARY, 5)


def test_unknown_names_are_refused() -> None:
    for asked in ({"value": ["greed"]}, {"keyword": ["zzz"]}):
        with pytest.raises(UsageError):
            plan_tasks(load_settings(**asked), VOCABULARY, 5)


def test_a_feed_is_watched_with_one_interest() -> None:
    (task,) = feed_tasks(load_settings(mode="feed", value=["HED"]), VOCABULARY, 7)
    assert (task.value, task.keyword, task.quota) == ("hedonism", None, 7)
    with pytest.raises(UsageError, match="one interest"):
        feed_tasks(load_settings(mode="feed", value=["HED", "POW"]), VOCABULARY, 7)


def test_an_interest_is_the_free_text_else_the_keyword_else_the_values_words_else_all_words() -> None:
    assert interest_of("hedonism", "vacation", "boats", VOCABULARY).words == ("boats",)
    assert interest_of("hedonism", "vacation", None, VOCABULARY).words == ("vacation",)
    assert len(interest_of("hedonism", None, None, VOCABULARY).words) == 10
    assert len(interest_of(None, None, None, VOCABULARY).words) == 100


def test_a_plan_is_another_one_when_anything_changes_that_decides_what_is_collected() -> None:
    def identity(**given: object) -> str:
        return plan_hash(load_settings(**given), VOCABULARY, "sandbox", ["watch@1"])

    assert identity() == identity(corpus="b.sqlite")
    different = [identity(), identity(seed=2), identity(limit=7), identity(mode="feed"), identity(decider="never")]
    different.append(plan_hash(load_settings(), VOCABULARY, "sandbox", ["watch@2"]))
    assert len(set(different)) == len(different)
