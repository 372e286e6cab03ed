"""The Realtime API over a WebSocket: a call of its own, or a side channel of a call that is running.

A side channel (`?call_id=`) gets the same server events and may send client events; the call ends with its own
connection, not with a side channel.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
from collections.abc import Callable

from aiohttp import WSMsgType, web

from signaling.appkeys import DIRECTORY, SERVICES
from signaling.auth import PROTOCOL, offered_protocols, websocket_token
from signaling.callers import (
    CallRequest,
    call_not_found,
    call_request,
    identified,
    new_session,
    owned_call,
    take_seat,
)
from signaling.directory import LiveCall
from signaling.errors import ApiError
from signaling.origins import from_elsewhere
from signaling.proxy import ProcessGoneError, forward_socket, process_of
from signaling.resume import PREFIX as RESUME_PREFIX
from signaling.resuming import claimed, elsewhere
from signaling.ws_paced import PacedSocket
from signaling.ws_transport import WebSocketTransport
from voice_agent.call.weakly import weakly
from voice_agent.realtime.errors import ProtocolError
from voice_agent.settings import ServerSettings

logger = logging.getLogger(__name__)

Socket = web.WebSocketResponse[bool]


def add_websocket_routes(app: web.Application) -> None:
    app.router.add_get("/v1/realtime", realtime, allow_head=False)


async def realtime(request: web.Request) -> web.StreamResponse:
    server = request.app[SERVICES].settings.server
    if from_elsewhere(request.headers, request.host, server, api=True):
        raise ApiError(
            403, "origin_not_allowed", "Pages of this origin may not call. The operator lists it in ALLOWED_ORIGINS."
        )
    socket = _socket(request, server)
    if not socket.can_prepare(request):
        raise ApiError(
            426,
            "upgrade_required",
            "This address takes a WebSocket handshake, or a POST with an SDP offer.",
            headers={"Upgrade": "websocket"},
        )
    token = websocket_token(request)
    if call_id := request.query.get("call_id"):
        address = await process_of(request, call_id)
        if address is None:
            return await _side_channel(request, socket, await owned_call(request, call_id, token))
        try:
            return await forward_socket(request, address, socket)
        except ProcessGoneError:
            raise call_not_found() from None
    if token.startswith(RESUME_PREFIX):
        return await _resume(request, socket, token)
    return await _call(request, socket, token)


def _socket(request: web.Request, server: ServerSettings) -> Socket:
    return PacedSocket(server, (PROTOCOL,) if PROTOCOL in offered_protocols(request) else ())


async def _call(request: web.Request, socket: Socket, token: str) -> web.StreamResponse:
    identity = await identified(request, token)
    return await _run(request, socket, call_request(request, identity, token))


async def _resume(request: web.Request, socket: Socket, token: str) -> web.StreamResponse:
    address = await elsewhere(request, token)
    if address is not None:
        try:
            return await forward_socket(request, address, socket)
        except ProcessGoneError:
            logger.warning("The process of a lost call is gone")
    claim, wanted = await claimed(request, token)
    try:
        return await _run(request, socket, wanted, begun=claim.release)
    finally:
        claim.release()


async def _run(
    request: web.Request, socket: Socket, wanted: CallRequest, begun: Callable[[], None] = lambda: None
) -> web.StreamResponse:
    """The call, from its admission to its end. `begun` is called when the directory has it."""
    services, directory = request.app[SERVICES], request.app[DIRECTORY]
    seat = await take_seat(request, wanted)
    try:
        transport = WebSocketTransport(socket, services.settings.server, speech=True, abort=_aborter(request))
        session = new_session(request, wanted, transport, "websocket")
        await socket.prepare(request)
    except BaseException:
        seat.release()
        raise
    transport.on_overflow = functools.partial(weakly(session.end), "client_gone")
    transport.start()
    call = directory.start(session, transport, wanted.owner, seat)
    begun()
    session.connected()
    try:
        call.left = await _read(socket, session.client_event, transport.send_event)
    finally:
        session.end("client_gone")
        await asyncio.shield(call.task)
    return socket


async def _side_channel(request: web.Request, socket: Socket, call: LiveCall) -> web.StreamResponse:
    server = request.app[SERVICES].settings.server
    if call.side_channels >= server.max_side_channels:
        raise ApiError(429, "too_many_side_channels", "This call has as many side channels as it may have.")
    call.side_channels += 1
    try:
        await socket.prepare(request)
        transport = WebSocketTransport(socket, server, speech=False, abort=_aborter(request))
        transport.start()
        reader = asyncio.create_task(
            _read(socket, call.session.client_event, transport.send_event), name="side channel"
        )
        transport.on_overflow = lambda: _cancel(reader)
        detach = call.session.attach(transport.send_event)
        try:
            await asyncio.wait({reader, call.task}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            detach()
            reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reader
            await transport.close()
    finally:
        call.side_channels -= 1
    return socket


async def _read(
    socket: Socket, take: Callable[[str | bytes], None], send_event: Callable[[dict[str, object]], None]
) -> bool:
    """Hands on events until the client has closed or is lost; whether it closed as the protocol has it."""
    while True:
        message = await socket.receive()
        if message.type is WSMsgType.TEXT:
            take(message.data)
        elif message.type is WSMsgType.BINARY:
            send_event(ProtocolError("Events are JSON in text frames.", code="binary_frame").to_event())
        else:
            return message.type is WSMsgType.CLOSE


def _cancel(task: asyncio.Task[bool]) -> None:
    task.cancel()


def _aborter(request: web.Request) -> Callable[[], None]:
    def abort() -> None:
        if request.transport is not None:
            request.transport.abort()

    return abort
