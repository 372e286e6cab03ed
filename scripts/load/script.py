"""What load callers do: lines to say, and when to type or to interrupt. Pure, and repeatable by its seed."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal

LINES = (
    "Hello, my printer has stopped and there is a red light on its front.",
    "It says that the paper is jammed, but I cannot see any paper in it.",
    "I have already switched it off and on again, and that did not help.",
    "The printer stands in the meeting room on the second floor.",
    "Yes, everybody on our floor has the same problem since this morning.",
    "Could you please send somebody who can have a look at it today?",
    "My laptop loses the wireless network whenever I close the lid.",
    "I would like to have a new password, because I have forgotten mine.",
)
INTERRUPTIONS = (
    "Wait, stop please, that is not what I meant.",
    "No, sorry, I was talking about the other one.",
)


@dataclass(frozen=True, slots=True)
class Turn:
    how: Literal["spoken", "typed"]
    text: str
    pause_s: float
    """Before it."""
    interruption: str = ""
    """Said over the agent's answer; empty: it is heard out."""
    interrupt_after_s: float = 0.0
    """From the first sound of the answer."""


@dataclass(frozen=True, slots=True)
class Manners:
    """Shares of all turns, 0-1; pauses in s between these bounds."""

    typed: float = 0.0
    barge_in: float = 0.0
    shortest_pause_s: float = 0.5
    longest_pause_s: float = 1.5

    def __post_init__(self) -> None:
        """Raises ValueError."""
        if not (0 <= self.typed <= 1 and 0 <= self.barge_in <= 1):
            raise ValueError("shares are between 0 and 1")
        if not 0 <= self.shortest_pause_s <= self.longest_pause_s:
            raise ValueError("the shortest pause is longer than the longest")


class Part:
    """One caller's part: an endless series of turns."""

    def __init__(self, manners: Manners, seed: int) -> None:
        self._manners = manners
        self._chance = random.Random(seed)
        self._line = self._chance.randrange(len(LINES))

    def next(self) -> Turn:
        chance, manners = self._chance, self._manners
        self._line = (self._line + 1) % len(LINES)
        return Turn(
            how="typed" if chance.random() < manners.typed else "spoken",
            text=LINES[self._line],
            pause_s=chance.uniform(manners.shortest_pause_s, manners.longest_pause_s),
            interruption=chance.choice(INTERRUPTIONS) if chance.random() < manners.barge_in else "",
            interrupt_after_s=chance.uniform(0.5, 1.5),
        )
