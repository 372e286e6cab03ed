"""How long a caller is waited for: when their turn ends, and what may be begun before. Pure; times in s.

One anchor, the last speech. The wait grows with the doubt whether the sentence is complete (`endpointing`). A language
model that is asked for a reply in the pause has a say in it with its first token:

    caller    "my printer is"  ......................................  "offline"
    words     seem whole       |<- delay ->|
    reply     held                 |"…": wait|<- the patience for a sentence under way
"""

from __future__ import annotations

from voice_agent.call.endpointing import CompletenessModel, delay_ms
from voice_agent.call.endpointing.levels import COMPLETE, UNDER_WAY
from voice_agent.call.model_trust import ModelTrust
from voice_agent.call.turn_state import AgentReply, CallerTurn, Phase
from voice_agent.call.turn_types import TurnConfig

_CUT_INTO_DOUBT = 0.2
"""So much less probable is it that a caller who was cut into has finished. Tuned with `scripts/bench_turns.py`."""


class Patience:
    """Judges one turn after the other by its words, and by what the model says of them."""

    def __init__(self, complete: CompletenessModel) -> None:
        self._complete = complete
        self._judged = ("", 0.0)
        """The lines that were judged last, and the judgement: several questions are asked about the same."""
        self.trust = ModelTrust()
        self.thrifty = False
        """Begin no reply to words that may still change: too many such replies were thrown away."""

    def turn_end(self, turn: CallerTurn, reply: AgentReply | None, config: TurnConfig) -> float:
        """When the turn ends if nothing else happens."""
        end = self.due(turn, config)
        if reply and reply.may_wait and reply.held_for(turn.text) and turn.settled and not turn.commit_requested:
            # Before the model's first token there is no answer anyway.
            return max(end, reply.since + config.judgement_timeout_ms / 1000)
        return end

    def due(self, turn: CallerTurn, config: TurnConfig) -> float:
        """When the turn ends by what is known of it now: `turn_end`, did it not await the model."""
        if not turn.settled:
            return turn.last_speech + config.final_timeout_ms / 1000
        if turn.commit_requested:
            return turn.last_speech
        likely = self._completeness(turn)
        if turn.model_says is False:
            likely = min(likely, UNDER_WAY)
        elif turn.model_says and self.trust.believed(config):
            likely = max(likely, COMPLETE)
        return turn.last_speech + _wait_s(turn, likely, config)

    def may_wait(self, turn: CallerTurn, config: TurnConfig, now: float) -> bool:
        """Whether a reply that is begun now may turn out to be a wait. Not where that patience is over before it."""
        late = turn.settled and not turn.speaking and now >= turn.last_speech + _wait_s(turn, UNDER_WAY, config)
        return self.trust.asked(turn, config) and turn.model_says is not False and not late

    def waited_in_vain(self, turn: CallerTurn) -> bool:
        """Whether the model has made this caller wait who had finished, against their words."""
        return turn.model_says is False and not turn.commit_requested and self._completeness(turn) > UNDER_WAY

    def wrap_up(self, turn: CallerTurn, config: TurnConfig) -> float | None:
        """When a caller who talks for very long is asked to come to the end: in a pause in which more would be awaited.
        None if the turn is not that long, or ends by itself before."""
        if not (config.wrap_up and config.create_response and config.detection and turn.settled and turn.text):
            return None
        if turn.commit_requested or turn.last_speech - turn.started < config.wrap_up_after_s:
            return None
        at = turn.last_speech + config.wrap_up_pause_ms / 1000
        return at if at < self.due(turn, config) else None

    def speculation(self, turn: CallerTurn, reply: AgentReply | None, config: TurnConfig) -> float | None:
        """From when on a reply to the words so far may begin; None while there is none to begin, or it has begun."""
        if turn.quiet_since is None or (reply and (reply.phase is not Phase.HELD or reply.held_for(turn.text))):
            return None
        if not (config.speculation and config.create_response and config.detection and turn.text):
            return None
        if turn.settled and not turn.speaking:
            if turn.judgement and turn.model_says is False:
                # It has to answer now, if nothing more is said, and takes as long as it took to judge.
                lead_s = turn.judgement.took_s
            elif self.trust.believed(config) and self.trust.asked(turn, config):
                return turn.quiet_since
            else:
                # To begin much before the end of a sentence under way would be waste.
                lead_s = config.speculation_lead_ms / 1000
            return max(turn.quiet_since, self.due(turn, config) - lead_s)
        # The words may lack the last one, which begins another reply then. A transcriber that is always that late makes
        # the call thrifty.
        last_try = turn.speculations >= config.max_speculations - 1
        if self.thrifty or last_try or turn.model_says is False or self._completeness(turn) < config.speculate_from:
            return None
        return turn.quiet_since

    def _completeness(self, turn: CallerTurn) -> float:
        lines = turn.lines
        if self._judged[0] != lines:
            self._judged = (lines, self._complete(lines))
        return self._judged[1]


def _wait_s(turn: CallerTurn, likely: float, config: TurnConfig) -> float:
    if turn.before:
        # Who was cut into once pauses within what they say.
        likely -= _CUT_INTO_DOUBT
    return delay_ms(likely, config.min_delay_ms, config.max_delay_ms) / 1000
