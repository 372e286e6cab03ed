"""Audio of one caller in, events for the turn machine out.

Each run of speech is a segment with a transcription stream of its own, committed at the pause: its words are known
while the turn machine still weighs whether the caller has finished. Two neighbouring segments share no audio.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any

from voice_agent.audio import segmenter as audio_segments
from voice_agent.audio.segmenter import Segmenter
from voice_agent.audio.vad import SpeechDetector
from voice_agent.call.turn_types import Event, Hypothesis, Lull, LullOver, SpeechStarted, SpeechStopped
from voice_agent.engines.ports import (
    EngineError,
    SpeakerSegment,
    Timing,
    Transcriber,
    TranscriptionOptions,
    TranscriptionStream,
    Word,
)
from voice_agent.settings import AudioSettings

log = logging.getLogger(__name__)

_BYTES_PER_MS = 32  # 16 kHz mono s16le
Spawn = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]


@dataclass(slots=True)
class Segment:
    """One run of speech. Times in ms of audio since the call's first frame."""

    id: int
    start_ms: int
    end_ms: int
    """Of the audio that the transcriber gets: more than the speech on both sides."""
    speech_start_ms: int
    speech_end_ms: int | None = None
    """None while it goes on."""
    timing: Timing = "segment"
    verbatim: bool = False
    """As in Transcript."""
    words: tuple[Word, ...] = ()
    speakers: tuple[SpeakerSegment, ...] = ()
    failed: str = ""
    """The engine's error code, where the transcriber failed."""
    pending: bytearray = field(default_factory=bytearray)
    """Heard, but not handed to the transcriber yet."""
    committed_at: float | None = None
    settled_at: float | None = None
    """On the session's clock: when the pause was noticed, and when the words were known."""
    last_speech: float = 0.0
    stream: TranscriptionStream | None = None
    task: asyncio.Task[None] | None = None

    def push(self, pcm: bytes) -> None:
        self.end_ms += len(pcm) // _BYTES_PER_MS
        self.pending += pcm

    def hand_over(self) -> None:
        """What is pending goes to the transcriber, once there is a stream to it."""
        if self.stream is not None and self.pending:
            self.stream.push(bytes(self.pending))
            self.pending.clear()

    def commit(self, now: float) -> None:
        self.committed_at = now
        self.hand_over()
        if self.stream is not None:
            self.stream.commit()


