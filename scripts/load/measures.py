"""What a load test measures: durations by name, counts by name, and how to read them. Pure; times are arguments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass


def percentile(values: Iterable[float], share: float) -> float | None:
    """Nearest rank: the smallest value that `share` (0-1) of all values do not exceed. None without values."""
    ordered = sorted(values)
    if not ordered:
        return None
    rank = -(-len(ordered) * share // 1)
    return ordered[max(0, int(rank) - 1)]


@dataclass(frozen=True, slots=True)
class Summary:
    """Of one duration, in ms."""

    count: int
    p50: float
    p95: float
    p99: float
    worst: float


class Measures:
    """All of one run. Durations are in s, with the time at which they ended."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._durations: dict[str, list[tuple[float, float]]] = {}

    def duration(self, name: str, seconds: float, at: float) -> None:
        self._durations.setdefault(name, []).append((at, seconds))

    def count(self, name: str) -> None:
        self.counts[name] += 1

    @property
    def names(self) -> list[str]:
        return sorted(self._durations)

    def values(self, name: str, since: float = 0.0, until: float = float("inf")) -> list[float]:
        """Durations that ended within [since, until)."""
        return [seconds for at, seconds in self._durations.get(name, ()) if since <= at < until]

    def summary(self, name: str, since: float = 0.0, until: float = float("inf")) -> Summary | None:
        values = self.values(name, since, until)
        if not values:
            return None
        p50, p95, p99, worst = (1000 * (percentile(values, share) or 0.0) for share in (0.5, 0.95, 0.99, 1.0))
        return Summary(len(values), p50, p95, p99, worst)
