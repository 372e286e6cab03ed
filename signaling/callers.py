"""What a caller asked for, after authentication: which agent, which session, a greeting or not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from aiohttp import web

from signaling.appkeys import DIRECTORY, FACTORIES, SERVICES
from signaling.auth import Identity, token_digest
from signaling.directory import LiveCall, Owner, Session
from signaling.errors import ApiError, unauthorized
from signaling.services import Services
from voice_agent.agents.base import Agent
from voice_agent.call.transport import Transport
from voice_agent.realtime.ids import new_id


def resolve_agent(services: Services, bound: str | None, asked: str | None) -> Agent:
    """The agent that `asked` (the protocol's `model`) names; nothing, or a stock model name, means the default one.

    Raises ApiError 404 for a name nobody has, 401 for another one than the client secret is `bound` to.
    """
    server = services.settings.server
    aliases = tuple(name.strip() for name in server.model_aliases.split(",") if name.strip())
    name = asked or ""
    if not name or (aliases and name.startswith(aliases) and name not in services.agents):
        name = bound or server.default_agent
    agent = services.agents.get(name)
    if agent is None:
        known = ", ".join(services.agents)
        raise ApiError(404, "model_not_found", f"There is no such model. There are: {known}.", param="model")
    if bound is not None and agent.name != bound:
        raise unauthorized("This client secret is for another model.", code="wrong_model")
    return agent


def model_of(session: Mapping[str, object] | None) -> str | None:
    """The `model` of a session given as JSON. Raises ApiError 400."""
    model = (session or {}).get("model")
    if model is None or isinstance(model, str):
        return model
    raise ApiError(400, "invalid_type", "The model must be a string.", param="session.model")


def merged(preset: Mapping[str, object], wishes: Mapping[str, object]) -> dict[str, object]:
    """The session of the client secret, with what the client itself asked for on top."""
    result = dict(preset)
    for key, value in wishes.items():
        below = result.get(key)
        both = isinstance(below, Mapping) and isinstance(value, Mapping)
        result[key] = merged(below, value) if both else value  # type: ignore[arg-type]  # narrowed by `both`
    return result


@dataclass(frozen=True, slots=True)
class CallRequest:
    """A call that somebody may make."""

    agent: Agent
    owner: Owner
    session: Mapping[str, object] | None
    """The client's wishes, not yet checked against the protocol."""
    greet: bool


def call_request(
    request: web.Request, identity: Identity, token: str, wishes: Mapping[str, object] | None = None
) -> CallRequest:
    """Raises ApiError 400, 401 or 404 where the agent cannot be had, or not from this page."""
    if identity.origin is not None and request.headers.get("Origin") != identity.origin:
        raise unauthorized("This client secret is for another page.", code="wrong_origin")
    session = merged(identity.session or {}, wishes or {})
    asked = request.query.get("model") or model_of(session)
    return CallRequest(
        agent=resolve_agent(request.app[SERVICES], identity.agent, asked),
        owner=Owner(identity.key_id, token_digest(token)),
        session=session or None,
        greet=request.query.get("greet") == "1",
    )


def new_session(
    request: web.Request, wanted: CallRequest, transport: Transport, kind: Literal["webrtc", "websocket"]
) -> Session:
    """The session of a new call. Raises ProtocolError where the session asked for cannot be had."""
    services = request.app[SERVICES]
    return request.app[FACTORIES].make_session(
        call_id=new_id("rtc" if kind == "webrtc" else "call"),
        agent=wanted.agent,
        engines=services.engines.for_call(wanted.agent.scripted),
        transport=transport,
        kind=kind,
        recorder=services.recorder,
        tickets=services.tickets,
        settings=services.settings,
        key_id=wanted.owner.key_id,
        session=wanted.session,
        greet=wanted.greet,
    )


async def owned_call(request: web.Request, call_id: str, token: str) -> LiveCall:
    """The live call, if the bearer of `token` owns it. Raises ApiError 401, and 404 for a stranger's call as well."""
    call = request.app[DIRECTORY].get(call_id)
    if call is not None and call.owner.is_secret(token_digest(token)):
        return call
    identity = await request.app[SERVICES].authenticator.identify(token)
    if call is None or not call.owner.is_key(identity.key_id):
        raise ApiError(404, "call_not_found", "There is no such call, or it has ended.", param="call_id")
    return call
