"""What holds for one response: the session, overridden by the parameters of its `response.create`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, cast

from openai.types.realtime import RealtimeResponseCreateParams

from voice_agent.engines.ports import ToolSpec
from voice_agent.realtime.errors import ProtocolError
from voice_agent.realtime.items import Item, item_from_wire
from voice_agent.realtime.session_config import SessionConfig
from voice_agent.realtime.session_parts import (
    AudioFormat,
    max_output_tokens_from_wire,
    modality_from_wire,
    voice_from_wire,
)
from voice_agent.realtime.session_tools import tools_from_wire
from voice_agent.realtime.validation import check, child, invalid, missing, one_of, unsupported

MAX_METADATA = 16
MAX_METADATA_KEY = 64
MAX_METADATA_VALUE = 512
"""The protocol's own limits: pairs, and characters of key and value."""


@dataclass(frozen=True, slots=True)
class ItemReference:
    """An item of the conversation, named in the input of a response."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseConfig:
    """Made by `of` (a response the server begins) or `create` (one the client asked for)."""

    instructions: str
    modality: Literal["audio", "text"]
    output_format: AudioFormat
    voice: str
    speed: float
    tools: tuple[ToolSpec, ...]
    tool_choice: str
    max_output_tokens: int | None
    out_of_band: bool = False
    """It reads the conversation (or `input`) but leaves no item in it."""
    input: tuple[Item | ItemReference, ...] | None = None
    """What the model sees instead of the conversation; None for the conversation."""
    metadata: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def of(session: SessionConfig) -> ResponseConfig:
        return ResponseConfig(
            instructions=session.instructions,
            modality=session.modality,
            output_format=session.output_format,
            voice=session.voice,
            speed=session.speed,
            tools=session.tools,
            tool_choice=session.tool_choice,
            max_output_tokens=session.max_output_tokens,
        )

    @staticmethod
    def create(session: SessionConfig, params: Mapping[str, object], *, audio_started: bool = False) -> ResponseConfig:
        """`params` is `response` as the client sent it. Raises ProtocolError."""
        if session.kind == "transcription":
            message = "A transcription session makes no responses."
            raise ProtocolError(message, code="invalid_request", param="type")
        # The published type of `input` lacks references: its items are checked one by one below.
        check(RealtimeResponseCreateParams, {k: v for k, v in params.items() if k != "input"}, at="response")
        if params.get("prompt") is not None:
            raise unsupported("response.prompt", "Prompt templates")
        result = replace(
            ResponseConfig.of(session),
            out_of_band=_out_of_band(params),
            input=_input(params),
            metadata=_metadata(params),
        )
        if params.get("instructions") is not None:
            result = replace(result, instructions=cast("str", params["instructions"]))
        if params.get("output_modalities") is not None:
            modality = modality_from_wire(params["output_modalities"], at="response.output_modalities")
            result = replace(result, modality=modality)
        if params.get("max_output_tokens") is not None:
            limit = max_output_tokens_from_wire(params["max_output_tokens"], at="response.max_output_tokens")
            result = replace(result, max_output_tokens=limit)
        result = result._with_audio(params, audio_started)
        tools, choice = tools_from_wire(params, result.tools, result.tool_choice, at="response")
        return replace(result, tools=tools, tool_choice=choice)

    def _with_audio(self, params: Mapping[str, object], audio_started: bool) -> ResponseConfig:
        output = child(child(params, "audio", at="response") or {}, "output", at="response.audio") or {}
        result = self
        audio_format = child(output, "format", at="response.audio.output")
        if audio_format is not None:
            parsed = AudioFormat.from_wire(audio_format, at="response.audio.output.format")
            result = replace(result, output_format=parsed)
        if output.get("voice") is not None:
            at = "response.audio.output.voice"
            voice = voice_from_wire(output["voice"], self.voice, audio_started=audio_started, at=at)
            result = replace(result, voice=voice)
        return result


def _out_of_band(params: Mapping[str, object]) -> bool:
    conversation = params.get("conversation")
    if conversation not in (None, "auto", "none"):
        raise one_of("response.conversation", ("auto", "none"))
    return conversation == "none"


def _input(params: Mapping[str, object]) -> tuple[Item | ItemReference, ...] | None:
    raw = params.get("input")
    if raw is None:
        return None
    if not isinstance(raw, list):
        message = "Invalid type for 'response.input': expected a list."
        raise ProtocolError(message, code="invalid_type", param="response.input")
    return tuple(_input_item(item, f"response.input[{index}]") for index, item in enumerate(raw))


def _input_item(raw: object, at: str) -> Item | ItemReference:
    if not isinstance(raw, Mapping):
        raise ProtocolError(f"Invalid type for '{at}': expected an object.", code="invalid_type", param=at)
    if raw.get("type") != "item_reference":
        return item_from_wire(raw, at=at)
    reference = raw.get("id")
    if not isinstance(reference, str):
        raise missing(f"{at}.id")
    return ItemReference(reference)


def _metadata(params: Mapping[str, object]) -> Mapping[str, str]:
    metadata = cast("Mapping[str, str]", params.get("metadata") or {})
    if len(metadata) > MAX_METADATA:
        raise invalid("response.metadata", f"at most {MAX_METADATA} pairs are possible")
    too_long = any(len(k) > MAX_METADATA_KEY or len(v) > MAX_METADATA_VALUE for k, v in metadata.items())
    if too_long:
        reason = f"keys have at most {MAX_METADATA_KEY} characters, values {MAX_METADATA_VALUE}"
        raise invalid("response.metadata", reason)
    return dict(metadata)
