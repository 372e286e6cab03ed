"""The effective session: what the client and the agent have agreed on, at any moment.

Immutable; an update makes a new one. What this server does not do is either refused (MCP tools, prompt templates)
or accepted without effect because it changes no answer: tracing, reasoning, parallel_tool_calls, noise reduction
(echoed back) and fields we do not know.

A null leaves a field as it is, except where the protocol gives it a meaning: turn_detection (manual turns),
transcription and noise_reduction (off), idle_timeout_ms (none).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, cast

from openai.types.realtime import RealtimeSessionCreateRequest, RealtimeTranscriptionSessionCreateRequest

from voice_agent.engines.ports import ToolSpec
from voice_agent.realtime.errors import ProtocolError
from voice_agent.realtime.ids import new_id
from voice_agent.realtime.session_parts import (
    AudioFormat,
    SemanticVad,
    Transcription,
    Truncation,
    TurnDetection,
    max_output_tokens_from_wire,
    merge_turn_detection,
    modality_from_wire,
    voice_from_wire,
)
from voice_agent.realtime.session_tools import tool_choice_to_wire, tool_to_wire, tools_from_wire
from voice_agent.realtime.validation import check, child, in_range, invalid, one_of, unsupported

Kind = Literal["realtime", "transcription"]

SPEED_RANGE = (0.25, 1.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionConfig:
    """Made by `create`, changed by `updated`."""

    id: str
    kind: Kind
    model: str
    """The agent's name."""
    agents: frozenset[str] = frozenset()
    """Names of all agents: those cannot be taken for a provider's model name."""
    expires_at: int | None = None
    """Unix time in s."""
    instructions: str = ""
    modality: Literal["audio", "text"] = "audio"
    input_format: AudioFormat = field(default_factory=AudioFormat)
    output_format: AudioFormat = field(default_factory=AudioFormat)
    turn_detection: TurnDetection | None = field(default_factory=SemanticVad)
    """None: the client ends turns itself."""
    transcription: Transcription | None = None
    """None: the caller is transcribed all the same, but the client is sent no transcription events."""
    language: str = ""
    """The agent's language, for a transcription that names none."""
    noise_reduction: str = ""
    voice: str = ""
    speed: float = 1.0
    tools: tuple[ToolSpec, ...] = ()
    tool_choice: str = "auto"
    """auto | none | required | the name of a tool."""
    max_output_tokens: int | None = None
    """None is "inf"."""
    truncation: Truncation = field(default_factory=Truncation)
    include: tuple[str, ...] = ()

    @staticmethod
    def create(
        *,
        agent_model: str,
        instructions: str = "",
        voice: str = "",
        speed: float = 1.0,
        language: str = "",
        tools: Sequence[ToolSpec] = (),
        kind: Kind = "realtime",
        turn_detection: TurnDetection | None = SemanticVad(),  # noqa: B008 - frozen
        agents: Collection[str] = (),
        expires_at: int | None = None,
        session_id: str | None = None,
    ) -> SessionConfig:
        """The session as the agent wants it, before the client said anything. `speed` is brought into range."""
        return SessionConfig(
            id=session_id or new_id("sess"),
            kind=kind,
            model=agent_model,
            agents=frozenset(agents),
            expires_at=expires_at,
            instructions=instructions,
            voice=voice,
            speed=min(max(speed, SPEED_RANGE[0]), SPEED_RANGE[1]),
            language=language,
            tools=tuple(tools),
            turn_detection=turn_detection,
            transcription=Transcription() if kind == "transcription" else None,
        )

    @property
    def sends_transcription(self) -> bool:
        """Whether input_audio_transcription events go to the client."""
        return self.transcription is not None

    @property
    def transcription_language(self) -> str:
        """What the client asked for, else the agent's language."""
        return (self.transcription.language if self.transcription else "") or self.language

    def updated(self, partial: Mapping[str, object], *, audio_started: bool) -> SessionConfig:
        """The session with the given fields changed and no others.

        `partial` is `session` as the client sent it, from an event or an HTTP body; `audio_started`: the agent has
        been heard, so its voice is fixed. Raises ProtocolError and changes nothing.
        """
        kind = partial.get("type")
        if kind not in (None, "realtime", "transcription"):
            raise one_of("session.type", ("realtime", "transcription"))
        if kind not in (None, self.kind):
            raise invalid("session.type", f"this is a {self.kind} session, and stays one")
        if partial.get("agent") is not None:
            raise invalid("session.agent", "it is given before the call, with the client secret or the offer")
        complete = {**partial, "type": self.kind}
        if self.kind == "transcription":
            check(RealtimeTranscriptionSessionCreateRequest, complete, at="session")
        else:
            check(RealtimeSessionCreateRequest, complete, at="session")
        audio = child(partial, "audio", at="session") or {}
        result = self._with_input(child(audio, "input", at="session.audio") or {})
        include = partial.get("include")
        if include is not None:
            result = replace(result, include=tuple(cast("Sequence[str]", include)))
        if self.kind == "transcription":
            return result
        result = result._with_output(child(audio, "output", at="session.audio") or {}, audio_started)
        return result._with_model_fields(partial)

    def to_wire(self) -> dict[str, object]:
        """The whole effective session. Absent means unset; only `turn_detection` is null where it is off."""
        audio_input: dict[str, object] = {
            "format": self.input_format.to_wire(),
            "turn_detection": self.turn_detection.to_wire() if self.turn_detection else None,
        }
        if self.transcription is not None:
            audio_input["transcription"] = self.transcription.to_wire()
        if self.noise_reduction:
            audio_input["noise_reduction"] = {"type": self.noise_reduction}
        wire: dict[str, object] = {"id": self.id, "type": self.kind}
        if self.expires_at is not None:
            wire["expires_at"] = self.expires_at
        if self.include:
            wire["include"] = list(self.include)
        if self.kind == "transcription":
            return wire | {"object": "realtime.transcription_session", "audio": {"input": audio_input}}
        audio_output: dict[str, object] = {"format": self.output_format.to_wire(), "speed": self.speed}
        if self.voice:
            audio_output["voice"] = self.voice
        return wire | {
            "object": "realtime.session",
            "model": self.model,
            "instructions": self.instructions,
            "output_modalities": [self.modality],
            "audio": {"input": audio_input, "output": audio_output},
            "tools": [tool_to_wire(tool) for tool in self.tools],
            "tool_choice": tool_choice_to_wire(self.tool_choice),
            "max_output_tokens": "inf" if self.max_output_tokens is None else self.max_output_tokens,
            "truncation": self.truncation.to_wire(),
        }

    def _with_input(self, raw: Mapping[str, object]) -> SessionConfig:
        at = "session.audio.input"
        result = self
        audio_format = child(raw, "format", at=at)
        if audio_format is not None:
            result = replace(result, input_format=AudioFormat.from_wire(audio_format, at=f"{at}.format"))
        if "turn_detection" in raw:
            given = child(raw, "turn_detection", at=at)
            merged = None
            if given is not None:
                merged = merge_turn_detection(self.turn_detection, given, at=f"{at}.turn_detection")
            result = replace(result, turn_detection=merged)
        if "transcription" in raw:
            given = child(raw, "transcription", at=at)
            if given is not None:
                result = replace(result, transcription=(self.transcription or Transcription()).merged(given))
            elif self.kind == "transcription":
                raise invalid(f"{at}.transcription", "a transcription session cannot do without")
            else:
                result = replace(result, transcription=None)
        if "noise_reduction" in raw:
            given = child(raw, "noise_reduction", at=at)
            kind = "" if given is None else cast("str | None", given.get("type")) or self.noise_reduction
            result = replace(result, noise_reduction=kind)
        return result

    def _with_output(self, raw: Mapping[str, object], audio_started: bool) -> SessionConfig:
        at = "session.audio.output"
        result = self
        audio_format = child(raw, "format", at=at)
        if audio_format is not None:
            result = replace(result, output_format=AudioFormat.from_wire(audio_format, at=f"{at}.format"))
        if raw.get("speed") is not None:
            result = replace(result, speed=float(in_range(raw["speed"], *SPEED_RANGE, at=f"{at}.speed")))
        if raw.get("voice") is not None:
            voice = voice_from_wire(raw["voice"], self.voice, audio_started=audio_started, at=f"{at}.voice")
            result = replace(result, voice=voice)
        return result

    def _with_model_fields(self, partial: Mapping[str, object]) -> SessionConfig:
        if partial.get("prompt") is not None:
            raise unsupported("session.prompt", "Prompt templates")
        model = partial.get("model")
        if model is not None and model != self.model and model in self.agents:
            message = "The agent cannot be changed during a session."
            raise ProtocolError(message, code="cannot_update_model", param="session.model")
        result = self
        if partial.get("instructions") is not None:
            result = replace(result, instructions=cast("str", partial["instructions"]))
        if partial.get("output_modalities") is not None:
            modality = modality_from_wire(partial["output_modalities"], at="session.output_modalities")
            result = replace(result, modality=modality)
        if partial.get("max_output_tokens") is not None:
            limit = max_output_tokens_from_wire(partial["max_output_tokens"], at="session.max_output_tokens")
            result = replace(result, max_output_tokens=limit)
        if partial.get("truncation") is not None:
            truncation = Truncation.from_wire(partial["truncation"], at="session.truncation")
            result = replace(result, truncation=truncation)
        tools, choice = tools_from_wire(partial, self.tools, self.tool_choice, at="session")
        return replace(result, tools=tools, tool_choice=choice)
