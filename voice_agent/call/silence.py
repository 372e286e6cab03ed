"""What the agent does when nobody says anything: nudges, a warning, the end. Pure; times in s.

The caller's silence begins with the last thing that either of them did.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from voice_agent.call.turn_types import Action, EndIdle, IdleTimeout, Nudge, TurnConfig, WarnIdle

Prompt = Callable[[int], Action]
"""Words of the agent's own into the silence, for the number of the reply that says them."""


class Silence:
    def __init__(self, now: float) -> None:
        self._since = now
        self._nudges_said = 0
        self._warned_at: float | None = None

    def broken(self, now: float) -> None:
        """The caller did something: all begins anew."""
        self._since = now
        self._nudges_said = 0
        self._warned_at = None

    def reply_ended(self, now: float) -> None:
        """The agent has finished. What it said into the silence does not end that."""
        if not self._nudges_said and self._warned_at is None:
            self._since = now

    def judge(self, now: float, config: TurnConfig) -> Prompt | EndIdle | None:
        """What is due, while nobody has the floor."""
        silent = now - self._since
        if self._warned_at is not None and now >= self._warned_at + config.idle_end_s:
            self._warned_at = None
            self._since = now
            return EndIdle()
        if config.idle_warning_s is not None and self._warned_at is None and silent >= config.idle_warning_s:
            self._warned_at = now
            return WarnIdle
        if config.idle_timeout_ms is not None and silent * 1000 >= config.idle_timeout_ms:
            self._since = now
            return IdleTimeout
        nudge_after = self._nudge_after(config)
        if nudge_after is not None and silent >= nudge_after:
            text = config.nudges[self._nudges_said][1]
            self._nudges_said += 1
            return partial(Nudge, text=text)
        return None

    def deadlines(self, config: TurnConfig) -> Iterator[float]:
        """When to judge again."""
        if self._warned_at is not None:
            yield self._warned_at + config.idle_end_s
        elif config.idle_warning_s is not None:
            yield self._since + config.idle_warning_s
        if config.idle_timeout_ms is not None:
            yield self._since + config.idle_timeout_ms / 1000
        nudge_after = self._nudge_after(config)
        if nudge_after is not None:
            yield self._since + nudge_after

    def _nudge_after(self, config: TurnConfig) -> float | None:
        """Seconds of silence until the next nudge; none after the warning, which says more than a nudge could."""
        if self._warned_at is not None or self._nudges_said >= len(config.nudges):
            return None
        return config.nudges[self._nudges_said][0]
