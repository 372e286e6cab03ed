"""Is this frame speech? A cheap gate on every frame, and a model that confirms it only while the gate is open.

webrtcvad (2 us a frame) hears every voice but also keyboards and knocks. Silero (34 us for 32 ms) tells those apart.
So Silero sleeps until webrtcvad hears something, starts with the last 100 ms it missed, and sleeps again when neither
has heard a voice for a while. Turning verdicts into speech that starts and stops is the segmenter's work.
"""

from __future__ import annotations

from collections import deque

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
        self.threshold = settings.silero_threshold

    @property
    def confirming(self) -> bool:
        """Whether the model is listening."""
        return self._open

    def feed(self, pcm20: bytes) -> bool:
        """Whether 20 ms (640 bytes, mono s16le, 16 kHz) belong to speech. Raises ValueError for another size."""
        if len(pcm20) != FRAME_BYTES:
            raise ValueError("a frame is 20 ms of 16 kHz mono s16le")
        voiced: bool = pcm20 != _NOTHING and self._gate.is_speech(pcm20, RATE_HZ)
        if self._model is None:
            return voiced
        if not self._open:
            if not voiced:
                self._recent.append(pcm20)
                return False
            self._open = True
            self._unvoiced = 0
            self._pending = b"".join(self._recent)
            self._recent.clear()
        self._unvoiced = 0 if voiced else self._unvoiced + 1
        self._confirm(self._model, pcm20)
        if self._unvoiced >= self._close_after and not self._speech:
            self._close(self._model)
        return self._speech

    def reset(self) -> None:
        """Forgets everything heard."""
        self._recent.clear()
        if self._model is not None:
            self._close(self._model)

    def _confirm(self, model: SileroModel, pcm20: bytes) -> None:
        self._pending += pcm20
        while len(self._pending) >= WINDOW_BYTES:
            probability = model.probability(self._pending[:WINDOW_BYTES])
            self._pending = self._pending[WINDOW_BYTES:]
            limit = self.threshold - self._hysteresis if self._speech else self.threshold
            self._speech = probability >= limit

    def _close(self, model: SileroModel) -> None:
        self._open = False
        self._speech = False
        self._pending = b""
        model.reset()
