"""The value objects inside a session: audio formats, turn detection, transcription, truncation.

Each reads a client's partial object over its current value, and writes itself whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast

from voice_agent.realtime.errors import ProtocolError
from voice_agent.realtime.validation import in_range, invalid, join, missing, one_of

PADDING_MS = (0, 10_000)
"""Longer silences would outlast the patience of any turn."""
IDLE_TIMEOUT_MS = (5_000, 30_000)
"""The protocol's own range."""

Partial = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """`pcm` is mono s16le at 24 kHz; `pcmu` and `pcma` are G.711 at 8 kHz."""

    kind: Literal["pcm", "pcmu", "pcma"] = "pcm"

    @property
    def rate_hz(self) -> int:
        return 24_000 if self.kind == "pcm" else 8_000

    @property
    def bytes_per_sample(self) -> int:
        return 2 if self.kind == "pcm" else 1

    def to_wire(self) -> dict[str, object]:
        if self.kind == "pcm":
            return {"type": "audio/pcm", "rate": self.rate_hz}
        return {"type": f"audio/{self.kind}"}

    @staticmethod
    def from_wire(raw: Partial, *, at: str) -> AudioFormat:
        kind = raw.get("type")
        if kind is None:
            raise missing(join(at, "type"))
        if kind not in ("audio/pcm", "audio/pcmu", "audio/pcma"):
            raise one_of(join(at, "type"), ("audio/pcm", "audio/pcmu", "audio/pcma"))
        return AudioFormat(cast("Literal['pcm', 'pcmu', 'pcma']", kind.removeprefix("audio/")))


@dataclass(frozen=True, slots=True)
class ServerVad:
    """A turn ends after a fixed silence. The defaults are the protocol's."""

    threshold: float = 0.5
    prefix_padding_ms: int = 300
    silence_duration_ms: int = 500
    idle_timeout_ms: int | None = None
    create_response: bool = True
    interrupt_response: bool = True

    def to_wire(self) -> dict[str, object]:
        wire: dict[str, object] = {
            "type": "server_vad",
            "threshold": self.threshold,
            "prefix_padding_ms": self.prefix_padding_ms,
            "silence_duration_ms": self.silence_duration_ms,
            "create_response": self.create_response,
            "interrupt_response": self.interrupt_response,
        }
        if self.idle_timeout_ms is not None:
            wire["idle_timeout_ms"] = self.idle_timeout_ms
        return wire

    def merged(self, raw: Partial, *, at: str) -> ServerVad:
        idle = self.idle_timeout_ms
        if "idle_timeout_ms" in raw:
            given = raw["idle_timeout_ms"]
            idle = None if given is None else int(in_range(given, *IDLE_TIMEOUT_MS, at=join(at, "idle_timeout_ms")))
        padding = _number(raw, "prefix_padding_ms", self.prefix_padding_ms, PADDING_MS, at=at)
        silence = _number(raw, "silence_duration_ms", self.silence_duration_ms, PADDING_MS, at=at)
        return ServerVad(
            threshold=_number(raw, "threshold", self.threshold, (0, 1), at=at),
            prefix_padding_ms=int(padding),
            silence_duration_ms=int(silence),
            idle_timeout_ms=idle,
            create_response=_flag(raw, "create_response", self.create_response),
            interrupt_response=_flag(raw, "interrupt_response", self.interrupt_response),
        )


@dataclass(frozen=True, slots=True)
class SemanticVad:
    """A turn ends when what was said is complete; eagerness bounds the wait."""

    eagerness: Literal["low", "medium", "high", "auto"] = "auto"
    create_response: bool = True
    interrupt_response: bool = True

    @property
    def max_wait_ms(self) -> int:
        """The longest silence that is waited through, as the protocol sets it."""
        return {"low": 8_000, "medium": 4_000, "auto": 4_000, "high": 2_000}[self.eagerness]

    def to_wire(self) -> dict[str, object]:
        return {
            "type": "semantic_vad",
            "eagerness": self.eagerness,
            "create_response": self.create_response,
            "interrupt_response": self.interrupt_response,
        }

    def merged(self, raw: Partial) -> SemanticVad:
        eagerness = raw.get("eagerness")
        return SemanticVad(
            eagerness=self.eagerness if eagerness is None else cast("Literal['auto']", eagerness),
            create_response=_flag(raw, "create_response", self.create_response),
            interrupt_response=_flag(raw, "interrupt_response", self.interrupt_response),
        )


