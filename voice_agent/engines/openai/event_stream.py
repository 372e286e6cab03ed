"""Answers that are streamed as server-sent events, each with one JSON value: bytes -> values."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from typing import Any

import aiohttp

from voice_agent.engines.ports import EngineError

_DONE = b"[DONE]"
_DATA = b"data:"


class EventReader:
    """Pieces of a stream in, the data of whole events out. Other fields (event, id, retry, comments) are left out."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []

    def feed(self, piece: bytes) -> list[bytes]:
        *lines, self._rest = (self._rest + piece).split(b"\n")
        events: list[bytes] = []
        for line in lines:
            if line.startswith(_DATA):
                self._data.append(line[len(_DATA) :].strip())
            elif not line.strip() and self._data:
                events.append(b"\n".join(self._data))
                self._data.clear()
        return events


async def json_events(response: aiohttp.ClientResponse) -> AsyncGenerator[Any, None]:
    """The values up to "[DONE]" or the end of the body, which is read to its end so that the connection can be used
    again. Raises what `translated` knows, and EngineError for an error among the events."""
    reader = EventReader()
    done = False
    async for piece in response.content.iter_any():
        for data in () if done else reader.feed(piece):
            if data.startswith(_DONE):
                done = True
                break
            value = json.loads(data)
            if isinstance(value, dict) and value.get("error"):
                raise EngineError("the provider reported an error in its stream", code="stream_error", retryable=True)
            yield value
