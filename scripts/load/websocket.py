"""A caller over a WebSocket, by voice or by text. Speech is PCM in events of 100 ms, encoded once before the run."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import functools
import json
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import numpy as np
from aiohttp import (
    ClientError,
    ClientSession,
    ClientWebSocketResponse,
    ClientWSTimeout,
    WSMsgType,
    WSServerHandshakeError,
)

from scripts.load.signal import RefusedError, UnreachableError
from scripts.speech import synthesize

Event = dict[str, Any]

RATE_HZ = 24_000
PIECE_S = 0.1
_PIECE_BYTES = int(RATE_HZ * PIECE_S) * 2
_VOICED = 500
_CONNECT_TIMEOUT_S = 15.0
_CLOSE_TIMEOUT_S = 5.0


class SocketCaller:
    """One conversation. `on_event` is told of each server event, on the event loop."""

    def __init__(self, http: ClientSession, on_event: Callable[[Event], None]) -> None:
        self.closed = asyncio.Event()
        """Set when the connection is gone, whoever ended it."""
        self._http = http
        self._on_event = on_event
        self._socket: ClientWebSocketResponse | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._speech: list[str] = []
        self._spoken = asyncio.Event()

    async def call(self, base_url: str, key: str, *, query: Mapping[str, str], voice: bool) -> None:
        """Connects; with `voice` the microphone is open from then on. Raises RefusedError or UnreachableError."""
        try:
            async with asyncio.timeout(_CONNECT_TIMEOUT_S):
                self._socket = await self._http.ws_connect(
                    f"{base_url}/realtime",
                    params=query,
                    headers={"Authorization": f"Bearer {key}"},
                    max_msg_size=0,
                    timeout=ClientWSTimeout(ws_close=_CLOSE_TIMEOUT_S),
                )
        except WSServerHandshakeError as error:
            raise RefusedError(error.status, "") from error
        except (ClientError, TimeoutError, OSError) as error:
            raise UnreachableError(f"{type(error).__name__} at {base_url}") from error
        self._spawn(self._read(self._socket))
        if voice:
            self._spawn(self._talk())

    async def say(self, text: str) -> float:
        """Speaks now; returns the loop's time at the end. Raises ConnectionError when the call ends before."""
        self._spoken.clear()
        self._speech.extend(spoken_events(text))
        await self._spoken.wait()
        if self.closed.is_set():
            raise ConnectionError("the call has ended")
        return asyncio.get_running_loop().time()

    def send_event(self, event: Event) -> None:
        """Raises ConnectionError where the call has ended."""
        if self._socket is None or self.closed.is_set():
            raise ConnectionError("the call has ended")
        self._spawn(self._send(json.dumps(event)))

    async def hang_up(self) -> None:
        """Frees everything, in any state. Idempotent."""
        self._end()
        if self._socket is not None:
            with contextlib.suppress(TimeoutError, ClientError, OSError):
                async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                    await self._socket.close()
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self, text: str) -> None:
        assert self._socket is not None
        try:
            await self._socket.send_str(text)
        except (ClientError, OSError):
            self._end()

    async def _talk(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while not self.closed.is_set():
            due += PIECE_S
            await asyncio.sleep(max(0.0, due - loop.time()))
            if not self._speech:
                await self._send(_silence())
                continue
            await self._send(self._speech.pop(0))
            if not self._speech:
                self._spoken.set()

    async def _read(self, socket: ClientWebSocketResponse) -> None:
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                self._on_event(json.loads(message.data))
        self._end()

    def _end(self) -> None:
        self.closed.set()
        self._spoken.set()


@functools.cache
def spoken_events(text: str) -> tuple[str, ...]:
    """`text` from its first to its last voiced sample, as `input_audio_buffer.append` events."""
    samples = np.frombuffer(synthesize(text, RATE_HZ), np.int16)
    (voiced,) = np.nonzero(np.abs(samples) > _VOICED)
    pcm = samples[voiced[0] : voiced[-1] + 1].tobytes()
    # Silence in front, so that the last piece is all voice and its end is the end of the speech.
    pcm = bytes(-len(pcm) % _PIECE_BYTES) + pcm
    return tuple(_append(pcm[at : at + _PIECE_BYTES]) for at in range(0, len(pcm), _PIECE_BYTES))


@functools.cache
def _silence() -> str:
    return _append(bytes(_PIECE_BYTES))


def _append(pcm: bytes) -> str:
    return json.dumps({"type": "input_audio_buffer.append", "audio": base64.b64encode(pcm).decode()})
