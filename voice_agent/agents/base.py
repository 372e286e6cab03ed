"""What an agent is: a character with instructions, tools, a greeting, delays, and a way to work without a model.

Agents know nothing of audio, HTTP or SQL. What a tool needs from outside reaches it through `ToolContext`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from voice_agent.agents.form import FormReader
from voice_agent.agents.intake import Intake
from voice_agent.agents.openers import openers
from voice_agent.briefing import Briefing
from voice_agent.engines.ports import LanguageModel, Message, ToolSpec
from voice_agent.facts import CallFacts
from voice_agent.records import TicketStore


@dataclass(frozen=True, slots=True)
class ToolContext:
    call_id: str
    tickets: TicketStore
    history: Callable[[], Sequence[Message]] = tuple
    """The conversation so far, by which a tool judges whether it may do what a model asks of it."""


ToolHandler = Callable[[Mapping[str, object], ToolContext], Awaitable[Mapping[str, object]]]


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that runs on this server. The handler gets arguments already validated against `spec.parameters`
    and raises ToolError with a sentence that the model may read."""

    spec: ToolSpec
    handler: ToolHandler
    writes: bool = False
    """It changes something: never run before the caller's turn is committed, nor after an interruption."""


class ToolError(Exception):
    """The tool could not do it; the message is meant for the model."""


@dataclass(frozen=True, slots=True)
class WrapUp:
    """When a caller talks for very long: asks them, in a pause, to come to the end. Their turn goes on after it."""

    after_s: float
    """Since the turn began."""
    pause_ms: int
    """Silence that is long enough to speak in, although the caller may not be finished."""
    text: str


@dataclass(frozen=True, slots=True)
class TurnProfile:
    """How patient the agent is. Delays in ms after the caller's last speech; nudges in s of silence."""

    min_delay_ms: int
    max_delay_ms: int
    nudges: tuple[tuple[float, str], ...] = ()
    """(seconds of silence since the agent's last sound, what it says then), ascending."""
    interruptible: bool = True
    wrap_up: WrapUp | None = None
    max_utterance_s: float | None = None
    """A turn is committed after this much speech; None: as the settings say."""


Adapter = Callable[[Sequence[Message]], "Agent"]
"""The agent as it speaks after these messages: its speed, language, phrases and instructions may be others."""


@dataclass(frozen=True, slots=True)
class Agent:
    name: str
    """As in the protocol's `model`: "interviewer", "helpdesk", "language-coach"."""
    title: str
    summary: str
    """One sentence for the page and `GET /v1/models`."""
    instructions: str
    greeting: str
    """The first thing it says, word for word."""
    turns: TurnProfile
    scripted: LanguageModel
    """The same conversation with no language model: a pure function of the messages it is given."""
    tools: tuple[Tool, ...] = ()
    language: str = "en"
    voice: str = ""
    speed: float = 1.0
    transcription_prompt: str = ""
    phrases: Mapping[str, str] = field(default_factory=dict)
    """What it says in set situations: "bridge", "filler", "refusal", "idle", "goodbye", "not_heard", "apology"."""
    intake: Intake = field(default_factory=Intake)
    """What it makes use of in a briefing."""
    brief: Callable[[Briefing], Agent] | None = None
    """The same agent for a caller who gave this; None: it makes no difference to it."""
    adapt: Adapter | None = None
    """None: only its speed follows the caller's "slower" and "faster" (see `presence`)."""
    facts: Callable[[Sequence[Message]], CallFacts | None] | None = None
    """What a report needs to know about a call with these messages. Pure; also of calls that broke off."""
    form: FormReader | None = None
    """What the agent has noted of the caller after these messages, for the caller to see and correct."""
    following: Callable[[], Agent] | None = None
    """The same agent for one call: `adapt`, `facts` and `form` remember together what they have read of it, and come to
    the same, so that a reply that is thrown away leaves no trace. None: they read everything each time."""

    @property
    def openers(self) -> tuple[str, ...]:
        """Short beginnings of answers ("Okay,") whose speech lies ready before it is needed."""
        return openers(self.language)
