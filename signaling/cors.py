"""Cross-origin requests: preflights, response headers, and the refusal of unsafe ones from pages not allowed.

Credentials are never allowed: the API knows bearer keys, not cookies.
"""

from __future__ import annotations

from aiohttp import web
from aiohttp.typedefs import Handler

from signaling.appkeys import SETTINGS
from signaling.errors import ApiError
from signaling.origins import ANY, allowed_origins, from_elsewhere, is_own, may_call

_API_PREFIX = "/v1/"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_METHODS = "GET, POST, PATCH, DELETE, OPTIONS"
_HEADERS = frozenset(
    {
        "authorization",
        "content-type",
        "openai-beta",
        "openai-organization",
        "openai-project",
        "openai-safety-identifier",
        "user-agent",
        "x-openai-agents-sdk",
    }
)
_HEADER_PREFIX = "x-stainless-"
"""What the generated OpenAI clients add in numbers that change with each release."""
_MAX_AGE_S = "600"


@web.middleware
async def cors_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    origin = request.headers.get("Origin")
    server = request.app[SETTINGS].server
    api = request.path.startswith(_API_PREFIX)
    if request.method not in _SAFE and from_elsewhere(request.headers, request.host, server, api=api):
        raise _not_allowed()
    if origin is None or not api:
        return await handler(request)
    preflight = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
    if preflight and not may_call(origin, request.host, server):
        raise _not_allowed()
    if preflight:
        return _preflight(request)
    return await handler(request)


def _not_allowed() -> ApiError:
    return ApiError(
        403, "origin_not_allowed", "Pages of this origin may not call. The operator lists it in ALLOWED_ORIGINS."
    )


def _preflight(request: web.Request) -> web.Response:
    asked = [name.strip().lower() for name in request.headers.get("Access-Control-Request-Headers", "").split(",")]
    granted = [name for name in asked if name in _HEADERS or name.startswith(_HEADER_PREFIX)]
    return web.Response(
        status=204,
        headers={
            "Access-Control-Allow-Methods": _METHODS,
            "Access-Control-Allow-Headers": ", ".join(granted),
            "Access-Control-Max-Age": _MAX_AGE_S,
        },
    )


async def add_cors_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Signal `on_response_prepare`: errors must be readable by an allowed page as well."""
    origin = request.headers.get("Origin")
    if not request.path.startswith(_API_PREFIX):
        return
    server = request.app[SETTINGS].server
    listed = allowed_origins(server)
    if ANY in listed:
        response.headers["Access-Control-Allow-Origin"] = ANY
    else:
        response.headers["Vary"] = "Origin"
        if origin is None or not (origin.lower() in listed or is_own(origin, request.host, server)):
            return
        response.headers["Access-Control-Allow-Origin"] = origin
    response.headers["Access-Control-Expose-Headers"] = "Location, Retry-After"
