"""Redis goes away and comes back: live calls do not notice, limits become local, one-use secrets fail closed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fakeredis
import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, WSServerHandshakeError

from scripts.chaos_proxy import ChaosProxy, Mode
from tests.faults.support import RemoteCaller, bystander, running_target

HELLO = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hello"}]}


@pytest.fixture
def redis_port() -> Iterator[int]:
    server = fakeredis.TcpFakeServer(("127.0.0.1", 0), server_type="redis")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield int(server.server_address[1])
    server.shutdown()
    server.server_close()
    thread.join(5)


async def new_secret(client: ClientSession) -> tuple[int, str]:
    async with client.post("/v1/realtime/client_secrets", json={}) as response:
        body = await response.json()
        return response.status, body["value"] if response.status == 200 else body["error"]["code"]


async def guest(client: ClientSession) -> int:
    """The status of a guest's request for a secret."""
    headers = {"Origin": str(client._base_url).rstrip("/"), "Sec-Fetch-Site": "same-origin"}
    async with client.post("/api/guest", json={"consent": True}, headers=headers) as response:
        return response.status


async def talks(socket: ClientWebSocketResponse) -> None:
    """A whole exchange of the call."""
    await socket.send_json({"type": "conversation.item.create", "item": HELLO})
    await socket.send_json({"type": "response.create"})
    async with asyncio.timeout(20):
        while (await socket.receive_json())["type"] != "response.done":
            pass


async def used(client: ClientSession, secret: str) -> int:
    """The status of a WebSocket that shows the secret."""
    protocols = ("realtime", f"openai-insecure-api-key.{secret}")
    try:
        async with ClientSession(client._base_url) as nobody, nobody.ws_connect("/v1/realtime", protocols=protocols):
            return 101
    except WSServerHandshakeError as refusal:
        return refusal.status


async def test_calls_go_on_while_redis_is_away_and_secrets_fail_closed(server_root: Path, redis_port: int) -> None:
    async with ChaosProxy("127.0.0.1", redis_port) as redis:
        settings: dict[str, Any] = {
            "REDIS_URL": f"redis://{redis.host}:{redis.port}/0",
            "REDIS_TIMEOUT_S": "0.5",
            "GUEST_LIMIT": "3",
        }
        with running_target(server_root, **settings) as (target, _):
            async with target.client() as client, bystander(client), client.ws_connect("/v1/realtime") as live:
                status, secret = await new_secret(client)
                assert status == 200
                modes: tuple[Mode, ...] = ("refuse", "mute")
                for mode in modes:
                    redis.mode = mode
                    await talks(live)
                    assert await new_secret(client) == (503, "storage_unavailable")
                    assert await used(client, secret) == 503
                    assert (await client.get("/readyz")).status == 200
                    # A key needs no Redis: its owner can still call.
                    another = RemoteCaller(track=None)
                    assert await another.call(client) == 201
                    await another.connected()
                    await another.hang_up()
                assert [await guest(client) for _ in range(5)] == [503, 503, 503, 429, 429]
                redis.mode = "pass"
                redis.cut()
                assert (await new_secret(client))[0] == 200
                assert await used(client, secret) == 101
                assert await used(client, secret) == 401
