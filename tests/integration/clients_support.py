"""A whole server for public clients: real calls, a real database, engines over real HTTP. Imported by test_clients_*.

Which event types a test is there to show is declared by `shows` and checked after it has run: client events as they
arrived at the call, server events as the client library handed them out.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import pytest
from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from openai.types.realtime import RealtimeServerEvent
from pydantic import TypeAdapter

from scripts.speech import synthesize
from scripts.stub_provider import StubProvider
from scripts.stub_script import Delays, ReplyRule, Script
from signaling.app import create_app, make_runner
from signaling.factories import CallFactories
from signaling.peer import Peer
from signaling.services import Services, start_services
from tests.loopback import on_loopback
from voice_agent.call.session import CallSession
from voice_agent.settings import EngineSettings, ServerSettings, Settings, StorageSettings
from voice_agent.storage.database import Database
from voice_agent.storage.keys import KeyStore

Test = TypeVar("Test", bound=Callable[..., object])

PCM_RATE_HZ = 24_000
PIECE_MS = 100
TIMEOUT_S = 30
_SERVER_EVENT: TypeAdapter[RealtimeServerEvent] = TypeAdapter(RealtimeServerEvent)


def shows(*kinds: str) -> Callable[[Test], Test]:
    """Declares the event types that must have been seen when the test has passed."""

    def mark(test: Test) -> Test:
        test.shown = frozenset(kinds)  # type: ignore[attr-defined]
        return test

    return mark


def shown_by(test: object) -> frozenset[str]:
    shown: frozenset[str] = getattr(test, "shown", frozenset())
    return shown


@dataclass
class Seen:
    """The types of all events of one test, either way."""

    kinds: set[str] = field(default_factory=set)

    def server_event(self, event: Mapping[str, Any]) -> None:
        """Notes an event of the server, and fails the test where the client library's own types do not allow it."""
        kind = event["type"]
        assert kind == "error" or isinstance(event["event_id"], str), kind
        if not kind.startswith("agent."):
            _SERVER_EVENT.validate_python(dict(event))
        self.kinds.add(kind)


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture(autouse=True)
def declared_events_were_seen(request: pytest.FixtureRequest, seen: Seen) -> Iterator[None]:
    yield
    missing = shown_by(request.function) - seen.kinds
    assert not missing, f"declared but not seen: {sorted(missing)}"


@dataclass
class Place:
    """A running server, and what is around it."""

    url: str
    client: AsyncOpenAI
    services: Services
    stub: StubProvider
    seen: Seen

    def connect(self, **options: Any) -> Any:
        options.setdefault("model", "helpdesk")
        return _Connecting(self, options)


class _Connecting:
    """The client's own connection manager, with a `Talk` around the connection that it opens."""

    def __init__(self, place: Place, options: dict[str, Any]) -> None:
        client = options.pop("client", place.client)
        if options.get("call_id"):
            options.pop("model")
        self._manager = client.realtime.connect(**options)
        self._seen = place.seen
        self._talk: Talk | None = None

    async def __aenter__(self) -> Talk:
        self._talk = Talk(await self._manager.__aenter__(), self._seen)
        return self._talk

    async def __aexit__(self, *error: Any) -> None:
        assert self._talk is not None
        await self._talk.stop()
        await self._manager.__aexit__(*error)


class Talk:
    """Reads one connection all the time, keeps every event, and waits for some."""

    def __init__(self, connection: AsyncRealtimeConnection, seen: Seen) -> None:
        self.connection = connection
        self.events: list[Any] = []
        self._seen = seen
        self._read = 0
        self._changed = asyncio.Event()
        self._microphone: Microphone | None = None
        self._reader = asyncio.create_task(self._collect())

    async def _collect(self) -> None:
        try:
            async for event in self.connection:
                self._seen.server_event(event.to_dict(mode="json"))
                self.events.append(event)
                self._changed.set()
        finally:
            self._changed.set()

    async def stop(self) -> None:
        if self._microphone is not None:
            await self._microphone.stop()
        if not self._reader.done():
            self._reader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reader

    async def until(self, kind: str, *, timeout_s: float = TIMEOUT_S) -> Any:
        """The next event of this type that no earlier `until` has passed."""
        async with asyncio.timeout(timeout_s):
            while True:
                while self._read < len(self.events):
                    event = self.events[self._read]
                    self._read += 1
                    if event.type == kind:
                        return event
                if self._reader.done():
                    await self._reader
                    raise AssertionError(f"the connection ended before {kind}")
                self._changed.clear()
                await self._changed.wait()

    def kinds(self, since: int = 0) -> list[str]:
        """Types of all events, without ours."""
        return [event.type for event in self.events[since:] if not event.type.startswith("agent.")]

    def of(self, kind: str, **fields: str) -> list[Any]:
        return [e for e in self.events if e.type == kind and all(getattr(e, k) == v for k, v in fields.items())]

    def item_text(self, item_id: str) -> str:
        """The text or transcript of an item of the agent, from its deltas."""
        kinds = ("response.output_text.delta", "response.output_audio_transcript.delta")
        return "".join(event.delta for event in self.events if event.type in kinds and event.item_id == item_id)

    def audio(self, item_id: str) -> bytes:
        return b"".join(base64.b64decode(e.delta) for e in self.of("response.output_audio.delta", item_id=item_id))

    async def update(self, **session: Any) -> Any:
        """Changes the session; returns it as it is then."""
        wish: Any = {"type": "realtime", **session}
        await self.connection.session.update(session=wish)
        return (await self.until("session.updated")).session

    async def say(self, text: str) -> None:
        """Types."""
        await self.connection.conversation.item.create(item=user(text))

    async def ask(self, text: str, **response: Any) -> Any:
        """Types, asks for a response, and returns it done."""
        await self.say(text)
        wish: Any = {"response": response} if response else {}
        await self.connection.response.create(**wish)
        return (await self.until("response.done")).response

    def microphone(self, encode: Callable[[bytes], bytes] = bytes, rate_hz: int = PCM_RATE_HZ) -> Microphone:
        """Open from now on, until the connection is closed."""
        self._microphone = Microphone(self.connection, encode, rate_hz)
        return self._microphone


