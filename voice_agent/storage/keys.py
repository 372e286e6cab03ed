"""API keys: made once, shown once, stored as SHA-256.

A key holds 256 random bits, so a plain digest is enough: there is nothing to guess. Looking the digest up, rather
than comparing keys, leaves nothing to time.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from voice_agent.settings import StorageSettings
from voice_agent.storage.database import Database
from voice_agent.storage.rows import clean_text

PREFIX = "sk-"
_RANDOM_BYTES = 32
_SHOWN_CHARS = 10

_VERIFY = """
WITH found AS (
    SELECT id, name, operator, last_used_at FROM api_keys WHERE sha256 = $1 AND revoked_at IS NULL
), touched AS (
    UPDATE api_keys SET last_used_at = now() FROM found
    WHERE api_keys.id = found.id AND coalesce(found.last_used_at < now() - $2::interval, true)
)
SELECT id, name, operator FROM found
"""
_COLUMNS = "id, name, prefix, operator, created_at, revoked_at, last_used_at"


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """What a valid key stands for."""

    id: str
    name: str
    operator: bool = False
    """It may see figures about all calls, and work on tickets."""


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key as an operator sees it."""

    id: str
    name: str
    prefix: str
    operator: bool
    created_at: datetime
    revoked_at: datetime | None
    last_used_at: datetime | None


class AmbiguousKeyError(ValueError):
    """More than one key begins like this."""


class KeyStore:
    """All methods raise DatabaseUnavailable; a key that cannot be checked is never taken for valid."""

    def __init__(
        self, database: Database, settings: StorageSettings, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock
        self._verified: OrderedDict[bytes, tuple[float, KeyInfo]] = OrderedDict()

    async def create(self, name: str, *, operator: bool = False) -> tuple[str, str]:
        """The new key's id, and the key itself: this is the only time it can be seen. Raises ValueError: no name."""
        name = clean_text(name).strip()
        if not name:
            raise ValueError("A key needs a name.")
        key_id = f"key_{secrets.token_hex(8)}"
        key = PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
        async with self._database.connection() as connection:
            await connection.execute(
                "INSERT INTO api_keys (id, name, prefix, sha256, operator) VALUES ($1, $2, $3, $4, $5)",
                key_id,
                name,
                key[:_SHOWN_CHARS],
                _digest(key),
                operator,
            )
        return key_id, key

    async def verify(self, key: str) -> KeyInfo | None:
        """Whose key it is; None if it is unknown or revoked (a revocation takes effect within KEY_CACHE_S)."""
        digest = _digest(key)
        now = self._clock()
        cached = self._verified.get(digest)
        if cached is not None and cached[0] > now:
            return cached[1]
        async with self._database.connection() as connection:
            row = await connection.fetchrow(_VERIFY, digest, timedelta(seconds=self._settings.key_touch_s))
        if row is None:
            self._verified.pop(digest, None)
            return None
        info = KeyInfo(row["id"], row["name"], row["operator"])
        self._verified[digest] = (now + self._settings.key_cache_s, info)
        self._verified.move_to_end(digest)
        while len(self._verified) > self._settings.key_cache_entries:
            self._verified.popitem(last=False)
        return info

    async def revoke(self, reference: str) -> KeyRow | None:
        """Revokes the key with this id, or the one whose shown prefix begins so; None if there is none.

        Revoking twice keeps the first time. Raises AmbiguousKeyError.
        """
        async with self._database.transaction() as connection:
            ids = await connection.fetch(
                "SELECT id FROM api_keys WHERE id = $1 OR ($1 <> '' AND starts_with(prefix, $1)) LIMIT 2 FOR UPDATE",
                clean_text(reference),
            )
            if len(ids) > 1:
                raise AmbiguousKeyError("More than one key begins like this: give its id.")
            if not ids:
                return None
            row = await connection.fetchrow(
                f"UPDATE api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE id = $1 RETURNING {_COLUMNS}",  # noqa: S608
                ids[0]["id"],
            )
        self._verified.clear()
        return KeyRow(**row) if row is not None else None

    async def list(self) -> Sequence[KeyRow]:
        """Every key, oldest first, revoked ones too."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(f"SELECT {_COLUMNS} FROM api_keys ORDER BY created_at, id")  # noqa: S608
        return [KeyRow(**row) for row in rows]


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
