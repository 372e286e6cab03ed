"""Services of the machine that some tests need beside the server. `scripts/prepare_services.py` installs them."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

_START_TIMEOUT_S = 10
_TURN_CONFIGURATION = Path(__file__).parents[2] / "deploy" / "turnserver.conf"


def program(name: str) -> str:
    """The path of an installed program; skips the test where there is none."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed (python -m scripts.prepare_services installs it as root on Debian)")
    return found


def free_ports(count: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """The first of so many loopback ports in a row that nobody uses at the moment."""
    while True:
        with contextlib.ExitStack() as stack:
            first = stack.enter_context(socket.socket(socket.AF_INET, kind))
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
            try:
                for number in range(port + 1, port + count):
                    stack.enter_context(socket.socket(socket.AF_INET, kind)).bind(("127.0.0.1", number))
            except (OSError, OverflowError):
                continue
            return port


@contextlib.contextmanager
def running(command: list[str], folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A program that listens on a loopback TCP port, up while the context lasts."""
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not _answers(port):
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.02)
        yield process
    finally:
        process.kill()
        process.wait()


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """A Redis that stores nothing; its URL."""
    path, port = program("redis-server"), free_ports(1)
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with running([path, *options], folder, port):
        yield f"redis://127.0.0.1:{port}"


@dataclass(frozen=True, slots=True)
class Relay:
    port: int

    @property
    def url(self) -> str:
        return f"turn:127.0.0.1:{self.port}?transport=udp"


@contextlib.contextmanager
def turn_server(folder: Path, secret: str, allowed_peer: str) -> Iterator[Relay]:
    """A coturn on loopback with the configuration that we recommend; of the private addresses it reaches one."""
    path, port = program("turnserver"), free_ports(1)
    command = [
        *(path, "-c", str(_TURN_CONFIGURATION), "--static-auth-secret", secret, "--listening-port", str(port)),
        *("--listening-ip", "127.0.0.1", "--relay-ip", "127.0.0.1", "--allow-loopback-peers"),
        *("--allowed-peer-ip", allowed_peer, "--pidfile", str(folder / "pid"), "--db", str(folder / "db")),
    ]
    with running(command, folder, port):
        yield Relay(port)
