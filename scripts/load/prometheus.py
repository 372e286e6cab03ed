"""Reads a server's `/metrics`: counters as they are, histograms as what happened between two readings. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_SAMPLE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True, slots=True)
class Histogram:
    """`buckets`: upper bound -> how many were at or below it, as Prometheus counts them."""

    buckets: Mapping[float, float]

    def __sub__(self, before: Histogram) -> Histogram:
        return Histogram({bound: count - before.buckets.get(bound, 0.0) for bound, count in self.buckets.items()})

    @property
    def count(self) -> float:
        return self.buckets.get(float("inf"), 0.0)

    def quantile(self, share: float) -> float | None:
        """Linear within the bucket, as Prometheus' own `histogram_quantile`. None where nothing happened."""
        rank, below, lower = self.count * share, 0.0, 0.0
        if not self.count:
            return None
        for bound, count in sorted(self.buckets.items()):
            if count >= rank and count > below:
                if bound == float("inf"):
                    return lower
                return lower + (bound - lower) * (rank - below) / (count - below)
            below, lower = count, bound
        return lower


class Reading:
    """One answer of `/metrics`."""

    def __init__(self, text: str = "") -> None:
        self._samples: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
        for name, labels, value in _SAMPLE.findall(text):
            self._samples[name, frozenset(_LABEL.findall(labels))] = float(value)

    def value(self, name: str, **labels: str) -> float | None:
        return self._samples.get((name, frozenset(labels.items())))

    def histogram(self, name: str, **labels: str) -> Histogram:
        """Empty where the server has none of this name."""
        wanted = set(labels.items())
        buckets: dict[float, float] = {}
        for (sample, found), value in self._samples.items():
            bound = dict(found).get("le")
            if sample == f"{name}_bucket" and bound is not None and found - {("le", bound)} == wanted:
                buckets[float(bound)] = value
        return Histogram(buckets)
