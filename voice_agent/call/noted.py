"""Shows the caller's client what the agent has noted of them, whenever it changes."""

from __future__ import annotations

from collections.abc import Callable

from voice_agent.agents.form import Form, FormReader
from voice_agent.realtime import agent_events
from voice_agent.realtime.conversation import Conversation
from voice_agent.realtime.server_events import Event


class Noted:
    """`read` is of the agent's `form`; without it nothing is ever shown."""

    def __init__(self, read: FormReader | None, conversation: Conversation, emit: Callable[[Event], None]) -> None:
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
