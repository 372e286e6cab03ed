"""`POST /api/guest`: our own page asks for a one-use secret for one call without a key.

Only our page may: the origin must be ours, exactly. Nothing a guest says is kept, so consent is asked for the call
itself and is part of the request.
"""

from __future__ import annotations

import json
import time

from aiohttp import web

from signaling.appkeys import DIRECTORY, SERVICES
from signaling.bodies import read_json
from signaling.briefings import taken_out
from signaling.call_limits import client_address, too_many
from signaling.callers import resolve_agent
from signaling.errors import ApiError
from signaling.origins import is_own_page
from signaling.relay import relay_access
from signaling.secrets_api import session_of
from voice_agent.storage.ephemeral import ClientSecret


def add_guest_routes(app: web.Application) -> None:
    app.router.add_post("/api/guest", create_guest_secret)


async def create_guest_secret(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    server = services.settings.server
    if not is_own_page(request.headers, server):
        raise ApiError(
            403,
            "origin_not_allowed",
            "Guests may call from the server's own page only. If this is it, the operator sets PUBLIC_ORIGIN to its "
            "address.",
        )
    if not server.guests:
        raise ApiError(
            403, "guests_disabled", "Guests may not call here. Sign in with an API key, or ask the operator for one."
        )
    request.app[DIRECTORY].check_open()
    allowed = await services.limiter.hit(
        "guest", client_address(request, server), limit=server.guest_limit, window_s=server.guest_window_s
    )
    if not allowed:
        raise too_many("Too many calls from your network in a short time. Please wait a little.", server.guest_window_s)
    body = await read_json(request, max_bytes=server.max_http_body_bytes, timeout_s=server.body_timeout_s)
    agent = resolve_agent(services, None, _agent_name(body))
    if body.get("consent") is not True:
        raise ApiError(
            400, "consent_required", "A call needs the caller's consent: send 'consent': true.", param="consent"
        )
    session = session_of(body)
    taken_out(session, services.settings)  # What is wrong with it is better said now than when the call begins.
    secret = ClientSecret(None, agent.name, session or None, request.headers["Origin"])
    value = await services.secrets.create(secret, ttl_s=server.guest_secret_ttl_s)
    now = time.time()
    answer = {"value": value, "expires_at": int(now) + server.guest_secret_ttl_s, "agent": agent.name}
    answer |= relay_access(server, now)
    return web.Response(text=json.dumps(answer), content_type="application/json")


def _agent_name(body: dict[str, object]) -> str | None:
    name = body.get("agent")
    if name is None or isinstance(name, str):
        return name
    raise ApiError(400, "invalid_type", "The agent must be a string.", param="agent")
