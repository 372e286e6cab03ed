"""Language model over `POST /chat/completions`, streamed.

Servers differ in the parameters they take. One that refuses a request because of a parameter we can do without is
asked again without it, and the adapter remembers.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Literal, cast

from aiohttp import ClientResponse

from voice_agent.engines.openai.client import Client
from voice_agent.engines.openai.errors import UnsupportedParameterError, cut_short, malformed, translated
from voice_agent.engines.ports import (
    EngineError,
    Finished,
    Message,
    ReplyEvent,
    ReplyRequest,
    TextDelta,
    ToolCall,
    Usage,
)

_OPTIONAL = ("stream_options", "temperature", "max_completion_tokens")
"""Parameters that some servers refuse. Reasoning models take no temperature; older servers know only `max_tokens`."""

FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]
_FINISH: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}


class OpenAIChat:
    name = "openai"

    def __init__(self, client: Client, model: str, temperature: float) -> None:
        self._client = client
        self._model = model
        self._temperature = temperature
        self._refused: set[str] = set()

    async def reply(self, request: ReplyRequest) -> AsyncGenerator[ReplyEvent, None]:
        """Streams one reply: text as it comes, whole tool calls when the model has ended, Finished, then Usage where
        the server tells it. A model's refusal ends as "content_filter", its wording left out. Raises EngineError.
        """
        response = await self._begin(request)
        answer = _Answer()
        with translated(started=True):
            async with response, aclosing(self._client.events(response)) as chunks:
                async for chunk in chunks:
                    for event in answer.feed(chunk):
                        yield event
        if not answer.finished:
            raise cut_short()

    async def aclose(self) -> None:
        """Nothing of its own: the client is shared."""

    async def _begin(self, request: ReplyRequest) -> ClientResponse:
        while True:
            parameters = self._parameters(request)
            try:
                with translated(adaptable=tuple(name for name in _OPTIONAL if name in parameters)):
                    return await self._client.post("/chat/completions", parameters)
            except UnsupportedParameterError as exc:
                self._refused.add(exc.name)

    def _parameters(self, request: ReplyRequest) -> dict[str, Any]:
        parameters: dict[str, Any] = {"model": self._model, "messages": _messages(request), "stream": True}
        if "stream_options" not in self._refused:
            parameters["stream_options"] = {"include_usage": True}
        if "temperature" not in self._refused:
            parameters["temperature"] = self._temperature
        if request.max_output_tokens is not None:
            modern = "max_completion_tokens" not in self._refused
            parameters["max_completion_tokens" if modern else "max_tokens"] = request.max_output_tokens
        if request.tools:
            parameters["tools"] = [
                {
                    "type": "function",
                    "function": {
                        "name": tool.name,
                        "description": tool.description,
                        "parameters": dict(tool.parameters) or {"type": "object", "properties": {}},
                    },
                }
                for tool in request.tools
            ]
            choice = request.tool_choice
            parameters["tool_choice"] = (
                choice if choice in ("auto", "none", "required") else {"type": "function", "function": {"name": choice}}
            )
        return parameters


def _messages(request: ReplyRequest) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    if request.instructions:
        messages.append({"role": "system", "content": request.instructions})
    messages.extend(_message(message) for message in request.messages)
    return messages


def _message(message: Message) -> dict[str, Any]:
    if message.role == "tool":
        return {"role": "tool", "tool_call_id": message.call_id, "content": message.text}
    if message.tool_calls:
        calls = [
            {"id": call.call_id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
        return {"role": message.role, "content": message.text or None, "tool_calls": calls}
    return {"role": message.role, "content": message.text}


@dataclass(slots=True)
class _PartialCall:
    call_id: str
    name: str
    arguments: str


class _Answer:
    """Chunks of one completion -> events. Knows nothing of the connection."""

    def __init__(self) -> None:
        self.finished = False
        self._calls: list[_PartialCall] = []
        self._places: dict[int, _PartialCall] = {}
        self._refused = False

    def feed(self, chunk: object) -> list[ReplyEvent]:
        """`chunk`: parsed JSON. Raises EngineError("malformed") for what no completion chunk can be."""
        try:
            return self._events(cast(Any, chunk))
        except EngineError:
            raise
        except (AttributeError, TypeError, ValueError, KeyError):
            raise malformed("not a completion chunk") from None

    def _events(self, chunk: dict[str, Any]) -> list[ReplyEvent]:
        events: list[ReplyEvent] = []
        for choice in (chunk.get("choices") or [])[:1]:
            delta = choice.get("delta")
            if delta is not None:
                if delta.get("content"):
                    events.append(TextDelta(_text(delta["content"])))
                self._refused = self._refused or bool(delta.get("refusal"))
                for piece in delta.get("tool_calls") or []:
                    self._add(piece)
            if choice.get("finish_reason") and not self.finished:
                events.extend(self._finish(choice["finish_reason"]))
        usage = chunk.get("usage")
        if usage is not None:
            events.append(Usage(int(usage["prompt_tokens"]), int(usage["completion_tokens"])))
        return events

    def _add(self, piece: dict[str, Any]) -> None:
        """Tool calls come in pieces that belong together by index; some servers give each call index 0 or none at
        all, and tell them apart by id only."""
        index, call_id = piece.get("index"), piece.get("id")
        if index is None:
            index = max(len(self._calls) - (not call_id), 0)
        call = self._places.get(index)
        if call is None or (call_id and call.call_id and call_id != call.call_id):
            call = _PartialCall("", "", "")
            self._places[index] = call
            self._calls.append(call)
        call.call_id = call.call_id or _text(call_id or "")
        function = piece.get("function")
        if function is not None:
            call.name = call.name or _text(function.get("name") or "")
            call.arguments += _text(function.get("arguments") or "")

    def _finish(self, reason: str) -> list[ReplyEvent]:
        self.finished = True
        if self._refused or reason == "content_filter":
            return [Finished("content_filter")]
        if any(not call.name for call in self._calls):
            raise malformed("a tool call without a name")
        if reason == "length" and self._calls:
            # Arguments cut by the token limit are not what the model meant to ask for.
            return [Finished("length")]
        events: list[ReplyEvent] = [
            ToolCall(call.call_id or f"call_{uuid.uuid4().hex[:24]}", call.name, call.arguments or "{}")
            for call in self._calls
        ]
        return [*events, Finished("tool_calls" if self._calls else _FINISH.get(reason, "stop"))]


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise malformed("text expected")
    return value
