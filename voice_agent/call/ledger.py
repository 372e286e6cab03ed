"""The playout ledger: what was queued for the caller's ear, and how much of it was heard.

The one source for history, captions and metrics. It knows positions, not clocks: the transport says how far the
current reply has been played. Where a synthesizer gives no word marks, words are placed in proportion to their length.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from voice_agent.text.words import SpokenText

_MS_PER_CHARACTER = 65
"""Speaking time of a clause that is still being synthesized: about 165 words a minute at 5.5 characters a word."""


@dataclass(slots=True)
class _Clause:
    spoken: SpokenText
    start_ms: int
    audio_ms: int = 0
    complete: bool = False

    def heard(self, position_ms: int) -> str:
        played = position_ms - self.start_ms
        if played < 0 or not (played or self.complete):
            return ""
        if self.complete:
            if played >= self.audio_ms:
                return self.spoken.text
            length = self.audio_ms
        else:
            length = max(self.audio_ms, _MS_PER_CHARACTER * len(self.spoken.text))
        return self.spoken.heard(played / length) if length else ""

    def next_word_ms(self, position_ms: int) -> int | None:
        """None while its length is an estimate, and when all of it has been heard."""
        played = position_ms - self.start_ms
        if not self.complete or played >= self.audio_ms:
            return None
        return self.start_ms + math.ceil(self.spoken.next_word(played / self.audio_ms) * self.audio_ms)


@dataclass(slots=True)
class PlayoutLedger:
    """One reply's spoken text against its audio. All positions in ms from the reply's first sample."""

    _clauses: list[_Clause] = field(default_factory=list)
    _heard_ms: int = 0
    _heard: str = ""
    _limit_ms: int | None = None
    """The client has heard no more than this, whatever is still sent."""

    def clause(self, text: str) -> None:
        """A clause of the written text follows; the one before it is complete."""
        self.complete()
        self._clauses.append(_Clause(SpokenText(text), self.queued_ms))

    def audio(self, ms: int) -> None:
        """So much audio of the latest clause was queued."""
        self._clauses[-1].audio_ms += ms

    def complete(self) -> None:
        """All audio of the latest clause is queued."""
        if self._clauses:
            self._clauses[-1].complete = True

    def played(self, position_ms: int) -> None:
        """The transport played up to here. Never goes back, and neither does the text that was heard: while a clause
        is being synthesized its length is an estimate, which may turn out to have been too short."""
        limit_ms = self.queued_ms if self._limit_ms is None else self._limit_ms
        self._heard_ms = max(self._heard_ms, min(position_ms, limit_ms))
        heard = self.heard_by(self._heard_ms)
        if len(heard) > len(self._heard):
            self._heard = heard

    def truncated(self, heard_ms: int) -> None:
        """The client says it played less than was sent (it plays from its own buffer), and no more will be."""
        self._heard_ms = self._limit_ms = min(heard_ms, self.queued_ms)
        self._heard = self.heard_by(self._heard_ms)

    @property
    def queued_ms(self) -> int:
        return self._clauses[-1].start_ms + self._clauses[-1].audio_ms if self._clauses else 0

    @property
    def heard_ms(self) -> int:
        return self._heard_ms

    @property
    def written(self) -> str:
        """All text that was queued to be spoken."""
        return "".join(clause.spoken.text for clause in self._clauses)

    @property
    def heard(self) -> str:
        """The text up to the last whole word that was heard."""
        return self._heard

    @property
    def next_word_ms(self) -> int | None:
        """The position at which more will have been heard than now; None where that cannot be told yet."""
        return next((at for clause in self._clauses if (at := clause.next_word_ms(self._heard_ms)) is not None), None)

    def heard_by(self, position_ms: int) -> str:
        """As `heard`, for any position."""
        return "".join(clause.heard(position_ms) for clause in self._clauses)
