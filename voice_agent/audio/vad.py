"""Is this frame speech? A cheap gate on every frame, and a model that confirms it only while the gate is open.

webrtcvad (2 us a frame) hears every voice but also keyboards and knocks. Silero (40 us for 32 ms, 20 where several
callers are judged together: see `batching.py`) tells those apart.
So Silero sleeps until webrtcvad hears something, starts with the last 100 ms it missed, and sleeps again when neither
has heard a voice for a while. Turning verdicts into speech that starts and stops is the segmenter's work.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import webrtcvad

from voice_agent.audio.silero import WINDOW_BYTES, SileroModel
from voice_agent.settings import AudioSettings

RATE_HZ = 16_000
FRAME_MS = 20
FRAME_BYTES = RATE_HZ * FRAME_MS // 1000 * 2

_REMEMBERED_FRAMES = 5
_NOTHING = bytes(FRAME_BYTES)
"""Put in where a caller sent nothing. webrtcvad would take the next bit of their room for a voice."""


class SpeechDetector:
    """One caller's detector. `threshold` (0-1) may be changed at any time.

    With `settings.silero` off, webrtcvad alone decides. Raises SileroMissingError when the model is wanted and missing.
    """

    def __init__(self, settings: AudioSettings) -> None:
        self._gate = webrtcvad.Vad(settings.vad_mode)
        self._model = SileroModel() if settings.silero else None
        self._hysteresis = settings.silero_hysteresis
        self._close_after = max(1, settings.gate_close_ms // FRAME_MS)
        self._recent: deque[bytes] = deque(maxlen=_REMEMBERED_FRAMES)
        self._pending = b""
        self._unvoiced = 0
        self._open = False
        self._speech = False
        self._voiced = False
        self._begun: bytes | None = None
        self.threshold = settings.silero_threshold

    @property
    def confirming(self) -> bool:
        """Whether the model is listening."""
        return self._open

    def feed(self, pcm20: bytes) -> bool:
        """Whether 20 ms (640 bytes, mono s16le, 16 kHz) belong to speech. Raises ValueError for another size."""
        if self._begun is not pcm20:
            self.begin(pcm20)
        self._begun = None
        while self.undecided:
            confirm((self,))
        if self._open and self._unvoiced >= self._close_after and not self._speech:
            self._close()
        return self._voiced if self._model is None else self._speech

    def begin(self, pcm20: bytes) -> None:
        """Does what can be done with a frame without the model, ahead of `feed`, which is to get the same object.

        Raises ValueError for another size."""
        if len(pcm20) != FRAME_BYTES:
            raise ValueError("a frame is 20 ms of 16 kHz mono s16le")
        self._begun = pcm20
        voiced = self._voiced = pcm20 != _NOTHING and self._gate.is_speech(pcm20, RATE_HZ)
        if self._model is None:
            return
        if not self._open:
            if not voiced:
                self._recent.append(pcm20)
                return
            self._open = True
            self._unvoiced = 0
            self._pending = b"".join(self._recent)
            self._recent.clear()
        self._unvoiced = 0 if voiced else self._unvoiced + 1
        self._pending += pcm20

    @property
    def undecided(self) -> bool:
        """Whether the model has to judge a window first: see `confirm`."""
        return len(self._pending) >= WINDOW_BYTES

    def reset(self) -> None:
        """Forgets everything heard."""
        self._recent.clear()
        self._begun = None
        self._close()

    def _next_window(self) -> tuple[SileroModel, bytes]:
        assert self._model is not None
        window, self._pending = self._pending[:WINDOW_BYTES], self._pending[WINDOW_BYTES:]
        return self._model, window

    def _judged(self, probability: float) -> None:
        limit = self.threshold - self._hysteresis if self._speech else self.threshold
        self._speech = probability >= limit

    def _close(self) -> None:
        self._open = False
        self._speech = False
        self._pending = b""
        if self._model is not None:
            self._model.reset()


def confirm(undecided: Sequence[SpeechDetector]) -> None:
    """Has the model judge the next window of each of these detectors, all different, at once."""
    probabilities = SileroModel.probabilities([detector._next_window() for detector in undecided])
    for detector, probability in zip(undecided, probabilities, strict=True):
        detector._judged(probability)
