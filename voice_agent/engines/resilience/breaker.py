"""A circuit breaker as a value: no clock of its own, no locks, no I/O."""

from __future__ import annotations

from enum import Enum


class BreakerState(Enum):
    CLOSED = "closed"
    """Requests pass."""
    OPEN = "open"
    """Requests are refused until the reset time."""
    HALF_OPEN = "half-open"
    """The reset time has come: one request, the probe, may pass and decides."""


class CircuitBreaker:
    """Opens after `failures` failures in a row and stays so for `reset_s`. Times are seconds on one monotonic clock.

    Each True of `allow` is answered by exactly one of `succeeded`, `failed` and `abandoned`.
    """

    def __init__(self, failures: int, reset_s: float) -> None:
        self._limit = failures
        self._reset_s = reset_s
        self._failures = 0
        self._closed_until_failure = True
        self._retry_at = 0.0
        self._probing = False

    def state(self, now: float) -> BreakerState:
        if self._closed_until_failure:
            return BreakerState.CLOSED
        return BreakerState.OPEN if now < self._retry_at else BreakerState.HALF_OPEN

    def allow(self, now: float) -> bool:
        """Whether a request may be made. In the half-open state the first to ask becomes the probe."""
        state = self.state(now)
        if state is BreakerState.HALF_OPEN and not self._probing:
            self._probing = True
            return True
        return state is BreakerState.CLOSED

    def succeeded(self) -> None:
        self._failures = 0
        self._closed_until_failure = True
        self._probing = False

    def failed(self, now: float, *, wait_s: float | None = None) -> None:
        """`wait_s`: the provider asked to be left alone for so long; it is, up to the reset time."""
        self._failures += 1
        probe, self._probing = self._probing, False
        if wait_s is not None or probe or self._failures >= self._limit:
            self._closed_until_failure = False
            self._retry_at = now + (self._reset_s if wait_s is None else min(wait_s, self._reset_s))

    def abandoned(self) -> None:
        """The request was cancelled by the caller and says nothing of the provider."""
        self._probing = False
