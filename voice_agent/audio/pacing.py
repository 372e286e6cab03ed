"""Which packet of the agent's speech leaves when: the pure half of the playout (the waiting is in `playout.py`).

Speech comes in faster than it is spoken. It leaves one packet at a time, each when the one before has been played, so
that pausing or dropping takes effect within a packet. Where speech is cut, one last packet fades out: without it the
listener's jitter buffer would stretch the last vowel. PCM is encoded only when it leaves. Time is an argument, in
seconds of a monotonic clock.

    write  |======== five packets ========|
    leaves 1   2   3 ^pause               ^resume
                     (4, fading)          4   5
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from voice_agent.audio.framing import FRAME_SAMPLES, PTS_HZ, Frame, FrameCutter, OpusChunk, PcmChunk, faded
from voice_agent.audio.opus import FRAME_MS, Encoder, Mode
from voice_agent.settings import AudioSettings

_EARLY_S = 0.001
"""Timers of an event loop may wake this much early."""
_SILENCE_HZ = 24_000
_SILENCE = Frame(bytes(_SILENCE_HZ * FRAME_MS // 1000 * 2), _SILENCE_HZ, FRAME_SAMPLES)


def _nothing() -> None:
    """Until a call sets its own callback."""


class PlayoutQueue:
    """One caller's outgoing speech. Owns the Opus encoders, one for each rate in use.

    `on_started` and `on_drained` are called from `due`.
    """

    def __init__(self, settings: AudioSettings, now: float) -> None:
        self._settings = settings
        self._limit = int(settings.playout_max_s * PTS_HZ)
        self._cutter = FrameCutter()
        self._frames: deque[Frame] = deque()
        self._queued = 0
        self._encoders: dict[int, Encoder] = {}
        self._mode: Mode = "celt"
        self._loss_percent = 0.0
        # The last packet sent is over at this time, and at this timestamp.
        self._free_at = now
        self._free_pts = 0
        self._idle = True
        self._paused = False
        self._cut: Frame | None = None
        self._sounding = False
        self._fade_in = True
        self._started = False
        self._ended = False
        self._sent = 0
        self.on_started: Callable[[], None] = _nothing
        self.on_drained: Callable[[], None] = _nothing

    # --- what the call asks -------------------------------------------------------------------------------------

    def begin(self, now: float) -> None:
        """A new reply; what is left of the one before is dropped."""
        self.clear(now)
        self._started = False
        self._cutter.written = 0.0
        self._sent = 0

    def write(self, chunk: PcmChunk | OpusChunk, now: float) -> int:
        """Queues speech; returns its length in ms (rounded so that the sum over a reply is right).

        Raises BufferError when twice `playout_max_s` already wait: the caller has to await room.
        """
        if self._queued > 2 * self._limit:
            raise BufferError("the playout queue is full")
        self._note_idle(now)
        before = round(self._cutter.written * 1000 / PTS_HZ)
        self._append(self._cutter.write(chunk))
        return round(self._cutter.written * 1000 / PTS_HZ) - before

    def end(self, now: float) -> None:
        """The reply is complete: a rest shorter than a packet is filled up with silence."""
        self._note_idle(now)
        self._append(self._cutter.flush())
        self._ended = True

    def pause(self, now: float) -> None:
        """Nothing but a fade-out of the next 20 ms leaves until `resume`, which plays those 20 ms again."""
        if self._paused:
            return
        self._note_idle(now)
        self._cut_off()
        self._paused = True

    def resume(self, now: float) -> None:
        """Goes on with the first sound that did not leave in full."""
        if not self._paused:
            return
        self._note_idle(now)
        self._paused = False
        if self._cut is None:
            self._fade_in = True
        else:
            # The fade-out has not left yet: nobody needs to hear of the pause.
            self._cut = None
            self._sounding = True

    def clear(self, now: float) -> None:
        """Drops everything queued, and a pause; a sound that is being heard fades out."""
        self._note_idle(now)
        if not self._paused:
            self._cut_off()
        self._drop_frames()

    def set_loss(self, percent: float) -> None:
        """Reported packet loss: from the threshold on packets carry a copy of the one before (VOIP), until the loss
        is below half of that; else the cheaper CELT is used."""
        limit = self._settings.loss_for_fec_percent
        mode: Mode = "voip" if percent >= (limit if self._mode == "celt" else limit / 2) else "celt"
        self._loss_percent = percent
        if mode != self._mode:
            self._mode = mode
            self._drop_encoders()
        for encoder in self._encoders.values():
            encoder.set_expected_loss(percent)

    def close(self) -> None:
        """Frees the encoders and drops the queue. Idempotent."""
        self._drop_frames()
        self._cut = None
        self._drop_encoders()

    @property
    def mode(self) -> Mode:
        """The encoder in use."""
        return self._mode

    @property
    def malformed(self) -> int:
        """Packets of a provider that were no Opus and were left out."""
        return self._cutter.malformed

    @property
    def full(self) -> bool:
        return self._queued >= self._limit

    @property
    def queued_ms(self) -> int:
        return self._queued * 1000 // PTS_HZ

    @property
    def position_ms(self) -> int:
        """How much of this reply has left."""
        return int(min(self._sent, self._cutter.written) * 1000 / PTS_HZ)

    # --- what the clock asks ------------------------------------------------------------------------------------

    def next_due(self) -> float | None:
        """When `due` has work; None until something is queued."""
        return self._free_at if self._sendable or self._drained else None

    def due(self, now: float) -> tuple[bytes, int] | None:
        """The Opus packet to send now with its timestamp (48 kHz), or None."""
        if now < self._free_at - _EARLY_S:
            return None
        if not self._sendable:
            self._idle = True
            self._sounding = False
            if self._drained:
                self._ended = False
                self.on_drained()
            return None
        late_s = max(0.0, now - self._free_at)
        if self._idle or late_s * 1000 > self._settings.playout_reanchor_ms:
            self._free_at += late_s
            self._free_pts += round(late_s * PTS_HZ)
        self._idle = False
        pts = self._free_pts
        packet, samples = self._take()
        self._free_at += samples / PTS_HZ
        self._free_pts += samples
        return packet, pts

    # --- inside -------------------------------------------------------------------------------------------------

    @property
    def _sendable(self) -> bool:
        return self._cut is not None or bool(self._frames and not self._paused)

    @property
    def _drained(self) -> bool:
        return self._ended and not self._frames

    def _take(self) -> tuple[bytes, int]:
        cut, self._cut = self._cut, None
        if cut is not None:
            return self._encoder(cut.rate_hz).encode(cut.data), cut.samples
        frame = self._frames.popleft()
        self._queued -= frame.samples
        self._sent += frame.samples
        self._sounding = True
        fade_in, self._fade_in = self._fade_in, False
        packet = frame.data
        if frame.rate_hz:
            shaped = faded(frame, self._settings.fade_ms, out=False) if fade_in else frame
            packet = self._encoder(frame.rate_hz).encode(shaped.data)
        if not self._started:
            self._started = True
            self.on_started()
        return packet, frame.samples

    def _note_idle(self, now: float) -> None:
        """Time without anything to send is a pause, not a delay to catch up with."""
        if not self._sendable and now > self._free_at:
            self._idle = True
            self._sounding = False

    def _cut_off(self) -> None:
        if not self._sounding or self._drained:
            return
        self._sounding = False
        if self._frames and self._frames[0].rate_hz:
            self._cut = faded(self._frames[0], self._settings.fade_ms, out=True)
        else:
            self._cut = _SILENCE

    def _drop_frames(self) -> None:
        self._frames.clear()
        self._queued = 0
        self._cutter.discard()
        self._paused = False
        self._ended = False
        self._fade_in = True

    def _append(self, frames: list[Frame]) -> None:
        self._frames.extend(frames)
        self._queued += sum(frame.samples for frame in frames)

    def _encoder(self, rate_hz: int) -> Encoder:
        encoder = self._encoders.get(rate_hz)
        if encoder is None:
            settings = self._settings
            complexity = settings.opus_complexity if self._mode == "celt" else settings.opus_voip_complexity
            encoder = Encoder(rate_hz, bitrate=settings.opus_bitrate, complexity=complexity, mode=self._mode)
            encoder.set_expected_loss(self._loss_percent)
            self._encoders[rate_hz] = encoder
        return encoder

    def _drop_encoders(self) -> None:
        for encoder in self._encoders.values():
            encoder.close()
        self._encoders.clear()
