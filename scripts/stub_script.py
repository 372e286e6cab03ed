"""What the stub provider answers, when, and how it fails. Plain data and decisions; the server is `stub_provider`."""

from __future__ import annotations

import math
import re
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

Endpoint = Literal["transcriptions", "chat", "speech", "moderations", "realtime"]
FaultKind = Literal["status", "slow", "stall", "cut", "malformed", "drop"]

_FILLER = "well i think the most important thing was to keep everybody informed about what we were doing".split()
_WORDS_PER_S = 2.5


@dataclass(slots=True)
class Delays:
    """Seconds, but for the rate. Zero everywhere answers at once."""

    transcription_s: float = 0.0
    """From the end of the upload (or the commit) to the final transcript."""
    first_token_s: float = 0.0
    tokens_per_s: float = 0.0
    """0: all at once."""
    first_byte_s: float = 0.0
    speech_chunk_s: float = 0.0
    """Between chunks of 100 ms of speech."""
    moderation_s: float = 0.0
    partial_s: float = 0.0
    """From the end of a word in the audio to the partial transcript with it, where its end is known."""


@dataclass(frozen=True, slots=True)
class TimedWords:
    """A transcript whose words become known only when they have been heard.

    `ends_ms`: where each word ends, in ms from the first sound of the utterance.
    """

    text: str
    ends_ms: tuple[float, ...]

    def split(self, heard_ms: float) -> tuple[str, TimedWords | None]:
        """What the first `heard_ms` hold, where the caller paused, and what comes with the next piece. A word belongs
        where it began: the pause behind it counts as its own."""
        words = self.text.split()
        count = 1 + sum(end < heard_ms for end in self.ends_ms[:-1])
        if count >= len(words):
            return self.text, None
        gone_ms = self.ends_ms[count - 1]
        rest = TimedWords(" ".join(words[count:]), tuple(end - gone_ms for end in self.ends_ms[count:]))
        return " ".join(words[:count]), rest


@dataclass(frozen=True, slots=True)
class ReplyRule:
    """The model's answer to a last message (of the user or a tool) in which `pattern` is found."""

    pattern: str
    text: str = ""
    tool_calls: Sequence[tuple[str, str]] = ()
    """(name, arguments as JSON text)."""
    finish_reason: str = ""
    refusal: str = ""


@dataclass(slots=True)
class Script:
    transcripts: deque[str | TimedWords] = field(default_factory=deque)
    """Given out in order; then `constant_transcript`, or else as many words as the audio is long."""
    constant_transcript: str = ""
    replies: Sequence[ReplyRule] = ()
    """The first match answers; without a match `constant_reply`, or else an echo."""
    constant_reply: str = ""
    """`{n}` in it becomes the number of the reply, so that no two are the same and no cache has them."""
    flagged_words: Mapping[str, str] = field(default_factory=dict)
    """Word -> moderation category."""
    voices: Sequence[str] = ()
    """Known voices; empty knows all."""
    _replies: int = 0

    @property
    def knows_words(self) -> bool:
        """Whether the next transcript is known before the audio is complete."""
        return bool(self.transcripts or self.constant_transcript)

    def transcript(self, audio_s: float, heard_ms: float = math.inf) -> str:
        """The whole words of the next utterance. `heard_ms`: how much of it there is from its first sound on."""
        if self.transcripts:
            first = self.transcripts.popleft()
            if not isinstance(first, TimedWords):
                return first
            text, rest = first.split(heard_ms)
            if rest is not None:
                self.transcripts.appendleft(rest)
            return text
        if self.constant_transcript:
            return self.constant_transcript
        count = round(audio_s * _WORDS_PER_S)
        return " ".join(_FILLER[index % len(_FILLER)] for index in range(count))

    def answer(self, messages: Sequence[Mapping[str, Any]]) -> ReplyRule:
        """To a whole prompt, as the API has it. Another script may read more of it than the last message."""
        return self.reply(last_text(messages))

    def reply(self, last_text: str) -> ReplyRule:
        for rule in self.replies:
            if re.search(rule.pattern, last_text, re.IGNORECASE):
                return rule
        if self.constant_reply:
            self._replies += 1
            return ReplyRule("", text=self.constant_reply.replace("{n}", str(self._replies)))
        return ReplyRule("", text=f"You said: {last_text}" if last_text else "Hello.")

    def flags(self, text: str) -> set[str]:
        words = set(re.findall(r"\w+", text.lower()))
        return {category for word, category in self.flagged_words.items() if word in words}


def last_text(messages: Sequence[Mapping[str, Any]]) -> str:
    """What the user said last, or a tool returned."""
    for message in reversed(messages):
        if message["role"] in ("user", "tool"):
            return text_of(message)
    return ""


def text_of(message: Mapping[str, Any]) -> str:
    content = message.get("content") or ""
    return content if isinstance(content, str) else " ".join(part.get("text", "") for part in content)


@dataclass(slots=True)
class Fault:
    """How the next requests to an endpoint go wrong.

    status: answers `status` (with `retry_after_s`, `message`, `code`). slow: waits `delay_s` first. drop: closes the
    connection with no answer. stall, cut, malformed: after `after_chunks` chunks (for "realtime": after so many
    messages of the client) nothing more comes, the connection is aborted, or garbage comes.
    """

    endpoint: Endpoint
    kind: FaultKind
    count: int | None = 1
    """So many requests; None: all from now on."""
    status: int = 500
    retry_after_s: float | None = None
    message: str = "stubbed failure"
    code: str = ""
    after_chunks: int = 0
    delay_s: float = 0.0
    only_with: str = ""
    """Only requests with this parameter, e.g. a server that does not know it."""

    def __post_init__(self) -> None:
        if self.endpoint not in get_args(Endpoint) or self.kind not in get_args(FaultKind):
            raise ValueError("no such endpoint or kind of fault")


class Faults:
    """The faults waiting to happen."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        self._waiting.append(fault)

    def clear(self) -> None:
        self._waiting.clear()

    def take(self, endpoint: str, parameters: Iterable[str]) -> Fault | None:
        """The fault of this request, counted down."""
        for fault in self._waiting:
            if fault.endpoint == endpoint and (not fault.only_with or fault.only_with in parameters):
                if fault.count is not None:
                    fault.count -= 1
                    if fault.count <= 0:
                        self._waiting.remove(fault)
                return fault
        return None


@dataclass(slots=True)
class Record:
    """One request as the provider saw it: all that left the client, but the audio only by its length."""

    endpoint: Endpoint
    parameters: dict[str, Any]
    audio_s: float = 0.0
    chunks: int = 0
    """Pieces of the answer that were sent."""
    outcome: Literal["open", "done", "failed", "disconnected"] = "open"
    """failed: by a fault. disconnected: the client went away before the end."""
    connection: str = ""
    """Which TCP connection it came by."""
    at_s: float = field(default_factory=time.monotonic)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)
