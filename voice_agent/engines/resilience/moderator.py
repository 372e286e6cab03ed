"""A moderator that always has a verdict, as long as one of its engines does."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence

from voice_agent.engines.ports import EngineError, Moderator, Verdict
from voice_agent.engines.resilience.attempts import Attempts, Member, Policy
from voice_agent.engines.resilience.requests import Clock, attempted, timeout_error
from voice_agent.settings import EngineSettings


class ResilientModerator:
    def __init__(
        self,
        members: Sequence[Member[Moderator]],
        settings: EngineSettings,
        *,
        clock: Clock = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.name = members[0].engine.name
        self._members = members
        self._policy = Policy.of(settings)
        self._timeout_s = settings.moderator_timeout_s
        self._clock = clock
        self._jitter = jitter

    async def check(self, text: str) -> Verdict:
        """The verdict of the first engine that gives one in time. Raises EngineError when none does."""
        attempts = Attempts(self._members, self._policy, self._jitter)
        step = attempts.begin(self._clock())
        while True:
            try:
                async with attempted(step, "moderation", self._clock, self._policy):
                    return await self._checked(step.member.engine, text)
            except EngineError as error:
                following = attempts.after(error, self._clock(), delivered=False)
                if following is None:
                    raise
                step = following

    async def aclose(self) -> None:
        """Nothing of its own."""

    async def _checked(self, engine: Moderator, text: str) -> Verdict:
        try:
            async with asyncio.timeout(self._timeout_s):
                return await engine.check(text)
        except TimeoutError:
            raise timeout_error() from None
