"""`PATCH /v1/tickets/{number}`: an operator moves a helpdesk ticket on."""

from __future__ import annotations

from datetime import datetime

from aiohttp import web

from signaling.appkeys import SERVICES
from signaling.bodies import read_json
from signaling.errors import ApiError
from signaling.operators import operator
from signaling.stored_calls_api import after_calls, answered
from voice_agent.storage.tickets import TICKET_STATUSES, StoredTicket

_MAX_DIGITS = 18
"""A bigint's."""


def add_ticket_routes(app: web.Application) -> None:
    app.router.add_patch("/v1/tickets/{number}", change_ticket)


async def change_ticket(request: web.Request) -> web.Response:
    await operator(request)
    server = request.app[SERVICES].settings.server
    body = await read_json(request, max_bytes=server.max_http_body_bytes, timeout_s=server.body_timeout_s)
    status = next((each for each in TICKET_STATUSES if each == body.get("status")), None)
    if status is None or set(body) != {"status"}:
        wanted = f"Send 'status', one of: {', '.join(TICKET_STATUSES)}."
        raise ApiError(400, "invalid_value", wanted, param="status")
    number = request.match_info["number"]
    known = number.isascii() and number.isdigit() and len(number) <= _MAX_DIGITS
    ticket = await after_calls(request).tickets.set_status(int(number), status) if known else None
    if ticket is None:
        raise ApiError(404, "ticket_not_found", "There is no such ticket.", param="number")
    return answered(_ticket(ticket))


def _ticket(stored: StoredTicket) -> dict[str, object]:
    ticket = stored.ticket
    return {
        "number": stored.number,
        "object": "ticket",
        "status": stored.status,
        "priority": ticket.priority,
        "category": ticket.category,
        "summary": ticket.summary,
        "description": ticket.description,
        "contact": ticket.contact,
        "article_id": ticket.article_id,
        "steps_tried": list(ticket.steps_tried),
        "call_id": stored.call_id,
        "created_at": stored.created_at.isoformat(),
        "pending_since": _time(stored.pending_since),
        "pending_s": round(stored.pending_s, 3),
        "resolved_at": _time(stored.resolved_at),
        "closed_at": _time(stored.closed_at),
    }


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None
