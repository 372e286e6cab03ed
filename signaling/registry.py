"""What server processes tell each other through Redis: which of them runs a call, and how a lost call may be resumed.

Each process writes of its own calls and renews what it wrote, so that what a killed one wrote goes away by itself.
There is no election and no lock: the process that answered a call's offer owns it. Without Redis there is one process,
and this does nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import islice

import redis.asyncio

from voice_agent.settings import ServerSettings
from voice_agent.storage.ephemeral import Ephemeral
from voice_agent.storage.errors import SecretsUnavailable

logger = logging.getLogger(__name__)

_RENEWALS = 3
"""Per life of an entry: two in a row may fail."""
_RETRY_S = 1.0
_BATCH = 500


@dataclass(frozen=True, slots=True)
class _Entry:
    digest: str = ""
    """Of the call's resume token, in hex; empty while it has none."""
    grant: str = ""


class Registry:
    """An async context (`running`) that writes in the background. What is read is read at once.

    Nothing is written before it knows where other processes reach this one (`reachable_at`).
    """

    def __init__(self, shared: Ephemeral | None, server: ServerSettings) -> None:
        self._shared = shared
        self._ttl_s = server.registry_ttl_s
        self._window_s = server.resume_window_s
        self._address = ""
        self._entries: dict[str, _Entry] = {}
        self._changed: set[str] = set()
        self._gone_calls: set[str] = set()
        self._gone_tokens: set[str] = set()
        self._wake = asyncio.Event()

    @property
    def shared(self) -> bool:
        """Whether there may be other processes."""
        return self._shared is not None

    # --- what this process runs -----------------------------------------------------------------------------

    def reachable_at(self, address: str) -> None:
        """`address`: an URL without a path."""
        self._address = address
        self._wake.set()

    def announce(self, call_id: str) -> None:
        """This process has the call from now on."""
        if self._shared is not None:
            self._set(call_id, self._entries.get(call_id, _Entry()))

    def announce_token(self, call_id: str, digest: bytes, grant: Mapping[str, object]) -> None:
        """As `announce`, and a token of this digest resumes the call; an earlier token is void."""
        if self._shared is None:
            return
        before = self._entries.get(call_id, _Entry()).digest
        if before:
            self._gone_tokens.add(before)
        self._gone_tokens.discard(digest.hex())
        self._set(call_id, _Entry(digest.hex(), json.dumps(grant)))

    def _set(self, call_id: str, entry: _Entry) -> None:
        self._gone_calls.discard(call_id)
        self._entries[call_id] = entry
        self._changed.add(call_id)
        self._wake.set()

    def withdraw(self, call_id: str) -> None:
        """This process has the call no longer, and nobody can resume it."""
        entry = self._entries.pop(call_id, None)
        if entry is None:
            return
        self._gone_calls.add(call_id)
        if entry.digest:
            self._gone_tokens.add(entry.digest)
        self._wake.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self._run(), name="registry") if self._shared is not None else None
        try:
            yield
        finally:
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        renewal = loop.time()
        while True:
            self._wake.clear()
            if loop.time() >= renewal:
                self._changed.update(self._entries)
                renewal = loop.time() + self._ttl_s / _RENEWALS
            try:
                await self._write()
            except SecretsUnavailable:
                logger.warning("The registry of calls could not be written: Redis is away")
                await asyncio.sleep(_RETRY_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(renewal):
                    await self._wake.wait()

    async def _write(self) -> None:
        """Writes what has changed. What could not be written stays due. Raises SecretsUnavailable."""
        self._changed.intersection_update(self._entries)
        while self._address and (self._changed or self._gone_calls or self._gone_tokens):
            entries = {call_id: self._entries[call_id] for call_id in islice(self._changed, _BATCH)}
            gone_calls = set(islice(self._gone_calls, _BATCH))
            gone_tokens = set(islice(self._gone_tokens, _BATCH))
            await self._send(entries, gone_calls, gone_tokens)
            # Something may have changed once more while that was on its way.
            self._changed.difference_update(key for key, entry in entries.items() if self._entries.get(key) is entry)
            self._changed.intersection_update(self._entries)
            self._gone_calls -= gone_calls
            self._gone_tokens -= gone_tokens

    async def _send(self, entries: Mapping[str, _Entry], gone_calls: set[str], gone_tokens: set[str]) -> None:
        assert self._shared is not None
        # A token must outlive this process by the whole window.
        token_life_s = round(self._window_s) + self._ttl_s

        async def write(client: redis.asyncio.Redis) -> None:
            async with client.pipeline(transaction=False) as pipeline:
                for call_id, entry in entries.items():
                    pipeline.set(_call_key(call_id), self._address, ex=self._ttl_s)
                    if entry.digest:
                        pipeline.set(_token_key(entry.digest), entry.grant, ex=token_life_s)
                for call_id in gone_calls:
                    pipeline.delete(_call_key(call_id))
                for digest in gone_tokens:
                    pipeline.delete(_token_key(digest))
                await pipeline.execute()

        await self._shared.run(write)

    # --- what others run ------------------------------------------------------------------------------------

    async def process_of(self, call_id: str) -> str | None:
        """The address of the other process that has the call; None where none is known. Raises SecretsUnavailable."""
        if self._shared is None:
            return None
        found = _text(await self._shared.run(lambda client: client.get(_call_key(call_id))))
        return found if found and found != self._address else None

    async def grant_of(self, digest: bytes) -> dict[str, object] | None:
        """What a resume token is good for, as `announce` was told it. Raises SecretsUnavailable."""
        if self._shared is None:
            return None
        name = _token_key(digest.hex())
        stored: bytes | str | None = await self._shared.run(lambda client: client.get(name))
        return _grant(stored)

    async def take_grant(self, digest: bytes) -> dict[str, object] | None:
        """As `grant_of`, for one process only: the next one finds nothing. Raises SecretsUnavailable."""
        if self._shared is None:
            return None
        name = _token_key(digest.hex())
        stored: bytes | str | None = await self._shared.run(lambda client: client.getdel(name))
        return _grant(stored)


def _grant(stored: bytes | str | None) -> dict[str, object] | None:
    if stored is None:
        return None
    grant: dict[str, object] = json.loads(stored)
    return grant


def _text(stored: bytes | str | None) -> str:
    return stored.decode() if isinstance(stored, bytes) else stored or ""


def _call_key(call_id: str) -> str:
    return f"voice:call:{call_id}"


def _token_key(digest: str) -> str:
    return f"voice:rs:{digest}"
