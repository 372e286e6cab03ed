"""Which web pages may call: our own, and those the operator lists. Pure functions of headers and settings."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

from voice_agent.settings import ServerSettings

ANY = "*"


def allowed_origins(server: ServerSettings) -> frozenset[str]:
    """The list of the setting ALLOWED_ORIGINS, without trailing slashes, in lower case."""
    return frozenset(item.strip().rstrip("/").lower() for item in server.allowed_origins.split(",") if item.strip())


def is_own(origin: str, host: str, server: ServerSettings) -> bool:
    """Whether `origin` is our own page, reached under the Host header `host`.

    Without PUBLIC_ORIGIN the Host header decides. A name that an attacker's DNS points at a loopback address would
    then count as our own, so a server on a loopback address knows itself by loopback names only.
    """
    if server.public_origin:
        return origin.lower() == server.public_origin.rstrip("/").lower()
    if is_loopback(server.host) and not is_loopback(_host_name(host)):
        return False
    return bool(host) and origin.lower() in (f"http://{host.lower()}", f"https://{host.lower()}")


def may_call(origin: str, host: str, server: ServerSettings) -> bool:
    """Whether a page of `origin` may use the API with a key."""
    listed = allowed_origins(server)
    return ANY in listed or origin.lower() in listed or is_own(origin, host, server)


def is_own_page(headers: Mapping[str, str], server: ServerSettings) -> bool:
    """Whether a request provably comes from our own page: browsers send both headers and scripts cannot set them."""
    origin = headers.get("Origin", "")
    site = headers.get("Sec-Fetch-Site", "same-origin")
    return bool(origin) and site == "same-origin" and is_own(origin, headers.get("Host", ""), server)


def from_elsewhere(headers: Mapping[str, str], host: str, server: ServerSettings, *, api: bool) -> bool:
    """Whether a browser sends this for a page that may not: one that is not listed, or, off the API, not our own.

    A browser names the page in Origin, or at least says in Sec-Fetch-Site that it is another one. What sends neither
    is no browser.
    """
    origin = headers.get("Origin")
    if origin is None:
        return headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none")
    return not (may_call(origin, host, server) if api else is_own(origin, host, server))


def is_loopback(host: str) -> bool:
    """`localhost`, 127.0.0.0/8 and ::1."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _host_name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
