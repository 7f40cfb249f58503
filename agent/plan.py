"""From settings to tasks (D4): which keywords, in which order, how many new shorts of each."""

import hashlib
import json
from dataclasses import dataclass

from agent.deciders.base import Interest
from agent.settings import CrawlSettings
from retrieval.vocabulary import Value, Vocabulary
from storage.chance import shuffled
from storage.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class TaskSpec:
    """One task before it is a row: `quota` new shorts under a keyword, or from one feed."""

    value: str | None
    keyword: str | None
    quota: int


def search_tasks(settings: CrawlSettings, vocabulary: Vocabulary, limit: int) -> list[TaskSpec]:
    """Keywords in seeded order, dealt so that any ten in a row cover ten values where nothing was asked for.

    The limit is spread one short a keyword and round; keywords beyond it stay at quota 0 and take over what a dry
    keyword of their value leaves.

    Raises:
        UsageError: an unknown value, or a keyword that is in no value (and no value was named for it).
    """
    columns = [
        shuffled([(value.id, word) for word in words], settings.seed, "keywords")
        for value, words in _asked_for(settings, vocabulary)
    ]
    columns = shuffled(columns, settings.seed, "values")
    rounds = max(len(column) for column in columns)
    order = [column[row] for row in range(rounds) for column in columns if row < len(column)]
    share, rest = divmod(limit, len(order))
    return [
        TaskSpec(value=value or None, keyword=word, quota=share + (position < rest))
        for position, (value, word) in enumerate(order)
    ]


def _asked_for(settings: CrawlSettings, vocabulary: Vocabulary) -> list[tuple[Value, list[str]]]:
    """The values with the keywords that the command line asks for; all of form A where it asks for nothing."""
    values = [vocabulary.value(name) for name in settings.value] or list(vocabulary.values)
    if not settings.keyword:
        return [(value, [keyword.word for keyword in value.keywords("A")]) for value in values]
    chosen: dict[str, tuple[Value, list[str]]] = {}
    for name in settings.keyword:
        keyword = vocabulary.keyword(name)
        home = next(value for value in vocabulary.values if keyword in value.all_keywords)
        if settings.value and home not in values:
            raise UsageError(
                f"--keyword {name} belongs to the value {home.id}, not to --value {', '.join(settings.value)}; "
                "leave one of the two out"
            )
        chosen.setdefault(home.id, (home, []))[1].append(keyword.word)
    return list(chosen.values())


def feed_tasks(settings: CrawlSettings, vocabulary: Vocabulary, limit: int) -> list[TaskSpec]:
    """One feed, watched with one interest: at most one value and one keyword.

    Raises:
        UsageError: more than one is named.
    """
    if len(settings.value) > 1 or len(settings.keyword) > 1:
        raise UsageError("--mode feed takes one --value or --keyword at most: a feed is watched with one interest")
    value = vocabulary.value(settings.value[0]).id if settings.value else None
    keyword = vocabulary.keyword(settings.keyword[0]).word if settings.keyword else None
    return [TaskSpec(value=value, keyword=keyword, quota=limit)]


def plan_tasks(settings: CrawlSettings, vocabulary: Vocabulary, limit: int) -> list[TaskSpec]:
    """The tasks of one platform."""
    return (search_tasks if settings.mode == "search" else feed_tasks)(settings, vocabulary, limit)


def plan_hash(settings: CrawlSettings, vocabulary: Vocabulary, platform: str, questions: list[str]) -> str:
    """What makes two commands the same plan: everything that decides what is collected and how it is judged."""
    identity = {
        **settings.identity(),
        "platform": platform,
        "platforms": len(settings.platform),
        "vocabulary": vocabulary.sha256,
        "questions": questions,
    }
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()


def interest_of(task_value: str | None, task_keyword: str | None, text: str | None, vocabulary: Vocabulary) -> Interest:
    """What an agent with this task looks for. A free text (`--interest`) stands above keyword and value."""
    if text:
        return Interest(value=task_value, keyword=task_keyword, words=(text,))
    if task_keyword:
        return Interest(value=task_value, keyword=task_keyword, words=(task_keyword,))
    values = [vocabulary.value(task_value)] if task_value else vocabulary.values
    words = tuple(keyword.word for value in values for keyword in value.keywords("A"))
    return Interest(value=task_value, words=words)
