"""A turn machine and its clock, for tests by tables of (time, event)."""

from __future__ import annotations

from collections.abc import Iterable

from voice_agent.call.turn_types import (
    Action,
    Event,
    Hypothesis,
    PlayoutStarted,
    ReplyRequested,
    SpeechStarted,
    SpeechStopped,
    Tick,
    TurnConfig,
)
from voice_agent.call.turns import TurnMachine

PLAIN = TurnConfig(speculation=False)


class Call:
    """Feeds a machine and keeps its clock: `until` fires every deadline on the way, as the session's timer does."""

    def __init__(self, config: TurnConfig = PLAIN) -> None:
        self.machine = TurnMachine(config, 0.0)
        self.now = 0.0
        self.log: list[Action] = []

    def feed(self, *events: Event) -> list[Action]:
        done = [action for event in events for action in self.machine.feed(event, self.now)]
        self.log += done
        return done

    def until(self, at: float) -> list[Action]:
        done: list[Action] = []
        while (deadline := self.machine.next_deadline()) is not None and deadline <= at:
            self.now = max(self.now, deadline)
            done += self.feed(Tick())
        self.now = at
        return done + self.feed(Tick())

    def says(self, text: str, segment: int = 1, *, at: float, lasting: float) -> list[Action]:
        """A whole segment with its final transcript 0.1 s after the pause was noticed (0.16 s)."""
        done = self.until(at) + self.feed(SpeechStarted(segment))
        done += self.until(at + lasting + 0.16) + self.feed(SpeechStopped(segment, at + lasting))
        return done + self.until(at + lasting + 0.26) + self.feed(Hypothesis(segment, text, True))


def kinds(actions: Iterable[Action]) -> list[str]:
    return [type(action).__name__ for action in actions]


def playing(config: TurnConfig = PLAIN) -> Call:
    """A call whose agent has been speaking for two seconds."""
    call = Call(config)
    call.feed(ReplyRequested(), PlayoutStarted(1))
    call.until(2.0)
    call.log.clear()
    return call
