"""The caller's spoken turns, and whether there is enough of them to measure something.

Hesitation sounds are no words here: pace and rates then do not depend on whether a transcriber writes them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from voice_agent.analytics.fillers import is_sound
from voice_agent.analytics.measure import Missing
from voice_agent.records import Turn
from voice_agent.text.words import word_count, words

ENOUGH_SECONDS = 60
ENOUGH_WORDS = 100
PAUSE_MS = 250
LONG_PAUSE_MS = 2000
_COVERED = 0.8
"""Share of a turn's words that need times: transcribers split some words otherwise than the text does."""

TYPED = Missing("not_applicable", "You did not speak in this call.")
SHORT = Missing("not_enough_speech", f"Needs {ENOUGH_SECONDS} seconds and {ENOUGH_WORDS} words of speech.")
UNTIMED = Missing("not_measured", "The transcriber gave no times of single words.")
UNKNOWN_FILLERS = Missing("not_measured", "The transcriber may leave out sounds such as um.")
ENGLISH_ONLY = Missing("not_measured", "The word lists for this are English only.")


def speaks(turn: Turn) -> bool:
    """Whether it is a spoken turn of the caller."""
    return turn.role == "user" and turn.channel == "voice"


def spoken_words(text: str) -> list[str]:
    """The words without hesitation sounds."""
    return [word for word in words(text) if not is_sound(word)]


def has_word_times(turn: Turn) -> bool:
    """Whether nearly all words have times, one after the other, that leave more than silence."""
    return (
        turn.timing == "word"
        and 0 < word_count(turn.text) * _COVERED <= len(turn.words)
        and all(word.start_ms <= word.end_ms for word in turn.words)
        and all(before.start_ms <= after.start_ms for before, after in pairwise(turn.words))
        and voiced_ms(turn) > 0
    )


def gaps(turn: Turn) -> Iterator[int]:
    """Silences between neighbouring words in ms, from 0; only of a turn with word times."""
    for before, after in pairwise(turn.words):
        yield max(0, after.start_ms - before.end_ms)


def pauses(turn: Turn) -> list[int]:
    """Silences of 250 ms and more."""
    return [gap for gap in gaps(turn) if gap >= PAUSE_MS]


def voiced_ms(turn: Turn) -> int:
    """From the first to the last word, without the pauses."""
    return turn.words[-1].end_ms - turn.words[0].start_ms - sum(pauses(turn))


@dataclass(frozen=True, slots=True)
class Speech:
    """Spoken turns of the caller: all of a call, or those with a certain quality."""

    turns: tuple[Turn, ...]

    @classmethod
    def of(cls, turns: Sequence[Turn]) -> Speech:
        return cls(tuple(turn for turn in turns if speaks(turn)))

    @property
    def seconds(self) -> float:
        """Answer time: from the edges that voice activity gave each turn, pauses included."""
        return sum(turn.end_ms - turn.start_ms for turn in self.turns) / 1000

    @property
    def minutes(self) -> float:
        return self.seconds / 60

    @property
    def words(self) -> int:
        return sum(len(spoken_words(turn.text)) for turn in self.turns)

    @property
    def enough(self) -> bool:
        return self.seconds >= ENOUGH_SECONDS and self.words >= ENOUGH_WORDS

    def lack(self) -> Missing | None:
        """Why rates cannot be had of it; None if they can."""
        if not self.turns:
            return TYPED
        return None if self.enough else SHORT

    def timed(self) -> Speech | Missing:
        """The turns with measured word times, if these are enough.

        Times without any silence between a hundred words were not measured, whatever the transcriber says of them.
        """
        return self._part(Speech(tuple(turn for turn in self.turns if has_word_times(turn))), UNTIMED, silent=True)

    def verbatim(self) -> Speech | Missing:
        """The turns whose transcriber writes hesitation sounds, if these are enough."""
        return self._part(Speech(tuple(turn for turn in self.turns if turn.verbatim)), UNKNOWN_FILLERS)

    def _part(self, part: Speech, otherwise: Missing, *, silent: bool = False) -> Speech | Missing:
        lack = self.lack()
        if lack is not None:
            return lack
        if not part.enough or (silent and not any(gap for turn in part.turns for gap in gaps(turn))):
            return otherwise
        return part
