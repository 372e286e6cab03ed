"""Going on with a call after its connection was lost: tokens, and the text of lost calls while they may come back.

A client gets a token (`rs_…`) once it is connected; only the token's SHA-256 is kept. The token is a bearer for one new
connection to the same call, and is replaced as soon as that one is connected: until then it may be tried again,
because a client that never connected never got the next one. A call that the client hung up is forgotten at once.

While the process that ran the call lives, the call waits there in memory. After its death another process puts it
together from what is stored, which is possible for calls of an API key only: nothing of a guest's is stored.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from prometheus_client import Counter

from signaling.directory import CallDirectory, LiveCall, Owner
from signaling.errors import ApiError, unauthorized
from signaling.registry import Registry
from voice_agent.call.snapshot import Snapshot
from voice_agent.settings import ServerSettings

logger = logging.getLogger(__name__)

PREFIX = "rs_"
_RANDOM_BYTES = 32
_LOST = frozenset({"client_gone", "replaced"})

CALLS_RESUMED = Counter("voice_calls_resumed_total", "Calls that went on over a new connection, by source.", ["source"])


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token is good for."""

    call_id: str
    owner: Owner
    agent: str
    greet: bool
    origin: str | None
    """The only page that may use it; None for any."""

    def to_json(self) -> dict[str, object]:
        digest = self.owner.secret_digest
        return {
            "call_id": self.call_id,
            "key_id": self.owner.key_id,
            "secret": digest.hex() if digest is not None else None,
            "agent": self.agent,
            "greet": self.greet,
            "origin": self.origin,
        }

    @staticmethod
    def from_json(stored: dict[str, object]) -> Grant:
        """Of what `to_json` made. Raises KeyError or ValueError for anything else."""
        secret, key_id, origin = stored["secret"], stored["key_id"], stored["origin"]
        return Grant(
            call_id=str(stored["call_id"]),
            owner=Owner(
                None if key_id is None else str(key_id), None if secret is None else bytes.fromhex(str(secret))
            ),
            agent=str(stored["agent"]),
            greet=bool(stored["greet"]),
            origin=None if origin is None else str(origin),
        )


@dataclass(eq=False, slots=True)
class _Kept:
    snapshot: Snapshot
    size_bytes: int
    expiry: asyncio.TimerHandle


@dataclass(frozen=True, slots=True)
class Claim:
    """A call that may go on. Nobody else can claim it before `release`; releasing twice is harmless."""

    grant: Grant
    snapshot: Snapshot
    release: Callable[[], None]


class ResumeDesk:
    """The tokens and lost calls of this process. All on the event loop; `close` forgets everything."""

    def __init__(self, directory: CallDirectory, registry: Registry, server: ServerSettings) -> None:
        self._directory = directory
        self._registry = registry
        self._server = server
        self._grants: dict[bytes, Grant] = {}
        self._digests: dict[str, bytes] = {}
        """The digest of each call's token."""
        self._kept: dict[str, _Kept] = {}
        """The lost calls, the oldest first."""
        self._bytes = 0
        self._claimed: set[str] = set()
        directory.on_started = self._started
        directory.on_ended.append(self._ended)

    @property
    def enabled(self) -> bool:
        return self._server.resume_window_s > 0

    @property
    def waiting(self) -> int:
        """Lost calls that may come back."""
        return len(self._kept)

    def issue(self, grant: Grant) -> str:
        """A token for a call whose client is connected: the call's earlier one is void, its snapshot not needed."""
        token = PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
        self._remember(token_digest(token), grant)
        self._drop(grant.call_id)
        return token

    def knows(self, token: str) -> bool:
        """Whether the token is for a call of this process."""
        return token_digest(token) in self._grants

    async def claim(self, token: str, origin: str | None) -> Claim:
        """The call of one of this process's tokens; ends its present connection first.

        Raises ApiError 401 where there is no such call (any more), 409 while somebody else is at it, 503.
        """
        grant = self._grants.get(token_digest(token))
        if grant is None:
            raise refused()
        if grant.origin is not None and grant.origin != origin:
            raise unauthorized("This call can be resumed from the page where it began only.", code="wrong_origin")
        call_id = grant.call_id
        if call_id in self._claimed:
            raise ApiError(409, "resume_in_progress", "This call is being resumed already.")
        self._directory.check_accepting()
        self._claimed.add(call_id)
        try:
            live = self._directory.get(call_id)
            if live is not None:
                await self._directory.replace(live)
            kept = self._kept.get(call_id)
            if kept is None:
                raise refused()
        except BaseException:
            self._claimed.discard(call_id)
            raise
        return Claim(grant, kept.snapshot, lambda: self._release(call_id))

    def adopt(self, token: str, grant: Grant, snapshot: Snapshot) -> None:
        """Takes over a call whose process died: from now on the token can be claimed here."""
        self._remember(token_digest(token), grant)
        self._keep(snapshot)

    def owner_of(self, call_id: str) -> Owner | None:
        """Whose lost call that is; None where none of this id waits."""
        digest = self._digests.get(call_id)
        return self._grants[digest].owner if digest is not None and call_id in self._kept else None

    def forget(self, call_id: str) -> None:
        """The call cannot be resumed any more; nothing of it is left here."""
        self._drop(call_id)
        digest = self._digests.pop(call_id, None)
        if digest is not None:
            del self._grants[digest]
        self._registry.withdraw(call_id)

    def close(self) -> None:
        for call_id in list(self._kept):
            self._drop(call_id)
        self._grants.clear()
        self._digests.clear()

    def _release(self, call_id: str) -> None:
        self._claimed.discard(call_id)
        if call_id not in self._kept and self._directory.get(call_id) is None:
            self.forget(call_id)  # Its time ran out while it was claimed.

    def _started(self, call: LiveCall) -> None:
        self._registry.announce(call.session.call_id)

    def _ended(self, call: LiveCall, outcome: str) -> None:
        """What the directory tells of each call that has ended."""
        call_id = call.session.call_id
        if call_id in self._digests and outcome in _LOST and not call.left:
            self._keep(call.session.snapshot())
        else:
            self.forget(call_id)

    def _remember(self, digest: bytes, grant: Grant) -> None:
        before = self._digests.get(grant.call_id)
        if before is not None:
            del self._grants[before]
        self._grants[digest] = grant
        self._digests[grant.call_id] = digest
        self._registry.announce_token(grant.call_id, digest, grant.to_json())

    def _keep(self, snapshot: Snapshot) -> None:
        call_id, size_bytes = snapshot.call_id, snapshot.size_bytes
        self._drop(call_id)
        if size_bytes > self._server.resume_max_bytes:
            logger.warning("A lost call is too large to be kept")
            self.forget(call_id)
            return
        loop = asyncio.get_running_loop()
        expiry = loop.call_later(self._server.resume_window_s, self._expired, call_id)
        self._kept[call_id] = _Kept(snapshot, size_bytes, expiry)
        self._bytes += size_bytes
        while self._bytes > self._server.resume_max_bytes or len(self._kept) > self._server.resume_max_calls:
            self.forget(next(iter(self._kept)))

    def _expired(self, call_id: str) -> None:
        self._drop(call_id)
        if self._directory.get(call_id) is None and call_id not in self._claimed:
            self.forget(call_id)

    def _drop(self, call_id: str) -> None:
        kept = self._kept.pop(call_id, None)
        if kept is not None:
            kept.expiry.cancel()
            self._bytes -= kept.size_bytes


def token_digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def refused() -> ApiError:
    return unauthorized("This call cannot be resumed: it is over, or too long ago.", code="invalid_resume_token")
