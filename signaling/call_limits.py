"""How many calls one caller, or one API key, may start and hold, in all server processes together.

Whoever calls with a client secret is counted by address, as browsers do; an API key is counted whoever uses it, its
secrets included. Addresses reach Redis as keyed hashes only.
"""

from __future__ import annotations

from typing import Protocol

from aiohttp import web

from signaling.errors import ApiError
from signaling.limits import subscriber
from voice_agent.settings import ServerSettings
from voice_agent.storage.leases import Lease

_MINUTE_S = 60


class HitCounter(Protocol):
    async def hit(self, bucket: str, subject: str, limit: int, window_s: int) -> bool: ...


class LeaseGiver(Protocol):
    async def take(self, holders: list[tuple[str, str, int | None]]) -> Lease | None: ...


class CallLimits:
    def __init__(self, server: ServerSettings, hits: HitCounter, leases: LeaseGiver) -> None:
        self._server = server
        self._hits = hits
        self._leases = leases

    async def attempt(self, address: str) -> None:
        """Counts an attempt with a client secret, before the secret is used up. Raises ApiError 429."""
        limit = self._server.address_calls_per_minute
        if not await self._hits.hit("calls", address, limit, _MINUTE_S):
            raise too_many("Too many calls from your network in a short time. Please wait a little.", _MINUTE_S)

    async def enter(self, *, key_id: str | None, address: str | None, resumed: bool = False) -> Lease:
        """Counts a call until its lease is released. `address`: None for a call made with the key itself.

        A resumed call was admitted once: it is counted, never refused. Raises ApiError 429.
        """
        server = self._server
        if (
            not resumed
            and key_id is not None
            and not await self._hits.hit("key_calls", key_id, server.key_calls_per_minute, _MINUTE_S)
        ):
            raise too_many("This API key has started too many calls in a short time.", _MINUTE_S)
        holders: list[tuple[str, str, int | None]] = []
        if address is not None:
            holders.append(("address", address, None if resumed else server.address_calls))
        if key_id is not None:
            holders.append(("key", key_id, None if resumed else server.key_calls))
        lease = await self._leases.take(holders)
        if lease is None:
            raise too_many(
                "There are too many calls at once from your network or with your key. Please end one.",
                server.retry_after_s,
            )
        return lease


def too_many(message: str, retry_after_s: int) -> ApiError:
    """The refusal of a caller who does too much, to be raised."""
    return ApiError(429, "rate_limited", message, headers={"Retry-After": str(retry_after_s)})


def client_address(request: web.Request, server: ServerSettings) -> str:
    """Whom a request is counted for; neither stored nor logged. Behind a trusted proxy, the address it saw."""
    forwarded = request.headers.get("X-Forwarded-For", "")
    if server.trust_proxy and forwarded:
        return subscriber(forwarded.rsplit(",", 1)[-1].strip())
    return subscriber(request.remote or "")
