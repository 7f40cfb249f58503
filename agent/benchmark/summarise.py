"""From answers to the summary: calls every statistic once, and adds nothing of its own but the choice of examples."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from statistics import median
from typing import Protocol, TypeVar

from agent.benchmark.bias import biases
from agent.benchmark.choices import preferences
from agent.benchmark.circle import against_circle, group_of, in_circle
from agent.benchmark.compare import (
    Comparison,
    compare_control,
    compare_modalities,
    compare_models,
    compare_values,
    holm,
)
from agent.benchmark.facts import Facts, ValueName
from agent.benchmark.paper import beside, paper
from agent.benchmark.planning import Design, alternatives
from agent.benchmark.records import Answer, Choice, Modality, Slot
from agent.benchmark.reliability import between_wordings, parallel_forms, retest
from agent.benchmark.scores import PAPER_WORDINGS, means_over_models, scores, spreads
from agent.benchmark.summary import (
    BenchmarkSummary,
    Counted,
    Example,
    ExampleAnswer,
    Published,
    Rank,
    Ranking,
    Remarks,
    Spoken,
    Table,
)
from agent.benchmark.tally import Condition, Counts
from agent.benchmark.variance import variance_components
from storage.chance import draw
from storage.records import Verdict

EXAMPLES = 2
"""Pictures shown for each value."""
SURE = 0.05
HALF_WIDTH = 0.1
"""Of an interval that a further study may want."""


class Conditioned(Protocol):
    """What has a condition."""

    @property
    def condition(self) -> Condition: ...


Row = TypeVar("Row", bound=Conditioned)


def summarise(
    answers: Sequence[Answer],
    choices: Sequence[Choice],
    facts: Facts,
    *,
    compare_paper: bool = False,
    remarks: Iterable[Remarks] = (),
) -> BenchmarkSummary:
    """Everything a report shows.

    Args:
        compare_paper: set the run beside the published tables.
        remarks: what models said of pictures in words, for the examples.
    """
    seed = facts.seed
    order = _Order([model.name for model in facts.models])
    tables = _tables(answers, seed, order)
    main = tables[0] if tables else None
    of_main = [one for one in answers if main is not None and _in(main, one)]
    shown = {one.slot for one in of_main}
    between = compare_values(of_main, seed=seed, pairs=facts.declared_values)
    # Descriptions are asked about in one wording only: other wordings would pass for a difference of modality.
    in_paper_wording = [one for one in answers if one.wording in PAPER_WORDINGS]
    return BenchmarkSummary(
        facts=facts,
        values=_names(facts, answers, choices),
        models=tuple(model.name for model in facts.models),
        counted=Counted(
            models=len(facts.models),
            values=len({slot.value for slot in shown if slot.value}),
            keywords=len({(slot.value, slot.keyword) for slot in shown}),
            slots=len(shown),
            pictures=len({slot.picture for slot in shown}),
            answers=len(answers),
            choices=len(choices),
        ),
        variance=order.sorted(variance_components(answers)),
        tables=tuple(tables),
        spoken=tuple(_spoken(main)) if main else (),
        rankings=tuple(_rankings(main, between)) if main else (),
        between_values=tuple(between),
        between_models=tuple(compare_models(of_main, seed=seed, pairs=facts.declared_models)),
        between_models_by_value=tuple(compare_models(of_main, seed=seed, pairs=(), each_value=True)),
        against_control=tuple(
            one for one in compare_control(answers, declared=facts.declared_control) if one.condition.form == "A"
        ),
        modality=order.sorted(compare_modalities(in_paper_wording, seed=seed, declared=facts.declared_modality)),
        modality_by_value=order.sorted(
            compare_modalities(in_paper_wording, seed=seed, declared=False, each_value=True)
        ),
        designs=tuple(_designs(main)) if main else (),
        biases=order.sorted(biases(answers)),
        parallel=order.sorted(parallel_forms(answers)),
        retest=order.sorted(retest(answers, seed=seed)),
        wordings=order.sorted(between_wordings(answers, seed=seed)),
        preferences=tuple(sorted(preferences(choices), key=lambda one: order.place(one.model))),
        circle=against_circle(_percent(main, of_paper=False), seed=seed) if main else None,
        published=_published(main, seed) if compare_paper and main else None,
        examples=tuple(_examples(of_main, remarks, seed)),
    )


class _Order:
    """Pictures of form A first; models as the plan lists them."""

    def __init__(self, models: Sequence[str]) -> None:
        self._places = {model: place for place, model in enumerate(models)}

    def place(self, model: str) -> tuple[int, str]:
        return self._places.get(model, len(self._places)), model

    def shown(self, one: Table | Condition) -> tuple[bool, bool, bool, str]:
        return (
            one.form != "A",
            one.modality is not Modality.IMAGE,
            one.picture_kind != "screen",
            f"{one.form}{one.captioner}",
        )

    def sorted(self, rows: Iterable[Row]) -> tuple[Row, ...]:
        return tuple(sorted(rows, key=lambda row: (self.shown(row.condition), self.place(row.condition.model))))


def _names(facts: Facts, answers: Iterable[Answer], choices: Iterable[Choice]) -> tuple[ValueName, ...]:
    known = {value.id: value for value in facts.values}
    chosen = (slot.value for one in choices for slot in (one.first, one.second))
    seen = [*known, *(one.slot.value for one in answers), *chosen]
    return tuple(
        ValueName(
            id=value,
            name=known[value].name if value in known else value,
            abbreviation=known[value].abbreviation if value in known else value[:3].upper(),
            group=group_of(value),
        )
        for value in in_circle(seen)
        if value
    )


def _tables(answers: Sequence[Answer], seed: int, order: _Order) -> list[Table]:
    """The main table first, then its verified slots, then the other conditions."""
    found: list[Table] = []
    for verified in (False, True):
        rows = scores(answers, seed=seed, verified=verified)
        means = means_over_models(answers, verified=verified)
        deviations = spreads(answers, verified=verified)
        for shared in dict.fromkeys(replace(row.condition, model="") for row in rows):
            of_table = tuple(row for row in rows if replace(row.condition, model="") == shared)
            found.append(
                Table(
                    modality=shared.modality,
                    captioner=shared.captioner,
                    picture_kind=shared.picture_kind,
                    form=shared.form,
                    verified=verified,
                    models=tuple(sorted({row.condition.model for row in of_table}, key=order.place)),
                    values=tuple(in_circle(row.value for row in of_table)),
                    scores=of_table,
                    means=tuple(mean for mean in means if mean.condition == shared),
                    spreads=tuple(one for one in deviations if replace(one.condition, model="") == shared),
                )
            )
    return sorted(found, key=lambda table: (*order.shown(table), table.verified))


def _in(table: Table, answer: Answer) -> bool:
    return (answer.modality, answer.captioner, answer.picture_kind, answer.slot.form) == (
        table.modality, table.captioner, table.picture_kind, table.form,
    )  # fmt: skip


def _percent(table: Table, *, of_paper: bool) -> dict[str, dict[str, float]]:
    """By model and value: the paper's percentages, or our own scores as shares."""
    found: dict[str, dict[str, float]] = {model: {} for model in table.models}
    for row in table.scores:
        number = row.paper if of_paper else None if row.score is None else row.score.estimate
        if number is not None:
            found[row.condition.model][row.value] = number
    return found


