"""The aiohttp application: routes, middlewares, and one cleanup context per resource."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from aiohttp import web

from signaling.admission import Admission
from signaling.appkeys import (
    CALL_LIMITS,
    DIRECTORY,
    FACTORIES,
    FINISHED,
    MONITOR,
    REGISTRY,
    RESUME,
    SERVICES,
    SETTINGS,
)
from signaling.call_limits import CallLimits
from signaling.calls import add_call_routes
from signaling.config_api import add_config_routes
from signaling.connections import GuardedRunner
from signaling.cors import add_cors_headers, cors_middleware
from signaling.directory import CallDirectory
from signaling.errors import RETRY_AFTER_S, error_middleware
from signaling.factories import CallFactories
from signaling.figures_api import add_figure_routes
from signaling.finished_owners import FinishedOwners
from signaling.guests import add_guest_routes
from signaling.headers import add_security_headers
from signaling.health import add_health_routes
from signaling.loopmonitor import LoopMonitor
from signaling.models import add_model_routes
from signaling.registry import Registry
from signaling.requests import request_rate
from signaling.resume import ResumeDesk
from signaling.secrets_api import add_secret_routes
from signaling.services import Services
from signaling.static import add_static_routes
from signaling.stored_calls_api import add_stored_call_routes
from signaling.tickets_api import add_ticket_routes
from signaling.websocket import add_websocket_routes
from voice_agent.settings import ServerSettings


def create_app(services: Services, factories: CallFactories) -> web.Application:
    """The whole HTTP surface over services that somebody else has started and will stop."""
    server = services.settings.server
    app = web.Application(
        middlewares=[error_middleware, request_rate(server), cors_middleware],
        client_max_size=server.max_http_body_bytes,
    )
    app[SETTINGS] = services.settings
    app[RETRY_AFTER_S] = server.retry_after_s
    app[SERVICES] = services
    app[FACTORIES] = factories
    admission = Admission(server)
    app[DIRECTORY] = CallDirectory(server, services.storing, admission)
    app[CALL_LIMITS] = CallLimits(server, services.limiter, services.leases)
    app[REGISTRY] = Registry(services.shared, server)
    app[RESUME] = ResumeDesk(app[DIRECTORY], app[REGISTRY], server)
    app[FINISHED] = FinishedOwners(app[DIRECTORY], app[REGISTRY], services.settings.reports)
    app[MONITOR] = LoopMonitor(admission.tick)
    app.on_response_prepare.append(add_security_headers)
    app.on_response_prepare.append(add_cors_headers)
    add_call_routes(app)
    add_websocket_routes(app)
    add_secret_routes(app)
    add_stored_call_routes(app)
    add_figure_routes(app)
    add_ticket_routes(app)
    add_model_routes(app)
    add_guest_routes(app)
    add_config_routes(app)
    add_health_routes(app)
    add_static_routes(app, server)
    app.cleanup_ctx.append(_loop_monitor)
    app.cleanup_ctx.append(_lost_calls)
    # aiohttp waits for open requests before it cleans up, and a WebSocket call is one: end them earlier.
    app.on_shutdown.append(_end_calls)
    return app


async def _loop_monitor(app: web.Application) -> AsyncIterator[None]:
    task = asyncio.create_task(app[MONITOR].run(), name="loop monitor")
    yield
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def _lost_calls(app: web.Application) -> AsyncIterator[None]:
    async with app[REGISTRY].running():
        yield
        app[RESUME].close()
        app[FINISHED].close()


async def _end_calls(app: web.Application) -> None:
    await app[DIRECTORY].end_all("shutdown", timeout_s=app[SETTINGS].server.close_timeout_s)


def make_runner(app: web.Application, server: ServerSettings) -> web.AppRunner:
    """An HTTP server with our time limits; its access log is off, it would hold addresses.

    aiohttp's keep-alive timer runs from the start of a connection until a request's headers are complete, so it is
    the header timeout as well.
    """
    return GuardedRunner(
        app,
        server,
        access_log=None,
        handle_signals=False,
        shutdown_timeout=server.close_timeout_s,
        keepalive_timeout=server.header_timeout_s,
        lingering_time=min(server.close_timeout_s, 1.0),
    )
