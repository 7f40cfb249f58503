"""Everything that is measured of an arm, each as one number an arm, so that the same statistics serve all of it.

    outcome        judged yes share in the own feed less the yoked feed's, as the persona and out of role
    I_avg          the paper's: the agent's own yes share, last less first
    consistency    share of shorts that express a value the persona was written for
    entropy        of the values in the feed, in bits: 0 where all shorts express one value, 3.32 for ten alike
    agreement      chance that a short which was watched fits the persona better than one which was not (the area under
                   the ROC curve, Hanley and McNeil 1982): 1/2 where the persona plays no part

What a short expresses is what a label source says; every source is a measure of its own, named. The source `query`
(collected under a keyword) is none.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from agent.experiment.intervals import Unit
from agent.experiment.outcomes import Case, change, decided, feed_effect, judged, less, of_phase, share
from agent.experiment.records import ArmRecord, Experiment, Phase, Showing
from storage.records import Verdict

QUERY = "query"
POINTS, SHARE, RELATIVE, BITS, CHANCE = "points", "share", "relative", "bits", "chance"
"""Units: differences of shares, shown in percentage points; shares; a change over what it began with; entropy; a
probability of which 1/2 is chance."""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """What is measured, and how to read it off a case; None where the case does not say."""

    name: str
    title: str
    unit: str
    of: Callable[[Case], Unit | None]
    source: str | None = None
    """The label source that it rests on."""
    tested: bool = True
    """Whether nought is a question: differences and changes."""
    limits: tuple[float, float] = (-1.0, 1.0)
    compared: bool = False
    """Whether strategies, models and feeds are set against each other in it."""

    @property
    def key(self) -> str:
        """Its name, with the label source after an `@`."""
        return self.name if self.source is None else f"{self.name}@{self.source}"


def metrics(experiment: Experiment) -> list[Metric]:
    """All that the experiment's showings can say, the main outcome first."""
    found = [
        Metric(
            name="outcome", title="Judged yes share as the persona, own feed less yoked feed", unit=POINTS,
            of=lambda case: feed_effect(case, case.arm.persona) if case.arm.persona is not None else None,
            compared=True,
        ),
        Metric(
            name="outcome-out-of-role", title="Judged yes share out of role, own feed less yoked feed", unit=POINTS,
            of=lambda case: feed_effect(case, None), compared=True,
        ),
        Metric(
            name="i-avg", title="I_avg: the agent's own yes share, last less first", unit=POINTS, of=change,
            compared=True,
        ),
        Metric(
            name="own-feed", title="Judged yes share as the persona, own feed", unit=SHARE, tested=False,
            limits=(0.0, 1.0),
            of=lambda case: share(judged(case.record, case.arm.persona)) if case.arm.persona is not None else None,
        ),
        Metric(
            name="own-feed-of-pairs", title="Judged yes share as the persona, own feed of arms with a yoked one",
            unit=SHARE, tested=False, limits=(0.0, 1.0),
            of=lambda case: share(judged(case.record, case.arm.persona)) if case.arm.persona and case.yoked else None,
        ),
        Metric(
            name="yoked-feed", title="Judged yes share as the persona, yoked feed", unit=SHARE, tested=False,
            limits=(0.0, 1.0), of=_yoked,
        ),
        Metric(
            name="own-feed-out-of-role", title="Judged yes share out of role, own feed", unit=SHARE, tested=False,
            limits=(0.0, 1.0), of=lambda case: share(judged(case.record, None)),
        ),
        Metric(
            name="first", title="The agent's own yes share, first shorts", unit=SHARE, tested=False,
            limits=(0.0, 1.0), of=lambda case: share(decided(case.record, Phase.TRAINING)),
        ),
        Metric(
            name="last", title="The agent's own yes share, last shorts", unit=SHARE, tested=False,
            limits=(0.0, 1.0), of=lambda case: share(decided(case.record, Phase.EVALUATION)),
        ),
    ]  # fmt: skip
    for source in sources(experiment):
        found += _of_source(source)
    return found


def sources(experiment: Experiment) -> list[str]:
    """Label sources that say what shorts express, the one that speaks of most shorts first."""
    found = Counter(source for record in experiment.arms for shown in record.showings for source in shown.values)
    return sorted((source for source in found if source != QUERY), key=lambda source: (-found[source], source))


