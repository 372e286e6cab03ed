"""What a figure is: its definition (`Metric`) and one value of it (`Measure`), or why there is none.

A figure that could not be measured is never 0. The version changes with the formula, so that trends compare like with
like.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

State = Literal["measured", "not_measured", "not_enough_speech", "not_applicable"]
Rating = Literal["good", "fair", "flag"]


class Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Band(Frozen):
    """What is a good value, and what is worth a word. None: no bound on that side."""

    good_min: float | None = None
    good_max: float | None = None
    flag_below: float | None = None
    flag_above: float | None = None
    flag_from: float | None = None
    """As `flag_above`, the bound included."""

    def rating(self, value: float) -> Rating:
        """Good inside the good range (bounds included), a flag beyond its bound, fair between the two."""
        low = self.flag_below is not None and value < self.flag_below
        high = self.flag_above is not None and value > self.flag_above
        if low or high or (self.flag_from is not None and value >= self.flag_from):
            return "flag"
        enough = self.good_min is None or value >= self.good_min
        not_too_much = self.good_max is None or value <= self.good_max
        return "good" if enough and not_too_much else "fair"


class Measure(Frozen):
    """One figure of one call. `value` is there exactly if `state` is "measured"; `reason` says why it is not."""

    id: str
    version: int
    title: str
    value: float | None
    unit: str
    state: State
    reason: str = ""
    formula: str
    """One plain sentence: how this is computed."""
    source: str
    """Where formula and thresholds come from; "judgement" where they are our own."""
    band: Band | None = None
    rating: Rating | None = None
    """None where there is no value or no band: compare with your own earlier values."""


@dataclass(frozen=True, slots=True)
class Metric:
    """The definition of a figure. `digits`: decimal places that mean something."""

    id: str
    version: int
    title: str
    unit: str
    formula: str
    source: str
    band: Band | None = None
    digits: int = 1

    def measured(self, value: float, *, band: Band | None = None) -> Measure:
        """`band` takes the place of the usual one, where a question or an agent has its own."""
        band = band or self.band
        value = round(value, self.digits) + 0.0  # no negative zero
        return self._measure("measured", value, "", band, band.rating(value) if band else None)

    def absent(self, state: State, reason: str) -> Measure:
        return self._measure(state, None, reason, self.band, None)

    def _measure(
        self, state: State, value: float | None, reason: str, band: Band | None, rating: Rating | None
    ) -> Measure:
        return Measure(
            id=self.id,
            version=self.version,
            title=self.title,
            value=value,
            unit=self.unit,
            state=state,
            reason=reason,
            formula=self.formula,
            source=self.source,
            band=band,
            rating=rating,
        )


@dataclass(frozen=True, slots=True)
class Missing:
    """Why a figure cannot be had."""

    state: State
    reason: str

    def of(self, metric: Metric) -> Measure:
        return metric.absent(self.state, self.reason)