class Microphone:
    """Appends audio in pieces of 100 ms, in real time: speech while there is some, else silence."""

    def __init__(self, connection: AsyncRealtimeConnection, encode: Callable[[bytes], bytes], rate_hz: int) -> None:
        self._connection = connection
        self._encode = encode
        self._rate_hz = rate_hz
        self._pieces: list[bytes] = []
        self._spoken = asyncio.Event()
        self._task = asyncio.create_task(self._run())

    async def say(self, text: str) -> None:
        """Speaks, and returns when the last of it was sent."""
        pcm = synthesize(text, self._rate_hz).rstrip(b"\0")
        size = self._rate_hz * PIECE_MS // 1000 * 2
        self._pieces = [pcm[at : at + size].ljust(size, b"\0") for at in range(0, len(pcm), size)]
        self._spoken.clear()
        await self._spoken.wait()

    async def stop(self) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        quiet = bytes(self._rate_hz * PIECE_MS // 1000 * 2)
        due = loop.time()
        while True:
            piece = self._pieces.pop(0) if self._pieces else quiet
            audio = base64.b64encode(self._encode(piece)).decode()
            await self._connection.input_audio_buffer.append(audio=audio)
            if not self._pieces:
                self._spoken.set()
            due += PIECE_MS / 1000
            await asyncio.sleep(due - loop.time())


Open = Callable[..., Awaitable[Place]]


@pytest.fixture
async def open_place(database_url: str, seen: Seen) -> AsyncIterator[Open]:
    """`await open_place(replies=[...])`: a server whose four engines are a stub provider, over real HTTP."""

    async def start(
        *,
        replies: Sequence[ReplyRule] = (),
        transcripts: Sequence[str] = (),
        flagged: Mapping[str, str] | None = None,
        delays: Delays | None = None,
        ms_per_word: int = 150,
        engines: Mapping[str, Any] | None = None,
        **server: Any,
    ) -> Place:
        script = Script(replies=replies, flagged_words=flagged or {})
        script.transcripts.extend(transcripts)
        stub = await resources.enter_async_context(StubProvider(script=script, delays=delays, ms_per_word=ms_per_word))
        chosen: dict[str, Any] = {
            "openai_base_url": stub.base_url,
            "openai_api_key": "key",
            "local_fallback": False,
            "transcriber": "openai-realtime",
        } | dict(engines or {})
        unhurried: dict[str, Any] = {"port": 0, "close_timeout_s": 2, "max_cpu_percent": 0} | server
        settings = Settings(
            server=ServerSettings(_env_file=None, host="127.0.0.1", **unhurried),
            engines=EngineSettings(_env_file=None, **chosen),
            storage=StorageSettings.model_validate({"database_url": database_url}),
        )
        services = await resources.enter_async_context(start_services(settings))
        url = await resources.enter_async_context(_listening(services, seen))
        client = await resources.enter_async_context(
            AsyncOpenAI(base_url=f"{url}/v1", api_key=await _new_key(settings.storage), max_retries=0)
        )
        return Place(url, client, services, stub, seen)

    async with AsyncExitStack() as resources:
        yield start


@contextlib.asynccontextmanager
async def _listening(services: Services, seen: Seen) -> AsyncIterator[str]:
    class ObservedSession(CallSession):
        """A call, and what its clients really sent it."""

        def client_event(self, raw: str | bytes) -> None:
            seen.kinds.add(json.loads(raw)["type"])
            super().client_event(raw)

    app = create_app(services, CallFactories(make_session=ObservedSession, answer_offer=Peer.answer))
    async with on_loopback(make_runner(app, services.settings.server)) as url:
        yield url


async def _new_key(storage: StorageSettings) -> str:
    async with Database(storage) as database:
        _, key = await KeyStore(database, storage).create("tests")
    return key


def user(text: str, **fields: Any) -> Any:
    """A message of the user, as an item."""
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}], **fields}


def loudness(pcm: bytes) -> float:
    """Root mean square of mono s16le, where 1 is full scale."""
    samples = np.frombuffer(pcm, dtype="<i2").astype(np.float64)
    return float(np.sqrt(np.mean(samples**2)) / 32768) if len(samples) else 0.0
