"""What one stretch of a load test with a constant number of calls has shown, and whether that is good enough. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from scripts.load.measures import Measures, Summary
from scripts.load.observer import SERVER_STAGES, Snapshot, lag_ms, rss_mb, server_cpu, stage_ms

_FAILURE_SHARE = 0.01


@dataclass(frozen=True, slots=True)
class Bounds:
    """What must hold for a number of calls to count as carried. In ms."""

    lag_p99_ms: float
    latency_p95_ms: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """Server figures are None where its metrics are out of reach."""

    calls: int
    seconds: float
    durations: dict[str, Summary]
    failures: int
    packets_sent: int
    packets_received: int
    packets_lost: int
    packets_late: int
    generator_cpu: float
    helpers_cpu: float
    server_cpu: float | None
    """Cores."""
    cpu_per_call: float | None
    """CPU-s of the server per second of a call."""
    lag_p50_ms: float | None
    lag_p99_ms: float | None
    rss_mb: float | None
    stages_ms: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Of the server's own: stage -> (p50, p95)."""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def complaints(self, latency: str, bounds: Bounds) -> list[str]:
        """Which bounds were broken. `latency` names the duration that is bounded; nothing measured breaks it too."""
        found: list[str] = []
        measured = self.durations.get(latency)
        if measured is None:
            found.append("no answer was measured")
        elif measured.p95 > bounds.latency_p95_ms:
            found.append(f"{latency} p95 {measured.p95:.0f} ms > {bounds.latency_p95_ms:.0f}")
        if self.lag_p99_ms is not None and self.lag_p99_ms > bounds.lag_p99_ms:
            found.append(f"loop lag p99 {self.lag_p99_ms:.1f} ms > {bounds.lag_p99_ms:.0f}")
        turns = measured.count if measured else 0
        if self.failures > turns * _FAILURE_SHARE:
            found.append(f"{self.failures} failures in {turns} turns")
        return found


def between(before: Snapshot, now: Snapshot, measures: Measures, *, calls: int, failures: int) -> Outcome:
    """`failures`: how many happened in between."""
    seconds = now.at - before.at
    cpu = server_cpu(before, now)
    call_seconds = now.call_seconds - before.call_seconds
    summaries = {name: measures.summary(name, before.at, now.at) for name in measures.names}
    stages = {stage: (stage_ms(before, now, stage, 0.5), stage_ms(before, now, stage, 0.95)) for stage in SERVER_STAGES}
    sent, received, lost, late = (after - past for after, past in zip(now.traffic, before.traffic, strict=True))
    return Outcome(
        calls=calls,
        seconds=seconds,
        durations={name: summary for name, summary in summaries.items() if summary},
        failures=failures,
        packets_sent=sent,
        packets_received=received,
        packets_lost=lost,
        packets_late=late,
        generator_cpu=(now.generator_cpu_s - before.generator_cpu_s) / seconds,
        helpers_cpu=(now.helpers_cpu_s - before.helpers_cpu_s) / seconds,
        server_cpu=cpu,
        cpu_per_call=cpu * seconds / call_seconds if cpu is not None and call_seconds else None,
        lag_p50_ms=lag_ms(before, now, 0.5),
        lag_p99_ms=lag_ms(before, now, 0.99),
        rss_mb=rss_mb(now),
        stages_ms={name: (p50, p95) for name, (p50, p95) in stages.items() if p50 is not None and p95 is not None},
    )
