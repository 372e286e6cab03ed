"""`POST /v1/realtime/client_secrets`: a short-lived secret for one call, to be handed to a browser."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping

from aiohttp import web

from signaling.appkeys import SERVICES
from signaling.auth import bearer_token
from signaling.bodies import read_json
from signaling.briefings import briefed, taken_out
from signaling.callers import model_of, resolve_agent
from signaling.errors import ApiError
from signaling.relay import relay_access
from voice_agent.call.agent_session import agent_session
from voice_agent.storage.ephemeral import TTL_RANGE_S, ClientSecret


def add_secret_routes(app: web.Application) -> None:
    app.router.add_post("/v1/realtime/client_secrets", create_secret)


async def create_secret(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    server = services.settings.server
    identity = await services.authenticator.identify_key(bearer_token(request))
    body = await read_json(request, max_bytes=server.max_http_body_bytes, timeout_s=server.body_timeout_s)
    ttl_s = _ttl_s(body.get("expires_after"), server.client_secret_ttl_s)
    wishes = session_of(body)
    session, ours = taken_out(wishes, services.settings)
    asked = model_of(session)
    agent = briefed(resolve_agent(services, None, asked), ours.briefing)
    now = time.time()
    effective = agent_session(agent, session, agents=tuple(services.agents))
    secret = ClientSecret(identity.key_id, agent.name if asked else None, wishes or None)
    value = await services.secrets.create(secret, ttl_s=ttl_s)
    answer = {"value": value, "expires_at": int(now) + ttl_s, "session": effective.to_wire()}
    answer |= relay_access(server, now)
    return web.Response(text=json.dumps(answer), content_type="application/json")


def session_of(body: Mapping[str, object]) -> dict[str, object]:
    """The `session` of a request. Raises ApiError 400."""
    value = body.get("session")
    if value is None:
        return {}
    if isinstance(value, dict):
        return value
    raise ApiError(400, "invalid_type", "The session must be an object.", param="session")


def _ttl_s(value: object, default: int) -> int:
    """Seconds from `expires_after`. Raises ApiError 400."""
    if value is None:
        return default
    if not isinstance(value, Mapping):
        raise ApiError(400, "invalid_type", "It must be an object.", param="expires_after")
    if value.get("anchor", "created_at") != "created_at":
        raise ApiError(400, "invalid_value", "The anchor must be 'created_at'.", param="expires_after.anchor")
    seconds = value.get("seconds", default)
    low, high = TTL_RANGE_S
    if not isinstance(seconds, int) or isinstance(seconds, bool) or not low <= seconds <= high:
        raise ApiError(
            400, "invalid_value", f"It must be a whole number from {low} to {high}.", param="expires_after.seconds"
        )
    return seconds
