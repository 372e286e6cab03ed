"""What every guarded request shares: deadlines on its progress, and what it leaves in metrics and breaker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from prometheus_client import Counter, Histogram

from voice_agent.engines.ports import EngineError
from voice_agent.engines.resilience.attempts import Policy, Step, settle

ERRORS = Counter(
    "voice_provider_errors_total", "Requests to an engine that failed.", labelnames=("provider", "kind", "code")
)
DURATION = Histogram(
    "voice_provider_request_seconds",
    "Duration of requests to an engine that succeeded.",
    labelnames=("provider", "kind"),
    buckets=(0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 8, 15, 30),
)

Kind = Literal["transcription", "language_model", "speech", "moderation"]
Clock = Callable[[], float]
T = TypeVar("T")


def timeout_error() -> EngineError:
    return EngineError("the engine did not answer in time", code="timeout", retryable=True)


def stall_error() -> EngineError:
    return EngineError("the engine stopped in mid-answer", code="stall", retryable=True)


@dataclass(slots=True)
class Request:
    started_at: float
    """May be moved: a transcription is timed from the end of the speech."""


@asynccontextmanager
async def attempted(step: Step[Any], kind: Kind, clock: Clock, policy: Policy) -> AsyncIterator[Request]:
    """Around one attempt: waits for its time; its outcome goes to the breaker and the metrics. A cancelled one
    counts as neither success nor failure."""
    member = step.member
    try:
        if step.delay_s:
            await asyncio.sleep(step.delay_s)
        request = Request(clock())
        yield request
    except EngineError as error:
        ERRORS.labels(member.engine.name, kind, error.code).inc()
        settle(member.breaker, error, clock(), policy)
        raise
    except BaseException:
        member.breaker.abandoned()
        raise
    DURATION.labels(member.engine.name, kind).observe(clock() - request.started_at)
    member.breaker.succeeded()


async def timed(items: AsyncGenerator[T, None], first_s: float, next_s: float) -> AsyncGenerator[T, None]:
    """`items`, where the first must come within `first_s` and each other within `next_s` of being asked for.

    Raises EngineError "timeout" or "stall". Closes `items`, which cancels the work behind them.
    """
    limit_s, late = first_s, timeout_error
    async with aclosing(items):
        while True:
            try:
                async with asyncio.timeout(limit_s):
                    item = await anext(items)
            except StopAsyncIteration:
                return
            except TimeoutError:
                raise late() from None
            yield item
            limit_s, late = next_s, stall_error
