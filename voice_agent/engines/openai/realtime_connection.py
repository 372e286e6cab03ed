"""WebSocket connections for realtime transcription: one connection, and a pool that keeps some ready ahead.

A connection serves one utterance at a time and may serve many in turn. Nothing here knows what a transcript is.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from aiohttp import ClientWebSocketResponse, WSMsgType

from voice_agent.engines.openai.client import Client
from voice_agent.engines.openai.errors import cut_short, malformed, translated
from voice_agent.engines.ports import EngineError
from voice_agent.settings import EngineSettings

logger = logging.getLogger(__name__)

_WAITING_EVENTS = 256
"""Events read but not yet taken; more stay in the socket."""

Event = Mapping[str, Any]


class Connection:
    """One open WebSocket. A reader task notices its death even while it is idle."""

    def __init__(self, socket: ClientWebSocketResponse, settings: EngineSettings, on_dead: Callable[[], None]) -> None:
        self.opened_at = time.monotonic()
        self.session: Event = {}
        self.finished_items: set[str] = set()
        self._socket = socket
        self._send_timeout_s = settings.provider_send_timeout_s
        self._close_timeout_s = settings.provider_connect_timeout_s
        self._on_dead = on_dead
        self._events: asyncio.Queue[Event | None] = asyncio.Queue(_WAITING_EVENTS)
        self._error: EngineError | None = None
        self._reader = asyncio.create_task(self._read(), name="realtime-reader")

    @property
    def alive(self) -> bool:
        return self._error is None

    async def send(self, event: Event) -> None:
        """Raises EngineError if the provider does not take it in time."""
        await self.send_json(json.dumps(event).encode())

    async def send_json(self, event: bytes) -> None:
        """An event that is JSON already; raises as `send` does."""
        with translated(started=True):
            async with asyncio.timeout(self._send_timeout_s):
                await self._socket.send_frame(event, WSMsgType.TEXT)

    async def configure(self, session: Event) -> None:
        """Sends `session.update` unless the session is like that already. The answer is not awaited: order holds."""
        if session != self.session:
            self.session = session
            await self.send({"type": "session.update", "session": session})

    async def receive(self) -> Event:
        """The next event. Raises EngineError when the connection has ended."""
        if not (self._events.empty() and self._error is not None):
            event = await self._events.get()
            if event is not None:
                return event
        raise self._error or cut_short()

    async def fail(self, error: EngineError) -> None:
        """Ends the connection; whoever receives gets `error`."""
        self._end(error)
        await self.close()

    async def close(self) -> None:
        """Idempotent. Never takes longer than the deadline of a connection."""
        self._reader.cancel()
        await asyncio.wait((self._reader,))
        if self._error is not None:
            self._error.__traceback__ = None  # whose frames hold this connection: a ring
        # The peer may be gone: the socket is dropped then, which is all a close is for.
        with suppress(Exception):
            async with asyncio.timeout(self._close_timeout_s):
                await self._socket.close()

    async def _read(self) -> None:
        error = cut_short()
        try:
            while True:
                with translated(started=True):
                    message = await self._socket.receive()
                    if message.type is not WSMsgType.TEXT:
                        return
                    event = json.loads(message.data)
                if not isinstance(event, dict) or not isinstance(event.get("type"), str):
                    raise malformed("not an event")
                await self._events.put(event)
        except EngineError as exc:
            error = exc
        finally:
            self._end(error)

    def _end(self, error: EngineError) -> None:
        if self._error is None:
            self._error = error
            with suppress(asyncio.QueueFull):  # then the receiver is not waiting, and sees the error afterwards
                self._events.put_nowait(None)
            self._on_dead()


class ConnectionPool:
    """Opens connections, keeps `transcriber_warm_connections` of them idle and ready, and replaces dead or old ones."""

    def __init__(self, client: Client, settings: EngineSettings, session: Event) -> None:
        self._client = client
        self._settings = settings
        self._session = session
        self._idle: list[Connection] = []
        self._check = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Begins to keep connections ready. Does not wait for the first."""
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep(), name="realtime-warm")

    async def take(self, session: Event) -> Connection:
        """A connection configured for `session`, for this caller alone. Raises EngineError."""
        connection = None
        while self._idle and connection is None:
            candidate = self._idle.pop()
            if self._usable(candidate):
                connection = candidate
            else:
                self.discard(candidate)
        self._check.set()
        return await self._configured(connection or await self._connect(), session)

    def give_back(self, connection: Connection) -> None:
        """For a connection whose utterance ended cleanly: kept for the next one, or closed if there are enough."""
        if self._usable(connection) and len(self._idle) < self._settings.transcriber_idle_connections:
            self._idle.append(connection)
        else:
            self.discard(connection)

    def discard(self, connection: Connection) -> None:
        """Closes it in the background: a peer that does not answer the close holds nobody up."""
        task = asyncio.create_task(connection.close(), name="realtime-close")
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    @property
    def ready(self) -> int:
        """Idle connections that can be taken now."""
        return sum(self._usable(connection) for connection in self._idle)

    async def aclose(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait((self._keeper,))
            self._keeper = None
        for connection in self._idle:
            self.discard(connection)
        self._idle.clear()
        if self._closing:
            await asyncio.wait(self._closing)

    def _usable(self, connection: Connection) -> bool:
        age_s = time.monotonic() - connection.opened_at
        return connection.alive and age_s < self._settings.transcriber_connection_max_age_s

    async def _configured(self, connection: Connection, session: Event) -> Connection:
        try:
            await connection.configure(session)
        except BaseException:
            self.discard(connection)
            raise
        return connection

    async def _connect(self) -> Connection:
        settings = self._settings
        with translated():
            async with asyncio.timeout(settings.provider_connect_timeout_s):
                socket = await self._client.connect("/realtime", {"intent": "transcription"})
        return Connection(socket, settings, self._check.set)

    async def _keep(self) -> None:
        settings = self._settings
        while True:
            self._check.clear()
            stale = [connection for connection in self._idle if not self._usable(connection)]
            self._idle = [connection for connection in self._idle if connection not in stale]
            for connection in stale:
                self.discard(connection)
            try:
                while len(self._idle) < settings.transcriber_warm_connections:
                    self._idle.append(await self._configured(await self._connect(), self._session))
            except EngineError as error:
                logger.warning("no realtime transcription connection could be opened: %s", error.code)
                await asyncio.sleep(settings.breaker_reset_s)
                continue
            oldest = min((connection.opened_at for connection in self._idle), default=time.monotonic())
            expires_at = oldest + settings.transcriber_connection_max_age_s
            with suppress(TimeoutError):  # the oldest has reached its age
                async with asyncio.timeout(max(expires_at - time.monotonic(), 0.0)):
                    await self._check.wait()
