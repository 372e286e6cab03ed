"""Whether the process lives, whether it should get calls, and its metrics.

`/readyz` speaks of this process only, not of providers: those have fallbacks.
"""

from __future__ import annotations

import json

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from signaling.appkeys import DIRECTORY, MONITOR, SERVICES
from signaling.errors import ApiError
from signaling.origins import is_loopback
from voice_agent.hardening import landlock

_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP")


def add_health_routes(app: web.Application) -> None:
    app.router.add_get("/livez", live)
    app.router.add_get("/readyz", ready)
    app.router.add_get("/metrics", metrics)


async def live(_request: web.Request) -> web.Response:
    return _json({"status": "ok"})


async def ready(request: web.Request) -> web.Response:
    """200 if a call may be sent here, else 503; `checks` says which part refuses. `landlock` refuses nothing."""
    services, directory = request.app[SERVICES], request.app[DIRECTORY]
    lag_ms = request.app[MONITOR].window.p99_ms
    checks = {
        "accepting": not directory.draining,
        "capacity": not directory.full,
        "load": directory.obstacle() is None,
        "storage": services.storing(),
        "event_loop": lag_ms <= services.settings.server.max_loop_lag_ms,
    }
    ok = all(checks.values())
    # Said, but no reason to send calls elsewhere: who needs it sets REQUIRE_LANDLOCK, and then it holds.
    checks["landlock"] = landlock.in_force()
    body = {
        "status": "ready" if ok else "unready",
        "checks": checks,
        "calls": directory.taken,
        "max_calls": services.settings.server.max_calls,
        "loop_lag_p99_ms": round(lag_ms, 1),
    }
    return _json(body, status=200 if ok else 503)


async def metrics(request: web.Request) -> web.Response:
    """Prometheus text. A request that a proxy passed on counts as coming from outside."""
    local = is_loopback(request.remote or "") and not any(name in request.headers for name in _FORWARDED)
    if not local and not request.app[SERVICES].settings.server.metrics_public:
        raise ApiError(403, "forbidden", "Metrics are for this machine only. The operator may set METRICS_PUBLIC.")
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _json(body: object, status: int = 200) -> web.Response:
    return web.Response(status=status, text=json.dumps(body), content_type="application/json")
