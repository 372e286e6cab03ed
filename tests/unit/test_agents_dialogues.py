"""Runs the scripted dialogues of voice_agent/agents/evals through the language model port, tools included."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

import voice_agent.agents
from voice_agent.agents.base import Agent, ToolContext, ToolError
from voice_agent.agents.catalog import load_agents
from voice_agent.engines.ports import Finished, Message, ReplyRequest, TextDelta, ToolCall, Usage
from voice_agent.records import NewTicket
from voice_agent.settings import Settings

FOLDER = Path(voice_agent.agents.__file__).parent / "evals"
AGENTS = load_agents(Settings())
DIALOGUES: list[dict[str, Any]] = [
    dialogue for file in sorted(FOLDER.glob("*.yaml")) for dialogue in yaml.safe_load(file.read_text("utf-8"))
]
NAMES = [f"{dialogue['agent']}: {dialogue['name']}" for dialogue in DIALOGUES]


@dataclass
class InMemoryTickets:
    stored: list[NewTicket] = field(default_factory=list)
    failing: bool = False

    async def create_ticket(self, call_id: str, ticket: NewTicket) -> int:
        if self.failing:
            raise ToolError("the store is down")
        self.stored.append(ticket)
        return 1041 + len(self.stored)


async def ask(agent: Agent, messages: list[Message]) -> tuple[str, ToolCall | None]:
    text, call, kinds = "", None, []
    request = ReplyRequest(messages, agent.instructions, [tool.spec for tool in agent.tools])
    async for event in agent.scripted.reply(request):
        kinds.append(type(event))
        if isinstance(event, TextDelta):
            text += event.text
        elif isinstance(event, ToolCall):
            call = event
    assert kinds[-2:] == [Usage, Finished]
    return text, call


async def run_tool(agent: Agent, call: ToolCall, context: ToolContext) -> Message:
    tool = next(tool for tool in agent.tools if tool.spec.name == call.name)
    try:
        result = await tool.handler(json.loads(call.arguments), context)
    except ToolError as error:
        result = {"error": str(error)}
    return Message("tool", json.dumps(result), call_id=call.call_id)


def matches(pattern: str, text: str) -> bool:
    return re.search(pattern, text, re.IGNORECASE | re.DOTALL) is not None


async def talk(dialogue: dict[str, Any], *, keep_assistant_text: bool) -> list[str]:
    agent = AGENTS[dialogue["agent"]]
    tickets = InMemoryTickets()
    context = ToolContext("call-1", tickets)
    messages: list[Message] = []
    said: list[str] = []
    for turn in dialogue["turns"]:
        messages.append(Message("user", turn["caller"]))
        text, call = await ask(agent, messages)
        said.append(text)
        where = f"after {turn['caller']!r}: {text!r}"
        assert matches(turn.get("says", ""), text), where
        assert "never_says" not in turn or not matches(turn["never_says"], text), where
        assert (call.name if call else None) == turn.get("calls"), where
        if call is None:
            if keep_assistant_text:
                messages.append(Message("assistant", text))
            continue
        arguments = json.loads(call.arguments)
        for name, value in turn.get("with", {}).items():
            assert arguments[name] == value, where
        tickets.failing = turn.get("tool_fails", False)
        messages.append(Message("assistant", text if keep_assistant_text else "", (call,)))
        messages.append(await run_tool(agent, call, context))
        text, call = await ask(agent, messages)
        said.append(text)
        assert call is None
        assert matches(turn["then"], text), f"after the tool: {text!r}"
    expected = dialogue.get("tickets")
    if expected is not None:
        assert len(tickets.stored) == len(expected)
        for ticket, wanted in zip(tickets.stored, expected, strict=True):
            assert {name: getattr(ticket, name) for name in wanted} == wanted
    return said


@pytest.mark.parametrize("dialogue", DIALOGUES, ids=NAMES)
async def test_the_dialogue_goes_as_written(dialogue: dict[str, Any]) -> None:
    await talk(dialogue, keep_assistant_text=True)


@pytest.mark.parametrize("dialogue", DIALOGUES, ids=NAMES)
async def test_what_the_assistant_said_changes_nothing(dialogue: dict[str, Any]) -> None:
    with_text = await talk(dialogue, keep_assistant_text=True)
    assert await talk(dialogue, keep_assistant_text=False) == with_text


@pytest.mark.parametrize("dialogue", DIALOGUES, ids=NAMES)
async def test_everything_said_is_plain_and_short_enough_to_be_spoken(dialogue: dict[str, Any]) -> None:
    for text in await talk(dialogue, keep_assistant_text=True):
        assert text
        assert not re.search(r"[*_#`<>{}\[\]|]|https?:|\n|  ", text), text
        assert text.count("?") <= 2, text
        assert len(text.split()) <= 75, text


def test_there_are_enough_dialogues_and_every_third_is_messy() -> None:
    assert len(DIALOGUES) >= 24
    assert sum(bool(dialogue.get("messy")) for dialogue in DIALOGUES) * 3 >= len(DIALOGUES)
