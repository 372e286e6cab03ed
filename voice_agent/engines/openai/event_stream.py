"""Answers that are streamed as server-sent events, each with one JSON value: bytes -> values."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Any

import aiohttp

from voice_agent.engines.openai.errors import malformed
from voice_agent.engines.ports import EngineError

_DONE = b"[DONE]"
_DATA = b"data:"
_END_S = 0.1
"""The end of the body comes with the last event, or a moment later. Who keeps it open makes nobody wait."""


class EventReader:
    """Pieces of a stream in, the data of whole events out. Other fields (event, id, retry, comments) are left out."""

    def __init__(self, max_bytes: int) -> None:
        """`max_bytes`: of one event."""
        self._max_bytes = max_bytes
        self._rest = b""
        self._data: list[bytes] = []
        self._data_bytes = 0

    def feed(self, piece: bytes) -> list[bytes]:
        """Raises EngineError for an event that is too long."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        events: list[bytes] = []
        for line in lines:
            if line.startswith(_DATA):
                self._data.append(line[len(_DATA) :].strip())
                self._data_bytes += len(line)
            elif not line.strip() and self._data:
                events.append(b"\n".join(self._data))
                self._data.clear()
                self._data_bytes = 0
        if self._data_bytes + len(self._rest) > self._max_bytes:
            raise malformed("an event without end")
        return events


async def json_events(response: aiohttp.ClientResponse, max_bytes: int) -> AsyncGenerator[Any, None]:
    """The values up to "[DONE]" or the end of the body, which is read to its end so that the connection can be used
    again. `max_bytes`: of one event. Raises what `translated` knows, and EngineError for an error among the events."""
    reader = EventReader(max_bytes)
    async for piece in response.content.iter_any():
        for data in reader.feed(piece):
            if data.startswith(_DONE):
                await _end(response)
                return
            value = json.loads(data)
            if isinstance(value, dict) and value.get("error"):
                raise EngineError("the provider reported an error in its stream", code="stream_error", retryable=True)
            yield value


async def _end(response: aiohttp.ClientResponse) -> None:
    with suppress(TimeoutError, aiohttp.ClientError):
        async with asyncio.timeout(_END_S):
            async for _ in response.content.iter_any():
                pass
