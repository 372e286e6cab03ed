"""What a call leaves behind: text, timings and numbers. Never audio."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from voice_agent.engines.ports import Timing, Word
from voice_agent.facts import CallFacts

Save = Literal["auto", "ask", "never"]
SAVES: tuple[Save, ...] = ("auto", "ask", "never")
"""What becomes of the text of a call: it is kept; kept if the caller decides so; not stored, as that of a guest."""


@dataclass(frozen=True, slots=True)
class CallStarted:
    call_id: str
    agent: str
    transport: Literal["webrtc", "websocket", "console"]
    key_id: str | None
    """The API key the call belongs to; None for a guest or a caller who wants nothing stored: no text is."""
    started_at: datetime
    language: str = "en"
    """BCP 47 tag of what is spoken."""
    saved: bool = True
    """Whether the text is kept without asking; else it goes unless the caller decides to keep it."""


@dataclass(frozen=True, slots=True)
class TurnMetrics:
    """Milliseconds on one monotonic clock; None where the stage did not happen."""

    eou_ms: int | None = None
    """Last speech to the commit of the turn."""
    stt_ms: int | None = None
    """Commit to the final transcript."""
    moderation_ms: int | None = None
    ttft_ms: int | None = None
    """Request to the first token."""
    ttfb_ms: int | None = None
    """First clause to the first synthesized audio."""
    e2e_ms: int | None = None
    """Last speech of the caller to the first sound of the reply."""
    input_tokens: int = 0
    output_tokens: int = 0
    wasted_tokens: int = 0
    """Spent on speculation that was thrown away, prompts included; estimated where the model does not say."""
    engine: str = ""


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of one side. Times in ms since the call started."""

    call_id: str
    seq: int
    role: Literal["user", "assistant"]
    channel: Literal["voice", "text"]
    text: str
    """For the agent: all that was written; `heard` is what the caller heard of it."""
    heard: str
    start_ms: int
    end_ms: int
    interrupted: bool = False
    partial: bool = False
    words: tuple[Word, ...] = ()
    """On the call's clock, like the turn."""
    timing: Timing = "segment"
    verbatim: bool = False
    """The transcriber was known to write hesitation sounds in this turn."""
    metrics: TurnMetrics = field(default_factory=TurnMetrics)


@dataclass(frozen=True, slots=True)
class CallEnded:
    call_id: str
    ended_at: datetime
    reason: str
    """hangup | client_gone | replaced | idle | time_limit | shutdown | error | lost (its process died)"""
    facts: CallFacts | None = None
    """What the agent knows about the call; holds the caller's words."""


class CallRecorder(Protocol):
    """Takes records and never blocks the call. What is stored of a guest's call holds no text."""

    def call_started(self, record: CallStarted) -> None: ...

    def turn(self, record: Turn) -> None: ...

    def call_ended(self, record: CallEnded) -> None: ...


@dataclass(frozen=True, slots=True)
class NewTicket:
    """A helpdesk ticket to be stored. Priority is P1 (worst) to P4."""

    summary: str
    description: str
    category: str
    priority: str
    contact: str = ""
    article_id: str = ""
    steps_tried: tuple[str, ...] = ()


class TicketStore(Protocol):
    async def create_ticket(self, call_id: str, ticket: NewTicket) -> int:
        """Stores it and returns its number, which is spoken to the caller."""
        ...
