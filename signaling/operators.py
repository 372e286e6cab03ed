"""What only an operator's key may ask for."""

from __future__ import annotations

from aiohttp import web

from signaling.appkeys import SERVICES
from signaling.auth import Identity, bearer_token
from signaling.errors import ApiError


async def operator(request: web.Request) -> Identity:
    """Raises ApiError 401, and 403 for a key that only calls."""
    identity = await request.app[SERVICES].authenticator.identify_key(bearer_token(request))
    if not identity.operator:
        raise ApiError(403, "operator_key_required", "Only an operator's key may: voice-agent keys create --operator.")
    return identity
