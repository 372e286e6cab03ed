"""A call that echoes, and services in memory: what the HTTP surface needs around it to be tested alone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar

from signaling.directory import Session
from voice_agent.agents.base import Agent, TurnProfile
from voice_agent.call.snapshot import Snapshot
from voice_agent.call.transport import Transport
from voice_agent.engines.ports import Pcm, ReplyEvent, ReplyRequest
from voice_agent.realtime.errors import ProtocolError
from voice_agent.realtime.session_config import SessionConfig
from voice_agent.records import CallEnded, CallStarted, NewTicket, Turn
from voice_agent.storage.keys import KeyInfo

FRAME_20_MS = bytes(2 * 480)


class SilentModel:
    name = "silent"

    async def reply(self, request: ReplyRequest) -> AsyncGenerator[ReplyEvent, None]:
        for _ in ():
            yield _

    async def aclose(self) -> None:
        pass


def agent(name: str) -> Agent:
    return Agent(
        name=name,
        title=name.title(),
        summary=f"The {name}.",
        instructions="Be brief.",
        greeting="Hello.",
        turns=TurnProfile(min_delay_ms=250, max_delay_ms=2000),
        scripted=SilentModel(),
    )


class EchoSession:
    """Answers every event with one of its own; some it obeys."""

    made: ClassVar[list[EchoSession]] = []
    detector = None

    def __init__(
        self, *, call_id: str, transport: Transport, session: Mapping[str, object] | None = None, **rest: Any
    ) -> None:
        if session and session.get("instructions") == "refuse me":
            raise ProtocolError("No.", code="invalid_value", param="session.instructions")
        self.call_id = call_id
        self.transport = transport
        self.session = session
        self.rest = rest
        self.is_connected = False
        self._ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._listeners: list[Callable[[Mapping[str, object]], None]] = [transport.send_event]
        EchoSession.made.append(self)

    async def run(self) -> str:
        return await self._ended

    def audio_in(self, pcm: bytes) -> None:
        raise AssertionError("no audio comes this way")

    def snapshot(self) -> Snapshot:
        config = SessionConfig.create(agent_model="interviewer")
        return Snapshot(
            call_id=self.call_id,
            agent="interviewer",
            key_id=None,
            started_at=datetime.now(UTC),
            config=config,
            conversation_id="conv_1",
            items=(),
            turns=0,
            greet=False,
        )

    def connected(self) -> None:
        self.is_connected = True
        self.emit({"type": "session.created", "event_id": "event_1", "session": {"id": "sess_1"}})

    def end(self, reason: str) -> None:
        if not self._ended.done():
            self._ended.set_result(reason)

    def attach(self, send_event: Callable[[Mapping[str, object]], None]) -> Callable[[], None]:
        self._listeners.append(send_event)
        return lambda: self._listeners.remove(send_event)

    def emit(self, event: Mapping[str, object]) -> None:
        for send in list(self._listeners):
            send(event)

    def client_event(self, raw: str | bytes) -> None:
        try:
            event = json.loads(raw)
        except ValueError:
            self.emit(ProtocolError("That is not JSON.", code="invalid_json").to_event())
            return
        match event["type"]:
            case "test.fail":
                self._ended.set_exception(RuntimeError("secret inner state"))
            case "test.bye":
                self.end("idle")
            case "test.flood":
                for _ in range(event["count"]):
                    self.emit({"type": "test.filler", "event_id": "event_1", "filler": "x" * event["size"]})
            case "test.speak":
                self.speak(event["ms"])
            case _:
                self.emit({"type": "test.echo", "event_id": "event_1", "event": event})

    def speak(self, ms: int) -> None:
        speech = self.transport.speech
        assert speech is not None
        speech.on_started = lambda: self.emit({"type": "test.started", "event_id": "event_1"})
        speech.on_drained = lambda: self.emit({"type": "test.drained", "event_id": "event_1"})
        speech.begin("item_1")
        part = {"response_id": "resp_1", "item_id": "item_1", "output_index": 0, "content_index": 0}
        self.emit({"type": "response.content_part.added", "event_id": "event_1", **part})
        for _ in range(ms // 20):
            speech.write(Pcm(FRAME_20_MS, 24_000))
        speech.end()


class KeysInMemory:
    """One key: `sk-good` with the id `key_1`; and a second one, `sk-other`."""

    async def verify(self, key: str) -> KeyInfo | None:
        return {"sk-good": KeyInfo("key_1", "one"), "sk-other": KeyInfo("key_2", "two")}.get(key)


@dataclass
class RecorderInMemory:
    ended: list[CallEnded] = field(default_factory=list)

    def call_started(self, record: CallStarted) -> None:
        pass

    def turn(self, record: Turn) -> None:
        pass

    def call_ended(self, record: CallEnded) -> None:
        self.ended.append(record)

    async def create_ticket(self, call_id: str, ticket: NewTicket) -> int:
        return 1001


def latest() -> EchoSession:
    return EchoSession.made[-1]


def is_session(session: Session) -> Session:
    """The compiler's word that the echo keeps to the contract."""
    return session
