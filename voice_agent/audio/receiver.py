"""From RTP packets of Opus to an even row of 20 ms frames: what the caller said, with no holes in time.

A `VoiceReceiver` joins the jitter buffer and the decoder. Lost packets are rebuilt from the next packet's in-band
copy, else concealed, else silent; when a caller's packets pause (muted, discontinuous transmission, network gone)
silence is put in as real time passes, because pauses are what ends a turn. Silence that was put in while packets were
only late is taken back from the next pause, so audio time stays with the caller's clock.

Time is an argument (seconds, monotonic). Not here: sockets, SRTP, and what the frames mean.
"""

from __future__ import annotations

from collections.abc import Callable

from voice_agent.audio.jitter import JitterBuffer, Packet, Released
from voice_agent.audio.opus import Decoder, OpusError, packet_duration_ms
from voice_agent.settings import AudioSettings

RATE_HZ = 16_000
FRAME_MS = 20
FRAME_BYTES = RATE_HZ * FRAME_MS // 1000 * 2

_RTP_PER_MS = 48
_BYTES_PER_MS = RATE_HZ // 1000 * 2
_SILENCE_STEP_MS = 3 * FRAME_MS
"""Silence goes on in pieces of this length: a caller who sends nothing is not worth a timer for each frame."""
_LONGEST_PAUSE_MS = 600_000
"""A timestamp further ahead than this is a new clock, not a pause."""


