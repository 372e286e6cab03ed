"""What may be lost: one-use client secrets and rate limits, in Redis.

Where REDIS_URL is empty the same commands go to an in-process Redis, which serves one worker. Redis holds neither a
secret nor an address, only their digests. While Redis is away, secrets fail closed and limits are kept per process.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from voice_agent.settings import StorageSettings
from voice_agent.storage.errors import SecretsUnavailable, StorageError

__all__ = ["ClientSecret", "Ephemeral", "RateLimiter", "SecretStore", "SecretsUnavailable"]

T = TypeVar("T")

PREFIX = "ek_"
TTL_RANGE_S = (10, 7200)
_RANDOM_BYTES = 32


class Ephemeral:
    """The connection to Redis: an async context. Entering does not wait for Redis."""

    def __init__(self, settings: StorageSettings, *, client: redis.asyncio.Redis | None = None) -> None:
        """`client` replaces the one made from the settings, and is closed with this. Raises StorageError."""
        self._timeout_s = settings.redis_timeout_s
        url = settings.redis_url.get_secret_value()
        self.in_process = client is None and not url
        self._client = client or _connect(url, settings.redis_timeout_s)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        async with asyncio.timeout(self._timeout_s):
            await self._client.aclose()

    async def ping(self) -> None:
        """Raises SecretsUnavailable."""
        await self.run(lambda client: client.ping())

    async def run(self, command: Callable[[redis.asyncio.Redis], Awaitable[T]]) -> T:
        """Runs one command, or one pipeline. Raises SecretsUnavailable after REDIS_TIMEOUT_S or on any error."""
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await command(self._client)
                if self.in_process:
                    # Counting makes the in-process Redis drop what has expired; it does so at no other time.
                    await self._client.dbsize()
                return answer
        except (RedisError, OSError, TimeoutError) as error:
            raise SecretsUnavailable(f"Redis is away ({type(error).__name__})") from error


def _connect(url: str, timeout_s: float) -> redis.asyncio.Redis:
    if not url:
        import fakeredis  # noqa: PLC0415 - imports a Lua interpreter, which a real Redis makes needless

        client: redis.asyncio.Redis = fakeredis.FakeAsyncRedis(server=fakeredis.FakeServer())
        return client
    # No retries: a GETDEL whose answer was lost must not be repeated, and callers have deadlines of their own.
    try:
        return redis.asyncio.Redis.from_url(
            url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s, retry=Retry(NoBackoff(), 0)
        )
    except ValueError:
        raise StorageError("REDIS_URL is not a Redis URL.") from None


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """What an `ek_…` secret is good for: one call."""

    key_id: str | None
    """The API key it was made with; None for a guest."""
    agent: str | None = None
    """The only agent it may call; None leaves the choice."""
    session: Mapping[str, object] | None = None
    """The session's configuration, as the client sent it."""
    origin: str | None = None
    """The only browser origin it may come from; None for any."""


class SecretStore:
    """Opaque secrets for one use. All methods raise SecretsUnavailable."""

    def __init__(self, ephemeral: Ephemeral) -> None:
        self._ephemeral = ephemeral

    async def create(self, secret: ClientSecret, *, ttl_s: int) -> str:
        """A new `ek_…` value. Raises ValueError where `ttl_s` is not within TTL_RANGE_S."""
        if not TTL_RANGE_S[0] <= ttl_s <= TTL_RANGE_S[1]:
            raise ValueError("A client secret lives for 10 to 7200 seconds.")
        value = PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
        payload = json.dumps(asdict(secret))
        await self._ephemeral.run(lambda client: client.set(_secret_key(value), payload, ex=ttl_s))
        return value

    async def redeem(self, value: str) -> ClientSecret | None:
        """What the secret is good for, once; None if it is unknown, used or expired."""
        payload = await self._ephemeral.run(lambda client: client.getdel(_secret_key(value)))
        return ClientSecret(**json.loads(payload)) if payload is not None else None


def _secret_key(value: str) -> str:
    return "voice:ek:" + hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()


class SubjectDigest:
    """Names a subject of a limit (an address, a key's id) without telling it: a keyed digest.

    The same in every worker that shares a Redis; under a random key where none does.
    """

    def __init__(self, settings: StorageSettings) -> None:
        configured = settings.rate_limit_key.get_secret_value() or settings.redis_url.get_secret_value()
        self._key = (
            hashlib.sha256(b"rate limit\0" + configured.encode()).digest() if configured else secrets.token_bytes(32)
        )

    def __call__(self, bucket: str, subject: str) -> str:
        return hmac.new(self._key, f"{bucket}\0{subject}".encode(errors="replace"), hashlib.sha256).hexdigest()


class RateLimiter:
    """Counts hits per subject in fixed windows. The subject (an address) is stored nowhere: only a keyed digest."""

    def __init__(
        self, ephemeral: Ephemeral, settings: StorageSettings, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ephemeral = ephemeral
        self._digest = SubjectDigest(settings)
        self._local = LocalWindows(settings.rate_limit_subjects)
        self._clock = clock

    async def hit(self, bucket: str, subject: str, limit: int, window_s: int) -> bool:
        """Counts one hit; whether it is within `limit` per `window_s`. A window begins with its first hit.

        While Redis is away each process counts by itself, so the limit still holds.
        """
        name = f"voice:rl:{bucket}:{self._digest(bucket, subject)}"

        async def count(client: redis.asyncio.Redis) -> int:
            async with client.pipeline(transaction=True) as pipeline:
                pipeline.set(name, 0, ex=window_s, nx=True)
                pipeline.incr(name)
                answers: list[Any] = await pipeline.execute()
            return int(answers[1])

        try:
            hits = await self._ephemeral.run(count)
        except SecretsUnavailable:
            return self._local.hit(name, limit, window_s, self._clock())
        return hits <= limit


class LocalWindows:
    """Fixed windows in memory, for at most `subjects` subjects; further ones are refused until some expire."""

    def __init__(self, subjects: int) -> None:
        self._subjects = subjects
        self._windows: dict[str, tuple[float, int]] = {}

    def hit(self, name: str, limit: int, window_s: float, now_s: float) -> bool:
        """Counts one hit; whether it is within the limit."""
        ends_s, hits = self._windows.get(name, (now_s, 0))
        if ends_s <= now_s:
            ends_s, hits = now_s + window_s, 0
        if name not in self._windows and len(self._windows) >= self._subjects:
            self._windows = {kept: window for kept, window in self._windows.items() if window[0] > now_s}
            if len(self._windows) >= self._subjects:
                return False
        self._windows[name] = (ends_s, hits + 1)
        return hits < limit
