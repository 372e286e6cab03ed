"""A load test's result as text: tables for a terminal. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scripts.load.observer import Point
from scripts.load.outcome import Outcome

NOT_AVAILABLE = "not available"


@dataclass(slots=True)
class Result:
    """One whole run."""

    options: Mapping[str, Any]
    latency: str
    """The duration that stands for "how fast": voice_to_voice or whole_text."""
    base_rss_mb: float | None = None
    """Of the server after one call that has ended: what it loads once is nobody's."""
    outcomes: list[Outcome] = field(default_factory=list)
    verdicts: list[str] = field(default_factory=list)
    """Why each outcome was not good enough; empty where it was. Only in a search."""
    found: int | None = None
    """The calls that one core holds, where that was asked for."""
    points: list[Point] = field(default_factory=list)
    failures: Mapping[str, int] = field(default_factory=dict)
    slipped_ms: float = 0.0
    """How far the generator itself fell behind at worst."""

    @property
    def best(self) -> Outcome | None:
        """The outcome that the summary is about: of the calls found, or the last."""
        if self.found is not None:
            return next((each for each in self.outcomes if each.calls == self.found), None)
        return self.outcomes[-1] if self.outcomes else None

    def as_json(self) -> dict[str, Any]:
        return {
            "options": dict(self.options),
            "latency": self.latency,
            "base_rss_mb": self.base_rss_mb,
            "outcomes": [outcome.as_json() for outcome in self.outcomes],
            "verdicts": self.verdicts,
            "found": self.found,
            "failures": dict(self.failures),
            "slipped_ms": self.slipped_ms,
            "points": [point.as_json() for point in self.points],
        }


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns as wide as they need to be: the first to the left, the others to the right."""
    lines = [header, *rows]
    widths = [max(len(line[index]) for line in lines) for index in range(len(header))]
    return "\n".join(
        "  ".join(
            [line[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True))]
        )
        for line in lines
    )


def number(value: float | None, digits: int = 0, unit: str = "") -> str:
    return NOT_AVAILABLE if value is None else f"{value:,.{digits}f}{unit}"


def duration_rows(outcome: Outcome) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [
        (
            name.replace("_", " "),
            str(each.count),
            number(each.p50),
            number(each.p95),
            number(each.p99),
            number(each.worst),
        )
        for name, each in outcome.durations.items()
    ]
    rows += [
        (f"server: {name}", "", number(p50), number(p95), "", "") for name, (p50, p95) in outcome.stages_ms.items()
    ]
    return rows


def fact_rows(result: Result, outcome: Outcome) -> list[tuple[str, str]]:
    per_call_kb = None
    if outcome.rss_mb is not None and result.base_rss_mb is not None and outcome.calls:
        per_call_kb = (outcome.rss_mb - result.base_rss_mb) / outcome.calls * 1024
    facts = [
        ("calls", str(outcome.calls)),
        ("measured for", number(outcome.seconds, unit=" s")),
        ("server: processor", number(outcome.server_cpu, 2, " cores")),
        ("server: per call", number(outcome.cpu_per_call, 5, " CPU-s per s")),
        ("server: loop lag p50", number(outcome.lag_p50_ms, 1, " ms")),
        ("server: loop lag p99", number(outcome.lag_p99_ms, 1, " ms")),
        ("server: memory", number(outcome.rss_mb, unit=" MB")),
        ("server: memory per call", number(per_call_kb, unit=" kB")),
        ("packets sent", number(outcome.packets_sent)),
        ("packets received", number(outcome.packets_received)),
        ("of these late", number(outcome.packets_late)),
        ("packets lost", number(outcome.packets_lost)),
        ("failures", str(outcome.failures)),
        ("callers: processor", number(outcome.generator_cpu, 2, " cores")),
        ("callers: worst delay", number(result.slipped_ms, unit=" ms")),
    ]
    if outcome.helpers_cpu:
        facts.append(("provider and database", number(outcome.helpers_cpu, 2, " cores")))
    return facts


def step_rows(result: Result) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for outcome, verdict in zip(result.outcomes, result.verdicts, strict=True):
        latency = outcome.durations.get(result.latency)
        rows.append(
            (
                str(outcome.calls),
                number(outcome.server_cpu, 2),
                number(outcome.lag_p99_ms, 1),
                number(latency.p50 if latency else None),
                number(latency.p95 if latency else None),
                str(outcome.failures),
                verdict or "held",
            )
        )
    return rows


STEP_HEADER = ("calls", "cores", "lag p99 ms", "p50 ms", "p95 ms", "failures", "verdict")
DURATION_HEADER = ("ms", "count", "p50", "p95", "p99", "worst")


def as_text(result: Result) -> str:
    parts: list[str] = []
    if result.found is not None:
        parts.append(table(STEP_HEADER, step_rows(result)))
        parts.append(
            f"One core holds {result.found} calls." if result.found else "Not even the first number of calls held."
        )
    outcome = result.best
    if outcome is not None:
        parts.append(table(DURATION_HEADER, duration_rows(outcome)))
        parts.append(table(("", ""), fact_rows(result, outcome)).lstrip())
    if result.failures:
        parts.append(
            table(("failures of the whole run", ""), [(k, str(v)) for k, v in sorted(result.failures.items())])
        )
    return "\n\n".join(parts)
