"""The agent's speech as a paced row of Opus packets: `pacing.PlayoutQueue` with a clock and the waiting.

A media track awaits `next_packet`; the call writes. In silence nothing is sent and the timestamps go on with the clock.
Everything runs on one event loop, and only one task may await `next_packet`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from voice_agent.audio.framing import OpusChunk, PcmChunk
from voice_agent.audio.opus import Mode
from voice_agent.audio.pacing import PlayoutQueue
from voice_agent.settings import AudioSettings


class PacedPlayout:
    """A speech output of a call, for transports that play in real time. `clock` gives monotonic seconds."""

    def __init__(self, settings: AudioSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._queue = PlayoutQueue(settings, clock())
        self._work = asyncio.Event()
        self._room = asyncio.Event()

    @property
    def on_started(self) -> Callable[[], None]:
        """Called when the first sound of a reply leaves."""
        return self._queue.on_started

    @on_started.setter
    def on_started(self, callback: Callable[[], None]) -> None:
        self._queue.on_started = callback

    @property
    def on_drained(self) -> Callable[[], None]:
        """Called when, after `end`, the last sound has been played out."""
        return self._queue.on_drained

    @on_drained.setter
    def on_drained(self, callback: Callable[[], None]) -> None:
        self._queue.on_drained = callback

    def begin(self, item_id: str) -> None:
        """A new reply starts at position 0; what is left of the one before is dropped."""
        self._queue.begin(self._clock())
        self._changed()

    def write(self, chunk: PcmChunk | OpusChunk) -> int:
        """Queues speech; returns its length in ms. Raises BufferError past twice `playout_max_s`."""
        length_ms = self._queue.write(chunk, self._clock())
        self._changed()
        return length_ms

    def end(self) -> None:
        """The reply is complete: `on_drained` follows."""
        self._queue.end(self._clock())
        self._changed()

    async def room(self) -> None:
        """Returns when less than `playout_max_s` wait."""
        while self._queue.full:
            self._room.clear()
            await self._room.wait()

    def pause(self) -> None:
        """Holds from the next packet on; what is being heard fades out."""
        self._queue.pause(self._clock())
        self._changed()

    def resume(self) -> None:
        """Goes on where `pause` held."""
        self._queue.resume(self._clock())
        self._changed()

    def clear(self) -> None:
        """Forgets everything queued, without `on_drained`."""
        self._queue.clear(self._clock())
        self._changed()

    def set_loss(self, percent: float) -> None:
        """Packet loss as the listener reports it: chooses the encoder."""
        self._queue.set_loss(percent)

    def close(self) -> None:
        """Frees the encoders. Idempotent; nothing may be written afterwards."""
        self._queue.close()
        self._changed()

    @property
    def position_ms(self) -> int:
        """How much of the current reply has left."""
        return self._queue.position_ms

    @property
    def queued_ms(self) -> int:
        """How much still waits."""
        return self._queue.queued_ms

    @property
    def mode(self) -> Mode:
        """The encoder in use, as `set_loss` chose it."""
        return self._queue.mode

    @property
    def malformed(self) -> int:
        """Packets of a provider that were no Opus and were left out."""
        return self._queue.malformed

    async def next_packet(self) -> tuple[bytes, int]:
        """Waits until a packet is due; returns it with its timestamp in samples at 48 kHz."""
        while True:
            self._work.clear()
            packet = self._queue.due(self._clock())
            if packet is not None:
                if not self._queue.full:
                    self._room.set()
                return packet
            at = self._queue.next_due()
            if at is None:
                await self._work.wait()
            else:
                await asyncio.sleep(max(0.0, at - self._clock()))

    def _changed(self) -> None:
        self._work.set()
        if not self._queue.full:
            self._room.set()
