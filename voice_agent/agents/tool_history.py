"""Reads out of a conversation which tools ran in it, with what arguments and results."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from voice_agent.engines.ports import Message, ToolCall


@dataclass(frozen=True, slots=True)
class ToolUse:
    """One call of a tool that has its result. `position`: of the result among the messages."""

    call: ToolCall
    arguments: Mapping[str, object]
    result: Mapping[str, object]
    position: int

    @property
    def name(self) -> str:
        return self.call.name

    @property
    def failed(self) -> bool:
        return "error" in self.result


def tool_uses(messages: Sequence[Message]) -> list[ToolUse]:
    """All of them in order. What is no JSON object counts as empty arguments, and as a failure."""
    calls: dict[str, ToolCall] = {}
    uses: list[ToolUse] = []
    for position, message in enumerate(messages):
        calls.update((call.call_id, call) for call in message.tool_calls)
        call = calls.pop(message.call_id, None) if message.role == "tool" else None
        if call:
            result = _object(message.text)
            result = {"error": "unreadable"} if result is None else result
            uses.append(ToolUse(call, _object(call.arguments) or {}, result, position))
    return uses


def _object(text: str) -> Mapping[str, object] | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
