"""Speech for a WebSocket client: `response.output_audio.delta` events, sent as soon as they exist.

The client paces the sound itself, so how much of it was heard is reckoned: it plays without a break from the first
sound on, and stands still where the next piece came too late. `pause` has no effect: what was sent cannot be held
back. The addresses of a delta (response, item, index) and the response's output format are learned from the events
that the session sends through the same transport, so they can never disagree with them.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from voice_agent.audio.g711 import encode_pcma, encode_pcmu
from voice_agent.audio.opus import Decoder
from voice_agent.audio.resample import Resampler
from voice_agent.engines.ports import AudioChunk, Pcm

Format = Literal["audio/pcm", "audio/pcmu", "audio/pcma"]

_PCM_RATE_HZ = 24_000
_G711_RATE_HZ = 8_000
_SAMPLE_BYTES = 2


class EventQueue(Protocol):
    """The outgoing queue of the socket."""

    def send_audio(self, event: Mapping[str, object]) -> None:
        """As `send_event`, and `drop_audio` can still take it back."""

    def drop_audio(self) -> None:
        """Forgets audio events that have not been written yet."""

    async def room(self) -> None:
        """Returns when the queue is short."""


@dataclass(frozen=True, slots=True)
class _Address:
    response_id: str
    output_index: int
    content_index: int


class PlayClock:
    """How much of what was sent has been played by a client that plays in real time. Pure; times in s and ms."""

    def __init__(self) -> None:
        self._sent_ms = 0.0
        self._until_s = 0.0

    def reset(self) -> None:
        self._sent_ms = 0.0

    def sent(self, length_ms: float, now_s: float) -> None:
        start = self._until_s if self._sent_ms else now_s
        self._until_s = max(start, now_s) + length_ms / 1000
        self._sent_ms += length_ms

    def played_ms(self, now_s: float) -> float:
        return self._sent_ms - self.left_s(now_s) * 1000

    def left_s(self, now_s: float) -> float:
        return max(0.0, self._until_s - now_s) if self._sent_ms else 0.0

    def stop(self, now_s: float) -> None:
        """What has not been played by now never will be."""
        self._sent_ms = self.played_ms(now_s)
        self._until_s = now_s


class WebSocketSpeech:
    """The `SpeechOutput` of a WebSocket."""

    on_started: Callable[[], None]
    on_drained: Callable[[], None]

    def __init__(self, queue: EventQueue, new_event_id: Callable[[], str]) -> None:
        self.on_started = self.on_drained = lambda: None
        self._queue = queue
        self._new_event_id = new_event_id
        self._loop = asyncio.get_running_loop()
        self._format: Format = "audio/pcm"
        self._item_id = ""
        self._addresses: dict[str, _Address] = {}
        self._held: list[bytes] = []
        self._clock = PlayClock()
        self._started = False
        self._resampler: Resampler | None = None
        self._resampler_rates = (0, 0)
        self._decoder: Decoder | None = None
        self._started_call: asyncio.Handle | None = None
        self._drained_timer: asyncio.TimerHandle | None = None

    # --- what the session sends, seen before it is queued

    def observe(self, event: Mapping[str, object]) -> None:
        kind = event.get("type")
        if kind == "response.content_part.added":
            self._addresses[str(event["item_id"])] = _Address(
                str(event["response_id"]), _int(event["output_index"]), _int(event["content_index"])
            )
            self._send_held()
        elif kind == "response.output_audio.done" and event.get("item_id") == self._item_id:
            self._flush_resampler()
        elif kind == "response.done":
            self._forget_addresses_but(self._item_id)
        elif kind == "response.created":
            self._format = _output_format(event) or self._format

    def _forget_addresses_but(self, item_id: str) -> None:
        self._addresses = {key: value for key, value in self._addresses.items() if key == item_id}

    # --- SpeechOutput

    def begin(self, item_id: str) -> None:
        self._cancel_calls()
        self._item_id = item_id
        self._held.clear()
        self._clock.reset()
        self._started = False
        self._resampler = None

    def write(self, chunk: AudioChunk) -> int:
        pcm, rate_hz = self._decoded(chunk)
        length_ms = len(pcm) * 1000 / (_SAMPLE_BYTES * rate_hz)
        self._clock.sent(length_ms, self._loop.time())
        self._send(self._resampled(pcm, rate_hz))
        if not self._started and pcm:
            self._started = True
            self._started_call = self._loop.call_soon(self.on_started)
        return round(length_ms)

    def end(self) -> None:
        self._flush_resampler()
        self._cancel_timer()
        self._drained_timer = self._loop.call_later(self._clock.left_s(self._loop.time()), self._drained)

    async def room(self) -> None:
        await self._queue.room()

    def pause(self) -> None:
        """The client has it already."""

    def resume(self) -> None:
        """Nothing was paused."""

    def clear(self) -> None:
        self._cancel_calls()
        self._held.clear()
        self._resampler = None
        self._queue.drop_audio()
        self._clock.stop(self._loop.time())

    @property
    def position_ms(self) -> int:
        return int(self._clock.played_ms(self._loop.time()))

    def close(self) -> None:
        """The socket is gone: no timer may fire any more."""
        self._cancel_calls()

    # --- inside

    def _drained(self) -> None:
        self._drained_timer = None
        self.on_drained()

    def _cancel_calls(self) -> None:
        self._cancel_timer()
        if self._started_call is not None:
            self._started_call.cancel()
            self._started_call = None

    def _cancel_timer(self) -> None:
        if self._drained_timer is not None:
            self._drained_timer.cancel()
            self._drained_timer = None

    @property
    def _rate_hz(self) -> int:
        return _PCM_RATE_HZ if self._format == "audio/pcm" else _G711_RATE_HZ

    def _decoded(self, chunk: AudioChunk) -> tuple[bytes, int]:
        if isinstance(chunk, Pcm):
            return chunk.data, chunk.rate_hz
        if self._decoder is None:
            self._decoder = Decoder(_PCM_RATE_HZ)
        decoder = self._decoder
        return b"".join(decoder.decode(packet) for packet in chunk.packets), _PCM_RATE_HZ

    def _resampled(self, pcm: bytes, rate_hz: int) -> bytes:
        rates = (rate_hz, self._rate_hz)
        if self._resampler is None or rates != self._resampler_rates:
            self._flush_resampler()
            self._resampler, self._resampler_rates = Resampler(*rates), rates
        return self._resampler.feed(pcm)

    def _flush_resampler(self) -> None:
        if self._resampler is not None:
            resampler, self._resampler = self._resampler, None
            self._send(resampler.flush())

    def _send(self, pcm: bytes) -> None:
        if not pcm:
            return
        if self._format == "audio/pcmu":
            self._held.append(encode_pcmu(pcm))
        elif self._format == "audio/pcma":
            self._held.append(encode_pcma(pcm))
        else:
            self._held.append(pcm)
        self._send_held()

    def _send_held(self) -> None:
        """A delta names its response, so sound waits until the session has announced the part it belongs to."""
        address = self._addresses.get(self._item_id)
        if address is None:
            return
        for data in self._held:
            self._queue.send_audio(
                {
                    "type": "response.output_audio.delta",
                    "event_id": self._new_event_id(),
                    "response_id": address.response_id,
                    "item_id": self._item_id,
                    "output_index": address.output_index,
                    "content_index": address.content_index,
                    "delta": base64.b64encode(data).decode("ascii"),
                }
            )
        self._held.clear()


def _int(value: object) -> int:
    return value if isinstance(value, int) else 0


def _output_format(event: Mapping[str, object]) -> Format | None:
    node: object = event
    for key in ("response", "audio", "output", "format", "type"):
        node = node.get(key) if isinstance(node, Mapping) else None
    return node if node in ("audio/pcm", "audio/pcmu", "audio/pcma") else None