class VoiceReceiver:
    """One caller's stream. `on_frame` gets exactly 640 bytes (20 ms, mono s16le, 16 kHz), synchronously.

    Counters, all of packets except the last: `received`, `decoded`, `recovered` (in-band copy or concealment),
    `undecodable`, `silence_ms` (put in). `bad_in_a_row_since` is when the first packet came that could not be decoded
    since the last good one, else None: a peer that sends only garbage can be closed by it. `jitter` has its own
    counters. Raises OpusMissingError when constructed without libopus.
    """

    def __init__(self, settings: AudioSettings, on_frame: Callable[[bytes], None]) -> None:
        self._settings = settings
        self._on_frame = on_frame
        self._decoder = Decoder(RATE_HZ)
        self._rest = b""
        self._packet_ms: float = FRAME_MS
        self._expected_timestamp: int | None = None
        self._concealed_ms = 0.0
        self._last_arrival: float | None = None
        self._filled_ms = 0
        # Silence put in that the caller's own timestamps have not accounted for yet.
        self._ahead_ms = 0.0
        # The part of it that was put in since the last packet in turn.
        self._awaited_ms = 0.0
        self.jitter = JitterBuffer(settings.jitter_wait_ms)
        self.received = 0
        self.decoded = 0
        self.recovered = 0
        self.undecodable = 0
        self.silence_ms = 0.0
        self.bad_in_a_row_since: float | None = None

    def packet(self, seq: int, timestamp: int, payload: bytes, now: float) -> None:
        """Takes one RTP payload. Never raises for what a peer may send; an empty payload is ignored."""
        if not payload:
            return
        self.received += 1
        self._last_arrival = now
        self._filled_ms = 0
        self._play(self.jitter.add(seq, timestamp, payload, now), now)

    def poll(self, now: float) -> None:
        """Gives up holes and puts in silence as far as due. Call it at `next_deadline`."""
        self._play(self.jitter.poll(now), now)
        if self._last_arrival is None:
            return
        # Rounded, so that a call exactly at `next_deadline` is never a float's breadth too early.
        pause_ms = round((now - self._last_arrival) * 1000 - self._packet_ms, 3)
        if pause_ms < self._settings.silence_after_ms:
            return
        due_ms = int(pause_ms - self._filled_ms) // FRAME_MS * FRAME_MS
        fill_ms = min(due_ms, self._settings.silence_fill_max_ms)
        self._filled_ms += due_ms
        if fill_ms > 0:
            self._ahead_ms += fill_ms
            self._awaited_ms += fill_ms
            self._silence(fill_ms)

    def next_deadline(self) -> float | None:
        """When `poll` has work if no packet comes; None before the first packet."""
        if self._last_arrival is None:
            return None
        silent_ms = max(self._settings.silence_after_ms, self._filled_ms + _SILENCE_STEP_MS)
        silent = self._last_arrival + (self._packet_ms + silent_ms) / 1000
        hole = self.jitter.next_deadline()
        return silent if hole is None else min(hole, silent)

    def close(self) -> None:
        """Frees the decoder. Idempotent; nothing may be fed afterwards."""
        self._decoder.close()

    def _play(self, released: Released, now: float) -> None:
        for item in released:
            if isinstance(item, Packet):
                self._decode(item, now)
            else:
                self._fill_loss(item.next_payload)

    def _decode(self, packet: Packet, now: float) -> None:
        self._account_for_pause(packet.timestamp)
        self._awaited_ms = 0.0
        try:
            pcm = self._decoder.decode(packet.payload)
        except OpusError:
            # The peer's fault, not ours: counted, and time goes on as if the packet were lost.
            self.undecodable += 1
            if self.bad_in_a_row_since is None:
                self.bad_in_a_row_since = now
            self._advance_timestamp(packet.timestamp, self._packet_ms)
            self._conceal()
            return
        self.decoded += 1
        self.bad_in_a_row_since = None
        self._concealed_ms = 0.0
        self._packet_ms = len(pcm) / _BYTES_PER_MS
        self._advance_timestamp(packet.timestamp, self._packet_ms)
        self._emit(pcm)

    def _advance_timestamp(self, timestamp: int, duration_ms: float) -> None:
        self._expected_timestamp = (timestamp + int(duration_ms * _RTP_PER_MS)) & 0xFFFFFFFF

    def _account_for_pause(self, timestamp: int) -> None:
        if self._expected_timestamp is None:
            return
        gap_ms = ((timestamp - self._expected_timestamp) & 0xFFFFFFFF) / _RTP_PER_MS
        if gap_ms == 0:
            return
        if gap_ms > _LONGEST_PAUSE_MS:
            # Behind, or a new clock: nothing is owed either way.
            self._ahead_ms = 0.0
            return
        owed_ms = gap_ms - self._ahead_ms
        self._ahead_ms = max(0.0, -owed_ms)
        if owed_ms > 0:
            self._silence(min(owed_ms, self._settings.silence_fill_max_ms))

    def _fill_loss(self, next_payload: bytes | None) -> None:
        self.recovered += 1
        if self._expected_timestamp is not None:
            self._advance_timestamp(self._expected_timestamp, self._packet_ms)
        if self._awaited_ms >= self._packet_ms:
            # Its time was already filled while it was awaited.
            self._awaited_ms -= self._packet_ms
            self._ahead_ms -= self._packet_ms
            return
        if next_payload is not None:
            try:
                if packet_duration_ms(next_payload) >= self._packet_ms:
                    self._emit(self._decoder.decode_fec(next_payload, self._packet_ms))
                    return
            except OpusError:
                # The next packet is no Opus either; it is counted when its own turn comes.
                self._conceal()
                return
        self._conceal()

    def _conceal(self) -> None:
        if self._concealed_ms + self._packet_ms > self._settings.conceal_max_ms:
            self._silence(self._packet_ms)
            return
        self._concealed_ms += self._packet_ms
        self._emit(self._decoder.conceal(self._packet_ms))

    def _silence(self, duration_ms: float) -> None:
        self.silence_ms += duration_ms
        self._emit(bytes(int(duration_ms * _BYTES_PER_MS / 2) * 2))

    def _emit(self, pcm: bytes) -> None:
        if not self._rest and len(pcm) == FRAME_BYTES:
            self._on_frame(pcm)
            return
        pcm = self._rest + pcm
        whole = len(pcm) - len(pcm) % FRAME_BYTES
        self._rest = pcm[whole:]
        for at in range(0, whole, FRAME_BYTES):
            self._on_frame(pcm[at : at + FRAME_BYTES])
