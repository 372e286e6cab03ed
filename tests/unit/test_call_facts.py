"""What a call leaves behind for its report, and what becomes of its text."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from scripts import autojump
from tests.call_rig import Rig, agent
from voice_agent.agents.base import Tool, ToolContext
from voice_agent.briefing import Briefing
from voice_agent.call.snapshot import from_turns
from voice_agent.engines.ports import Finished, Message, ReplyEvent, ReplyRequest, TextDelta, ToolCall, ToolSpec
from voice_agent.facts import CallFacts, HelpdeskFacts
from voice_agent.records import Save

seen: list[Message] = []


def facts(messages: Sequence[Message]) -> CallFacts | None:
    seen[:] = messages
    return HelpdeskFacts(problem=next(message.text for message in messages if message.role == "user"))


def test_the_agents_facts_are_recorded_with_the_end_and_tools_are_among_its_messages() -> None:
    async def look_up(_arguments: object, _context: ToolContext) -> dict[str, object]:
        return {"found": 3}

    def script(request: ReplyRequest) -> Sequence[ReplyEvent]:
        if any(message.role == "tool" for message in request.messages):
            return [TextDelta("Three."), Finished("stop")]
        return [ToolCall("call_1", "look_up", "{}"), Finished("tool_calls")]

    async def call() -> None:
        tool = Tool(ToolSpec("look_up", "Looks it up.", {"type": "object", "properties": {}}), look_up)
        async with Rig(script, the_agent=agent(facts=facts, tools=(tool,), language="de"), save="ask") as rig:
            rig.types("my printer is offline")
            await rig.until("response.done")
            await rig.until("output_audio_buffer.stopped")
        assert rig.recorder.ended[-1].facts == HelpdeskFacts(problem="my printer is offline")
        assert '{"found": 3}' in [message.text for message in seen if message.role == "tool"]
        started = rig.recorder.started[-1]
        assert (started.saved, started.language, started.key_id) == (False, "de", "key_1")

    autojump.run(call())


@pytest.mark.parametrize(
    ("save", "key_id", "saved"), [("auto", "key_1", True), ("ask", "key_1", False), ("never", None, False)]
)
def test_a_call_says_at_its_start_what_becomes_of_its_text(save: Save, key_id: str | None, saved: bool) -> None:
    async def call() -> None:
        async with Rig(save=save) as rig:
            pass
        started = rig.recorder.started[-1]
        assert (started.key_id, started.saved) == (key_id, saved)

    autojump.run(call())


def test_facts_are_told_by_the_agent_that_followed_the_call() -> None:
    async def call() -> None:
        async with Rig(the_agent=agent(following=lambda: agent(facts=facts))) as rig:
            rig.types("my printer is offline")
            await rig.until("response.done")
        assert rig.recorder.ended[-1].facts == HelpdeskFacts(problem="my printer is offline")

    autojump.run(call())


def test_facts_that_fail_cost_nothing_but_themselves() -> None:
    def broken(_messages: Sequence[Message]) -> CallFacts | None:
        raise LookupError("my printer")

    async def call() -> None:
        async with Rig(the_agent=agent(facts=broken)) as rig:
            rig.types("my printer is offline")
            await rig.until("response.done")
        assert rig.reason == "hangup"
        assert rig.recorder.ended[-1].facts is None

    autojump.run(call())


def test_a_lost_call_goes_on_with_its_briefing_but_not_from_storage() -> None:
    async def call() -> None:
        briefing = Briefing(role="nurse", resume="x" * 1000)
        async with Rig(briefing=briefing, save="ask") as rig:
            snapshot = rig.session.snapshot()
        assert (snapshot.briefing, snapshot.save) == (briefing, "ask")
        started = rig.recorder.started[-1]
        stored = from_turns(agent(), "c", "key_1", started.started_at, (), greet=False)
        assert stored.briefing == Briefing()
        assert snapshot.size_bytes >= stored.size_bytes + 4 * len(briefing.resume)

    autojump.run(call())


def test_the_briefing_is_refused_once_the_call_has_begun() -> None:
    async def call() -> None:
        async with Rig() as rig:
            rig.send("session.update", session={"type": "realtime", "agent": {"role": "nurse"}})
            error = await rig.until("error")
        assert error["error"]["param"] == "session.agent"

    autojump.run(call())
