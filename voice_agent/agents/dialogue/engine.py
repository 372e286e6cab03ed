"""A language model that is a script: it replays the caller's messages and answers the last one.

Nothing is kept between two calls of `reply`. The state of the conversation is computed anew from the history each
time, and only from what the caller said and what tools returned. So it can take over from another model in
mid-call, and a reply whose turn is thrown away leaves no trace. What follows one call from turn to turn, such as the
form that the helpdesk shows, keeps a `Dialogue`, which comes to the same without hearing everything again.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

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
    """The `LanguageModel` port over scripts. `start` makes a fresh script, for one replay.

    `asides`: what the server says without ending the caller's turn, such as "please come to the end". What the caller
    says before and after one is one turn.
    """

    def __init__(self, start: Callable[[], Script], *, asides: Sequence[str] = ()) -> None:
        self.name = "scripted"
        self.start = start
        self._asides = tuple(asides)

    async def reply(self, request: ReplyRequest) -> AsyncGenerator[ReplyEvent, None]:
        dialogue = Dialogue(self.start)
        answer = dialogue.lead(joined(request.messages, self._asides))
        call = answer.call
        if call and (request.tool_choice == "none" or call.name not in {tool.name for tool in request.tools}):
            answer = dialogue.script.tool_result(call.name, {"error": "not available"}) or answer
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
        return Dialogue(self.start).lead(joined(messages, self._asides))

    async def aclose(self) -> None:
        """Holds nothing."""


_Heard = tuple[str, str | None]
"""What a script hears: words and None, or the result and the name of a tool."""
S = TypeVar("S", bound=Script)


class Dialogue(Generic[S]):
    """A script led through the history of one call, again and again while that grows.

    It always comes to what a fresh script would come to, but hears only what is new: a turn costs the same however long
    the call is. Where a history differs from the one before in what was heard already, a fresh script hears all of it.
    """

    def __init__(self, start: Callable[[], S]) -> None:
        """`start` makes a fresh script."""
        self._start = start
        self._begin()

    def _begin(self) -> None:
        self.script = self._start()
        """As the last history left it."""
        self._heard: list[_Heard] = []
        self._answers = [self.script.greeting()]
        """What it says after each beginning of `_heard`."""

    def lead(self, messages: Iterable[Message]) -> Answer:
        """Leads the script through a history, and returns what it says last; to an empty one, the greeting."""
        history = list(_heard_in(messages))
        if history[: len(self._heard)] != self._heard:
            self._begin()
        for said, tool in history[len(self._heard) :]:
            answer = self.script.hear(said) if tool is None else self.script.tool_result(tool, _result(said))
            self._heard.append((said, tool))
            self._answers.append(answer or self._answers[-1])
        return self._answers[-1]

    def said_after(self, messages: Iterable[Message]) -> Answer:
        """What the script said after the beginning of the history that it was led through last."""
        return self._answers[sum(1 for _ in _heard_in(messages))]


def _heard_in(messages: Iterable[Message]) -> Iterator[_Heard]:
    names: dict[str, str] = {}
    for message in messages:
        for call in message.tool_calls:
            names[call.call_id] = call.name
        if message.role == "user" and message.text.strip():
            yield message.text, None
        elif message.role == "tool":
            yield message.text, names.get(message.call_id, "")


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
