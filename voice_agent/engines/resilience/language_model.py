"""A language model whose replies go on when the provider does not.

provider:  "I would first"  ✗ cut
consumer:  "I would first"  Switched(partial=True)  "Tell me about …"  Finished
fallback:                                           "Tell me about …"  Finished
"""

from __future__ import annotations

import random
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from voice_agent.engines.ports import (
    EngineError,
    Finished,
    LanguageModel,
    ReplyEvent,
    ReplyRequest,
    Switched,
    TextDelta,
    ToolCall,
)
from voice_agent.engines.resilience.attempts import Attempts, Member, Policy, Step
from voice_agent.engines.resilience.requests import Clock, attempted, timed
from voice_agent.settings import EngineSettings


@dataclass(slots=True)
class _Delivered:
    """What the consumer of this reply has got."""

    text: bool = False
    tool_calls: bool = False
    finished: bool = False

    def note(self, event: ReplyEvent) -> None:
        self.text = self.text or isinstance(event, TextDelta)
        self.tool_calls = self.tool_calls or isinstance(event, ToolCall)
        self.finished = self.finished or isinstance(event, Finished)

    @property
    def anything(self) -> bool:
        return self.text or self.tool_calls or self.finished


class ResilientLanguageModel:
    def __init__(
        self,
        members: Sequence[Member[LanguageModel]],
        settings: EngineSettings,
        *,
        clock: Clock = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.name = members[0].engine.name
        self._members = members
        self._policy = Policy.of(settings)
        self._first_s = settings.language_model_first_token_timeout_s
        self._stall_s = settings.language_model_stall_timeout_s
        self._clock = clock
        self._jitter = jitter

    async def reply(self, request: ReplyRequest) -> AsyncGenerator[ReplyEvent, None]:
        """Streams one reply. Before the events of an engine that took over comes `Switched`; a tool call is never
        repeated. Raises EngineError when every engine failed."""
        attempts = Attempts(self._members, self._policy, self._jitter)
        step = attempts.begin(self._clock())
        delivered = _Delivered()
        while True:
            try:
                async with aclosing(self._attempt(step, request, delivered)) as events:
                    async for event in events:
                        yield event
                return
            except EngineError as error:
                if delivered.tool_calls:
                    # The tools run on what was asked; another engine would ask for them again.
                    yield Finished("tool_calls")
                    return
                following = attempts.after(error, self._clock(), delivered=delivered.anything)
                if following is None:
                    raise
                step = following

    async def aclose(self) -> None:
        """Nothing of its own."""

    async def _attempt(
        self, step: Step[LanguageModel], request: ReplyRequest, delivered: _Delivered
    ) -> AsyncGenerator[ReplyEvent, None]:
        engine = step.member.engine
        announced = not step.skipped
        async with attempted(step, "language_model", self._clock, self._policy):
            try:
                async with aclosing(timed(engine.reply(request), self._first_s, self._stall_s)) as events:
                    async for event in events:
                        if not announced:
                            announced = True
                            yield Switched(step.skipped, engine.name, partial=delivered.text)
                        delivered.note(event)
                        yield event
            except EngineError:
                # Behind Finished only the usage figures were still to come.
                if not delivered.finished:
                    raise
