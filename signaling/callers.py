"""What a caller asked for, after authentication: which agent, which session, a greeting or not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from aiohttp import web

from signaling.appkeys import CALL_LIMITS, DIRECTORY, FACTORIES, RESUME, SERVICES
from signaling.auth import KEY_PREFIX, SECRET_PREFIX, Identity, token_digest
from signaling.briefings import CallerWishes, briefed, taken_out
from signaling.call_limits import client_address
from signaling.directory import LiveCall, Owner, Seat, Session
from signaling.errors import ApiError, unauthorized
from signaling.resume import Grant
from signaling.services import Services
from voice_agent.agents.base import Agent
from voice_agent.call.snapshot import Snapshot
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
    """As it is for this caller."""
    owner: Owner
    session: Mapping[str, object] | None
    """The client's wishes, not yet checked against the protocol."""
    wishes: CallerWishes
    greet: bool
    by_address: bool = True
    """Whether the call is counted for the caller's address too: not where the API key itself was shown."""
    origin: str | None = None
    """The only page that may resume it."""
    resume: Snapshot | None = None
    """The call that it goes on with."""

    @staticmethod
    def of_grant(services: Services, grant: Grant, snapshot: Snapshot) -> CallRequest:
        """To go on with a call. Raises ApiError 404 where its agent is no more."""
        wishes = CallerWishes(snapshot.briefing, snapshot.save)
        agent = briefed(resolve_agent(services, None, grant.agent), wishes.briefing)
        by_address = grant.owner.key_id is None
        return CallRequest(agent, grant.owner, None, wishes, grant.greet, by_address, grant.origin, snapshot)


async def identified(request: web.Request, token: str) -> Identity:
    """Who wants a new call. Raises ApiError 401, 429 or 503, and uses a client secret up only where it raises none.

    Whoever is told to try again needs the secret again.
    """
    request.app[DIRECTORY].check_open()
    services = request.app[SERVICES]
    if token.startswith(SECRET_PREFIX):
        await request.app[CALL_LIMITS].attempt(client_address(request, services.settings.server))
    return await services.authenticator.identify(token)


async def take_seat(request: web.Request, wanted: CallRequest) -> Seat:
    """Room for the call, counted for its caller and key. Raises ApiError 429 or 503."""
    seat = request.app[DIRECTORY].admit()
    try:
        seat.lease = await request.app[CALL_LIMITS].enter(
            key_id=wanted.owner.key_id,
            address=client_address(request, request.app[SERVICES].settings.server) if wanted.by_address else None,
            resumed=wanted.resume is not None,
        )
    except BaseException:
        seat.release()
        raise
    return seat


def call_request(
    request: web.Request, identity: Identity, token: str, wishes: Mapping[str, object] | None = None
) -> CallRequest:
    """Raises ApiError 400, 401 or 404 where the agent cannot be had, or not from this page."""
    if identity.origin is not None and request.headers.get("Origin") != identity.origin:
        raise unauthorized("This client secret is for another page.", code="wrong_origin")
    services = request.app[SERVICES]
    session, ours = taken_out(merged(identity.session or {}, wishes or {}), services.settings)
    asked = request.query.get("model") or model_of(session)
    return CallRequest(
        agent=briefed(resolve_agent(services, identity.agent, asked), ours.briefing),
        owner=Owner(identity.key_id, token_digest(token)),
        session=session,
        wishes=ours,
        greet=request.query.get("greet") == "1",
        by_address=not token.startswith(KEY_PREFIX),
        origin=identity.origin,
    )


def new_session(
    request: web.Request, wanted: CallRequest, transport: Transport, kind: Literal["webrtc", "websocket"]
) -> Session:
    """The session of a new call. Raises ProtocolError where the session asked for cannot be had."""
    services = request.app[SERVICES]
    call_id = wanted.resume.call_id if wanted.resume else new_id("rtc" if kind == "webrtc" else "call")
    grant = Grant(call_id, wanted.owner, wanted.agent.name, greet=wanted.greet, origin=wanted.origin)
    return request.app[FACTORIES].make_session(
        call_id=call_id,
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
        briefing=wanted.wishes.briefing,
        save=wanted.wishes.save,
        resume=wanted.resume,
        resume_token=_resume_token(request, grant),
    )


def _resume_token(request: web.Request, grant: Grant) -> Callable[[], str] | None:
    resume = request.app[RESUME]
    return (lambda: resume.issue(grant)) if resume.enabled else None


async def owned_call(request: web.Request, call_id: str, token: str) -> LiveCall:
    """The live call, if the bearer of `token` owns it. Raises ApiError 401, and 404 for a stranger's call as well."""
    call = request.app[DIRECTORY].get(call_id)
    await check_owner(request, call.owner if call is not None else None, token)
    assert call is not None
    return call


async def check_owner(request: web.Request, owner: Owner | None, token: str) -> None:
    """Raises ApiError 401 or 404 unless the bearer of `token` owns the call; `owner` is None where there is none."""
    if owner is not None and owner.is_secret(token_digest(token)):
        return
    identity = await request.app[SERVICES].authenticator.identify(token)
    if owner is None or not owner.is_key(identity.key_id):
        raise call_not_found()


def call_not_found() -> ApiError:
    return ApiError(404, "call_not_found", "There is no such call, or it has ended.", param="call_id")
