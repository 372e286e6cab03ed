"""The data channel `oai-events` of one peer: events as text, both ways, bounded both ways.

What an event means is the session's business. Whole messages above the size limit are refused by the media stack's
guards before they come here.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable

from aiortc import RTCDataChannel

from signaling.limits import ChannelRate
from voice_agent.hardening.media_stack import send_text
from voice_agent.hardening.rejections import rejected
from voice_agent.realtime.errors import ProtocolError

LABEL = "oai-events"
_TOO_FAST = ProtocolError("There are too many events in a short time: some were not taken.", code="rate_limited")
_TELL_EVERY_S = 1.0
"""The answers to a flood must not be one."""


class EventChannel:
    """Holds events until the channel is open, and until somebody listens.

    `on_event(raw)` gets each incoming message, `str` or `bytes`. `on_lost(reason)` is called when the client closes
    the channel ("client_closed") or does not read what it is sent ("slow_client"). Events above `rate` are refused
    with an error event, of which there is one a second at most: this channel cannot be left unread.
    """

    def __init__(
        self,
        *,
        max_event_bytes: int,
        max_backlog_bytes: int,
        rate: ChannelRate,
        on_event: Callable[[str | bytes], None],
        on_lost: Callable[[str], None],
    ) -> None:
        self._max_event_bytes = max_event_bytes
        self._max_backlog_bytes = max_backlog_bytes
        self._rate = rate
        self._told_at = -_TELL_EVERY_S
        self._on_event = on_event
        self._on_lost = on_lost
        self._channel: RTCDataChannel | None = None
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._closed = False

    def attach(self, channel: RTCDataChannel) -> None:
        """Takes the channel that the client opened. Any other than the first `oai-events` is closed."""
        if self._closed:
            return
        if channel.label != LABEL or self._channel is not None:
            rejected("channel_label")
            channel.close()
            return
        self._channel = channel
        channel.on("message", self._received)
        channel.on("close", self._client_closed)
        while self._waiting and self._channel is not None:
            self._send(self._waiting.popleft())
        self._waiting_bytes = 0

    def send(self, text: str) -> None:
        """Queues one event. Never blocks and never raises; an event above the size limit is dropped and counted."""
        if self._closed:
            return
        # Text of a provider may hold half of a surrogate pair, which has no place in UTF-8.
        message = text.encode(errors="replace")
        if len(message) > self._max_event_bytes:
            rejected("event_too_large")
            return
        if self._channel is not None:
            self._send(message)
            return
        self._waiting_bytes += len(message)
        if self._waiting_bytes > self._max_backlog_bytes:
            self._lost("slow_client")
            return
        self._waiting.append(message)

    def close(self) -> None:
        """Forgets the channel and what waits for it. Idempotent."""
        self._closed = True
        self._channel = None
        self._waiting.clear()

    def _send(self, message: bytes) -> None:
        channel = self._channel
        if channel is None or channel.readyState != "open":
            return
        try:
            send_text(channel, message)
        except ValueError:
            # The client announced a smaller limit than ours (a=max-message-size).
            rejected("event_too_large")
            return
        if channel.bufferedAmount > self._max_backlog_bytes:
            self._lost("slow_client")

    def _received(self, message: str | bytes) -> None:
        if self._closed:
            return
        now = asyncio.get_running_loop().time()
        if self._rate.take(len(message), now):
            self._on_event(message)
            return
        rejected("event_rate")
        if now - self._told_at >= _TELL_EVERY_S:
            self._told_at = now
            self.send(json.dumps(_TOO_FAST.to_event()))

    def _client_closed(self) -> None:
        if not self._closed:
            self._lost("client_closed")

    def _lost(self, reason: str) -> None:
        self.close()
        self._on_lost(reason)
