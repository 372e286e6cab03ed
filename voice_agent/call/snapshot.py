"""A call between two connections: what the next one needs to go on with it. Text and numbers, never audio.

A snapshot is taken when a connection was lost, and lives in memory only; where it goes and for how long is the
business of whoever takes it. One can also be put together from stored turns, after the process that ran the call died.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from voice_agent.agents.base import Agent
from voice_agent.briefing import Briefing
from voice_agent.call.agent_session import agent_session
from voice_agent.realtime.ids import new_id
from voice_agent.realtime.items import Item, Part
from voice_agent.realtime.session_config import SessionConfig
from voice_agent.records import Save, Turn

_ITEM_BYTES = 500
"""Of an item without its text, and more than that: an upper bound for a limit on memory."""
_UNSEEN_TURNS = 1000
"""A process that died may have left turns in its outbox, which have numbers already: those are left free for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    call_id: str
    agent: str
    """The agent's name."""
    key_id: str | None
    started_at: datetime
    config: SessionConfig
    conversation_id: str
    items: tuple[Item, ...]
    turns: int
    """The number of the last turn."""
    greet: bool
    briefing: Briefing = field(default_factory=Briefing)
    """It is stored nowhere: a call put together from stored turns goes on without it."""
    save: Save = "ask"

    def __post_init__(self) -> None:
        """Nothing of it is still being made: an answer that broke off is incomplete."""
        settled = tuple(
            replace(item, status="incomplete") if item.status == "in_progress" else item for item in self.items
        )
        object.__setattr__(self, "items", settled)

    @property
    def size_bytes(self) -> int:
        """About how much memory it takes."""
        texts = (f"{item.text}{item.name}{item.arguments}{item.output}" for item in self.items)
        briefing = len(self.briefing.resume) + len(self.briefing.job_description)
        characters = len(self.config.instructions) + briefing + sum(map(len, texts))
        return 4 * characters + _ITEM_BYTES * (len(self.items) + 1)


def from_turns(
    agent: Agent, call_id: str, key_id: str, started_at: datetime, turns: Sequence[Turn], *, greet: bool
) -> Snapshot:
    """The call as it was stored: what was said, under the agent's own configuration.

    What is not stored is not there: the client's session, and what tools were asked and answered.
    """
    return Snapshot(
        call_id=call_id,
        agent=agent.name,
        key_id=key_id,
        started_at=started_at,
        config=agent_session(agent, None, captions=greet),
        conversation_id=new_id("conv"),
        items=tuple(_item(turn) for turn in turns if turn.heard),
        turns=max((turn.seq for turn in turns), default=0) + _UNSEEN_TURNS,
        greet=greet,
    )


def _item(turn: Turn) -> Item:
    spoken = turn.channel == "voice"
    if turn.role == "user":
        part = Part("input_audio" if spoken else "input_text", turn.heard)
    else:
        part = Part("output_audio" if spoken else "output_text", turn.heard)
    cut = turn.interrupted or turn.partial
    return Item(
        id=new_id("item"),
        type="message",
        status="incomplete" if cut else "completed",
        role=turn.role,
        content=(part,),
    )
