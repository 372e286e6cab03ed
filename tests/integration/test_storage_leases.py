"""Leases: counted in the process, shared through Redis, without Redis, and after a killed process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import fakeredis
import pytest

from tests.integration.conftest import eventually
from voice_agent.settings import StorageSettings
from voice_agent.storage.ephemeral import Ephemeral, SubjectDigest
from voice_agent.storage.leases import Leases

TWO = [("address", "198.51.100.7", 2)]


class Site:
    """Processes that share a Redis, which can go away."""

    def __init__(self, resources: AsyncExitStack) -> None:
        self.redis = fakeredis.FakeServer()
        self._resources = resources

    async def process(self, *, lease_ttl_s: float = 30, in_process: bool = False) -> Leases:
        settings = StorageSettings.model_validate({"rate_limit_key": "shared", "lease_ttl_s": lease_ttl_s})
        client = None if in_process else fakeredis.FakeAsyncRedis(server=self.redis)
        ephemeral = await self._resources.enter_async_context(Ephemeral(settings, client=client))
        return await self._resources.enter_async_context(Leases(ephemeral, settings, SubjectDigest(settings)))

    async def keys(self) -> list[str]:
        return [str(key) for key in await fakeredis.FakeAsyncRedis(server=self.redis).keys("*")]

    async def held(self) -> int:
        client = fakeredis.FakeAsyncRedis(server=self.redis)
        return sum([await client.zcard(key) for key in await client.keys("*")])


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with AsyncExitStack() as resources:
        yield Site(resources)


@pytest.mark.parametrize("in_process", [True, False])
async def test_one_more_than_allowed_is_refused_until_one_is_released(site: Site, in_process: bool) -> None:
    leases = await site.process(in_process=in_process)
    first, second = await leases.take(TWO), await leases.take(TWO)
    assert first is not None
    assert second is not None
    assert await leases.take(TWO) is None
    assert await leases.take([("address", "198.51.100.8", 2)]) is not None
    assert await leases.take([("key", "198.51.100.7", 2)]) is not None
    first.release()
    first.release()
    assert leases.held("address", "198.51.100.7") == 1


async def test_a_burst_cannot_pass_together(site: Site) -> None:
    leases = await site.process()
    taken = await asyncio.gather(*(leases.take(TWO) for _ in range(20)))
    assert sum(lease is not None for lease in taken) == 2


async def test_processes_share_the_count_and_see_releases(site: Site) -> None:
    one, other = await site.process(), await site.process()
    first = await one.take(TWO)
    assert first is not None
    assert await other.take(TWO) is not None
    assert await one.take(TWO) is None
    assert await other.take(TWO) is None
    first.release()

    async def room() -> bool:
        return await other.take(TWO) is not None

    await eventually(room)


async def test_a_lease_for_several_holders_is_taken_of_all_or_none(site: Site) -> None:
    leases, other = await site.process(), await site.process()
    assert await other.take([("key", "k", 1)]) is not None
    assert await leases.take([("address", "a", 5), ("key", "k", 1)]) is None
    assert leases.held("address", "a") == 0
    assert await site.held() == 1


async def test_no_limit_counts_and_never_refuses(site: Site) -> None:
    leases = await site.process()
    for _ in range(5):
        assert await leases.take([("address", "a", None)]) is not None
    assert await leases.take([("address", "a", 5)]) is None


async def test_what_a_killed_process_held_is_free_again_and_what_lives_is_renewed(site: Site) -> None:
    async with AsyncExitStack() as doomed:
        killed = await Site.process(_sharing(site, doomed), lease_ttl_s=1.5)
        survivor = await site.process(lease_ttl_s=1.5)
        assert await killed.take(TWO) is not None
        assert await survivor.take(TWO) is not None
        assert await survivor.take(TWO) is None
        assert killed._task is not None
        killed._task.cancel()  # As a killed process: it neither renews nor takes out.

        async def room() -> bool:
            return await survivor.take(TWO) is not None

        await eventually(room)
        # Long after its own first life, the survivor's lease still counts.
        assert await survivor.take(TWO) is None


def _sharing(site: Site, resources: AsyncExitStack) -> Site:
    other = Site(resources)
    other.redis = site.redis
    return other


async def test_without_redis_each_process_keeps_the_limit_itself(site: Site) -> None:
    leases = await site.process()
    site.redis.connected = False
    assert await leases.take(TWO) is not None
    assert await leases.take(TWO) is not None
    assert await leases.take(TWO) is None


async def test_what_was_taken_while_redis_was_away_is_known_to_others_when_it_is_back(site: Site) -> None:
    leases, other = await site.process(lease_ttl_s=1.5), await site.process()
    site.redis.connected = False
    assert await leases.take(TWO) is not None
    assert await leases.take(TWO) is not None
    site.redis.connected = True
    await eventually(_refused(other))


def _refused(leases: Leases) -> Callable[[], object]:
    async def refused() -> bool:
        lease = await leases.take(TWO)
        if lease is not None:
            lease.release()
        return lease is None

    return refused


async def test_redis_holds_no_subject_and_nothing_after_the_end(site: Site) -> None:
    leases = await site.process()
    lease = await leases.take([("address", "198.51.100.7", 2), ("key", "key_of_ada", 2)])
    assert lease is not None
    keys = await site.keys()
    assert len(keys) == 2
    assert not any("198.51" in key or "ada" in key for key in keys)
    lease.release()

    async def empty() -> bool:
        return await site.held() == 0

    await eventually(empty)
