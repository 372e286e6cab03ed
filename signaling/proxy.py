"""Passes a request on to the server process that has the call it is about.

Media never comes this way: the process that answers an offer has a socket of its own, and its address is in the
answer. A request that was passed on once is not passed on again, so that an old entry in the registry makes no loop.
"""

from __future__ import annotations

import asyncio
import contextlib

from aiohttp import (
    ClientError,
    ClientSession,
    ClientTimeout,
    ClientWebSocketResponse,
    WSCloseCode,
    WSMsgType,
    WSServerHandshakeError,
    web,
)

from signaling.appkeys import DIRECTORY, REGISTRY, RESUME, SETTINGS
from signaling.auth import offered_protocols
from signaling.errors import ApiError, unauthorized

FORWARDED = "X-Voice-Agent-Forwarded"
Socket = web.WebSocketResponse[bool]
AnySocket = Socket | ClientWebSocketResponse[bool]

_REQUEST_HEADERS = ("Authorization", "Content-Type", "Origin")
_ANSWER_HEADERS = ("Location", "Retry-After", "WWW-Authenticate")


async def process_of(request: web.Request, call_id: str) -> str | None:
    """The address of the other process that has the call; None where this one has it, or none is known to.

    Raises SecretsUnavailable.
    """
    registry = request.app[REGISTRY]
    here = request.app[DIRECTORY].get(call_id) is not None or request.app[RESUME].owner_of(call_id) is not None
    if here or not registry.shared or FORWARDED in request.headers:
        return None
    return await registry.process_of(call_id)


class ProcessGoneError(Exception):
    """The process that had the call does not answer any more."""


async def forward(request: web.Request, address: str, body: str = "", content_type: str = "") -> web.Response:
    """The other process's answer. Raises ProcessGoneError, or ApiError 503 where it is there but too slow."""
    headers = _headers(request)
    if content_type:
        headers["Content-Type"] = content_type
    timeout = ClientTimeout(total=request.app[SETTINGS].server.forward_timeout_s)
    try:
        async with (
            ClientSession(timeout=timeout, auto_decompress=False) as client,
            client.request(
                request.method, f"{address}{request.path_qs}", data=body or None, headers=headers, allow_redirects=False
            ) as answer,
        ):
            return web.Response(
                status=answer.status,
                body=await answer.read(),
                headers={name: answer.headers[name] for name in _ANSWER_HEADERS if name in answer.headers},
                content_type=answer.content_type,
            )
    except TimeoutError:
        raise request.app[DIRECTORY].busy() from None
    except (ClientError, OSError):
        raise ProcessGoneError from None


async def forward_socket(request: web.Request, address: str, socket: Socket) -> web.StreamResponse:
    """Joins the client's WebSocket with one to the other process, until either closes.

    Raises ProcessGoneError, and ApiError where the other process refuses or is too slow; then nothing was prepared.
    """
    server = request.app[SETTINGS].server
    async with contextlib.AsyncExitStack() as stack:
        client = await stack.enter_async_context(ClientSession())
        try:
            async with asyncio.timeout(server.forward_timeout_s):
                other = await stack.enter_async_context(
                    client.ws_connect(
                        f"{address}{request.path_qs}",
                        headers=_headers(request),
                        protocols=offered_protocols(request),
                        max_msg_size=0,  # It is our own process, which keeps to its limits.
                        decode_text=False,
                    )
                )
        except TimeoutError:
            raise request.app[DIRECTORY].busy() from None
        except WSServerHandshakeError as error:
            raise _refusal(error.status) from None
        except (ClientError, OSError):
            raise ProcessGoneError from None
        await socket.prepare(request)
        await _join(socket, other, server.ws_send_timeout_s)
    return socket


def _headers(request: web.Request) -> dict[str, str]:
    """The other process judges by the page's origin and the host it called, as this one would."""
    headers = {name: request.headers[name] for name in _REQUEST_HEADERS if name in request.headers}
    return headers | {"Host": request.host, FORWARDED: "1"}


def _refusal(status: int) -> ApiError:
    """A refused handshake comes without its body."""
    if status == 503:
        return ApiError(503, "at_capacity", "All lines are busy. Please call again in a moment.")
    if status == 401:
        return unauthorized("This call does not accept that key.")
    if status == 429:
        return ApiError(429, "too_many_side_channels", "This call has as many side channels as it may have.")
    return ApiError(404, "call_not_found", "There is no such call, or it has ended.", param="call_id")


async def _join(socket: Socket, other: ClientWebSocketResponse[bool], send_timeout_s: float) -> None:
    directions = {
        asyncio.create_task(_copy(socket, other, send_timeout_s), name="to the other process"),
        asyncio.create_task(_copy(other, socket, send_timeout_s), name="from the other process"),
    }
    try:
        await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for direction in directions:
            direction.cancel()
        await asyncio.gather(*directions, return_exceptions=True)
        code = other.close_code if other.closed else socket.close_code
        async with asyncio.timeout(send_timeout_s):
            await socket.close(code=code or WSCloseCode.GOING_AWAY)


async def _copy(source: AnySocket, target: AnySocket, send_timeout_s: float) -> None:
    """Returns when either side is gone, or takes too long to read."""
    with contextlib.suppress(ConnectionError, TimeoutError):
        while (message := await source.receive()).type in (WSMsgType.TEXT, WSMsgType.BINARY):
            async with asyncio.timeout(send_timeout_s):
                await target.send_frame(message.data, message.type)
