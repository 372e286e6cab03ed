"""A whole server whose sockets, peers and file descriptors strangers use up, while somebody is on the phone."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import time
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

import numpy as np
import psutil
import pytest
from aiohttp import ClientSession, TCPConnector

from scripts.live_server import LiveServer, serving
from tests.integration.conftest import eventually
from tests.live_caller import LiveCaller, calling
from tests.security.caller import offer_alone

LONG = bool(os.environ.get("LONG_TESTS"))
SLOW_SOCKETS = 500 if LONG else 200
P95_S = 0.3 if LONG else 1.0
"""The long test is for a machine that does nothing else."""
HALF_OPEN = 200
ATTACKERS = [f"127.0.1.{number}" for number in range(1, 9)]


@pytest.fixture(scope="module")
def server() -> Iterator[LiveServer]:
    with serving(
        MAX_CALLS="400",
        CONNECT_TIMEOUT_S="5",
        ADDRESS_CONNECTIONS="100",
        MODERATOR="wordlist",
        LANGUAGE_MODEL="scripted",
    ) as running:
        yield running


@pytest.fixture(scope="module")
def key(server: LiveServer) -> str:
    return server.make_key()


@pytest.fixture
async def http(server: LiveServer) -> AsyncIterator[ClientSession]:
    # Each request on a connection of its own: where all are taken, idle ones give way.
    async with ClientSession(connector=TCPConnector(force_close=True)) as session:
        yield session


@pytest.fixture
async def offer() -> str:
    return await offer_alone()


async def dial(server: LiveServer, http: ClientSession, key: str, offer: str) -> tuple[int, str]:
    """The status of an offer that nobody follows up, and where the call is."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/sdp"}
    async with http.post(f"{server.url}/v1/realtime/calls?model=helpdesk", data=offer, headers=headers) as answer:
        await answer.read()
        return answer.status, answer.headers.get("Location", "")


async def hang_up(server: LiveServer, http: ClientSession, key: str, location: str) -> None:
    async with http.post(f"{server.url}{location}/hangup", headers={"Authorization": f"Bearer {key}"}) as answer:
        assert answer.status == 200


async def answered(caller: LiveCaller) -> None:
    """The call works: something is asked in writing and answered."""
    since = len(caller.events)
    caller.write("My printer is offline.")
    await caller.event("response.done", since)


async def test_half_open_peers_are_gone_within_seconds_and_leave_nothing(
    server: LiveServer, http: ClientSession, key: str, offer: str
) -> None:
    for _ in range(5):
        await dial(server, http, key, offer)  # What stays for good is made by the first ones.

    async def none() -> bool:
        return (await server.holdings(http)).calls == 0

    await eventually(none)
    base = await server.holdings(http)
    async with calling(server.url, http, key) as caller:
        statuses = [(await dial(server, http, key, offer))[0] for _ in range(HALF_OPEN)]
        assert statuses == [201] * HALF_OPEN
        assert (await server.holdings(http)).fds >= base.fds + HALF_OPEN / 2
        await answered(caller)

    async def at_base() -> bool:
        now = await server.holdings(http)
        return now.calls == 0 and now.fds <= base.fds + 3 and now.threads <= base.threads + 2

    await eventually(at_base, timeout_s=20)


async def test_slow_sockets_do_not_slow_offers(server: LiveServer, http: ClientSession, key: str, offer: str) -> None:
    where = urlsplit(server.url)
    opened = []
    for number in range(SLOW_SOCKETS):
        stranger = socket.socket()
        stranger.bind((ATTACKERS[number % len(ATTACKERS)], 0))
        stranger.settimeout(5)
        with contextlib.suppress(OSError):
            stranger.connect((where.hostname, where.port))
            stranger.sendall(b"POST /v1/realtime/calls HTTP/1.1\r\nHost: a\r\n")
            if number % 2:
                stranger.sendall(b"Authorization: Bearer sk-x\r\nContent-Length: 9000\r\n\r\nv=0")
        opened.append(stranger)
    try:
        times = []
        for _ in range(40):
            start = time.monotonic()
            status, location = await dial(server, http, key, offer)
            times.append(time.monotonic() - start)
            assert status == 201
            await hang_up(server, http, key, location)
            with contextlib.suppress(OSError):
                opened[len(times)].sendall(b"X-Slow: 1\r\n")
        assert np.percentile(times, 95) < P95_S
    finally:
        for stranger in opened:
            stranger.close()


async def test_without_descriptors_calls_go_on_new_ones_are_told_to_wait_and_it_recovers(
    server: LiveServer, http: ClientSession, key: str, offer: str
) -> None:
    where = urlsplit(server.url)
    before = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
    strangers: list[socket.socket] = []
    async with calling(server.url, http, key) as caller:
        await answered(caller)
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (256, before[1]))
        try:
            for number in range(300):
                stranger = socket.socket()
                stranger.bind((ATTACKERS[number % len(ATTACKERS)], 0))
                stranger.settimeout(5)
                with contextlib.suppress(OSError):
                    stranger.connect((where.hostname, where.port))
                strangers.append(stranger)
            statuses = []
            for _ in range(256):
                statuses.append((await dial(server, http, key, offer))[0])
                if statuses[-1] != 201:
                    break
            assert statuses[-1] == 503
            assert set(statuses) <= {201, 503}
            assert psutil.Process(server.pid).num_fds() < 256
            await answered(caller)
        finally:
            for stranger in strangers:
                stranger.close()

        async def admitted() -> bool:
            status, location = await dial(server, http, key, offer)
            if status != 201:
                return False
            await hang_up(server, http, key, location)
            return True

        # The limit still holds: room comes from those that are gone.
        await eventually(admitted, timeout_s=30)
        await answered(caller)
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, before)


async def test_an_address_is_cut_off_before_it_holds_the_door_shut(server: LiveServer, http: ClientSession) -> None:
    where = urlsplit(server.url)
    opened = []
    for _ in range(150):
        stranger = socket.socket()
        stranger.bind((ATTACKERS[0], 0))
        stranger.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            stranger.connect((where.hostname, where.port))
        opened.append(stranger)

    async def bounded() -> bool:
        process = psutil.Process(server.pid)
        mine = [each for each in process.net_connections(kind="tcp") if each.raddr and each.raddr[0] == ATTACKERS[0]]
        return 0 < len(mine) <= 100

    try:
        await eventually(bounded)
        async with ClientSession(connector=TCPConnector(local_addr=("127.0.0.9", 0))) as other:
            assert (await other.get(f"{server.url}/livez")).status == 200
    finally:
        for stranger in opened:
            stranger.close()


def test_no_attack_left_a_traceback_or_a_lost_task(server: LiveServer) -> None:
    log = server.log()
    assert "Traceback" not in log
    assert "Task exception" not in log
    assert "level=error" not in log, [line for line in log.splitlines() if "level=error" in line][:5]
