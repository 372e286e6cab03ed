"""Items of a conversation: messages, tool calls and their results, between wire and language model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, cast

from openai.types.realtime import (
    RealtimeConversationItemAssistantMessage,
    RealtimeConversationItemFunctionCall,
    RealtimeConversationItemFunctionCallOutput,
    RealtimeConversationItemSystemMessage,
    RealtimeConversationItemUserMessage,
)
from pydantic import BaseModel

from voice_agent.realtime.ids import new_id
from voice_agent.realtime.validation import check, invalid, missing, one_of, unsupported

ItemType = Literal["message", "function_call", "function_call_output"]
Role = Literal["system", "user", "assistant"]
Status = Literal["in_progress", "completed", "incomplete"]
PartType = Literal["input_text", "input_audio", "output_text", "output_audio"]

ROOT = "root"
"""As `previous_item_id`: before every other item."""
MAX_ID_LENGTH = 64

_MESSAGES: Mapping[str, type[BaseModel]] = {
    "system": RealtimeConversationItemSystemMessage,
    "user": RealtimeConversationItemUserMessage,
    "assistant": RealtimeConversationItemAssistantMessage,
}


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a message. `text` is the transcript of audio parts; None while it is not known yet."""

    type: PartType
    text: str | None

    def to_wire(self) -> dict[str, object]:
        # Clients want the key `transcript` even before there is one: the only null besides turn_detection.
        key = "transcript" if self.type in ("input_audio", "output_audio") else "text"
        return {"type": self.type, key: self.text}


@dataclass(frozen=True, slots=True)
class Item:
    """One item. Messages use role and content, calls name, call_id and arguments, results call_id and output.

    An internal item is for the language model alone: tools that run on this server must not reach clients, which
    would try to run them too.
    """

    id: str
    type: ItemType
    status: Status = "completed"
    role: Role = "user"
    content: tuple[Part, ...] = ()
    name: str = ""
    call_id: str = ""
    arguments: str = ""
    output: str = ""
    audio_ms: int = 0
    """Length of the audio that was made for it."""
    heard_ms: int | None = None
    """How much of that was heard, once it was truncated."""
    internal: bool = field(default=False, kw_only=True)

    @property
    def text(self) -> str:
        """What was said or written, its parts joined by a space; empty where nothing is known."""
        return " ".join([part.text for part in self.content if part.text])

    def with_text(self, text: str, content_index: int = 0) -> Item:
        """The item with the text (or transcript) of one part replaced. Raises IndexError."""
        parts = list(self.content)
        parts[content_index] = replace(parts[content_index], text=text)
        return replace(self, content=tuple(parts))

    def to_wire(self) -> dict[str, object]:
        wire: dict[str, object] = {
            "id": self.id,
            "object": "realtime.item",
            "type": self.type,
            "status": self.status,
        }
        if self.type == "message":
            wire["role"] = self.role
            wire["content"] = [part.to_wire() for part in self.content]
        elif self.type == "function_call":
            wire |= {"name": self.name, "call_id": self.call_id, "arguments": self.arguments}
        else:
            wire |= {"call_id": self.call_id, "output": self.output}
        return wire


def item_from_wire(raw: Mapping[str, object], *, at: str = "item", make_id: Callable[[str], str] = new_id) -> Item:
    """An item as a client sent it, with an id of ours where it brought none.

    Audio inside an item is never kept: a user's audio part must bring its transcript. Raises ProtocolError.
    """
    kind = raw.get("type")
    if kind is None:
        raise missing(f"{at}.type")
    if kind == "message":
        return _message(raw, at, make_id)
    if kind == "function_call":
        check(RealtimeConversationItemFunctionCall, raw, at=at)
        return Item(
            id=_id(raw, at, make_id),
            type="function_call",
            status=_status(raw),
            name=cast("str", raw["name"]),
            call_id=cast("str | None", raw.get("call_id")) or make_id("call"),
            arguments=cast("str", raw["arguments"]),
        )
    if kind == "function_call_output":
        check(RealtimeConversationItemFunctionCallOutput, raw, at=at)
        return Item(
            id=_id(raw, at, make_id),
            type="function_call_output",
            status=_status(raw),
            call_id=cast("str", raw["call_id"]),
            output=cast("str", raw["output"]),
        )
    if isinstance(kind, str) and kind.startswith("mcp_"):
        raise unsupported(f"{at}.type", "MCP items")
    raise one_of(f"{at}.type", ("message", "function_call", "function_call_output"))


def _message(raw: Mapping[str, object], at: str, make_id: Callable[[str], str]) -> Item:
    role = raw.get("role")
    if role is None:
        raise missing(f"{at}.role")
    if not isinstance(role, str) or role not in _MESSAGES:
        raise one_of(f"{at}.role", tuple(_MESSAGES))
    check(_MESSAGES[role], raw, at=at)
    parts = cast("Sequence[Mapping[str, object]]", raw["content"])
    return Item(
        id=_id(raw, at, make_id),
        type="message",
        status=_status(raw),
        role=cast("Role", role),
        content=tuple(_part(part, f"{at}.content[{index}]") for index, part in enumerate(parts)),
    )


def _part(raw: Mapping[str, object], at: str) -> Part:
    kind = raw.get("type")
    if kind is None:
        raise missing(f"{at}.type")
    if kind == "input_image":
        raise unsupported(f"{at}.type", "Images")
    if kind in ("input_text", "output_text"):
        text = raw.get("text")
        if text is None:
            raise missing(f"{at}.text")
        return Part(kind, cast("str", text))
    transcript = cast("str | None", raw.get("transcript"))
    if transcript is None and raw.get("audio"):
        raise invalid(f"{at}.audio", "audio goes into the input audio buffer; an item carries its transcript")
    return Part(cast("PartType", kind), transcript)


def _id(raw: Mapping[str, object], at: str, make_id: Callable[[str], str]) -> str:
    given = cast("str | None", raw.get("id"))
    if given is None:
        return make_id("item")
    if given == ROOT or not 0 < len(given) <= MAX_ID_LENGTH:
        raise invalid(f"{at}.id", f"an id has 1 to {MAX_ID_LENGTH} characters and is not '{ROOT}'")
    return given


def _status(raw: Mapping[str, object]) -> Status:
    return "incomplete" if raw.get("status") == "incomplete" else "completed"
