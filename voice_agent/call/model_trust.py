"""How far the call's language model is believed when it says that the caller has finished, or has not. Pure.

It says so with the first token of a reply that is begun in a pause. That it takes a caller for unfinished is believed
from the beginning; that it takes them for finished, against the words, only when it has waited rightly before: a model
that never waits would say it of every turn.
"""

from __future__ import annotations

from voice_agent.call.turn_state import CallerTurn
from voice_agent.call.turn_types import TurnConfig


class ModelTrust:
    """One call's."""

    def __init__(self) -> None:
        self._right = 0
        self._wrong = 0

    def asked(self, turn: CallerTurn, config: TurnConfig) -> bool:
        """Whether a reply that is begun to this turn may turn out to be a wait for more words."""
        return self._heeded(config) and turn.waits < config.max_waits and not turn.commit_requested

    def believed(self, config: TurnConfig) -> bool:
        """Whether the model's word ends a turn that seems open, too."""
        return self._heeded(config) and self._right >= config.trust_model_after

    def waited_rightly(self) -> None:
        """More words came."""
        self._right += 1
        self._wrong = max(0, self._wrong - 1)

    def waited_in_vain(self) -> None:
        """None came, and without the model the caller would have been answered sooner."""
        self._wrong += 1

    def _heeded(self, config: TurnConfig) -> bool:
        return config.ask_model and self._wrong < config.max_wrong_waits
