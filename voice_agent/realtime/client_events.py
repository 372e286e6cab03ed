"""What clients may send, parsed and validated: from one message to one typed event, or a ProtocolError.

Whether the event makes sense now (is there such an item, is a response running) is not judged here.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

from openai.types import realtime as wire
from pydantic import BaseModel

from voice_agent.realtime.errors import ProtocolError
from voice_agent.realtime.items import Item, item_from_wire
from voice_agent.realtime.strict_json import MAX_DEPTH, parse_object
from voice_agent.realtime.validation import check, child, invalid, missing, one_of

MAX_EVENT_ID_LENGTH = 512


@dataclass(frozen=True, slots=True)
class SessionUpdate:
    session: Mapping[str, object]
    """The fields to change, as sent: an explicit null differs from an absent field."""
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class ItemCreate:
    item: Item
    previous_item_id: str | None = None
    """None appends, "root" puts it first."""
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class ItemRetrieve:
    item_id: str
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class ItemDelete:
    item_id: str
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class ItemTruncate:
    item_id: str
    content_index: int
    audio_end_ms: int
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class InputAudioAppend:
    audio: bytes
    """Decoded; in the session's input format."""
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class InputAudioCommit:
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class InputAudioClear:
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class OutputAudioClear:
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class ResponseCreate:
    response: Mapping[str, object]
    """Its parameters as sent; empty where the client gave none. See `ResponseConfig.create`."""
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class ResponseCancel:
    response_id: str | None = None
    """None means the one in progress."""
    event_id: str | None = None


ClientEvent = (
    SessionUpdate
    | ItemCreate
    | ItemRetrieve
    | ItemDelete
    | ItemTruncate
    | InputAudioAppend
    | InputAudioCommit
    | InputAudioClear
    | OutputAudioClear
    | ResponseCreate
    | ResponseCancel
)


def parse_client_event(raw: str | bytes, *, max_bytes: int, max_depth: int = MAX_DEPTH) -> ClientEvent:
    """Parses one message of a client.

    Raises ProtocolError, which carries the client's `event_id` wherever that can be read.
    """
    data = parse_object(raw, max_bytes=max_bytes, max_depth=max_depth)
    event_id = _event_id(data)
    try:
        return _parse(data, event_id)
    except ProtocolError as error:
        raise error.caused_by(event_id) from error.__cause__


def _event_id(data: Mapping[str, object]) -> str | None:
    event_id = data.get("event_id")
    if event_id is None:
        return None
    if not isinstance(event_id, str):
        raise ProtocolError("Invalid type for 'event_id': expected a string.", code="invalid_type", param="event_id")
    if len(event_id) > MAX_EVENT_ID_LENGTH:
        raise invalid("event_id", f"it is longer than {MAX_EVENT_ID_LENGTH} characters")
    return event_id


def _parse(data: Mapping[str, object], event_id: str | None) -> ClientEvent:
    kind = data.get("type")
    if kind is None:
        raise missing("type")
    if kind == "input_audio_buffer.append":
        return InputAudioAppend(_audio(data), event_id)
    parser = _PARSERS.get(kind) if isinstance(kind, str) else None
    if parser is None:
        raise one_of("type", SUPPORTED_TYPES)
    return parser(data, event_id)


def _audio(data: Mapping[str, object]) -> bytes:
    """The frequent and large event goes past pydantic: one field, one strict decode."""
    audio = data.get("audio")
    if audio is None:
        raise missing("audio")
    if not isinstance(audio, str):
        raise ProtocolError("Invalid type for 'audio': expected a string.", code="invalid_type", param="audio")
    try:
        return binascii.a2b_base64(audio, strict_mode=True)
    except ValueError as error:
        raise invalid("audio", "expected base64 (standard alphabet, padded, without line breaks)") from error


def _session_update(data: Mapping[str, object], event_id: str | None) -> ClientEvent:
    session = child(data, "session", at="")
    if session is None:
        raise missing("session")
    kind = session.get("type")
    if kind is None:
        raise missing("session.type")
    if not isinstance(kind, str) or kind not in _SESSIONS:
        raise one_of("session.type", tuple(_SESSIONS))
    check(_SESSIONS[kind], session, at="session")
    return SessionUpdate(session, event_id)


def _item_create(data: Mapping[str, object], event_id: str | None) -> ClientEvent:
    raw = child(data, "item", at="")
    if raw is None:
        raise missing("item")
    previous = data.get("previous_item_id")
    if previous is not None and not isinstance(previous, str):
        message = "Invalid type for 'previous_item_id': expected a string."
        raise ProtocolError(message, code="invalid_type", param="previous_item_id")
    return ItemCreate(item_from_wire(raw), previous, event_id)


def _item_retrieve(data: Mapping[str, object], event_id: str | None) -> ClientEvent:
    check(wire.ConversationItemRetrieveEvent, data)
    return ItemRetrieve(cast("str", data["item_id"]), event_id)


def _item_delete(data: Mapping[str, object], event_id: str | None) -> ClientEvent:
    check(wire.ConversationItemDeleteEvent, data)
    return ItemDelete(cast("str", data["item_id"]), event_id)


def _item_truncate(data: Mapping[str, object], event_id: str | None) -> ClientEvent:
    check(wire.ConversationItemTruncateEvent, data)
    for name in ("content_index", "audio_end_ms"):
        if cast("int", data[name]) < 0:
            raise invalid(name, "must not be negative")
    return ItemTruncate(
        cast("str", data["item_id"]), cast("int", data["content_index"]), cast("int", data["audio_end_ms"]), event_id
    )


def _response_create(data: Mapping[str, object], event_id: str | None) -> ClientEvent:
    return ResponseCreate(child(data, "response", at="") or {}, event_id)


def _response_cancel(data: Mapping[str, object], event_id: str | None) -> ClientEvent:
    check(wire.ResponseCancelEvent, data)
    return ResponseCancel(cast("str | None", data.get("response_id")), event_id)


_SESSIONS: Mapping[str, type[BaseModel]] = {
    "realtime": wire.RealtimeSessionCreateRequest,
    "transcription": wire.RealtimeTranscriptionSessionCreateRequest,
}

_PARSERS: Mapping[str, Callable[[Mapping[str, object], str | None], ClientEvent]] = {
    "session.update": _session_update,
    "conversation.item.create": _item_create,
    "conversation.item.retrieve": _item_retrieve,
    "conversation.item.truncate": _item_truncate,
    "conversation.item.delete": _item_delete,
    "input_audio_buffer.commit": lambda _, event_id: InputAudioCommit(event_id),
    "input_audio_buffer.clear": lambda _, event_id: InputAudioClear(event_id),
    "output_audio_buffer.clear": lambda _, event_id: OutputAudioClear(event_id),
    "response.create": _response_create,
    "response.cancel": _response_cancel,
}

SUPPORTED_TYPES = (*_PARSERS, "input_audio_buffer.append")
"""Every event type a client may send."""