def _of_source(source: str) -> list[Metric]:
    span = math.log2(10)

    def consistent(record: ArmRecord, case: Case, phase: Phase = Phase.EVALUATION) -> Unit | None:
        return consistency(of_phase(record, phase), source, case.role.written if case.role else ())

    def disorder(record: ArmRecord, phase: Phase = Phase.EVALUATION) -> Unit | None:
        return entropy(of_phase(record, phase), source)

    def written(case: Case) -> Unit | None:
        return agreement(case.record.showings, source, dict.fromkeys(case.role.written, 1.0)) if case.role else None

    def answered(case: Case) -> Unit | None:
        profile = case.role.centred.get(case.arm.model) if case.role else None
        return agreement(case.record.showings, source, profile) if profile else None

    return [
        Metric(
            name="consistency", title="Persona-consistent share of the feed, last shorts", unit=SHARE, source=source,
            tested=False, limits=(0.0, 1.0), of=lambda case: consistent(case.record, case),
        ),
        Metric(
            name="consistency-change", title="Persona-consistent share of the feed, last less first", unit=POINTS,
            source=source,
            of=lambda case: less(consistent(case.record, case), consistent(case.record, case, Phase.TRAINING)),
        ),
        Metric(
            name="consistency-outcome", title="Persona-consistent share, own feed less yoked feed", unit=POINTS,
            source=source,
            of=lambda case: (
                less(consistent(case.record, case), consistent(case.yoked, case)) if case.yoked else None
            ),
        ),
        Metric(
            name="entropy", title="Value entropy of the feed, last shorts", unit=BITS, source=source, tested=False,
            limits=(0.0, math.inf), of=lambda case: disorder(case.record),
        ),
        Metric(
            name="entropy-change", title="Value entropy of the feed, last less first", unit=BITS, source=source,
            limits=(-span, span),
            of=lambda case: less(disorder(case.record), disorder(case.record, Phase.TRAINING)),
        ),
        Metric(
            name="entropy-outcome", title="Value entropy, own feed less yoked feed", unit=BITS, source=source,
            limits=(-span, span),
            of=lambda case: less(disorder(case.record), disorder(case.yoked)) if case.yoked else None,
        ),
        Metric(
            name="agreement-written", title="Decisions agree with the written persona", unit=CHANCE, source=source,
            tested=False, limits=(0.0, 1.0), of=written,
        ),
        Metric(
            name="agreement-questionnaire", title="Decisions agree with the questionnaire profile", unit=CHANCE,
            source=source, tested=False, limits=(0.0, 1.0), of=answered,
        ),
    ]  # fmt: skip


def _yoked(case: Case) -> Unit | None:
    if case.yoked is None or case.arm.persona is None:
        return None
    return share(judged(case.yoked, case.arm.persona))


def consistency(showings: Iterable[Showing], source: str, values: Sequence[str]) -> Unit | None:
    """Share of the shorts, of those the source speaks of, that express one of the values; None without values."""
    wanted = set(values)
    told = [bool(wanted & one.values[source]) for one in showings if source in one.values]
    return Unit(value=fmean(told), step=1 / len(told)) if told and wanted else None


def entropy(showings: Iterable[Showing], source: str) -> Unit | None:
    """Shannon's entropy in bits of the values expressed, a short of several counting as a part of each.

    Of few shorts it is too small on average; it is compared among equally many only.
    """
    weights = composition(showings, source)
    if not weights:
        return None
    return Unit(value=-sum(weight * math.log2(weight) for weight in weights.values()) + 0.0)


def composition(showings: Iterable[Showing], source: str) -> dict[str, float]:
    """By value, its share of the shorts that express any; a short of several counts as a part of each."""
    weights: dict[str, float] = defaultdict(float)
    for one in showings:
        for value in one.values.get(source, ()):
            weights[value] += 1 / len(one.values[source])
    total = sum(weights.values())
    return {value: weight / total for value, weight in weights.items()}


def agreement(showings: Iterable[Showing], source: str, weights: Mapping[str, float]) -> Unit | None:
    """Chance that a watched short fits better than one that was not, ties counting half; None where all were decided
    alike.

    Args:
        weights: how much each value matters; a short fits as much as its values do on average, one without values 0.
    """
    fits: dict[Verdict, list[float]] = {Verdict.YES: [], Verdict.NO: []}
    for one in showings:
        if source in one.values and one.decision in fits:
            found = [weights.get(value, 0.0) for value in one.values[source]]
            fits[one.decision].append(fmean(found) if found else 0.0)
    yes, no = fits[Verdict.YES], fits[Verdict.NO]
    if not yes or not no:
        return None
    wins = sum((one > other) + (one == other) / 2 for one in yes for other in no)
    return Unit(value=wins / (len(yes) * len(no)))