class Listener:
    """Feed it 20 ms frames; it opens, fills, commits and closes transcription streams.

    `manual`: the client decides where a turn begins and ends; every frame is transcribed and nothing is detected, so a
    segment ends by itself after `max_segment_s`. Detected speech that is too long is cut from outside.
    """

    def __init__(
        self,
        settings: AudioSettings,
        *,
        transcriber: Transcriber,
        options: Callable[[], TranscriptionOptions],
        feed: Callable[[Event], None],
        clock: Callable[[], float],
        spawn: Spawn,
        max_segment_s: float,
    ) -> None:
        self._transcriber = transcriber
        self._options = options
        self._feed = feed
        self._clock = clock
        self._spawn = spawn
        self._max_segment_ms = int(max_segment_s * 1000)
        self._piece_bytes = settings.piece_ms * _BYTES_PER_MS
        self._detector = SpeechDetector(settings)
        self._segmenter = Segmenter(settings, voiced=self._detector.feed)
        self._ids = 0
        self._open: Segment | None = None
        self._segments: dict[int, Segment] = {}
        self._last_end_ms = 0
        self._started_ms = 0
        self._manual_ms = 0
        self.manual = False

    @property
    def detector(self) -> SpeechDetector | None:
        """What the next frame will be fed to; None while nothing is detected."""
        return None if self.manual else self._detector

    @property
    def now_ms(self) -> int:
        """Audio heard so far."""
        return self._segmenter.now_ms + self._manual_ms

    @property
    def since_speech_started_s(self) -> float:
        """Audio since the first voiced frame of the latest speech, in s."""
        return (self._segmenter.now_ms - self._started_ms) / 1000

    @property
    def has_audio(self) -> bool:
        """Whether a segment is being filled."""
        return self._open is not None

    @property
    def speech_start_ms(self) -> int:
        """Where the speech begins whose turn is not decided yet."""
        return min((segment.start_ms for segment in self._segments.values()), default=self.now_ms)

    def configure(self, *, manual: bool, prefix_ms: int) -> None:
        if manual != self.manual:
            self.cut()
        self.manual = manual
        self._segmenter.configure(prefix_ms=prefix_ms)

    def frame(self, pcm: bytes) -> None:
        """20 ms, 16 kHz, mono s16le."""
        if self.manual:
            self._manual_ms += len(pcm) // _BYTES_PER_MS
            if self._open is None:
                self._begin(pcm)
            else:
                self._push(pcm)
            return
        for event in self._segmenter.feed(pcm):
            match event:
                case audio_segments.SpeechStarted(start_ms, prefix):
                    self._started_ms = start_ms
                    self._begin(prefix, start_ms)
                    return
                case audio_segments.SpeechStopped(last_speech_ms):
                    self._end(last_speech_ms)
                    return
                case audio_segments.Lull() if self._open is not None:
                    self._feed(Lull(self._open.id))
                case audio_segments.LullOver() if self._open is not None:
                    self._feed(LullOver(self._open.id))
        if self._open is not None:
            self._push(pcm, ending=self._segmenter.fading)
        elif self._segmenter.speaking:
            # What was open was ended in the middle of speech, which goes on.
            self._begin(pcm)

    def cut(self) -> bool:
        """Ends the open segment now (the client commits, or the turn is overlong). False if there is none."""
        if self._open is None:
            return False
        self._end(self.now_ms)
        return True

    def take(self, segments: tuple[int, ...]) -> list[Segment]:
        """Hands over what is known of segments whose turn is decided, and stops transcribing them."""
        taken = [segment for number in segments if (segment := self._segments.pop(number, None))]
        for segment in taken:
            if segment is self._open:
                self._open = None
            if segment.task is not None:
                segment.task.cancel()
        return taken

    def _begin(self, prefix: bytes, speech_start_ms: int | None = None) -> None:
        """`speech_start_ms`: the first voiced frame, where it is known; `prefix`: the audio from a little before it."""
        start_ms = max(self.now_ms - len(prefix) // _BYTES_PER_MS, self._last_end_ms)
        prefix = prefix[-(self.now_ms - start_ms) * _BYTES_PER_MS :] if self.now_ms > start_ms else b""
        self._ids += 1
        segment = Segment(self._ids, start_ms, start_ms, max(start_ms, speech_start_ms or start_ms))
        self._segments[segment.id] = self._open = segment
        segment.push(prefix)
        segment.task = self._spawn(self._transcribe(segment))
        self._feed(SpeechStarted(segment.id))

    def _push(self, pcm: bytes, *, ending: bool = False) -> None:
        """`ending`: a word may end here, and the transcriber is to know it as soon as it can."""
        segment = self._open
        assert segment is not None
        segment.push(pcm)
        if ending or len(segment.pending) >= self._piece_bytes:
            segment.hand_over()
        if self.manual and segment.end_ms - segment.start_ms >= self._max_segment_ms:
            self._end(self.now_ms)

    def _end(self, last_speech_ms: int) -> None:
        segment, self._open = self._open, None
        if segment is None:
            return
        self._last_end_ms = segment.end_ms
        segment.speech_end_ms = max(segment.speech_start_ms, last_speech_ms)
        now = self._clock()
        segment.commit(now)
        # Audio time and the clock differ by how long ago that audio was; packets come in real time.
        segment.last_speech = now - (self.now_ms - last_speech_ms) / 1000
        self._feed(SpeechStopped(segment.id, segment.last_speech))

    async def _transcribe(self, segment: Segment) -> None:
        text = ""
        try:
            async with self._transcriber.open(self._options()) as stream:
                segment.stream = stream
                segment.hand_over()
                if segment.committed_at is not None:
                    stream.commit()
                async for transcript in stream:
                    text = transcript.text
                    if transcript.words:
                        segment.words = tuple(word.shifted(segment.start_ms) for word in transcript.words)
                    segment.timing, segment.verbatim = transcript.timing, transcript.verbatim
                    if transcript.final:
                        segment.speakers = transcript.segments
                        break
                    self._feed(Hypothesis(segment.id, text, False))
        except EngineError as error:
            segment.failed = error.code
            log.warning("a transcription failed", extra={"code": error.code})
        segment.settled_at = self._clock()
        self._feed(Hypothesis(segment.id, text, True))


def timing_of(segments: Iterable[Segment]) -> Timing:
    """Of a turn of these segments. One whose words are only partly there looks like one with words: whoever needs the
    times has to compare them with the text."""
    found = {segment.timing for segment in segments}
    return "interpolated" if "interpolated" in found else "word" if "word" in found else "segment"