def _rankings(table: Table, between: Sequence[Comparison]) -> Iterator[Ranking]:
    """Places with intervals that hold for all values of a model at once (Mohamad and others 2019, with Holm)."""
    for model in table.models:
        scored = [row for row in table.scores if row.condition.model == model and row.score is not None and row.value]
        pairs = [one for one in between if one.condition.model == model]
        above, below = Counter[str](), Counter[str]()
        for pair, chance in zip(pairs, holm([one.p for one in pairs]), strict=True):
            if chance < SURE:
                liked, other = (pair.one, pair.other) if pair.difference.estimate > 0 else (pair.other, pair.one)
                above[other] += 1
                below[liked] += 1
        estimates = [row.score.estimate for row in scored if row.score]
        ranks = [
            Rank(
                value=row.value,
                score=row.score,
                place=1 + sum(one > row.score.estimate for one in estimates),
                best=1 + above[row.value],
                worst=len(scored) - below[row.value],
            )
            for row in scored
            if row.score
        ]
        yield Ranking(model=model, ranks=tuple(sorted(ranks, key=lambda one: one.place)))


def _designs(table: Table) -> list[Design]:
    found = [row.correlation for row in table.scores if row.correlation is not None]
    return alternatives(HALF_WIDTH, correlation=median(found)) if found else []


def _spoken(table: Table) -> Iterator[Spoken]:
    for model in table.models:
        counts = sum((row.counts for row in table.scores if row.condition.model == model), Counts())
        yield Spoken(
            model=model,
            counts=counts,
            total=counts.total,
            refused=counts.refused / counts.total,
            unreadable=counts.unreadable / counts.total,
        )


def _published(table: Table, seed: int) -> Published:
    known = paper()
    return Published(
        citation=known.citation,
        source=known.source,
        unit=known.unit,
        notes=known.notes,
        beside=beside(_percent(table, of_paper=True)),
        circle=against_circle({model.name: model.scores for model in known.models}, seed=seed),
    )


def _examples(answers: Iterable[Answer], remarks: Iterable[Remarks], seed: int) -> Iterator[Example]:
    """Drawn from all pictures of a value, whatever was said of them."""
    said: dict[Slot, dict[str, dict[Verdict, int]]] = {}
    for one in answers:
        said.setdefault(one.slot, {}).setdefault(one.model, dict.fromkeys(Verdict, 0))[one.verdict] += 1
    words = {(one.model, one.picture): one for one in remarks}
    for value in in_circle(slot.value for slot in said):
        of_value = [slot for slot in said if slot.value == value]
        for slot in sorted(of_value, key=lambda slot: draw(seed, "example", f"{slot.keyword}/{slot.rank}"))[:EXAMPLES]:
            told = []
            for model, counts in said[slot].items():
                remark = words.get((model, slot.picture))
                told.append(
                    ExampleAnswer(
                        model=model,
                        counts=Counts(**{verdict.value: number for verdict, number in counts.items()}),
                        why=remark.why if remark else None,
                        description=remark.description if remark else None,
                    )
                )
            yield Example(slot=slot, answers=tuple(told))
