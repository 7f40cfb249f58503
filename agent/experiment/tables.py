"""The figures of an experiment as CSV: one line an estimate, an arm, a window, or a short that was shown."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from agent.experiment.analysis import Analysis
from agent.experiment.intervals import Estimate
from agent.experiment.outcomes import Condition

CONDITION = ("persona", "strategy", "model", "platform", "recommender", "control")
ESTIMATE = ("estimate", "low", "high", "p", "arms")


def tables(analysis: Analysis) -> dict[str, str]:
    """File names and contents. Shares run from 0 to 1, their differences from -1 to 1."""
    sources = analysis.sources
    metrics = list(dict.fromkeys(name for one in analysis.arms for name in one.figures))
    arm = ("arm", *CONDITION, "replicate", "of")
    shown = ("arm", "position", "phase", "platform_id", "decision", "planned_dwell", "judged_as", "judged")
    return {
        "measures.csv": _csv(("measure", "source", "unit", "rows", *CONDITION, *ESTIMATE), _measures(analysis)),
        "differences.csv": _csv(
            ("measure", "factor", "one", "other", *CONDITION, *ESTIMATE, "p_holm"), _differences(analysis)
        ),
        "arms.csv": _csv((*arm, "state", "cause", "shorts", *metrics), _arms(analysis)),
        "windows.csv": _csv(("measure", "source", "first", "last", "phase", *CONDITION, *ESTIMATE), _windows(analysis)),
        "feeds.csv": _csv(("source", "first", "last", "phase", *CONDITION, "value", "share"), _feeds(analysis)),
        "showings.csv": _csv((*shown, *(f"values_{source}" for source in sources)), _showings(analysis)),
    }


def _measures(analysis: Analysis) -> Iterator[Mapping[str, Any]]:
    for measure in analysis.measures:
        about = {"measure": measure.name, "source": measure.source, "unit": measure.unit}
        for kind, rows in (("condition", measure.rows), ("over personas", measure.pooled)):
            for row in rows:
                yield {**about, "rows": kind, **_condition(row.condition), **_estimate(row.estimate)}


def _differences(analysis: Analysis) -> Iterator[Mapping[str, Any]]:
    for measure in analysis.measures:
        for one in measure.contrasts:
            about = {"measure": measure.name, "factor": one.factor, "one": one.one, "other": one.other}
            yield {**about, **_condition(one.within), **_estimate(one.estimate), "p_holm": one.p_holm}


def _arms(analysis: Analysis) -> Iterator[Mapping[str, Any]]:
    for one in analysis.arms:
        arm = one.arm
        fields = {name: getattr(arm, name) for name in (*CONDITION, "replicate", "of")}
        about = {"state": one.state, "cause": one.cause, "shorts": one.shorts}
        yield {"arm": arm.name, **fields, **about, **one.figures}


def _windows(analysis: Analysis) -> Iterator[Mapping[str, Any]]:
    for line in analysis.lines:
        for window, point in zip(analysis.windows, line.points, strict=True):
            if point is not None:
                about = {"measure": line.kind, "source": line.source, **_window(window)}
                yield {**about, **_condition(line.condition), **_estimate(point)}


def _feeds(analysis: Analysis) -> Iterator[Mapping[str, Any]]:
    for one in analysis.compositions:
        for window, shares in zip(analysis.windows, one.shares, strict=True):
            for value, share in sorted(shares.items()):
                about = {"source": one.source, **_window(window), **_condition(one.condition)}
                yield {**about, "value": value, "share": share}


def _showings(analysis: Analysis) -> Iterator[Mapping[str, Any]]:
    """One line a short, or as many as the judge said things of it."""
    for record in analysis.experiment.arms:
        for shown in record.showings:
            about = {
                "arm": record.arm.name, "position": shown.position, "phase": shown.phase,
                "platform_id": shown.platform_id, "decision": shown.decision, "planned_dwell": shown.planned_dwell,
                **{f"values_{source}": " ".join(sorted(values)) for source, values in shown.values.items()},
            }  # fmt: skip
            for persona, verdict in shown.judged.items() or ((None, None),):
                yield {**about, "judged_as": persona, "judged": verdict}


def _condition(one: Condition) -> dict[str, Any]:
    return {name: getattr(one, name) for name in CONDITION}


def _estimate(one: Estimate) -> dict[str, Any]:
    return {name: getattr(one, name) for name in ESTIMATE}


def _window(window: Any) -> dict[str, Any]:
    return {"first": window.first, "last": window.last, "phase": window.phase}


def _csv(columns: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(columns), lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()
