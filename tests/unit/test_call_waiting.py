"""Whole calls with a language model that may take the caller for unfinished, on a jumping clock."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from scripts.stub_engines import Script, answering
from tests.call_rig import PHRASES, Rig, in_a_call
from voice_agent.agents.unfinished import RULE
from voice_agent.engines.ports import EngineError, Finished, ReplyEvent, ReplyRequest, TextDelta, Usage
from voice_agent.settings import TurnSettings


def waiting(unfinished: str, *, first_token_s: float = 0.1) -> Script:
    """A model that takes callers who have said this for unfinished, where it may."""

    def script(request: ReplyRequest) -> Sequence[ReplyEvent | float | EngineError]:
        waits = request.messages[-1].text == unfinished and request.instructions.endswith(RULE)
        steps: Sequence[ReplyEvent] = (
            [TextDelta(" ."), TextDelta(".."), Finished("stop")]
            if waits
            else [TextDelta("All right."), Usage(40, 3), Finished("stop")]
        )
        return [first_token_s, *steps]

    return script


@in_a_call
async def test_a_model_that_takes_the_caller_for_unfinished_is_not_heard_and_they_are_waited_for() -> None:
    async with Rig(waiting("my printer is offline")) as call:
        await call.wait(0.5)
        await call.says("my printer is offline")
        await call.wait(0.8)
        await call.says("since this morning.")
        await call.until("output_audio_buffer.stopped")
    assert call.caller_said == ["my printer is offline since this morning."]
    assert call.caller_heard == ["All right."]
    assert call.kinds().count("response.created") == 1
    assert call.recorder.turns[-1].metrics.wasted_tokens > 0
    assert not call.session.machine.patience.thrifty


@in_a_call
async def test_a_caller_who_says_nothing_more_is_answered_though_the_model_took_them_for_unfinished() -> None:
    async with Rig(waiting("my printer is offline")) as call:
        await call.wait(0.5)
        await call.says("my printer is offline")
        await call.until("output_audio_buffer.stopped")
    assert call.caller_heard == ["All right."]
    assert [request.instructions.endswith(RULE) for request in call.model.requests] == [True, False]


@in_a_call
async def test_a_model_that_judges_too_late_is_asked_again_and_has_to_answer() -> None:
    async with Rig(waiting("my printer is offline", first_token_s=1.5)) as call:
        await call.wait(0.5)
        await call.says("my printer is offline")
        await call.until("output_audio_buffer.stopped")
    assert call.caller_heard == ["Let me think. All right."]
    assert call.kinds().count("response.created") == 1


@in_a_call
async def test_a_slow_model_is_covered_as_early_as_where_it_has_no_say() -> None:
    began: list[float] = []
    for asks in (False, True):
        settings = TurnSettings(_env_file=None, ask_model=asks)
        async with Rig(answering("At last.", first_token_s=4.0), turns=settings) as call:
            await call.wait(0.5)
            await call.says("my printer is offline")
            spoken = asyncio.get_running_loop().time()
            await call.until("output_audio_buffer.started")
            began.append(asyncio.get_running_loop().time() - spoken)
            await call.until("output_audio_buffer.stopped")
        assert call.caller_heard == [PHRASES["filler"] + " At last."]
    assert began[1] == pytest.approx(began[0], abs=0.05)


@in_a_call
async def test_the_turn_of_a_model_that_fails_is_held_open_no_longer() -> None:
    done: list[float] = []

    def down(_: ReplyRequest) -> Sequence[ReplyEvent | float | EngineError]:
        return [0.2, EngineError("down", code="500", retryable=False)]

    for asks in (False, True):
        settings = TurnSettings(_env_file=None, ask_model=asks)
        async with Rig(down, turns=settings) as call:
            await call.wait(0.5)
            await call.says("my printer is offline")
            spoken = asyncio.get_running_loop().time()
            await call.until("output_audio_buffer.started")
            done.append(asyncio.get_running_loop().time() - spoken)
            await call.until("output_audio_buffer.stopped")
        assert call.caller_heard == [PHRASES["apology"]]
    assert done[1] == pytest.approx(done[0], abs=0.05)


@in_a_call
async def test_who_asks_for_a_fixed_silence_or_quick_answers_gets_no_model_that_may_wait() -> None:
    for detection in ({"type": "server_vad"}, {"type": "semantic_vad", "eagerness": "high"}):
        session = {"type": "realtime", "audio": {"input": {"turn_detection": detection}}}
        async with Rig(session=session) as call:
            await call.wait(0.5)
            await call.says("my printer is offline")
            await call.until("output_audio_buffer.stopped")
        assert call.model.requests
        assert not any(request.instructions.endswith(RULE) for request in call.model.requests)
