"""Where the server listens, for people: its address, and why it cannot have it."""

from __future__ import annotations

import errno

from voice_agent.settings import ServerSettings

_ANY_ADDRESS = ("0.0.0.0", "::", "")  # noqa: S104 - recognised, not bound


def ready_line(server: ServerSettings, port: int) -> str:
    """What is printed when requests are answered; `port` is the one that was really taken."""
    return f"voice-agent is ready: {_url(server, port)}"


def cannot_listen(error: OSError, server: ServerSettings) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"voice-agent cannot start: port {server.port} is in use. Choose another one with PORT."
    if error.errno == errno.EACCES:
        return f"voice-agent cannot start: port {server.port} needs privileges. Choose PORT above 1023."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"voice-agent cannot start: this machine has no address {server.host}. Choose another one with HOST."
    return f"voice-agent cannot start: HOST {server.host}, PORT {server.port}: {error.strerror}."


def _url(server: ServerSettings, port: int) -> str:
    if server.public_origin:
        return server.public_origin
    host = "127.0.0.1" if server.host in _ANY_ADDRESS else server.host
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
