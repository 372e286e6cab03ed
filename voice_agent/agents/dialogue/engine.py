"""A language model that is a script: it replays the caller's messages and answers the last one.

Nothing is kept between two calls of `reply`. The state of the conversation is computed anew from the history each
time, and only from what the caller said and what tools returned. So it can take over from another model in
mid-call, and a reply whose turn is thrown away leaves no trace.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from voice_agent.engines.ports import Finished, Message, ReplyEvent, ReplyRequest, TextDelta, ToolCall, Usage

SCRIPTED_CALL = "call_scripted_"
"""How the ids of a script's calls begin: by that a conversation tells later who led it."""


@dataclass(frozen=True, slots=True)
class Call:
    """A tool to be run before the conversation goes on."""

    name: str
    arguments: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said next, and perhaps a tool that is called then."""

    text: str
    call: Call | None = None


class Script(Protocol):
    """One conversation while it is replayed. Deterministic: the same calls give the same answers."""

    def greeting(self) -> Answer: ...

    def hear(self, text: str) -> Answer:
        """The caller said something."""
        ...

    def tool_result(self, name: str, result: Mapping[str, object]) -> Answer | None:
        """A tool returned (`error` holds a failure). None: it does not change what is to be said."""
        ...


class ScriptedModel:
    """The `LanguageModel` port over scripts. `start` makes a fresh script for one replay.

    `asides`: what the server says without ending the caller's turn, such as "please come to the end". What the caller
    says before and after one is one turn.
    """

    def __init__(self, start: Callable[[], Script], *, asides: Sequence[str] = ()) -> None:
        self.name = "scripted"
        self._start = start
        self._asides = tuple(asides)

    async def reply(self, request: ReplyRequest) -> AsyncGenerator[ReplyEvent, None]:
        answer = self.answer(request.messages)
        call = answer.call
        if call and (request.tool_choice == "none" or call.name not in {tool.name for tool in request.tools}):
            script = self._start()
            replay(script, joined(request.messages, self._asides))
            answer = script.tool_result(call.name, {"error": "not available"}) or answer
            call = None
        words = answer.text.split()
        limit = request.max_output_tokens
        cut = limit is not None and len(words) > limit
        for index, word in enumerate(words[:limit] if cut else words):
            yield TextDelta(word if index == 0 else f" {word}")
        if call and not cut:
            yield ToolCall(f"{SCRIPTED_CALL}{len(request.messages)}", call.name, json.dumps(dict(call.arguments)))
        yield Usage(0, 0)
        yield Finished("length" if cut else "tool_calls" if call else "stop")

    def answer(self, messages: Sequence[Message]) -> Answer:
        """The answer to a history; to an empty one, the greeting."""
        return replay(self._start(), joined(messages, self._asides))

    async def aclose(self) -> None:
        """Holds nothing."""


def replay(script: Script, messages: Iterable[Message]) -> Answer:
    """Leads a fresh script through a history, and returns what it says last; to an empty one, the greeting."""
    answer = script.greeting()
    names: dict[str, str] = {}
    for message in messages:
        names.update((call.call_id, call.name) for call in message.tool_calls)
        if message.role == "user" and message.text.strip():
            answer = script.hear(message.text)
        elif message.role == "tool":
            answer = script.tool_result(names.get(message.call_id, ""), _result(message.text)) or answer
    return answer


def joined(messages: Sequence[Message], asides: Sequence[str]) -> Iterator[Message]:
    """The messages, with the caller's turns before and after an aside made one. An aside may have been cut short."""
    turn: Message | None = None
    held = False
    for message in messages:
        if turn and message.role == "user" and held:
            turn = Message("user", f"{turn.text} {message.text}")
        elif turn and message.role == "assistant" and _is_aside(message, asides):
            held = True
            continue
        else:
            if turn:
                yield turn
            turn = message if message.role == "user" else None
            if turn is None:
                yield message
        held = False
    if turn:
        yield turn


def _is_aside(message: Message, asides: Sequence[str]) -> bool:
    return bool(message.text) and not message.tool_calls and any(aside.startswith(message.text) for aside in asides)


def _result(text: str) -> Mapping[str, object]:
    try:
        value = json.loads(text)
    except ValueError:
        return {"error": "unreadable"}
    return value if isinstance(value, dict) else {"error": "unreadable"}
