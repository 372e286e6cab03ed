"""Calls after their end: `/v1/calls`, their turns and reports, and whether they are kept.

An API key sees its own calls. The secret that made a call is good for that one, while it runs and for REPORT_WINDOW_S
after its end. What is not stored, a guest's call above all, is answered from this process's memory.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from aiohttp import web
from pydantic import TypeAdapter

from signaling.appkeys import FINISHED, SERVICES
from signaling.auth import SECRET_PREFIX, bearer_token, token_digest
from signaling.callers import call_not_found
from signaling.errors import ApiError, unauthorized
from signaling.proxy import FORWARDED, ProcessGoneError, forward
from signaling.services import AfterCalls
from voice_agent.records import Turn
from voice_agent.reports.builder import BuildError
from voice_agent.reports.finished import UnsavedCall
from voice_agent.storage.calls import CallSummary

_TURNS: TypeAdapter[tuple[Turn, ...]] = TypeAdapter(tuple[Turn, ...])
_NO_STORE = {"Cache-Control": "no-store"}

Handler = Callable[[web.Request], Awaitable[web.Response]]


def add_stored_call_routes(app: web.Application) -> None:
    app.router.add_get("/v1/calls", list_calls)
    app.router.add_get("/v1/calls/{call_id}", _where_it_is(get_call))
    app.router.add_delete("/v1/calls/{call_id}", _where_it_is(discard_call))
    app.router.add_get("/v1/calls/{call_id}/report", _where_it_is(get_report))
    app.router.add_post("/v1/calls/{call_id}/save", _where_it_is(save_call))
    app.router.add_post("/v1/calls/{call_id}/discard", _where_it_is(discard_call))


@dataclass(frozen=True, slots=True)
class _Access:
    """What somebody may see of a call."""

    call_id: str
    key_id: str | None
    """The key it is stored under, if it is stored."""
    proven: bool
    """The call ran here and is theirs; else only the database can tell."""


def after_calls(request: web.Request) -> AfterCalls:
    """Raises ApiError 404 where nothing is stored at all."""
    found = request.app[SERVICES].after_calls
    if found is None:
        raise ApiError(404, "not_found", "This server keeps no calls.")
    return found


def _where_it_is(handler: Handler) -> Handler:
    """Lets the process answer in which the call ended, where another one was asked."""

    async def answer(request: web.Request) -> web.Response:
        if FORWARDED not in request.headers:
            address = await request.app[FINISHED].elsewhere(request.match_info["call_id"])
            if address is not None:
                try:
                    return await forward(request, address)
                except ProcessGoneError:
                    pass  # What is stored can be read here as well.
        return await handler(request)

    return answer


async def _access(request: web.Request) -> _Access:
    """Raises ApiError 401, DatabaseUnavailable."""
    call_id, token = request.match_info["call_id"], bearer_token(request)
    owner = request.app[FINISHED].owner_of(call_id)
    if token.startswith(SECRET_PREFIX):
        if owner is None or not owner.is_secret(token_digest(token)):
            raise unauthorized("This secret is not that of a call that has just ended.", code="invalid_secret")
        return _Access(call_id, owner.key_id, proven=True)
    identity = await request.app[SERVICES].authenticator.identify_key(token)
    return _Access(call_id, identity.key_id, proven=owner is not None and owner.is_key(identity.key_id))


def _unsaved(request: web.Request, access: _Access) -> UnsavedCall | None:
    return after_calls(request).finished.get(access.call_id) if access.proven else None


def _missing(request: web.Request, access: _Access) -> ApiError:
    if access.proven:
        return ApiError(410, "call_gone", "Nothing is kept of this call any more.", param="call_id")
    return call_not_found()


async def list_calls(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    identity = await services.authenticator.identify_key(bearer_token(request))
    assert identity.key_id is not None
    most = services.settings.reports.list_limit
    limit = whole_number(request, "limit", default=min(20, most), least=1, most=most)
    before = request.query.get("before")
    found = await after_calls(request).calls.list(key_id=identity.key_id, limit=limit + 1, before=before)
    undecided_h = services.settings.storage.storage_undecided_hours
    data = [_summary(call, undecided_h) for call in found[:limit]]
    return answered({"object": "list", "data": data, "has_more": len(found) > limit})


async def get_call(request: web.Request) -> web.Response:
    access = await _access(request)
    unsaved = _unsaved(request, access)
    if unsaved is not None:
        return answered(_unsaved_summary(unsaved) | {"turns": _turns(tuple(unsaved.turns))})
    if access.key_id is None:
        raise _missing(request, access)
    call = await after_calls(request).calls.get(access.call_id, key_id=access.key_id)
    if call is None:
        raise _missing(request, access)
    undecided_h = request.app[SERVICES].settings.storage.storage_undecided_hours
    return answered(_summary(call.summary, undecided_h) | {"turns": _turns(call.turns)})


async def get_report(request: web.Request) -> web.Response:
    access = await _access(request)
    unsaved = _unsaved(request, access)
    if unsaved is not None:
        return _unsaved_report(request, unsaved)
    if access.key_id is None or request.app[FINISHED].discarded(access.call_id):
        raise _missing(request, access)
    state = await after_calls(request).reports.get(access.call_id, key_id=access.key_id)
    if state is None and not access.proven:
        raise call_not_found()
    if state is None or not state.made:
        # Not yet stored, not yet ended, or its job is still to be done.
        return _pending(request)
    if state.body is None:
        raise _no_report()
    return _report(state.body)


def _unsaved_report(request: web.Request, unsaved: UnsavedCall) -> web.Response:
    if unsaved.ended is None:
        return _pending(request)
    try:
        built = after_calls(request).finished.report(unsaved)
    except BuildError:
        raise _no_report() from None
    return _pending(request) if built is None else _report(built.body)


async def save_call(request: web.Request) -> web.Response:
    access = await _access(request)
    if access.key_id is None or _unsaved(request, access) is not None:
        raise ApiError(409, "not_stored", "Nothing of this call is stored, so it cannot be kept.", param="call_id")
    if request.app[FINISHED].discarded(access.call_id):
        raise _missing(request, access)
    if not await after_calls(request).calls.save(access.call_id, key_id=access.key_id):
        raise _missing(request, access)
    return answered({"id": access.call_id, "object": "call", "saved": True})


async def discard_call(request: web.Request) -> web.Response:
    access = await _access(request)
    desk = after_calls(request)
    unsaved = _unsaved(request, access)
    if unsaved is None and access.key_id is None:
        raise _missing(request, access)
    if unsaved is not None:
        desk.finished.forget(access.call_id)
    elif access.key_id is not None:
        deleted = await desk.calls.delete(access.call_id, key_id=access.key_id, known=access.proven)
        if not deleted and (not access.proven or request.app[FINISHED].discarded(access.call_id)):
            raise _missing(request, access)
    request.app[FINISHED].discard(access.call_id)
    return answered({"id": access.call_id, "object": "call", "deleted": True})


def answered(body: Mapping[str, object], status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """JSON that nobody on the way may keep."""
    return web.Response(
        status=status, text=json.dumps(body), content_type="application/json", headers={**_NO_STORE, **(headers or {})}
    )


def _report(body: str) -> web.Response:
    return web.Response(text=body, content_type="application/json", headers=_NO_STORE)


def _pending(request: web.Request) -> web.Response:
    seconds = request.app[SERVICES].settings.reports.retry_after_s
    return answered({"status": "pending"}, 202, {"Retry-After": str(seconds)})


def _no_report() -> ApiError:
    return ApiError(410, "report_failed", "No report could be made of this call.", param="call_id")


def _turns(turns: tuple[Turn, ...]) -> object:
    return _TURNS.dump_python(turns, mode="json", exclude={"__all__": {"call_id"}})


def _summary(call: CallSummary, undecided_h: float) -> dict[str, object]:
    expires_at = None
    if call.saved_at is None and call.ended_at is not None:
        expires_at = call.ended_at + timedelta(hours=undecided_h)
    return {
        "id": call.call_id,
        "object": "call",
        "agent": call.agent,
        "transport": call.transport,
        "language": call.language,
        "started_at": call.started_at.isoformat(),
        "ended_at": _time(call.ended_at),
        "end_reason": call.end_reason,
        "turn_count": call.turn_count,
        "stored": True,
        "saved": call.saved_at is not None,
        "expires_at": _time(expires_at),
    }


def _unsaved_summary(call: UnsavedCall) -> dict[str, object]:
    return {
        "id": call.started.call_id,
        "object": "call",
        "agent": call.started.agent,
        "transport": call.started.transport,
        "language": call.started.language,
        "started_at": call.started.started_at.isoformat(),
        "ended_at": _time(call.ended.ended_at) if call.ended is not None else None,
        "end_reason": call.ended.reason if call.ended is not None else None,
        "turn_count": len(call.turns),
        "stored": False,
        "saved": False,
        "expires_at": _time(call.expires_at),
    }


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None


def whole_number(request: web.Request, name: str, *, default: int, least: int, most: int) -> int:
    """A query parameter. Raises ApiError 400."""
    given = request.query.get(name)
    if given is None:
        return default
    if not given.isascii() or not given.isdigit() or len(given) > 9 or not least <= int(given) <= most:
        raise ApiError(400, "invalid_value", f"It must be a whole number from {least} to {most}.", param=name)
    return int(given)
