"""The agent's speech as a paced row of Opus packets: `pacing.PlayoutQueue` with a clock and a timer.

The call writes; from `play` on, each packet is given to the sender when it is due, by one timer of the event loop and
no task. In silence there is no timer, nothing is sent, and the timestamps go on with the clock.
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
        self._room = asyncio.Event()
        self.on_failed: Callable[[], None] | None = None
        """Called, while the exception is handled, when `on_started`, `on_drained` or the encoder raises: no event loop
        would do more than log it, and this reply is not to be heard any more."""
        self._send: Callable[[bytes, int], None] | None = None
        self._timer: asyncio.Handle | None = None

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

    def play(self, send: Callable[[bytes, int], None]) -> None:
        """From now on each packet goes to `send(packet, timestamp)` when it is due; timestamps are samples at 48 kHz.
        It is called by the event loop, never from within a method."""
        self._send = send
        self._schedule()

    def stop(self) -> None:
        """The end of `play`: nothing leaves any more. Idempotent."""
        self._send = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

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

    def _changed(self) -> None:
        if not self._queue.full:
            self._room.set()
        self._schedule()

    def _schedule(self) -> None:
        # A timer that is set stays: the time at which the last packet is over never moves forward.
        if self._timer is not None or self._send is None:
            return
        at = self._queue.next_due()
        if at is not None:
            loop, wait_s = asyncio.get_running_loop(), at - self._clock()
            play = self._play_due
            self._timer = loop.call_later(wait_s, play) if wait_s > 0 else loop.call_soon(play)

    def _play_due(self) -> None:
        self._timer = None
        try:
            packet = self._queue.due(self._clock())
        except Exception:
            if self.on_failed is None:
                raise
            self.on_failed()
            return
        self._changed()
        if packet is not None and self._send is not None:
            self._send(*packet)
