"""The caller's turns, as the turn machine decides them, told to the client and to the minutes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from voice_agent.call.listening import Listener, Segment, timing_of
from voice_agent.call.minutes import Minutes
from voice_agent.realtime.input_events import InputEvents, InputState


class Hearing:
    """`clock`: the session's, in s."""

    def __init__(
        self, listener: Listener, input_events: InputEvents, minutes: Minutes, clock: Callable[[], float]
    ) -> None:
        self._listener = listener
        self._events = input_events
        self._minutes = minutes
        self._clock = clock

    def announce(self) -> None:
        """The caller's turn has begun."""
        if not self._listener.manual and self._events.state is not InputState.SPEAKING:
            self._events.speech_started(self._listener.speech_start_ms)

    def words(self, text: str) -> None:
        """What a turn that the client knows to have begun says so far, while it goes on."""
        if self._events.state is not InputState.IDLE:
            self._events.hypothesis(self._events.item_id, text)

    def commit(self, text: str, segments: tuple[int, ...], *, missing: bool) -> None:
        """The turn is over. `missing`: its last words did not come in time."""
        listener, events = self._listener, self._events
        taken = listener.take(segments)
        end_ms = max((segment.end_ms for segment in taken), default=listener.now_ms)
        spoken_ms = sum(segment.end_ms - segment.start_ms for segment in taken)
        item_id = events.committed(end_ms)
        failed = _failure(taken) or ("timeout" if missing else "")
        if text or not failed:
            self._show_speakers(item_id, taken)
            events.completed(item_id, text, spoken_ms / 1000)
        else:
            events.failed(item_id, failed, "The speech could not be transcribed.")
        if not text:
            return
        now = self._clock()
        last = taken[-1] if taken else None
        self._minutes.caller_spoke(
            text,
            start_ms=taken[0].speech_start_ms if taken else listener.now_ms,
            end_ms=(last.speech_end_ms or last.end_ms) if last else listener.now_ms,
            audio_now_ms=listener.now_ms,
            words=tuple(word for segment in taken for word in segment.words),
            timing=timing_of(taken),
            verbatim=bool(taken) and all(segment.verbatim for segment in taken),
            last_speech=last.last_speech if last else now,
            stopped=last.committed_at if last else None,
            transcribed=last.settled_at if last else None,
            now=now,
        )

    def drop(self, segments: tuple[int, ...], *, announced: bool, cleared: bool) -> None:
        """The turn was nothing. `announced`: the client was told that it began. `cleared`: the client wished it so, and
        is answered by another."""
        listener, events = self._listener, self._events
        taken = listener.take(segments)
        failed = _failure(taken)
        if failed and announced and not cleared:
            item_id = events.committed(max(segment.end_ms for segment in taken))
            events.failed(item_id, failed, "The speech could not be transcribed.")
            return
        if events.state is InputState.SPEAKING:
            events.speech_stopped(listener.now_ms)
        if announced and not listener.manual and not cleared:
            events.cleared()
        else:
            events.discard()

    def forget(self, segments: tuple[int, ...]) -> None:
        """What was said behind a committed turn was thrown away."""
        self._listener.take(segments)

    def timed_out(self, after_ms: int) -> None:
        """Nobody has spoken for so long."""
        now_ms = self._listener.now_ms
        self._events.timeout_triggered(max(0, now_ms - after_ms), now_ms)

    def _show_speakers(self, item_id: str, segments: Sequence[Segment]) -> None:
        """Who said what, where the transcriber tells speakers apart. Times from the beginning of the turn."""
        for segment in segments:
            offset_ms = segment.start_ms - segments[0].start_ms
            for part in segment.speakers:
                start_s, end_s = (offset_ms + part.start_ms) / 1000, (offset_ms + part.end_ms) / 1000
                self._events.segment(item_id, part.text, speaker=part.speaker, start_s=start_s, end_s=end_s)


def _failure(segments: Sequence[Segment]) -> str:
    """The code of the first transcription among them that failed."""
    return next((segment.failed for segment in segments if segment.failed), "")
