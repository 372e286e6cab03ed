"""TCP connections: how many there may be, in all and from one address, and what answers those that speak no HTTP.

A connection too many is cut at once and costs nothing more; where the process has as many as it may, the one that has
been without a request for longest gives way, so that nobody can occupy the door by standing in it. What cannot be
parsed gets a short 400 in the shape of all other errors, with their headers, and is counted; nothing of it is logged.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from signaling.admission import descriptor_limit
from signaling.errors import ApiError, error_response
from signaling.headers import security_headers
from signaling.limits import subscriber
from voice_agent.hardening.rejections import rejected
from voice_agent.settings import ServerSettings

_SERVER = "voice-agent"
"""Without a name of ours the library would send its own, with versions."""


class ConnectionCount:
    """Open connections in all and per address. Pure; addresses live here in memory, while they are connected."""

    def __init__(self, address_limit: int | None) -> None:
        """`address_limit`: None where one address, a proxy's, is everybody's."""
        self._address_limit = address_limit
        self._by_address: Counter[str] = Counter()
        self.total = 0

    def add(self, address: str, limit: int) -> bool:
        """Counts one more, unless there are `limit` or its address has as many as it may; whether it was counted."""
        if self.total >= limit:
            return False
        if self._address_limit is not None and self._by_address[address] >= self._address_limit:
            return False
        self._by_address[address] += 1
        self.total += 1
        return True

    def remove(self, address: str) -> None:
        """One that was counted is gone."""
        self.total -= 1
        self._by_address[address] -= 1
        if not self._by_address[address]:
            del self._by_address[address]


class GuardedRunner(web.AppRunner):
    """An `AppRunner` whose server keeps to the limits on connections."""

    def __init__(self, app: web.Application, server: ServerSettings, **options: Any) -> None:
        super().__init__(app, **options)
        self._limits = server

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return _GuardedServer(
            made.request_handler,
            request_factory=made.request_factory,
            loop=made._loop,
            limits=self._limits,
            options=made._kwargs,
        )


class _GuardedServer(web.Server):
    def __init__(
        self,
        handler: Any,
        *,
        request_factory: Any,
        loop: asyncio.AbstractEventLoop,
        limits: ServerSettings,
        options: dict[str, Any],
    ) -> None:
        super().__init__(handler, request_factory=request_factory, loop=loop, **options)
        self._limits = limits
        self._count = ConnectionCount(None if limits.trust_proxy else limits.address_connections)
        self._counted: dict[RequestHandler, str] = {}

    def __call__(self) -> RequestHandler:
        return _Connection(self, loop=self._loop, limits=self._limits, **self._kwargs)

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        peer = transport.get_extra_info("peername")
        address = subscriber(str(peer[0])) if peer else ""
        room = self._room()
        if self._count.total >= room:
            self._dismiss_idle()
        if self._count.add(address, room):
            self._counted[handler] = address
        else:
            rejected("connections")
            # Not at once: the library expects a connection to live until its task has begun.
            self._loop.call_soon(transport.abort)

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        super().connection_lost(handler, exc)
        self._forget(handler)

    def _forget(self, handler: RequestHandler) -> None:
        address = self._counted.pop(handler, None)
        if address is not None:
            self._count.remove(address)

    def _dismiss_idle(self) -> None:
        """Cuts the oldest connection that has no request in progress."""
        for handler in self._counted:
            if handler._current_request is None:
                rejected("connections")
                self._forget(handler)
                if handler.transport is not None:
                    handler.transport.abort()
                return

    def _room(self) -> int:
        """Connections may take half of the descriptors there are; calls and their engines need the others."""
        return min(self._limits.max_connections, descriptor_limit() // 2)


class _Connection(RequestHandler):
    __slots__ = ("_limits",)

    def __init__(self, manager: _GuardedServer, *, limits: ServerSettings, **options: Any) -> None:
        super().__init__(manager, **options)
        self._limits = limits

    def connection_lost(self, exc: BaseException | None) -> None:
        super().connection_lost(exc)
        # aiohttp 3.14 keeps this of a WebSocket, and so a ring of it, its request and its buffers: they would wait for
        # the garbage collector, some 60 objects of each conversation. It can go when a lost connection drops it itself;
        # `test_a_conversation_over_a_websocket_is_freed_without_a_collector` tells, and if the field has another name.
        self._data_received_cb = None

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answers what never reached the application: it was no HTTP. `message` holds what came, and goes nowhere.

        Raises ConnectionError where an answer is on its way already.
        """
        rejected("http")
        if request.writer.output_size > 0:
            raise ConnectionError("an answer is on its way already")
        if status == 400:
            error = ApiError(400, "invalid_http", "This is not a request that can be understood.")
        else:
            error = ApiError(status, "internal_error", "Something went wrong here. Please try again.")
        response = error_response(error)
        response.headers.update(security_headers(self._limits) | {"Server": _SERVER})
        response.force_close()
        return response
