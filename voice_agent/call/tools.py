"""Tools of one call: those of the agent run here, those of the client are left to it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping, Sequence

from voice_agent.agents.base import Tool, ToolContext, ToolError
from voice_agent.engines.ports import ToolCall, ToolSpec
from voice_agent.realtime import agent_events
from voice_agent.realtime.conversation import Conversation
from voice_agent.realtime.ids import new_id
from voice_agent.realtime.items import Item
from voice_agent.realtime.server_events import Event
from voice_agent.records import NewTicket, TicketStore

log = logging.getLogger(__name__)

Result = Mapping[str, object]


class ToolDesk:
    """Runs the agent's tools, each under a deadline, and keeps their results in the history.

    A started tool runs to its end even if the reply that asked for it is interrupted: a ticket is never half made.
    """

    def __init__(
        self,
        tools: Sequence[Tool],
        *,
        call_id: str,
        tickets: TicketStore,
        conversation: Conversation,
        timeout_s: float,
        emit: Callable[[Event], None],
        ticket_prefix: str,
        ran: Callable[[], None],
    ) -> None:
        """`ran` is called when a tool's result has become part of the conversation."""
        self._tools = {tool.spec.name: tool for tool in tools}
        self._context = ToolContext(call_id, _AnnouncedTickets(tickets, emit, ticket_prefix), conversation.to_messages)
        self._conversation = conversation
        self._timeout_s = timeout_s
        self._ran = ran
        self._client_names: frozenset[str] = frozenset()
        self._tasks: set[asyncio.Task[Result]] = set()

    def offered(self, client_tools: Sequence[ToolSpec]) -> tuple[ToolSpec, ...]:
        """What the model may call. Where names collide, the client's tool is meant."""
        self._client_names = frozenset(tool.name for tool in client_tools)
        ours = [tool.spec for name, tool in self._tools.items() if name not in self._client_names]
        return (*client_tools, *ours)

    def start(self, call: ToolCall) -> asyncio.Task[Result] | None:
        """None: the client runs it."""
        if call.name in self._client_names:
            return None
        task = asyncio.create_task(self._run(call), name="tool")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def aclose(self) -> None:
        """Waits for what is under way; each tool has its own deadline."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, call: ToolCall) -> Result:
        result = await self._result(call)
        output = json.dumps(result, ensure_ascii=False)
        arguments = call.arguments or "{}"
        for item in (
            Item(
                new_id("item"),
                "function_call",
                name=call.name,
                call_id=call.call_id,
                arguments=arguments,
                internal=True,
            ),
            Item(new_id("item"), "function_call_output", call_id=call.call_id, output=output, internal=True),
        ):
            self._conversation.append(item)
        self._ran()
        return result

    async def _result(self, call: ToolCall) -> Result:
        tool = self._tools.get(call.name)
        if tool is None:
            return {"error": "There is no tool of this name."}
        try:
            arguments = json.loads(call.arguments or "{}")
        except ValueError:
            return {"error": "The arguments are not valid JSON."}
        if not isinstance(arguments, dict):
            return {"error": "The arguments must be a JSON object."}
        try:
            async with asyncio.timeout(self._timeout_s):
                return await tool.handler(arguments, self._context)
        except ToolError as error:
            return {"error": str(error)}
        except TimeoutError:
            log.warning("a tool took too long", extra={"tool": tool.spec.name})
            return {"error": "This took too long. Say that it did not work."}
        except Exception as error:
            log.error("a tool failed", extra={"tool": tool.spec.name, "error": type(error).__name__})
            return {"error": "This did not work. Say so, and offer another way."}


class _AnnouncedTickets:
    """Shows each new ticket to the client as well."""

    def __init__(self, tickets: TicketStore, emit: Callable[[Event], None], prefix: str) -> None:
        self._tickets = tickets
        self._emit = emit
        self._prefix = prefix

    async def create_ticket(self, call_id: str, ticket: NewTicket) -> int:
        number = await self._tickets.create_ticket(call_id, ticket)
        self._emit(agent_events.ticket(number, f"{self._prefix}{number}", ticket.summary, ticket.priority))
        return number
