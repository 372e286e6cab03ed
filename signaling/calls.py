"""WebRTC calls over HTTP: an SDP offer in, an SDP answer out, and the hang-up."""

from __future__ import annotations

import logging
from collections.abc import Callable

from aiohttp import web

from signaling.appkeys import DIRECTORY, FACTORIES, RESUME, SERVICES, SETTINGS
from signaling.auth import bearer_token
from signaling.bodies import json_object, read_body, read_form, text_of
from signaling.callers import (
    CallRequest,
    call_not_found,
    call_request,
    check_owner,
    identified,
    new_session,
    owned_call,
    take_seat,
)
from signaling.directory import Seat, Session
from signaling.errors import ApiError
from signaling.proxy import ProcessGoneError, forward, process_of
from signaling.resume import PREFIX as RESUME_PREFIX
from signaling.resuming import claimed, elsewhere
from signaling.sdp import OfferError
from voice_agent.call.weakly import weakly

logger = logging.getLogger(__name__)

_SDP = "application/sdp"
_MULTIPART = "multipart/form-data"
_CLIENT_GONE = "client_gone"


def add_call_routes(app: web.Application) -> None:
    app.router.add_post("/v1/realtime/calls", create_call)
    app.router.add_post("/v1/realtime", create_call)
    app.router.add_post("/v1/realtime/calls/{call_id}/hangup", hang_up)


async def create_call(request: web.Request) -> web.Response:
    token = bearer_token(request)
    if token.startswith(RESUME_PREFIX):
        return await _resume(request, token)
    identity = await identified(request, token)
    offer, wishes = await _offer_and_session(request)
    return await _answer(request, call_request(request, identity, token, wishes), offer)


async def _resume(request: web.Request, token: str) -> web.Response:
    """The session part of a form is not read: the call goes on with the session it had."""
    offer, _ = await _offer_and_session(request)
    address = await elsewhere(request, token)
    if address is not None:
        try:
            return await forward(request, address, offer, _SDP)
        except ProcessGoneError:
            logger.warning("The process of a lost call is gone")
    claim, wanted = await claimed(request, token)
    try:
        return await _answer(request, wanted, offer)
    finally:
        claim.release()


async def _answer(request: web.Request, wanted: CallRequest, offer: str) -> web.Response:
    seat = await take_seat(request, wanted)
    try:
        call_id, answer = await _start(request, wanted, offer, seat)
    except BaseException:
        seat.release()
        raise
    return web.Response(
        status=201,
        text=answer,
        content_type=_SDP,
        headers={"Location": f"/v1/realtime/calls/{call_id}"},
    )


async def _offer_and_session(request: web.Request) -> tuple[str, dict[str, object] | None]:
    server = request.app[SERVICES].settings.server
    if request.content_type == _SDP:
        raw = await read_body(request, max_bytes=server.max_offer_bytes, timeout_s=server.body_timeout_s)
        return text_of(raw, "sdp"), None
    if request.content_type == _MULTIPART:
        limits = {"sdp": server.max_offer_bytes, "session": server.max_event_bytes}
        parts = await read_form(request, limits, timeout_s=server.body_timeout_s)
        if "sdp" not in parts:
            raise ApiError(400, "missing_part", "The form has no part 'sdp'.", param="sdp")
        session = json_object(parts["session"], "session") if "session" in parts else None
        return text_of(parts["sdp"], "sdp"), session
    raise ApiError(415, "unsupported_media_type", f"Send the offer as {_SDP} or {_MULTIPART}.")


async def _start(request: web.Request, wanted: CallRequest, offer: str, seat: Seat) -> tuple[str, str]:
    """The id of the call that now runs, and the SDP answer."""
    closed = _ClosedEarly()
    try:
        peer, answer = await request.app[FACTORIES].answer_offer(
            offer, settings=request.app[SETTINGS], on_closed=closed
        )
    except OfferError as error:
        raise ApiError(400, error.code, error.message, param=error.param) from None
    except (OSError, TimeoutError):
        logger.warning("An offer could not be answered in time or for want of a socket")
        raise request.app[DIRECTORY].busy() from None
    try:
        session = new_session(request, wanted, peer, "webrtc")
        peer.bind(session)
    except BaseException:
        await peer.close()
        raise
    request.app[DIRECTORY].start(session, peer, wanted.owner, seat)
    closed.bind(session)
    return session.call_id, answer


class _ClosedEarly:
    """The peer may be gone before there is a session to tell."""

    def __init__(self) -> None:
        self._end: Callable[[str], None] | None = None
        self._closed = False

    def __call__(self, _reason: str) -> None:
        self._closed = True
        if self._end is not None:
            self._end(_CLIENT_GONE)

    def bind(self, session: Session) -> None:
        self._end = weakly(session.end)
        if self._closed:
            session.end(_CLIENT_GONE)


async def hang_up(request: web.Request) -> web.Response:
    call_id, token = request.match_info["call_id"], bearer_token(request)
    address = await process_of(request, call_id)
    if address is not None:
        try:
            return await forward(request, address)
        except ProcessGoneError:
            raise call_not_found() from None
    waiting = request.app[RESUME].owner_of(call_id)
    if waiting is not None:
        await check_owner(request, waiting, token)
        request.app[RESUME].forget(call_id)
    else:
        call = await owned_call(request, call_id, token)
        call.session.end("hangup")
    return web.Response(status=200)
