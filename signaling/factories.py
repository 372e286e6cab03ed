"""What signaling needs made for a call: the session that runs it and the WebRTC peer that carries it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from signaling.directory import Session
from voice_agent.agents.base import Agent
from voice_agent.briefing import Briefing
from voice_agent.call.snapshot import Snapshot
from voice_agent.call.transport import Transport
from voice_agent.engines.bundle import Engines
from voice_agent.records import CallRecorder, Save, TicketStore
from voice_agent.settings import Settings


class SessionFactory(Protocol):
    def __call__(
        self,
        *,
        call_id: str,
        agent: Agent,
        engines: Engines,
        transport: Transport,
        kind: Literal["webrtc", "websocket", "console"],
        recorder: CallRecorder,
        tickets: TicketStore,
        settings: Settings,
        key_id: str | None,
        session: Mapping[str, object] | None = None,
        greet: bool = False,
        briefing: Briefing = ...,
        save: Save = ...,
        resume: Snapshot | None = None,
        resume_token: Callable[[], str] | None = None,
    ) -> Session:
        """Raises ProtocolError where `session`, the client's wishes, cannot be met."""
        ...


class BoundTransport(Transport, Protocol):
    def bind(self, session: Session, /) -> None:
        """From now on what the client sends goes to the session."""


class OfferAnswerer(Protocol):
    async def __call__(
        self, offer_sdp: str, /, *, settings: Settings, on_closed: Callable[[str], None]
    ) -> tuple[BoundTransport, str]:
        """The peer and the SDP answer. Raises OfferError."""
        ...


@dataclass(frozen=True, slots=True)
class CallFactories:
    make_session: SessionFactory
    answer_offer: OfferAnswerer
