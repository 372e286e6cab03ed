"""What the HTTP surface works with, composed in one place and passed around as one object.

Signaling asks for narrow protocols, so that it neither knows nor cares what stands behind them; `start_services`
puts the real ones in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from signaling.auth import Authenticator, KeyVerifier, Secrets
from voice_agent.agents.base import Agent
from voice_agent.engines.bundle import Engines
from voice_agent.engines.ports import LanguageModel
from voice_agent.engines.registry import EngineDescription
from voice_agent.records import CallRecorder, TicketStore
from voice_agent.settings import Settings


class EngineSource(Protocol):
    def for_call(self, scripted: LanguageModel) -> Engines: ...

    def describe(self) -> Sequence[EngineDescription]:
        """What is in use, and which of it leaves this server."""
        ...


class Limiter(Protocol):
    async def hit(self, bucket: str, subject: str, limit: int, window_s: int) -> bool:
        """Counts one use; False above the limit. The subject is hashed before it is kept anywhere."""
        ...


@dataclass(frozen=True, slots=True)
class Services:
    settings: Settings
    engines: EngineSource
    agents: Mapping[str, Agent]
    keys: KeyVerifier
    secrets: Secrets
    limiter: Limiter
    recorder: CallRecorder
    tickets: TicketStore
    storing: Callable[[], bool]
    """Whether what a call leaves behind can be stored at the moment."""

    @property
    def authenticator(self) -> Authenticator:
        return Authenticator(self.keys, self.secrets)
