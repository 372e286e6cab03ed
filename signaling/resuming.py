"""What both transports do with a resume token: find the process that has the call, or put the call together anew."""

from __future__ import annotations

import logging

from aiohttp import web

from signaling.appkeys import DIRECTORY, REGISTRY, RESUME, SERVICES
from signaling.callers import CallRequest, resolve_agent
from signaling.proxy import FORWARDED
from signaling.resume import CALLS_RESUMED, Claim, Grant, refused, token_digest
from voice_agent.call.snapshot import from_turns

logger = logging.getLogger(__name__)


async def elsewhere(request: web.Request, token: str) -> str | None:
    """The address of the process to pass the request on to; None where it is to be answered here.

    Raises ApiError 401 for a token that nobody knows, SecretsUnavailable.
    """
    if request.app[RESUME].knows(token):
        return None
    registry = request.app[REGISTRY]
    grant = await registry.grant_of(token_digest(token))
    if grant is None or FORWARDED in request.headers:
        raise refused()
    return await registry.process_of(str(grant["call_id"]))


async def claimed(request: web.Request, token: str) -> tuple[Claim, CallRequest]:
    """The call to go on with; whoever gets it must start it, and release the claim in any case.

    Raises ApiError 401, 404, 409, 503, DatabaseUnavailable or SecretsUnavailable.
    """
    services, resume = request.app[SERVICES], request.app[RESUME]
    source = "memory"
    if not resume.knows(token):
        await _adopt(request, token)
        source = "storage"
    claim = await resume.claim(token, request.headers.get("Origin"))
    try:
        wanted = CallRequest.of_grant(services, claim.grant, claim.snapshot)
    except BaseException:
        claim.release()
        raise
    CALLS_RESUMED.labels(source).inc()
    return claim, wanted


async def _adopt(request: web.Request, token: str) -> None:
    """Puts together the call of a process that died. Raises ApiError 401 where nothing of it is stored."""
    services, registry = request.app[SERVICES], request.app[REGISTRY]
    request.app[DIRECTORY].check_accepting()
    digest = token_digest(token)
    found = await registry.grant_of(digest)
    grant = Grant.from_json(found) if found is not None else None
    if grant is None or grant.owner.key_id is None or services.lost_calls is None:
        raise refused()
    key_id = grant.owner.key_id
    call = await services.lost_calls.get(grant.call_id, key_id=key_id)
    # Only now, so that a database that is away costs the client one attempt and not its token.
    if call is None or await registry.take_grant(digest) is None:
        raise refused()
    agent = resolve_agent(services, None, grant.agent)
    snapshot = from_turns(agent, grant.call_id, key_id, call.summary.started_at, call.turns, greet=grant.greet)
    request.app[RESUME].adopt(token, grant, snapshot)
    logger.info("A call of a process that died goes on here", extra={"turns": len(call.turns)})
