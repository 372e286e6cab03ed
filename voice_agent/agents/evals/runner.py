"""Plays one dialogue with an engine, tools included, and says where it did not go as it should."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from voice_agent.agents.base import Agent, ToolContext, ToolError
from voice_agent.agents.dialogue.grammar import fold
from voice_agent.agents.evals.checks import Limits, broken_rules
from voice_agent.agents.evals.dialogues import Dialogue, Pause, Turn
from voice_agent.agents.present import presence
from voice_agent.briefing import Briefing
from voice_agent.engines.ports import EngineError, LanguageModel, Message, ReplyRequest, TextDelta, ToolCall
from voice_agent.records import NewTicket
from voice_agent.settings import AgentSettings

_FIRST_TICKET = 1042


@dataclass(frozen=True, slots=True)
class Failure:
    turn: int
    """From 1; 0: the dialogue as a whole."""
    caller: str
    said: str
    reason: str


@dataclass(frozen=True, slots=True)
class Outcome:
    entry: Dialogue | Pause
    failures: tuple[Failure, ...]
    said: tuple[str, ...]
    """The agent's replies, one a turn."""

    @property
    def passed(self) -> bool:
        return not self.failures


@dataclass(slots=True)
class InMemoryTickets:
    """A `TicketStore` that can be made to fail."""

    stored: list[NewTicket] = field(default_factory=list)
    failing: bool = False

    async def create_ticket(self, call_id: str, ticket: NewTicket) -> int:
        if self.failing:
            raise ToolError("The ticket could not be saved.")
        self.stored.append(ticket)
        return _FIRST_TICKET + len(self.stored) - 1


@dataclass(frozen=True, slots=True)
class _Reply:
    """`before` and `after`: what is said before and after the first tool ran."""

    before: str
    after: str
    calls: tuple[ToolCall, ...]

    @property
    def text(self) -> str:
        return f"{self.before} {self.after}".strip()


async def play(
    dialogue: Dialogue,
    agent: Agent,
    model: LanguageModel,
    settings: AgentSettings,
    *,
    exact: bool,
    keep_assistant_text: bool = True,
) -> Outcome:
    """`exact`: the script's own words and calls are expected, turn by turn; else only what any engine must do.

    `keep_assistant_text` False leaves out of the history what the agent said, which must not matter to the script.
    An engine that fails or does not answer in time fails the turn, and ends the dialogue.
    """
    return await _Stage(dialogue, agent, model, settings, exact=exact, keep=keep_assistant_text).run()


def briefed(agent: Agent, briefing: Briefing | None) -> Agent:
    """The agent as it is for a caller who gave this before the call."""
    return agent.brief(briefing) if briefing and agent.brief else agent


def engine_failed(error: EngineError | TimeoutError) -> str:
    """The reason of a failure that is the engine's."""
    return f"the engine failed: {error.code if isinstance(error, EngineError) else 'no answer in time'}"


