"""Admission: how many calls a caller and a key may have, and that a loaded server refuses instead of failing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import ClientResponse

from tests.integration.conftest import eventually
from tests.integration.signaling_fixtures import KEY, OFFER, OTHER_KEY, Serve, Server, serve
from tests.integration.signaling_support import latest
from voice_agent.storage.ephemeral import ClientSecret

__all__ = ["serve"]

BUSY_SOON: dict[str, Any] = {"max_cpu_percent": 5, "load_window_s": 0.5, "call_cpu_percent": 0}
"""A twentieth of a core is more than a process that idles has, and less than one that computes among many."""


async def call(server: Server, credentials: dict[str, str] = KEY, **headers: str) -> ClientResponse:
    return await server.client.post(
        "/v1/realtime/calls", data=OFFER, headers={**credentials, "Content-Type": "application/sdp", **headers}
    )


async def secret_of(server: Server, **fields: Any) -> dict[str, str]:
    value = await server.services.secrets.create(ClientSecret(fields.pop("key_id", None), **fields), ttl_s=60)
    return {"Authorization": f"Bearer {value}"}


class TestPerKey:
    async def test_a_key_has_so_many_calls_and_another_its_own(self, serve: Serve) -> None:
        server = await serve(key_calls=2)
        assert [(await call(server)).status for _ in range(3)] == [201, 201, 429]
        assert (await call(server, OTHER_KEY)).status == 201

    async def test_both_transports_and_secrets_count(self, serve: Serve) -> None:
        server = await serve(key_calls=2)
        async with server.client.ws_connect("/v1/realtime", headers=KEY):
            assert (await call(server, await secret_of(server, key_id="key_1"))).status == 201
            refused = await call(server, await secret_of(server, key_id="key_1"))
        assert refused.status == 429
        assert int(refused.headers["Retry-After"]) > 0
        assert (await refused.json())["error"]["code"] == "rate_limited"

    async def test_a_call_that_ended_makes_room(self, serve: Serve) -> None:
        server = await serve(key_calls=1)
        assert (await call(server)).status == 201
        assert (await call(server)).status == 429
        latest().end("hangup")
        await eventually(lambda: server.directory.taken == 0)
        assert (await call(server)).status == 201

    async def test_an_offer_that_is_refused_holds_nothing(self, serve: Serve) -> None:
        server = await serve(key_calls=1)
        headers = {**KEY, "Content-Type": "application/sdp"}
        for _ in range(3):
            assert (await server.client.post("/v1/realtime/calls", data="junk", headers=headers)).status == 400
        assert (await call(server)).status == 201
        assert server.directory.taken == 1

    async def test_calls_begun_are_counted_by_the_minute(self, serve: Serve) -> None:
        server = await serve(key_calls_per_minute=2)
        for _ in range(2):
            assert (await call(server)).status == 201
            latest().end("hangup")
        refused = await call(server)
        assert (refused.status, refused.headers["Retry-After"]) == (429, "60")


class TestPerAddress:
    async def test_guests_of_one_address_have_so_many_calls_and_others_theirs(self, serve: Serve) -> None:
        server = await serve(address_calls=1, trust_proxy=True)
        here, there = {"X-Forwarded-For": "2001:db8::1"}, {"X-Forwarded-For": "2001:db8:0:1::1"}
        same_subscriber = {"X-Forwarded-For": "2001:db8::2"}
        assert (await call(server, await secret_of(server), **here)).status == 201
        assert (await call(server, await secret_of(server), **same_subscriber)).status == 429
        assert (await call(server, await secret_of(server), **there)).status == 201

    async def test_a_backend_that_shows_its_key_is_not_counted_by_address(self, serve: Serve) -> None:
        server = await serve(address_calls=1)
        assert [(await call(server)).status for _ in range(3)] == [201] * 3

    async def test_who_is_told_to_wait_keeps_the_secret(self, serve: Serve) -> None:
        server = await serve(address_calls_per_minute=1, trust_proxy=True)
        here = {"X-Forwarded-For": "198.51.100.7"}
        assert (await call(server, await secret_of(server), **here)).status == 201
        kept = await secret_of(server)
        assert (await call(server, kept, **here)).status == 429
        assert (await call(server, kept, **{"X-Forwarded-For": "198.51.100.8"})).status == 201

    async def test_a_burst_cannot_pass_together(self, serve: Serve) -> None:
        server = await serve(address_calls=3)
        secrets = [await secret_of(server) for _ in range(10)]
        statuses = [answer.status for answer in await asyncio.gather(*(call(server, secret) for secret in secrets))]
        assert sorted(statuses) == [201] * 3 + [429] * 7
        assert server.directory.taken == 3


class TestLoad:
    async def test_a_busy_process_takes_no_call_and_keeps_those_it_has(self, serve: Serve) -> None:
        server = await serve(**BUSY_SOON)
        async with server.client.ws_connect("/v1/realtime", headers=KEY) as running:
            await running.receive(timeout=5)
            async with _computing():
                await eventually(lambda: _loaded(server))
                refused = await call(server)
                assert refused.status == 503
                assert int(refused.headers["Retry-After"]) > 0
                await running.send_json({"type": "test"})
                assert (await running.receive_json(timeout=5))["type"] == "test.echo"

            async def admitted() -> bool:
                await asyncio.sleep(0.5)
                return (await call(server)).status == 201

            await eventually(admitted)

    async def test_who_is_refused_for_load_keeps_the_secret(self, serve: Serve) -> None:
        server = await serve(**BUSY_SOON)
        secret = await secret_of(server)
        async with _computing():
            await eventually(lambda: _loaded(server))
            assert (await call(server, secret)).status == 503

        async def admitted() -> bool:
            await asyncio.sleep(0.5)
            return (await call(server, secret)).status == 201

        await eventually(admitted)

    async def test_calls_just_admitted_count_before_they_cost(self, serve: Serve) -> None:
        server = await serve(max_cpu_percent=95, load_window_s=60, call_cpu_percent=1000)
        monitor = server.directory._admission
        assert monitor is not None
        monitor._window.sample(time.monotonic() - 60, time.process_time(), 0)
        statuses = [answer.status for answer in await asyncio.gather(*(call(server) for _ in range(5)))]
        assert sorted(statuses) == [201, 503, 503, 503, 503]

    async def test_descriptors_are_left_for_the_calls_that_run(self, serve: Serve) -> None:
        server = await serve(descriptor_reserve=10_000_000)
        assert (await call(server)).status == 503


async def _loaded(server: Server) -> bool:
    """Whether the process says of itself that it has too much to do for another call."""
    ready = await server.client.get("/readyz")
    loaded: bool = (await ready.json())["checks"]["load"] is False
    assert ready.status == (503 if loaded else 200)
    return loaded


@asynccontextmanager
async def _computing() -> AsyncIterator[None]:
    """Keeps the process busy to the end of the block, but for the moments in which its loop turns. On a busy machine a
    request may wait for so long that what was computed before it has left the window."""

    async def compute() -> None:
        while True:
            pause = time.process_time() + 0.02
            while time.process_time() < pause:
                pass
            await asyncio.sleep(0)

    computing = asyncio.create_task(compute())
    try:
        yield
    finally:
        computing.cancel()
        await asyncio.wait([computing])


class TestSecrets:
    async def test_a_used_an_expired_and_an_unknown_one_are_401(self, serve: Serve) -> None:
        server = await serve()
        used = await secret_of(server)
        assert (await call(server, used)).status == 201
        assert (await call(server, used)).status == 401
        assert (await call(server, {"Authorization": "Bearer ek_" + "A" * 43})).status == 401
        with_redis = server.services.secrets._ephemeral
        expired = await secret_of(server)
        await with_redis.run(lambda client: client.flushall())  # As Redis does with every secret in the end.
        assert (await call(server, expired)).status == 401

    async def test_one_for_another_agent_or_page_is_401(self, serve: Serve) -> None:
        server = await serve()
        bound = await secret_of(server, agent="helpdesk")
        answer = await server.client.post(
            "/v1/realtime/calls?model=interviewer", data=OFFER, headers={**bound, "Content-Type": "application/sdp"}
        )
        assert (answer.status, (await answer.json())["error"]["code"]) == (401, "wrong_model")
        elsewhere = await secret_of(server, origin="https://other.example")
        assert (await call(server, elsewhere, Origin=server.origin)).status == 401
        assert (await call(server, await secret_of(server, origin="https://other.example"))).status == 401
        assert server.directory.taken == 0

    async def test_of_many_that_use_one_at_once_only_one_calls(self, serve: Serve) -> None:
        server = await serve()
        secret = await secret_of(server)
        statuses = [answer.status for answer in await asyncio.gather(*(call(server, secret) for _ in range(8)))]
        assert sorted(statuses) == [201] + [401] * 7
