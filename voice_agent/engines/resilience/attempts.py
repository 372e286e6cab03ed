"""Which engine to ask next, and when: the decisions behind every wrapper, without clock, randomness or I/O."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from voice_agent.engines.ports import EngineError
from voice_agent.engines.resilience.breaker import CircuitBreaker
from voice_agent.settings import EngineSettings

_OWN_FAULT = frozenset({"400", "413", "422", "client", "refused"})
"""Codes that tell of one request, not of the provider's health."""


class Named(Protocol):
    name: str


E = TypeVar("E", bound=Named)


@dataclass(frozen=True, slots=True)
class Member(Generic[E]):
    """One engine of the list, with the breaker that all calls share for it."""

    engine: E
    breaker: CircuitBreaker


@dataclass(frozen=True, slots=True)
class Policy:
    """When a failed request is made again: once, if the wait ends within `retry_budget_s` of its first start."""

    retry_budget_s: float
    retry_delay_s: float

    @classmethod
    def of(cls, settings: EngineSettings) -> Policy:
        return cls(settings.retry_budget_ms / 1000, settings.retry_delay_ms / 1000)

    def delay_s(self, error: EngineError, elapsed_s: float, jitter: float) -> float | None:
        """Seconds to wait before the retry, None for no retry. `jitter` is in [0, 1): half to one and a half delays,
        so that calls which failed together do not return together."""
        if not error.retryable:
            return None
        delay_s = self.retry_delay_s * (0.5 + jitter)
        if error.retry_after_s is not None:
            delay_s = max(delay_s, error.retry_after_s)
        return delay_s if elapsed_s + delay_s <= self.retry_budget_s else None


def settle(breaker: CircuitBreaker, error: EngineError, now: float, policy: Policy) -> None:
    """Tells the breaker of a failed request. One that is the request's own fault leaves it as it was."""
    if error.code in _OWN_FAULT:
        breaker.abandoned()
        return
    wait_s = error.retry_after_s
    breaker.failed(now, wait_s=wait_s if wait_s is not None and wait_s > policy.retry_budget_s else None)


@dataclass(frozen=True, slots=True)
class Step(Generic[E]):
    member: Member[E]
    delay_s: float = 0.0
    skipped: str = ""
    """Name of the engine before it in the list that this step does not use (failed or shut off); "" if none."""


class Attempts(Generic[E]):
    """The attempts of one request over `members`, in their order. The last is asked even if its breaker is open:
    there is nothing to gain by refusing."""

    def __init__(self, members: Sequence[Member[E]], policy: Policy, jitter: Callable[[], float]) -> None:
        self._members = members
        self._policy = policy
        self._jitter = jitter
        self._index = -1
        self._retried = False
        self._skipped = ""
        self._started_at = 0.0

    def begin(self, now: float) -> Step[E]:
        """The first attempt."""
        step = self._next(now)
        if step is None:
            raise ValueError("no engine to ask")
        return step

    def after(
        self, error: EngineError, now: float, *, delivered: bool, waiting_since: float | None = None
    ) -> Step[E] | None:
        """The attempt after one that failed, None if all are spent. `delivered`: some of its answer was already
        handed on, so that the same engine is not asked again. `waiting_since`: when the caller began to wait, by
        default when this engine was first asked.

        The breaker has been told of the failure before.
        """
        member = self._members[self._index]
        if not self._retried and not delivered:
            self._retried = True
            elapsed_s = now - (self._started_at if waiting_since is None else waiting_since)
            delay_s = self._policy.delay_s(error, elapsed_s, self._jitter())
            if delay_s is not None and member.breaker.allow(now):
                return Step(member, delay_s, self._skipped)
        return self._next(now)

    def _next(self, now: float) -> Step[E] | None:
        skipped = self._members[self._index].engine.name if self._index >= 0 else ""
        for index in range(self._index + 1, len(self._members)):
            member = self._members[index]
            if member.breaker.allow(now) or index == len(self._members) - 1:
                self._index, self._retried, self._skipped, self._started_at = index, False, skipped, now
                return Step(member, skipped=skipped)
            skipped = skipped or member.engine.name
        return None
