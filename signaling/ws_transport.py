"""The sending half of one WebSocket: a bounded queue, one writer task, an orderly close.

Nothing here blocks a call: an event is queued, and a client that lets the queue fill up is closed (1013).
"""

from __future__ import annotations

import asyncio
import json
import logging
import weakref
from collections import deque
from collections.abc import Callable, Mapping

from aiohttp import WSCloseCode, web

from signaling.ws_speech import WebSocketSpeech
from voice_agent.call.transport import SpeechOutput
from voice_agent.realtime.ids import new_id
from voice_agent.settings import ServerSettings

logger = logging.getLogger(__name__)

_JSON = json.JSONEncoder(separators=(",", ":"))


class WebSocketTransport:
    """A `Transport`. `on_overflow` is called when the client cannot keep up; `abort` cuts the connection at once."""

    on_overflow: Callable[[], None]

    def __init__(
        self,
        socket: web.WebSocketResponse[bool],
        server: ServerSettings,
        *,
        speech: bool,
        abort: Callable[[], None],
    ) -> None:
        self._socket = socket
        self._server = server
        self._abort = abort
        self.on_overflow = lambda: None
        self._queue: deque[tuple[str, bool]] = deque()
        self._queued_bytes = 0
        self._wake = asyncio.Event()
        self._short = asyncio.Event()
        self._short.set()
        self._writer: asyncio.Task[None] | None = None
        self._closing = False
        self._close_code = WSCloseCode.OK
        self._speech = WebSocketSpeech(weakref.proxy(self), lambda: new_id("event")) if speech else None
        self.speech: SpeechOutput | None = self._speech

    def start(self) -> None:
        """The handshake is done: events may leave."""
        self._writer = asyncio.create_task(self._write(), name="websocket writer")

    def close_with(self, code: WSCloseCode) -> None:
        """The code `close` will use; the first one that is not OK stays."""
        if self._close_code is WSCloseCode.OK:
            self._close_code = code

    # --- queue

    def send_event(self, event: Mapping[str, object]) -> None:
        if self._speech is not None:
            self._speech.observe(event)
        self._put(event, audio=False)

    def send_audio(self, event: Mapping[str, object]) -> None:
        self._put(event, audio=True)

    def _put(self, event: Mapping[str, object], *, audio: bool) -> None:
        if self._closing:
            return
        text = _JSON.encode(event)
        self._queue.append((text, audio))
        self._queued_bytes += len(text)
        self._wake.set()
        if self._queued_bytes > self._server.ws_send_queue_bytes:
            self._overflow()
        elif self._queued_bytes * 2 > self._server.ws_send_queue_bytes:
            self._short.clear()

    def drop_audio(self) -> None:
        self._queue = deque(entry for entry in self._queue if not entry[1])
        self._queued_bytes = sum(len(text) for text, _ in self._queue)
        self._mark_short()

    async def room(self) -> None:
        await self._short.wait()

    def _mark_short(self) -> None:
        if self._queued_bytes * 2 <= self._server.ws_send_queue_bytes:
            self._short.set()

    def _overflow(self) -> None:
        logger.warning("A WebSocket client cannot keep up and is closed")
        self._give_up(WSCloseCode.TRY_AGAIN_LATER)
        self.on_overflow()

    def _give_up(self, code: WSCloseCode) -> None:
        self.close_with(code)
        self._closing = True
        self._queue.clear()
        self._queued_bytes = 0
        self._short.set()
        self._wake.set()

    # --- writer

    async def _write(self) -> None:
        while True:
            while self._queue:
                text, _ = self._queue.popleft()
                self._queued_bytes -= len(text)
                self._mark_short()
                try:
                    async with asyncio.timeout(self._server.ws_send_timeout_s):
                        await self._socket.send_str(text)
                except TimeoutError:
                    self._overflow()
                    return
                except ConnectionError:
                    self._give_up(WSCloseCode.ABNORMAL_CLOSURE)  # The reader sees the same and ends the call.
                    return
            if self._closing:
                return
            self._wake.clear()
            await self._wake.wait()

    async def close(self) -> None:
        """Sends what is queued, then closes. Takes at most `close_timeout_s`; calling it again does nothing."""
        if self._speech is not None:
            self._speech.close()
        self._closing = True
        self._wake.set()
        self._short.set()
        if self._writer is None:
            return
        writer, self._writer = self._writer, None
        try:
            async with asyncio.timeout(self._server.close_timeout_s):
                await writer
                await self._socket.close(code=self._close_code)
        except TimeoutError:
            logger.info("A WebSocket did not close in time")
        finally:
            writer.cancel()
            if self._socket.close_code in (None, WSCloseCode.ABNORMAL_CLOSURE):
                # An orderly close would wait until a peer that is gone takes what is still buffered for it.
                self._abort()
