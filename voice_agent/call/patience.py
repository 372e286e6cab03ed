"""How long a caller is waited for: when their turn ends, and what may be begun before. Pure; times in s.

One anchor, the last speech. The wait grows with the doubt whether the sentence is complete (`endpointing`).
"""

from __future__ import annotations

from voice_agent.call.endpointing import CompletenessModel, delay_ms
from voice_agent.call.turn_state import CallerTurn
from voice_agent.call.turn_types import TurnConfig

_CUT_INTO_DOUBT = 0.2
"""So much less probable is it that a caller who was cut into has finished. Tuned with `scripts/bench_turns.py`."""


class Patience:
    """Judges one turn after the other by its words."""

    def __init__(self, complete: CompletenessModel) -> None:
        self._complete = complete
        self._judged = ("", 0.0)
        """The lines that were judged last, and the judgement: several questions are asked about the same."""

    def turn_end(self, turn: CallerTurn, config: TurnConfig) -> float:
        """When the turn ends if nothing else happens."""
        if not turn.settled:
            return turn.last_speech + config.final_timeout_ms / 1000
        if turn.commit_requested:
            return turn.last_speech
        likely = self._completeness(turn)
        if turn.before:
            # Who was cut into once pauses within what they say.
            likely -= _CUT_INTO_DOUBT
        wait = delay_ms(likely, config.min_delay_ms, config.max_delay_ms)
        return turn.last_speech + wait / 1000

    def wrap_up(self, turn: CallerTurn, config: TurnConfig) -> float | None:
        """When a caller who talks for very long is asked to come to the end: in a pause in which more would be awaited.
        None if the turn is not that long, or ends by itself before."""
        if not (config.wrap_up and config.create_response and config.detection and turn.settled and turn.text):
            return None
        if turn.commit_requested or turn.last_speech - turn.started < config.wrap_up_after_s:
            return None
        at = turn.last_speech + config.wrap_up_pause_ms / 1000
        return at if at < self.turn_end(turn, config) else None

    def speculation(self, turn: CallerTurn, config: TurnConfig, *, thrifty: bool) -> float | None:
        """From when on a reply to the words so far may begin; None while there is none to begin. `thrifty`: not to
        words that may still change."""
        if turn.quiet_since is None:
            return None
        if not (config.speculation and config.create_response and config.detection and turn.text):
            return None
        if turn.settled and not turn.speaking:
            # Whoever is in the middle of a sentence is waited for: to begin much before that is over would be waste.
            return max(turn.quiet_since, self.turn_end(turn, config) - config.speculation_lead_ms / 1000)
        # The words may lack the last one, which begins another reply then. A transcriber that is always that late makes
        # the call thrifty.
        last_try = turn.speculations >= config.max_speculations - 1
        if thrifty or last_try or self._completeness(turn) < config.speculate_from:
            return None
        return turn.quiet_since

    def _completeness(self, turn: CallerTurn) -> float:
        lines = turn.lines
        if self._judged[0] != lines:
            self._judged = (lines, self._complete(lines))
        return self._judged[1]
