"""Client secrets and rate limits: in-process, over a real socket, and with Redis away."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator

import fakeredis
import pytest

from voice_agent.settings import StorageSettings
from voice_agent.storage.ephemeral import (
    ClientSecret,
    Ephemeral,
    LocalWindows,
    RateLimiter,
    SecretStore,
    SecretsUnavailable,
)
from voice_agent.storage.errors import StorageError

SECRET = ClientSecret("key_1", "helpdesk", {"type": "realtime", "instructions": "Sei höflich."}, "https://example.org")


def redis_settings(url: str, *, timeout_s: float = 0.5) -> StorageSettings:
    return StorageSettings.model_validate({"redis_url": url, "redis_timeout_s": timeout_s})


@pytest.fixture
def redis_url() -> Iterator[str]:
    """A Redis on a socket of this machine."""
    server = fakeredis.TcpFakeServer(("127.0.0.1", 0), server_type="redis")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"redis://127.0.0.1:{server.server_address[1]}/0"
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.fixture
async def mute_url() -> AsyncIterator[str]:
    """A server that takes connections and never answers."""

    async def ignore(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(ignore, "127.0.0.1", 0)
    yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
    server.close()


@pytest.fixture(params=["in-process", "socket"])
async def ephemeral(request: pytest.FixtureRequest) -> AsyncIterator[Ephemeral]:
    settings = StorageSettings()
    if request.param == "socket":
        settings = redis_settings(request.getfixturevalue("redis_url"), timeout_s=20)
    async with Ephemeral(settings) as opened:
        yield opened


async def test_a_secret_is_good_for_one_use(ephemeral: Ephemeral) -> None:
    store = SecretStore(ephemeral)
    value = await store.create(SECRET, ttl_s=60)
    assert value.startswith("ek_")
    assert await store.redeem(value) == SECRET
    assert await store.redeem(value) is None


async def test_of_many_that_redeem_at_once_only_one_succeeds(ephemeral: Ephemeral) -> None:
    store = SecretStore(ephemeral)
    value = await store.create(ClientSecret(None), ttl_s=60)
    answers = await asyncio.gather(*(store.redeem(value) for _ in range(20)))
    assert [answer for answer in answers if answer is not None] == [ClientSecret(None)]


@pytest.mark.parametrize("wrong", ["", "ek_", "ek_" + "a" * 43, "ek_\ud800"])
async def test_unknown_secrets_are_good_for_nothing(ephemeral: Ephemeral, wrong: str) -> None:
    assert await SecretStore(ephemeral).redeem(wrong) is None


async def test_redis_holds_a_digest_and_forgets_it_in_time(ephemeral: Ephemeral) -> None:
    value = await SecretStore(ephemeral).create(SECRET, ttl_s=60)
    keys = await ephemeral.run(lambda client: client.keys("*"))
    assert len(keys) == 1
    assert value[3:].encode() not in keys[0]
    assert 0 < await ephemeral.run(lambda client: client.ttl(keys[0])) <= 60


async def test_an_expired_secret_is_good_for_nothing(ephemeral: Ephemeral) -> None:
    store = SecretStore(ephemeral)
    value = await store.create(SECRET, ttl_s=60)
    (key,) = await ephemeral.run(lambda client: client.keys("*"))
    await ephemeral.run(lambda client: client.pexpireat(key, int(time.time() * 1000) - 1))
    assert await store.redeem(value) is None


@pytest.mark.parametrize("ttl_s", [0, 9, 7201])
async def test_a_life_out_of_range_is_refused(ephemeral: Ephemeral, ttl_s: int) -> None:
    with pytest.raises(ValueError, match="10 to 7200"):
        await SecretStore(ephemeral).create(SECRET, ttl_s=ttl_s)


async def test_secrets_that_nobody_used_do_not_pile_up_in_process() -> None:
    async with Ephemeral(StorageSettings()) as ephemeral:
        await ephemeral.run(lambda client: client.set("used never", "x", px=1))
        await asyncio.sleep(0.02)
        await SecretStore(ephemeral).create(SECRET, ttl_s=60)
        kept = ephemeral._client.connection_pool.connection_kwargs["server"].dbs[0]._dict
        assert len(kept) == 1


@pytest.mark.parametrize("kind", ["refused", "mute"])
async def test_without_redis_secrets_fail_closed_in_time(kind: str, mute_url: str) -> None:
    url = mute_url if kind == "mute" else "redis://127.0.0.1:1/0"
    async with Ephemeral(redis_settings(url)) as ephemeral:
        store = SecretStore(ephemeral)
        for attempt in (store.create(SECRET, ttl_s=60), store.redeem("ek_x"), ephemeral.ping()):
            async with asyncio.timeout(5):
                with pytest.raises(SecretsUnavailable):
                    await attempt


async def test_a_redis_that_comes_back_is_used_again() -> None:
    first = fakeredis.TcpFakeServer(("127.0.0.1", 0), server_type="redis")
    port = first.server_address[1]
    first.server_close()
    async with Ephemeral(redis_settings(f"redis://127.0.0.1:{port}/0", timeout_s=20)) as ephemeral:
        with pytest.raises(SecretsUnavailable):
            await ephemeral.ping()
        second = fakeredis.TcpFakeServer(("127.0.0.1", port), server_type="redis")
        thread = threading.Thread(target=second.serve_forever, daemon=True)
        thread.start()
        await ephemeral.ping()
        second.shutdown()
        second.server_close()
        thread.join(5)


async def test_a_malformed_url_is_reported() -> None:
    with pytest.raises(StorageError, match="REDIS_URL"):
        Ephemeral(redis_settings("http://127.0.0.1/"))


async def test_hits_above_the_limit_are_refused_for_that_subject_and_bucket_alone(ephemeral: Ephemeral) -> None:
    limiter = RateLimiter(ephemeral, StorageSettings())
    assert [await limiter.hit("guest", "10.0.0.1", 2, 60) for _ in range(4)] == [True, True, False, False]
    assert await limiter.hit("guest", "10.0.0.2", 2, 60)
    assert await limiter.hit("other", "10.0.0.1", 2, 60)


async def test_a_new_window_begins_when_the_old_one_has_ended(ephemeral: Ephemeral) -> None:
    limiter = RateLimiter(ephemeral, StorageSettings())
    assert [await limiter.hit("guest", "10.0.0.1", 1, 60) for _ in range(2)] == [True, False]
    (key,) = await ephemeral.run(lambda client: client.keys("*"))
    assert 0 < await ephemeral.run(lambda client: client.ttl(key)) <= 60
    await ephemeral.run(lambda client: client.pexpireat(key, int(time.time() * 1000) - 1))
    assert await limiter.hit("guest", "10.0.0.1", 1, 60)


async def test_addresses_are_stored_nowhere(ephemeral: Ephemeral) -> None:
    await RateLimiter(ephemeral, StorageSettings()).hit("guest", "10.0.0.1", 2, 60)
    (key,) = await ephemeral.run(lambda client: client.keys("*"))
    assert b"10.0.0.1" not in key


async def test_workers_that_share_a_redis_share_the_count(redis_url: str) -> None:
    settings = redis_settings(redis_url, timeout_s=20)
    async with Ephemeral(settings) as one, Ephemeral(settings) as two:
        answers = [
            await RateLimiter(one, settings).hit("guest", "10.0.0.1", 1, 60),
            await RateLimiter(two, settings).hit("guest", "10.0.0.1", 1, 60),
        ]
    assert answers == [True, False]


async def test_without_redis_the_limit_holds_in_each_process() -> None:
    settings = redis_settings("redis://127.0.0.1:1/0")
    async with Ephemeral(settings) as ephemeral:
        limiter = RateLimiter(ephemeral, settings)
        assert [await limiter.hit("guest", "10.0.0.1", 2, 60) for _ in range(3)] == [True, True, False]


def test_windows_in_memory_end_and_are_bounded() -> None:
    windows = LocalWindows(subjects=2)
    assert [windows.hit("a", 1, 10, now) for now in (0, 9.9, 10, 10.1)] == [True, False, True, False]
    assert windows.hit("b", 1, 10, 11)
    assert not windows.hit("c", 1, 10, 12)
    assert windows.hit("c", 1, 10, 20.5)
