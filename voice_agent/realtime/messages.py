"""Conversation items as messages for a language model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from voice_agent.engines.ports import Message, ToolCall
from voice_agent.realtime.items import Item


def messages_of(items: Sequence[Item]) -> list[Message]:
    """Items in order become messages in order, in the shape chat models insist on.

    Tool calls join the assistant's message right before them, and their results follow at once, wherever those stand
    among the items. Left out: calls still without a result, results without their call, messages without text (a
    transcript still to come), and what the assistant is still saying.
    """
    results = {item.call_id: item.output for item in items if item.type == "function_call_output"}
    messages: list[Message] = []
    calls: list[ToolCall] = []
    joins = False
    for item in items:
        if item.type == "function_call":
            if item.call_id in results:
                calls.append(ToolCall(item.call_id, item.name, item.arguments))
            continue
        if calls:
            _append_calls(messages, calls, results, joins=joins)
        joins = False
        if item.type == "message" and (text := _said(item)):
            messages.append(Message(item.role, text))
            joins = item.role == "assistant"
    if calls:
        _append_calls(messages, calls, results, joins=joins)
    return messages


def _said(item: Item) -> str:
    return "" if item.role == "assistant" and item.status == "in_progress" else item.text


def _append_calls(messages: list[Message], calls: list[ToolCall], results: dict[str, str], *, joins: bool) -> None:
    """Moves the calls gathered, and their results, to the messages. Each result is used once."""
    fresh = list({call.call_id: call for call in calls if call.call_id in results}.values())
    calls.clear()
    if not fresh:
        return
    if joins:
        messages[-1] = replace(messages[-1], tool_calls=tuple(fresh))
    else:
        messages.append(Message(role="assistant", text="", tool_calls=tuple(fresh)))
    messages.extend(Message(role="tool", text=results.pop(call.call_id), call_id=call.call_id) for call in fresh)
