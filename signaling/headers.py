"""Security headers of every response. The page gets the policy it needs; everything else may load nothing at all."""

from __future__ import annotations

from aiohttp import web

from signaling.appkeys import SETTINGS
from voice_agent.settings import ServerSettings

PAGE_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "worker-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "font-src 'self'",
        "media-src 'self' blob:",
        "manifest-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
_API_POLICY = "default-src 'none'; frame-ancestors 'none'"
_HSTS = "max-age=31536000"
_CHOSEN = ("Content-Security-Policy", "Cache-Control")

_COMMON = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=(), display-capture=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def security_headers(server: ServerSettings) -> dict[str, str]:
    """Of a response that says nothing about itself."""
    headers = {**_COMMON, "Content-Security-Policy": _API_POLICY, "Cache-Control": "no-store"}
    if server.public_origin.startswith("https://"):
        headers["Strict-Transport-Security"] = _HSTS
    return headers


async def add_security_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Signal `on_response_prepare`. A response may have a policy and caching of its own, and nothing else."""
    own = {name: response.headers[name] for name in _CHOSEN if name in response.headers}
    response.headers.update(security_headers(request.app[SETTINGS].server) | own)
    response.headers.popall("Server", None)
