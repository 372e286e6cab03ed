"""Shows the caller's client what the agent has noted of them, whenever it changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from voice_agent.agents.form import Form
from voice_agent.engines.ports import Message
from voice_agent.realtime import agent_events
from voice_agent.realtime.conversation import Conversation
from voice_agent.realtime.server_events import Event


class Noted:
    """`read` is the agent's `form`; without one nothing is ever shown."""

    def __init__(
        self,
        read: Callable[[Sequence[Message]], Form] | None,
        conversation: Conversation,
        emit: Callable[[Event], None],
    ) -> None:
        self._read = read
        self._conversation = conversation
        self._emit = emit
        self._shown: Form = ()

    def show(self) -> None:
        """After a turn of the caller, or a tool: both may have changed it."""
        form = self._read(self._conversation.to_messages()) if self._read else ()
        if form != self._shown:
            self._shown = form
            self._emit(agent_events.form([(field.name, field.label, field.value, field.confirmed) for field in form]))
