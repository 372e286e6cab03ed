"""Request bodies, read into memory under a size and a deadline.

Multipart parts too: `aiohttp`'s `Request.post()` would spool large parts to a disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from signaling.errors import ApiError
from voice_agent.realtime.errors import ProtocolError
from voice_agent.realtime.strict_json import parse_object

_CHUNK_BYTES = 8192


def _check_head(request: web.Request, max_bytes: int) -> None:
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise ApiError(415, "unsupported_encoding", "Send the body without Content-Encoding.")
    if (request.content_length or 0) > max_bytes:
        raise _too_large(max_bytes)


def _too_large(max_bytes: int, param: str | None = None) -> ApiError:
    return ApiError(413, "too_large", f"The request is too large: at most {max_bytes} bytes.", param=param)


def _too_slow() -> ApiError:
    return ApiError(408, "request_timeout", "The request body did not arrive in time.")


async def read_body(request: web.Request, *, max_bytes: int, timeout_s: float) -> bytes:
    """The whole body. Raises ApiError 408, 413, 415."""
    _check_head(request, max_bytes)
    body = bytearray()
    try:
        async with asyncio.timeout(timeout_s):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > max_bytes:
                    raise _too_large(max_bytes)
    except TimeoutError:
        raise _too_slow() from None
    except web.RequestPayloadError:
        raise ApiError(400, "invalid_body", "The request body is malformed.") from None
    return bytes(body)


async def read_form(request: web.Request, limits: Mapping[str, int], *, timeout_s: float) -> dict[str, bytes]:
    """The parts of a multipart/form-data body that `limits` names, each at most so many bytes.

    Parts may or may not have a content type of their own. A part of another name is an error: nothing here would
    read it. Raises ApiError 400, 408, 413, 415.
    """
    _check_head(request, sum(limits.values()) + _CHUNK_BYTES)
    try:
        async with asyncio.timeout(timeout_s):
            return await _read_parts(request, limits)
    except TimeoutError:
        raise _too_slow() from None
    except (ValueError, AssertionError, LookupError, RuntimeError, HttpProcessingError, web.RequestPayloadError):
        raise ApiError(400, "invalid_multipart", "The multipart body is malformed.") from None


async def _read_parts(request: web.Request, limits: Mapping[str, int]) -> dict[str, bytes]:
    parts: dict[str, bytes] = {}
    reader = await request.multipart()
    while (part := await reader.next()) is not None:
        if not isinstance(part, BodyPartReader):
            raise ApiError(400, "invalid_multipart", "A multipart body inside a multipart body is not supported.")
        name = part.name or ""
        if name not in limits:
            raise ApiError(400, "unknown_part", f"The form takes these parts: {', '.join(limits)}.")
        if name in parts:
            raise ApiError(400, "duplicate_part", "The part is there twice.", param=name)
        data = bytearray()
        while chunk := await part.read_chunk(_CHUNK_BYTES):
            data += chunk
            if len(data) > limits[name]:
                raise _too_large(limits[name], name)
        parts[name] = bytes(data)
    return parts


def text_of(raw: bytes, param: str | None = None) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise ApiError(400, "invalid_utf8", "The body is not UTF-8.", param=param) from None


def json_object(raw: bytes, param: str | None = None) -> dict[str, object]:
    """A JSON object; an empty body is an empty one. As strict as events: what it holds is sent on as one later.

    Raises ApiError 400.
    """
    text = text_of(raw, param)
    if not text.strip():
        return {}
    try:
        return parse_object(text, max_bytes=len(raw))
    except ProtocolError as error:
        raise ApiError(400, error.code, error.message, param=param) from None


async def read_json(request: web.Request, *, max_bytes: int, timeout_s: float) -> dict[str, object]:
    """A JSON object sent as application/json: what a form of a foreign page cannot send.

    Raises ApiError 400, 408, 413, 415.
    """
    if request.can_read_body and request.content_type != "application/json":
        raise ApiError(415, "unsupported_media_type", "Send application/json.")
    return json_object(await read_body(request, max_bytes=max_bytes, timeout_s=timeout_s))
