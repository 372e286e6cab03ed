"""The events of the caller's side, in order: started, stopped, committed, item added, item done; transcripts beside.

An utterance keeps one item id from its first sound to its transcript. Utterances may overlap: the next one can start
while the transcript of the last is still to come.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto

from voice_agent.realtime import server_events
from voice_agent.realtime.conversation import Conversation
from voice_agent.realtime.errors import IllegalOrderError
from voice_agent.realtime.ids import new_id
from voice_agent.realtime.items import Item, Part
from voice_agent.realtime.server_events import Event
from voice_agent.realtime.stable_words import StableWords


class InputState(Enum):
    IDLE = auto()
    """No utterance is open."""
    SPEAKING = auto()
    """`speech_started` was sent."""
    STOPPED = auto()
    """`speech_stopped` was sent; the caller may go on, or the turn be committed."""


class InputEvents:
    """The input audio buffer of one session.

    `send_transcription` follows the session (`SessionConfig.sends_transcription`): without it transcripts reach the
    conversation only.
    """

    def __init__(
        self,
        emit: Callable[[Event], None],
        conversation: Conversation,
        *,
        send_transcription: bool,
        make_id: Callable[[str], str] = new_id,
    ) -> None:
        self.send_transcription = send_transcription
        self._emit = emit
        self._conversation = conversation
        self._make_id = make_id
        self._state = InputState.IDLE
        self._item_id: str | None = None
        self._awaiting: dict[str, StableWords] = {}

    @property
    def state(self) -> InputState:
        return self._state

    @property
    def item_id(self) -> str:
        """The id of the utterance that is open, or of the next one."""
        if self._item_id is None:
            self._item_id = self._make_id("item")
            self._awaiting[self._item_id] = StableWords()
        return self._item_id

    def speech_started(self, audio_start_ms: int) -> str:
        """The caller speaks, or goes on before the turn was committed. Returns the item's id."""
        if self._state is InputState.SPEAKING:
            raise IllegalOrderError("speech has started already")
        self._state = InputState.SPEAKING
        self._emit(server_events.speech_started(self.item_id, audio_start_ms))
        return self.item_id

    def speech_stopped(self, audio_end_ms: int) -> None:
        if self._state is not InputState.SPEAKING:
            raise IllegalOrderError("speech has not started")
        self._state = InputState.STOPPED
        self._emit(server_events.speech_stopped(self.item_id, audio_end_ms))

    def committed(self, audio_end_ms: int | None = None) -> str:
        """The turn is the caller's next item. While they still speak (a limit, or the client's own commit) the speech
        is stopped first where `audio_end_ms` tells its end. Returns the item's id."""
        if self._state is InputState.SPEAKING and audio_end_ms is not None:
            self.speech_stopped(audio_end_ms)
        item_id = self.item_id
        previous = self._conversation.last_visible_id
        item = Item(id=item_id, type="message", role="user", content=(Part("input_audio", None),))
        self._conversation.append(item)
        self._reset()
        self._emit(server_events.input_committed(item_id, previous))
        self._emit(server_events.item_added(item, previous))
        self._emit(server_events.item_done(item, previous))
        return item_id

    def discard(self) -> None:
        """The open utterance was nothing: no item comes of it, and no event tells so."""
        if self._item_id is not None:
            del self._awaiting[self._item_id]
        self._reset()

    def cleared(self) -> None:
        """The client cleared the buffer."""
        self.discard()
        self._emit(server_events.input_cleared())

    def timeout_triggered(self, audio_start_ms: int, audio_end_ms: int) -> str:
        """Nobody spoke for the idle timeout: the silence becomes an item, without a transcript, and a response follows.
        Returns its id."""
        if self._state is not InputState.IDLE:
            raise IllegalOrderError("somebody speaks")
        self._emit(server_events.timeout_triggered(self.item_id, audio_start_ms, audio_end_ms))
        item_id = self.committed()
        del self._awaiting[item_id]
        return item_id

    def hypothesis(self, item_id: str, text: str) -> None:
        """A partial transcript of an utterance, whole. Its words are sent once they are stable; one that comes after
        the end of its transcript is ignored."""
        stable = self._awaiting.get(item_id)
        if stable is not None:
            self._send_delta(item_id, stable.push(text))

    def completed(self, item_id: str, text: str, seconds: float) -> None:
        """The final transcript of a committed utterance, and the length of its audio. Only the first one counts."""
        stable = self._end_of_transcript(item_id)
        if stable is None:
            return
        self._conversation.set_transcript(item_id, text)
        self._send_delta(item_id, stable.finish(text))
        if self.send_transcription:
            self._emit(server_events.transcription_completed(item_id, text, seconds))

    def failed(self, item_id: str, code: str, message: str) -> None:
        """There will be no transcript of a committed utterance."""
        if self._end_of_transcript(item_id) is not None and self.send_transcription:
            self._emit(server_events.transcription_failed(item_id, code, message))

    def segment(self, item_id: str, text: str, *, speaker: str, start_s: float, end_s: float) -> None:
        """One speaker's part of the transcript, from transcribers that tell speakers apart."""
        if self.send_transcription:
            self._emit(
                server_events.transcription_segment(item_id, text, speaker=speaker, start_s=start_s, end_s=end_s)
            )

    def _end_of_transcript(self, item_id: str) -> StableWords | None:
        if item_id == self._item_id:
            raise IllegalOrderError("this utterance is not committed")
        return self._awaiting.pop(item_id, None)

    def _send_delta(self, item_id: str, delta: str) -> None:
        if delta and self.send_transcription:
            self._emit(server_events.transcription_delta(item_id, delta))

    def _reset(self) -> None:
        self._state = InputState.IDLE
        self._item_id = None
