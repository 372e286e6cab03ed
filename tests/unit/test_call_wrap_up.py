"""A whole call with somebody who talks for very long: asked to come to the end in a pause, heard out, then answered."""

from __future__ import annotations

from scripts import autojump
from tests.call_rig import Rig, agent
from voice_agent.agents.base import TurnProfile, WrapUp
from voice_agent.engines.ports import ReplyRequest

ENDLESS = "so at first I thought that it was the"


def test_a_long_talker_is_asked_to_come_to_the_end_and_answered_after_it() -> None:
    autojump.run(_long_talker())


async def _long_talker() -> None:
    wrap_up = WrapUp(after_s=3, pause_ms=800, text="Please come to the end.")
    interviewer = agent(greeting="Hello.", turns=TurnProfile(400, 5000, wrap_up=wrap_up))
    async with Rig(replies=["Thank you."], the_agent=interviewer, greet=True) as call:
        await call.wait(2)
        await call.says(ENDLESS, seconds=4)
        await call.wait(4)
        assert call.caller_heard == ["Hello.", "Please come to the end."]
        await call.says("it was the cable.")
        await call.wait(4)
        assert call.caller_heard[2:] == ["Thank you."]
        asked: ReplyRequest = call.model.requests[-1]
        assert [(message.role, message.text) for message in asked.messages] == [
            ("assistant", "Hello."),
            ("user", ENDLESS),
            ("assistant", "Please come to the end."),
            ("user", "it was the cable."),
        ]
