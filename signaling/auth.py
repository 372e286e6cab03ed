"""Who calls: an API key (`sk-…`), or a client secret (`ek_…`) that a key or our own page was given for one call.

Both come as `Authorization: Bearer`, or, in browsers that cannot set it on a WebSocket, as the subprotocol
`openai-insecure-api-key.<key>`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from signaling.errors import unauthorized
from voice_agent.storage.ephemeral import SecretStore
from voice_agent.storage.keys import KeyInfo

KEY_PREFIX = "sk-"
SECRET_PREFIX = "ek_"  # noqa: S105 - a prefix, not a secret
PROTOCOL = "realtime"
_KEY_PROTOCOL = "openai-insecure-api-key."
_MAX_TOKEN_CHARS = 512


@dataclass(frozen=True, slots=True)
class Identity:
    """Whoever showed a valid key or secret."""

    key_id: str | None
    """The API key everything is done for; None for a guest of our own page."""
    agent: str | None = None
    """The only agent a client secret is good for; None leaves the choice."""
    session: Mapping[str, object] | None = None
    """The session a client secret was made for."""
    origin: str | None = None
    """The only page a client secret may be used by."""
    operator: bool = False
    """The key itself was shown, and it may see figures of all calls and work on tickets."""


class KeyVerifier(Protocol):
    """What authentication asks of the key store."""

    async def verify(self, key: str) -> KeyInfo | None: ...


class Authenticator:
    def __init__(self, keys: KeyVerifier, secrets: SecretStore) -> None:
        self._keys = keys
        self._secrets = secrets

    async def identify(self, token: str) -> Identity:
        """A client secret is used up by this. Raises ApiError 401, or the store's own error when it is away."""
        if token.startswith(SECRET_PREFIX):
            return await self._redeem(token)
        return await self.identify_key(token)

    async def identify_key(self, token: str) -> Identity:
        """As `identify`, for what only API keys may do."""
        info = await self._keys.verify(token) if token.startswith(KEY_PREFIX) else None
        if info is None:
            raise unauthorized("This API key is not valid.")
        return Identity(key_id=info.id, operator=info.operator)

    async def _redeem(self, token: str) -> Identity:
        secret = await self._secrets.redeem(token)
        if secret is None:
            raise unauthorized("This client secret is not valid: it has expired or was used.", code="invalid_secret")
        return Identity(secret.key_id, secret.agent, secret.session, secret.origin)


def token_digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def bearer_token(request: web.Request) -> str:
    """The key or secret of a plain request. Raises ApiError 401."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise unauthorized("Send your API key as 'Authorization: Bearer <key>'.", code="missing_api_key")
    return _checked(token)


def websocket_token(request: web.Request) -> str:
    """The key or secret of a WebSocket handshake. Raises ApiError 401."""
    if "Authorization" in request.headers:
        return bearer_token(request)
    for protocol in offered_protocols(request):
        if protocol.startswith(_KEY_PROTOCOL):
            return _checked(protocol.removeprefix(_KEY_PROTOCOL))
    raise unauthorized(
        f"Send your key in the Authorization header or as the subprotocol '{_KEY_PROTOCOL}<key>'.",
        code="missing_api_key",
    )


def offered_protocols(request: web.Request) -> list[str]:
    values = request.headers.getall("Sec-WebSocket-Protocol", [])
    return [name.strip() for value in values for name in value.split(",")]


def _checked(token: str) -> str:
    if len(token) > _MAX_TOKEN_CHARS or not token.isascii() or not token.isprintable():
        raise unauthorized("This API key is not valid.")
    return token
