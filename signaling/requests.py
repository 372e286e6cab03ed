"""How many HTTP requests one address may send to this process, whatever they are for."""

from __future__ import annotations

import asyncio

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from signaling.call_limits import client_address, too_many
from signaling.limits import RatePerAddress, TokenBucket
from voice_agent.settings import ServerSettings

_RETRY_AFTER_S = 1


def request_rate(server: ServerSettings) -> Middleware:
    """A middleware that raises ApiError 429 above ADDRESS_REQUESTS_PER_S and its burst."""

    def full_bucket(now: float) -> TokenBucket:
        return TokenBucket(server.address_requests_per_s, server.address_request_burst, now)

    rates = RatePerAddress(full_bucket, server.address_table)

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not rates.take(client_address(request, server), asyncio.get_running_loop().time()):
            raise too_many("Too many requests from your network. Please wait a little.", _RETRY_AFTER_S)
        return await handler(request)

    return middleware
