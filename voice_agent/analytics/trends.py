"""How the figures of a caller's saved calls went on: like with like only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from voice_agent.analytics.measure import Frozen, Measure


@dataclass(frozen=True, slots=True)
class SavedMeasures:
    """The figures of one saved call, as the report had them."""

    call_id: str
    agent: str
    started_at: datetime
    language: str
    measures: Sequence[Mapping[str, object]]


class TrendPoint(Frozen):
    call_id: str
    started_at: datetime
    value: float


class Trend(Frozen):
    """One figure over time. `measure` is its newest value, with formula, source and band."""

    agent: str
    language: str
    measure: Measure
    points: tuple[TrendPoint, ...]


def trends(calls: Iterable[SavedMeasures]) -> list[Trend]:
    """`calls`: the oldest first. A figure is compared with itself alone: the same agent, language, formula version and
    unit; values that were not measured are left out, and so is what was measured once."""
    found: dict[tuple[str, str, str, int, str], tuple[Measure, list[TrendPoint]]] = {}
    for call in calls:
        for given in call.measures:
            measure = Measure.model_validate(given)
            if measure.value is None:
                continue
            key = (call.agent, call.language, measure.id, measure.version, measure.unit)
            points = found[key][1] if key in found else []
            points.append(TrendPoint(call_id=call.call_id, started_at=call.started_at, value=measure.value))
            found[key] = (measure, points)
    return [
        Trend(agent=key[0], language=key[1], measure=measure, points=tuple(points))
        for key, (measure, points) in found.items()
        if len(points) > 1
    ]