class _Stage:
    def __init__(
        self,
        dialogue: Dialogue,
        agent: Agent,
        model: LanguageModel,
        settings: AgentSettings,
        *,
        exact: bool,
        keep: bool,
    ) -> None:
        self._dialogue = dialogue
        self._agent = briefed(agent, dialogue.briefing)
        # The script belongs to the briefed agent: it may know more than the one that was asked for.
        self._model = self._agent.scripted if model is agent.scripted else model
        self._settings = settings
        self._present = presence(self._agent, settings)
        self._exact = exact
        self._keep = keep
        self._tools = {tool.spec.name: tool for tool in self._agent.tools}
        self._tickets = InMemoryTickets()
        self._messages: list[Message] = []
        self._context = ToolContext("eval", self._tickets, lambda: self._messages)
        self._calls: list[ToolCall] = []

    async def run(self) -> Outcome:
        failures: list[Failure] = []
        said: list[str] = []
        for number, turn in enumerate(self._dialogue.turns, 1):
            self._tickets.failing = turn.tool_fails
            self._messages.append(Message("user", turn.caller))
            now = self._present(self._messages)
            try:
                reply = await self._reply(now)
            except (EngineError, TimeoutError) as error:
                failures.append(Failure(number, turn.caller, "", engine_failed(error)))
                break
            said.append(reply.text)
            reasons = [*self._judge_turn(turn, reply), *_judge_present(turn, now)]
            if not self._exact:
                reasons += self._judge_rules(reply, now)
            failures += [Failure(number, turn.caller, reply.text, reason) for reason in reasons]
        else:
            failures += [Failure(0, "", "", reason) for reason in self._judge_whole()]
        return Outcome(self._dialogue, tuple(failures), tuple(said))

    async def _reply(self, now: Agent) -> _Reply:
        texts: list[str] = []
        calls: list[ToolCall] = []
        specs = [tool.spec for tool in self._agent.tools]
        for _ in range(self._settings.eval_tool_rounds + 1):
            text, called = await self._ask(ReplyRequest(tuple(self._messages), now.instructions, specs))
            texts.append(text)
            shown = text if self._keep else ""
            if not called:
                if shown:
                    self._messages.append(Message("assistant", shown))
                break
            calls += called
            self._messages.append(Message("assistant", shown, tuple(called)))
            self._messages += [await self._run(call) for call in called]
        self._calls += calls
        return _Reply(texts[0].strip(), " ".join(filter(None, map(str.strip, texts[1:]))), tuple(calls))

    async def _ask(self, request: ReplyRequest) -> tuple[str, list[ToolCall]]:
        text: list[str] = []
        calls: list[ToolCall] = []
        async with asyncio.timeout(self._settings.eval_reply_timeout_s):
            async for event in self._model.reply(request):
                if isinstance(event, TextDelta):
                    text.append(event.text)
                elif isinstance(event, ToolCall):
                    calls.append(event)
        return "".join(text), calls

    async def _run(self, call: ToolCall) -> Message:
        tool = self._tools.get(call.name)
        result: Mapping[str, object]
        try:
            arguments = json.loads(call.arguments or "{}")
            if tool is None or not isinstance(arguments, dict):
                raise ToolError("There is no such tool." if tool is None else "The arguments must be a JSON object.")
            result = await tool.handler(arguments, self._context)
        except ToolError as error:
            result = {"error": str(error)}
        except ValueError:
            result = {"error": "The arguments are not valid JSON."}
        return Message("tool", json.dumps(result, ensure_ascii=False), call_id=call.call_id)

    # --- what must be true ------------------------------------------------------------------------------------------

    def _judge_turn(self, turn: Turn, reply: _Reply) -> Iterator[str]:
        if not _found(turn.means, reply.text):
            yield f"does not say {turn.means!r}"
        if turn.never_says and _found(turn.never_says, reply.text):
            yield f"says {turn.never_says!r}"
        if not self._exact:
            return
        if not _found(turn.says, reply.before):
            yield f"does not say {turn.says!r}"
        names = [call.name for call in reply.calls]
        if names != ([turn.calls] if turn.calls else []):
            yield f"calls {names or 'no tool'}, not {turn.calls or 'none'}"
        elif turn.calls:
            arguments = _arguments(reply.calls[0])
            wrong = {
                name: arguments.get(name) for name, value in turn.arguments.items() if arguments.get(name) != value
            }
            if wrong:
                yield f"calls {turn.calls} with {wrong}"
            if not _found(turn.then, reply.after):
                yield f"does not say {turn.then!r} after the tool"

    def _judge_rules(self, reply: _Reply, now: Agent) -> Iterator[str]:
        own = self._settings
        limits = Limits(own.eval_sentences, own.eval_questions, own.eval_words)
        return broken_rules(reply.text, language=now.language, instructions=now.instructions, limits=limits)

    def _judge_whole(self) -> Iterator[str]:
        tickets = self._dialogue.tickets
        if tickets is not None:
            yield from _judge_tickets(self._tickets.stored, tickets)
        if self._exact:
            return
        expected = [turn for turn in self._dialogue.turns if turn.calls]
        for turn in expected:
            if not any(_fits(call, turn) for call in self._calls):
                asked = f" with {turn.arguments}" if turn.arguments else ""
                yield f"never calls {turn.calls}{asked}"
        allowed = {turn.calls for turn in expected}
        for name in dict.fromkeys(call.name for call in self._calls):
            if name not in self._tools:
                yield f"calls {name}, which it does not have"
            elif self._tools[name].writes and name not in allowed:
                yield f"calls {name}, which nothing called for"


def _judge_present(turn: Turn, now: Agent) -> Iterator[str]:
    if turn.speed is not None and abs(now.speed - turn.speed) > 0.005:
        yield f"speaks at {now.speed}, not {turn.speed}"
    if turn.language and now.language != turn.language:
        yield f"is set to speak {now.language}, not {turn.language}"


def _judge_tickets(stored: Sequence[NewTicket], wanted: Sequence[Mapping[str, object]]) -> Iterator[str]:
    if len(stored) != len(wanted):
        yield f"creates {len(stored)} tickets, not {len(wanted)}"
        return
    for ticket, fields in zip(stored, wanted, strict=True):
        wrong = {name: getattr(ticket, name) for name, value in fields.items() if getattr(ticket, name) != value}
        if wrong:
            yield f"creates a ticket with {wrong}"


def _fits(call: ToolCall, turn: Turn) -> bool:
    """The tool with these arguments; texts may differ in case and punctuation."""
    arguments = _arguments(call)
    return call.name == turn.calls and all(
        fold(str(arguments.get(name))) == fold(str(value)) for name, value in turn.arguments.items()
    )


def _arguments(call: ToolCall) -> Mapping[str, object]:
    try:
        value = json.loads(call.arguments or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _found(pattern: str, text: str) -> bool:
    return re.search(pattern, text, re.IGNORECASE | re.DOTALL) is not None
