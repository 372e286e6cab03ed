"""Turns frame verdicts into speech that starts and stops, on a clock made of audio.

    frame      . . . v v v v v . . v v . . . . . . . .
    run              1 2 3                 (start_ms = 60)
                         ^ SpeechStarted(start_ms = the first v)
                               1 2     1 2             (lull_ms = 40)
                                 ^ Lull  ^ Lull
                                   ^ LullOver
                                       1 2 3 4 5 6 7 8 (stop_ms = 160)
                                                     ^ SpeechStopped(last_speech_ms = end of the last v)

How a caller uses it, for every frame:

    for event in segmenter.feed(frame):
        ...
    - at SpeechStarted with no transcription open: open one and push `event.prefix` (it ends with this very frame);
    - with a transcription open: push the frame, also after SpeechStopped, until the turn is decided. Speech that
      resumes before that raises SpeechStarted again; its prefix has then been pushed already.

Pure: no clock, no I/O. Whether a stop ends the turn is decided elsewhere.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from voice_agent.settings import AudioSettings

FRAME_MS = 20
SILENT_DBFS = -96.0
"""What `recent_level` says of digital silence: the floor of 16 bits."""

_SAMPLE = np.dtype("<i2")
_LEVEL_FRAMES = 5
_FULL_SCALE = 32768.0
_FORGOTTEN_DB = 0.2
"""Per frame, by which the loudest sound of the speech is forgotten: 10 dB a second."""
_FADING_FRAMES = (1, 3)
"""Which faint frames in a row are likely to stand behind a word, its soft ending included."""


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """`start_ms`: where the first voiced frame began. `prefix`: PCM from `prefix_ms` before that up to and including
    the frame that was just fed."""

    start_ms: int
    prefix: bytes


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    """`last_speech_ms`: where the last voiced frame ended."""

    last_speech_ms: int


@dataclass(frozen=True, slots=True)
class Lull:
    """Hardly a sound for `lull_ms`: perhaps a pause, perhaps the end. The frame belongs to the speech like any other.

    A detector is sure that a voice has ended some 80 ms after it has; the level falls at once. In noise it does not,
    and the lull begins with the detector's verdict.
    """


@dataclass(frozen=True, slots=True)
class LullOver:
    """The voice is back before the speech had stopped."""


SegmentEvent = SpeechStarted | Lull | LullOver | SpeechStopped


class Segmenter:
    """One caller's audio. Times are ms of audio since the first frame.

    `voiced` judges one frame of 20 ms (usually `SpeechDetector.feed`).
    """

    def __init__(self, settings: AudioSettings, *, voiced: Callable[[bytes], bool]) -> None:
        self._voiced = voiced
        self._start_frames = math.ceil(settings.start_ms / FRAME_MS)
        self._frames = 0
        self._run = 0
        self._run_start = 0
        self._last_voiced_end = 0
        self._speaking = False
        self._ring: deque[bytes] = deque()
        self._lull_frames = max(1, math.ceil(settings.lull_ms / FRAME_MS))
        self._lull_drop_db = settings.lull_drop_db
        self._lulled = False
        self._faint = 0
        self._loudness = SILENT_DBFS
        self._stop_frames = 0
        self._prefix_frames = 0
        self.configure(prefix_ms=settings.prefix_ms, stop_ms=settings.stop_ms)

    def configure(self, *, prefix_ms: int | None = None, stop_ms: int | None = None) -> None:
        """Changes the prefix or the stop for this caller, from the next frame on."""
        if stop_ms is not None:
            self._stop_frames = max(1, math.ceil(stop_ms / FRAME_MS))
        if prefix_ms is not None:
            self._prefix_frames = math.ceil(prefix_ms / FRAME_MS)
            # A run may hold one unvoiced frame for every voiced one before it is long enough.
            self._ring = deque(self._ring, maxlen=self._prefix_frames + 2 * self._start_frames)

    @property
    def now_ms(self) -> int:
        """Audio heard so far."""
        return self._frames * FRAME_MS

    @property
    def speaking(self) -> bool:
        """Between SpeechStarted and SpeechStopped."""
        return self._speaking

    @property
    def fading(self) -> bool:
        """Whether a word may have ended with the latest frame: it is the first that is faint or unvoiced, or enough of
        them have followed for a soft ending."""
        return self._faint in _FADING_FRAMES

    @property
    def last_speech_ms(self) -> int:
        """Where the last voiced frame of speech ended; 0 before any."""
        return self._last_voiced_end * FRAME_MS

    @property
    def prefix(self) -> bytes:
        """The latest audio, at least `prefix_ms` of it once so much was heard."""
        return b"".join(self._ring)

    @property
    def recent_level(self) -> float:
        """Level of the last 100 ms in dBFS (RMS; a full-scale square wave is 0); -96 for silence. For meters."""
        return _level_dbfs(b"".join(list(self._ring)[-_LEVEL_FRAMES:]))

    def feed(self, pcm20: bytes) -> list[SegmentEvent]:
        """Takes the next 20 ms (640 bytes, mono s16le, 16 kHz); returns what it made happen, in order."""
        voiced = self._voiced(pcm20)
        self._ring.append(pcm20)
        self._frames += 1
        if self._speaking:
            return self._while_speaking(voiced, pcm20)
        return self._while_silent(voiced)

    def _while_speaking(self, voiced: bool, pcm20: bytes) -> list[SegmentEvent]:
        if voiced:
            self._last_voiced_end = self._frames
        elif self._frames - self._last_voiced_end >= self._stop_frames:
            self._speaking = self._lulled = False
            self._run = self._faint = 0
            self._loudness = SILENT_DBFS
            return [SpeechStopped(self.last_speech_ms)]
        return self._judge_lull(voiced, pcm20)

    def _judge_lull(self, voiced: bool, pcm20: bytes) -> list[SegmentEvent]:
        level = _level_dbfs(pcm20)
        self._loudness = max(level, self._loudness - _FORGOTTEN_DB)
        faint = not voiced or level < self._loudness - self._lull_drop_db
        self._faint = self._faint + 1 if faint else 0
        if self._lulled and not faint:
            self._lulled = False
            return [LullOver()]
        if self._lulled or self._faint < self._lull_frames:
            return []
        self._lulled = True
        return [Lull()]

    def _while_silent(self, voiced: bool) -> list[SegmentEvent]:
        if not voiced:
            self._run = max(0, self._run - 1)
            return []
        if self._run == 0:
            self._run_start = self._frames - 1
        self._run += 1
        if self._run < self._start_frames:
            return []
        self._speaking = True
        self._last_voiced_end = self._frames
        wanted = self._frames - self._run_start + self._prefix_frames
        return [SpeechStarted(self._run_start * FRAME_MS, b"".join(list(self._ring)[-wanted:]))]


def _level_dbfs(pcm: bytes) -> float:
    """RMS against full scale; `SILENT_DBFS` at least."""
    if not pcm:
        return SILENT_DBFS
    samples = np.frombuffer(pcm, _SAMPLE).astype(np.float32)
    power = float(samples.dot(samples)) / len(samples) / _FULL_SCALE**2
    return SILENT_DBFS if power <= 0 else max(SILENT_DBFS, 10 * math.log10(power))
