"""The server under test: a given one, or our own with the stub provider, on processor cores of their own.

Our own gets one core for its process alone; the callers, the provider and the database share the others, so that what
is measured is what one core of the server holds.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import psutil

from scripts.live_server import serving

_STOP_TIMEOUT_S = 10
_TRANSCRIPT = "My printer has stopped and I would like to have it repaired."
_REPLY = "Thank you, that is number {n}. What else can I do?"
_FILES = 65_536
_OWN = {
    "TRANSCRIBER": "openai-realtime",
    "TRANSCRIBER_IDLE_CONNECTIONS": "400",
    "OPENAI_API_KEY": "stub",
    "LOCAL_FALLBACK": "false",  # its workers would share the cores, idle as they are
    "MAX_CALLS": "10000",
    "MAX_CONNECTIONS": "20000",
    "PROVIDER_CONNECTIONS": "2000",
    "SPEECH_REHEARSE": "true",
}


@dataclass(frozen=True, slots=True)
class Delays:
    """Of the stub provider, in ms, but for the rate."""

    transcription_ms: float = 100
    first_token_ms: float = 150
    tokens_per_s: float = 30
    first_byte_ms: float = 80


@dataclass(frozen=True, slots=True)
class Target:
    base_url: str
    """Ends in /v1."""
    key: str
    metrics_url: str
    """Where its Prometheus metrics may be."""
    pid: int | None = None
    """Of our own server."""
    helpers: tuple[int, ...] = ()
    """Processes that share the callers' cores: the provider and the database."""

    @property
    def own(self) -> bool:
        return self.pid is not None


def given(url: str, key: str, metrics_url: str = "") -> Target:
    """Raises ValueError for what is no http(s) URL."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"not an http(s) URL: {url}")
    base_url = url.rstrip("/")
    root = base_url.removesuffix("/v1")
    return Target(f"{root}/v1", key, metrics_url or f"{root}/metrics")


def own_address(base_url: str) -> str:
    """The address from which packets to that server leave. Sends nothing. Raises OSError where there is no way."""
    parts = urlsplit(base_url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    family, _, _, _, address = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect(address)
        return str(ipaddress.ip_address(probe.getsockname()[0]))


@contextlib.contextmanager
def own_server(delays: Delays, *, pin: bool = True, **settings: str) -> Iterator[Target]:
    """Starts provider and server, both down at the end. `pin`: on cores of their own, this process's among them.
    `settings`: further settings of the server."""
    allow_files()
    with _stub(delays) as stub, serving(OPENAI_BASE_URL=stub.url, **_OWN, **settings) as server:
        target = Target(
            f"{server.url}/v1",
            server.make_key(),
            f"{server.url}/metrics",
            server.pid,
            (stub.pid, *_children(server.pid)),
        )
        if pin:
            _share_cores(server.pid, target.helpers)
        yield target


def allow_files() -> None:
    """Lets this process, and those it starts, have a socket for each of thousands of calls."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if most == resource.RLIM_INFINITY else min(_FILES, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


@dataclass(frozen=True, slots=True)
class _Stub:
    url: str
    pid: int


@contextlib.contextmanager
def _stub(delays: Delays) -> Iterator[_Stub]:
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "scripts.stub_provider", "--port", "0", "--speech", "loop"),
            *("--transcript", _TRANSCRIPT, "--reply", _REPLY),
            *("--transcription-ms", str(delays.transcription_ms), "--first-token-ms", str(delays.first_token_ms)),
            *("--tokens-per-s", str(delays.tokens_per_s), "--first-byte-ms", str(delays.first_byte_ms)),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        url = process.stdout.readline().strip()
        if not url:
            raise RuntimeError("the stub provider did not start")
        yield _Stub(url, process.pid)
    finally:
        process.terminate()
        try:
            process.wait(_STOP_TIMEOUT_S)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


def _children(pid: int) -> tuple[int, ...]:
    return tuple(child.pid for child in psutil.Process(pid).children(recursive=True))


def _share_cores(server: int, helpers: tuple[int, ...]) -> None:
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        return
    for thread in psutil.Process(server).threads():
        os.sched_setaffinity(thread.id, cores[:1])
    for pid in (os.getpid(), *helpers):
        for thread in psutil.Process(pid).threads():
            os.sched_setaffinity(thread.id, cores[1:])
