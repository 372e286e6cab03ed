"""How many of something a subject holds at the same time, in all server processes together.

Each process counts what it gave out itself, and that count alone refuses first: it needs no network. Where processes
share a Redis, each lease is also an entry of a sorted set there, scored with the time at which it ends unless renewed,
so that what a killed process held is free again by itself. While Redis is away the own count is the limit.

Redis holds no subject (an address, a key's id), only its keyed digest. Times in Redis are those of Redis.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import redis.asyncio

from voice_agent.settings import StorageSettings
from voice_agent.storage.ephemeral import Ephemeral, SubjectDigest
from voice_agent.storage.errors import SecretsUnavailable

logger = logging.getLogger(__name__)

_RENEWALS = 3
"""Per life of a lease: two in a row may fail."""
_ID_BYTES = 12
_BATCH = 200

# KEYS: one set per holder. ARGV: lease id, life in ms, then one limit per holder; -1 is no limit.
_TAKE = """
local now = redis.call('TIME')
now = now[1] * 1000 + math.floor(now[2] / 1000)
for i, key in ipairs(KEYS) do
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
  local limit = tonumber(ARGV[2 + i])
  if limit >= 0 and redis.call('ZCARD', key) >= limit then return 0 end
end
for _, key in ipairs(KEYS) do
  redis.call('ZADD', key, now + ARGV[2], ARGV[1])
  redis.call('PEXPIRE', key, ARGV[2])
end
return 1
"""
_NO_LIMIT = -1


@dataclass(eq=False, slots=True)
class Lease:
    """Held until `release`; releasing twice is harmless."""

    _leases: Leases
    _id: str
    _names: tuple[str, ...]
    _held: bool = True

    def release(self) -> None:
        if self._held:
            self._held = False
            self._leases._released(self)


class Leases:
    """An async context that renews what this process holds."""

    def __init__(self, ephemeral: Ephemeral, settings: StorageSettings, digest: SubjectDigest) -> None:
        # An in-process Redis could only repeat the own count.
        self._shared = None if ephemeral.in_process else ephemeral
        self._ttl_ms = round(settings.lease_ttl_s * 1000)
        self._digest = digest
        self._count: Counter[str] = Counter()
        self._held: dict[str, Lease] = {}
        self._ended: dict[str, Lease] = {}
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self._close_timeout_s = 2 * settings.redis_timeout_s

    async def __aenter__(self) -> Self:
        if self._shared is not None:
            self._task = asyncio.create_task(self._keep(self._shared), name="leases")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is None:
            return
        # Asked to end, not cancelled: the Redis client may swallow a cancellation.
        self._closing = True
        self._wake.set()
        await asyncio.wait({self._task}, timeout=self._close_timeout_s)
        self._task.cancel()

    def held(self, kind: str, subject: str) -> int:
        """What this process has given out."""
        return self._count[self._name(kind, subject)]

    async def take(self, holders: Sequence[tuple[str, str, int | None]]) -> Lease | None:
        """One lease on behalf of all holders (kind, subject, limit), or None where one has as many as it may.

        A limit of None counts and never refuses.
        """
        names = tuple(self._name(kind, subject) for kind, subject, _ in holders)
        limits = [_NO_LIMIT if limit is None else limit for _, _, limit in holders]
        if any(0 <= limit <= self._count[name] for name, limit in zip(names, limits, strict=True)):
            return None
        lease = Lease(self, secrets.token_hex(_ID_BYTES), names)
        # Counted before anything is awaited: a burst cannot pass together.
        self._count.update(names)
        self._held[lease._id] = lease
        if self._shared is None or not names:
            return lease
        try:
            taken = await self._shared.run(lambda client: _take(client, lease, self._ttl_ms, limits))
        except SecretsUnavailable:
            return lease
        except BaseException:
            lease.release()
            raise
        if taken:
            return lease
        lease.release()
        return None

    def _name(self, kind: str, subject: str) -> str:
        return f"voice:held:{kind}:{self._digest(kind, subject)}"

    def _released(self, lease: Lease) -> None:
        del self._held[lease._id]
        self._count.subtract(lease._names)
        for name in lease._names:
            if self._count[name] <= 0:
                del self._count[name]
        if self._shared is not None:
            self._ended[lease._id] = lease
            self._wake.set()

    async def _keep(self, shared: Ephemeral) -> None:
        interval_s = self._ttl_ms / 1000 / _RENEWALS
        loop = asyncio.get_running_loop()
        renew_at = loop.time() + interval_s
        while not self._closing:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(renew_at):
                    await self._wake.wait()
            self._wake.clear()
            try:
                await self._write(shared)
                if loop.time() >= renew_at:
                    await self._renew(shared)
            except SecretsUnavailable:
                # Ended ones that could not be taken out run out by themselves; the others are renewed next time.
                logger.info("Leases could not be renewed: Redis is away")
            if loop.time() >= renew_at:
                renew_at = loop.time() + interval_s

    async def _write(self, shared: Ephemeral) -> None:
        ended, self._ended = list(self._ended.values()), {}
        for start in range(0, len(ended), _BATCH):
            batch = ended[start : start + _BATCH]

            async def forget(client: redis.asyncio.Redis, batch: Sequence[Lease] = batch) -> None:
                async with client.pipeline(transaction=False) as pipeline:
                    for lease in batch:
                        for name in lease._names:
                            pipeline.zrem(name, lease._id)
                    await pipeline.execute()

            await shared.run(forget)

    async def _renew(self, shared: Ephemeral) -> None:
        held = list(self._held.values())
        for start in range(0, len(held), _BATCH):
            batch = held[start : start + _BATCH]

            async def renew(client: redis.asyncio.Redis, batch: Sequence[Lease] = batch) -> None:
                async with client.pipeline(transaction=False) as pipeline:
                    for lease in batch:
                        if lease._names and lease._held:
                            pipeline.eval(*_arguments(lease, self._ttl_ms, [_NO_LIMIT] * len(lease._names)))
                    await pipeline.execute()

            await shared.run(renew)


async def _take(client: redis.asyncio.Redis, lease: Lease, ttl_ms: int, limits: Sequence[int]) -> bool:
    return bool(await client.eval(*_arguments(lease, ttl_ms, limits)))


def _arguments(lease: Lease, ttl_ms: int, limits: Sequence[int]) -> tuple[Any, ...]:
    return (_TAKE, len(lease._names), *lease._names, lease._id, ttl_ms, *limits)
