"""The four ports: what the server asks of a transcriber, a language model, a synthesizer and a moderator.

An adapter translates one provider and nothing else. Deadlines, retries, fallback, circuit breaking, caching and
metrics are wrappers around any adapter (`resilience`, `cache`), never inside one. Engines know nothing of calls.

Every async iterator returned here is an async *generator*: closing it (`aclose`, or leaving `aclosing`) cancels the
work at once, on the wire too. An adapter reports any failure of its provider as `EngineError`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

TRANSCRIPTION_RATE_HZ = 16_000
"""Every transcriber is fed mono s16le at this rate."""


class EngineError(Exception):
    """A provider failed. `retryable`: the same request may succeed soon (429, 5xx, connection, timeout).

    `code` is a short stable word for logs and metrics ("429", "timeout", "malformed", …); the message never holds
    a caller's words.
    """

    def __init__(self, message: str, *, code: str, retryable: bool, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.retryable = retryable
        self.retry_after_s = retry_after_s


# --- transcription ----------------------------------------------------------------------------------------------


Timing = Literal["word", "segment", "interpolated"]
"""Where times come from. Word: each word's start and end were measured. Interpolated: words have times, but some edge
is an estimate, so that nothing can be said of the silence between two words. Segment: only voice activity is known."""


@dataclass(frozen=True, slots=True)
class Word:
    """One recognised word; times in ms from the start of the stream's audio."""

    text: str
    start_ms: int
    end_ms: int
    probability: float | None = None

    def shifted(self, by_ms: int) -> Word:
        return replace(self, start_ms=self.start_ms + by_ms, end_ms=self.end_ms + by_ms)


@dataclass(frozen=True, slots=True)
class SpeakerSegment:
    """What one of several speakers said, from transcribers that tell them apart; times as in Word."""

    text: str
    speaker: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Transcript:
    """A hypothesis for the whole utterance so far: each replaces the one before. After the final none follows."""

    text: str
    final: bool
    words: tuple[Word, ...] = ()
    segments: tuple[SpeakerSegment, ...] = ()
    timing: Timing = "segment"
    """Quality of the times of `words`."""
    verbatim: bool = False
    """The engine is known to write hesitation sounds (um, uh) and was asked to: only then does their absence mean
    anything."""


@dataclass(frozen=True, slots=True)
class TranscriptionOptions:
    language: str = "en"
    """BCP 47 tag, or "" to let the transcriber detect it."""
    prompt: str = ""
    """Style or vocabulary seed; may be ignored."""
    hints: tuple[str, ...] = ()
    """Phrases that are likely (the options of a closed question); may be ignored."""
    model: str = ""
    """A model asked for by the client's session; empty takes the setting."""


class TranscriptionStream(Protocol):
    """One utterance. Iterate it in one task while another pushes."""

    def push(self, pcm: bytes) -> None:
        """Takes mono s16le at 16 kHz, any length; never blocks."""

    def commit(self) -> None:
        """No more audio: the final transcript follows and ends the iteration."""

    def __aiter__(self) -> AsyncIterator[Transcript]: ...


class Transcriber(Protocol):
    name: str
    partials: bool
    """Whether hypotheses arrive while the caller still speaks."""

    def open(self, options: TranscriptionOptions) -> AbstractAsyncContextManager[TranscriptionStream]:
        """A stream for one utterance; leaving the context cancels it. Raises EngineError while iterating."""
        ...

    async def aclose(self) -> None: ...


# --- language model ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model asks for a tool. `arguments` is JSON text as the model wrote it: not yet validated."""

    call_id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message:
    """One entry of the conversation as the model sees it. A tool's result has role "tool" and its `call_id`."""

    role: Literal["system", "user", "assistant", "tool"]
    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    call_id: str = ""


@dataclass(frozen=True, slots=True)
class ToolSpec:
    name: str
    description: str
    parameters: Mapping[str, object] = field(default_factory=dict)
    """JSON schema of the arguments."""


@dataclass(frozen=True, slots=True)
class ReplyRequest:
    messages: Sequence[Message]
    instructions: str = ""
    tools: Sequence[ToolSpec] = ()
    tool_choice: str = "auto"
    """auto | none | required | the name of a tool."""
    max_output_tokens: int | None = None
    speculative: bool = False
    """The turn is not yet committed: the result may be thrown away."""


@dataclass(frozen=True, slots=True)
class TextDelta:
    text: str


@dataclass(frozen=True, slots=True)
class Usage:
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Switched:
    """A fallback took over. With `partial`, words had already come from the engine that failed: the turn is
    marked partial and the caller hears a bridge phrase before what follows."""

    from_engine: str
    to_engine: str
    partial: bool


@dataclass(frozen=True, slots=True)
class Finished:
    """Why the model stopped."""

    reason: Literal["stop", "length", "tool_calls", "content_filter"]


ReplyEvent = TextDelta | ToolCall | Usage | Switched | Finished


class LanguageModel(Protocol):
    name: str

    def reply(self, request: ReplyRequest) -> AsyncGenerator[ReplyEvent, None]:
        """Streams one reply. ToolCall events are whole (arguments complete). Raises EngineError."""
        ...

    async def aclose(self) -> None: ...


# --- speech synthesis -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pcm:
    """Mono s16le."""

    data: bytes
    rate_hz: int


@dataclass(frozen=True, slots=True)
class OpusPackets:
    """Opus packets as the provider made them, each of 20 ms, mono or stereo."""

    packets: tuple[bytes, ...]


AudioChunk = Pcm | OpusPackets


@dataclass(frozen=True, slots=True)
class SpeechOptions:
    voice: str = ""
    """Empty: the engine's default. An unknown voice falls back to the default, never to an error."""
    speed: float = 1.0
    language: str = "en"


class Synthesizer(Protocol):
    name: str

    def speak(self, text: str, options: SpeechOptions) -> AsyncGenerator[AudioChunk, None]:
        """Streams speech for one clause of plain, speakable text. Raises EngineError."""
        ...

    async def aclose(self) -> None: ...


# --- moderation -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Verdict:
    flagged: bool
    categories: tuple[str, ...] = ()
    """OpenAI's category names, e.g. "self-harm", "violence"."""


class Moderator(Protocol):
    name: str

    async def check(self, text: str) -> Verdict:
        """Raises EngineError."""
        ...

    async def aclose(self) -> None: ...