TurnDetection = ServerVad | SemanticVad


def merge_turn_detection(current: TurnDetection | None, raw: Partial, *, at: str) -> TurnDetection:
    """Changes the fields given. Another type than the current one starts from that type's defaults."""
    kind = raw.get("type")
    if kind == "server_vad":
        return (current if isinstance(current, ServerVad) else ServerVad()).merged(raw, at=at)
    if kind == "semantic_vad":
        return (current if isinstance(current, SemanticVad) else SemanticVad()).merged(raw)
    if kind is None:
        raise missing(join(at, "type"))
    raise one_of(join(at, "type"), ("server_vad", "semantic_vad"))


@dataclass(frozen=True, slots=True)
class Transcription:
    """How the caller's speech is to be transcribed. Empty fields leave the choice to the server."""

    model: str = ""
    language: str = ""
    prompt: str = ""
    keywords: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()

    def to_wire(self) -> dict[str, object]:
        fields: dict[str, object] = {
            "model": self.model,
            "language": self.language,
            "prompt": self.prompt,
            "keywords": list(self.keywords),
            "languages": list(self.languages),
        }
        return {name: value for name, value in fields.items() if value}

    def merged(self, raw: Partial) -> Transcription:
        return Transcription(
            model=_text(raw, "model", self.model),
            language=_text(raw, "language", self.language),
            prompt=_text(raw, "prompt", self.prompt),
            keywords=_texts(raw, "keywords", self.keywords),
            languages=_texts(raw, "languages", self.languages),
        )


@dataclass(frozen=True, slots=True)
class Truncation:
    """What becomes of a conversation that grows too long: drop the oldest down to a share, or refuse more."""

    retention_ratio: float = 1.0
    enabled: bool = True

    def to_wire(self) -> object:
        if not self.enabled:
            return "disabled"
        if self.retention_ratio == 1.0:
            return "auto"
        return {"type": "retention_ratio", "retention_ratio": self.retention_ratio}

    @staticmethod
    def from_wire(raw: object, *, at: str) -> Truncation:
        if raw == "auto":
            return Truncation()
        if raw == "disabled":
            return Truncation(enabled=False)
        if not isinstance(raw, Mapping):
            raise one_of(at, ("auto", "disabled"))
        return Truncation(in_range(raw.get("retention_ratio"), 0, 1, at=join(at, "retention_ratio")))


def voice_from_wire(raw: object, before: str, *, audio_started: bool, at: str) -> str:
    """A name, or the id of a custom voice. Raises ProtocolError where it is another one than was heard already."""
    voice = raw if isinstance(raw, str) else cast("str", cast("Partial", raw)["id"])
    if audio_started and voice != before:
        message = "The voice cannot be changed after the agent has spoken."
        raise ProtocolError(message, code="cannot_update_voice", param=at)
    return voice


def modality_from_wire(raw: object, *, at: str) -> Literal["audio", "text"]:
    """Exactly one of the two: audio brings its transcript along."""
    if raw == ["audio"]:
        return "audio"
    if raw == ["text"]:
        return "text"
    raise invalid(at, "supported values are ['audio'] and ['text']")


def max_output_tokens_from_wire(raw: object, *, at: str) -> int | None:
    """1 to 4096; None for "inf"."""
    return None if raw == "inf" else int(in_range(raw, 1, 4096, at=at))


def _number(raw: Partial, name: str, current: float, limits: tuple[float, float], *, at: str) -> float:
    value = raw.get(name)
    return current if value is None else in_range(value, *limits, at=join(at, name))


def _flag(raw: Partial, name: str, current: bool) -> bool:
    value = raw.get(name)
    return current if value is None else bool(value)


def _text(raw: Partial, name: str, current: str) -> str:
    value = raw.get(name)
    return current if value is None else cast("str", value)


def _texts(raw: Partial, name: str, current: tuple[str, ...]) -> tuple[str, ...]:
    value = raw.get(name)
    return current if value is None else tuple(cast("Sequence[str]", value))
