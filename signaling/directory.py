"""The calls that live in this process: admission, lookup by id, and the end of all of them.

Admission is counted synchronously, before anything is awaited: a burst of requests cannot pass a limit together.
The directory owns one task per call, which runs it and closes its transport.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from prometheus_client import Counter, Gauge

from signaling.admission import REFUSED, Admission
from signaling.errors import ApiError
from voice_agent.audio.vad import SpeechDetector
from voice_agent.call.snapshot import Snapshot
from voice_agent.call.transport import Transport
from voice_agent.settings import ServerSettings
from voice_agent.storage.leases import Lease

logger = logging.getLogger(__name__)

CALLS_ACTIVE = Gauge("voice_calls_active", "Calls that are running or being set up.")
CALLS_TOTAL = Counter("voice_calls_total", "Calls that have ended, by outcome.", ["outcome"])
OUTCOMES = frozenset({"hangup", "client_gone", "replaced", "idle", "time_limit", "shutdown", "error"})


class Session(Protocol):
    """What signaling asks of a call, whatever runs it."""

    call_id: str

    async def run(self) -> str: ...

    @property
    def detector(self) -> SpeechDetector | None: ...

    def audio_in(self, pcm: bytes) -> None: ...

    def client_event(self, raw: str | bytes) -> None: ...

    def attach(self, send_event: Callable[[Mapping[str, object]], None]) -> Callable[[], None]: ...

    def connected(self) -> None: ...

    def snapshot(self) -> Snapshot: ...

    def end(self, reason: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Owner:
    """Who may hang up a call or attach to it: its API key, or whoever holds the secret it was started with."""

    key_id: str | None
    secret_digest: bytes | None = None

    def is_key(self, key_id: str | None) -> bool:
        return key_id is not None and key_id == self.key_id

    def is_secret(self, digest: bytes) -> bool:
        return self.secret_digest is not None and hmac.compare_digest(self.secret_digest, digest)


@dataclass(eq=False, slots=True)
class LiveCall:
    session: Session
    transport: Transport
    owner: Owner
    task: asyncio.Task[None] = field(init=False)
    side_channels: int = 0
    left: bool = False
    """The client has said goodbye: this call is not to be resumed."""


@dataclass(eq=False, slots=True)
class Seat:
    """Room for one call, taken by `CallDirectory.admit`. Releasing it twice is harmless."""

    _directory: CallDirectory
    lease: Lease | None = None
    """Whom the call is counted for; released with the seat."""
    _held: bool = True

    def release(self) -> None:
        if self._held:
            self._held = False
            if self.lease is not None:
                self.lease.release()
            self._directory._taken -= 1
            CALLS_ACTIVE.dec()


class CallDirectory:
    """`storing` tells whether what a call leaves behind can be stored at the moment."""

    def __init__(self, server: ServerSettings, storing: Callable[[], bool], admission: Admission | None = None) -> None:
        self._server = server
        self._storing = storing
        self._admission = admission
        self.on_started: Callable[[LiveCall], None] = lambda _call: None
        """Told of every call that begins."""
        self.on_ended: list[Callable[[LiveCall, str], None]] = []
        """Told, in this order, of every call that has ended, and how, before it is gone from here."""
        self._calls: dict[str, LiveCall] = {}
        self._taken = 0
        self._draining = False
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def taken(self) -> int:
        """Seats in use: running calls and those being set up."""
        return self._taken

    @property
    def full(self) -> bool:
        return self._taken >= self._server.max_calls

    def obstacle(self) -> str | None:
        """Which resource one more call would lack; None where nobody judges."""
        return self._admission.obstacle() if self._admission is not None else None

    @property
    def draining(self) -> bool:
        return self._draining

    def check_open(self) -> None:
        """Raises ApiError 503 where `admit` would."""
        self.check_accepting()
        if self.full:
            raise self.busy()
        obstacle = self.obstacle()
        if obstacle is not None:
            REFUSED.labels(obstacle).inc()
            raise self.busy()

    def check_accepting(self) -> None:
        """As `check_open`, where there may yet be room: a call that is resumed makes its own."""
        if self._draining:
            raise self._unavailable("draining", "The server is about to stop. Please call again in a moment.")
        if not self._storing():
            raise self._unavailable(
                "storage_behind", "The server cannot store calls now. Please call again in a moment."
            )

    def admit(self) -> Seat:
        """Takes a seat. Raises ApiError 503 where there is none; whoever gets one must start a call or release it."""
        self.check_open()
        self._taken += 1
        CALLS_ACTIVE.inc()
        if self._admission is not None:
            self._admission.admitted()
        return Seat(self)

    def busy(self) -> ApiError:
        """The refusal for want of room, to be raised."""
        return self._unavailable("at_capacity", "All lines are busy. Please call again in a moment.")

    def _unavailable(self, code: str, message: str) -> ApiError:
        return ApiError(503, code, message, headers={"Retry-After": str(self._server.retry_after_s)})

    def start(self, session: Session, transport: Transport, owner: Owner, seat: Seat) -> LiveCall:
        """Runs the call in a task of the directory's own; the seat is released when it has ended."""
        call = LiveCall(session, transport, owner)
        self._calls[session.call_id] = call
        self._empty.clear()
        self.on_started(call)
        call.task = asyncio.create_task(self._run(call, seat), name=f"call {session.call_id}")
        return call

    def get(self, call_id: str) -> LiveCall | None:
        return self._calls.get(call_id)

    async def replace(self, call: LiveCall) -> None:
        """Ends a call whose client has come back over another connection. Raises ApiError 503 where it does not end."""
        call.session.end("replaced")
        await asyncio.wait({call.task}, timeout=2 * self._server.close_timeout_s)
        if not call.task.done():
            raise self.busy()

    async def _run(self, call: LiveCall, seat: Seat) -> None:
        outcome = "error"
        try:
            outcome = await call.session.run()
        except asyncio.CancelledError:
            outcome = "shutdown"
            raise
        except Exception:
            logger.exception("A call ended by an error")
        finally:
            try:
                await self._close(call.transport)
            finally:
                for tell in self.on_ended:
                    tell(call, outcome)
                del self._calls[call.session.call_id]
                if not self._calls:
                    self._empty.set()
                seat.release()
                CALLS_TOTAL.labels(outcome if outcome in OUTCOMES else "error").inc()

    async def _close(self, transport: Transport) -> None:
        try:
            async with asyncio.timeout(self._server.close_timeout_s):
                await transport.close()
        except TimeoutError:
            logger.warning("A transport did not close in time")
        except Exception:
            logger.exception("A transport failed while it was closed")

    def drain(self) -> None:
        """No new calls from now on."""
        self._draining = True

    async def wait_empty(self, timeout_s: float) -> bool:
        """Whether the last call ended within the time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._empty.wait()
        return self._empty.is_set()

    async def end_all(self, reason: str, *, timeout_s: float) -> None:
        """Asks every call to end, gives it the time to say goodbye, and cancels what is left."""
        self.drain()
        for call in list(self._calls.values()):
            call.session.end(reason)
        if await self.wait_empty(timeout_s):
            return
        tasks = [call.task for call in self._calls.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
